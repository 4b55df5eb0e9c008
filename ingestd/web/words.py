"""Words of data that come in two languages at once, `English · 中文`, taken apart for a page."""

from ingestd.web.languages import Language

_BETWEEN = " · "


def half(words: str, language: Language) -> str:
    """The half of `English · 中文` in a language; words of one language stay as they are."""
    english, between, chinese = words.partition(_BETWEEN)
    return chinese if between and language == "zh" else english
