"""`ingestd clock`: what was measured of a recorder's clock over its dockings, and what that makes of a recording."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, counted, emit_json, local_time, table
from ingestd.core.clock import from_text, to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.recorderclock import (
    ClockHistory,
    ClockReading,
    ClockRun,
    clock_history,
    corrected,
    position_reading,
    setting_moments,
)
from ingestd.core.segments import TRUSTED_SOURCES
from ingestd.core.settings import Settings
from ingestd.core.siblingclocks import clocks_of
from ingestd.pipeline.sets import sibling_of
from ingestd.stores.clocks import KeptReading
from ingestd.stores.search import Row
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
    history = _history(kept)
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


def corrected_document(row: Row, settings: Settings) -> dict[str, Any] | None:
    """When a recording was made by true time, as far as its recorder's clock was measured; null where nobody can say.

    Only of times that the recorder itself wrote.
    """
    is_own = row["tags"] is not None and row["tags"]["times_source"] in TRUSTED_SOURCES
    if not is_own or row["facts"] is None or row["recorded_start"] is None:
        return None
    recorder = row["admission_settled_recorder"] or row["recorder_id"]
    history = _history(open_clock_book(settings).readings_of(recorder) if recorder else [])
    own = position_reading(clocks_of(sibling_of(row)))
    found = corrected(from_text(row["recorded_start"]), from_text(row["recorded_end"]), history, own)
    return None if found is None else found.document()


def corrected_words(document: dict[str, Any] | None, settings: Settings) -> str:
    """The corrected interval for people."""
    if document is None:
        return "–"
    zone = settings.station.zone_info
    span = f"{local_time(document['start'], zone)} – {local_time(document['end'], zone)}"
    words = f"{span} ± {document['uncertainty_s']:.1f} s, {document['confidence']}"
    return "; ".join((words, *document["doubts"]))


def _history(kept: list[KeptReading]) -> ClockHistory:
    """Without the readings of dockings of which a person must still say whose recorder it was."""
    return clock_history([one.reading for one in kept if not one.is_disputed])


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
