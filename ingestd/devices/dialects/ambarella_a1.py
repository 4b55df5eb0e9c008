"""Ambarella 4255:0001 by control transfer, frames that begin with a1: a password, then "become a disk", and no more.

Seen in the public project alexankitty/Ambarella-A9-Body-Cam-Automation; see docs/design/dialects.md.
"""

from typing import ClassVar, Final

from ingestd.core.errors import SourceError, SourceGoneError
from ingestd.devices.dialects.api import Capability, Outcome, Password, RecorderApi, ascii_password, refused_password
from ingestd.devices.dialects.transfer import awaited, not_understood

FRAME_BYTES: Final = 64
ANSWER_BYTES: Final = 10
LOG_IN: Final = bytes.fromhex("a1120012")
DISK: Final = bytes.fromhex("a1230023")
REQUEST: Final = 85
DISK_REQUEST: Final = 80
VALUE: Final = 0x0080
LONGEST_PASSWORD_BYTES: Final = 16

_STATUS_AT = 2
_TAKEN = 1


def build_frame(head: bytes, payload: bytes = b"") -> bytes:
    """A command: four bytes that name it, its payload, zeros to 64 bytes.

    Raises:
        ValueError: it does not fit.
    """
    frame = head + payload
    if len(frame) > FRAME_BYTES:
        raise ValueError(f"a frame holds {FRAME_BYTES} bytes, not {len(frame)}")
    return frame.ljust(FRAME_BYTES, b"\0")


def is_taken(answer: bytes) -> bool:
    """Whether the answer says that the password is right.

    Raises:
        SourceError: it is too short to say.
    """
    if len(answer) <= _STATUS_AT:
        raise not_understood("the password", answer)
    return answer[_STATUS_AT] == _TAKEN


class AmbarellaA1(RecorderApi):
    """Unlocks, and becomes a disk."""

    name: ClassVar[str] = "ambarella_a1"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.BECOME_DISK})

    def _password_bytes(self, password: Password) -> bytes:
        return ascii_password(password, tuple(range(1, LONGEST_PASSWORD_BYTES + 1)))

    def _unlock(self, password: Password) -> Outcome:
        try:
            self._transfer.control_out(REQUEST, VALUE, build_frame(LOG_IN, self._password_bytes(password)))
            answer = awaited(self._answer)
        except SourceGoneError:
            return Outcome.LEFT
        if not is_taken(answer):
            raise refused_password()
        return Outcome.DONE

    def _become_disk(self) -> Outcome:
        try:
            self._transfer.control_out(DISK_REQUEST, VALUE, build_frame(DISK))
        except SourceGoneError:
            return Outcome.LEFT
        try:
            self._answer()
        except SourceGoneError:
            return Outcome.LEFT
        except SourceError:
            # A recorder on its way to become a disk need not answer; what its answer says, nobody knows.
            return Outcome.ASKED
        return Outcome.ASKED

    def _answer(self) -> bytes:
        return self._transfer.control_in(REQUEST, VALUE, ANSWER_BYTES)
