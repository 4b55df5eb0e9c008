"""`ingestd handover`: the hand-over clock, what people declare for it, and hand-over records (交接记录)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time, size
from ingestd.cli import handover_requests
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import to_text
from ingestd.core.declarations import Declaration, DeclarationKind, Declare, Withdraw
from ingestd.core.errors import RefusedError
from ingestd.core.handover import HandOverState
from ingestd.core.handover_record import ROLE_WORDS, Confirm, Make, Print
from ingestd.stores.durable import replace_whole
from ingestd.wiring import open_hand_over_book, open_record_book

handover_app = typer.Typer(
    help="The hand-over clock, declarations for it, and hand-over records · 移交时限与交接记录.", no_args_is_help=True
)

DockingArgument = Annotated[str, typer.Argument(help="The docking's id or its last digits, or the record's number.")]

_KINDS = {kind.value.replace("_", "-"): kind for kind in DeclarationKind}
_STATE_WORDS = {
    "due": "due · 未到期",
    "met": "in time · 按时",
    "late": "late · 逾期",
    "excused": "in time after the return · 返回后按时",
    "none": "no deadline · 无时限",
}
_MOST_ROWS = 1000


@handover_app.command("rules")
def rules(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What the regime of this station says: when the clock starts, how long it runs, which field work it excepts.

    Example: ingestd handover rules
    """
    regime = configuration_of(config).regime
    clock = regime.hand_over
    if as_json:
        emit_json({"regime": regime.id, "hand_over": clock.model_dump(mode="json") if clock is not None else None})
        return
    if clock is None:
        console.print(f"{regime.bureau}: no hand-over clock · 无移交时限", markup=False)
        return
    rows = [("starts", clock.starts.value), ("hours", clock.hours), ("basis", clock.basis.value)]
    rows.append((clock.article or "note", clock.words or clock.note or ""))
    if clock.hand_in is not None:
        rows.append(("hand-in", clock.hand_in.words or ""))
    work = clock.field_work
    rows.append(("field work", (work.words or work.note or "") if work is not None else "no exception · 无例外"))
    if work is not None:
        rows.append(("reasons", "in words (--words) · 自行说明" if work.is_free_text else ""))
        rows += [(one.id, f"{one.en} · {one.zh}") for one in work.reasons]
    table(f"{regime.title} ({regime.bureau})", ["", ""], rows)


@handover_app.command("status")
def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    state: Annotated[HandOverState | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, newest first.")] = _MOST_ROWS,
) -> None:
    """Recordings against the clock: when each was due and by what, newest first.

    Example: ingestd handover status --state late
    """
    configuration = configuration_of(config)
    rows = open_hand_over_book(configuration.settings).against_clock(state, limit=limit)
    if as_json:
        emit_json(rows)
        return
    zone = configuration.settings.station.zone_info
    table(
        counted(len(rows), "recording"),
        ["recording", "file", "state", "due", "secured", "started by", "excuse"],
        [
            (
                row["recording_id"][-12:],
                row["card_path"].rsplit("/", 1)[-1],
                _STATE_WORDS[row["hand_over"]["state"]],
                _when(row["hand_over"]["due"], zone),
                _when(row["sealed_at"], zone),
                f"{row['hand_over']['start_event'] or '–'} ({row['hand_over'].get('start_source') or '–'})",
                _excuse_words(row["hand_over"].get("excuse")),
            )
            for row in rows
        ],
    )


@handover_app.command("declare")
def declare(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(_KINDS)}.")],
    at: Annotated[
        str, typer.Option(help="When they returned, the activity ended, or it was handed in: 2026-03-02T09:15.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    recorder: Annotated[str, typer.Option(help="What this recorder took from --since until --until.")] = "",
    since: Annotated[str, typer.Option(help="Begin of the span, in the bureau's zone unless one is given.")] = "",
    until: Annotated[str, typer.Option(help="End of the span; else the time of --at.")] = "",
    docking: Annotated[str, typer.Option(help="What this docking brought, by its id or the last digits.")] = "",
    recording: Annotated[list[str] | None, typer.Option(help="This recording; may be repeated.")] = None,
    reason: Annotated[str, typer.Option(help="Of field work, as `ingestd handover rules` lists them.")] = "",
    words: Annotated[str, typer.Option(help="In words; of field work where the clause names no reasons.")] = "",
    declarant: Annotated[str, typer.Option(help="Who declares it, if not who enters it.")] = "",
) -> None:
    """Declare field work with its return, the end of an activity, or the hand-in to the custodian.

    Footage is taken in at any time; a declaration only moves the time against which it is marked. What is declared
    after the ordinary time was over is marked as such. A later word of the same kind replaces an earlier one.

    Example: ingestd handover declare field-work --recorder 0000007 --since 2026-03-01T08:00 --at 2026-03-04T17:30
    --reason remote --by 张三
    """
    if kind not in _KINDS:
        raise typer.BadParameter(f"write one of {', '.join(_KINDS)}", param_hint="KIND")
    if sum((bool(recorder), bool(docking), bool(recording))) != 1:
        raise typer.BadParameter("give one of --recorder, --docking, --recording", param_hint="--recorder")
    if bool(recorder) != bool(since):
        raise typer.BadParameter("--recorder needs --since, and --since a --recorder", param_hint="--since")
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    request = built(
        Declare,
        by,
        kind=_KINDS[kind],
        at=moment_of(at, "at", zone),
        recordings=tuple(recording or ()),
        docking=docking or None,
        recorder=recorder or None,
        since=moment_of(since, "since", zone) if since else None,
        until=moment_of(until, "until", zone) if until else None,
        reason=reason or None,
        words=words,
        declarant=declarant,
    )
    answer = handover_requests.declare(configuration, request)
    if as_json:
        emit_json(answer)
        return
    touched = counted(len(answer["recordings"]), "recording")
    console.print(f"Declaration {answer['declaration']} stands, for {touched} so far · 已申报", markup=False)


@handover_app.command("declarations")
def list_declarations(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Everything that was declared, withdrawn declarations too.

    Example: ingestd handover declarations --json
    """
    configuration = configuration_of(config)
    declared = open_hand_over_book(configuration.settings).declarations()
    if as_json:
        emit_json([_declaration_document(one) for one in declared])
        return
    zone = configuration.settings.station.zone_info
    table(
        counted(len(declared), "declaration"),
        ["no.", "what", "at", "of", "reason", "declared", "by", ""],
        [
            (
                one.declaration_id,
                one.kind.words,
                local_time(to_text(one.at), zone),
                _scope_words(one, configuration),
                " ".join(filter(None, (one.reason, one.words))) or "–",
                local_time(to_text(one.declared_at), zone),
                one.declarant if one.declarant == one.entered_by else f"{one.declarant} (entered by {one.entered_by})",
                f"withdrawn · 已撤回: {one.withdrawn_reason}" if one.withdrawn_at else "",
            )
            for one in declared
        ],
    )


@handover_app.command("withdraw")
def withdraw(
    declaration: Annotated[int, typer.Argument(min=1, help="The declaration's number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.")],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Take a declaration back; what it had moved is judged without it. What was said stays in the ledger.

    Example: ingestd handover withdraw 812 --reason "日期有误"
    """
    answer = handover_requests.declare(
        configuration_of(config), built(Withdraw, by, declaration=declaration, reason=reason)
    )
    console.print(f"Declaration {answer['declaration']} is withdrawn · 已撤回", markup=False)


@handover_app.command("record")
def show_record(
    docking: DockingArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    pdf: Annotated[
        Path | None, typer.Option(help="Write the paper here; each further print is marked as a reprint.")
    ] = None,
) -> None:
    """The hand-over record (交接记录) of a docking; made and numbered now where it has none yet.

    Example: ingestd handover record ba89a1d53653 --pdf record.pdf
    """
    configuration = configuration_of(config)
    if pdf is None:
        record = handover_requests.record(configuration, built(Make, by, docking=docking))
    else:
        record = _printed(configuration, docking, pdf, by)
    if as_json:
        emit_json(record)
        return
    _show(record, configuration)
    if pdf is not None:
        console.print(f"Written to {pdf} · 已生成", markup=False, soft_wrap=True)


@handover_app.command("list")
def list_records(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    year: Annotated[int | None, typer.Option(min=1980, max=2199, help="Only of this year.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
) -> None:
    """Hand-over records, newest first: number, docking, recorder, whether they have their addendum and who confirmed.

    Example: ingestd handover list --year 2026
    """
    configuration = configuration_of(config)
    rows = open_record_book(configuration.settings).records(year=year, limit=limit)
    if as_json:
        emit_json(rows)
        return
    zone = configuration.settings.station.zone_info
    table(
        counted(len(rows), "record"),
        ["number", "docking", "made", "recorder", "files", "addendum", "prints", "confirmed"],
        [
            (
                row["number"],
                row["docking_id"][-12:],
                local_time(row["made_at"], zone),
                row["receipt"]["recorder"]["number"] or "unknown",
                row["receipt"]["files_total"],
                _when(row["addendum_at"], zone),
                row["prints"],
                ", ".join(f"{one['name']} ({one['role']})" for one in row["confirmations"]) or "–",
            )
            for row in rows
        ],
        right=(4, 6),
    )


@handover_app.command("confirm")
def confirm(
    docking: DockingArgument,
    role: Annotated[str, typer.Option("--as", help="giver or receiver · 移交人 or 接收人.")],
    config: ConfigOption = None,
    by: ByOption = "",
    name: Annotated[str, typer.Option(help="Who confirms, if not who enters it.")] = "",
    note: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """Confirm a record, in place of a signature on paper.

    Example: ingestd handover confirm ba89a1d53653 --as receiver --by 王五
    """
    if role not in ROLE_WORDS:
        raise typer.BadParameter(f"write one of {', '.join(ROLE_WORDS)}", param_hint="--as")
    request = built(Confirm, by, docking=docking, role=role, name=name, note=note)
    record = handover_requests.record(configuration_of(config), request)
    console.print(f"Record {record['number']} is confirmed, {ROLE_WORDS[role]} · 已确认", markup=False)


def _printed(configuration: Configuration, docking: str, pdf: Path, by: str) -> dict[str, Any]:
    # What draws the paper is loaded for this alone: it takes longer than the other commands together.
    from ingestd.casework.recordsheet import find_font, sheet  # noqa: PLC0415

    settings = configuration.settings
    font = find_font(settings.hand_over.font)
    if pdf.is_dir():
        raise RefusedError(f"{pdf} is a folder", "name the file: --pdf record.pdf")
    record = handover_requests.record(configuration, built(Print, by, docking=docking))
    replace_whole(pdf, sheet(record, zone=settings.station.zone_info, font=font))
    return record


def _show(record: dict[str, Any], configuration: Configuration) -> None:
    zone = configuration.settings.station.zone_info
    docking, addendum = record["docking"], record["addendum"]
    missing = [number for hole in record["missing"] for number in hole["numbers"]]
    rows = [
        ("docking", docking["docking_id"]),
        ("recorder", record["recorder"]["number"] or "unknown"),
        ("handed over by", ", ".join(one["officer"] for one in record["givers"]) or "–"),
        ("docked", local_time(docking["opened_at"], zone)),
        ("secured", local_time(docking["closed_at"], zone)),
        ("outcome", docking["outcome"]),
        ("files", f"{record['files_total']}, {size(record['bytes'])}"),
        ("missing by number", ", ".join(map(str, missing)) or "–"),
        ("list's SHA-256", record["files_sha256"]),
        ("addendum", "not yet" if addendum is None else local_time(addendum["made_at"], zone)),
        ("findings", "–" if addendum is None else addendum["findings_total"]),
        ("prints", record["prints"]),
        *(
            (ROLE_WORDS[one["role"]], f"{one['name']}, {local_time(one['at'], zone)}")
            for one in record["confirmations"]
        ),
    ]
    table(f"Hand-over record · 交接记录 {record['number']}", ["", ""], rows)
    files = [
        (one["ordinal"] + 1, one["path"], size(one["size_bytes"]), one["fate"], (one["sha256"] or "–")[:16])
        for one in record["files"]
    ]
    table(counted(len(files), "file"), ["no.", "file", "size", "fate", "SHA-256"], files, right=(2,))
    if not record["are_files_as_sealed"]:
        console.print("The list of files is not the one that the receipt was made for · 文件清单与制单时不一致")


def _declaration_document(one: Declaration) -> dict[str, Any]:
    return {
        "declaration": one.declaration_id,
        "kind": one.kind.value,
        "scope": one.scope.document(),
        "at": to_text(one.at),
        "reason": one.reason,
        "words": one.words,
        "declarant": one.declarant,
        "declared_at": to_text(one.declared_at),
        "entered_by": one.entered_by,
        "withdrawn_at": one.withdrawn_at,
        "withdrawn_by": one.withdrawn_by,
        "withdrawn_reason": one.withdrawn_reason,
    }


def _scope_words(one: Declaration, configuration: Configuration) -> str:
    scope, zone = one.scope, configuration.settings.station.zone_info
    if scope.recordings:
        return counted(len(scope.recordings), "recording")
    if scope.docking_id is not None:
        return f"docking {scope.docking_id[-12:]}"
    since, until = (local_time(to_text(moment), zone) if moment else "–" for moment in (scope.since, scope.until))
    return f"recorder {scope.recorder}, {since} to {until}"


def _excuse_words(excuse: dict[str, Any] | None) -> str:
    if excuse is None:
        return "–"
    late = ", declared late · 逾期申报" if excuse["is_declared_late"] else ""
    return f"{excuse['reason'] or excuse['words']} (no. {excuse['declaration']}{late})"


def _when(text: str | None, zone: Any) -> str:
    return local_time(text, zone) if text else "–"
