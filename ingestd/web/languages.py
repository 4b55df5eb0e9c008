"""Chinese and English: English words in the code, Chinese ones in `translations/zh/*.po`, joined at the start."""

import functools
import gettext
import io
from pathlib import Path
from typing import Final, Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_FOLDER = Path(__file__).parent / "translations"


@functools.cache
def translations(language: Language) -> gettext.NullTranslations:
    """The words of a language; English ones stand in the code."""
    if language == "en":
        return gettext.NullTranslations()
    joined = Catalog(locale=language)
    for file in sorted((_FOLDER / language).glob("*.po")):
        with file.open("rb") as stream:
            for message in read_po(stream, locale=language):
                if message.id:
                    joined.add(message.id, message.string, context=message.context)
    compiled = io.BytesIO()
    write_mo(compiled, joined)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def language_of(chosen: str | None, default: Language) -> Language:
    """The language that somebody chose before; else the station's own."""
    return next((one for one in LANGUAGES if one == chosen), default)
