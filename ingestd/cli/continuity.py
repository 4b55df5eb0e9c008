"""`ingestd continuity`: what of a take, recording or interval was recorded, what was not, why, by what proof."""

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.explained import explanation_document, rule_document
from ingestd.cli.gathered import Gatherer
from ingestd.cli.moments import moment_of
from ingestd.cli.output import console, emit_json
from ingestd.core.clock import from_text, to_text
from ingestd.core.continuity import Interruption, Portion, Sign, Statement
from ingestd.core.continuity_words import Language, Words, statement_lines, verdict_words
from ingestd.core.explanation import ExplanationState


def continuity(
    what: Annotated[
        str,
        typer.Argument(metavar="TAKE|RECORDING", help="A take by its id or last digits, or a recording as in `show`."),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    since: Annotated[
        str, typer.Option("--from", help="State an interval of this recorder: from here, as 2026-03-02T09:00:00.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="… to here.")] = "",
    lang: Annotated[Language, typer.Option(help="Language of the text.")] = Language.BOTH,
) -> None:
    """State what was recorded without a gap and what was interrupted, by which checks · 记录连续性说明.

    Example: ingestd continuity 0000007_00001220261121083000_0001.mp4 --lang zh
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    gatherer = Gatherer(configuration)
    subject = gatherer.subject(what)
    start, end = subject.span
    if since or until:
        start = from_text(moment_of(since, "from", zone)) if since else start
        end = from_text(moment_of(until, "to", zone)) if until else end
        if end < start:
            raise typer.BadParameter("the interval ends before it starts", param_hint="--from / --to")
        subject = gatherer.between(subject, start, end)
    statement = gatherer.statement(subject.rows, start, end)
    if as_json:
        emit_json({"kind": subject.kind, "id": subject.id} | statement_document(statement, zone))
        return
    lines = statement_lines(
        statement, title=subject.title, bureau=configuration.settings.station.bureau, zone=zone, language=lang
    )
    take = subject.rows[0]["take_id"] if subject.kind == "recording" else None
    if take is not None:
        lines.append(Words(lang)(f"The whole take: ingestd continuity {take}", f"整段记录：ingestd continuity {take}"))
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def statement_document(statement: Statement, zone: ZoneInfo) -> dict[str, Any]:
    """A statement as JSON has it; seconds to the microsecond, so that covered and interrupted make up the span."""
    return {
        **_span(statement.start, statement.end, zone),
        "verdict": statement.verdict.value,
        "words": verdict_words(statement.verdict),
        "span_s": statement.span_s,
        "covered_s": statement.covered.total_seconds(),
        "interrupted_s": statement.interrupted.total_seconds(),
        "rolled_over_s": statement.rolled_over.total_seconds(),
        "recordings": [_portion(one, zone) for one in statement.portions],
        "interruptions": [interruption_document(one, zone) for one in statement.interruptions],
        "impaired": [sign_document(one) for one in statement.impaired],
        "doubts": [sign_document(one) for one in statement.doubts],
        "checks": [
            {"id": one.id, "is_applied": one.is_applied, "en": one.en, "zh": one.zh}
            | ({} if one.is_applied else {"why_not_en": one.why_not_en, "why_not_zh": one.why_not_zh})
            for one in statement.checks
        ],
    }


def interruption_document(one: Interruption, zone: ZoneInfo) -> dict[str, Any]:
    """An interruption as JSON has it. `state` is null where no finding speaks of it."""
    states = [sign_document(sign)["state"] for sign in one.signs]
    order = (ExplanationState.OPEN, ExplanationState.EXPLAINED, ExplanationState.NOT_ASKED)
    state = next((state.value for state in order if state in states), None)
    return {
        **_span(one.start, one.end, zone),
        "seconds": one.seconds,
        "cause": one.cause.value,
        "state": state,
        "findings": [sign_document(sign) for sign in one.signs],
    }


def sign_document(sign: Sign) -> dict[str, Any]:
    """A finding in a statement, as JSON has it."""
    if sign.explanation is not None:
        state = ExplanationState.EXPLAINED
    else:
        state = ExplanationState.OPEN if sign.asked_by else ExplanationState.NOT_ASKED
    return {
        "finding_key": sign.key,
        "code": sign.code,
        "severity": sign.severity.value,
        "confidence": sign.confidence.value,
        "about": list(sign.about),
        "start_s": sign.start_s,
        "end_s": sign.end_s,
        "sources": list(sign.sources),
        "state": state.value,
        "asked_by": [rule_document(rule) for rule in sign.asked_by],
        "explanation": explanation_document(sign.explanation),
    }


def _portion(one: Portion, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "recording_id": one.key,
        "card_path": one.shown,
        "take_id": one.take,
        **_span(one.start, one.end, zone),
        "is_timed_by_recorder": one.is_timed_by_recorder,
    }


def _span(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> dict[str, str]:
    return {
        "start_utc": to_text(start),
        "end_utc": to_text(end),
        "start_local": start.astimezone(zone).isoformat(timespec="milliseconds"),
        "end_local": end.astimezone(zone).isoformat(timespec="milliseconds"),
    }
