"""`ingestd clock`: what was measured of a recorder's clock over its dockings, and what that makes of a recording."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ingestd.answers.clocks import history_of
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.recorderclock import (
    ClockHistory,
    ClockReading,
    ClockRun,
    setting_moments,
)
from ingestd.core.settings import Settings
from ingestd.wiring import open_clock_book


def clock(
    recorder: Annotated[str, typer.Argument(help="The recorder's number, as its file names carry it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How far a recorder's clock was off over its dockings, how fast it runs away, and by which sources.

    An offset is recorder minus true time: a clock that is ahead has a positive one.

    Example: ingestd clock 0000007 --json
    """
    settings = configuration_of(config).settings
    book = open_clock_book(settings)
    kept = book.readings_of(recorder)
    if not kept:
        raise NotFoundError(f"nothing was measured of the clock of {recorder}", "see: ingestd list --recorder")
    history = history_of(kept)
    document = {
        "recorder": recorder,
        "offset": _latest(history),
        "drift_s_per_day": _drift(history.runs[-1]) if history.runs else None,
        "runs": [_run_document(run) for run in history.runs],
        "was_set": [
            {"after": to_text(after), "before": to_text(before), "by_s": by_s}
            for after, before, by_s in setting_moments(history)
        ],
        "set_asked_at": book.settings_asked_of(recorder),
        "contradictions": list(history.contradictions),
        "readings": [one.reading.model_dump(mode="json") | {"is_disputed": one.is_disputed} for one in kept],
    }
    if as_json:
        emit_json(document)
        return
    _show(recorder, document, settings)


def _latest(history: ClockHistory) -> dict[str, Any] | None:
    """The offset at the last measurement."""
    if not history.runs:
        return None
    last = history.runs[-1].readings[-1]
    uncertainty_s = ((last.most_s or 0.0) - (last.least_s or 0.0)) / 2
    return {
        "offset_s": round(last.middle_s, 3),
        "uncertainty_s": round(uncertainty_s, 3),
        "at": to_text(last.end),
        "source": last.source.value,
    }


def _drift(run: ClockRun) -> dict[str, float] | None:
    if run.least_drift_s is None or run.most_drift_s is None:
        return None
    return {"least": round(run.least_drift_s, 3), "most": round(run.most_drift_s, 3)}


def _run_document(run: ClockRun) -> dict[str, Any]:
    return {
        "start": to_text(run.start),
        "end": to_text(run.end),
        "measurements": len(run.readings),
        "sources": sorted({one.source.value for one in run.readings}),
        "drift_s_per_day": _drift(run),
    }


def _show(recorder: str, document: dict[str, Any], settings: Settings) -> None:
    zone = settings.station.zone_info
    latest, drift = document["offset"], document["drift_s_per_day"]
    if latest is None:
        console.print(f"Recorder {recorder}: bounds only, no measurement · 仅有界限，无直接测量", markup=False)
    else:
        words = f"Recorder {recorder}: {latest['offset_s']:+.1f} s ± {latest['uncertainty_s']:.1f} s"
        console.print(f"{words} at {local_time(latest['at'], zone)} · 时钟偏差", markup=False)
    if drift is not None:
        console.print(f"  drift {drift['least']:+.2f} to {drift['most']:+.2f} s a day · 日漂移", markup=False)
    for one in document["was_set"]:
        span = f"between {local_time(one['after'], zone)} and {local_time(one['before'], zone)}"
        console.print(f"  it was set {span}, by {one['by_s']:+.1f} s · 时钟被调整", markup=False)
    for words in document["contradictions"]:
        console.print(f"  sources contradict each other: {words} · 来源互相矛盾", markup=False, soft_wrap=True)
    table(
        counted(len(document["readings"]), "reading"),
        ["at", "source", "recorder minus true time", "readings", "docking", "doubt"],
        [_row(one, zone) for one in document["readings"]],
        right=(3,),
    )


def _row(one: dict[str, Any], zone: ZoneInfo) -> tuple[Any, ...]:
    doubt = "; ".join(filter(None, (one["doubt"], "its docking waits for a person" if one["is_disputed"] else "")))
    docking = (one["docking_id"] or "–")[-12:]
    offset = _offset_words(ClockReading.model_validate({k: v for k, v in one.items() if k != "is_disputed"}))
    return (local_time(one["start"], zone), one["source"], offset, one["readings"], docking, doubt or "–")


def _offset_words(one: ClockReading) -> str:
    if one.least_s is None:
        return f"at most {one.most_s:+.1f} s" if one.most_s is not None else "–"
    if one.most_s is None:
        return f"at least {one.least_s:+.1f} s"
    return f"{one.least_s:+.1f} to {one.most_s:+.1f} s"
