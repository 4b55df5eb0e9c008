"""The recorder's side of the dialects, at the level of single transfers, with faults. For tests; no USB is needed.

Each firmware reads and writes its frames by itself, with nothing of `devices.dialects` but the errors of a transfer, so
that a slip in a dialect's frames shows. It is built to the same published facts as they are, and proves no more.
"""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NoReturn

from ingestd.core.clock import Clock
from ingestd.core.errors import SourceError, SourceGoneError
from ingestd.devices.dialects.transfer import NoAnswerError


class DeviceFault(StrEnum):
    """What can be wrong with a simulated recorder."""

    GARBAGE = "garbage"
    """Answers are bytes without sense."""
    SHORT = "short"
    """Answers are cut in their middle."""
    SILENT = "silent"
    """Commands are taken, answers never come."""
    LATE = "late"
    """Each answer comes at the third time of asking."""
    STALLED = "stalled"
    """Every transfer is refused."""
    GONE = "gone"
    """It leaves the bus before its first answer."""
    RETURNS_AS_DISK = "returns_as_disk"
    """It leaves the bus as soon as it is unlocked, to come back as a disk."""


_GARBAGE: Final = bytes(range(0xF0, 0x100)) * 8
_LATE_READS: Final = 2


@dataclass
class SimulatedRecorder:
    """One recorder before it is a disk: what it stores, what became of it, and what is wrong with it.

    `clock_offset` is its clock minus the station's; `locks_after` wrong passwords it takes none any more. `commands`
    are all commands that it took, by name, for judging what was sent and in what order.
    """

    clock: Clock
    password: str = "000000"
    device_number: str = "7012345"
    user_number: str = "012345"
    user_name: bytes = b""
    unit_number: str = "310000000000"
    unit_name: bytes = b""
    battery_percent: int = 80
    clock_offset: dt.timedelta = dt.timedelta()
    zone: dt.tzinfo = dt.UTC
    locks_after: int = 5
    fault: DeviceFault | None = None
    is_unlocked: bool = False
    is_disk: bool = False
    is_on_bus: bool = True
    commands: list[str] = field(default_factory=list)
    wrong_passwords: int = 0

    def display(self) -> str:
        """The time as its display shows it."""
        return f"{self.local_time():%Y-%m-%d %H:%M:%S}"

    def local_time(self) -> dt.datetime:
        """Its clock, without a zone."""
        return (self.clock.now() + self.clock_offset).astimezone(self.zone).replace(tzinfo=None)

    def set_time(self, local: dt.datetime) -> None:
        """Set its clock."""
        self.clock_offset = local.replace(tzinfo=self.zone) - self.clock.now()

    def try_password(self, given: str) -> bool:
        """Whether it is unlocked now."""
        if self.wrong_passwords < self.locks_after and given == self.password:
            self.is_unlocked = True
            if self.fault is DeviceFault.RETURNS_AS_DISK:
                self.become_disk()
            return True
        self.wrong_passwords += 1
        return False

    def become_disk(self) -> None:
        """Leave the bus, to come back as a disk."""
        self.is_disk, self.is_on_bus = True, False


class Firmware(ABC):
    """How a recorder speaks: a command in, an answer to be fetched. Both sides of `Transfer`."""

    def __init__(self, recorder: SimulatedRecorder) -> None:
        self.recorder = recorder
        self._answer = b""
        self._reads_until_answer = 0

    def control_out(self, request: int, value: int, data: bytes) -> None:
        """A vendor request from the station."""
        self._take(lambda: self.control_command(request, value, data))

    def control_in(self, request: int, value: int, length: int) -> bytes:
        """A vendor request to the station."""
        if not self.is_control_read(request, value):
            self._stall()
        return self._give(length)

    def bulk_out(self, endpoint: int, data: bytes) -> None:
        """Bulk data from the station."""
        self._take(lambda: self.bulk_command(endpoint, data))

    def bulk_in(self, endpoint: int, length: int) -> bytes:
        """Bulk data to the station."""
        if not self.is_bulk_read(endpoint):
            self._stall()
        return self._give(length)

    def control_command(self, request: int, value: int, data: bytes) -> bytes:
        """The answer to a control command; a stall where the firmware has none."""
        self._stall()

    def is_control_read(self, request: int, value: int) -> bool:
        """Whether answers are fetched so."""
        return False

    def bulk_command(self, endpoint: int, data: bytes) -> bytes:
        """The answer to a bulk command; a stall where the firmware has none."""
        self._stall()

    def is_bulk_read(self, endpoint: int) -> bool:
        """Whether answers are fetched so."""
        return False

    @property
    @abstractmethod
    def dialect(self) -> str:
        """The name of the dialect that it speaks."""

    def _take(self, command: Callable[[], bytes]) -> None:
        self._be_there()
        if self.recorder.fault is DeviceFault.GONE:
            self.recorder.is_on_bus = False
            return
        self._answer = command()
        self._reads_until_answer = _LATE_READS if self.recorder.fault is DeviceFault.LATE else 0

    def _give(self, length: int) -> bytes:
        self._be_there()
        if self.recorder.fault is DeviceFault.SILENT or self._reads_until_answer:
            self._reads_until_answer = max(0, self._reads_until_answer - 1)
            raise NoAnswerError("no answer in time")
        if self.recorder.fault is DeviceFault.GARBAGE:
            return _GARBAGE[:length]
        if self.recorder.fault is DeviceFault.SHORT:
            return self._answer[: min(length, len(self._answer)) // 8]
        return self._answer[:length]

    def _be_there(self) -> None:
        if not self.recorder.is_on_bus:
            raise SourceGoneError("the recorder left the bus")
        if self.recorder.fault is DeviceFault.STALLED:
            self._stall()

    def _stall(self) -> NoReturn:
        raise SourceError("stall")


class A1Firmware(Firmware):
    """Frames of 64 bytes by control transfer that begin with a1."""

    dialect = "ambarella_a1"

    def control_command(self, request: int, value: int, data: bytes) -> bytes:
        """A password, or to become a disk."""
        if value != 0x80 or len(data) != 64:
            self._stall()
        if request == 0x55 and data.startswith(b"\xa1\x12\x00\x12"):
            self.recorder.commands.append("unlock")
            is_right = self.recorder.try_password(data[4:].rstrip(b"\0").decode("ascii"))
            return bytes((0xA1, 0x12, 1 if is_right else 0)).ljust(10, b"\0")
        if request != 0x50 or not data.startswith(b"\xa1\x23\x00\x23"):
            self._stall()
        self.recorder.commands.append("become_disk")
        if self.recorder.is_unlocked:
            self.recorder.become_disk()
        return bytes(10)

    def is_control_read(self, request: int, value: int) -> bool:
        """Answers are fetched by the request that carries passwords."""
        return (request, value) == (0x55, 0x80)


class E1Firmware(Firmware):
    """Commands e1 by control transfer in an envelope that begins with a1 b2 c3 d4."""

    dialect = "ambarella_e1"

    def control_command(self, request: int, value: int, data: bytes) -> bytes:
        """A command: the answer repeats its head, with 80 for obeyed, and carries the payload."""
        if (request, value) != (0x55, 0xAA) or data[:5] != b"\xa1\xb2\xc3\xd4\x00" or data[5:7] != b"\xe1\x00":
            self._stall()
        payload = self._obey(data[7], data[9:])
        status = b"\x80" if payload is not None else b"\x00"
        return data[:6] + status + data[7:9] + (payload or b"").ljust(len(data) - 9, b"\0")

    def is_control_read(self, request: int, value: int) -> bool:
        """Answers are fetched by the same request with value 0."""
        return (request, value) == (0x55, 0)

    def _obey(self, command: int, payload: bytes) -> bytes | None:
        recorder = self.recorder
        if command in (0x10, 0x11) and len(payload) == 6:
            recorder.commands.append("unlock")
            return b"" if recorder.try_password(payload.rstrip(b"\0").decode("ascii")) else None
        if not recorder.is_unlocked:
            return None
        if command == 0x30 and len(payload) == 100:
            recorder.commands.append("read_info")
            slots = (
                (recorder.device_number.encode("ascii"), 9),
                (recorder.user_number.encode("ascii"), 8),
                (recorder.user_name, 35),
                (recorder.unit_number.encode("ascii"), 16),
                (recorder.unit_name, 32),
            )
            return b"".join(text[:width].ljust(width, b"\0") for text, width in slots)
        if command == 0x41 and len(payload) == 7:
            recorder.commands.append("set_clock")
            recorder.set_time(dt.datetime(payload[0] * 256 + payload[1], *payload[2:]))
            return payload
        if command == 0x51 and not payload:
            recorder.commands.append("become_disk")
            recorder.become_disk()
            return b""
        if command == 0x70 and len(payload) == 1:
            recorder.commands.append("read_battery")
            return bytes((recorder.battery_percent,))
        return None


class AsciiFirmware(Firmware):
    """Frames in ASCII by bulk transfer. What it answers beyond `Ver;OK` and the number is made up."""

    dialect = "ambarella_ascii"

    def bulk_command(self, endpoint: int, data: bytes) -> bytes:
        """One frame."""
        fields = data.decode("ascii").split(";")
        if endpoint != 0x01 or not data.startswith(b"@") or not data.endswith(b";#") or len(fields) != 4:
            self._stall()
        verb, _, payload, _ = fields
        return self._obey(verb[1:], payload).encode("ascii")

    def is_bulk_read(self, endpoint: int) -> bool:
        """Answers come from the first IN endpoint."""
        return endpoint == 0x81

    def _obey(self, verb: str, payload: str) -> str:
        recorder = self.recorder
        if verb == "Ver":
            recorder.commands.append("unlock")
            return "@Ver;OK;#" if recorder.try_password(payload) else "@Ver;ERROR;#"
        if not recorder.is_unlocked:
            return f"@{verb};ERROR;#"
        if verb == "Gdv":
            recorder.commands.append("read_info")
            return f"@Gdv;{len(recorder.device_number)};{recorder.device_number}#"
        if verb == "Sdt":
            recorder.commands.append("set_date")
            day = dt.datetime.strptime(payload, "%Y%m%d").date()
            recorder.set_time(dt.datetime.combine(day, recorder.local_time().time()))
            return "@Sdt;OK;#"
        if verb == "Stm":
            recorder.commands.append("set_time")
            time = dt.datetime.strptime(payload[:6], "%H%M%S").time()
            recorder.set_time(dt.datetime.combine(recorder.local_time().date(), time))
            return "@Stm;OK;#"
        if verb == "ATH":
            recorder.commands.append("become_disk")
            recorder.become_disk()
            return "@ATH;OK;#"
        return f"@{verb};ERROR;#"
