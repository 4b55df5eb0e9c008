"""Ambarella 4255:0001 by control transfer, commands e1 in an envelope that begins with a1 b2 c3 d4.

Seen in a public PyQt5 tool for such recorders; see docs/design/dialects.md. Commands of it that write numbers, names,
passwords or network settings are known too and are left out on purpose: the station has no business with them.
"""

import datetime as dt
from enum import Enum
from typing import ClassVar, Final, Literal

from ingestd.core.clock import Clock
from ingestd.core.errors import RefusedError, SourceError, SourceGoneError
from ingestd.devices.dialects.api import (
    Capability,
    Outcome,
    Password,
    RecorderApi,
    Visit,
    ascii_password,
    refused_password,
)
from ingestd.devices.dialects.clock import Journal
from ingestd.devices.dialects.info import DeviceInfo, unpack_info
from ingestd.devices.dialects.transfer import Transfer, awaited, not_understood

MAGIC: Final = bytes.fromhex("a1b2c3d400")
REQUEST: Final = 85
OUT_VALUE: Final = 0x00AA
IN_VALUE: Final = 0
HEAD_BYTES: Final = 9
PASSWORD_BYTES: Final = 6

_STATUS_AT = 6
_OBEYED = 0x80
_COMMAND = slice(5, 8)

INFO_FIELDS: Final = {
    "device_number": (0, 7),
    "user_number": (9, 6),
    "user_name": (17, 32),
    "unit_number": (52, 12),
    "unit_name": (68, 32),
}
"""Offset and width. Slots of 9, 8, 35, 16 and 32 bytes; the widths are those of the GA/T-style API."""


class Command(Enum):
    """A command: three bytes, and how many bytes of payload it has in both directions."""

    ADMIN_LOG_IN = (b"\xe1\x00\x10", PASSWORD_BYTES)
    USER_LOG_IN = (b"\xe1\x00\x11", PASSWORD_BYTES)
    READ_INFO = (b"\xe1\x00\x30", 100)
    SET_TIME = (b"\xe1\x00\x41", 7)
    BECOME_DISK = (b"\xe1\x00\x51", 0)
    READ_BATTERY = (b"\xe1\x00\x70", 1)

    @property
    def code(self) -> bytes:
        """The three bytes."""
        return self.value[0]

    @property
    def payload_bytes(self) -> int:
        """The width of the payload."""
        return self.value[1]


def build_request(command: Command, payload: bytes = b"") -> bytes:
    """The envelope around a command, payload padded with zeros to its width.

    Raises:
        ValueError: the payload is wider.
    """
    if len(payload) > command.payload_bytes:
        raise ValueError(f"{command.name} holds {command.payload_bytes} bytes, not {len(payload)}")
    return MAGIC + command.code + b"\0" + payload.ljust(command.payload_bytes, b"\0")


def parse_answer(command: Command, answer: bytes) -> bytes | None:
    """The payload of an answer; null where the recorder refuses the command.

    That an answer repeats magic and command is believed, not seen. It is asked for all the same: an answer to an
    earlier command, taken for this one's, would be a wrong claim.

    Raises:
        SourceError: it is short, or no answer to this command.
    """
    is_whole = len(answer) == HEAD_BYTES + command.payload_bytes
    head = answer[:_STATUS_AT] + answer[_STATUS_AT + 1 : HEAD_BYTES]
    if not is_whole or head != MAGIC + command.code[:1] + command.code[2:] + b"\0":
        raise not_understood(command.name, answer)
    return answer[HEAD_BYTES:] if answer[_STATUS_AT] == _OBEYED else None


def pack_time(local: dt.datetime) -> bytes:
    """A local time as year (two bytes, the larger first), month, day, hour, minute, second."""
    return local.year.to_bytes(2, "big") + bytes((local.month, local.day, local.hour, local.minute, local.second))


def unpack_time(raw: bytes) -> dt.datetime:
    """The inverse of `pack_time`.

    Raises:
        SourceError: it is no time.
    """
    if len(raw) == Command.SET_TIME.payload_bytes:
        try:
            return dt.datetime(int.from_bytes(raw[:2], "big"), *raw[2:])
        except ValueError:
            pass
    raise not_understood(Command.SET_TIME.name, raw)


class AmbarellaE1(RecorderApi):
    """Unlocks, tells numbers, names and battery, sets its clock, becomes a disk. Its clock cannot be read."""

    name: ClassVar[str] = "ambarella_e1"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.INFO, Capability.BATTERY, Capability.SET_CLOCK, Capability.BECOME_DISK}
    )

    def __init__(
        self,
        transfer: Transfer,
        visit: Visit,
        clock: Clock,
        journal: Journal,
        *,
        role: Literal["user", "admin"] = "user",
    ) -> None:
        super().__init__(transfer, visit, clock, journal)
        self._log_in = Command.ADMIN_LOG_IN if role == "admin" else Command.USER_LOG_IN

    def _password_bytes(self, password: Password) -> bytes:
        return ascii_password(password, (PASSWORD_BYTES,))

    def _unlock(self, password: Password) -> Outcome:
        try:
            answer = self._exchange(self._log_in, self._password_bytes(password))
        except SourceGoneError:
            return Outcome.LEFT
        if answer is None:
            raise refused_password()
        return Outcome.DONE

    def _read_info(self) -> DeviceInfo:
        return unpack_info(self._ask(Command.READ_INFO), INFO_FIELDS, Command.READ_INFO.name)

    def _read_battery_percent(self) -> int:
        raw = self._ask(Command.READ_BATTERY)
        if raw[0] > 100:
            raise not_understood(Command.READ_BATTERY.name, raw)
        return raw[0]

    def _set_clock(self, local: dt.datetime) -> str:
        # The answer carries a time. Whether it is the new one or the one before, nobody could look at yet.
        return unpack_time(self._ask(Command.SET_TIME, pack_time(local))).isoformat()

    def _become_disk(self) -> Outcome:
        try:
            self._transfer.control_out(REQUEST, OUT_VALUE, build_request(Command.BECOME_DISK))
        except SourceGoneError:
            return Outcome.LEFT
        try:
            answer = parse_answer(Command.BECOME_DISK, self._read(Command.BECOME_DISK))
        except SourceGoneError:
            return Outcome.LEFT
        except SourceError:
            return Outcome.ASKED
        if answer is None:
            raise RefusedError("the recorder refused to become a disk", "unplug it, dock it again and unlock it first")
        return Outcome.DONE

    def _ask(self, command: Command, payload: bytes = b"") -> bytes:
        answer = self._exchange(command, payload)
        if answer is None:
            raise RefusedError(f"the recorder refused {command.name}", "unlock it first, or try the other role")
        return answer

    def _exchange(self, command: Command, payload: bytes) -> bytes | None:
        self._transfer.control_out(REQUEST, OUT_VALUE, build_request(command, payload))
        return parse_answer(command, awaited(lambda: self._read(command)))

    def _read(self, command: Command) -> bytes:
        return self._transfer.control_in(REQUEST, IN_VALUE, HEAD_BYTES + command.payload_bytes)
