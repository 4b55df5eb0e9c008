"""What helpers that speak to recorders write down, as acts of the ledger, and what of it names a docked disk.

A helper writes one canonical JSON line before it does something that changes a recorder. The station takes each line
over as it stands; one that is no such line is kept in the ledger by its bytes, so that nothing of it is lost.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from ingestd.core.clock import from_text
from ingestd.core.custody import Act
from ingestd.core.findings import Finding
from ingestd.core.manifest import canonical_json, sha256_of

DEVICE_ACTS: Final = (
    "device.unlock_asked",
    "device.unlock_refused",
    "device.info_read",
    "device.clock_read",
    "device.clock_set_asked",
    "device.disk_asked",
)
"""What a helper writes down."""

UNREADABLE: Final = "device.line_unreadable"
"""The act for a line that is none of a helper's."""

RETURN_SECONDS: Final = 60.0
"""A recorder that was asked to become a disk comes back within so long, or its number is not believed of the disk."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "device.info_read": ("info",),
    "device.clock_read": ("finding",),
    "device.clock_set_asked": ("set_to_local", "zone", "offset_before_s", "uncertainty_s"),
}
_VISIT: Final = r"^[A-Za-z0-9-]{1,64}$"
_Short = Annotated[str, StringConstraints(max_length=512)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Visit(_Strict):
    visit_id: str = Field(pattern=_VISIT)
    address: _Short
    usb_id: _Short
    dialect: _Short
    usb_path: _Short = ""
    usb_serial: _Short = ""


class _Info(_Strict):
    device_number: _Short
    user_number: _Short | None = None
    user_name: _Short | None = None
    unit_number: _Short | None = None
    unit_name: _Short | None = None
    undecoded: dict[str, str] = Field(default_factory=dict)


class _Line(_Strict):
    act: Literal[
        "device.unlock_asked",
        "device.unlock_refused",
        "device.info_read",
        "device.clock_read",
        "device.clock_set_asked",
        "device.disk_asked",
    ]
    at: str
    by: Annotated[str, StringConstraints(min_length=1, max_length=512)] = "station"
    number: int = Field(ge=1)
    visit: _Visit
    info: _Info | None = None
    finding: dict[str, Any] | None = None
    set_to_local: _Short | None = None
    zone: _Short | None = None
    offset_before_s: float | None = None
    uncertainty_s: float | None = None

    @field_validator("at")
    @classmethod
    def _at_is_a_time(cls, at: str) -> str:
        from_text(at)
        return at

    @field_validator("finding")
    @classmethod
    def _finding_is_an_offset(cls, document: dict[str, Any] | None) -> dict[str, Any] | None:
        if document is not None:
            evidence = Finding.model_validate(document).evidence or {}
            if not all(isinstance(evidence.get(key), int | float) for key in ("offset_s", "uncertainty_s")):
                raise ValueError("no clock offset")
        return document

    @model_validator(mode="after")
    def _what_the_act_needs_is_there(self) -> Self:
        if any(getattr(self, name) is None for name in _NEEDED.get(self.act, ())):
            raise ValueError(f"{self.act} without {', '.join(_NEEDED[self.act])}")
        return self


def act_of_line(line: bytes, visit_id: str) -> Act:
    """The act that a line of a helper's file stands for; `UNREADABLE` with its bytes for a line that is none.

    Args:
        line: with its newline; a line without one was torn.
        visit_id: that the file is named for.
    """
    try:
        if not line.endswith(b"\n"):
            raise ValueError("torn: what it announces was not done")
        document = json.loads(line)
        told = _Line.model_validate(document)
        if canonical_json(document) + b"\n" != line:
            raise ValueError("not in the form in which a helper writes")
        if told.visit.visit_id != visit_id:
            raise ValueError("of another visit than its file")
    except (ValueError, RecursionError) as error:
        data = {
            "reason": _words(error),
            "line_sha256": sha256_of(line),
            "line_b64": base64.b64encode(line).decode("ascii"),
        }
        return Act(act=UNREADABLE, subject=visit_id, data=data)
    data = {key: value for key, value in document.items() if key not in ("act", "by")}
    return Act(act=told.act, actor=told.by, subject=visit_id, data=data | {"line_sha256": sha256_of(line)})


def acts_of_file(data: bytes, visit_id: str, entered: frozenset[str], *, is_over: bool) -> list[Act]:
    """The acts of a helper's file that do not stand in the ledger yet, in order, each once.

    Args:
        data: the file.
        visit_id: that it is named for.
        entered: SHA-256 of the lines that stand in the ledger.
        is_over: the helper has ended. While it has not, a last line without an end is still being written.
    """
    # At line feeds alone: bytes.splitlines takes a carriage return for an end as well.
    lines = [part for part in re.split(rb"(?<=\n)", data) if part]
    if lines and not lines[-1].endswith(b"\n") and not is_over:
        lines.pop()
    acts = {(act := act_of_line(line, visit_id)).data["line_sha256"]: act for line in lines}
    return [act for digest, act in acts.items() if digest not in entered]


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}"[:200]
    return (str(error) or type(error).__name__)[:200].encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class VisitAct:
    """An act of a visit: `at` as `core.clock.to_text`, `number` that the recorder told; null where it told none."""

    visit_id: str
    act: str
    at: str
    usb_serial: str
    number: str | None


def told_of_disk(acts: Sequence[VisitAct], usb_serial: str, came_at: dt.datetime) -> Mapping[str, str]:
    """What a recorder told of itself before it came back as the disk that is plugged in now; nothing where unsure.

    It is the same recorder only where the last visit at its USB port asked it to become a disk, it came back at once,
    and its serial, where it gave one before and after, is the same. A number of zeros names nobody.

    Args:
        acts: of visits at the disk's USB port, in the order of the ledger.
        usb_serial: of the disk; empty where it gives none.
        came_at: when the disk was noticed.

    Returns: `api_device` and `api_visit` as of `Mounted.volume`, or nothing.
    """
    if not acts:
        return {}
    visit = [act for act in acts if act.visit_id == acts[-1].visit_id]
    asked = [from_text(act.at) for act in visit if act.act == "device.disk_asked"]
    numbers = {act.number for act in visit if act.number is not None and act.number.strip("0")}
    serials = {act.usb_serial for act in visit if act.usb_serial} | ({usb_serial} if usb_serial else set())
    if len(numbers) != 1 or len(serials) > 1 or not asked:
        return {}
    if not 0 <= (came_at - asked[-1]).total_seconds() <= RETURN_SECONDS:
        return {}
    return {"api_device": numbers.pop(), "api_visit": visit[0].visit_id}
