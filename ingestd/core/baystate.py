"""What a bay shows: one state machine, fed with what becomes of each volume in it. Pure.

A recorder may have several volumes (memory of its own and a card); one bay docks them one after the other. Each volume
is in a phase; the bay's state follows from all of them together, so that "done" cannot be said for one of two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ingestd.core.lifecycle import BayState


class Phase(StrEnum):
    """Where one volume stands."""

    WAITING = "waiting"
    """Noticed, and next in turn."""
    READING = "reading"
    COPYING = "copying"
    VERIFYING = "verifying"
    HELD = "held"
    """Under way, and not going on (no room, a silent card); goes on by itself."""
    COMPLETE = "complete"
    """Its docking closed complete."""
    NOTED = "noted"
    """Its docking closed complete, and a person must look all the same."""
    FAULTY = "faulty"
    """Its docking failed, or closed without every file."""
    INTERRUPTED = "interrupted"
    """Its docking ended in the middle: the recorder or the station went away."""
    REFUSED = "refused"
    """Never begun: nothing that the settings allow."""
    FOREIGN = "foreign"
    """A part that is no store of footage, as a keyboard: nothing to take in, and somebody must know of it."""
    PULLED = "pulled"
    """No longer there, and not everything of it was had."""


class Word(StrEnum):
    """What is told of a volume."""

    PLUGGED = "plugged"
    REFUSED = "refused"
    FOREIGN = "foreign"
    READS = "reads"
    COPIES = "copies"
    VERIFIES = "verifies"
    HELD = "held"
    COMPLETED = "completed"
    NOTED = "noted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    REMOVED = "removed"
    TIMED_OUT = "timed_out"
    """What was pulled too early was shown for long enough."""


UNDER_WAY = frozenset({Phase.READING, Phase.COPYING, Phase.VERIFYING, Phase.HELD})

_GOES_ON: Mapping[Word, Phase | None] = {
    Word.READS: Phase.READING,
    Word.COPIES: Phase.COPYING,
    Word.VERIFIES: Phase.VERIFYING,
    Word.HELD: Phase.HELD,
    Word.COMPLETED: Phase.COMPLETE,
    Word.NOTED: Phase.NOTED,
    Word.FAILED: Phase.FAULTY,
    Word.INTERRUPTED: Phase.INTERRUPTED,
    Word.REMOVED: Phase.PULLED,
}
_LATE: Mapping[Word, Phase | None] = dict.fromkeys((*_GOES_ON, Word.TIMED_OUT))

MOVES: Mapping[Phase | None, Mapping[Word, Phase | None]] = {
    # A volume that is not there (any more): its worker may still say a last word of it.
    None: {**_LATE, Word.PLUGGED: Phase.WAITING, Word.REFUSED: Phase.REFUSED, Word.FOREIGN: Phase.FOREIGN},
    Phase.WAITING: {
        Word.READS: Phase.READING,
        Word.FAILED: Phase.FAULTY,
        Word.INTERRUPTED: Phase.INTERRUPTED,
        Word.REMOVED: Phase.PULLED,
    },
    **dict.fromkeys(UNDER_WAY, _GOES_ON),
    Phase.COMPLETE: {
        Word.PLUGGED: Phase.WAITING,
        Word.COMPLETED: Phase.COMPLETE,
        Word.NOTED: Phase.NOTED,
        # Nothing that fails behind the closed books takes the seal away.
        Word.FAILED: Phase.NOTED,
        Word.REMOVED: None,
    },
    Phase.NOTED: {
        Word.PLUGGED: Phase.WAITING,
        Word.NOTED: Phase.NOTED,
        Word.FAILED: Phase.NOTED,
        Word.REMOVED: None,
    },
    Phase.FAULTY: {Word.PLUGGED: Phase.WAITING, Word.FAILED: Phase.FAULTY, Word.REMOVED: None},
    Phase.INTERRUPTED: {
        Word.PLUGGED: Phase.WAITING,
        Word.INTERRUPTED: Phase.INTERRUPTED,
        Word.FAILED: Phase.INTERRUPTED,
        Word.REMOVED: Phase.PULLED,
    },
    Phase.REFUSED: {Word.PLUGGED: Phase.WAITING, Word.REFUSED: Phase.REFUSED, Word.REMOVED: None},
    Phase.FOREIGN: {Word.FOREIGN: Phase.FOREIGN, Word.REMOVED: None},
    Phase.PULLED: {
        Word.PLUGGED: Phase.WAITING,
        # Its worker is not through yet …
        Word.READS: Phase.PULLED,
        Word.COPIES: Phase.PULLED,
        Word.VERIFIES: Phase.PULLED,
        Word.HELD: Phase.PULLED,
        Word.FAILED: Phase.PULLED,
        Word.INTERRUPTED: Phase.PULLED,
        # … and may yet find that it had everything.
        Word.COMPLETED: None,
        Word.NOTED: None,
        Word.REMOVED: Phase.PULLED,
        Word.TIMED_OUT: None,
    },
}
"""Phase and word → the next phase; null: the volume is not at the bay. A word that has no place here is a defect."""

_ALL = frozenset(BayState)

ALLOWED_MOVES: Mapping[BayState, frozenset[BayState]] = {
    BayState.FREE: frozenset({BayState.FREE, BayState.READING, BayState.ATTENTION}),
    BayState.READING: _ALL - {BayState.FREE},
    BayState.COPYING: _ALL - {BayState.FREE},
    BayState.VERIFYING: _ALL - {BayState.FREE},
    BayState.DONE: frozenset({BayState.DONE, BayState.FREE, BayState.READING, BayState.ATTENTION}),
    BayState.ATTENTION: _ALL,
}
"""Which state of a bay may follow which. A busy bay never becomes free without a word about what is missing."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume at a bay. `usb_path` is that of the recorder it belongs to; empty for a folder, which nobody pulls."""

    usb_path: str
    phase: Phase
    message: str = ""


@dataclass(frozen=True, slots=True)
class BayEvent:
    """A word about a volume. `volume` is its key, unique among all that were ever plugged in at this bay.

    With an empty key, `REMOVED` means every volume of the recorder at `usb_path`, and `TIMED_OUT` all that were pulled.
    """

    word: Word
    volume: str = ""
    usb_path: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Bay:
    """A bay with its volumes by key."""

    volumes: Mapping[str, Volume]

    @property
    def state(self) -> BayState:
        """What the bay shows: what is under way, else what waits, else what needs a person, else that all is done."""
        phases = self._phases
        if not phases:
            return BayState.FREE
        for phase, state in _ACTIVE:
            if phase in phases:
                return state
        return BayState.DONE if phases == {Phase.COMPLETE} else BayState.ATTENTION

    @property
    def is_present(self) -> bool:
        """Whether something is in the bay."""
        return any(volume.phase is not Phase.PULLED for volume in self.volumes.values())

    @property
    def may_be_removed(self) -> bool:
        """Whether nothing is lost when the recorder is taken out now: all of it is sealed, or nothing is there."""
        phases = self._phases
        return not phases or (bool(phases & _SEALED) and phases <= _SEALED | {Phase.FOREIGN})

    @property
    def message(self) -> str:
        """What there is to say about the volume that the state comes from, or about all that need a person."""
        for phase, _ in _ACTIVE:
            for volume in self.volumes.values():
                if volume.phase is phase:
                    return volume.message
        told = [volume.message for volume in self.volumes.values() if volume.phase is not Phase.COMPLETE]
        return "; ".join(dict.fromkeys(words for words in told if words))

    @property
    def advice(self) -> str:
        """What the person in front of the bay does."""
        for phase, words in _ADVICE.items():
            if phase in self._phases:
                return words
        return "dock a recorder · 请插入记录仪"

    @property
    def _phases(self) -> set[Phase]:
        return {volume.phase for volume in self.volumes.values()}


EMPTY = Bay({})

_SEALED = frozenset({Phase.COMPLETE, Phase.NOTED})

_ACTIVE = (
    (Phase.HELD, BayState.ATTENTION),
    (Phase.COPYING, BayState.COPYING),
    (Phase.VERIFYING, BayState.VERIFYING),
    (Phase.READING, BayState.READING),
    (Phase.WAITING, BayState.READING),
)

_LEAVE = "leave it in · 请勿拔出"
_ADVICE: Mapping[Phase, str] = {
    Phase.HELD: "leave it in, tell the custodian · 请勿拔出，并告知管理员",
    Phase.COPYING: _LEAVE,
    Phase.VERIFYING: _LEAVE,
    Phase.READING: _LEAVE,
    Phase.WAITING: _LEAVE,
    Phase.PULLED: "dock it again · 请重新插入",
    Phase.INTERRUPTED: "pull it out and dock it again · 请拔出后重新插入",
    Phase.FAULTY: "tell the custodian · 请告知管理员",
    Phase.REFUSED: "take it out, tell the custodian · 请取出，并告知管理员",
    Phase.FOREIGN: "take it out, tell the custodian · 请取出，并告知管理员",
    Phase.NOTED: "take it, tell the custodian · 可以取走，并告知管理员",
    Phase.COMPLETE: "take it · 可以取走",
}
"""By phase, the one that matters most first."""


class IllegalMoveError(ValueError):
    """A word that cannot be true of a volume in its phase: a defect of the program."""


def pulled_words(missing: int | None) -> str:
    """What a bay says of a recorder that was pulled too early; null while it is not known how much is missing."""
    if missing is None:
        return "pulled too early, dock it again · 拔出过早，请重新插入"
    files = "1 file is" if missing == 1 else f"{missing} files are"
    return f"pulled too early, dock it again: {files} missing · 拔出过早，请重新插入（缺 {missing} 个文件）"


def next_state(now: Bay, event: BayEvent) -> Bay:
    """The bay after one word.

    Raises:
        IllegalMoveError: the word cannot be true of this volume now.
    """
    volumes = dict(now.volumes)
    if event.word in (Word.PLUGGED, Word.REFUSED, Word.FOREIGN) and event.volume not in volumes:
        # The next recorder: what was pulled before, and folders that were taken in, are shown no longer.
        volumes = {
            key: one
            for key, one in volumes.items()
            if one.phase is not Phase.PULLED and (one.usb_path or one.phase in (*UNDER_WAY, Phase.WAITING))
        }
    for key in _meant(volumes, event):
        before = volumes.pop(key, None)
        after = _moved(before, event)
        if after is not None:
            volumes[key] = after
    return Bay(volumes)


def _meant(volumes: Mapping[str, Volume], event: BayEvent) -> list[str]:
    """The keys of the volumes that a word is about."""
    if event.volume:
        return [event.volume]
    if event.word is Word.REMOVED:
        return [key for key, one in volumes.items() if one.usb_path == event.usb_path]
    if event.word is Word.TIMED_OUT:
        return [key for key, one in volumes.items() if one.phase is Phase.PULLED]
    return [event.volume]


def _moved(before: Volume | None, event: BayEvent) -> Volume | None:
    phase = before.phase if before else None
    row = MOVES[phase]
    if event.word not in row:
        raise IllegalMoveError(f"{event.word} of a volume that is {phase or 'not there'}")
    after = row[event.word]
    if after is None:
        return None
    volume = before or Volume(event.usb_path, after)
    if after is Phase.PULLED:
        keeps = phase in (Phase.PULLED, Phase.INTERRUPTED)
        says = event.message if event.word is Word.INTERRUPTED else ""
        message = says or (volume.message if keeps and volume.message else pulled_words(None))
        return replace(volume, phase=after, message=message)
    keeps_words = after is phase and not event.message and after is Phase.NOTED
    return replace(volume, phase=after, message=volume.message if keeps_words else event.message)
