"""`ingestd explain`: what people say of findings that the regime wants explained."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ingestd.answers.explained import GONE, Explained
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time, span
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.explanation import ExplanationState
from ingestd.core.explanation_acts import Explain, Request, Withdraw
from ingestd.core.interruption import InterruptionReason
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.pipeline.explanations import ExplanationDesk
from ingestd.wiring import open_parts, writer_lock


class _GiveByDefault(TyperGroup):
    """`ingestd explain FINDING …` is `ingestd explain give FINDING …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where the first word is none."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["give", *args]
        return super().parse_args(ctx, args)


explain_app = typer.Typer(
    cls=_GiveByDefault,
    help="Reasons of interruptions, as the regulation asks for them · 中断说明. `explain FINDING …` gives one.",
    no_args_is_help=True,
)

FindingArgument = Annotated[str, typer.Argument(help="The finding's key, its first digits, or its id.")]


@explain_app.command("list")
def list_explanations(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    docking: Annotated[str, typer.Option(help="Only of this docking, by its id or the last digits of it.")] = "",
    officer: Annotated[str, typer.Option(help="Only of this officer's recordings, by name or certificate.")] = "",
    only_open: Annotated[bool, typer.Option("--open", help="Only what still waits for its explanation.")] = False,
) -> None:
    """Findings that the regime wants explained, those that somebody explained, and words whose finding is gone.

    Example: ingestd explain list --open
    """
    configuration = configuration_of(config)
    documents = [
        one
        for one in Explained(configuration).documents()
        if (not docking or any(one_of.endswith(docking) for one_of in one["dockings"]))
        and (not officer or any(officer in (o["officer"], o["certificate"]) for o in one["officers"]))
        and (not only_open or one["state"] == ExplanationState.OPEN)
    ]
    if as_json:
        emit_json(documents)
        return
    zone = configuration.settings.station.zone_info
    table(
        f"{counted(len(documents), 'finding')}, {sum(one['state'] == 'open' for one in documents)} open · 待说明",
        ["finding", "code", "when", "file", "state", "reason", "by"],
        [
            (
                one["finding_key"],
                one["code"],
                f"{local_time(one['start_utc'], zone)[:10]} {span(one, zone)}" if one["start_utc"] else span(one, zone),
                " → ".join(path.rsplit("/", 1)[-1] for path in one["card_paths"]) or "–",
                _state_words(one["state"]),
                _reason_words(one["explanation"]),
                one["explanation"]["explained_by"] if one["explanation"] else "–",
            )
            for one in documents
        ],
    )
    if any(one["state"] == GONE for one in documents):
        console.print("A finding that is gone was judged anew and is not there any more; its explanation is kept.")


@explain_app.command("give")
def give(
    finding: FindingArgument,
    reason: Annotated[InterruptionReason, typer.Option(help="The reason.", show_default=False)],
    words: Annotated[str, typer.Option(help="What happened, in words.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    reported_at: Annotated[
        str, typer.Option(help="When it was reported: 2026-03-02T09:15, in the bureau's zone unless one is given.")
    ] = "",
    reported_to: Annotated[str, typer.Option(help="To whom it was reported.")] = "",
    spoken_at: Annotated[
        float | None, typer.Option(min=0, help="Second of the recording at which the reason is stated.")
    ] = None,
    spoken_in: Annotated[
        str, typer.Option(help="The recording with the spoken reason; else the one after the interruption.")
    ] = "",
    attachment: Annotated[
        Path | None, typer.Option(help="A written statement; the file is copied into the vault.", show_default=False)
    ] = None,
    reference: Annotated[str, typer.Option(help="Where a paper lies, if it is not copied.")] = "",
) -> None:
    """Give the reason of an interruption. A later word replaces an earlier one; both stay in the ledger.

    Example: ingestd explain give 3f2a9c01 --reason battery --words "电池耗尽，更换后继续" --by 张三
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    request = built(
        Explain,
        by,
        finding=finding,
        reason=reason.value,
        words=words,
        reported_at=moment_of(reported_at, "reported-at", zone) if reported_at else None,
        reported_to=reported_to,
        spoken_at_s=spoken_at,
        spoken_in=spoken_in or None,
        attachment=str(attachment.absolute()) if attachment is not None else None,
        reference=reference,
    )
    answer = _perform(configuration, request)
    if as_json:
        emit_json(answer)
        return
    console.print(f"Finding {answer['finding_key']} is explained: {reason.words} · 已说明", markup=False)
    if answer["attachment"]:
        console.print(f"The paper is kept as {answer['attachment']}", markup=False, soft_wrap=True)


@explain_app.command("withdraw")
def withdraw(
    finding: Annotated[str, typer.Argument(help="The finding's key, its first digits, or the explanation's number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.", show_default=False)],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Take an explanation back; the finding is open again. What was said stays in the ledger.

    Example: ingestd explain withdraw 3f2a9c01 --reason "说明有误"
    """
    answer = _perform(configuration_of(config), built(Withdraw, by, finding=finding, reason=reason))
    console.print(f"The explanation of {answer['finding_key']} is withdrawn · 已撤回", markup=False)


def _perform(configuration: Configuration, request: Request) -> dict[str, Any]:
    settings = configuration.settings
    if is_station_running(settings):
        document = {"op": "explain", "request": request.model_dump(mode="json")}
        answer: dict[str, Any] = ask(settings.socket_file, document)
        return answer
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return ExplanationDesk(parts.catalogue, parts.chronicle, parts.vault, parts.clock).enter(request)


def _state_words(state: str) -> str:
    return "finding gone · 原发现已不存在" if state == GONE else ExplanationState(state).words


def _reason_words(explanation: dict[str, Any] | None) -> str:
    return InterruptionReason(explanation["reason"]).words if explanation is not None else "–"
