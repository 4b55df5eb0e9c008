"""Work lists: what waits for a person, each thing finished where it stands."""

from collections.abc import Callable

from starlette.responses import Response

from ingestd.core.errors import IngestdError, NotFoundError, RefusedError, UnavailableError
from ingestd.core.roles import Right
from ingestd.web.lists.items import Item, Items, WorkList
from ingestd.web.refusals import refusal_words
from ingestd.web.visit import Page, Visit
from ingestd.web.worklists import LISTS


def overview(visit: Visit) -> Response:
    """All lists that whoever asks can do something in, with how much waits."""
    mine = [one for one in LISTS if visit.may(one.right)]
    return visit.page("work.html", lists=[(one, one.count(visit) if one.count is not None else None) for one in mine])


def _shown(here: WorkList) -> Callable[[Visit], Response]:
    def show(visit: Visit) -> Response:
        return _page(visit, here, here.items(visit, visit.query.get("after", "")), chosen=visit.query.get("item", ""))

    return show


def _done(here: WorkList) -> Callable[[Visit], Response]:
    def do(visit: Visit) -> Response:
        assert here.act is not None, "only lists with an act take forms"
        after, key = visit.text("after"), str(visit.form.get("item", ""))
        before = here.items(visit, after)
        try:
            said = here.act(visit, key)
        except (RefusedError, NotFoundError, UnavailableError) as error:
            return _refused(visit, here, before, key, error)
        following = {"item": _behind(before, key)} | ({"after": after} if after else {})
        return visit.go(here.path, said=said, **{name: value for name, value in following.items() if value})

    return do


def _behind(items: Items, key: str) -> str:
    """The item behind this one, which is the next to be done; empty for none."""
    keys = [one.key for one in items.items]
    place = keys.index(key) + 1 if key in keys else len(keys)
    return keys[place] if place < len(keys) else ""


def _refused(visit: Visit, here: WorkList, items: Items, key: str, error: IngestdError) -> Response:
    if not any(one.key == key for one in items.items):
        raise error
    shown = tuple(one.with_typed(visit) if one.key == key else one for one in items.items)
    fault = refusal_words(visit, error)
    status = 503 if isinstance(error, UnavailableError) else 409
    return _page(visit, here, Items(shown, items.after), chosen=key, fault=fault, status=status)


def _page(visit: Visit, here: WorkList, items: Items, *, chosen: str, fault: str = "", status: int = 200) -> Response:
    after = visit.text("after") or visit.query.get("after", "")
    numbered: list[tuple[int, Item]] = list(enumerate(items.items))
    return visit.page(
        "work_list.html",
        status,
        here=here,
        items=numbered,
        following=items.after,
        after=after,
        chosen=chosen,
        fault=fault,
    )


PAGES = (
    Page("/work", overview, Right.SEE),
    *(Page(one.path, _shown(one), one.right) for one in LISTS),
    *(Page(one.path, _done(one), one.right, ("POST",)) for one in LISTS if one.act is not None),
)
