"""What a dialect asks of the wire: vendor control transfers and bulk transfers, and nothing of USB beyond them."""

from collections.abc import Callable
from typing import Final, Protocol

from ingestd.core.errors import SourceError

READS_OF_AN_ANSWER: Final = 3
"""How often an answer is waited for. A command is sent once: sending it again could do a thing twice."""


class NoAnswerError(SourceError):
    """The recorder gave no answer in time; it may still give one."""


class Transfer(Protocol):
    """One open recorder. Every call ends in time.

    All raise `NoAnswerError` when time runs out, `SourceGoneError` when the recorder left the bus, and `SourceError`
    for what it refused (a stall) or the bus failed at.
    """

    def control_out(self, request: int, value: int, data: bytes) -> None:
        """A vendor request to the device (bmRequestType 0x40, wIndex 0) with all of its data."""
        ...

    def control_in(self, request: int, value: int, length: int) -> bytes:
        """A vendor request from the device (bmRequestType 0xC0, wIndex 0): at most `length` bytes."""
        ...

    def bulk_out(self, endpoint: int, data: bytes) -> None:
        """All of the data to an OUT endpoint."""
        ...

    def bulk_in(self, endpoint: int, length: int) -> bytes:
        """At most `length` bytes from an IN endpoint."""
        ...


def awaited(read: Callable[[], bytes]) -> bytes:
    """An answer that may come late.

    Raises:
        NoAnswerError: it did not come in `READS_OF_AN_ANSWER` reads.
    """
    for _ in range(READS_OF_AN_ANSWER - 1):
        try:
            return read()
        except NoAnswerError:
            continue
    return read()


def not_understood(what: str, data: bytes) -> SourceError:
    """The error for an answer that is none of the dialect's."""
    shown = data[:32].hex(" ") + (" …" if len(data) > 32 else "")
    return SourceError(
        f"the recorder's answer to {what} is not one that this dialect knows: {shown or 'nothing'}",
        "unplug the recorder and dock it again; if it stays so, another dialect is needed (docs/design/dialects.md)",
    )
