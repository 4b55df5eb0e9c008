"""The clocks of one recording: what name, container and position say of when it began. In seconds since 1970."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ingestd.core.clock import from_text
from ingestd.core.facts import Fix, MediaKind
from ingestd.core.siblings import Sibling

_1904_TO_1970_S = 2_082_844_800
_EARLIEST_S = 946_684_800
"""2000-01-01: a container's time before it was never set."""
_LATEST_S = 253_370_764_800.0
ZONE_STEP_S = 900.0
MOST_ZONE_S = 14 * 3600.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """What one recording says of its time. Null where it says nothing.

    `name_s` is by the name, `created_s` by the movie header, `track_created_s` by the headers of its tracks,
    `modified_s` the movie header's time of modification. `position_s` is position time at the first instant of the
    content by the first good fixes, `position_end_s` at its last instant by the last ones. `start_s` is the time that
    stands for the recording in its take.
    """

    key: str
    sibling: Sibling
    start_s: float | None
    name_s: float | None
    created_s: float | None
    modified_s: float | None
    track_created_s: tuple[float, ...]
    position_s: float | None
    position_end_s: float | None
    duration_s: float | None

    @property
    def sequence(self) -> int | None:
        """The number in the name."""
        return self.sibling.name.sequence

    @property
    def is_whole(self) -> bool:
        """Whether its end is known."""
        return self.duration_s is not None and not self.sibling.facts.is_truncated


def clocks_of(sibling: Sibling) -> Clocks:
    """Read the clocks of a recording; never raises, whatever the facts say."""
    facts, name = sibling.facts, sibling.name
    structure = facts.structure
    created_s = _plausible(structure.created if structure is not None else None)
    if created_s is None and facts.creation_utc is not None:
        created_s = _parsed(facts.creation_utc)
        created_s = created_s if created_s is not None and created_s >= _EARLIEST_S else None
    tracks = structure.tracks if structure is not None else ()
    track_times = [_plausible(value) for track in tracks for value in (track.created, track.media_created)]
    first_s = facts.start_s or 0.0
    duration_s = facts.duration_s
    ahead = _ahead(facts.fixes)
    last_s = first_s + (duration_s or 0.0)
    is_trusted = sibling.times.source in ("name", "container", "position")
    return Clocks(
        key=sibling.key,
        sibling=sibling,
        start_s=sibling.times.start.timestamp() if is_trusted else None,
        name_s=name.start.timestamp() if name.start is not None else None,
        created_s=created_s,
        modified_s=_plausible(structure.modified if structure is not None else None),
        track_created_s=tuple(one for one in track_times if one is not None),
        position_s=median(ahead[:2]) + first_s if ahead else None,
        position_end_s=median(ahead[-2:]) + last_s if ahead and duration_s is not None else None,
        duration_s=duration_s if facts.kind in (MediaKind.VIDEO, MediaKind.AUDIO) else None,
    )


def beyond_zone_s(difference_s: float) -> float:
    """What is left of a difference of two clocks when whole zone steps (quarters of an hour up to 14 hours) are taken
    off, in seconds."""
    if abs(difference_s) > MOST_ZONE_S:
        nearest_s = MOST_ZONE_S if difference_s > 0 else -MOST_ZONE_S
    else:
        nearest_s = round(difference_s / ZONE_STEP_S) * ZONE_STEP_S
    return difference_s - nearest_s


def moment(seconds: float) -> dt.datetime:
    """Seconds since 1970 as a time in UTC; what lies outside the years 1970 to 9998 becomes their border."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=min(max(seconds, 0.0), _LATEST_S))


def agreed(values: Sequence[float], within_s: float) -> float | None:
    """The median of values when at least two are given and two thirds of them lie this near to it; else null."""
    if len(values) < 2:
        return None
    middle = median(values)
    near = sum(abs(value - middle) <= within_s for value in values)
    return middle if near >= 2 and 3 * near >= 2 * len(values) else None


def _ahead(fixes: Sequence[Fix]) -> list[float]:
    """Position time less the file's time of each good fix, in the order of the file."""
    found = []
    good = [fix for fix in fixes if not fix.is_doubtful and fix.is_clocked]
    for fix in sorted(good, key=lambda one: one.at_s or 0.0):
        utc_s = _parsed(fix.utc or "")
        if utc_s is not None:
            found.append(utc_s - (fix.at_s or 0.0))
    return found


def _plausible(since_1904: int | None) -> float | None:
    value = None if since_1904 is None else float(since_1904 - _1904_TO_1970_S)
    return value if value is not None and _EARLIEST_S <= value <= _LATEST_S else None


def _parsed(text: str) -> float | None:
    try:
        return from_text(text).timestamp()
    except (ValueError, OverflowError):
        return None
