"""`ingestd fleet`: the register of recorders, what was done with each, and dockings that wait for a person."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.marks import admission_document, words_of_admission
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built, ended, perform
from ingestd.cli.output import console, emit_json, table
from ingestd.config.fleet import fleet_table, load_fleet_table, requests_of
from ingestd.core.errors import NotFoundError
from ingestd.core.fleet import FleetStatus, MaintenanceKind, RegisterEntry
from ingestd.core.fleet_acts import Add, Change, Issue, Maintain, Return, Settle
from ingestd.core.settings import Settings
from ingestd.stores.search import Row
from ingestd.wiring import open_device_acts, open_fleet

fleet_app = typer.Typer(
    help="The register of recorders: who has which, what was done to it, which are blocked · 记录仪管理.",
    no_args_is_help=True,
)

NumberArgument = Annotated[str, typer.Argument(help="The recorder's number, as its file names carry it.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the ledger.")]
NoteOption = Annotated[str, typer.Option(help="For people.")]

_STATUS_WORDS = ("known", "blocked", "lost", "in-repair", "retired")
_ACT_WORDS = {
    "fleet.registered": "registered · 登记",
    "fleet.changed": "changed · 变更",
    "fleet.issued": "issued · 发放",
    "fleet.returned": "returned · 交回",
    "fleet.maintained": "maintained · 维护",
    "device.unlock_asked": "password given · 发送解锁",
    "device.unlock_refused": "password refused · 解锁被拒",
    "device.info_read": "told of itself · 读取信息",
    "device.clock_read": "clock read · 读取时钟",
    "device.clock_set_asked": "clock to be set · 校时",
    "device.disk_asked": "to become a disk · 转U盘模式",
    "device.line_unreadable": "a note that cannot be read · 记录无法识读",
}
_MOST_DOCKINGS = 20


@fleet_app.command("list")
def list_fleet(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The register, and recorders that were docked and are not in it.

    Example: ingestd fleet list --json
    """
    register = open_fleet(configuration_of(config).settings)
    entries = register.entries()
    entries += [RegisterEntry(number, FleetStatus.UNKNOWN) for number in register.unregistered()]
    if as_json:
        emit_json([_entry_document(entry) for entry in entries])
        return
    table(
        counted(len(entries), "recorder"),
        ["number", "status", "issued to", "unit", "model", "note"],
        [(one.number, one.status.words, one.holder or "–", one.unit, one.model, one.note) for one in entries],
    )


@fleet_app.command("show")
def show_recorder(number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One recorder: what the register holds, issue and return, maintenance, and its latest dockings.

    Example: ingestd fleet show 0000007
    """
    settings = configuration_of(config).settings
    register = open_fleet(settings)
    entry, dockings = register.entry(number), register.dockings_of(number, limit=_MOST_DOCKINGS)
    if entry is None and not dockings:
        raise NotFoundError(f"recorder {number} is not in the register", f"enter it: ingestd fleet add {number}")
    told = open_device_acts(settings).of_recorder(number)
    history = sorted([*register.history(number), *told], key=lambda one: int(one["seq"]))
    document = _entry_document(entry or RegisterEntry(number, FleetStatus.UNKNOWN)) | {
        "history": [
            {"seq": one["seq"], "act": one["act"], "at": one["at"], "by": one["actor"], **one["document"]}
            for one in history
        ],
        "dockings": [_docking_document(row) for row in dockings],
    }
    if as_json:
        emit_json(document)
        return
    zone = settings.station.zone_info
    status = FleetStatus(document["status"])
    holder = f"{document['holder']}, since {local_time(document['issued_at'], zone)}" if document["holder"] else "–"
    rows = [
        ("status", status.words + (f" ({document['reason']})" if document["reason"] else "")),
        ("issued to", holder),
        ("unit", document["unit"] or "–"),
        ("model", document["model"] or "–"),
        ("USB serials", ", ".join(document["usb_serials"]) or "–"),
        ("note", document["note"] or "–"),
    ]
    table(f"Recorder {number}", ["", ""], rows)
    acts = [(local_time(one["at"], zone), _ACT_WORDS[one["act"]], _act_words(one), one["actor"]) for one in history]
    table("History", ["when", "what", "", "by"], acts)
    _dockings_table("Latest dockings", document["dockings"], settings)


@fleet_app.command("add")
def add_recorder(
    number: NumberArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    model: Annotated[str, typer.Option(help="Make and model.")] = "",
    unit: Annotated[str, typer.Option(help="The unit that it belongs to.")] = "",
    usb_serial: Annotated[list[str] | None, typer.Option(help="A USB serial of it; may be repeated.")] = None,
    note: NoteOption = "",
) -> None:
    """Enter a recorder in the register.

    Example: ingestd fleet add 0000007 --model DSJ-X8 --unit 一中队
    """
    serials = tuple(usb_serial or ())
    request = built(Add, by, number=number, model=model, unit=unit, usb_serials=serials, note=note)
    ended(perform(configuration_of(config), [request]), f"Recorder {number} is in the register · 已登记")


@fleet_app.command("status")
def change_status(
    number: NumberArgument,
    status: Annotated[str, typer.Argument(help=f"One of {', '.join(_STATUS_WORDS)}.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Say that a recorder is blocked, lost, in repair, retired, or in use again.

    Footage of such a recorder is still taken in when it is docked, marked, and held for the custodian.
    Example: ingestd fleet status 0000007 lost --reason "报告遗失"
    """
    if status not in _STATUS_WORDS:
        raise typer.BadParameter(f"write one of {', '.join(_STATUS_WORDS)}", param_hint="STATUS")
    value = status.replace("-", "_")
    request = built(Change, by, number=number, status=value, reason=reason)
    ended(perform(configuration_of(config), [request]), f"Recorder {number}: {FleetStatus(value).words}")


@fleet_app.command("issue")
def issue_recorder(
    number: NumberArgument,
    to: Annotated[str, typer.Option(help="Who gets it.")],
    config: ConfigOption = None,
    by: ByOption = "",
    note: NoteOption = "",
) -> None:
    """Hand a recorder out.

    Example: ingestd fleet issue 0000007 --to 张三
    """
    request = built(Issue, by, number=number, to=to, note=note)
    ended(perform(configuration_of(config), [request]), f"Recorder {number} is issued to {to} · 已发放")


@fleet_app.command("return")
def return_recorder(
    number: NumberArgument, config: ConfigOption = None, by: ByOption = "", note: NoteOption = ""
) -> None:
    """Take a recorder back.

    Example: ingestd fleet return 0000007
    """
    request = built(Return, by, number=number, note=note)
    ended(perform(configuration_of(config), [request]), f"Recorder {number} is back · 已交回")


@fleet_app.command("maintain")
def maintain_recorder(
    number: NumberArgument,
    kind: Annotated[MaintenanceKind, typer.Option(help="What was done.")],
    config: ConfigOption = None,
    by: ByOption = "",
    note: NoteOption = "",
) -> None:
    """Note that a recorder was cleaned, repaired, inspected, …

    Example: ingestd fleet maintain 0000007 --kind battery --note "换电池"
    """
    request = built(Maintain, by, number=number, kind=kind, note=note)
    ended(perform(configuration_of(config), [request]), f"Recorder {number}: {kind.value} is noted · 已记录")


@fleet_app.command("unsettled")
def unsettled(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Dockings that wait for a person: their footage is stored and marked.

    Example: ingestd fleet unsettled
    """
    settings = configuration_of(config).settings
    dockings = [_docking_document(row) for row in open_fleet(settings).waiting()]
    if as_json:
        emit_json(dockings)
        return
    _dockings_table(counted(len(dockings), "docking"), dockings, settings)


@fleet_app.command("settle")
def settle(
    docking: Annotated[str, typer.Argument(help="The docking's id, or the last digits of it.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
    recorder: Annotated[str, typer.Option(help="The recorder that it really was, by its number.")] = "",
    accept: Annotated[bool, typer.Option("--accept", help="Accept it as it stands.")] = False,
) -> None:
    """Settle a docking: name the recorder, or accept it as it stands. The mark goes, the history stays.

    Example: ingestd fleet settle ba89a1d53653 --recorder 0000007 --reason "核对外壳编号"
    """
    if bool(recorder) == accept:
        raise typer.BadParameter("give either --recorder NUMBER or --accept", param_hint="--recorder / --accept")
    request = built(Settle, by, docking=docking, recorder=recorder or None, reason=reason)
    ended(perform(configuration_of(config), [request]), f"Docking {docking} is settled · 已处理")


@fleet_app.command("import")
def import_fleet(
    file: Annotated[Path, typer.Argument(help="CSV with the columns that `export` writes; number is enough.")],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Bring a table of recorders in: new ones are entered, others changed; what it does not name stays as it is.

    Example: ingestd fleet import recorders.csv
    """
    configuration = configuration_of(config)
    try:
        entries = {entry.number: entry for entry in open_fleet(configuration.settings).entries()}
    except NotFoundError:
        # A station that never ran has no register yet.
        entries = {}
    rows = load_fleet_table(file, built(Return, by, number="-").by)
    answers = perform(configuration, requests_of(file, rows, entries))
    acts = [answer for answer in answers if answer["act"] is not None]
    console.print(f"{counted(len(rows), 'recorder')} in the table, {counted(len(acts), 'act')} entered · 已导入")


@fleet_app.command("export")
def export_fleet(config: ConfigOption = None) -> None:
    """Write the register as CSV to standard output, as `import` reads it.

    Example: ingestd fleet export > recorders.csv
    """
    typer.echo(fleet_table(open_fleet(configuration_of(config).settings).entries()), nl=False)


def _entry_document(entry: RegisterEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "status": entry.status.value,
        "reason": entry.reason,
        "unit": entry.unit,
        "model": entry.model,
        "usb_serials": list(entry.usb_serials),
        "note": entry.note,
        "holder": entry.holder,
        "issued_at": entry.issued_at,
    }


def _docking_document(row: Row) -> dict[str, Any]:
    keys = ("docking_id", "bay", "opened_at", "outcome", "recorder_id", "usb_serial", "entries", "bytes")
    return {key: row[key] for key in keys} | {"admission": admission_document(row)}


def _act_words(one: Row) -> str:
    document = one["document"]
    match one["act"]:
        case "fleet.issued":
            return "; ".join(filter(None, (f"to {document['to']}", document["note"])))
        case "fleet.returned":
            return "; ".join(filter(None, (f"from {document['from']}", document["note"])))
        case "fleet.maintained":
            return "; ".join(filter(None, (document["kind"], document["note"])))
        case "fleet.changed":
            changes = ", ".join(f"{name}: {_plain(value)}" for name, value in document["changes"].items())
            return "; ".join(filter(None, (changes, document["reason"])))
        case "device.info_read":
            return f"device {document['info']['device_number']}, visit {document['visit']['visit_id'][-12:]}"
        case "device.clock_read":
            evidence = document["finding"]["evidence"]
            return f"{evidence['offset_s']:+g} s off, ± {evidence['uncertainty_s']:g} s ({evidence.get('source', '–')})"
        case "device.clock_set_asked":
            before = f"{document['offset_before_s']:+g} s off before, ± {document['uncertainty_s']:g} s"
            return f"to {document['set_to_local']} {document['zone']}; {before}"
        case "device.line_unreadable":
            return str(document["reason"])
        case _:
            return document.get("note") or ""


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _dockings_table(title: str, dockings: list[dict[str, Any]], settings: Settings) -> None:
    zone = settings.station.zone_info
    table(
        title,
        ["docking", "opened", "bay", "recorder", "files", "outcome", "mark"],
        [
            (
                one["docking_id"][-12:],
                local_time(one["opened_at"], zone),
                one["bay"],
                one["recorder_id"] or "unknown",
                one["entries"],
                one["outcome"] or "open",
                words_of_admission(one["admission"]) or "–",
            )
            for one in dockings
        ],
        right=(4,),
    )
