"""Registration of a recording (分类登记): what stands in each field, by whom or from where, and what still lacks.

What people enter stands before what the station knows. What the station knows and doubts fills no field: it is shown,
and a person says whether it is so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ingestd.core.registration_rules import AT_SEA, KnownField, RegistrationRule, Required, asks_scene


@dataclass(frozen=True, slots=True)
class Known:
    """What the station knows of a field without a person's entry, and from where (`roster`, `case 2026-017` …)."""

    values: tuple[str, ...]
    source: str
    is_doubtful: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"values": list(self.values), "source": self.source, "is_doubtful": self.is_doubtful}


def known_of(document: Mapping[str, Any]) -> Known:
    """The inverse of `Known.document`."""
    return Known(tuple(document["values"]), document["source"], document["is_doubtful"])


Facts = Mapping[KnownField, Known]


@dataclass(frozen=True, slots=True)
class Given:
    """What a person entered in a field; `entered_at` is UTC text."""

    values: tuple[str, ...]
    entered_by: str
    entered_at: str


class LineState(StrEnum):
    """How a field of the form stands."""

    FILLED = "filled"
    LACKS = "lacks"
    DOUBTFUL = "doubtful"
    """Required, and what the station knows of it is doubtful: a person says."""
    EMPTY = "empty"
    """Not required here, and empty."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    LineState.FILLED: "filled · 已登记",
    LineState.LACKS: "LACKS · 缺项",
    LineState.DOUBTFUL: "DOUBTFUL, enter it · 存疑，须人工登记",
    LineState.EMPTY: "– · 不要求",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A field with what stands in it. `given` is the person's entry, null where the station filled it."""

    field: str
    shown: str
    state: LineState
    values: tuple[str, ...]
    source: str
    given: Given | None
    rule: RegistrationRule | None


@dataclass(frozen=True, slots=True)
class Form:
    """One recording's registration under a regime. `is_at_sea` is null where nobody said and nothing tells."""

    lines: tuple[Line, ...]
    is_at_sea: bool | None

    @property
    def lacks(self) -> tuple[str, ...]:
        """Ids of the fields that a person still has to fill."""
        return tuple(line.field for line in self.lines if line.state in (LineState.LACKS, LineState.DOUBTFUL))

    @property
    def is_complete(self) -> bool:
        """Whether all that is required is there."""
        return not self.lacks


def form_of(
    rules: tuple[RegistrationRule, ...], facts: Facts, given: Mapping[str, Given], *, is_at_sea: bool | None
) -> Form:
    """The form of a recording.

    Args:
        given: entries of people by field, also of fields that the regime does not have (any more).
        is_at_sea: as of `scene_of`.
    """
    lines = [_line(rule, facts, given.get(rule.id), is_at_sea) for rule in rules]
    if asks_scene(rules):
        lines.insert(0, _scene_line(given.get(AT_SEA), is_at_sea))
    known = {rule.id for rule in rules} | {AT_SEA}
    for field, entry in given.items():
        if field not in known:
            lines.append(Line(field, field, LineState.FILLED, entry.values, "person", entry, None))
    return Form(tuple(lines), is_at_sea)


def scene_of(given: Mapping[str, Sequence[str]], *, has_vessel: bool) -> bool | None:
    """Whether it was at sea: by a person's word; else it was where a vessel stands beside the recording."""
    if AT_SEA in given:
        return tuple(given[AT_SEA]) == ("yes",)
    return True if has_vessel else None


def known_bits(facts: Facts, given: Mapping[str, Sequence[str]]) -> int:
    """The known fields that are filled, a bit each in their order: what a query judges thousands of forms by."""
    bits = 0
    for place, field in enumerate(KnownField):
        fact = facts.get(field)
        if field in given or (fact is not None and not fact.is_doubtful):
            bits |= 1 << place
    return bits


def bit_of(field: str) -> int | None:
    """The bit of a field in `known_bits`; null for one that only people fill."""
    names = [one.value for one in KnownField]
    return 1 << names.index(field) if field in names else None


def _line(rule: RegistrationRule, facts: Facts, entry: Given | None, is_at_sea: bool | None) -> Line:
    if entry is not None:
        return Line(rule.id, rule.shown, LineState.FILLED, entry.values, "person", entry, rule)
    fact = facts.get(KnownField(rule.id)) if bit_of(rule.id) is not None else None
    values, source = (fact.values, fact.source) if fact is not None else ((), "")
    if fact is not None and not fact.is_doubtful:
        state = LineState.FILLED
    elif not _is_required(rule, is_at_sea):
        state = LineState.EMPTY
    else:
        state = LineState.LACKS if fact is None else LineState.DOUBTFUL
    return Line(rule.id, rule.shown, state, values, source, None, rule)


def _scene_line(entry: Given | None, is_at_sea: bool | None) -> Line:
    if entry is not None:
        values, source = entry.values, "person"
    else:
        values, source = (("yes",), "vessel") if is_at_sea else ((), "")
    state = LineState.LACKS if is_at_sea is None else LineState.FILLED
    return Line(AT_SEA, "at sea (yes, no) · 是否海上执法", state, values, source, entry, None)


def _is_required(rule: RegistrationRule, is_at_sea: bool | None) -> bool:
    """Where nobody knows whether it was at sea, that alone lacks: what depends on it is asked for afterwards."""
    match rule.required:
        case Required.ALWAYS:
            return True
        case Required.AT_SEA:
            return is_at_sea is True
        case Required.ASHORE:
            return is_at_sea is False
        case _:
            return False
