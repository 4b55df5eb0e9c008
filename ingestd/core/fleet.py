"""The fleet register of recorders (记录仪管理): what is known of each, and what that means when one is docked.

Footage is taken in whatever the register says (a blocked or lost recorder may hold the only copy). What the register
changes is whether the footage is held apart and marked until a person has looked.

Asked for by 民宗 3 (register of recorders) and 江门 40 (keeping, maintenance and registration by the custodian).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ingestd.core.findings import Finding, finding
from ingestd.core.model import RecorderIdentity
from ingestd.core.settings import FleetSettings

HAND_OVER_WORDS = "hand the recorder to the custodian · 请交管理员"
SAFE_WORDS = "all is safe; hand the recorder to the custodian · 数据已安全，请交管理员"


class FleetStatus(StrEnum):
    """What the register says of a recorder."""

    KNOWN = "known"
    """In use."""

    UNKNOWN = "unknown"
    """Seen at a docking, and not in the register. Nobody enters this status."""

    BLOCKED = "blocked"
    """Not to be used, for a reason that the custodian gave."""

    LOST = "lost"
    IN_REPAIR = "in_repair"
    RETIRED = "retired"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATUS_WORDS[self]

    @property
    def is_in_use(self) -> bool:
        """Whether a docking of such a recorder is an ordinary one."""
        return self in (FleetStatus.KNOWN, FleetStatus.UNKNOWN)


_STATUS_WORDS = {
    FleetStatus.KNOWN: "in use · 在用",
    FleetStatus.UNKNOWN: "not in the register · 未登记",
    FleetStatus.BLOCKED: "blocked · 已停用",
    FleetStatus.LOST: "reported lost · 已挂失",
    FleetStatus.IN_REPAIR: "in repair · 维修中",
    FleetStatus.RETIRED: "retired · 已报废",
}


class MaintenanceKind(StrEnum):
    """What was done to a recorder (江门 40: 维护、保养)."""

    CLEANING = "cleaning"
    REPAIR = "repair"
    FIRMWARE = "firmware"
    BATTERY = "battery"
    INSPECTION = "inspection"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """What the register holds of one recorder. `holder` is who it is issued to, null while it is in the store.

    `usb_serials` are those that belong to it: a serial on record is never a sign of a clone. `issued_at` is null while
    nobody holds it; times are `core.clock.to_text`. `reason` is that of the last change of status.
    """

    number: str
    status: FleetStatus = FleetStatus.KNOWN
    reason: str = ""
    unit: str = ""
    model: str = ""
    usb_serials: tuple[str, ...] = ()
    note: str = ""
    holder: str | None = None
    issued_at: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A recorder as one docking showed it: its number (null where nobody could name it) and its USB serial.

    `usb_path` is the USB port of the device, empty where none is known: two volumes of one device are not two
    recorders. `is_in_its_bay` is true while that docking's recorder has not been pulled. `is_vouched_for`: a person
    settled that docking, and so said that number and serial belong together.
    """

    docking_id: str
    number: str | None
    usb_serial: str
    bay: str
    usb_path: str = ""
    is_in_its_bay: bool = False
    is_vouched_for: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """How the footage of a docking is held. `reason` is for people, empty for an ordinary docking.

    Quarantined footage is stored and proved like all other, is marked, and waits for a person. A conflict of
    identities waits for a person too, because the footage might stand under a wrong number.
    """

    is_quarantined: bool
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    is_conflicting: bool = False

    @property
    def needs_person(self) -> bool:
        """Whether the docking waits for the custodian."""
        return self.is_quarantined or self.is_conflicting

    def words_at_end(self, *, is_complete: bool) -> str:
        """What the bay says when the docking ended; empty for an ordinary one."""
        if not self.needs_person:
            return ""
        return f"{self.reason}: {SAFE_WORDS if is_complete else HAND_OVER_WORDS}"

    def document(self) -> dict[str, Any]:
        """As JSON, without the findings, which have acts of their own."""
        return {
            "is_quarantined": self.is_quarantined,
            "is_conflicting": self.is_conflicting,
            "reason": self.reason,
        }


ORDINARY = Admission(is_quarantined=False)
"""The admission of a docking with which nothing is wrong."""


@dataclass(slots=True)
class _Troubles:
    """What is wrong with a docking, gathered one by one; nothing is ever taken back."""

    is_quarantined: bool = False
    is_conflicting: bool = False
    reasons: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def quarantine(self, reason: str, found: Finding) -> None:
        self.is_quarantined = True
        self.reasons.append(reason)
        self.findings.append(found)


def admit(
    identity: RecorderIdentity,
    entry: RegisterEntry | None,
    *,
    here: Sighting,
    others: Sequence[Sighting],
    policy: FleetSettings,
    is_quarantined_by_inlet: bool,
    owners: Sequence[str] = (),
) -> Admission:
    """Decide how a docking's footage is held. Every docking is admitted; trouble can only add to the marks.

    Args:
        identity: whose recorder this is.
        entry: of the register, for the identity's number; null where there is none.
        here: the docking itself.
        others: earlier dockings with the same number or the same USB serial, in any order, and those whose recorder
            is in another bay now.
        policy: what becomes of recorders that the register does not know.
        is_quarantined_by_inlet: the allow list lets this device in under quarantine only.
        owners: numbers of the recorders for which the register has this USB serial.
    """
    troubles = _Troubles()
    status = entry.status if entry is not None else FleetStatus.UNKNOWN
    if is_quarantined_by_inlet:
        reason = "the device is not on the allow list · 设备不在允许列表"
        troubles.quarantine(reason, finding("device.not_allowed", evidence={"number": identity.recorder_id}))
    if status is FleetStatus.UNKNOWN and policy.unknown == "quarantine":
        troubles.quarantine(status.words, finding("device.not_in_register", evidence={"number": identity.recorder_id}))
    if entry is not None and not status.is_in_use:
        evidence = {"number": entry.number, "status": status.value, "reason": entry.reason}
        troubles.quarantine(status.words, finding("device.blocked", evidence=evidence))
    conflicts = conflicts_of(here, others, entry, owners)
    if conflicts:
        troubles.findings.append(_conflict(identity, here, entry, conflicts))
    if conflicts or any(one.code == "identity.conflict" for one in identity.findings):
        troubles.is_conflicting = True
        troubles.reasons.append("the sources of its identity disagree · 身份信息互相矛盾")
    return Admission(
        is_quarantined=troubles.is_quarantined,
        reason="; ".join(troubles.reasons),
        findings=tuple(troubles.findings),
        is_conflicting=troubles.is_conflicting,
    )


def conflicts_of(
    here: Sighting, others: Sequence[Sighting], entry: RegisterEntry | None, owners: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Signs that two recorders go by one number, or one by two. Each names what it contradicts.

    A serial that the register has for this number, or that a person accepted for it at an earlier docking, is beyond
    doubt: many cheap recorders repeat their serial, and an office that knows so enters it for each of them.
    """
    if here.number is None:
        return []
    found = [
        _sign("one number in two bays", other)
        for other in others
        if other.number == here.number and other.is_in_its_bay and _is_another_device(here, other)
    ]
    on_record = entry.usb_serials if entry is not None else ()
    is_vouched_for = here.usb_serial in on_record or any(
        other.is_vouched_for and (other.number, other.usb_serial) == (here.number, here.usb_serial) for other in others
    )
    if not here.usb_serial or is_vouched_for:
        return found
    if on_record:
        found.append({"sign": "another serial is on record", "usb_serials": list(on_record)})
    if owners:
        found.append({"sign": "the serial is on record for another number", "numbers": list(owners)})
    for other in others:
        if other.usb_serial == here.usb_serial and other.number not in (None, here.number):
            found.append(_sign("one serial under two numbers", other))
        elif other.number == here.number and other.usb_serial not in ("", here.usb_serial):
            found.append(_sign("one number with two serials", other))
    return found


def _is_another_device(here: Sighting, other: Sighting) -> bool:
    """Whether two dockings that go on together are of two devices; the volumes of one device share its USB port."""
    return other.bay != here.bay and not (here.usb_path and here.usb_path == other.usb_path)


def _sign(sign: str, other: Sighting) -> dict[str, Any]:
    return {
        "sign": sign,
        "docking_id": other.docking_id,
        "number": other.number,
        "usb_serial": other.usb_serial,
        "bay": other.bay,
    }


def _conflict(
    identity: RecorderIdentity, here: Sighting, entry: RegisterEntry | None, conflicts: list[dict[str, Any]]
) -> Finding:
    evidence = {
        "number": here.number,
        "usb_serial": here.usb_serial,
        "bay": here.bay,
        "sources": [list(source) for source in identity.evidence],
        "on_record": list(entry.usb_serials) if entry is not None else [],
        "conflicts": conflicts,
    }
    return finding("identity.conflict", evidence=evidence)
