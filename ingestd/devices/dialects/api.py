"""The API of recorders that speak before they become a disk, whatever dialect they speak.

Reading is free. What changes something on a recorder (unlock, set the clock, become a disk) is written down through the
journal before its first byte is sent, here and not in the dialects, so that no dialect can forget it. Nothing else is
ever sent that changes a recorder. Facts and sources: docs/design/dialects.md.
"""

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, NoReturn
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, to_text
from ingestd.core.errors import RefusedError
from ingestd.devices.dialects.clock import ClockReading, Journal, StoredOffset
from ingestd.devices.dialects.info import DeviceInfo
from ingestd.devices.dialects.transfer import Transfer

_HALF_A_SECOND: Final = dt.timedelta(seconds=0.5)


class Capability(StrEnum):
    """What a dialect has a known command for. Every dialect has one to unlock."""

    INFO = "info"
    BATTERY = "battery"
    READ_CLOCK = "read_clock"
    SET_CLOCK = "set_clock"
    BECOME_DISK = "become_disk"


class Outcome(StrEnum):
    """What became of something that was asked of a recorder."""

    DONE = "done"
    """The recorder said so."""
    ASKED = "asked"
    """It was sent; the recorder gave no answer that anybody knows how to read."""
    LEFT = "left"
    """The recorder left the bus meanwhile: it may have done as asked, and come back as something else."""


class Password:
    """A recorder's password, which no log, error or document can show by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The password itself, for the one frame that carries it."""
        return self._text

    def __repr__(self) -> str:
        return "Password(…)"


@dataclass(frozen=True, slots=True)
class Visit:
    """One talk with one recorder: where it is on USB (`001-004`), what it is, and what it is spoken to in.

    `usb_path` is the sysfs path of the USB device, the same when it comes back as a disk; it and the serial are empty
    where they are not known.
    """

    visit_id: str
    address: str
    usb_id: str
    dialect: str
    usb_path: str = ""
    usb_serial: str = ""


class RecorderApi(ABC):
    """One recorder in one dialect. A dialect says in `capabilities` what it can, and fills in the underscored methods.

    Raises, in every method: what `Transfer` raises; `SourceError` for an answer that the dialect does not know;
    `RefusedError` for what the dialect or the recorder refuses.
    """

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]

    def __init__(self, transfer: Transfer, visit: Visit, clock: Clock, journal: Journal) -> None:
        self._transfer = transfer
        self.visit = visit
        self._clock = clock
        self._journal = journal

    def unlock(self, password: Password) -> Outcome:
        """Give the password, once: recorders may lock themselves after wrong ones.

        Raises:
            RefusedError: it is the wrong password, or one that the dialect cannot carry.
        """
        self.check_password(password)
        self._note("device.unlock_asked")
        try:
            return self._unlock(password)
        except RefusedError:
            self._note("device.unlock_refused")
            raise

    def read_info(self) -> DeviceInfo:
        """Numbers and names that are stored in the recorder. What it told is written down as well."""
        self._require(Capability.INFO, "tells of its numbers and names")
        info = self._read_info()
        self._note("device.info_read", info=asdict(info))
        return info

    def read_battery_percent(self) -> int:
        """The charge of the battery, 0 to 100."""
        self._require(Capability.BATTERY, "tells the charge of its battery")
        return self._read_battery_percent()

    def read_clock(self) -> ClockReading:
        """The recorder's clock between two moments of the station's."""
        self._require(Capability.READ_CLOCK, "tells its time")
        return self._read_clock()

    def set_clock(self, proof: StoredOffset, zone: ZoneInfo) -> str:
        """Set the recorder's clock to the station's, to the nearest second, and say what it answered.

        Args:
            proof: that the offset of this recorder was written down in this visit.
            zone: recorders keep local time; this is the zone that they keep it in.

        Raises:
            RefusedError: the proof is of another visit.
        """
        self._require(Capability.SET_CLOCK, "sets its clock")
        if proof.visit_id != self.visit.visit_id:
            raise RefusedError("the stored clock offset is of another visit", "read the clock again in this one")
        moment = self._clock.now()
        local = (moment + _HALF_A_SECOND).astimezone(zone).replace(microsecond=0, tzinfo=None)
        self._note(
            "device.clock_set_asked",
            set_to_local=local.isoformat(),
            zone=zone.key,
            offset_before_s=proof.offset.offset_s,
            uncertainty_s=proof.offset.uncertainty_s,
        )
        return self._set_clock(local)

    def become_disk(self) -> Outcome:
        """Ask the recorder to leave and come back as a disk. Whether it does, only its coming back tells."""
        self._require(Capability.BECOME_DISK, "makes it a disk")
        self._note("device.disk_asked")
        return self._become_disk()

    def document(self) -> dict[str, Any]:
        """The visit, and what can be asked in it."""
        return asdict(self.visit) | {"capabilities": sorted(self.capabilities)}

    def check_password(self, password: Password) -> None:
        """Refuse a password that the dialect's frame cannot carry, before anything is sent."""
        self._password_bytes(password)

    @abstractmethod
    def _password_bytes(self, password: Password) -> bytes: ...

    @abstractmethod
    def _unlock(self, password: Password) -> Outcome: ...

    def _read_info(self) -> DeviceInfo:
        self._no("tells of its numbers and names")

    def _read_battery_percent(self) -> int:
        self._no("tells the charge of its battery")

    def _read_clock(self) -> ClockReading:
        self._no("tells its time")

    def _set_clock(self, local: dt.datetime) -> str:
        self._no("sets its clock")

    def _become_disk(self) -> Outcome:
        self._no("makes it a disk")

    def _require(self, capability: Capability, words: str) -> None:
        if capability not in self.capabilities:
            self._no(words)

    def _no(self, words: str) -> NoReturn:
        raise RefusedError(f"no command of the dialect {self.name} is known that {words}")

    def _note(self, act: str, **data: Any) -> None:
        """Write an act down, before it is done where it changes something. Neither password nor frame stands in it."""
        self._journal({"act": act, "at": to_text(self._clock.now()), "visit": asdict(self.visit), **data})


def refused_password() -> RefusedError:
    """The error for a password that the recorder did not take. It is not tried again."""
    return RefusedError(
        "the recorder refused the password",
        "check the password file; try seldom, because recorders may lock themselves after wrong ones",
    )


def ascii_password(password: Password, lengths: tuple[int, ...]) -> bytes:
    """A password of printable ASCII in one of the allowed lengths, as bytes.

    Raises:
        RefusedError: it is another; its text is not repeated.
    """
    text = password.reveal()
    if len(text) not in lengths or not text.isascii() or not text.isprintable():
        wanted = " or ".join(str(length) for length in lengths) if len(lengths) < 4 else f"up to {lengths[-1]}"
        raise RefusedError(f"this dialect takes a password of {wanted} printable ASCII characters, the file has others")
    return text.encode("ascii")
