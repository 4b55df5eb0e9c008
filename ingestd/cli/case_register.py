"""`ingestd case list`, `show`, `add`, `change`, `close`, `reopen`: the register of cases."""

import datetime as dt
from typing import Annotated

import typer

from ingestd.answers.case_words import (
    ACT_WORDS,
    act_words,
    category_words,
    coverage_words,
    filing_words,
    history_documents,
    link_document,
    moment_words,
    officer_words,
    standing_document,
)
from ingestd.answers.texts import counted, local_time
from ingestd.casework.case_questions import standings
from ingestd.cli.case_requests import CaseArgument, OfficerOption, ended, given, perform
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.case_requests import (
    Change,
    Close,
    Open,
    Reopen,
)
from ingestd.core.cases import Case, CaseFlag, CaseLink, Stage
from ingestd.core.clock import SystemClock
from ingestd.core.errors import NotFoundError
from ingestd.wiring import open_cases, open_catalogue

ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the ledger.")]
PartyOption = Annotated[list[str] | None, typer.Option("--party", help="A party (当事人); may be repeated.")]
FlagOption = Annotated[list[CaseFlag] | None, typer.Option("--flag", help="What is special; may be repeated.")]
CategoryOption = Annotated[str | None, typer.Option(help="Kind of enforcement, as 行政处罚 or penalty.")]
CauseOption = Annotated[str | None, typer.Option(help="案由.")]
PlaceOption = Annotated[str | None, typer.Option(help="Where.")]
UnitOption = Annotated[str | None, typer.Option(help="The unit that handles it.")]
StageOption = Annotated[Stage | None, typer.Option(help="How far it has come.")]
OpenedOption = Annotated[str | None, typer.Option("--opened", help="Day on which it was opened, as 2026-03-02.")]
ConcludedOption = Annotated[
    str | None, typer.Option("--concluded", help="Day on which the act of enforcement ended (终结之日).")
]
TermOption = Annotated[str | None, typer.Option("--term-until", help="Last day of the case file's term.")]
DueOption = Annotated[str | None, typer.Option("--filing-due", help="Day for filing by another law.")]
BasisOption = Annotated[str | None, typer.Option("--filing-basis", help="That law.")]
NoteOption = Annotated[str | None, typer.Option(help="For people.")]


def list_cases(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only those whose file is not filed.")] = False,
    stage: StageOption = None,
    unit: UnitOption = None,
    officer: Annotated[str, typer.Option(help="Only those of this officer, by name or certificate.")] = "",
) -> None:
    """Cases, with what is missing in each and until when it is to be filed.

    Example: ingestd case list --open
    """
    configuration = configuration_of(config)
    zone, regime = configuration.settings.station.zone_info, configuration.regime
    register = open_cases(configuration.settings)
    cases = register.cases(is_open=True if only_open else None, stage=stage, unit=unit)
    if officer:
        cases = [case for case in cases if any(officer in (one.name, one.certificate) for one in case.all_officers)]
    found = standings(register, cases, regime, now=SystemClock().now(), zone=zone)
    if as_json:
        emit_json([standing_document(one, regime, zone) for one in found])
        return
    table(
        counted(len(found), "case"),
        ["number", "cause", "kind", "parties", "unit", "stage", "missing", "filing"],
        [
            (
                one.case.number,
                one.case.cause,
                category_words(one.case.category, regime.categories),
                ", ".join(one.case.parties),
                one.case.unit,
                one.case.stage.words,
                len(one.missing) or "–",
                filing_words(one.filings[:1]),
            )
            for one in found
        ],
        right=(6,),
    )


def show_case(number: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One case: what it says, its activities against the matrix, its footage, its days for filing, its history.

    Example: ingestd case show 大金海罚〔2026〕12号
    """
    configuration = configuration_of(config)
    settings, regime = configuration.settings, configuration.regime
    zone = settings.station.zone_info
    register = open_cases(settings)
    case = register.case(number)
    (standing,) = standings(register, [case], regime, now=SystemClock().now(), zone=zone)
    links, history = register.links_of(number), register.history(number)
    names = _names_of(configuration, links)
    if as_json:
        document = standing_document(standing, regime, zone) | {
            "links": [link_document(one, names.get(one.recording_id)) for one in links],
            "history": history_documents(history),
        }
        emit_json(document)
        return
    table(f"Case {number}", ["", ""], _facts(case, configuration))
    table(
        counted(len(case.activities), "activity"),
        ["id", "what", "began", "ended", "place", "officers", "footage", "unbroken"],
        [
            (
                one.activity.activity_id,
                one.activity.kind.words,
                moment_words(one.activity.began_at, zone),
                moment_words(one.activity.ended_at, zone),
                one.activity.place or "–",
                officer_words(one.activity.officers) or "–",
                coverage_words(one),
                "yes · 是" if one.is_uninterrupted else "",
            )
            for one in standing.coverage
        ],
    )
    rows = [
        (names.get(one.recording_id, one.recording_id), one.activity_id or "–", "yes · 是" if one.is_evidence else "")
        for one in links
    ]
    table(counted(len(links), "link"), ["recording", "activity", "evidence"], rows)
    table("Filing", ["", ""], [("state", filing_words(standing.filings))])
    acts = [(local_time(one["at"], zone), ACT_WORDS[one["act"]], act_words(one), one["actor"]) for one in history]
    table("History", ["when", "what", "", "by"], acts)


def add_case(
    number: CaseArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    cause: CauseOption = None,
    category: CategoryOption = None,
    stage: StageOption = None,
    party: PartyOption = None,
    place: PlaceOption = None,
    officer: OfficerOption = None,
    unit: UnitOption = None,
    opened: OpenedOption = None,
    term_until: TermOption = None,
    flag: FlagOption = None,
    note: NoteOption = None,
) -> None:
    """Enter a case in the register.

    Example: ingestd case add 大金海罚〔2026〕12号 --category 行政处罚 --cause 无证捕捞 --opened 2026-03-02
    """
    request = built(
        Open,
        by,
        number=number,
        cause=cause,
        category=category,
        stage=stage,
        parties=given(party),
        place=place,
        officers=given(officer),
        unit=unit,
        opened_on=opened,
        term_until=term_until,
        flags=given(flag),
        note=note,
    )
    ended(perform(configuration_of(config), [request]), f"Case {number} is in the register · 已登记")


def change_case(
    number: CaseArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    reason: ReasonOption = "",
    cause: CauseOption = None,
    category: CategoryOption = None,
    stage: StageOption = None,
    party: PartyOption = None,
    place: PlaceOption = None,
    officer: OfficerOption = None,
    unit: UnitOption = None,
    opened: OpenedOption = None,
    concluded: ConcludedOption = None,
    term_until: TermOption = None,
    filing_due: DueOption = None,
    filing_basis: BasisOption = None,
    flag: FlagOption = None,
    no_flags: Annotated[bool, typer.Option("--no-flags", help="Take every flag away.")] = False,
    note: NoteOption = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="Empty a day: opened_on, concluded_on, term_until, filing_due_on; may be repeated."),
    ] = None,
) -> None:
    """Change what the register says of a case; what is not given stays. What was before stands in the ledger.

    Example: ingestd case change 大金海罚〔2026〕12号 --stage decision --flag major
    """
    request = built(
        Change,
        by,
        number=number,
        reason=reason,
        cause=cause,
        category=category,
        stage=stage,
        parties=given(party),
        place=place,
        officers=given(officer),
        unit=unit,
        opened_on=opened,
        concluded_on=concluded,
        term_until=term_until,
        filing_due_on=filing_due,
        filing_basis=filing_basis,
        flags=() if no_flags else given(flag),
        note=note,
        clear=tuple(clear or ()),
    )
    ended(perform(configuration_of(config), [request]), f"Case {number} is changed · 已变更")


def close_case(
    number: CaseArgument,
    on: Annotated[str, typer.Option(help="Day on which the case file was filed (归档).")],
    config: ConfigOption = None,
    by: ByOption = "",
    concluded: ConcludedOption = None,
) -> None:
    """The case file is filed. Its countdown stops; what is missing stays listed.

    Example: ingestd case close 大金海罚〔2026〕12号 --on 2026-03-30
    """
    request = built(Close, by, number=number, on=on, concluded_on=concluded)
    ended(perform(configuration_of(config), [request]), f"Case {number} is filed · 已归档")


def reopen_case(
    number: CaseArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
    stage: Annotated[Stage, typer.Option(help="Where it goes on.")] = Stage.INVESTIGATION,
) -> None:
    """Take a filed case up again: it has no day of conclusion any more, and nothing is counted until it has one.

    Example: ingestd case reopen 大金海罚〔2026〕12号 --reason 行政复议
    """
    request = built(Reopen, by, number=number, reason=reason, stage=stage)
    ended(perform(configuration_of(config), [request]), f"Case {number} is taken up again · 已重新办理")


def _facts(case: Case, configuration: Configuration) -> list[tuple[str, str]]:
    def day(value: dt.date | None) -> str:
        return value.isoformat() if value is not None else "–"

    return [
        ("cause · 案由", case.cause or "–"),
        ("kind · 执法类别", category_words(case.category, configuration.regime.categories) or "–"),
        ("stage · 阶段", case.stage.words),
        ("parties · 当事人", ", ".join(case.parties) or "–"),
        ("place · 地点", case.place or "–"),
        ("officers · 执法人员", officer_words(case.officers) or "–"),
        ("unit · 承办机构", case.unit or "–"),
        ("opened · 立案", day(case.opened_on)),
        ("concluded · 终结", day(case.concluded_on)),
        ("filed · 归档", day(case.closed_on)),
        ("kept until · 案卷保管至", day(case.term_until)),
        ("flags · 标记", ", ".join(flag.words for flag in sorted(case.flags)) or "–"),
        ("note · 备注", case.note or "–"),
    ]


def _names_of(configuration: Configuration, links: list[CaseLink]) -> dict[str, str]:
    catalogue = open_catalogue(configuration.settings)
    names: dict[str, str] = {}
    for one in links:
        try:
            names[one.recording_id] = catalogue.recording(one.recording_id)["card_path"]
        except NotFoundError:
            # What is no longer held keeps its link, and is shown by its id.
            continue
    return names
