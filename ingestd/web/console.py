"""What every page of the console works with: configuration, the catalogue for reading, the station for acts."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestd.config.load import Configuration
from ingestd.core.clock import Clock
from ingestd.core.errors import RefusedError
from ingestd.core.settings import Settings
from ingestd.ipc import ask
from ingestd.web.bayfeed import BayFeed
from ingestd.web.dockfacts import notes_of
from ingestd.web.docksheets import SheetKeys
from ingestd.web.gate import Gate
from ingestd.web.visitors import Visitor

if TYPE_CHECKING:
    from ingestd.web.oidc import Provider

Document = dict[str, Any]
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Console:
    """One console. It reads the catalogue by itself and changes nothing but through the station."""

    configuration: Configuration
    clock: Clock
    gate: Gate
    provider: "Provider | None" = None
    """Of identities, where one is configured."""
    bays: BayFeed = field(init=False)
    sheets: SheetKeys = field(init=False)

    def __post_init__(self) -> None:
        """What the dock's screen needs of one console: who watches the bays, and who stands before a sheet."""
        object.__setattr__(self, "bays", BayFeed(self._watch, functools.partial(notes_of, self.configuration)))
        object.__setattr__(self, "sheets", SheetKeys(self.clock))

    def close(self) -> None:
        """Let go of whoever still listens; nothing else is under way when the console ends."""
        self.bays.close()

    @property
    def settings(self) -> Settings:
        """The station's settings as they were read when the console started."""
        return self.configuration.settings

    def ask(self, operation: str, *, seconds: float = 60.0, **request: Any) -> Any:
        """Ask the station for something; the answer's result.

        Raises:
            UnavailableError: it does not run, or did not answer in time.
            IngestdError: what it answered instead.
        """
        return ask(self.settings.socket_file, {"op": operation, **request}, silent_seconds=seconds)

    def act(self, operation: str, requests: Sequence[BaseModel]) -> list[Document]:
        """Have acts of one desk entered, all of them or none.

        Raises:
            UnavailableError, NotFoundError, RefusedError: none was entered.
        """
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[Document] = self.ask(operation, requests=documents)
        return answers

    def _watch(
        self, on_progress: Callable[[Document], None], on_connected: Callable[[Callable[[], None]], None]
    ) -> None:
        ask(self.settings.socket_file, {"op": "watch"}, on_progress, silent_seconds=40.0, on_connected=on_connected)


def built(kind: type[R], visitor: Visitor, fields: Mapping[str, Any]) -> R:
    """A request of somebody who is signed in, checked.

    Raises:
        RefusedError: something that cannot be; the message names it.
    """
    try:
        return kind.model_validate({**fields, "by": visitor.person})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise RefusedError(f"{name}: {str(first['msg']).removeprefix('Value error, ')}") from error
