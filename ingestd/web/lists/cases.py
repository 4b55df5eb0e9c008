"""What cases lack: footage of activities that had to be filmed, and recordings that may belong to a case."""

from typing import Any

from ingestd.answers.texts import local_time
from ingestd.casework.case_questions import CaseStanding, officers_of, standings, suggested
from ingestd.core.case_requests import EnterAbsence, Link
from ingestd.core.case_suggestions import Suggestion
from ingestd.core.cases import AbsenceGround
from ingestd.core.coverage import ActivityCoverage
from ingestd.core.errors import NotFoundError
from ingestd.core.roles import Right
from ingestd.web.console import built
from ingestd.web.lists.items import Deed, Field, Item, Items, WorkList, check_recording, name_of, paged, wanted
from ingestd.web.scope import may_see_case, seen
from ingestd.web.visit import Visit
from ingestd.web.words import half
from ingestd.wiring import open_cases, open_catalogue

_MOST_LOOKED_AT = 200


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


# Activities without footage


def _missing(visit: Visit, after: str) -> Items:
    configuration = visit.console.configuration
    zone, now = configuration.settings.station.zone_info, visit.console.clock.now()
    register = open_cases(configuration.settings)
    cases = [one for one in register.cases(is_open=True) if may_see_case(visit, one)]
    found = [
        (one, each)
        for one in standings(register, cases, configuration.regime, now=now, zone=zone)
        for each in one.missing
    ]
    shown, following = paged(found, lambda pair: _key(*pair), after)
    return Items(tuple(_missing_item(visit, *pair) for pair in shown), following)


def _key(one: CaseStanding, each: ActivityCoverage) -> str:
    return f"{one.case.number} {each.activity.activity_id}"


def _missing_item(visit: Visit, one: CaseStanding, each: ActivityCoverage) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    rule = each.rules[0] if each.rules else None
    began = each.activity.began_at
    facts = (
        (t("Case"), f"{one.case.number} {one.case.cause}"),
        (t("Place"), each.activity.place),
        (t("Officers"), ", ".join(officer.shown for officer in each.activity.officers or one.case.officers)),
        (t("Clause"), f"{rule.article or ''} {rule.words or ''}" if rule is not None else ""),
    )
    grounds = tuple((rule.ground.value, _ground(visit, rule.ground)) for rule in each.admits)
    return Item(
        key=_key(one, each),
        title=half(each.activity.kind.words, visit.language),
        note=began.astimezone(zone).strftime("%Y-%m-%d %H:%M") if began is not None else "",
        facts=tuple((name, value) for name, value in facts if value.strip()),
        links=((f"/cases/{one.case.number}", t("open the case")),),
        fields=(
            Field("recording", t("Recording that shows it"), hint=t("its number, or the name of its file")),
            *((Field("ground", t("Or why there is none"), "buttons", choices=grounds),) if grounds else ()),
            *((Field("words", t("In words"), "lines"),) if grounds else ()),
        ),
        deeds=(
            Deed("link", t("Link this recording")),
            *((Deed("absence", t("There is none, for this reason")),) if grounds else ()),
        ),
    )


_GROUNDS: dict[AbsenceGround, str] = {
    AbsenceGround.UNSUITABLE: _("not suited to be recorded"),
    AbsenceGround.WRITTEN_SUFFICES: _("writing says all of it"),
    AbsenceGround.SECRECY: _("secrets or privacy"),
    AbsenceGround.WITNESSED: _("served before witnesses"),
}


def _ground(visit: Visit, ground: AbsenceGround) -> str:
    return visit.t(_GROUNDS[ground]) if ground in _GROUNDS else ground.value


def _missing_act(visit: Visit, key: str) -> str:
    number, _blank, activity = key.rpartition(" ")
    register = open_cases(visit.console.settings)
    if not may_see_case(visit, register.case(number)):
        raise NotFoundError(visit.t("there is no such case"))
    about: dict[str, Any] = {"number": number, "activity_id": activity}
    if visit.text("do") == "absence":
        ground = wanted(visit, "ground", _("choose a reason"))
        words = visit.text("words")
        visit.console.act("case", [built(EnterAbsence, visit.visitor, about | {"ground": ground, "words": words})])
        return visit.t("The reason is entered.")
    named = wanted(visit, "recording", _("name the recording"))
    recording = str(open_catalogue(visit.console.settings).recording(named)["recording_id"])
    check_recording(visit, recording)
    visit.console.act("case", [built(Link, visit.visitor, about | {"named": recording})])
    return visit.t("Linked.")


MISSING = WorkList(
    "coverage",
    _("Activities without footage"),
    _("They had to be recorded. Link what shows them, or enter the lawful reason."),
    Right.CASES,
    _missing,
    _missing_act,
)


# Recordings that may belong to a case


def _suggestions(visit: Visit, after: str) -> Items:
    register, zone = open_cases(visit.console.settings), visit.console.settings.station.zone_info
    rows = seen(visit, register.all_unlinked(limit=_MOST_LOOKED_AT))
    today = visit.console.clock.now().astimezone(zone).date()
    found = suggested(register, rows, zone=zone, today=today)
    shown, following = paged(found, lambda pair: str(pair[0]["recording_id"]), after)
    return Items(tuple(_suggestion_item(visit, row, made) for row, made in shown), following)


def _suggestion_item(visit: Visit, row: dict[str, Any], made: tuple[Suggestion, ...]) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    choices = tuple((f"{one.case_number} {one.activity_id or ''}", _said(visit, one)) for one in made)
    return Item(
        key=row["recording_id"],
        title=name_of(row["card_path"]),
        note=local_time(row["recorded_start"], zone)[:16],
        facts=((t("Officers"), ", ".join(one.shown for one in officers_of(row))),),
        links=((f"/recordings/{row['recording_id']}", t("the recording")),),
        fields=(Field("case", t("It may belong to"), "buttons", choices=choices, is_required=True),),
        deeds=(Deed("link", t("Link it to this case")),),
    )


def _said(visit: Visit, one: Suggestion) -> str:
    reasons = "；".join(
        ("" if each.is_for else visit.t("but") + " ") + (each.zh if visit.language == "zh" else each.en)
        for each in one.reasons
    )
    return f"{one.case_number} {one.activity_id or ''}: {reasons}"


def _suggestion_act(visit: Visit, key: str) -> str:
    check_recording(visit, key)
    number, _blank, activity = wanted_raw(visit).rpartition(" ")
    fields = {"number": number, "activity_id": activity or None, "named": key}
    visit.console.act("case", [built(Link, visit.visitor, fields)])
    return visit.t("Linked to case {0}").format(number)


def wanted_raw(visit: Visit) -> str:
    """The chosen case with its activity, whose blank at the end says that there is none."""
    wanted(visit, "case", _("choose a case"))
    return str(visit.form["case"])


SUGGESTIONS = WorkList(
    "suggestions",
    _("Recordings that may belong to a case"),
    _("By officer, time and place. Nothing is linked before a person says so."),
    Right.CASES,
    _suggestions,
    _suggestion_act,
)
