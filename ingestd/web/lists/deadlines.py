"""What is late, or soon will be: hand-overs after their time, and case files to be filed."""

import datetime as dt
from typing import Any

from ingestd.answers.moments import moment_of
from ingestd.answers.texts import local_time
from ingestd.casework.case_questions import CaseStanding, standings
from ingestd.core.case_requests import Close
from ingestd.core.clock import to_text
from ingestd.core.declarations import DeclarationKind, Declare
from ingestd.core.errors import NotFoundError
from ingestd.core.handover_record import Confirm
from ingestd.core.roles import Right
from ingestd.web.console import built
from ingestd.web.lists.items import A_PAGE, Deed, Field, Item, Items, WorkList, check_docking, counted, paged, wanted
from ingestd.web.scope import may_see_case, may_see_docking
from ingestd.web.visit import Visit
from ingestd.wiring import open_cases, open_dockings

_DAYS_BACK = 90


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


# Hand-overs after their time


def _late(visit: Visit, after: str) -> Items:
    since = to_text(visit.console.clock.now() - dt.timedelta(days=_DAYS_BACK))
    rows = open_dockings(visit.console.settings).late(since, after=after, limit=A_PAGE + 1)
    following = rows[A_PAGE - 1]["docking_id"] if len(rows) > A_PAGE else ""
    shown = [row for row in rows[:A_PAGE] if may_see_docking(visit, row["docking_id"])]
    return Items(tuple(_late_item(visit, row) for row in shown), following)


def _late_item(visit: Visit, row: dict[str, Any]) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    clock = visit.console.configuration.regime.hand_over
    facts = (
        (t("Late recordings"), str(row["late"])),
        (t("Recorded"), f"{local_time(row['began'], zone)[:16]} – {local_time(row['ended'], zone)[:16]}"),
        (t("Was due"), local_time(row["due"], zone)[:16]),
        (t("Clause"), f"{clock.article} {clock.words or ''}" if clock is not None and clock.article else ""),
    )
    return Item(
        key=row["docking_id"],
        title=" · ".join((row["recorder_id"] or t("unknown recorder"), row["bay"])),
        note=local_time(row["opened_at"], zone)[:16],
        facts=tuple((name, value) for name, value in facts if value),
        links=((f"/dockings/{row['docking_id']}", t("the docking and its files")),),
        fields=_late_fields(visit),
        deeds=_late_deeds(visit),
    )


def _late_fields(visit: Visit) -> tuple[Field, ...]:
    t, clock = visit.t, visit.console.configuration.regime.hand_over
    fields = [Field("words", t("Why it came late"), "lines")]
    if clock is not None and clock.hand_in is not None:
        fields.insert(0, Field("handed_in", t("Handed to the custodian at"), "moment"))
    if clock is not None and clock.field_work is not None:
        reasons = tuple((one.id, one.zh if visit.language == "zh" else one.en) for one in clock.field_work.reasons)
        if reasons:
            fields.insert(0, Field("reason", t("Reason of the field work"), "buttons", choices=reasons))
        fields.insert(0, Field("returned", t("Returned from field work at"), "moment"))
    return tuple(fields)


def _late_deeds(visit: Visit) -> tuple[Deed, ...]:
    t, clock = visit.t, visit.console.configuration.regime.hand_over
    deeds = [Deed("note", t("Take note: it came late"))]
    if clock is not None and clock.hand_in is not None:
        deeds.append(Deed("hand_in", t("Declare the hand-in")))
    if clock is not None and clock.field_work is not None:
        deeds.append(Deed("field_work", t("Declare the field work")))
    return tuple(deeds)


def _late_act(visit: Visit, key: str) -> str:
    zone = visit.console.settings.station.zone_info
    check_docking(visit, key)
    if visit.text("do") == "note":
        words = wanted(visit, "words", _("say why it came late"))
        confirm = built(Confirm, visit.visitor, {"docking": key, "role": "receiver", "note": words})
        visit.console.ask("handover_record", request=confirm.model_dump(mode="json"))
        return visit.t("The record has the note.")
    if visit.text("do") == "hand_in":
        at = wanted(visit, "handed_in", _("say when it was handed to the custodian"))
        asked: dict[str, Any] = {"kind": DeclarationKind.HAND_IN}
    else:
        at = wanted(visit, "returned", _("say when they returned"))
        asked = {"kind": DeclarationKind.FIELD_WORK, "reason": visit.text("reason") or None}
    fields = {"docking": key, "words": visit.text("words"), "at": moment_of(at, visit.t("the time"), zone)}
    visit.console.act("declare", [built(Declare, visit.visitor, asked | fields)])
    return visit.t("Declared; the time is judged anew.")


LATE = WorkList(
    "late",
    _("Handed over late"),
    _("Declare field work or the hand-in where the regime knows it; else take note of why. Of the last 90 days."),
    Right.SETTLE,
    _late,
    _late_act,
    counted(_late),
)


# Case files to be filed


def _unfiled(visit: Visit) -> list[CaseStanding]:
    configuration = visit.console.configuration
    zone = configuration.settings.station.zone_info
    register = open_cases(configuration.settings)
    cases = [one for one in register.cases(is_open=True) if one.concluded_on is not None and may_see_case(visit, one)]
    found = standings(register, cases, configuration.regime, now=visit.console.clock.now(), zone=zone)
    found = [one for one in found if one.is_unfiled]
    return sorted(found, key=lambda one: (_first_day(one), one.case.number))


def _first_day(one: CaseStanding) -> dt.date:
    return min((each.due_on for each in one.filings if each.due_on is not None), default=dt.date.max)


def _filing(visit: Visit, after: str) -> Items:
    found, following = paged(_unfiled(visit), lambda one: one.case.number, after)
    return Items(tuple(_filing_item(visit, one) for one in found), following)


def _filing_item(visit: Visit, one: CaseStanding) -> Item:
    t, case = visit.t, one.case
    today = visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()
    facts = (
        (t("Parties"), "、".join(case.parties)),
        (t("Concluded on"), str(case.concluded_on or "")),
        (t("Activities without footage"), str(len(one.missing)) if one.missing else ""),
        (t("Clause"), "; ".join(f"{each.rule.article or ''} {each.rule.words or ''}" for each in one.filings)),
    )
    late = " · " + t("late") if one.is_late else ""
    return Item(
        key=case.number,
        title=f"{case.number} {case.cause}".strip(),
        note=t("to be filed by {0}").format(_first_day(one)) + late,
        facts=tuple((name, value) for name, value in facts if value.strip()),
        links=((f"/cases/{case.number}", t("open the case")),),
        fields=(Field("on", t("Filed on"), "day", value=today.isoformat(), is_required=True),),
        deeds=(Deed("close", t("It is filed")),),
    )


def _filing_act(visit: Visit, key: str) -> str:
    case = open_cases(visit.console.settings).case(key)
    if not may_see_case(visit, case):
        raise NotFoundError(visit.t("there is no such case"))
    on = wanted(visit, "on", _("say on which day"))
    visit.console.act("case", [built(Close, visit.visitor, {"number": key, "on": on})])
    return visit.t("Filed: {0}").format(key)


FILING = WorkList(
    "filing",
    _("Case files to be filed"),
    _("Cases whose act of enforcement ended, the first day first."),
    Right.CASES,
    _filing,
    _filing_act,
    counted(_filing),
)
