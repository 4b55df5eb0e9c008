"""What a simulated card shall hold: the plan, and its schedule of segments with faults in their places. Pure."""

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from ingestd.core.errors import RefusedError
from ingestd.media.clipspec import FootageFormat
from ingestd.sim.faults import AT_END, BESIDE, IN_SEGMENT, IN_SET, Fault

LATE_SECONDS = 20
OVERLAP_SECONDS = 5

_MIN_FAULT_SECONDS = 4
"""Faults of two seconds inside a file need a second of good footage on both sides, in a last segment too."""

DEMO_START = dt.datetime(2026, 3, 2, 9, 0, 0)


@dataclass(frozen=True)
class Placed:
    """A fault at a place of choice. Take and segment count from 0."""

    fault: Fault
    take: int
    segment: int


@dataclass(frozen=True)
class CardPlan:
    """All that decides the bytes of a simulated card; equal plans give equal cards.

    `start_local` is naive, in `zone`, with whole seconds. Every second take begins at once after the one before it and
    overlaps it by `pre_record_seconds` (less where segments are shorter); the others begin `break_seconds` later. The
    last of several segments ends `stop_seconds` early, because officers do not stop just when a file is full.
    `lost_frames` are lost at each roll-over (one at 15 frames a second is 67 ms). A bare `Fault` finds its own place.
    """

    seed: int = 7
    device: str = "7012345"
    user: str = "012345"
    start_local: dt.datetime = DEMO_START
    zone: str = "Asia/Shanghai"
    takes: int = 2
    segments: int = 3
    segment_seconds: int = 6
    format: FootageFormat = FootageFormat.H264
    stop_seconds: int = 2
    pre_record_seconds: int = 3
    break_seconds: int = 600
    first_sequence: int = 1
    width: int = 320
    height: int = 180
    fps: int = 15
    gop_seconds: float = 1.0
    lost_frames: int = 1
    faults: tuple[Fault | Placed, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be written.

        Raises:
            RefusedError: a value is out of its range; the advice says what fits.
        """
        rules = (
            (re.fullmatch(r"[0-9A-Za-z]{7}", self.device), "the device number", "give 7 letters or digits"),
            (re.fullmatch(r"[0-9A-Za-z]{6}", self.user), "the user number", "give 6 letters or digits"),
            (self.start_local.tzinfo is None and not self.start_local.microsecond, "the start", "local, whole seconds"),
            (self.zone in available_timezones(), "the zone", "write it as in Asia/Shanghai"),
            (1 <= self.takes <= 100, "the number of takes", "give 1 to 100"),
            (1 <= self.segments <= 1000, "the number of segments", "give 1 to 1000"),
            (1 <= self.segment_seconds <= 3600, "the segment length", "give 1 to 3600 seconds"),
            (self.stop_seconds >= 0 and self.pre_record_seconds >= 0, "a span", "give no negative seconds"),
            (0 <= self.lost_frames < self.fps, "the frames lost at a roll-over", "give fewer than a second holds"),
            (
                self.width % 2 == 0 and self.height % 2 == 0 and self.fps > 0,
                "the picture",
                "even sides, a positive rate",
            ),
        )
        for is_good, what, advice in rules:
            if not is_good:
                raise RefusedError(f"{what} of the simulated card cannot be used", advice)
        for fault in self.faults:
            self._check(fault.fault if isinstance(fault, Placed) else fault)

    def _check(self, fault: Fault) -> None:
        if self.format in fault.unfit:
            raise RefusedError(
                f"footage in format {self.format} cannot carry the fault {fault}",
                "choose the format h264, or leave the fault out",
            )
        if fault in IN_SEGMENT and self.last_seconds < _MIN_FAULT_SECONDS:
            raise RefusedError(
                f"segments of {self.segment_seconds} s (the last: {self.last_seconds} s) are too short for {fault}",
                f"make segments at least {_MIN_FAULT_SECONDS + self.stop_seconds} s long",
            )

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone of the recorder's clock."""
        return ZoneInfo(self.zone)

    @property
    def last_seconds(self) -> int:
        """Length of a take's last segment."""
        return max(1, self.segment_seconds - self.stop_seconds) if self.segments > 1 else self.segment_seconds

    @property
    def overlap_seconds(self) -> int:
        """How far a pre-record reaches into the take before it."""
        return min(self.pre_record_seconds, self.last_seconds - 1)

    @property
    def beside(self) -> tuple[Fault, ...]:
        """Faults that bring entries of their own, each once."""
        bare = (fault for fault in self.faults if isinstance(fault, Fault))
        return tuple(dict.fromkeys(fault for fault in bare if fault in BESIDE))


@dataclass(frozen=True)
class Slot:
    """One segment as the recorder made it, whether or not it is on the card. Take and segment count from 0."""

    take: int
    segment: int
    sequence: int
    start_utc: dt.datetime
    seconds: int
    lost_seconds: float
    fault: Fault | None = None
    is_pre_record: bool = False
    is_important: bool = False

    @property
    def next_utc(self) -> dt.datetime:
        """When the next segment of the take begins."""
        return self.start_utc + dt.timedelta(seconds=self.seconds)

    @property
    def end_utc(self) -> dt.datetime:
        """When the last picture of the segment ends."""
        return self.next_utc - dt.timedelta(seconds=self.lost_seconds)


def demo_plan(seed: int = 7, start: dt.datetime = DEMO_START) -> CardPlan:
    """The card of `make run`: three takes of three segments; a gap, a missing segment, a torn file, a pre-record.

    Args:
        seed: of pictures, sounds and random bytes.
        start: local time of the recorder, naive.
    """
    faults = (Placed(Fault.DROPPED_GOP, 0, 1), Placed(Fault.MISSING_SEGMENT, 1, 1), Placed(Fault.TORN, 2, 2))
    return CardPlan(seed=seed, start_local=start.replace(microsecond=0), takes=3, faults=faults)


def schedule(plan: CardPlan) -> tuple[Slot, ...]:
    """All segments in order, those that will be missing included.

    Raises:
        RefusedError: there is no place for a fault.
    """
    faults = _places(plan)
    slots: list[Slot] = []
    moment = plan.start_local.replace(tzinfo=plan.zone_info).astimezone(dt.UTC)
    for take in range(plan.takes):
        is_pre_record = _has_pre_record(plan, take)
        if is_pre_record:
            moment -= dt.timedelta(seconds=plan.overlap_seconds)
        elif take:
            moment += dt.timedelta(seconds=plan.break_seconds)
        for segment in range(plan.segments):
            fault = faults.get((take, segment))
            if fault is Fault.LATE_SEGMENT:
                moment += dt.timedelta(seconds=LATE_SECONDS)
            elif fault is Fault.OVERLAP:
                moment -= dt.timedelta(seconds=min(OVERLAP_SECONDS, plan.segment_seconds - 1))
            slot = Slot(
                take=take,
                segment=segment,
                sequence=plan.first_sequence + len(slots),
                start_utc=moment,
                seconds=plan.last_seconds if segment == plan.segments - 1 else plan.segment_seconds,
                lost_seconds=plan.lost_frames / plan.fps,
                fault=fault,
                is_pre_record=is_pre_record and segment == 0,
                is_important=take == 0 and segment == plan.segments - 1 and plan.takes * plan.segments > 1,
            )
            slots.append(slot)
            moment = slot.next_utc
    return tuple(slots)


def _has_pre_record(plan: CardPlan, take: int) -> bool:
    return take % 2 == 1 and plan.overlap_seconds > 0


def _places(plan: CardPlan) -> dict[tuple[int, int], Fault]:
    """Which fault stands in which segment."""
    places: dict[tuple[int, int], Fault] = {}
    bare: list[Fault] = []
    for fault in plan.faults:
        if isinstance(fault, Placed):
            if (fault.take, fault.segment) in places or not _may_stand(plan, fault):
                raise RefusedError(
                    f"the fault {fault.fault} cannot stand in take {fault.take}, segment {fault.segment}",
                    "one fault a segment; missing segments have neighbours, late and overlapping ones a predecessor",
                )
            places[fault.take, fault.segment] = fault.fault
        elif fault not in BESIDE:
            bare.append(fault)
    ranks = {True: 0, False: 1}
    for fault in sorted(bare, key=lambda one: (ranks[one in IN_SET], ranks[one in AT_END])):
        candidates = [
            Placed(fault, take, segment)
            for take in range(plan.takes)
            for segment in range(plan.segments)
            if (take, segment) not in places and _may_stand(plan, Placed(fault, take, segment))
        ]
        if not candidates:
            raise RefusedError(
                f"no segment is left for the fault {fault}", "ask for more takes or more segments, or for fewer faults"
            )
        best = min(candidates, key=lambda place: _cost(plan, place, places))
        places[best.take, best.segment] = fault
    return places


def _may_stand(plan: CardPlan, place: Placed) -> bool:
    is_there = 0 <= place.take < plan.takes and 0 <= place.segment < plan.segments
    if place.fault is Fault.MISSING_SEGMENT:
        return is_there and 0 < place.segment < plan.segments - 1
    if place.fault in IN_SET:
        return is_there and place.segment > 0
    return is_there and place.fault not in BESIDE


def _cost(plan: CardPlan, place: Placed, places: dict[tuple[int, int], Fault]) -> int:
    """How much a fault at this place would blur what its neighbours are to show; 0 is best."""
    around = [places.get((place.take, place.segment + step)) for step in (-1, 1)]
    cost = 4 * sum(fault in IN_SET or (place.fault in IN_SET | AT_END and fault in AT_END) for fault in around)
    if place.fault not in IN_SET | AT_END:
        # A hole inside a file blurs nothing around it, and stands well anywhere.
        return cost // 4
    if place.fault in AT_END:
        is_last = place.segment == plan.segments - 1
        cost += 0 if is_last else 2
        cost += 1 if is_last and place.take + 1 < plan.takes and _has_pre_record(plan, place.take + 1) else 0
    return cost
