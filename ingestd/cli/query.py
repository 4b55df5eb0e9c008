"""Questions to the catalogue: status, list, show, findings."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.clocks import corrected_words
from ingestd.answers.explained import Explained, words_of_state
from ingestd.answers.marks import (
    admission_document,
    mark_of,
    officer_words,
    without_marks,
    words_of_admission,
)
from ingestd.answers.origins import origin_mark, origin_rows
from ingestd.answers.reason_words import clause_words
from ingestd.answers.recordings import (
    disposal_words,
    file_names,
    finding_document,
    keep_words,
    recording_document,
    shown_document,
)
from ingestd.answers.texts import counted, local_time, size, span, words_of
from ingestd.answers.vessel_words import show_rows
from ingestd.answers.whereabouts import place_words, position_words
from ingestd.cli.bays import WORDS
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, findings_table, table
from ingestd.cli.timeline import show_timeline
from ingestd.cli.watch import watch_bays
from ingestd.core.errors import UnavailableError
from ingestd.core.lifecycle import BayState
from ingestd.core.origin import OriginKind
from ingestd.core.settings import Settings
from ingestd.core.terms import RetentionDecision
from ingestd.ipc import ask
from ingestd.stores.search import Row
from ingestd.wiring import open_catalogue


def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on showing the bays until Ctrl-C; with --json one line a change.")
    ] = False,
) -> None:
    """Is the station running, what do the bays do, what is held, what waits?

    Example: ingestd status --watch
    """
    settings = configuration_of(config).settings
    if watch:
        watch_bays(settings.socket_file, as_json=as_json)
        return
    try:
        daemon = ask(settings.socket_file, {"op": "status"})
    except UnavailableError:
        daemon = None
    catalogue = open_catalogue(settings)
    counts = {name: [[*labels, number] for labels, number in rows] for name, rows in catalogue.counts().items()}
    dockings = [_docking_document(row) for row in catalogue.dockings(limit=10)]
    if as_json:
        emit_json({"daemon": daemon, "counts": counts, "dockings": dockings})
        return
    if daemon is None:
        console.print("The station is not running. What the catalogue knows:")
    else:
        console.print(f"Station {daemon['station']} runs (process {daemon['pid']}, version {daemon['version']}).")
        for bay in daemon["bays"]:
            words = WORDS[BayState(bay["state"])]
            line = f"  bay {bay['bay']}: {words} {bay['message']} {_how_far(bay)}".rstrip()
            console.print(line, markup=False, soft_wrap=True)
    contents, held_bytes = catalogue.held()
    console.print(f"{contents} contents, {size(held_bytes)}; {counts['undescribed'][0][0]:.0f} wait to be described.")
    zone = settings.station.zone_info
    table(
        "Latest dockings",
        ["opened", "bay", "recorder", "files", "bytes", "outcome"],
        [
            (local_time(one["opened_at"], zone), one["bay"], one["recorder_id"] or "unknown", one["entries"],
             size(one["bytes"]), ", ".join(filter(None, (one["outcome"] or "open", mark_of(one["admission"])))))
            for one in dockings
        ],
        right=(3, 4),
    )  # fmt: skip


def _how_far(bay: dict[str, Any]) -> str:
    """Bytes, rate and time left of a bay that is being copied; nothing of any other."""
    if bay["state"] != BayState.COPYING:
        return ""
    done = f"{size(bay['bytes_done'])} of {size(bay['bytes_total'])}, {size(int(bay['bytes_per_second']))}/s"
    return f"({done}, {bay['seconds_left']:.0f} s left)" if bay["seconds_left"] is not None else f"({done})"


def _docking_document(row: Row) -> dict[str, Any]:
    own = {key: value for key, value in without_marks(row).items() if key != "document"}
    return own | {"accounting": row["document"].get("accounting"), "admission": admission_document(row)}


def list_recordings(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    recorder: Annotated[str | None, typer.Option(help="Only of this device number.")] = None,
    docking: Annotated[str | None, typer.Option(help="Only first seen at this docking.")] = None,
    origin: Annotated[
        OriginKind | None, typer.Option(help="Only what is declared to be of this kind, and no recorder's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    after: Annotated[str, typer.Option(help="Only behind this recording id, to page on.")] = "",
) -> None:
    """List the recordings that the vault holds.

    Example: ingestd list --recorder 0000007 --json
    """
    settings = configuration_of(config).settings
    catalogue = open_catalogue(settings)
    rows = catalogue.recordings(
        docking=docking, recorder=recorder, origin=origin.value if origin else None, limit=limit, after=after
    )
    documents = [recording_document(row, catalogue, settings) for row in rows]
    if as_json:
        emit_json(documents)
        return
    recordings_table(counted(len(documents), "recording"), documents, settings)


def recordings_table(title: str, documents: list[dict[str, Any]], settings: Settings) -> None:
    """Recordings for people."""
    zone = settings.station.zone_info
    table(
        title,
        ["id", "recorded", "file", "kind", "length", "size", "officer", "keep until", "findings"],
        [
            (
                one["recording_id"][-12:],
                local_time(one["recorded_start"], zone),
                one["card_path"].rsplit("/", 1)[-1],
                f"{one['kind'] or one['state']}{origin_mark(one['origin'])}",
                f"{one['duration_s']:.1f} s" if one["duration_s"] else "–",
                size(one["size_bytes"]),
                officer_words(one["officers"]),
                keep_words(one, settings),
                ", ".join(filter(None, (mark_of(one["admission"]), *one["findings"]))) or "–",
            )
            for one in documents
        ],
        right=(4, 5),
    )


def show(
    what: Annotated[
        str, typer.Argument(help="A recording: its id, the last 12 digits of it, its file name or SHA-256.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Draw its take instead: files, gaps and findings along the wall clock.")
    ] = False,
) -> None:
    """Everything about one recording: where its bytes lie, facts, findings, tags, and why it is kept.

    Example: ingestd show 0000007_00001220261121083000_0001.mp4
    """
    configuration = configuration_of(config)
    if timeline:
        show_timeline(what, configuration, as_json=as_json)
        return
    settings = configuration.settings
    document = shown_document(what, configuration)
    if as_json:
        emit_json(document)
        return
    zone, gone = settings.station.zone_info, document["disposal"]
    rows: list[tuple[str, Any]] = [
        ("recording", document["recording_id"]),
        ("state", document["state"]),
        ("file on the recorder", document["card_path"]),
        ("original", disposal_words(gone, settings) if gone else Path(settings.vault_dir) / document["vault_path"]),
        ("SHA-256", document["sha256"]),
        ("size", f"{document['size_bytes']} bytes"),
        ("recorder", document["recorder_id"] or "unknown"),
        ("recorded", f"{local_time(document['recorded_start'], zone)} – {local_time(document['recorded_end'], zone)}"),
        ("corrected by clock", corrected_words(document["corrected"], settings)),
        ("time is from", (document["tags"] or {}).get("times_source", "–")),
        ("officer", officer_words(document["officers"], has_certificate=True)),
        ("position", position_words((document["tags"] or {}).get("position"))),
        ("place", place_words((document["tags"] or {}).get("place"))),
        *show_rows(document["vessels"]),
        ("take", document["take_id"] or "–"),
        ("keep until", f"{keep_words(document, settings)} ({document['standing'].replace('_', ' ')})"),
    ]
    for reason in RetentionDecision.model_validate(document["retention"]).reasons if document["retention"] else ():
        rows.append((f"{'→ ' if reason.is_winner else ''}because", clause_words(reason)))
    rows[7:7] = origin_rows(document["declared"], configuration.regime)
    if words_of_admission(document["admission"]):
        rows.insert(1, ("marked", words_of_admission(document["admission"])))
    for one in document["sightings"]:
        rows.append(("seen at", f"docking {one['docking_id'][-12:]}: {one['card_path']} ({one['fate']})"))
    for one in document["derived"]:
        rows.append((one["kind"], one["vault_path"] or one["document"]))
    table("Recording", ["", ""], rows)
    for found in document["findings"]:
        place = f"{found['code']} {span(found, zone)}"
        console.print(f"  {found['severity']}: {place}: {words_of(found['code'])}", markup=False)
        if words_of_state(found):
            console.print(f"    {words_of_state(found)} [{found['finding_key']}]", markup=False)


def findings(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    code: Annotated[str | None, typer.Option(help="Only codes that begin so, as gap or set.missing.")] = None,
    docking: Annotated[str | None, typer.Option(help="Only of this docking.")] = None,
) -> None:
    """What the station noticed: gaps, missing segments, torn files, and how sure it is.

    Example: ingestd findings --code set
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    catalogue = open_catalogue(settings)
    rows = catalogue.findings(code=code, docking=docking)
    marks = Explained(configuration).marks(rows)
    if as_json:
        emit_json([finding_document(row) | marks[row["finding_id"]] for row in rows])
        return
    names = file_names(rows, catalogue)
    findings_table(
        counted(len(rows), "finding"),
        [(row["document"], _marked(names[row["finding_id"]], row, marks[row["finding_id"]])) for row in rows],
        settings.station.zone_info,
    )


def _marked(name: str, row: Row, mark: dict[str, Any]) -> str:
    return ": ".join(filter(None, (mark_of(admission_document(row)), words_of_state(mark), name)))
