"""`ingestd roster`: which officer carries which recorder, from when until when, with the history of each entry."""

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.cli.roster_files import export_roster, import_roster
from ingestd.cli.roster_requests import ended, perform, term_begin, term_end
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import NotFoundError
from ingestd.core.roster import RosterEntry, begin_text, end_text, term_words
from ingestd.core.roster_acts import Add, Correct, End, Standing, Withdraw, row_of
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.search import Row
from ingestd.wiring import open_fleet, open_roster

roster_app = typer.Typer(
    help="Which officer carries which recorder, from when until when · 人员与记录仪对照.", no_args_is_help=True
)
roster_app.command("import")(import_roster)
roster_app.command("export")(export_roster)

EntryArgument = Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's number, as `roster list` shows it.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the ledger.")]
OfficerOption = Annotated[str, typer.Option(help="The officer's name.")]
CertificateOption = Annotated[str, typer.Option(help="Number of the law-enforcement certificate (执法证号).")]
UnitOption = Annotated[str, typer.Option(help="The officer's unit.")]
UserOption = Annotated[
    str, typer.Option(help="The number under which recorders know the officer, as file names carry it.")
]

_ACT_WORDS = {
    "roster.entered": "entered · 登记",
    "roster.ended": "ended · 截止",
    "roster.corrected": "corrected · 更正",
    "roster.withdrawn": "withdrawn · 撤销",
}


@roster_app.command("list")
def list_roster(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    at: Annotated[str, typer.Option(help="Only who had a recorder on this day (or at this minute).")] = "",
    recorder: Annotated[str, typer.Option(help="Only this recorder, by its number.")] = "",
    officer: Annotated[str, typer.Option(help="Only this officer: name, certificate or user number.")] = "",
) -> None:
    """Entries of the roster, those that are over too. A recorder that is issued to somebody else is marked.

    Example: ingestd roster list --at 2026-11-21
    """
    settings = configuration_of(config).settings
    zone = settings.station.zone_info
    between = None
    if at:
        begins_at, over_at = term_begin(at, zone, "--at"), term_end(at, zone, "--at")
        # Of a day all of it; a minute is the first moment of a term and the end of another.
        between = begins_at, max(over_at, begins_at + dt.timedelta(minutes=1))
    entries = open_roster(settings).entries(recorder=recorder or None, officer=officer or None, between=between)
    documents = _documents(entries, open_fleet(settings), zone)
    if as_json:
        emit_json(documents)
        return
    rows = [
        (
            one["entry_id"],
            one["recorder"],
            one["officer"],
            one["certificate"] or "–",
            one["unit"] or "–",
            one["user"] or "–",
            one["valid_from"],
            one["valid_to"] or "–",
            f"issued to {one['issued_to']} · 发放不符" if one["is_issued_to_another"] else "",
        )
        for one in documents
    ]
    columns = ["entry", "recorder", "officer", "certificate", "unit", "user", "from", "to", "mark"]
    table(counted(len(rows), "entry"), columns, rows, right=(0,))


@roster_app.command("add")
def add_entry(
    recorder: Annotated[str, typer.Argument(help="The recorder's number, as its file names carry it.")],
    officer: OfficerOption,
    valid_from: Annotated[str, typer.Option("--from", help="First day, or day and minute, as '2026-11-21 14:00'.")],
    config: ConfigOption = None,
    by: ByOption = "",
    certificate: CertificateOption = "",
    unit: UnitOption = "",
    user: UserOption = "",
    valid_to: Annotated[str, typer.Option("--to", help="Last day, or day and minute; else until it is ended.")] = "",
    reason: ReasonOption = "",
) -> None:
    """Say that an officer has a recorder from some day on. Footage of that time is theirs, docked before or after.

    Example: ingestd roster add 0000007 --officer 张三 --certificate 21020001 --from 2026-11-21
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    request = built(
        Add,
        by,
        recorder=recorder,
        officer=officer,
        certificate=certificate,
        unit=unit,
        user=user,
        begins_at=term_begin(valid_from, zone),
        ends_at=term_end(valid_to, zone, "--to") if valid_to else None,
        reason=reason,
    )
    answers = perform(configuration, [request])
    ended(answers, f"Entry {answers[0]['entry_id']}: {officer} has recorder {recorder} · 已登记")


@roster_app.command("end")
def end_entry(
    entry: EntryArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    on: Annotated[str, typer.Option(help="The last day, or the minute at which it is over; else now.")] = "",
    reason: ReasonOption = "",
) -> None:
    """Say that the officer has the recorder no longer.

    Example: ingestd roster end 12 --on 2026-11-21
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    now = SystemClock().now().replace(second=0, microsecond=0)
    ends_at = term_end(on, zone, "--on") if on else now
    answers = perform(configuration, [built(End, by, entry_id=entry, ends_at=ends_at, reason=reason)])
    ended(answers, f"Entry {entry} is ended · 已截止")


@roster_app.command("correct")
def correct_entry(
    entry: EntryArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
    recorder: Annotated[str, typer.Option(help="The recorder that it really is.")] = "",
    officer: OfficerOption = "",
    certificate: CertificateOption = "",
    unit: UnitOption = "",
    user: UserOption = "",
    valid_from: Annotated[str, typer.Option("--from", help="The first day that it really is.")] = "",
    valid_to: Annotated[str, typer.Option("--to", help="The last day that it really is.")] = "",
    still: Annotated[bool, typer.Option("--still", help="It is not over: the officer still has the recorder.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It should never have been entered.")] = False,
) -> None:
    """Correct what was entered wrongly, or withdraw it. What stood before stays in the history.

    Example: ingestd roster correct 12 --certificate 21020010 --reason "证号录错"
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    texts = {"recorder": recorder, "officer": officer, "certificate": certificate, "unit": unit, "user": user}
    given: dict[str, Any] = {name: value for name, value in texts.items() if value}
    if valid_from:
        given["begins_at"] = term_begin(valid_from, zone)
    if valid_to:
        given["ends_at"] = term_end(valid_to, zone, "--to")
    if still:
        given["is_open"] = True
    if withdraw == bool(given):
        raise typer.BadParameter("give what is right, or --withdraw", param_hint="--withdraw")
    if withdraw:
        answers = perform(configuration, [built(Withdraw, by, entry_id=entry, reason=reason)])
        ended(answers, f"Entry {entry} is withdrawn · 已撤销")
        return
    answers = perform(configuration, [built(Correct, by, entry_id=entry, reason=reason, **given)])
    ended(answers, f"Entry {entry} is corrected · 已更正")


@roster_app.command("history")
def show_history(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    entry: Annotated[int | None, typer.Option(help="Only this entry.")] = None,
    recorder: Annotated[str, typer.Option(help="Only entries that ever stood for this recorder.")] = "",
) -> None:
    """Who said what of the roster and when, with each row before and after.

    Example: ingestd roster history --recorder 0000007
    """
    settings = configuration_of(config).settings
    zone = settings.station.zone_info
    acts = open_roster(settings).history(entry_id=entry, recorder=recorder or None)
    if entry is not None and not acts:
        raise NotFoundError(f"the roster has no entry {entry}", "see: ingestd roster list")
    if as_json:
        emit_json([_act_document(one, zone) for one in acts])
        return
    rows = [
        (
            local_time(one["at"], zone),
            one["entry_id"],
            _ACT_WORDS[one["act"]],
            _change_words(one, zone),
            one["document"]["reason"] or "–",
            one["actor"],
        )
        for one in acts
    ]
    table(counted(len(rows), "act"), ["when", "entry", "what", "row", "why", "by"], rows, right=(1,))
    if not rows:
        console.print("nothing was entered yet · 暂无记录")


def _documents(entries: list[Standing], fleet: FleetRegister, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Entries for programs. `issued_to` is who the fleet register has the recorder with now; null for nobody."""
    now = SystemClock().now()
    holders = {one.number: one.holder for one in fleet.entries()}
    officers: dict[str, set[str]] = {}
    for one in entries:
        if one.entry.is_valid_at(now):
            officers.setdefault(one.entry.recorder, set()).add(one.entry.officer)
    documents = []
    for one in entries:
        holder, is_now = holders.get(one.entry.recorder), one.entry.is_valid_at(now)
        is_another = is_now and holder is not None and holder not in officers[one.entry.recorder]
        document = {"entry_id": one.entry_id, **_row_document(one.entry, zone), "is_valid_now": is_now}
        documents.append(document | {"file": one.file or None, "issued_to": holder, "is_issued_to_another": is_another})
    return documents


def _row_document(row: RosterEntry, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "recorder": row.recorder,
        "officer": row.officer,
        "certificate": row.certificate,
        "unit": row.unit,
        "user": row.user,
        "valid_from": begin_text(row, zone),
        "valid_to": end_text(row, zone) or None,
        "begins_at": to_text(row.begins_at),
        "ends_at": to_text(row.ends_at) if row.ends_at is not None else None,
    }


def _act_document(one: Row, zone: ZoneInfo) -> dict[str, Any]:
    document = one["document"]
    rows = {
        side: _row_document(row_of(document[side]), zone) if document[side] is not None else None
        for side in ("before", "after")
    }
    about = {"seq": one["seq"], "entry_id": one["entry_id"], "act": one["act"], "at": one["at"], "by": one["actor"]}
    return about | {"reason": document["reason"], "file": document.get("file")} | rows


def _change_words(one: Row, zone: ZoneInfo) -> str:
    before, after = one["document"]["before"], one["document"]["after"]
    if before is None or after is None:
        return _row_words(row_of(after or before), zone)
    first, then = _row_document(row_of(before), zone), _row_document(row_of(after), zone)
    names = ("recorder", "officer", "certificate", "unit", "user", "valid_from", "valid_to")
    return "; ".join(
        f"{name}: {first[name] or '–'} → {then[name] or '–'}" for name in names if first[name] != then[name]
    )


def _row_words(row: RosterEntry, zone: ZoneInfo) -> str:
    certificate = f" ({row.certificate})" if row.certificate else ""
    return f"{row.recorder}: {row.officer}{certificate}, {term_words(row, zone)}"
