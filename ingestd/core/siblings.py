"""Siblings: recordings that are judged beside each other, because one docking or one call brought them together."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ingestd.core.facts import MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.core.findings import Confidence, Severity
from ingestd.core.model import RecordedTimes
from ingestd.core.profile import ParsedName
from ingestd.core.structure import StructureFacts


@dataclass(frozen=True, slots=True)
class Sibling:
    """One recording with all that comparing needs.

    `key` is what findings about it carry in `file`: the recording id, or the path where there is none. `recorder_key`
    is equal for recordings of one recorder. `shown` is how people know the file: its path on the card.
    """

    key: str
    recorder_key: str
    facts: MediaFacts
    name: ParsedName
    times: RecordedTimes
    shown: str
    is_reference: bool = False
    """A recording of an earlier docking: it only says what is usual, and nothing is said of it."""
    is_recorder_known: bool = True
    """Whether `recorder_key` names a recorder, and not only the call or the volume that the file came in."""


ENOUGH_REFERENCES = 3
"""So many files of one habit make it the recorder's; with fewer a finding is provisional."""

_Habit = TypeVar("_Habit", bound=Hashable)


def usual(habits: Iterable[_Habit]) -> tuple[_Habit, int] | None:
    """What more than half of the files do alike, and how many they are; null where no habit has two files and half."""
    counts = Counter(habits)
    if not counts:
        return None
    ((habit, count),) = counts.most_common(1)
    return (habit, count) if count >= 2 and 2 * count > counts.total() else None


def weight(one: Sibling, references: int, *, is_plain: bool) -> tuple[Confidence, Severity | None]:
    """How sure a comparison of one file with so many references is, and how grave; null is the register's severity.

    Args:
        references: files that share the habit. Few files of a call, whose recorder nobody knows, prove no habit.
        is_plain: several independent signs say the same.
    """
    if references < ENOUGH_REFERENCES:
        return Confidence.PROVISIONAL, Severity.WARNING if one.is_recorder_known else Severity.INFO
    return (Confidence.CERTAIN, None) if is_plain else (Confidence.LIKELY, None)


def recording_class(one: Sibling) -> tuple[Hashable, ...]:
    """Files with equal answers may be compared in how their picture was encoded.

    Of one recorder these are files of one codec and size; where none is known, of one rate too.
    """
    picture = picture_stream(one)
    key = (*codec_class(one), picture.width if picture else None, picture.height if picture else None)
    return key if one.is_recorder_known else (*key, picture_rate(one))


def codec_class(one: Sibling) -> tuple[Hashable, ...]:
    """Recorder, family of container, codec of the picture."""
    picture = picture_stream(one)
    return (one.recorder_key, built(one).family, picture.codec if picture else None)


def picture_stream(one: Sibling) -> StreamFacts | None:
    """The first stream of pictures."""
    return next(iter(one.facts.streams_of(StreamKind.VIDEO)), None)


def picture_rate(one: Sibling) -> int | None:
    """Pictures a second by their median distance, rounded; null where there is no rhythm."""
    picture = picture_stream(one)
    return round(1 / picture.step_s) if picture and picture.step_s else None


def built(one: Sibling) -> StructureFacts:
    """The structure of a file; an empty one where none was read."""
    return one.facts.structure or StructureFacts(family="unknown")


def compared(siblings: Sequence[Sibling]) -> list[Sibling]:
    """The files that comparing can be of use for: timed ones, whole, with a structure that was read to its end."""
    return [
        one
        for one in siblings
        if one.facts.kind is MediaKind.VIDEO
        and not one.facts.is_truncated
        and one.facts.structure is not None
        and not one.facts.structure.is_cut
    ]
