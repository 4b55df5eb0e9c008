"""Every word of the screens is there in Chinese, once."""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from ingestd.web.languages import translations
from tests.support.station import PROJECT

PACKAGE = PROJECT / "ingestd"
WORDS = PACKAGE / "web/translations/zh"
KEYWORDS = {"_": None, "t": None, "gettext": None}
MARKER = "def _(words: str) -> str:"
HOLES = re.compile(r"\{\w*\}|%\(\w+\)s|%s")


def said_in(file: Path) -> dict[str, str]:
    """Words that a file says in English, with the place where they stand."""
    method = "jinja2.ext:babel_extract" if file.suffix == ".html" else "python"
    return words_of(file.read_bytes(), method, file.name)


def words_of(text: bytes, method: str, name: str) -> dict[str, str]:
    options = {"extensions": "jinja2.ext.do", "silent": "false"}
    found = extract(method, BytesIO(text), KEYWORDS, (), options)
    return {words: f"{name}:{line}" for line, words, _, _ in found if isinstance(words, str)}


@functools.cache
def said() -> dict[str, str]:
    """All words of templates, of the console's Python, and of what marks words for it elsewhere."""
    files = [*(PACKAGE / "web").rglob("*.py"), *(PACKAGE / "web/templates").rglob("*.html")]
    files += [file for file in PACKAGE.rglob("*.py") if file not in files and MARKER in file.read_text("utf-8")]
    return {words: place for file in sorted(files) for words, place in said_in(file).items()}


def translated() -> list[tuple[str, str, str]]:
    """Every translation: the file, the English and the Chinese words."""
    found = []
    for file in sorted(WORDS.glob("*.po")):
        with file.open("rb") as stream:
            found += [(file.name, str(one.id), str(one.string)) for one in read_po(stream, locale="zh") if one.id]
    return found


def faults(said: Mapping[str, str], translated: Iterable[tuple[str, str, str]]) -> list[str]:
    """What is missing, empty, there twice, or leaves out what is filled in."""
    found, chinese = [], {}
    for file, english, words in translated:
        if not words.strip():
            found.append(f"{file}: {english!r} is empty")
        if sorted(HOLES.findall(english)) != sorted(HOLES.findall(words)):
            found.append(f"{file}: {english!r} fills in something else in Chinese")
        chinese[english] = words
    return found + [f"{place}: {words!r} has no Chinese words" for words, place in said.items() if words not in chinese]


def twice(translated: Iterable[tuple[str, str, str]]) -> list[str]:
    """Words that stand in two files, or in one twice."""
    counted = Counter(english for _, english, _ in translated)
    return sorted(words for words, count in counted.items() if count > 1)


def entries(text: str) -> Counter[str]:
    """How often each msgid stands in a file: a reader of such files keeps the last one only."""
    return Counter(re.findall(r'^msgid "(.+)"$', text, re.MULTILINE))


@pytest.mark.parametrize(
    ("text", "method"),
    [
        (b'visit.t("one")', "python"),
        (b'TABLE = {1: _("one")}', "python"),
        (b'{% if a %}{{ _("one") }}{% endif %}', "jinja2.ext:babel_extract"),
        (b'{% macro m(t) %}<th>{{ t("one") }}</th>{% endmacro %}', "jinja2.ext:babel_extract"),
    ],
)
def test_the_judge_sees_words_wherever_they_are_marked(text: bytes, method: str) -> None:
    assert words_of(text, method, "x") == {"one": "x:1"}


@pytest.mark.parametrize(
    "translations",
    [[], [("a.po", "one {0}", "")], [("a.po", "one {0}", "一")], [("a.po", "one", "一")]],
    ids=["missing", "empty", "a hole left out", "other words"],
)
def test_the_judge_fails_on_words_that_are_not_translated(translations: list[tuple[str, str, str]]) -> None:
    assert faults({"one {0}": "x:1"}, translations)
    assert faults({"one {0}": "x:1"}, [("a.po", "one {0}", "一 {0}")]) == []


def test_the_judge_sees_what_is_translated_twice() -> None:
    assert twice([("a.po", "one", "一"), ("b.po", "one", "一")]) == ["one"]
    assert entries('msgid "one"\nmsgstr "一"\n\nmsgid "one"\nmsgstr "壹"\n')["one"] == 2


def test_every_word_of_the_screens_is_there_in_chinese() -> None:
    assert faults(said(), translated()) == []


def test_no_word_is_translated_in_two_places() -> None:
    assert twice(translated()) == []
    assert [file.name for file in WORDS.glob("*.po") if max(entries(file.read_text("utf-8")).values()) > 1] == []


def test_no_translation_is_left_of_words_that_nobody_says() -> None:
    spoken = said()
    assert [f"{file}: {english!r}" for file, english, _ in translated() if english not in spoken] == []


def test_no_template_says_words_where_the_judge_does_not_look() -> None:
    """`visit.t("…")` in a template is found by no extractor; `_("…")` is."""
    files = (PACKAGE / "web/templates").rglob("*.html")
    assert [file.name for file in files if re.search(r"visit\.t\(\s*[\"']", file.read_text("utf-8"))] == []


def test_what_is_translated_is_what_is_shown() -> None:
    shown = translations("zh")
    assert [english for _, english, words in translated() if shown.gettext(english) != words] == []
