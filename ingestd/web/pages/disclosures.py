"""Requests for disclosure (信息公开申请): the register, and one request against its statutory clock."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel
from starlette.responses import Response

from ingestd.answers.register_words import ACT_WORDS
from ingestd.core.disclosures import (
    MOST_EXTENSION_WORKDAYS,
    Disclosure,
    DisclosureClock,
    DisclosureState,
    Ground,
    Outcome,
    clock_of,
)
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.register_acts import (
    AnswerDisclosure,
    ChangeDisclosure,
    ConsultDisclosure,
    DeliverDisclosure,
    EnterDisclosure,
    ExtendDisclosure,
    WithdrawDisclosure,
)
from ingestd.core.roles import Right
from ingestd.web.case_forms import lines, today_of
from ingestd.web.case_refusals import case_refusal_words
from ingestd.web.console import built
from ingestd.web.history_words import detail_words
from ingestd.web.scope import may_see_unit, seen
from ingestd.web.visit import Page, Visit
from ingestd.web.words import half
from ingestd.wiring import open_cases, open_catalogue, open_registers

_PAGE: Final = 50
_SOON_WORKDAYS: Final = 5


def disclosures(visit: Visit) -> Response:
    """The register: what is to be answered, the earliest first, or what is settled."""
    words, is_open = visit.query.get("q", "").strip(), visit.query.get("standing", "open") != "settled"
    day, _blank, number = visit.query.get("after", "").partition(" ")
    after = (day, number) if number else None
    book = open_registers(visit.console.settings)
    found = book.disclosures(is_open=is_open, words=words, after=after, limit=_PAGE + 1)
    last = found[_PAGE - 1] if len(found) > _PAGE else None
    shown = [one for one in found[:_PAGE] if may_see_unit(visit, one.unit)]
    return visit.page(
        "disclosures.html",
        found=[(one, _clock(visit, one)) for one in shown],
        mark=lambda clock: clock_mark(visit, clock),
        after=f"{last.received_on} {last.number}" if last is not None else "",
        words=words,
        is_open=is_open,
    )


def new_disclosure(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form for a request."""
    units = list(open_cases(visit.console.settings).units())
    return visit.page("disclosure_new.html", status, fault=fault, typed=visit.form, today=today_of(visit), units=units)


def enter_disclosure(visit: Visit) -> Response:
    """Enter a request."""
    names = ("number", "received_on", "applicant", "asked", "unit", "note")
    try:
        request = built(EnterDisclosure, visit.visitor, {name: visit.text(name) for name in names})
        visit.console.act("registers", [request])
    except RefusedError as error:
        return new_disclosure(visit, 409, case_refusal_words(visit, error))
    return visit.go(disclosure_path(request.number), visit.t("The request is in the register; its term runs."))


def disclosure(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One request."""
    settings, found = visit.console.settings, _visible(visit)
    paths = open_catalogue(settings).card_paths(found.recordings) if found.recordings else {}
    visible = seen(visit, [{"recording_id": one} for one in found.recordings])
    clock = _clock(visit, found)
    return visit.page(
        "disclosure.html",
        status,
        one=found,
        clock=clock,
        mark=clock_mark(visit, clock),
        path=disclosure_path(found.number),
        names={str(row["recording_id"]): paths.get(row["recording_id"], "").rpartition("/")[2] for row in visible},
        history=list(reversed(open_registers(settings).history(found.number))),
        act_name=lambda row: half(ACT_WORDS[row["act"]], visit.language),
        details=lambda row: detail_words(visit, row),
        outcomes=Outcome,
        grounds=Ground,
        most=MOST_EXTENSION_WORKDAYS,
        asking=[one for one in found.consultations if one.until is None],
        fault=fault,
        did=visit.text("do"),
        typed=visit.form,
        today=today_of(visit),
        units=list(open_cases(settings).units()),
    )


def act(visit: Visit) -> Response:
    """What a form of the request's page asks for."""
    number = _visible(visit).number
    form = _FORMS.get(visit.text("do"))
    try:
        if form is None:
            raise RefusedError(visit.t("this form is too old; load the page again"))
        kind, fields, said = form(visit)
        visit.console.act("registers", [built(kind, visit.visitor, {"number": number, **fields})])
    except (RefusedError, NotFoundError) as error:
        return disclosure(visit, 409, case_refusal_words(visit, error))
    return visit.go(disclosure_path(number), said)


def disclosure_path(number: str) -> str:
    """The page of a request."""
    return f"/registers/disclosures/{quote(number)}"


def clock_mark(visit: Visit, clock: DisclosureClock) -> tuple[str, str]:
    """Where a request stands: the colour of its mark, and words with the working days left."""
    left = clock.workdays_left
    if left is None:
        colour = {DisclosureState.ANSWERED: "good", DisclosureState.ANSWERED_LATE: "bad"}.get(clock.state, "")
        return colour, half(clock.state.words, visit.language)
    if clock.state is DisclosureState.LATE:
        return "bad", visit.t("{0} working days late").format(-left)
    if clock.state is DisclosureState.PAUSED:
        return "", visit.t("third party asked; {0} working days left then").format(left)
    return "warn" if left <= _SOON_WORKDAYS else "accent", visit.t("{0} working days left").format(left)


Form = tuple[type[BaseModel], dict[str, Any], str]


def _change(visit: Visit) -> Form:
    names = ("received_on", "applicant", "asked", "unit", "note", "reason")
    return ChangeDisclosure, {name: visit.text(name) for name in names}, visit.t("Changed.")


def _extend(visit: Visit) -> Form:
    fields = {name: visit.text(name) for name in ("on", "workdays", "reason", "agreed_by")}
    return ExtendDisclosure, fields | _days(visit, "told_on"), visit.t("The term is longer now.")


def _consult(visit: Visit) -> Form:
    fields = {"whom": visit.text("whom"), "since": visit.text("since")} | _days(visit, "until")
    return ConsultDisclosure, fields, visit.t("Entered. The time in which they are asked is not counted.")


def _answer(visit: Visit) -> Form:
    recordings = lines(visit, "recordings")
    catalogue = open_catalogue(visit.console.settings)
    rows = [catalogue.recording(one) for one in recordings]
    if len(seen(visit, rows)) != len(rows):
        raise NotFoundError(visit.t("One of these recordings is not in your scope."))
    fields = {
        "on": visit.text("on"),
        "outcome": visit.text("outcome"),
        "ground": visit.text("ground") or None,
        "answer": visit.text("answer"),
        "recordings": [str(row["recording_id"]) for row in rows],
        "redactions": lines(visit, "redactions"),
        "correction": visit.text("correction"),
    }
    return AnswerDisclosure, fields, visit.t("The answer is entered.")


def _deliver(visit: Visit) -> Form:
    return DeliverDisclosure, {"on": visit.text("on"), "how": visit.text("how")}, visit.t("Delivered.")


def _withdraw(visit: Visit) -> Form:
    fields = {"on": visit.text("on"), "reason": visit.text("reason")}
    return WithdrawDisclosure, fields, visit.t("The request is withdrawn.")


_FORMS: Final[Mapping[str, Callable[[Visit], Form]]] = {
    "change": _change,
    "extend": _extend,
    "consult": _consult,
    "answer": _answer,
    "deliver": _deliver,
    "withdraw": _withdraw,
}


def _days(visit: Visit, name: str) -> dict[str, str]:
    return {name: visit.text(name)} if visit.text(name) else {}


def _clock(visit: Visit, one: Disclosure) -> DisclosureClock:
    return clock_of(one, visit.console.configuration.workdays, today=today_of(visit))


def _visible(visit: Visit) -> Disclosure:
    number = visit.path["number"]
    found = open_registers(visit.console.settings).disclosure(number)
    if found is None or not may_see_unit(visit, found.unit):
        raise NotFoundError(visit.t("Request {0} is not in the register.").format(number))
    return found


PAGES = (
    Page("/registers/disclosures", disclosures, Right.REGISTERS),
    Page("/registers/disclosures/new", new_disclosure, Right.REGISTERS),
    Page("/registers/disclosures/new", enter_disclosure, Right.REGISTERS, ("POST",)),
    Page("/registers/disclosures/{number:path}", disclosure, Right.REGISTERS),
    Page("/registers/disclosures/{number:path}", act, Right.REGISTERS, ("POST",)),
)
