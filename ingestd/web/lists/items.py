"""What a work list is: its items, the form of each, and what is done when a form is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Right
from ingestd.web.scope import check_seen, may_see_docking
from ingestd.web.visit import Visit
from ingestd.wiring import open_catalogue

R = TypeVar("R")

A_PAGE: Final = 50

FieldKind = Literal["text", "lines", "choice", "buttons", "day", "moment", "check"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `choices` are values with their words; with a text they are offered only."""

    name: str
    label: str
    kind: FieldKind = "text"
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """A button that sends the form. The first one of a form is what Ctrl+Enter does."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do.

    Args:
        key: what the form names it by; one of its list.
        title: in a line.
        note: what is the matter, beside the title.
        facts: what somebody needs to know to decide, as labels with values.
        links: where more of it stands: paths of the console with their words.
        deeds: none where it cannot be finished here.
        after: what asks for the items behind this one.
    """

    key: str
    title: str
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    fields: tuple[Field, ...] = ()
    deeds: tuple[Deed, ...] = ()
    after: str = ""

    def with_typed(self, visit: Visit) -> "Item":
        """The same with what was typed into its form."""
        fields = (replace(one, value=visit.text(one.name)) for one in self.fields)
        return replace(self, fields=tuple(fields))


@dataclass(frozen=True, slots=True)
class Items:
    """A page of a list. `after` asks for the next one; empty where this is the last."""

    items: tuple[Item, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; `is_more` where it was not counted further."""

    number: int
    is_more: bool = False

    @property
    def words(self) -> str:
        """For a tile."""
        return f"{self.number}+" if self.is_more else str(self.number)


@dataclass(frozen=True, slots=True)
class WorkList:
    """One list.

    Args:
        key: the last part of its path.
        words: its name, as `visit.t` looks it up.
        hint: what is to be done, in a line; the same.
        right: that somebody needs to do it.
        items: a page of what waits; what the person may not see is left out.
        act: does what a sent form asks for the item of that key, and says in words what was done.
        count: how many wait, quickly; null where counting takes longer than a first page may.
    """

    key: str
    words: str
    hint: str
    right: Right
    items: Callable[[Visit, str], Items]
    act: Callable[[Visit, str], str] | None = None
    count: Callable[[Visit], Count] | None = None

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/work/{self.key}"


def counted(items: Callable[[Visit, str], Items]) -> Callable[[Visit], Count]:
    """The count of a list whose page is read quickly."""

    def count(visit: Visit) -> Count:
        page = items(visit, "")
        return Count(len(page.items), bool(page.after))

    return count


def paged(
    rows: Sequence[R], key: Callable[[R], str], after: str, is_seen: Callable[[R], bool] = lambda _: True
) -> tuple[list[R], str]:
    """A page out of rows that are all there, and what asks for the next one; rows that are not seen are left out.

    Where the row that `after` names is gone, the list begins anew.
    """
    keys = [key(row) for row in rows]
    start = keys.index(after) + 1 if after in keys else 0
    found: list[R] = []
    for row in rows[start:]:
        if is_seen(row):
            if len(found) == A_PAGE:
                return found, key(found[-1])
            found.append(row)
    return found, ""


def wanted(visit: Visit, name: str, what: str) -> str:
    """A field that must be filled.

    Raises:
        RefusedError: it is not; `what` says what is missing.
    """
    value = visit.text(name)
    if not value:
        raise RefusedError(visit.t(what))
    return value


def check_docking(visit: Visit, docking: str) -> None:
    """Refuse a docking that is not there by its whole id, or that whoever asks may not see.

    Raises:
        NotFoundError: it is so.
    """
    if not open_catalogue(visit.console.settings).has_docking(docking) or not may_see_docking(visit, docking):
        raise NotFoundError(visit.t("there is no such docking"))


def check_recording(visit: Visit, recording: str) -> None:
    """The same of a recording.

    Raises:
        NotFoundError: it is so.
    """
    if not open_catalogue(visit.console.settings).has_recording(recording):
        raise NotFoundError(visit.t("there is no such recording"))
    check_seen(visit, {"recording_id": recording})


def name_of(card_path: str) -> str:
    """A file's name without its folders."""
    return card_path.rpartition("/")[2]
