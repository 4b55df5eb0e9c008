"""Cases and activities as other systems write them: Chinese or English words, local times, lists in one cell. Pure.

What is read is a request to the case register; what cannot be read is said with its place, the reason and the fix.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from ingestd.core.case_requests import EnterActivity, Put
from ingestd.core.cases import ActivityKind, CaseFlag, Stage
from ingestd.core.clock import to_text

CASE_KEYS: Mapping[str, str] = {
    "案号": "number",
    "案由": "cause",
    "执法类别": "category",
    "阶段": "stage",
    "当事人": "parties",
    "地点": "place",
    "执法人员": "officers",
    "承办机构": "unit",
    "立案日期": "opened_on",
    "终结日期": "concluded_on",
    "归档日期": "closed_on",
    "保管期限至": "term_until",
    "归档期限": "filing_due_on",
    "归档期限依据": "filing_basis",
    "标记": "flags",
    "备注": "note",
}
"""Chinese names of what a case has."""

ACTIVITY_KEYS: Mapping[str, str] = {
    "案号": "number",
    "活动编号": "id",
    "活动": "kind",
    "地点": "place",
    "开始时间": "began_at",
    "结束时间": "ended_at",
    "执法人员": "officers",
    "全程无间断": "is_uninterrupted",
    "备注": "note",
}
"""Chinese names of what an activity has."""

_SEPARATOR = re.compile(r"[;；、]")
_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_MOMENT = re.compile(rf"{_DAY.pattern}[ T]([0-9]{{1,2}})[:：]([0-9]{{2}})(?:[:：]([0-9]{{2}}))?")
_YES, _NO = frozenset(("true", "yes", "1", "是")), frozenset(("false", "no", "0", "否", ""))
_DAYS = ("opened_on", "concluded_on", "closed_on", "term_until", "filing_due_on")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one entry: the key (or column), the value as it was given, what, and what to write."""

    key: str
    what: str
    fix: str
    value: str | None = None

    @property
    def sentence(self) -> str:
        """Key, value and what is wrong, for people."""
        shown = f" = {self.value!r}" if self.value is not None else ""
        return f"{self.key}{shown}: {self.what}" if self.key else self.what


@dataclass(frozen=True, slots=True)
class Imported:
    """One entry of a file or a push: the request that it asks for, or its faults. `place` is its line or number."""

    place: str
    number: str
    request: Put | EnterActivity | None
    faults: tuple[Fault, ...] = ()


def imported_cases(
    documents: Sequence[tuple[str, Any]], *, by: str, source: Literal["import", "push"], zone: ZoneInfo
) -> list[Imported]:
    """Entries as requests, each with its place. A number that stands there twice is a fault of the later one.

    Args:
        documents: place and what was read there; keys in English or Chinese.
        by: who brings them in.
        zone: of times that name none.
    """
    return _each_once(
        [_case(place, document, by, source, zone) for place, document in documents], lambda one: one.number
    )


def imported_activities(documents: Sequence[tuple[str, Any]], *, by: str, zone: ZoneInfo) -> list[Imported]:
    """Entries of activities as requests; one without an id is known by its kind and its beginning."""
    found = [_activity_entry(place, document, by, zone) for place, document in documents]
    return _each_once(found, _activity_key)


def _each_once(entries: list[Imported], key_of: Callable[[Imported], str]) -> list[Imported]:
    first: dict[str, str] = {}
    checked = []
    for one in entries:
        key = key_of(one)
        before = first.setdefault(key, one.place) if key and one.request is not None else one.place
        if before != one.place:
            fault = Fault("", f"{key} stands in {before} already", "keep one entry for each")
            checked.append(replace(one, request=None, faults=(*one.faults, fault)))
        else:
            checked.append(one)
    return checked


def _activity_key(one: Imported) -> str:
    request = one.request
    return f"{one.number} {request.activity_id}" if isinstance(request, EnterActivity) else ""


def _case(place: str, document: Any, by: str, source: str, zone: ZoneInfo) -> Imported:
    faults: list[Fault] = []
    entry = _named(document, CASE_KEYS, faults)
    if entry is None:
        return Imported(place, "", None, tuple(faults))
    number = str(entry.get("number", ""))
    _read(entry, "stage", _word_reader(Stage), faults)
    _read(entry, "flags", lambda value: [_word_of(CaseFlag, one) for one in _list_of(value)], faults)
    for name in ("parties", "officers"):
        _read(entry, name, _list_of, faults)
    for name in _DAYS:
        _read(entry, name, _day_of, faults)
    activities = entry.pop("activities", None)
    if activities is not None and not isinstance(activities, list):
        faults.append(Fault("activities", "is no list", "write a list of activities"))
    elif activities is not None:
        entry["activities"] = [
            _activity(one, f"activities[{position}]", zone, faults) for position, one in enumerate(activities)
        ]
    if faults:
        return Imported(place, number, None, tuple(faults))
    try:
        request = Put.model_validate({**entry, "by": by, "source": source, "do": "put"})
    except ValidationError as error:
        return Imported(place, number, None, _refusals(error, CASE_KEYS))
    return Imported(place, request.number, request)


def _activity_entry(place: str, document: Any, by: str, zone: ZoneInfo) -> Imported:
    faults: list[Fault] = []
    number = str((_named(document, ACTIVITY_KEYS, faults) or {}).get("number", ""))
    faults.clear()
    entry = _activity(document, "", zone, faults)
    if faults:
        return Imported(place, number, None, tuple(faults))
    entry["activity_id"] = entry.pop("id", None)
    try:
        request = EnterActivity.model_validate({**entry, "by": by, "do": "activity"})
    except ValidationError as error:
        return Imported(place, number, None, _refusals(error, ACTIVITY_KEYS))
    return Imported(place, request.number, request)


def _activity(document: Any, place: str, zone: ZoneInfo, faults: list[Fault]) -> dict[str, Any]:
    mine: list[Fault] = []
    entry = _named(document, ACTIVITY_KEYS, mine) or {}
    if not mine:
        _read(entry, "kind", _word_reader(ActivityKind), mine)
        _read(entry, "officers", _list_of, mine)
        _read(entry, "is_uninterrupted", _yes_or_no, mine)
        for name in ("began_at", "ended_at"):
            _read(entry, name, lambda value: _moment_of(value, zone), mine)
    if not mine and not entry.get("id") and entry.get("kind"):
        # A case system that numbers no activities sends the same one again: it must be known by what it is.
        began = entry.get("began_at")
        when = f"-{dt.datetime.fromisoformat(began).astimezone(zone):%Y%m%d-%H%M}" if began else ""
        entry["id"] = f"{entry['kind']}{when}"
    faults += [replace(one, key=".".join(filter(None, (place, one.key)))) for one in mine]
    return entry


def _named(document: Any, names: Mapping[str, str], faults: list[Fault]) -> dict[str, Any] | None:
    """The entry with English keys; empty cells and nulls are left out."""
    if not isinstance(document, Mapping):
        faults.append(Fault("", "is no entry with names and values", 'write it as {"number": …}'))
        return None
    entry: dict[str, Any] = {}
    for key, value in document.items():
        name = names.get(key, key)
        if name in entry or (name != key and name in document):
            faults.append(Fault(key, "is there twice, in Chinese and in English", "keep one of them"))
        elif name in ("by", "do", "source"):
            faults.append(Fault(key, "cannot be said here", "take it out"))
        elif value is not None and value != "":
            entry[name] = value
    return entry


def _read(entry: dict[str, Any], name: str, read: Callable[[Any], Any], faults: list[Fault]) -> None:
    if name in entry:
        try:
            entry[name] = read(entry[name])
        except _UnreadableError as error:
            faults.append(Fault(name, error.what, error.fix, str(entry[name])[:60]))


class _UnreadableError(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


def _word_reader(kind: type[StrEnum]) -> Callable[[Any], str]:
    return lambda value: _word_of(kind, value)


def _word_of(kind: type[StrEnum], value: Any) -> str:
    """The id of a word that is written as id, in English or in Chinese, with or without what stands in brackets."""
    wanted = _bare(value) if isinstance(value, str) else ""
    for member in kind:
        english, _, chinese = getattr(member, "words").partition(" · ")  # noqa: B009 - each of these kinds has words
        if wanted and wanted in (member.value, _bare(english), _bare(chinese)):
            return str(member.value)
    known = ", ".join(f"{one.value} ({getattr(one, 'words').partition(' · ')[2]})" for one in kind)  # noqa: B009
    raise _UnreadableError("is not one of the known words", f"write one of {known}")


def _bare(words: str) -> str:
    return re.sub(r"[（(].*?[）)]", "", words).strip().lower()


def _list_of(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise _UnreadableError("is no list", "write a list, or one text with ; in between")
    return [one for part in _SEPARATOR.split(value) if (one := part.strip())]


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise _UnreadableError("is neither yes nor no", "write 是 or 否")
    return word in _YES


def _day_of(value: Any) -> str:
    match = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if match is not None:
            return dt.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        pass
    raise _UnreadableError("is no day", "write a day that is in the calendar, as 2026-03-02")


def _moment_of(value: Any, zone: ZoneInfo) -> str:
    try:
        if isinstance(value, str):
            match = _MOMENT.fullmatch(value.strip())
            if match is not None:
                parts = [int(part) for part in match.groups(default="0")]
                return to_text(dt.datetime(*parts, tzinfo=zone))  # type: ignore[misc, arg-type]
            moment = dt.datetime.fromisoformat(value.strip())
            if "T" in value or " " in value.strip():
                return to_text(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        pass
    raise _UnreadableError("is no time", "write a time that was, as 2026-03-02 09:15")


def _refusals(error: ValidationError, names: Mapping[str, str]) -> tuple[Fault, ...]:
    faults = []
    for detail in error.errors(include_url=False):
        key = ".".join(str(part) for part in detail["loc"])
        value = None if isinstance(detail["input"], Mapping | list) else str(detail["input"])[:60]
        match detail["type"]:
            case "extra_forbidden":
                what, fix = "there is no such key", f"take it out; the keys are {', '.join(names.values())}"
            case "missing":
                what, fix, value = "is missing", f"give {key}", None
            case "value_error":
                what, fix = str(detail["msg"]).removeprefix("Value error, "), "correct it"
            case _:
                what = "has characters, a length or a form not allowed here"
                fix = "write it in fewer characters, without control characters; a number without blanks"
        faults.append(Fault(key, what, fix, value))
    return tuple(faults)
