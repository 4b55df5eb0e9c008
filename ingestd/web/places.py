"""The main places of the console, as its head names them to whoever may go there."""

from dataclasses import dataclass
from typing import Final

from ingestd.core.roles import Right
from ingestd.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Place:
    """One place: where it is, its words, and whether the page that is shown belongs to it."""

    path: str
    words: str
    is_here: bool


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_PLACES: Final[tuple[tuple[str, str, Right], ...]] = (
    ("/", _("Today"), Right.SIGNED_IN),
    ("/search", _("Search"), Right.SEE),
    ("/work", _("Work lists"), Right.SEE),
    ("/cases", _("Cases"), Right.SEE),
    ("/access", _("Access requests"), Right.ASK_ACCESS),
    ("/holds", _("Holds"), Right.SEE),
    ("/disposals", _("Disposals"), Right.SEE),
    ("/samples", _("Samples"), Right.INSPECT),
    ("/registers", _("Registers"), Right.REGISTERS),
    ("/statistics", _("Statistics"), Right.STATISTICS),
    ("/audit", _("Audit"), Right.AUDIT),
    ("/accounts", _("Accounts"), Right.ADMIN),
)


def places(visit: Visit) -> list[Place]:
    """The places that whoever asks may go to."""
    here = visit.request.url.path
    return [
        Place(path, visit.t(words), here == path or (path != "/" and here.startswith(f"{path}/")))
        for path, words, right in _PLACES
        if visit.may(right)
    ]
