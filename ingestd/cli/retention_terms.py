"""`ingestd retention show|list|change|born-expired`: until when recordings are kept, why, and by which rules."""

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ingestd.answers.reason_words import last_day, reason_words, rules_words
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.output import console, emit_json, table
from ingestd.cli.term_requests import asked, perform
from ingestd.core.clock import SystemClock
from ingestd.core.regime_changes import ChangePlan, Effect
from ingestd.core.term_acts import ApproveChange, PlanChange, SettleAges
from ingestd.core.terms import ReasonKind, RetentionDecision
from ingestd.retention.policy import Standing, standing_of
from ingestd.stores.terms import TermBook
from ingestd.wiring import open_catalogue, open_terms

change_app = typer.Typer(
    help="A change of regime for what is decided already (规则变更): planned by one person, approved by another.",
    no_args_is_help=True,
)
born_expired_app = typer.Typer(
    help="Recordings that were older than their term when they came in (入库时已超期): a person looks at each.",
    no_args_is_help=True,
)
LimitOption = Annotated[int, typer.Option(min=1, help="Show at most so many.")]
_WITHOUT_END = {
    Standing.UNTIL_DECIDED: (
        ReasonKind.UNTIL_DECIDED,
        ReasonKind.CASE_FILE,
        ReasonKind.OPEN_CASE,
        ReasonKind.LONG_TERM,
        ReasonKind.TERM,
        ReasonKind.MINIMUM,
    ),
    Standing.HELD: (ReasonKind.HOLD,),
}


def add_term_commands(app: typer.Typer) -> None:
    """Put the commands of this module into the group `retention`."""
    app.command("show")(show)
    app.command("list")(list_kept)
    app.add_typer(change_app, name="change")
    app.add_typer(born_expired_app, name="born-expired")


def show(
    what: Annotated[str, typer.Argument(help="A recording: its id, the last digits of it, its file name or SHA-256.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Until when a recording is kept and why: every reason with its clause, the one that decides marked.

    Example: ingestd retention show 0000007_00001220261121083000_0001.mp4
    """
    settings = configuration_of(config).settings
    row = open_catalogue(settings).recording(what)
    standing = standing_of(row["retention"], SystemClock().now())
    keys = ("recording_id", "card_path", "state", "sealed_at", "recorded_end", "keep_until", "retention")
    document = {key: row[key] for key in keys} | {"standing": standing.value, "standing_words": standing.words}
    if as_json:
        emit_json(document)
        return
    zone = settings.station.zone_info
    rows: list[tuple[str, Any]] = [
        ("recording · 记录", row["recording_id"]),
        ("file · 文件", row["card_path"]),
        ("standing · 状态", standing.words),
    ]
    if row["retention"] is not None:
        decision = RetentionDecision.model_validate(row["retention"])
        rows.append(("kept until · 保存至", last_day(decision.keep_until, zone)))
        rows.append(("by the rules of · 依据", rules_words(decision)))
        for reason in decision.reasons:
            rows.append(
                ("→ because · 决定性理由" if reason.is_winner else "because · 理由", reason_words(reason, zone))
            )
    table("Retention · 保存期限", ["", ""], rows)


def list_kept(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    due: Annotated[bool, typer.Option("--due", help="Whose term is over, the longest ago first.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Under a standing hold.")] = False,
    born_expired: Annotated[
        bool, typer.Option("--born-expired", help="Older than their term when they came in, not settled yet.")
    ] = False,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Without an end: no term, long-term, or a case file without one.")
    ] = False,
    limit: LimitOption = 100,
) -> None:
    """Recordings by how they stand; without an option only how many of each there are.

    Example: ingestd retention list --due
    """
    asked_for = {
        Standing.DUE: due,
        Standing.HELD: held,
        Standing.BORN_EXPIRED: born_expired,
        Standing.UNTIL_DECIDED: until_decided,
    }
    chosen = [standing for standing, is_asked in asked_for.items() if is_asked]
    if len(chosen) > 1:
        raise typer.BadParameter("name one of them", param_hint="--due, --held, --born-expired, --until-decided")
    settings = configuration_of(config).settings
    book, now = open_terms(settings), SystemClock().now()
    if chosen:
        found = _standing_so(book, chosen[0], now, limit)
        _list(chosen[0].words, found, settings.station.zone_info, as_json=as_json)
        return
    counts = book.counts(now)
    if as_json:
        emit_json({"counts": counts})
        return
    words = {"due": Standing.DUE.words} | {kind.value: kind.words for kind in ReasonKind}
    table("Recordings · 记录", ["", "how many"], [(words[key], many) for key, many in counts.items()], right=(1,))


def _standing_so(book: TermBook, standing: Standing, now: dt.datetime, limit: int) -> list[dict[str, Any]]:
    if standing is Standing.DUE:
        return book.due(now, limit=limit)
    if standing is Standing.BORN_EXPIRED:
        return book.aged(limit=limit)
    return book.kept_without_end(_WITHOUT_END[standing], limit=limit)


@change_app.command("plan")
def plan_change(
    reason: Annotated[str, typer.Option(help="Why the rules were changed, as the paper that says so.")],
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Work out what the rules of now make of what was decided under others. Nothing changes before it is approved.

    Example: ingestd retention change plan --reason "海洋发展局〔2026〕12号"
    """
    configuration = configuration_of(config)
    (answer,) = perform(configuration, [asked(PlanChange, by, reason=reason)])
    if as_json:
        emit_json(answer)
        return
    _show_plan(answer["change"], ChangePlan.model_validate(answer["plan"]), configuration.settings.station.zone_info)


@change_app.command("approve")
def approve_change(
    change: Annotated[int, typer.Argument(metavar="PLAN", help="Number of the plan.")],
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Agree to a planned change, as another person than who planned it. With the last approval it is done.

    Example: ingestd retention change approve 1207 --by 王五
    """
    (answer,) = perform(configuration_of(config), [asked(ApproveChange, by, change=change)])
    if as_json:
        emit_json(answer)
    elif answer["is_approved"]:
        done = counted(answer["redecided"], "decision")
        console.print(f"Change {change} is approved and done: {done} entered · 变更已批准并执行", markup=False)
    else:
        console.print(f"Change {change} has your approval; another one is missing · 尚需他人批准", markup=False)


@change_app.command("list")
def list_changes(config: ConfigOption = None, as_json: JsonOption = False, limit: LimitOption = 20) -> None:
    """Changes of regime, newest first: who planned each, who approved it, and what it does.

    Example: ingestd retention change list --json
    """
    settings = configuration_of(config).settings
    found = open_terms(settings).changes(limit=limit)
    if as_json:
        emit_json(found)
        return
    zone = settings.station.zone_info
    table(
        "Changes of regime · 规则变更",
        ["plan", "planned", "by", "to", "recordings", "approved by", "done"],
        [
            (
                row["change_id"],
                local_time(row["planned_at"], zone),
                row["planned_by"],
                row["document"]["to_rules"],
                row["document"]["recordings"],
                ", ".join(one["by"] for one in row["approvals"]) or "–",
                local_time(row["applied_at"], zone),
            )
            for row in found
        ],
        right=(4,),
    )


@born_expired_app.command("list")
def list_born_expired(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    settled: Annotated[bool, typer.Option("--settled", help="Those that a person has settled instead.")] = False,
    limit: LimitOption = 100,
) -> None:
    """Recordings that were older than their term when they came in, and wait for a person.

    Example: ingestd retention born-expired list
    """
    settings = configuration_of(config).settings
    found = open_terms(settings).aged(is_waiting=not settled, limit=limit)
    _list(Standing.BORN_EXPIRED.words, found, settings.station.zone_info, as_json=as_json)


@born_expired_app.command("settle")
def settle_born_expired(
    reason: Annotated[str, typer.Option(help="What you found: a wrong clock, a card that came late, …")],
    what: Annotated[list[str] | None, typer.Argument(metavar="[RECORDING]…", help="Recordings.")] = None,
    docking: Annotated[str | None, typer.Option(help="All of one docking that wait, by its id.")] = None,
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that you looked at it. Its whole term counts then, from sealing; until then it is never due.

    Example: ingestd retention born-expired settle 0000007_00001220150101000000_0001.mp4 --reason 时钟复位
    """
    request = asked(SettleAges, by, recordings=what or (), docking=docking, reason=reason)
    (answer,) = perform(configuration_of(config), [request])
    if as_json:
        emit_json(answer)
        return
    words = f"{counted(len(answer['settled']), 'recording')} settled · 已核定"
    others = f"; {len(answer['others'])} did not wait" if answer["others"] else ""
    console.print(words + others, markup=False)


def _show_plan(change: int | None, plan: ChangePlan, zone: ZoneInfo) -> None:
    if change is None:
        console.print(f"Everything is decided under {plan.to_rules} · 无须变更", markup=False)
        return
    rows: list[tuple[str, Any]] = [
        ("plan · 编号", change),
        ("to the rules · 新规则", plan.to_rules),
        ("decided under · 原规则", ", ".join(f"{name} ({many})" for name, many in plan.from_editions.items())),
        ("recordings · 记录数", plan.recordings),
        *((Effect(effect).words, many) for effect, many in plan.counts.items()),
    ]
    if plan.earliest_end is not None:
        rows.append(("first end · 最早期满", last_day(plan.earliest_end, zone)))
    for effect, examples in plan.examples.items():
        for one in examples[:3]:
            dates = f"{last_day(one.before, zone)} → {last_day(one.after, zone)}"
            rows.append((f"{effect}: {one.recording_id[-12:]}", dates))
    table("Change of regime · 规则变更", ["", ""], rows)
    console.print(f"Nothing has changed yet. Another person: ingestd retention change approve {change}", markup=False)


def _list(title: str, found: list[dict[str, Any]], zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    table(
        f"{title} ({len(found)})",
        ["id", "recorded until", "sealed", "file", "kept until", "because"],
        [
            (
                row["recording_id"][-12:],
                local_time(row["recorded_end"], zone),
                local_time(row["sealed_at"], zone),
                row["card_path"].rsplit("/", 1)[-1],
                last_day(row["keep_until"], zone),
                reason_words(RetentionDecision.model_validate(row["retention"]).winner, zone),
            )
            for row in found
        ],
    )
