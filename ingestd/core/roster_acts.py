"""What people ask of the roster, the acts that follow, and what each act makes of an entry.

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it: an act that is
allowed is one that can be shown, and a rebuilt catalogue is the same. Each act carries the row before and after it.
"""

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roster import YEARS, RosterEntry

ROSTER_ACTS = ("roster.entered", "roster.ended", "roster.corrected", "roster.withdrawn")

_FULL_WIDTH = str.maketrans({chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code).isalnum()})


def _plain(text: str) -> str:
    for one in text:
        if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise ValueError(f"has the invisible character U+{ord(one):04X}; write it anew, without copying it")
    return text


def _half_width(text: str) -> str:
    mended = text.translate(_FULL_WIDTH)
    if mended != text:
        raise ValueError(f"has full-width characters, which no recorder writes; write {mended}")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_plain)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_plain)]
RecorderNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s,;#\x00-\x1f\x7f][^\s,;\x00-\x1f\x7f]{0,63}$"),
    AfterValidator(_plain),
    AfterValidator(_half_width),
]
Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=64),
    AfterValidator(_plain),
    AfterValidator(_half_width),
]


def _plausible(moment: dt.datetime) -> dt.datetime:
    # A day of slack on both sides: the bureau's zone is not known here.
    if not YEARS.start - 1 <= moment.year <= YEARS.stop:
        raise ValueError(f"is no plausible day; terms lie between {YEARS.start} and {YEARS.stop - 1}")
    if moment.second or moment.microsecond:
        raise ValueError("terms begin and end at whole minutes; write it without seconds")
    return moment.astimezone(dt.UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Add(_Request):
    """An officer has a recorder from some moment on."""

    do: Literal["add"] = "add"
    recorder: RecorderNumber
    officer: Words
    certificate: Reference = ""
    unit: Text = ""
    user: Reference = ""
    begins_at: Moment
    ends_at: Moment | None = None
    reason: Text = ""

    @property
    def row(self) -> RosterEntry:
        """What it asks to be entered."""
        return RosterEntry(
            self.recorder, self.officer, self.certificate, self.unit, self.begins_at, self.ends_at, self.user
        )


class End(_Request):
    """The officer has the recorder no longer."""

    do: Literal["end"] = "end"
    entry_id: int = Field(ge=1)
    ends_at: Moment
    reason: Text = ""


class Correct(_Request):
    """An entry was wrong from the start; null leaves a field as it is. `is_open` takes its end away."""

    do: Literal["correct"] = "correct"
    entry_id: int = Field(ge=1)
    reason: Words
    recorder: RecorderNumber | None = None
    officer: Words | None = None
    certificate: Reference | None = None
    unit: Text | None = None
    user: Reference | None = None
    begins_at: Moment | None = None
    ends_at: Moment | None = None
    is_open: bool = False


class Withdraw(_Request):
    """An entry should never have been made: it names nobody any more, its history stays."""

    do: Literal["withdraw"] = "withdraw"
    entry_id: int = Field(ge=1)
    reason: Words


Request = Add | End | Correct | Withdraw
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry as the register holds it. `entry_id` is its running number, which is never given again.

    `file` names the roster file whose row it is, empty where people entered it; `filed` is the row as that file had
    it when it was last looked at, null once the file has it no longer.
    """

    entry_id: int
    entry: RosterEntry
    is_withdrawn: bool = False
    file: str = ""
    filed: RosterEntry | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """Marks an act as one of the roster file: its name and the row as it stands there, null for a row taken out."""

    file: str
    row: RosterEntry | None


class RosterDraft:
    """The register as it is once the requests before are entered. Pure; enters nothing itself."""

    def __init__(self, standing: Iterable[Standing]) -> None:
        self._standing = {one.entry_id: one for one in standing}
        self._of_recorder: dict[str, set[int]] = {}
        for one in self._standing.values():
            self._of_recorder.setdefault(one.entry.recorder, set()).add(one.entry_id)
        self._next_id = max(self._standing, default=0) + 1

    def decide(self, request: Request, filing: Filing | None = None) -> Act | None:
        """The act that a request asks for, which counts for those after it; null where everything is so already.

        Raises:
            NotFoundError: there is no such entry.
            RefusedError: what the register holds does not allow it; the draft is as it was.
        """
        if request.by == "station":
            raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
        match request:
            case Add():
                return self._add(request, filing)
            case End():
                return self._end(request, filing)
            case Correct():
                return self._correct(request, filing)
            case Withdraw():
                return self._withdraw(request, filing)

    def find(self, entry_id: int) -> Standing:
        """An entry, withdrawn or not.

        Raises:
            NotFoundError: there is none.
        """
        if entry_id not in self._standing:
            raise NotFoundError(f"the roster has no entry {entry_id}", "see: ingestd roster list")
        return self._standing[entry_id]

    def live(self, recorder: str) -> Iterator[Standing]:
        """Entries of a recorder that were not withdrawn, in the order in which they were made."""
        for entry_id in sorted(self._of_recorder.get(recorder, ())):
            if not self._standing[entry_id].is_withdrawn:
                yield self._standing[entry_id]

    def all(self) -> list[Standing]:
        """Every entry, withdrawn or not."""
        return list(self._standing.values())

    def _add(self, request: Add, filing: Filing | None) -> Act | None:
        row = request.row
        for one in self.live(row.recorder):
            if one.entry == row:
                return None
            is_ended = row.ends_at is not None and one.entry.ends_at is None
            if filing is None and is_ended and replace(one.entry, ends_at=row.ends_at) == row:
                # The same row with its end filled in: how a table tells that somebody gave a recorder back. What the
                # roster file changed is found out by its other rows, and never asked for as a new one.
                assert row.ends_at is not None
                end = End(by=request.by, entry_id=one.entry_id, ends_at=row.ends_at, reason=request.reason)
                return self._end(end, None)
        self._check(row, besides=None)
        data = {"entry_id": self._next_id, "before": None, "after": row_document(row), "reason": request.reason}
        return self._kept(Act(act="roster.entered", actor=request.by, subject=row.recorder, data=data), filing)

    def _end(self, request: End, filing: Filing | None) -> Act | None:
        one = self._live(request.entry_id)
        if one.entry.ends_at == request.ends_at:
            return None
        if one.entry.ends_at is not None:
            raise RefusedError(
                f"entry {one.entry_id} ended already", f"where that is wrong: ingestd roster correct {one.entry_id}"
            )
        row = replace(one.entry, ends_at=request.ends_at)
        self._check(row, besides=one.entry_id)
        data = _change(request, one, row)
        return self._kept(Act(act="roster.ended", actor=request.by, subject=row.recorder, data=data), filing)

    def _correct(self, request: Correct, filing: Filing | None) -> Act | None:
        one = self._live(request.entry_id)
        if request.is_open and request.ends_at is not None:
            raise RefusedError("an entry cannot both end and have no end", "give one of the two")
        given = {name: getattr(request, name) for name in _CORRECTABLE if getattr(request, name) is not None}
        if request.is_open:
            given["ends_at"] = None
        row = replace(one.entry, **given)
        if row == one.entry:
            return None
        self._check(row, besides=one.entry_id)
        data = _change(request, one, row)
        return self._kept(Act(act="roster.corrected", actor=request.by, subject=row.recorder, data=data), filing)

    def _withdraw(self, request: Withdraw, filing: Filing | None) -> Act | None:
        one = self.find(request.entry_id)
        if one.is_withdrawn:
            return None
        data, recorder = _change(request, one, None), one.entry.recorder
        return self._kept(Act(act="roster.withdrawn", actor=request.by, subject=recorder, data=data), filing)

    def _live(self, entry_id: int) -> Standing:
        one = self.find(entry_id)
        if one.is_withdrawn:
            raise RefusedError(f"entry {entry_id} was withdrawn", "enter it anew: ingestd roster add")
        return one

    def _check(self, row: RosterEntry, besides: int | None) -> None:
        if row.ends_at is not None and row.ends_at <= row.begins_at:
            raise RefusedError("the term would be over before it begins", "exchange or correct the two days")
        for other in self.live(row.recorder):
            if other.entry_id != besides and other.entry.is_same_officer(row) and other.entry.overlaps(row):
                name = other.entry.officer
                raise RefusedError(
                    f"overlaps entry {other.entry_id}: {name} has recorder {row.recorder} then already",
                    f"end or correct entry {other.entry_id} first; two officers of one name need certificate numbers",
                )

    def _kept(self, act: Act, filing: Filing | None) -> Act:
        """The act with the mark of the file, applied to the draft."""
        if filing is not None:
            filed = row_document(filing.row) if filing.row is not None else None
            act = act.model_copy(update={"data": act.data | {"file": filing.file, "filed": filed}})
        after = applied(self._standing.get(act.data["entry_id"]), act)
        before = self._standing.get(after.entry_id)
        if before is not None:
            self._of_recorder[before.entry.recorder].discard(before.entry_id)
        self._standing[after.entry_id] = after
        self._of_recorder.setdefault(after.entry.recorder, set()).add(after.entry_id)
        self._next_id = max(self._next_id, after.entry_id + 1)
        return act


_CORRECTABLE = ("recorder", "officer", "certificate", "unit", "user", "begins_at", "ends_at")


def _change(request: End | Correct | Withdraw, one: Standing, row: RosterEntry | None) -> dict[str, Any]:
    return {
        "entry_id": one.entry_id,
        "before": row_document(one.entry),
        "after": row_document(row) if row is not None else None,
        "reason": request.reason,
    }


def applied(standing: Standing | None, act: Act) -> Standing:
    """An entry after an act about it.

    Args:
        standing: before; null where there was none.

    Raises:
        NotFoundError, RefusedError: the act cannot follow on this entry.
    """
    data = act.data
    entry_id = int(data["entry_id"])
    if act.act == "roster.entered":
        if standing is not None:
            raise RefusedError(f"the roster has entry {entry_id} already")
        after = Standing(entry_id, row_of(data["after"]))
    elif standing is None:
        raise NotFoundError(f"the roster has no entry {entry_id}")
    elif standing.is_withdrawn or data["before"] != row_document(standing.entry):
        raise RefusedError(f"entry {entry_id} is not as the act found it")
    elif act.act == "roster.withdrawn":
        after = replace(standing, is_withdrawn=True)
    else:
        after = replace(standing, entry=row_of(data["after"]))
    if "file" in data:
        after = replace(after, file=data["file"], filed=row_of(data["filed"]) if data["filed"] is not None else None)
    return after


def row_document(row: RosterEntry) -> dict[str, Any]:
    """A row as JSON; times in UTC, `ends_at` null while the term lasts."""
    return {
        "recorder": row.recorder,
        "officer": row.officer,
        "certificate": row.certificate,
        "unit": row.unit,
        "user": row.user,
        "begins_at": to_text(row.begins_at),
        "ends_at": to_text(row.ends_at) if row.ends_at is not None else None,
    }


def row_of(document: dict[str, Any]) -> RosterEntry:
    """The inverse of `row_document`."""
    ends_at = document["ends_at"]
    times = {"begins_at": from_text(document["begins_at"]), "ends_at": from_text(ends_at) if ends_at else None}
    return RosterEntry(**{**document, **times})
