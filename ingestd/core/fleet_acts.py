"""What people ask of the fleet register, the acts that follow, and what each act makes of a register entry.

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it: an act that is
allowed is one that can be shown, and a rebuilt catalogue is the same.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet import FleetStatus, MaintenanceKind, RegisterEntry

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=_PRINTABLE)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_PRINTABLE)]
Number = Annotated[str, StringConstraints(pattern=r"^[^\s,;\x00-\x1f\x7f]{1,64}$")]
Serial = Annotated[str, StringConstraints(pattern=r"^[^\s,;\x00-\x1f\x7f]{1,128}$")]
EnteredStatus = Literal["known", "blocked", "lost", "in_repair", "retired"]
"""The statuses that a person enters; `unknown` is what is not entered."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Add(_Request):
    """Enter a recorder in the register."""

    do: Literal["add"] = "add"
    number: Number
    status: EnteredStatus = "known"
    reason: Text = ""
    unit: Text = ""
    model: Text = ""
    usb_serials: tuple[Serial, ...] = ()
    note: Text = ""


class Change(_Request):
    """Change what the register says of a recorder; null leaves a field as it is."""

    do: Literal["change"] = "change"
    number: Number
    reason: Text = ""
    status: EnteredStatus | None = None
    unit: Text | None = None
    model: Text | None = None
    usb_serials: tuple[Serial, ...] | None = None
    note: Text | None = None


class Issue(_Request):
    """Hand a recorder out (发放)."""

    do: Literal["issue"] = "issue"
    number: Number
    to: Words
    note: Text = ""


class Return(_Request):
    """Take a recorder back (交回)."""

    do: Literal["return"] = "return"
    number: Number
    note: Text = ""


class Maintain(_Request):
    """Note that something was done to a recorder (维护、保养)."""

    do: Literal["maintain"] = "maintain"
    number: Number
    kind: MaintenanceKind
    note: Text = ""


class Settle(_Request):
    """A person's word on a docking that waits for one. `recorder` names the recorder, null accepts it as it stands."""

    do: Literal["settle"] = "settle"
    docking: Words
    recorder: Number | None = None
    reason: Words


RegisterRequest = Add | Change | Issue | Return | Maintain
Request = RegisterRequest | Settle
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def act_of(request: RegisterRequest, entry: RegisterEntry | None) -> Act | None:
    """The act that a request asks for; null where everything is so already.

    Args:
        entry: what the register holds of the recorder now; null for nothing.

    Raises:
        NotFoundError: the recorder is not in the register.
        RefusedError: the recorder's state does not allow it.
    """
    if request.by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
    act = _made(request, entry)
    if act is not None:
        applied(entry, act, "")
    return act


def _made(request: RegisterRequest, entry: RegisterEntry | None) -> Act | None:
    by, number = request.by, request.number
    match request:
        case Add():
            data = request.model_dump(mode="json", exclude={"do", "by", "number"})
            return Act(act="fleet.registered", actor=by, subject=number, data=data)
        case Change():
            asked = request.model_dump(mode="json", exclude={"do", "by", "number", "reason"}, exclude_none=True)
            standing = _document(_registered(entry, number))
            changes = {name: value for name, value in asked.items() if standing[name] != value}
            if not changes:
                return None
            data = {"changes": changes, "reason": request.reason}
            return Act(act="fleet.changed", actor=by, subject=number, data=data)
        case Issue():
            return Act(act="fleet.issued", actor=by, subject=number, data={"to": request.to, "note": request.note})
        case Return():
            data = {"from": _registered(entry, number).holder, "note": request.note}
            return Act(act="fleet.returned", actor=by, subject=number, data=data)
        case Maintain():
            data = {"kind": request.kind.value, "note": request.note}
            return Act(act="fleet.maintained", actor=by, subject=number, data=data)


def settling_act(request: Settle, docking_id: str, *, is_waiting: bool, is_registered: bool) -> Act:
    """The act by which a person settles a docking.

    Args:
        is_waiting: the docking waits for a person, or waited and was settled before (a later word replaces it).
        is_registered: the register knows the recorder that is named; true where none is.

    Raises:
        RefusedError: the docking is an ordinary one.
        NotFoundError: no such recorder.
    """
    if request.by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
    if not is_waiting:
        raise RefusedError(f"docking {docking_id} waits for nobody", "see: ingestd fleet unsettled")
    if not is_registered:
        raise _not_registered(str(request.recorder))
    data = {"docking_id": docking_id, "recorder": request.recorder, "reason": request.reason}
    return Act(act="docking.admitted", actor=request.by, subject=docking_id, data=data)


def applied(entry: RegisterEntry | None, act: Act, time: str) -> RegisterEntry:
    """A register entry after an act about it.

    Args:
        entry: before; null where there was none.
        time: of the act, as `core.clock.to_text`.

    Raises:
        NotFoundError, RefusedError: the act cannot follow on this entry.
    """
    number, data = str(act.subject), act.data
    if act.act == "fleet.registered":
        if entry is not None:
            raise RefusedError(f"recorder {number} is in the register already", f"see: ingestd fleet show {number}")
        return _with(RegisterEntry(number), data)
    standing = _registered(entry, number)
    match act.act:
        case "fleet.changed":
            reason = {"reason": data["reason"]} if "status" in data["changes"] else {}
            return _with(standing, data["changes"] | reason)
        case "fleet.issued":
            return _issued(standing, str(data["to"]), time)
        case "fleet.returned":
            if standing.holder is None:
                raise RefusedError(f"recorder {number} is issued to nobody")
            return replace(standing, holder=None, issued_at=None)
        case _:
            return standing


def _issued(entry: RegisterEntry, to: str, time: str) -> RegisterEntry:
    if entry.holder is not None:
        advice = f"take it back first: ingestd fleet return {entry.number}"
        raise RefusedError(f"recorder {entry.number} is issued to {entry.holder}", advice)
    if entry.status is not FleetStatus.KNOWN:
        advice = f"when it may be used again: ingestd fleet status {entry.number} known --reason …"
        raise RefusedError(f"recorder {entry.number} is {entry.status.words}; it cannot be issued", advice)
    return replace(entry, holder=to, issued_at=time)


def _with(entry: RegisterEntry, data: dict[str, Any]) -> RegisterEntry:
    values = dict(data)
    if "status" in values:
        values["status"] = FleetStatus(values["status"])
    if "usb_serials" in values:
        values["usb_serials"] = tuple(values["usb_serials"])
    return replace(entry, **values)


def _document(entry: RegisterEntry) -> dict[str, Any]:
    return {
        "status": entry.status.value,
        "unit": entry.unit,
        "model": entry.model,
        "usb_serials": list(entry.usb_serials),
        "note": entry.note,
    }


def _registered(entry: RegisterEntry | None, number: str) -> RegisterEntry:
    if entry is None:
        raise _not_registered(number)
    return entry


def _not_registered(number: str) -> NotFoundError:
    return NotFoundError(f"recorder {number} is not in the register", f"enter it: ingestd fleet add {number}")
