"""What the code has, as far as documents speak of it: codes, commands, keys with defaults, acts."""

import ast
import functools
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, get_args

import typer.main
from pydantic import BaseModel

from ingestd.cli.app import app
from ingestd.core.access_acts import VIEWED
from ingestd.core.device_acts import DEVICE_ACTS, UNREADABLE
from ingestd.core.disposal_acts import CONDEMNED, DISPOSED
from ingestd.core.findings import REGISTER

PROJECT = Path(__file__).resolve().parents[2]


def python_files() -> Iterator[Path]:
    """Every source file of the package."""
    yield from (PROJECT / "ingestd").rglob("*.py")


@functools.cache
def _nodes(file: Path) -> tuple[ast.Call | ast.Constant, ...]:
    """What facts are read from; the code does not change while tests run."""
    walked = ast.walk(ast.parse(file.read_text("utf-8")))
    return tuple(node for node in walked if isinstance(node, ast.Call | ast.Constant))


def raised_codes() -> set[str]:
    """Codes that stand as literals where findings are made; the simulator only says what others should find."""
    register = PROJECT / "ingestd" / "core" / "findings.py"
    makers = [file for file in python_files() if file != register and "sim" not in file.parts]
    literals = [node.value for file in makers for node in _nodes(file) if isinstance(node, ast.Constant)]
    return {text for text in literals if isinstance(text, str) and text in REGISTER}


def entered_acts() -> set[str]:
    """The verbs of all acts that are made somewhere."""
    calls = [node for file in python_files() for node in _nodes(file) if isinstance(node, ast.Call)]
    verbs = [
        keyword.value.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Act"
        for keyword in call.keywords
        if keyword.arg == "act" and isinstance(keyword.value, ast.Constant)
    ]
    verbs += [CONDEMNED, DISPOSED, VIEWED]
    # What helpers write down is taken over under the verbs of its own register.
    return {verb for verb in verbs if isinstance(verb, str)} | {*DEVICE_ACTS, UNREADABLE}


def commands() -> dict[str, set[str]]:
    """Every command, as `ingestd sim card`, with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for child, below in command.commands.items():
                walk(below, f"{name} {child}")
        else:
            options = (
                option
                for one in command.params
                for option in (*one.opts, *one.secondary_opts)
                if option.startswith("-")
            )
            found[name] = set(options)

    walk(typer.main.get_command(app), "ingestd")
    return found


def default_keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of a model with their defaults as TOML values; `...` where a key must be given."""
    keys: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        candidates = (field.annotation, *get_args(field.annotation))
        inner = [one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)]
        if inner:
            keys |= default_keys(inner[0], f"{key}.")
        else:
            keys[key] = ... if field.is_required() else _plain(field.get_default(call_default_factory=True))
    return keys


def _plain(value: Any) -> Any:
    if isinstance(value, Path | IPv4Network | IPv6Network):
        return str(value)
    return list(map(_plain, value)) if isinstance(value, tuple) else value
