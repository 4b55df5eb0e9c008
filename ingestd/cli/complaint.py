"""`ingestd complaint`: the register of complaints, and the footage that each suggests to hold."""

from typing import Annotated, Any

import typer

from ingestd.answers.case_words import (
    ACT_WORDS,
    act_words,
    history_documents,
    moment_words,
    officer_words,
    reason_documents,
    reason_words,
)
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time
from ingestd.casework.case_questions import footage_of_complaint, officers_of
from ingestd.cli.case_requests import OfficerOption, ended, given, perform
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import emit_json, table
from ingestd.core.case_documents import document_of
from ingestd.core.case_requests import PutComplaint
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.wiring import open_cases

complaint_app = typer.Typer(
    help="Complaints and reports (投诉、举报、上访), and the footage that each suggests to hold.", no_args_is_help=True
)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The complaint's number.")]
ReceivedOption = Annotated[str | None, typer.Option("--received", help="Day on which it came, as 2026-03-02.")]
ComplainantOption = Annotated[str | None, typer.Option(help="Who complains.")]
AboutOption = Annotated[str | None, typer.Option(help="Of what, in words.")]
PlaceOption = Annotated[str | None, typer.Option(help="Where it happened.")]
FromOption = Annotated[str, typer.Option("--from", help="When it happened: from here, as 2026-03-02T09:00.")]
UntilOption = Annotated[str, typer.Option("--to", help="… to here.")]
CaseOption = Annotated[str | None, typer.Option("--case", help="The case that it is about, by number.")]
UnitOption = Annotated[str | None, typer.Option(help="The unit that deals with it.")]
OutcomeOption = Annotated[str | None, typer.Option(help="What became of it; also why no case is opened.")]
SettledOption = Annotated[str | None, typer.Option("--settled", help="Day on which it was settled.")]


@complaint_app.command("list")
def list_complaints(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not settled.")] = False,
) -> None:
    """The complaint register.

    Example: ingestd complaint list --open
    """
    register = open_cases(configuration_of(config).settings)
    found = [one for one in register.complaints() if not only_open or one.settled_on is None]
    if as_json:
        emit_json([document_of(one) for one in found])
        return
    table(
        counted(len(found), "complaint"),
        ["number", "received", "by", "about", "case", "settled"],
        [
            (one.number, one.received_on, one.complainant, one.about, one.case_number or "–", one.settled_on or "–")
            for one in found
        ],
    )


@complaint_app.command("show")
def show_complaint(number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One complaint, and the footage that it suggests to hold: of its case, and of its time, officers and place.

    Example: ingestd complaint show 2026-017
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    register = open_cases(configuration.settings)
    complaint = register.complaint(number)
    if complaint is None:
        raise NotFoundError(f"complaint {number} is not in the register", "see: ingestd complaint list")
    found, history = footage_of_complaint(register, complaint), register.history(number)
    if as_json:
        footage: list[dict[str, Any]] = [
            {"recording_id": row["recording_id"], "card_path": row["card_path"], "reasons": reason_documents(reasons)}
            for row, reasons in found
        ]
        emit_json(document_of(complaint) | {"suggested_holds": footage, "history": history_documents(history)})
        return
    happened = f"{moment_words(complaint.happened_from, zone)} – {moment_words(complaint.happened_until, zone)}"
    rows = [
        ("received · 收到", complaint.received_on),
        ("complainant · 投诉人", complaint.complainant or "–"),
        ("about · 事由", complaint.about or "–"),
        ("happened · 发生时间", happened),
        ("place · 地点", complaint.place or "–"),
        ("officers · 被投诉人员", officer_words(complaint.officers) or "–"),
        ("case · 案件", complaint.case_number or "–"),
        ("unit · 承办机构", complaint.unit or "–"),
        ("outcome · 处理结果", complaint.outcome or "–"),
        ("settled · 办结", complaint.settled_on or "–"),
    ]
    table(f"Complaint {number}", ["", ""], rows)
    table(
        f"{counted(len(found), 'recording')} to be held, if a person so decides · 建议长期保存",
        ["recording", "began", "officers", "why"],
        [
            (
                row["card_path"],
                local_time(row["recorded_start"], zone),
                officer_words(officers_of(row)),
                reason_words(reasons),
            )
            for row, reasons in found
        ],
    )
    acts = [(local_time(one["at"], zone), ACT_WORDS[one["act"]], act_words(one), one["actor"]) for one in history]
    table("History", ["when", "what", "", "by"], acts)


@complaint_app.command("add")
def add_complaint(
    number: NumberArgument,
    received: Annotated[str, typer.Option("--received", help="Day on which it came, as 2026-03-02.")],
    config: ConfigOption = None,
    by: ByOption = "",
    complainant: ComplainantOption = None,
    about: AboutOption = None,
    place: PlaceOption = None,
    officer: OfficerOption = None,
    happened_from: FromOption = "",
    happened_until: UntilOption = "",
    case: CaseOption = None,
    unit: UnitOption = None,
) -> None:
    """Enter a complaint.

    Example: ingestd complaint add 2026-017 --received 2026-03-03 --about 态度粗暴 --case 大金海罚〔2026〕12号
    """
    configuration = configuration_of(config)
    try:
        is_known = open_cases(configuration.settings).complaint(number) is not None
    except NotFoundError:
        # A station that never ran has no register yet.
        is_known = False
    if is_known:
        raise RefusedError(f"complaint {number} is in the register already", f"see: ingestd complaint show {number}")
    zone = configuration.settings.station.zone_info
    request = built(
        PutComplaint,
        by,
        number=number,
        received_on=received,
        complainant=complainant,
        about=about,
        place=place,
        officers=given(officer),
        happened_from=moment_of(happened_from, "from", zone) if happened_from else None,
        happened_until=moment_of(happened_until, "to", zone) if happened_until else None,
        case_number=case,
        unit=unit,
    )
    ended(perform(configuration, [request]), f"Complaint {number} is in the register · 已登记")


@complaint_app.command("change")
def change_complaint(
    number: NumberArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    received: ReceivedOption = None,
    complainant: ComplainantOption = None,
    about: AboutOption = None,
    place: PlaceOption = None,
    officer: OfficerOption = None,
    happened_from: FromOption = "",
    happened_until: UntilOption = "",
    case: CaseOption = None,
    unit: UnitOption = None,
    outcome: OutcomeOption = None,
    settled: SettledOption = None,
) -> None:
    """Change what the register says of a complaint; `--case ""` takes the case away.

    Example: ingestd complaint change 2026-017 --outcome 不予立案，已书面告知 --settled 2026-03-20
    """
    configuration = configuration_of(config)
    if open_cases(configuration.settings).complaint(number) is None:
        raise NotFoundError(f"complaint {number} is not in the register", "see: ingestd complaint list")
    zone = configuration.settings.station.zone_info
    request = built(
        PutComplaint,
        by,
        number=number,
        received_on=received,
        complainant=complainant,
        about=about,
        place=place,
        officers=given(officer),
        happened_from=moment_of(happened_from, "from", zone) if happened_from else None,
        happened_until=moment_of(happened_until, "to", zone) if happened_until else None,
        case_number=case,
        unit=unit,
        outcome=outcome,
        settled_on=settled,
    )
    ended(perform(configuration, [request]), f"Complaint {number} is changed · 已变更")
