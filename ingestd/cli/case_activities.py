"""`ingestd case activity`, `absence`, `link`, `unlink`: what was done in a case, and its footage."""

from typing import Annotated

import typer

from ingestd.answers.moments import moment_of
from ingestd.cli.case_requests import CaseArgument, OfficerOption, ended, given, perform
from ingestd.cli.context import ConfigOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.core.case_requests import (
    EnterAbsence,
    EnterActivity,
    Link,
    RemoveActivity,
    Unlink,
)
from ingestd.core.cases import AbsenceGround, ActivityKind

ActivityOption = Annotated[str, typer.Option("--activity", help="The activity's id in the case; see `case show`.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the ledger.")]
PlaceOption = Annotated[str | None, typer.Option(help="Where.")]
NoteOption = Annotated[str | None, typer.Option(help="For people.")]
TakeOption = Annotated[bool, typer.Option("--take", help="FOOTAGE is a take: its id or last digits.")]
DockingOption = Annotated[bool, typer.Option("--docking", help="FOOTAGE is a docking: its id or last digits.")]
FootageArgument = Annotated[
    str, typer.Argument(metavar="FOOTAGE", help="A recording as in `ingestd show`; see --take, --docking.")
]


def enter_activity(
    number: CaseArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    activity: Annotated[str, typer.Option("--id", help="Change this one; without it a new one is entered.")] = "",
    kind: Annotated[ActivityKind | None, typer.Option(help="What was done.")] = None,
    place: PlaceOption = None,
    began: Annotated[str, typer.Option(help="When it began, as 2026-03-02T09:00.")] = "",
    ended_at: Annotated[str, typer.Option("--ended", help="When it ended.")] = "",
    officer: OfficerOption = None,
    uninterrupted: Annotated[
        bool | None, typer.Option("--uninterrupted/--may-break", help="Whether all of it is to be filmed unbroken.")
    ] = None,
    note: NoteOption = None,
    reason: ReasonOption = "",
) -> None:
    """Enter what was done in a case (询问、现场检查、抽样、听证…), or change it.

    Example: ingestd case activity 大金海罚〔2026〕12号 --kind inspection --began 2026-03-02T09:00
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    request = built(
        EnterActivity,
        by,
        number=number,
        activity_id=activity or None,
        kind=kind,
        place=place,
        began_at=moment_of(began, "began", zone) if began else None,
        ended_at=moment_of(ended_at, "ended", zone) if ended_at else None,
        officers=given(officer),
        is_uninterrupted=uninterrupted,
        note=note,
        reason=reason,
    )
    answers = perform(configuration, [request])
    named = next(iter(answers[0].get("activities", ())), activity)
    ended(answers, f"Case {number}, activity {named} · 已登记")


def remove_activity(
    number: CaseArgument,
    activity: ActivityOption,
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Take an activity out that never was. The ledger keeps it; footage must be unlinked from it first.

    Example: ingestd case remove-activity 大金海罚〔2026〕12号 --activity a2 --reason 重复登记
    """
    request = built(RemoveActivity, by, number=number, activity_id=activity, reason=reason)
    ended(perform(configuration_of(config), [request]), f"Case {number}: activity {activity} is taken out · 已撤销")


def enter_absence(
    number: CaseArgument,
    activity: ActivityOption,
    config: ConfigOption = None,
    by: ByOption = "",
    ground: Annotated[AbsenceGround | None, typer.Option(help="Why there is no footage.")] = None,
    words: Annotated[str, typer.Option(help="The reason in words, as it stands in the case file.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the reason back.")] = False,
) -> None:
    """Say why an activity has no footage. Only a reason that the regime admits takes it off the list.

    海洋 15, 26; 卫健 13; 江门 14.

    Example: ingestd case absence 大金海罚〔2026〕12号 --activity a1 --ground unsuitable --words 油库禁用电子设备
    """
    if withdraw == (ground is not None):
        raise typer.BadParameter("give either --ground or --withdraw", param_hint="--ground / --withdraw")
    request = built(EnterAbsence, by, number=number, activity_id=activity, ground=ground, words=words)
    done = "the reason is taken back · 已撤回" if withdraw else "the reason is entered · 已登记"
    ended(perform(configuration_of(config), [request]), f"Case {number}, activity {activity}: {done}")


def link(
    number: CaseArgument,
    footage: FootageArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    activity: ActivityOption = "",
    take: TakeOption = False,
    docking: DockingOption = False,
    evidence: Annotated[
        bool | None, typer.Option("--evidence/--no-evidence", help="Whether it is used as evidence.")
    ] = None,
) -> None:
    """Link footage to a case, or to one activity of it; again with --evidence to mark it.

    Example: ingestd case link 大金海罚〔2026〕12号 0000007_00001220260302090000_0001.mp4 --activity a1 --evidence
    """
    request = built(
        Link,
        by,
        number=number,
        activity_id=activity or None,
        what=_what(take=take, docking=docking),
        named=footage,
        is_evidence=evidence,
    )
    ended(perform(configuration_of(config), [request]), f"Linked to case {number} · 已关联")


def unlink(
    number: CaseArgument,
    footage: FootageArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    by: ByOption = "",
    activity: ActivityOption = "",
    take: TakeOption = False,
    docking: DockingOption = False,
) -> None:
    """Take a link away, with the reason; without --activity all links of that footage to the case.

    Example: ingestd case unlink 大金海罚〔2026〕12号 0000007_00001220260302090000_0001.mp4 --reason 关联错误
    """
    request = built(
        Unlink,
        by,
        number=number,
        activity_id=activity or None,
        what=_what(take=take, docking=docking),
        named=footage,
        reason=reason,
    )
    ended(perform(configuration_of(config), [request]), f"No longer linked to case {number} · 已取消关联")


def _what(*, take: bool, docking: bool) -> str:
    if take and docking:
        raise typer.BadParameter("give either --take or --docking", param_hint="--take / --docking")
    return "take" if take else "docking" if docking else "recording"
