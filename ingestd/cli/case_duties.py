"""`ingestd case suggest`, `missing`, `due`, `continuity`: what cases still need, and which footage may be theirs."""

import datetime as dt
from typing import Annotated, Any

import typer

from ingestd.answers.case_words import (
    activity_document,
    case_words,
    coverage_words,
    filing_document,
    filing_words,
    moment_words,
    officer_words,
    reason_words,
    suggestion_document,
)
from ingestd.answers.gathered import Gatherer
from ingestd.answers.statements import statement_document
from ingestd.answers.texts import counted, local_time
from ingestd.casework.case_questions import CaseStanding, officers_of, standings, suggested, unlinked_footage_of
from ingestd.cli.case_requests import CaseArgument
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.continuity_words import Language, statement_lines
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.stores.cases import Row
from ingestd.wiring import open_cases, open_catalogue, open_timelines

_MOST_SUGGESTED = 200

UnitFilter = Annotated[str | None, typer.Option("--unit", help="Only cases of this unit.")]


def suggest(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    recording: Annotated[str, typer.Option(help="Only for this one, as in `ingestd show`.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Latest unlinked recordings.")] = _MOST_SUGGESTED,
) -> None:
    """Which case footage may belong to, by officer, time and place, with the reasons. Nothing is linked.

    Example: ingestd case suggest --recording 0000007_00001220260302090000_0001.mp4
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    register = open_cases(configuration.settings)
    if recording:
        named = open_catalogue(configuration.settings).recording(recording)["recording_id"]
        rows = register.footage_of([named])
        if not rows:
            raise RefusedError(f"{recording} is no footage, or is not described yet", "see: ingestd show")
    else:
        rows = register.all_unlinked(limit=limit)
    found = suggested(register, rows, zone=zone, today=SystemClock().now().astimezone(zone).date())
    if as_json:
        emit_json(
            [
                _footage_document(row) | {"suggestions": [suggestion_document(one) for one in made]}
                for row, made in found
            ]
        )
        return
    table(
        f"{counted(len(found), 'recording')} may belong to a case · 关联建议（未关联）",
        ["recording", "began", "case", "activity", "strength", "reasons"],
        [
            (
                row["card_path"],
                local_time(row["recorded_start"], zone),
                one.case_number,
                one.activity_id or "–",
                one.strength.words,
                reason_words(one.reasons),
            )
            for row, made in found
            for one in made
        ],
    )


def missing(config: ConfigOption = None, as_json: JsonOption = False, unit: UnitFilter = None) -> None:
    """Activities that had to be filmed and have no footage, until it is linked or a lawful reason stands.

    Example: ingestd case missing
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    found = [one for one in _standings(configuration, unit) if one.missing]
    if as_json:
        emit_json(
            [
                {
                    "number": one.case.number,
                    "cause": one.case.cause,
                    "unit": one.case.unit,
                    "missing": [activity_document(each, zone) for each in one.missing],
                    "without_activity": list(one.unassigned),
                }
                for one in found
            ]
        )
        return
    rows = [
        (
            case_words(one.case),
            each.activity.activity_id,
            each.activity.kind.words,
            moment_words(each.activity.began_at, zone),
            coverage_words(each),
            ", ".join(rule.ground.value for rule in each.admits) or "none · 无",
        )
        for one in found
        for each in one.missing
    ]
    columns = ["case", "activity", "what", "began", "footage", "reasons admitted"]
    table(f"{counted(len(rows), 'activity')} without footage · 缺音像记录", columns, rows)


def due(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    unit: UnitFilter = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is filed, or has not ended.")] = False,
) -> None:
    """Cases to be filed, the first day first, with footage of their officers and days that is linked to no case.

    Example: ingestd case due
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    zone = settings.station.zone_info
    now = SystemClock().now()
    register = open_cases(settings)
    found = [one for one in _standings(configuration, unit) if everything or one.is_unfiled]
    found.sort(key=lambda one: (_first_day(one), one.case.number))
    today = now.astimezone(zone).date()
    unlinked = {
        one.case.number: unlinked_footage_of(register, one.case, zone=zone, today=today)
        for one in found
        if one.case.is_open
    }
    if as_json:
        emit_json(
            [
                {
                    "number": one.case.number,
                    "cause": one.case.cause,
                    "unit": one.case.unit,
                    "concluded_on": one.case.concluded_on.isoformat() if one.case.concluded_on else None,
                    "closed_on": one.case.closed_on.isoformat() if one.case.closed_on else None,
                    "is_late": one.is_late,
                    "filing": [filing_document(each) for each in one.filings],
                    "missing": [each.activity.activity_id for each in one.missing],
                    "unlinked_footage": [_footage_document(row) for row in unlinked.get(one.case.number, ())],
                }
                for one in found
            ]
        )
        return
    table(
        f"{counted(len(found), 'case')} to be filed · 待归档",
        ["case", "unit", "concluded", "filing", "missing", "unlinked footage"],
        [
            (
                case_words(one.case),
                one.case.unit,
                one.case.concluded_on or "–",
                filing_words(one.filings),
                len(one.missing) or "–",
                len(unlinked.get(one.case.number, ())) or "–",
            )
            for one in found
        ],
        right=(4, 5),
    )


def state_continuity(
    number: CaseArgument,
    activity: Annotated[str, typer.Argument(metavar="ACTIVITY", help="Its id in the case; see `case show`.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: Annotated[Language, typer.Option(help="Language of the text.")] = Language.BOTH,
) -> None:
    """State what of an activity was recorded, from its beginning to its end, by the footage linked to it (江门 35).

    Example: ingestd case continuity 大金海罚〔2026〕12号 a1
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    register = open_cases(configuration.settings)
    case = register.case(number)
    (standing,) = standings(register, [case], configuration.regime, now=SystemClock().now(), zone=zone)
    judged = next((one for one in standing.coverage if one.activity.activity_id == activity), None)
    if judged is None:
        raise NotFoundError(f"case {number} has no activity {activity}", f"see: ingestd case show {number}")
    began, ended = judged.activity.began_at, judged.activity.ended_at
    if began is None or ended is None:
        what = f"activity {activity} has no beginning or no end; nobody can say what of it was recorded"
        raise RefusedError(what, f"enter them: ingestd case activity {number} --id {activity} --began … --ended …")
    rows = _timed(configuration, judged.recordings, began, ended)
    statement = Gatherer(configuration).statement(rows, began, ended)
    title = f"case {number}, activity {activity}: {judged.activity.kind.words}"
    if as_json:
        duty = {"is_uninterrupted": judged.is_uninterrupted, "activity": activity_document(judged, zone)}
        emit_json({"kind": "activity", "id": f"{number} {activity}"} | duty | statement_document(statement, zone))
        return
    for line in statement_lines(
        statement, title=title, bureau=configuration.settings.station.bureau, zone=zone, language=lang
    ):
        console.print(line, markup=False, soft_wrap=True)
    if judged.is_uninterrupted:
        rule = judged.uninterrupted_by
        by = f"{rule.article}: {rule.words}" if rule is not None else "by the word of the case · 由案件标记"
        console.print(f"To be recorded without a break · 应当全过程无间断记录 ({by})", markup=False, soft_wrap=True)


def _standings(configuration: Configuration, unit: str | None) -> list[CaseStanding]:
    register = open_cases(configuration.settings)
    zone = configuration.settings.station.zone_info
    return standings(register, register.cases(unit=unit), configuration.regime, now=SystemClock().now(), zone=zone)


def _timed(
    configuration: Configuration, recordings: tuple[str, ...], start: dt.datetime, end: dt.datetime
) -> list[Row]:
    """The linked recordings that run in time and touch the span, in order."""
    rows = open_timelines(configuration.settings).recordings(recordings).values()
    first, last = to_text(start), to_text(end)
    timed = [
        row
        for row in rows
        if row["kind"] in ("video", "audio") and row["recorded_start"] is not None
        if row["recorded_start"] < last and row["recorded_end"] > first
    ]
    return sorted(timed, key=lambda row: (row["recorded_start"], row["recording_id"]))


def _first_day(one: CaseStanding) -> dt.date:
    return min((each.due_on for each in one.filings if each.due_on is not None), default=dt.date.max)


def _footage_document(row: Row) -> dict[str, Any]:
    keys = ("recording_id", "card_path", "kind", "recorded_start", "recorded_end", "take_id", "recorder_id")
    return {key: row[key] for key in keys} | {"officers": officer_words(officers_of(row))}
