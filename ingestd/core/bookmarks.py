"""What is said and shown where in a recording, and whether that is all that the regime asks for. Pure.

江门 33, 34 and 36, 海洋 27(一) and (三) and 民政 13¶2 ask for things to be told or filmed; nobody but a person who
watches can say that they are. A checklist shows what somebody marked and what nobody did, and judges no picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingestd.core.bookmark_rules import Asked, BookmarkRule


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in a recording that a person marked.

    `bookmark_id` is the entry of the ledger. `at_s` counts seconds from the recording's start. Removed bookmarks say
    when, by whom and why; null while they stand. The spoken reason of an explanation is a mark as well: then
    `bookmark_id` is the entry of the explanation, and `explains` the key of its finding.
    """

    bookmark_id: int
    recording_id: str
    at_s: float
    kind: str
    words: str
    marked_by: str
    marked_at: str
    removed_at: str | None = None
    removed_by: str | None = None
    removed_reason: str | None = None
    explains: str | None = None

    @property
    def is_standing(self) -> bool:
        """Whether nobody removed it."""
        return self.removed_at is None


@dataclass(frozen=True, slots=True)
class Interruption:
    """A finding that counts as an interruption.

    `recordings` are those in which the spoken reason may stand: the ones that the finding is about and the next of the
    take. `from_s` is the earliest second in `within`, for an interruption inside that file; null for one between files.
    """

    finding_key: str
    code: str
    recordings: tuple[str, ...]
    within: str | None = None
    from_s: float | None = None

    def is_spoken_of(self, mark: Bookmark) -> bool:
        """Whether this mark is, or may be, the spoken reason of it."""
        if mark.explains is not None:
            return mark.explains == self.finding_key
        if mark.recording_id not in self.recordings:
            return False
        return mark.recording_id != self.within or self.from_s is None or mark.at_s >= self.from_s


class ItemState(StrEnum):
    """Where one line of the checklist stands."""

    MARKED = "marked"
    MISSING = "missing"
    """The regime asks for it here, and nobody marked it."""
    DEPENDS = "depends"
    """Nobody marked it, and whether it is asked for here is for a person to say."""
    NOT_ASKED = "not_asked"
    """Nobody marked it, and it is not asked for here."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    ItemState.MARKED: "marked · 已标注",
    ItemState.MISSING: "MISSING · 未标注",
    ItemState.DEPENDS: "not marked; asked for only as said · 未标注（视情况）",
    ItemState.NOT_ASKED: "not asked for here · 不要求",
}


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One kind of the regime against the marks of some recordings.

    `marks` are those of the kind and of kinds that serve as well, in order of recordings and seconds. `open` are the
    interruptions that no mark speaks of.
    """

    rule: BookmarkRule
    state: ItemState
    marks: tuple[Bookmark, ...]
    open: tuple[Interruption, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of the recordings that a checklist is about.

    `recordings` in order of time. `marks` may be of others too: what is said after an interruption often stands in the
    next file. `is_at_sea` is null where nobody said.
    """

    recordings: tuple[str, ...]
    marks: tuple[Bookmark, ...]
    interruptions: tuple[Interruption, ...] = ()
    is_at_sea: bool | None = None


def checklist_of(rules: Sequence[BookmarkRule], scene: Scene) -> tuple[ChecklistItem, ...]:
    """Every kind of the regime against what is marked, in the regime's order."""
    place = {recording: number for number, recording in enumerate(scene.recordings)}
    last = len(place)
    standing = [mark for mark in scene.marks if mark.is_standing]
    standing.sort(key=lambda mark: (place.get(mark.recording_id, last), mark.recording_id, mark.at_s))
    here = [mark for mark in standing if mark.recording_id in place]
    is_at_sea = _is_at_sea(rules, here, scene.is_at_sea)
    return tuple(
        _item_of_interruptions(rule, standing, frozenset(place), scene.interruptions)
        if rule.asked is Asked.INTERRUPTION
        else _item(rule, here, is_at_sea=is_at_sea)
        for rule in rules
    )


def missing_of(items: Iterable[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """The lines that stand open."""
    return tuple(item for item in items if item.state is ItemState.MISSING)


def _is_at_sea(rules: Sequence[BookmarkRule], standing: Sequence[Bookmark], told: bool | None) -> bool | None:
    """A person's word; else the marks: who marked something of the sea alone was there."""
    if told is not None:
        return told
    of_the_sea = {rule.id for rule in rules if rule.asked is Asked.AT_SEA}
    return True if any(mark.kind in of_the_sea for mark in standing) else None


def _item(rule: BookmarkRule, here: Iterable[Bookmark], *, is_at_sea: bool | None) -> ChecklistItem:
    kinds = {rule.id, *rule.served_by}
    marks = tuple(mark for mark in here if mark.kind in kinds)
    return ChecklistItem(rule, ItemState.MARKED if marks else _unmarked(rule.asked, is_at_sea), marks)


def _item_of_interruptions(
    rule: BookmarkRule, standing: Iterable[Bookmark], here: frozenset[str], interruptions: Iterable[Interruption]
) -> ChecklistItem:
    kinds = {rule.id, *rule.served_by}
    counted = [one for one in interruptions if one.code in rule.codes]
    of_kind = [mark for mark in standing if mark.kind in kinds]
    marks = tuple(
        mark for mark in of_kind if mark.recording_id in here or any(one.is_spoken_of(mark) for one in counted)
    )
    unspoken = tuple(one for one in counted if not any(one.is_spoken_of(mark) for mark in marks))
    if unspoken:
        return ChecklistItem(rule, ItemState.MISSING, marks, unspoken)
    return ChecklistItem(rule, ItemState.MARKED if marks else ItemState.NOT_ASKED, marks)


def _unmarked(asked: Asked, is_at_sea: bool | None) -> ItemState:
    if asked is Asked.ALWAYS:
        return ItemState.MISSING
    if asked is Asked.WHERE_PRESENT or is_at_sea is None:
        return ItemState.DEPENDS
    return ItemState.MISSING if (asked is Asked.AT_SEA) == is_at_sea else ItemState.NOT_ASKED
