"""How many bays should write at once: decided from what the vault's medium was measured to do, never from its name.

While the bays wait for their recorders there is nothing to decide, and all of them work. When they wait for the disk
instead, half of them is tried for a while: a disk that seeks between many files may carry more with fewer. What served
best stays for some minutes and is then measured anew, because a disk fills, ages, and has other work at times.
"""

from dataclasses import dataclass

HELD_UP_SHARE = 0.5
"""Bays that spend so much of their time waiting for the disk are held up by it."""
BETTER_BY = 1.1
"""Fewer bays must carry so many times as much before they are kept: measurements differ by themselves."""
SETTLED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen for some seconds: bays at work, their bytes a second together, and how much of their time (0 to 1)
    they waited for the disk.
    """

    bays: int
    bytes_per_second: float
    held_up: float


@dataclass(frozen=True, slots=True)
class Climb:
    """Where the search stands. `limit` bays may write at once, null for all; `base` is what a try is compared with."""

    limit: int | None = None
    base: Window | None = None
    limit_before: int | None = None
    settled_until_seconds: float = 0.0


def after(climb: Climb, window: Window, now_seconds: float) -> Climb:
    """The next step of the search, from what one more window showed."""
    if climb.base is None or climb.limit is None:
        if now_seconds < climb.settled_until_seconds:
            return climb
        if window.bays > 1 and window.held_up >= HELD_UP_SHARE:
            return Climb(limit=window.bays // 2, base=window)
        return Climb()
    if window.bays > climb.limit:
        # Those that were at work before the try still finish their files.
        return climb
    if window.bays < climb.limit:
        # Recorders were taken away meanwhile: nothing to compare.
        return Climb()
    if window.bytes_per_second < BETTER_BY * climb.base.bytes_per_second:
        return Climb(limit=climb.limit_before, settled_until_seconds=now_seconds + SETTLED_SECONDS)
    if climb.limit == 1:
        return Climb(limit=1, settled_until_seconds=now_seconds + SETTLED_SECONDS)
    return Climb(limit=climb.limit // 2, base=window, limit_before=climb.limit)
