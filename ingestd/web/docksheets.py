"""Who stands before the dock's sheet of one docking: known for that sheet alone, and for as long as somebody acts."""

import secrets
import threading
from dataclasses import dataclass, replace
from typing import Final, Literal

from ingestd.core.clock import Clock
from ingestd.web.visitors import Visitor

SILENT_SECONDS: Final = 60
"""After so much silence nobody stands there any more."""

How = Literal["card", "pin", "session"]
"""By what somebody was told: card number, PIN, or a session of the console."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody before a sheet."""

    visitor: Visitor
    how: How


@dataclass(frozen=True, slots=True)
class _Held:
    docking: str
    standing: Standing
    heard_at: float


class SheetKeys:
    """Short identities at the dock, in this process's memory alone. They open no page of the console.

    Safe from many threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def open(self, docking: str, who: Standing) -> str:
        """A key for the sheet of this docking; whoever stood there before does so no longer."""
        key, now = secrets.token_urlsafe(32), self._clock.steady_seconds()
        with self._lock:
            self._held = {
                other: held
                for other, held in self._held.items()
                if held.docking != docking and now - held.heard_at < SILENT_SECONDS
            }
            self._held[key] = _Held(docking, who, now)
        return key

    def who(self, key: str, docking: str) -> Standing | None:
        """Who stands before this sheet, whose time begins anew; null where nobody does."""
        now = self._clock.steady_seconds()
        with self._lock:
            held = self._held.pop(key, None)
            if held is None or held.docking != docking or now - held.heard_at >= SILENT_SECONDS:
                return None
            self._held[key] = replace(held, heard_at=now)
        return held.standing

    def close(self, key: str) -> None:
        """Nobody stands there any more."""
        with self._lock:
            self._held.pop(key, None)
