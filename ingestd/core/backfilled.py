"""`time.backfilled`: recordings made or changed after the fact (海洋 27(四), 事后补录), by docking history."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingestd.core.clock import to_text
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.siblingclocks import Clocks, clocks_of, moment
from ingestd.core.siblings import Sibling

MARGIN_S = 3600.0
"""A recording that ended this shortly before an earlier docking may not have been written to the card yet."""
CHANGED_LATER_S = 86_400.0
NAME_DIGITS = 12
"""A file name with so many digits tells one recording apart; an index or a daily log stands on every card."""


@dataclass(frozen=True, slots=True)
class EarlierDocking:
    """What an earlier docking of the same recorder saw on the card.

    `docking_id` sorts by time. `volume` is the file system's own id, empty where none was read; `paths` are all card
    paths of the listing.
    """

    docking_id: str
    opened_at: dt.datetime
    volume: str
    paths: frozenset[str]


def backfilled_findings(
    siblings: Sequence[Sibling], first_docking: Mapping[str, str], dockings: Sequence[EarlierDocking]
) -> Iterator[Finding]:
    """Recordings dated before an earlier docking at which the same card did not carry them.

    Args:
        siblings: the recordings to judge.
        first_docking: for each of their keys the docking at which its content was first seen.
        dockings: dockings of the recorder with their listings, those of `first_docking` included.
    """
    by_id = {one.docking_id: one for one in dockings}
    for sibling in siblings:
        own = by_id.get(first_docking.get(sibling.key, ""))
        clocks = clocks_of(sibling)
        if own is None or clocks.start_s is None or sibling.is_reference:
            continue
        end_s = clocks.position_end_s or clocks.start_s + (clocks.duration_s or 0.0)
        passed = [
            one
            for one in dockings
            if one.docking_id < own.docking_id
            and end_s + MARGIN_S < one.opened_at.timestamp()
            and _is_same_card(one, own)
            and not _is_listed(sibling.shown, one)
        ]
        if passed:
            yield _late(sibling, clocks, end_s, max(passed, key=lambda one: one.docking_id))


def _is_same_card(one: EarlierDocking, own: EarlierDocking) -> bool:
    """By the file system's id, else by recordings that both listings have: a recorder may have several cards."""
    if one.volume and own.volume:
        return one.volume == own.volume
    return any(_tells_a_recording(path) for path in one.paths & own.paths)


def _tells_a_recording(path: str) -> bool:
    return sum(letter.isdigit() for letter in path.rsplit("/", 1)[-1]) >= NAME_DIGITS


def _is_listed(shown: str, docking: EarlierDocking) -> bool:
    """Whether a listing has a file of this name in any folder: marking a file later moves it."""
    name = shown.rsplit("/", 1)[-1].casefold()
    stem = name.rsplit(".", 1)[0].removesuffix("imp").rstrip("_")
    others = (path.rsplit("/", 1)[-1].casefold().rsplit(".", 1)[0] for path in docking.paths)
    return any(other.removesuffix("imp").rstrip("_") == stem for other in others)


def _late(sibling: Sibling, clocks: Clocks, end_s: float, docking: EarlierDocking) -> Finding:
    by_position = clocks.position_end_s is not None
    return finding(
        "time.backfilled",
        file=sibling.key,
        start_utc=to_text(moment(clocks.start_s or 0.0)),
        end_utc=to_text(moment(end_s)),
        confidence=Confidence.LIKELY if by_position else Confidence.PROVISIONAL,
        evidence={
            "sources": ["listing of an earlier docking", "position track" if by_position else sibling.times.source],
            "earlier_docking": docking.docking_id,
            "earlier_docking_opened_at": to_text(docking.opened_at),
            "ended_before_it_s": round(docking.opened_at.timestamp() - end_s, 3),
            "files_listed_then": len(docking.paths),
            "note": "dated before that docking, and the card did not carry it then",
        },
    )


def changed_later(own: Clocks) -> Iterator[Finding]:
    """A movie header that was changed more than a day after the recording ended, by the header's own two times."""
    if own.created_s is None or own.modified_s is None:
        return
    late_s = own.modified_s - own.created_s - (own.duration_s or 0.0)
    if late_s > CHANGED_LATER_S:
        yield finding(
            "time.backfilled",
            severity=Severity.WARNING,
            file=own.key,
            confidence=Confidence.LIKELY,
            evidence={
                "sources": ["movie header"],
                "created": to_text(moment(own.created_s)),
                "modified": to_text(moment(own.modified_s)),
                "changed_after_s": round(late_s, 3),
            },
        )
