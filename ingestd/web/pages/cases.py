"""Cases (案件): the register, a new one, and the page of one with everything that is done about it."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from ingestd.answers.case_words import ACT_WORDS
from ingestd.casework.case_questions import standings
from ingestd.core.cases import AbsenceGround, ActivityKind, Case, CaseFlag, Stage
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Right
from ingestd.stores.case_pages import CasePages, Key, Standing, key_of
from ingestd.web.case_forms import asked, opening, today_of
from ingestd.web.case_refusals import case_refusal_words
from ingestd.web.case_view import (
    MOST_LINKS,
    case_view,
    category_words,
    coverage_mark,
    filing_mark,
    filing_rule_words,
    local_minute,
    text_of,
    visible_case,
)
from ingestd.web.history_words import detail_words
from ingestd.web.scope import may_see_case, question_scope
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_case_pages, open_cases

_PAGE: Final = 50
_MOST_LOOKED_AT: Final = 5000
"""Cases of others that are gone through for one page of somebody's own."""


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


STANDINGS: Final = {Standing.OPEN: _("in hand"), Standing.DUE: _("to be filed"), Standing.FILED: _("filed")}


def cases(visit: Visit) -> Response:
    """The register: open cases, those to be filed, and those that are."""
    settings = visit.console.settings
    wanted = visit.query.get("standing", "")
    standing = next((one for one in Standing if one == wanted), Standing.OPEN)
    words, pages = visit.query.get("q", "").strip(), open_case_pages(settings)
    day, _found, number = visit.query.get("after", "").partition(" ")
    found = _page_of(visit, pages, standing, words, (day, number) if number else None)
    shown, now = found[:_PAGE], visit.console.clock.now()
    regime, zone = visit.console.configuration.regime, settings.station.zone_info
    return visit.page(
        "cases.html",
        found=standings(open_cases(settings), shown, regime, now=now, zone=zone),
        after=" ".join(key_of(shown[-1], standing)) if len(found) > _PAGE else "",
        standing=standing,
        standings=STANDINGS,
        counts=pages.counts() if question_scope(visit).is_whole else {},
        words=words,
        filing_mark=lambda filing: filing_mark(visit, filing),
        category=lambda one: category_words(visit, one, regime.categories),
    )


def new_case(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form for a case."""
    visitor = visit.visitor
    # Who sees the own cases alone would not find one that names somebody else.
    me = f"{visitor.person}/{visitor.certificate}".rstrip("/") if question_scope(visit).is_own_only else ""
    return visit.page("case_new.html", status, fault=fault, typed=visit.form, me=me, **_choices(visit))


def open_case(visit: Visit) -> Response:
    """Enter a case."""
    try:
        visit.console.act("case", [opening(visit)])
    except RefusedError as error:
        return new_case(visit, 409, case_refusal_words(visit, error))
    entered = open_cases(visit.console.settings).find(visit.text("number"))
    is_mine = entered is not None and may_see_case(visit, entered)
    return visit.go(path_of(visit.text("number")) if is_mine else "/cases", visit.t("The case is in the register."))


def case_page(visit: Visit) -> Response:
    """One case; `view=print` is a summary for paper."""
    return _shown(visit, visible_case(visit, visit.path["number"]))


def act(visit: Visit) -> Response:
    """What a form of the case's page asks for."""
    case = visible_case(visit, visit.path["number"])
    try:
        request, said = asked(visit, case)
        visit.console.act("case", [request])
    except (RefusedError, NotFoundError) as error:
        return _shown(visit, case, 409, case_refusal_words(visit, error))
    return visit.go(path_of(case.number), said)


def path_of(number: str) -> str:
    """The page of a case."""
    return f"/cases/{quote(number)}"


def _shown(visit: Visit, case: Case, status: int = 200, fault: str = "") -> Response:
    view = case_view(visit, case)
    regime = visit.console.configuration.regime
    template = "case_summary.html" if visit.query.get("view") == "print" else "case.html"
    return visit.page(
        template,
        status,
        view=view,
        case=case,
        path=path_of(case.number),
        fault=fault,
        did=visit.text("do"),
        about=visit.text("activity_id"),
        typed=visit.form,
        today=today_of(visit),
        most_links=MOST_LINKS,
        may=visit.may(Right.CASES),
        filing_mark=lambda filing: filing_mark(visit, filing),
        filing_rule=lambda rule: filing_rule_words(visit, rule),
        coverage_mark=coverage_mark,
        category=category_words(visit, case.category, regime.categories),
        local=lambda moment: local_minute(visit, moment),
        text_of=text_of,
        act_name=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        details=lambda row: detail_words(visit, row),
        grounds=AbsenceGround,
        stages=[one for one in Stage if one is not Stage.FILED],
        now=visit.console.clock.now(),
        **_choices(visit),
    )


def _choices(visit: Visit) -> dict[str, object]:
    return {
        "categories": visit.console.configuration.regime.categories,
        "kinds": ActivityKind,
        "flags": CaseFlag,
        "units": list(open_cases(visit.console.settings).units()),
    }


def _page_of(visit: Visit, pages: CasePages, standing: Standing, words: str, after: Key | None) -> list[Case]:
    """A page and one more of what whoever asks may see."""
    if question_scope(visit).is_whole:
        return pages.cases(standing, words=words, after=after, limit=_PAGE + 1)
    found: list[Case] = []
    for case in _following(pages, standing, words, after):
        if may_see_case(visit, case):
            found.append(case)
        if len(found) > _PAGE:
            break
    return found


def _following(pages: CasePages, standing: Standing, words: str, after: Key | None) -> Iterator[Case]:
    for _start in range(0, _MOST_LOOKED_AT, 4 * _PAGE):
        some = pages.cases(standing, words=words, after=after, limit=4 * _PAGE)
        yield from some
        if len(some) < 4 * _PAGE:
            return
        after = key_of(some[-1], standing)


PAGES = (
    Page("/cases", cases, Right.SEE),
    Page("/cases/new", new_case, Right.CASES),
    Page("/cases/new", open_case, Right.CASES, ("POST",)),
    # A case's number may have a stroke in it.
    Page("/cases/{number:path}", case_page, Right.SEE),
    Page("/cases/{number:path}", act, Right.CASES, ("POST",)),
)
