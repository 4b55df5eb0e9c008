"""The text side of search: one form for what is stored and what is asked, and what of it an index can look up.

Two indexes serve: runs of three characters (trigrams) for words of three and more, and signs with their pairs for
Chinese words of one or two, as most names are. Both only narrow down; that a word really stands there is looked at.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import zip_longest

from ingestd.core.errors import RefusedError

LEAST_INDEXED = 3
"""Characters of the shortest word that the index of trigrams can look up."""
_MOST_TERMS, _MOST_CHARACTERS = 20, 200
_FIRST_SIGN = 0x2E80
"""Where the blocks of Chinese characters (and kana, hangul) begin."""

_TERM = re.compile(r'"([^"]*)"|“([^”]*)”|「([^」]*)」|(\S+)')
_ENDING = re.compile(r"(?<=.{3})\.[a-z0-9]{2,4}$")
"""Of a file's name: it stands in every recording, and to look it up costs most and narrows nothing."""
_QUOTES = '"“”「」'


def normal(text: str) -> str:
    """A text as it is compared: full-width as half-width, capitals as small, one blank for any blanks or controls."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(" " if unicodedata.category(one) in ("Cc", "Cs") else one for one in folded).split())


def joined(values: Iterable[object]) -> str:
    """Values as one text to search in; no word matches across two of them."""
    return "\n".join(dict.fromkeys(filter(None, (normal(str(value)) for value in values if value is not None))))


def terms_of(text: str) -> tuple[str, ...]:
    """The words of a question, all of which must occur; quotation marks hold words together.

    Raises:
        RefusedError: more, or longer, than anybody asks.
    """
    found = [normal(next(filter(None, match.groups()), "").strip(_QUOTES)) for match in _TERM.finditer(text)]
    terms = tuple(dict.fromkeys(filter(None, found)))
    if len(terms) > _MOST_TERMS or any(len(term) > _MOST_CHARACTERS for term in terms):
        advice = f"at most {_MOST_TERMS} words of at most {_MOST_CHARACTERS} characters"
        raise RefusedError("the question is too long to search for", advice)
    return terms


def trigram_query(terms: Iterable[tuple[str, str | None]]) -> str:
    """What the index of trigrams is asked; empty where no term is long enough.

    Args:
        terms: each with the column that it must stand in, null for any.
    """
    parts = [_phrase(_ENDING.sub("", term), column) for term, column in terms if len(term) >= LEAST_INDEXED]
    return " AND ".join(parts)


def sign_query(terms: Iterable[tuple[str, str | None]]) -> str:
    """What the index of signs is asked; empty where no term has a sign."""
    parts = []
    for term, column in terms:
        signs = signs_of(term)
        pairs = [sign for sign in signs if "x" in sign]
        parts += [_phrase(sign, column) for sign in pairs or signs]
    return " AND ".join(dict.fromkeys(parts))


def signs_of(text: str) -> list[str]:
    """Each sign of a text, and each pair of neighbours with a sign among them, once: as numbers, `5f20`, `5f20x4e09`.

    No tokenizer has an opinion about numbers, whatever Unicode the library knows.
    """
    found: dict[str, None] = {}
    for one, other in zip_longest(text, text[1:], fillvalue="\n"):
        if _is_sign(one):
            found[f"{ord(one):x}"] = None
        if "\n" not in (one, other) and (_is_sign(one) or _is_sign(other)):
            found[f"{ord(one):x}x{ord(other):x}"] = None
    return list(found)


def _is_sign(one: str) -> bool:
    return ord(one) >= _FIRST_SIGN


def _phrase(term: str, column: str | None) -> str:
    quoted = '"' + term.replace('"', '""') + '"'
    return f"{{{column}}} : {quoted}" if column is not None else quoted
