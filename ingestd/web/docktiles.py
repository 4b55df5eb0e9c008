"""What a tile of the dock's screen shows of a bay. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ingestd.core.fleet import SAFE_WORDS
from ingestd.web.languages import Language, translations

Document = dict[str, Any]

_PLAIN: Final = (
    "bay", "state", "recorder", "officer", "docking_id", "percent", "files_done", "files_total", "bytes_done",
    "bytes_total", "bytes_per_second", "seconds_left", "is_present", "may_be_removed",
)  # fmt: skip

_HAS_CHINESE = re.compile(r"[\u3400-\u9fff]")
_WITHOUT_MARK = (SAFE_WORDS, SAFE_WORDS.replace("; ", ", "))
"""The one fixed sentence that has the mark within it which else parts sentences."""


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_IN_ENGLISH: Final = frozenset({_("waits for its turn at the disk"), _("not every file could be read whole")})
"""What the station says of a bay in English alone."""


def tile_of(progress: Mapping[str, Any], note: Mapping[str, Any] | None) -> Document:
    """A bay as a tile has it: its numbers, its words in both languages, and what is known of its docking.

    Args:
        progress: as the station tells it (`core.model.Progress`).
        note: of `web.dockfacts.notes_of`; null while nothing is known.
    """
    words = {
        f"{name}_{language}": in_language(str(progress[name] or ""), language)
        for name in ("message", "advice")
        for language in ("zh", "en")
    }
    return {**{name: progress[name] for name in _PLAIN}, **words, "note": dict(note) if note is not None else None}


def in_language(text: str, language: Language) -> str:
    """Words that are told in both languages, `English · 中文`, in one of them.

    Several may be joined (`first; second`, `what: why`). What stands in one language only is shown as it is, and so is
    what cannot be taken apart for certain: better two languages than half of what was said.
    """
    if not text:
        return ""
    parts = [_one(part, language) for part in text.replace(*_WITHOUT_MARK).split("; ")]
    return ("；" if language == "zh" else "; ").join(parts)


def _one(part: str, language: Language) -> str:
    pieces = part.split(" · ")
    if len(pieces) == 1:
        return translations(language).gettext(part) if part in _IN_ENGLISH else part
    chinese, mark, rest = pieces[1].partition(": ")
    if mark and (_HAS_CHINESE.search(rest) or not _HAS_CHINESE.search(chinese)):
        return part
    match len(pieces), bool(mark):
        case 2, False:
            return chinese if language == "zh" else pieces[0]
        case 2, True:
            return f"{chinese}：{rest}" if language == "zh" else f"{pieces[0]}: {rest}"
        case 3, True:
            return f"{chinese}：{pieces[2]}" if language == "zh" else f"{pieces[0]}: {rest}"
        case _:
            return part
