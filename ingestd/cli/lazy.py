"""Commands whose modules are imported when they are first asked for: a program starts with what it is told to do."""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

Command = TyperCommand | TyperGroup


class LazyCommands(Mapping[str, Command]):
    """Commands by name, in the order given.

    Args:
        places: for each name the module and, behind a colon, what is there: a function, or the application of a group.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._commands: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._commands:
            module, _, attribute = self._places[name].partition(":")
            self._commands[name] = _command(name, getattr(importlib.import_module(module), attribute))
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def lazy_group(places: Mapping[str, str]) -> type[TyperGroup]:
    """The class of a group of such commands. Names are known without an import: to complete, or to mend, a word."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            # Nothing is added here that is not in `places`.
            self.commands = cast(MutableMapping[str, Any], LazyCommands(places))

        def list_commands(self, ctx: Any) -> list[str]:
            return list(places)

    return LazyGroup


def _command(name: str, found: Any) -> Command:
    """What typer itself makes of a function or an application under this name."""
    holder = typer.Typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    command = get_group(holder).commands[name]
    assert isinstance(command, Command)
    return command
