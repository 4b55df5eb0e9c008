"""`ingestd retention`: what is due, plans of disposal, approvals, running them, and what came of each."""

import datetime as dt
from typing import Annotated, Any

import typer

from ingestd.answers.disposals import plan_told, vault_document
from ingestd.answers.texts import counted, local_time, size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.disposal_requests import perform
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.hold_requests import built
from ingestd.cli.output import console, emit_json, table
from ingestd.cli.retention_terms import add_term_commands
from ingestd.core.disposal import ItemState, PlanState, SparedWhy
from ingestd.core.disposal_acts import Approve, Plan, Recover, Refuse, Run
from ingestd.core.disposal_pages import certificate_page, plan_page
from ingestd.core.errors import NotFoundError
from ingestd.core.settings import Settings
from ingestd.wiring import open_disposals

retention_app = typer.Typer(
    help="Terms, and what happens behind them: plans of disposal, approvals, certificates · 保存期限与销毁.",
    no_args_is_help=True,
)

add_term_commands(retention_app)

NumberArgument = Annotated[str, typer.Argument(help="The plan's number, as D2030-0001.")]
HtmlOption = Annotated[bool, typer.Option("--html", help="As a page for printing, on standard output.")]

_SHOWN = 200


@retention_app.command("plan")
def plan_disposal(
    config: ConfigOption = None,
    by: ByOption = "",
    reason: Annotated[str, typer.Option(help="Why now; it stands in plan and certificate.")] = "",
    until: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what was due before this day.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the longest due first.")] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it; enter nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Plan the disposal of recordings whose term is over and that nothing keeps. Nothing is destroyed by planning.

    Example: ingestd retention plan --dry-run
    """
    day = until.date() if until is not None else None
    request = built(Plan, by, reason=reason, until=day, limit=limit, is_dry_run=dry_run)
    configuration = configuration_of(config)
    answer = perform(configuration, request)
    if not dry_run:
        _ended(answer, as_json, "planned · 已拟制销毁清册", configuration.settings)
        return
    if as_json:
        emit_json(answer["document"])
        return
    _plan_tables("Not entered · 未登记", answer["document"], {}, configuration.settings)


@retention_app.command("approve")
def approve(
    number: NumberArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    sha256: Annotated[str, typer.Option(help="SHA-256 of the plan that was read, or its first digits.")] = "",
    words: Annotated[str, typer.Option(help="For the record.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Agree to a plan. The regime says how many people must, and whether who planned may be one of them.

    Example: ingestd retention approve D2030-0001 --by 王主任 --sha256 3f2a91c0
    """
    request = built(Approve, by, number=number, plan_sha256=sha256, words=words)
    configuration = configuration_of(config)
    _ended(perform(configuration, request), as_json, "approval is entered · 已登记审批", configuration.settings)


@retention_app.command("refuse")
def refuse(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="Why.")],
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a plan: nothing is destroyed by it.

    Example: ingestd retention refuse D2030-0001 --reason "清册有误"
    """
    configuration = configuration_of(config)
    answer = perform(configuration, built(Refuse, by, number=number, reason=reason))
    _ended(answer, as_json, "refused · 已否决", configuration.settings)


@retention_app.command("recover")
def recover(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the certificate.")],
    recording: Annotated[
        list[str] | None, typer.Argument(help="Recordings to take out, by id or its last digits; none: all of them.")
    ] = None,
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take recordings out of a plan, as long as they are not condemned.

    Example: ingestd retention recover D2030-0001 ba89a1d53653 --reason "当事人申请调阅"
    """
    configuration = configuration_of(config)
    request = built(Recover, by, number=number, recordings=tuple(recording or ()), reason=reason)
    _ended(perform(configuration, request), as_json, "taken out · 已恢复", configuration.settings)


@retention_app.command("run")
def run_disposal(
    number: Annotated[str | None, typer.Argument(help="The plan's number; none: every plan that is ready.")] = None,
    config: ConfigOption = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Destroy what an approved plan names, once its grace period is over, and certify it.

    Each recording is looked at again before its bytes go: what is held, or decided anew, is spared and named.
    Example: ingestd retention run D2030-0001
    """
    configuration = configuration_of(config)
    answer = perform(configuration, built(Run, by, number=number))
    if as_json:
        emit_json(answer)
        return
    for plan in answer["plans"]:
        _say(plan, PlanState(plan["state"]).words, configuration.settings)
    if not answer["plans"]:
        console.print("No plan is ready · 没有可执行的销毁清册")
    for one in answer["waiting"]:
        console.print(f"  {one['number']} {one['recording_id'][-12:]}: waits · 等待: {one['words']}", markup=False)


@retention_app.command("plans")
def list_plans(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every plan of disposal and where it stands.

    Example: ingestd retention plans --json
    """
    settings = configuration_of(config).settings
    book = open_disposals(settings)
    documents = [plan_told(plan, book) for plan in book.plans()]
    if as_json:
        emit_json(documents)
        return
    zone = settings.station.zone_info
    table(
        counted(len(documents), "plan"),
        ["number", "state", "planned", "by", "recordings", "size", "approved by", "grace until", "ended"],
        [
            (
                one["number"],
                PlanState(one["state"]).words,
                local_time(one["planned_at"], zone),
                one["planned_by"],
                one["recordings"],
                size(one["size_bytes"]),
                ", ".join(given["by"] for given in one["approvals"]) or "–",
                local_time(one["grace_until"], zone),
                local_time(one["ended_at"], zone),
            )
            for one in documents
        ],
        right=(4, 5),
    )


@retention_app.command("show-plan")
def show_plan(
    number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False, html: HtmlOption = False
) -> None:
    """A plan (销毁清册): its recordings, each with the clause that kept it, and what became of them.

    Example: ingestd retention show-plan D2030-0001 --html > plan.html
    """
    settings = configuration_of(config).settings
    book = open_disposals(settings)
    plan = book.plan(number)
    document = vault_document(settings, plan.plan, plan.plan_sha256)
    if html:
        typer.echo(plan_page(document, plan.plan_sha256, settings.station.zone_info), nl=False)
        return
    items = {one["recording_id"]: one for one in book.items(number)}
    if as_json:
        told = ("recording_id", "state", "at", "actor", "why", "words")
        became = [{key: one[key] for key in told} for one in items.values()]
        emit_json(plan_told(plan, book) | {"document": document, "became": became})
        return
    states = {recording: ItemState(one["state"]).words for recording, one in items.items()}
    _plan_tables(f"Plan {number}: {plan.state.words} · SHA-256 {plan.plan_sha256[:16]}…", document, states, settings)


@retention_app.command("certificate")
def show_certificate(
    number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False, html: HtmlOption = False
) -> None:
    """The certificate of a disposal (销毁证明), checked against the ledger's SHA-256 of it.

    Example: ingestd retention certificate D2030-0001 --html > certificate.html
    """
    settings = configuration_of(config).settings
    plan = open_disposals(settings).plan(number)
    if plan.certificate is None or plan.certificate_sha256 is None:
        raise NotFoundError(f"plan {number} has no certificate: {plan.state.words}", "see: ingestd retention plans")
    document = vault_document(settings, plan.certificate, plan.certificate_sha256)
    if html:
        typer.echo(certificate_page(document, plan.certificate_sha256, settings.station.zone_info), nl=False)
        return
    if as_json:
        emit_json(document)
        return
    totals, zone = document["totals"], settings.station.zone_info
    rows = [
        ("destroyed · 销毁", f"{totals['destroyed']} of {totals['planned']}, {size(totals['bytes_removed'])} removed"),
        ("planned · 拟制", f"{document['planned_by']}, {local_time(document['planned_at'], zone)}"),
        *(("approved · 审批", f"{one['by']}, {local_time(one['at'], zone)}") for one in document["approvals"]),
        ("certified · 出具", local_time(document["certified_at"], zone)),
        ("SHA-256", plan.certificate_sha256),
    ]
    table(f"Certificate {number}", ["", ""], rows)
    kept = [(one["recording_id"], ItemState(one["became"]).words, one["words"]) for one in document["kept"]]
    if kept:
        table("Kept · 保留", ["recording", "", "why"], kept)


def _plan_tables(title: str, document: dict[str, Any], states: dict[str, str], settings: Settings) -> None:
    zone = settings.station.zone_info
    bases = [one["article"] or "shipped default · 系统默认" for one in document["bases"]]
    table(
        title,
        ["recording", "file", "recorded", "kept until", "basis", "size", "became"],
        [
            (
                one["recording_id"][-12:],
                one["card_path"].rpartition("/")[2],
                local_time(one["recorded_start"], zone),
                local_time(one["keep_until"], zone),
                bases[one["basis"]] + (" (bytes stay · 内容保留)" if one["shared_with"] else ""),
                size(one["size_bytes"]),
                states.get(one["recording_id"], "–"),
            )
            for one in document["recordings"][:_SHOWN]
        ],
        right=(5,),
    )
    totals = document["totals"]
    if totals["recordings"] > _SHOWN:
        console.print(f"… and {totals['recordings'] - _SHOWN} more: --json or --html shows all · 其余从略")
    console.print(f"{counted(totals['recordings'], 'recording')}, {size(totals['bytes_removed'])} to be removed")
    for one in document["spared"][:_SHOWN]:
        words = f"{one['recording_id'][-12:]}: {SparedWhy(one['why']).words}: {one['words']}"
        console.print(f"  kept · 保留 {words}", markup=False)


def _ended(answer: dict[str, Any], as_json: bool, words: str, settings: Settings) -> None:
    if as_json:
        emit_json(answer)
        return
    _say(answer, words, settings)


def _say(plan: dict[str, Any], words: str, settings: Settings) -> None:
    counts = ", ".join(f"{count} {ItemState(state).words}" for state, count in sorted(plan["items"].items()))
    console.print(f"{plan['number']}: {words} ({counts})", markup=False)
    if plan["state"] == PlanState.PLANNED:
        console.print(f"  SHA-256 {plan['plan_sha256']}; read it: ingestd retention show-plan {plan['number']}")
    elif plan["state"] == PlanState.APPROVED:
        until = local_time(plan["grace_until"], settings.station.zone_info)
        console.print(f"  can be taken out until · 恢复期至 {until}: ingestd retention recover {plan['number']}")
    elif plan["certificate"]:
        console.print(f"  certificate · 销毁证明: ingestd retention certificate {plan['number']}")
