"""`ingestd vessel`: AIS logs, which vessels were near a recording, and what an officer says of them."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted, local_time
from ingestd.answers.vessel_words import (
    COUNTED,
    REASONS,
    STATES,
    candidate_documents,
    fact_document,
    fact_words,
    mmsi_words,
)
from ingestd.casework.vessels import place_of
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import to_text
from ingestd.core.errors import ExitStatus, RefusedError
from ingestd.core.stop import Stop
from ingestd.core.vessel_acts import ConfirmVessel, ImportLogs, NameVessel, OverruleVessel, Request
from ingestd.ipc import ask
from ingestd.stores.heardfile import HeardFile
from ingestd.wiring import open_catalogue, open_parts, open_vessel_matching, open_vessels, vessel_desks, writer_lock

vessel_app = typer.Typer(
    help="Which vessels were near, by AIS or by hand · 船舶 (船名船号).",
    no_args_is_help=True,
)

RecordingArgument = Annotated[str, typer.Argument(help="A recording: its id, the last 12 digits of it, its file name.")]
PlaceOption = Annotated[
    str, typer.Option("--at", help="Where the recorder was, where it has no track: 38.92,121.63 (WGS-84).")
]

_STATES_OF_IMPORT = {
    "imported": "imported · 已导入",
    "known": "this very file was imported before, nothing added · 重复文件",
    "wrong_dates": "its dates cannot be right, nothing added · 日期错误",
    "nothing": "no vessel tells anything in it · 无船舶数据",
    "unreadable": "cannot be read · 无法读取",
}


@vessel_app.command("import")
def import_logs(
    paths: Annotated[
        list[Path], typer.Argument(help="AIS logs: NMEA sentences, with times in any of the known forms.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    zone: Annotated[str, typer.Option(help="Zone of times in the logs that name none, as UTC or Asia/Shanghai.")] = "",
    shift_seconds: Annotated[
        float, typer.Option(help="Added to the logs' own times, where they were found to be off.")
    ] = 0.0,
) -> None:
    """Bring AIS logs in. What became of each line is counted; of a log with wrong dates nothing is taken.

    Recordings of that time are held against it at once. Exit status 1 when of a file nothing could be taken.

    Example: ingestd vessel import ais-2026-03-02.log --by 张三
    """
    configuration = configuration_of(config)
    words = tuple(str(path.absolute()) for path in paths)
    request = built(ImportLogs, by, paths=words, zone=zone, shift_seconds=shift_seconds)
    documents: list[dict[str, Any]] = _perform(configuration, "vessel_import", request)
    if as_json:
        emit_json(documents)
    else:
        for document in documents:
            _show_import(document, configuration)
    if any(one["state"] not in ("imported", "known") for one in documents):
        raise typer.Exit(ExitStatus.FAILED)


def _show_import(document: dict[str, Any], configuration: Configuration) -> None:
    zone = configuration.settings.station.zone_info
    console.print(f"{document['source']}: {_STATES_OF_IMPORT[document['state']]}", markup=False, soft_wrap=True)
    if document["message"]:
        console.print(f"  {document['message']}", markup=False, soft_wrap=True)
    if document["off_seconds"] is not None:
        off, shift = document["off_seconds"], -document["off_seconds"]
        console.print(f"  Its times are {off:+.0f} s off what shore stations broadcast in it.", soft_wrap=True)
        console.print(f"  → where that is the log's fault: --shift-seconds {shift:.0f}", markup=False)
    if document["first"]:
        console.print(f"  from {local_time(document['first'], zone)} until {local_time(document['last'], zone)}")
    counts = document["counts"] or {}
    rows = [(words, counts[name]) for name, words in COUNTED.items() if counts.get(name)]
    if rows:
        table("", ["what", "count"], rows, right=(1,))


@vessel_app.command("candidates")
def show_candidates(
    recording: RecordingArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    at: PlaceOption = "",
) -> None:
    """Vessels that were heard near a recording: number, distance, age of the report, difference in speed, alongside.

    A candidate is no finding of fact: an officer confirms or overrules it.

    Example: ingestd vessel candidates 3f2a9c01d2e4
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    match = open_vessel_matching(settings).match(recording, place_of(at) if at else None)
    book = open_vessels(settings)
    found, is_stored = match.document(), False
    stored = book.match_of(match.recording_id) if not at else None
    if stored is not None and stored["reports_heard"] > match.reports_heard:
        # The reports were pruned since; what was found then stands in the ledger.
        found, is_stored = stored, True
    facts = book.facts_of(match.recording_id)
    candidates = candidate_documents(found["candidates"], facts)
    standing = [fact_document(one) for one in book.confirmed_of(match.recording_id)]
    told = {"recording_id": match.recording_id, "is_stored": is_stored, "standing": standing}
    if as_json:
        emit_json(found | told | {"candidates": candidates})
        return
    for fact in standing:
        console.print(f"stands: {fact_words(fact)}", markup=False, soft_wrap=True)
    if found["reason"]:
        console.print(f"No candidates: {REASONS[found['reason']]}", markup=False, soft_wrap=True)
        return
    basis, zone = found["basis"], settings.station.zone_info
    table(
        f"{counted(len(candidates), 'candidate')} out of {counted(found['reports_heard'], 'report')} · 附近船舶",
        [
            "MMSI",
            "name",
            "IMO",
            "call sign",
            "closest at",
            "distance",
            "report age",
            "speed diff.",
            "alongside",
            "mark",
        ],
        [
            (
                f"{one['mmsi']:09d}",
                one["name"] or "–",
                one["imo"] or "–",
                one["call_sign"] or "–",
                local_time(one["at"], zone),
                f"{one['distance_m']:.0f} m",
                f"{one['age_s']:.0f} s",
                f"{one['speed_difference_knots']:.1f} kn" if one["speed_difference_knots"] is not None else "–",
                f"{one['alongside_s']:.0f} s" if one["is_alongside"] else "–",
                _marks(one),
            )
            for one in candidates
        ],
        right=(5, 6, 7, 8),
    )
    by = "the place given by hand" if basis["by"] == "hand" else f"its track (datum {basis['datum']})"
    clock = "satellite time" if basis["times"] == "satellites" else "the recorder's own clock"
    console.print(
        f"By {by} and {clock}. Confirm: ingestd vessel confirm {recording} MMSI", markup=False, soft_wrap=True
    )


def _marks(candidate: dict[str, Any]) -> str:
    others = ", ".join(f"{one:09d}" for one in candidate["ambiguous_with"])
    return "; ".join(
        filter(
            None,
            (
                STATES[candidate["state"]] if candidate["state"] != "open" else "",
                f"ambiguous with {others} · 难以区分" if others else "",
                "number used by two vessels · 识别码重复" if candidate["is_number_shared"] else "",
            ),
        )
    )


@vessel_app.command("confirm")
def confirm(
    recording: RecordingArgument,
    mmsi: Annotated[str, typer.Argument(help="The candidate's number (MMSI).")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    name: Annotated[str, typer.Option(help="船名 as read from the hull, where AIS tells another or none.")] = "",
    number: Annotated[str, typer.Option(help="船号 as read from the hull or the papers.")] = "",
    at: PlaceOption = "",
    note: Annotated[str, typer.Option(help="By what it was recognised.")] = "",
) -> None:
    """Confirm a candidate. The ledger keeps who said so and everything that speaks for it.

    Example: ingestd vessel confirm 3f2a9c01d2e4 412345678 --name 辽大金渔15008 --by 张三
    """
    place = place_of(at) if at else None
    request = built(
        ConfirmVessel, by, recording=recording, mmsi=_mmsi(mmsi), name=name, number=number, place=place, note=note
    )
    answer = _perform(configuration_of(config), "vessel", request)
    _said(answer, "is confirmed · 已确认", as_json)


@vessel_app.command("name")
def name_vessel(
    recording: RecordingArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    name: Annotated[str, typer.Option(help="船名.")] = "",
    number: Annotated[str, typer.Option(help="船号.")] = "",
    note: Annotated[str, typer.Option(help="By what it was recognised.")] = "",
) -> None:
    """Name the vessel by hand, without AIS. It is shown as given by hand everywhere.

    Example: ingestd vessel name 3f2a9c01d2e4 --name 辽大金渔15008 --number 2021-0456 --by 张三
    """
    if not name and not number:
        raise typer.BadParameter("give the name, the number, or both", param_hint="--name / --number")
    request = built(NameVessel, by, recording=recording, name=name, number=number, note=note)
    _said(_perform(configuration_of(config), "vessel", request), "is entered by hand · 已人工登记", as_json)


@vessel_app.command("overrule")
def overrule(
    recording: RecordingArgument,
    vessel: Annotated[str, typer.Argument(help="A candidate's MMSI, or the name or number of a vessel that stands.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
) -> None:
    """Say that a vessel was not the one: a candidate, or one that was confirmed or named before.

    Example: ingestd vessel overrule 3f2a9c01d2e4 412345678 --reason "仅路过" --by 张三
    """
    request = built(OverruleVessel, by, recording=recording, vessel=vessel, reason=reason)
    _said(_perform(configuration_of(config), "vessel", request), "is overruled · 已否定", as_json)


@vessel_app.command("list")
def list_vessels(
    vessel: Annotated[
        str, typer.Argument(help="Only of this vessel: part of its name or 船号, MMSI, IMO number, call sign.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Vessels that stand with recordings, newest first, and what is held of AIS.

    Example: ingestd vessel list 15008 --json
    """
    settings = configuration_of(config).settings
    book = open_vessels(settings)
    facts = book.recordings_with(vessel) if vessel else book.standing()
    with closing(HeardFile(settings.ais_file)) as file:
        heard = file.existing()
        summary = heard.summary() if heard is not None else None
        captures = heard.captures() if heard is not None else []
    zone = settings.station.zone_info
    if as_json:
        first, last = (None, None) if summary is None else (summary.first, summary.last)
        held = {
            "reports": summary.reports if summary else 0,
            "vessels": summary.vessels if summary else 0,
            "size_bytes": summary.size_bytes if summary else 0,
            "first": to_text(first) if first else None,
            "last": to_text(last) if last else None,
        }
        own = [{key: value for key, value in one.items() if key != "is_counted"} for one in captures]
        emit_json({"vessels": [fact_document(one) for one in facts], "heard": held | {"captures": own}})
        return
    paths = open_catalogue(settings).card_paths(sorted({one.recording_id for one in facts}))
    table(
        f"{counted(len(facts), 'vessel')} with recordings · 已登记船舶",
        ["recording", "file", "vessel", "said"],
        [
            (
                one.recording_id[-12:],
                paths.get(one.recording_id, "–").rsplit("/", 1)[-1],
                fact_words(fact_document(one)),
                local_time(one.said_at, zone),
            )
            for one in facts
        ],
    )
    if summary is not None and summary.first is not None and summary.last is not None:
        span = f"{summary.first.astimezone(zone):%Y-%m-%d %H:%M} – {summary.last.astimezone(zone):%Y-%m-%d %H:%M}"
        console.print(f"AIS held: {summary.reports} reports of {summary.vessels} vessels, {span}", markup=False)


def _mmsi(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise RefusedError(f"{text!r} is no MMSI", "write its nine digits: 412345678")
    return int(text)


def _said(answer: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        emit_json(answer)
        return
    vessel = answer["vessel"]
    name = " ".join(filter(None, (vessel["name"], vessel["number"]))) or "a vessel without a name"
    number = f" [{mmsi_words(vessel['mmsi'])}]" if vessel["mmsi"] is not None else ""
    console.print(f"{name}{number} {words}", markup=False, soft_wrap=True)


def _perform(configuration: Configuration, operation: str, request: Request | ImportLogs) -> Any:
    """Have it done by the running station or, where none runs, here."""
    settings = configuration.settings
    if is_station_running(settings):
        return ask(settings.socket_file, {"op": operation, "request": request.model_dump(mode="json")})
    with (
        writer_lock(settings),
        open_parts(configuration, Stop()) as parts,
        closing(HeardFile(settings.ais_file)) as file,
    ):
        desk, logs = vessel_desks(lambda: parts, file)
        return logs.take(request) if isinstance(request, ImportLogs) else desk.enter(request)
