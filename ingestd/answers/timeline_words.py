"""Words of a picture of takes, the same in text and SVG."""

from zoneinfo import ZoneInfo

from ingestd.answers.texts import counted, words_of
from ingestd.core.continuity import Portion
from ingestd.core.continuity_words import verdict_words
from ingestd.core.strips import Mark, Strip


def strip_heading(number: int, of: int, strip: Strip, zone: ZoneInfo) -> str:
    """Which take, when, how much of it is covered, and the verdict."""
    statement = strip.statement
    which = f"take · 记录 {number}/{of}" if of > 1 else "take · 记录"
    span = f"{statement.start.astimezone(zone):%Y-%m-%d %H:%M:%S} – {statement.end.astimezone(zone):%H:%M:%S}"
    files = counted(len(statement.portions), "file")
    covered = f"{statement.covered.total_seconds():.1f} s of {statement.span_s:.1f} s"
    return f"{which}: {span}, {files}, {covered} · {verdict_words(statement.verdict)}"


def file_name(one: Portion) -> str:
    """The last part of the path on the card."""
    return one.shown.rsplit("/", 1)[-1]


def place_words(mark: Mark, zone: ZoneInfo) -> str:
    """Where a mark lies on the wall clock; empty for what has no place."""
    if mark.start is None:
        return ""
    first = f"{mark.start.astimezone(zone):%H:%M:%S}"
    if mark.end is None or mark.end == mark.start:
        return first
    return f"{first} – {mark.end.astimezone(zone):%H:%M:%S} ({(mark.end - mark.start).total_seconds():.1f} s)"


def mark_words(mark: Mark) -> str:
    """What a mark means."""
    if mark.sign is None:
        return "no recording is held · 无记录"
    return f"{mark.sign.code}: {words_of(mark.sign.code)}"


def state_words(mark: Mark) -> str:
    """Whether it is open or explained, and by which reason; empty where nothing is asked."""
    sign = mark.sign
    if sign is None or (sign.explanation is None and not sign.asked_by):
        return ""
    if sign.explanation is None:
        return "open · 待说明"
    return f"explained · 已说明: {sign.explanation.reason.words}"
