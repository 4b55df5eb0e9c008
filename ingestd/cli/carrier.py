"""`ingestd carrier`: discs, removable media and cloud copies (载体), and what should stand on one and does not."""

from typing import Annotated, Any

import typer

from ingestd.answers.hold_words import ACT_WORDS, act_words, history_documents
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.hold_requests import built, perform_carriers
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.carriers import Carrier, CarrierDue, Enter, Extend, ReadAgain, Withdraw, carrier_document
from ingestd.core.errors import NotFoundError
from ingestd.core.hold_rules import CarrierFor, CarrierKind
from ingestd.wiring import duties_of_stores, open_carriers

carrier_app = typer.Typer(
    help="Carriers (载体): discs, removable media, cloud copies of evidence and of what is held.",
    no_args_is_help=True,
)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The number on the carrier's label.")]
RecordingOption = Annotated[
    list[str] | None, typer.Option("--recording", help="A recording on it, by id, last digits or name; repeatable.")
]
CaseOption = Annotated[str, typer.Option("--case", help="All evidence of this case is on it.")]
HoldOption = Annotated[str, typer.Option("--hold", help="All that this hold covers is on it.")]
ReadOption = Annotated[str, typer.Option("--read-at", help="When it was read back and compared; else now.")]

_WHY_WORDS = {CarrierFor.EVIDENCE: "evidence · 证据", CarrierFor.HELD: "held · 长期保存"}


@carrier_app.command("due")
def due(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Evidence and held recordings that stand on no carrier that the regime counts.

    Example: ingestd carrier due
    """
    configuration = configuration_of(config)
    stores = duties_of_stores(configuration.settings)
    found = open_carriers(configuration.settings).due(configuration.regime.carriers, stores)
    if as_json:
        emit_json([_due_document(one) for one in found])
        return
    title = f"{counted(len(found), 'recording')} to be written · 待制作载体"
    rows = [
        (
            one.card_path,
            one.recording_id[-12:],
            f"{_WHY_WORDS[one.why]}: {', '.join(one.because)}",
            " / ".join(kind.words for kind in one.kinds),
            one.article or "the bureau's own · 本单位规定",
        )
        for one in found
    ]
    table(title, ["recording", "id", "why", "any of", "clause"], rows)


@carrier_app.command("list")
def list_carriers(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The register, withdrawn ones too.

    Example: ingestd carrier list
    """
    settings = configuration_of(config).settings
    found, zone = open_carriers(settings).carriers(), settings.station.zone_info
    if as_json:
        emit_json([_document(one) for one in found])
        return
    rows = [
        (
            one.carrier_id,
            one.kind.words,
            one.label or "–",
            one.place or "–",
            len(one.recordings),
            local_time(one.last_read_at, zone),
            _state_words(one),
        )
        for one in found
    ]
    columns = ["number", "kind", "label", "kept at", "recordings", "last read", "state"]
    table(counted(len(found), "carrier"), columns, rows, right=(4,))


@carrier_app.command("show")
def show(number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One carrier, what stands on it, and its history.

    Example: ingestd carrier show GP-2026-01
    """
    settings = configuration_of(config).settings
    book, zone = open_carriers(settings), settings.station.zone_info
    found = book.find(number)
    if found is None:
        raise NotFoundError(f"carrier {number} is not in the register", "see: ingestd carrier list")
    history = book.history(number)
    if as_json:
        lists = {"recording_ids": sorted(found.recordings), "unreadable_ids": sorted(found.unreadable)}
        emit_json(_document(found) | lists | {"history": history_documents(history)})
        return
    rows = [
        ("kind · 类型", found.kind.words),
        ("label · 标签", found.label or "–"),
        ("kept at · 存放地点", found.place or "–"),
        ("last read · 最近读检", local_time(found.last_read_at, zone)),
        ("recordings · 内容", counted(len(found.recordings), "recording")),
        ("state · 状态", _state_words(found)),
        ("note · 备注", found.note or "–"),
    ]
    table(f"Carrier {number}", ["", ""], rows)
    acts = [(local_time(one["at"], zone), ACT_WORDS[one["act"]], act_words(one), one["actor"]) for one in history]
    table("History", ["when", "what", "", "by"], acts)


@carrier_app.command("enter")
def enter(
    number: NumberArgument,
    kind: Annotated[CarrierKind, typer.Option(help="What it is.")],
    config: ConfigOption = None,
    by: ByOption = "",
    label: Annotated[str, typer.Option(help="What its label says besides.")] = "",
    place: Annotated[str, typer.Option(help="Where it is kept.")] = "",
    recording: RecordingOption = None,
    case: CaseOption = "",
    hold: HoldOption = "",
    read_at: ReadOption = "",
    note: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """Enter a carrier that was written and read back.

    Example: ingestd carrier enter GP-2026-01 --kind disc --case 大金海罚〔2026〕12号 --place 档案室3柜
    """
    configuration = configuration_of(config)
    named = _named(recording, case, hold, read_at, configuration)
    request = built(Enter, by, number=number, kind=kind, label=label, place=place, note=note, **named)
    answer = perform_carriers(configuration, [request])[0]
    console.print(f"Carrier {number}, {counted(answer['recordings'], 'recording')} · 已登记", markup=False)


@carrier_app.command("add")
def add(
    number: NumberArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    recording: RecordingOption = None,
    case: CaseOption = "",
    hold: HoldOption = "",
    read_at: ReadOption = "",
) -> None:
    """More was written on a carrier of the register.

    Example: ingestd carrier add YD-2026-02 --hold H2026-0001
    """
    configuration = configuration_of(config)
    request = built(Extend, by, number=number, **_named(recording, case, hold, read_at, configuration))
    answer = perform_carriers(configuration, [request])[0]
    console.print(f"Carrier {number}, now {counted(answer['recordings'], 'recording')} · 已追加", markup=False)


@carrier_app.command("read-again")
def read_again(
    number: NumberArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    unreadable: Annotated[
        list[str] | None, typer.Option("--unreadable", help="A recording that it does not give any more; repeatable.")
    ] = None,
    read_at: ReadOption = "",
    note: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """A carrier was read back again; what it does not give is due on another one.

    Example: ingestd carrier read-again GP-2026-01
    """
    configuration = configuration_of(config)
    moment = _moment(read_at, configuration)
    request = built(ReadAgain, by, number=number, read_at=moment, unreadable=unreadable or (), note=note)
    perform_carriers(configuration, [request])
    console.print(f"Carrier {number} is read · 已读检", markup=False)


@carrier_app.command("withdraw")
def withdraw(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.")],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """A carrier is lost or broken: it counts for nothing any more.

    Example: ingestd carrier withdraw GP-2026-01 --reason "光盘划伤"
    """
    perform_carriers(configuration_of(config), [built(Withdraw, by, number=number, reason=reason)])
    console.print(f"Carrier {number} is withdrawn · 已注销", markup=False)


def _named(
    recording: list[str] | None, case: str, hold: str, read_at: str, configuration: Configuration
) -> dict[str, Any]:
    moment = _moment(read_at, configuration)
    return {"recordings": recording or (), "case": case or None, "hold": hold or None, "read_at": moment}


def _moment(text: str, configuration: Configuration) -> str | None:
    return moment_of(text, "read-at", configuration.settings.station.zone_info) if text else None


def _state_words(one: Carrier) -> str:
    if one.withdrawn_at is not None:
        return f"withdrawn: {one.withdrawn_reason} · 已注销"
    bad = len(one.unreadable)
    return f"{counted(bad, 'recording')} unreadable · 部分不可读" if bad else "counts · 有效"


def _document(one: Carrier) -> dict[str, Any]:
    return carrier_document(one) | {"recordings": len(one.recordings), "unreadable": len(one.unreadable)}


def _due_document(one: CarrierDue) -> dict[str, Any]:
    return {
        "recording_id": one.recording_id,
        "card_path": one.card_path,
        "rule": one.rule_id,
        "why": one.why.value,
        "because": list(one.because),
        "kinds": [kind.value for kind in one.kinds],
        "article": one.article,
        "words": one.words,
    }
