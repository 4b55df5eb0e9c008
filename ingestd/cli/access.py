"""`ingestd access`: requests to view or copy footage (调用单) and the register of views, for reading."""

from typing import Annotated, Any

import typer

from ingestd.answers.access import ACT_WORDS, request_document, view_document
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.access import AccessRequest
from ingestd.core.access_rules import AccessKind
from ingestd.core.approvals import ApprovedAct, chain_of
from ingestd.core.clock import SystemClock
from ingestd.stores.access import AccessBook, ViewQuestion
from ingestd.wiring import open_access, open_catalogue

access_app = typer.Typer(
    help="Access (调用): requests to view or copy footage, and the register of views. People ask and approve in the "
    "console.",
    no_args_is_help=True,
)

_MOST: int = 1000


@access_app.command("list")
def list_requests(
    config: ConfigOption = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for an approval.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many, the latest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Requests, the latest first.

    Example: ingestd access list --waiting
    """
    configuration = configuration_of(config)
    book, zone = open_access(configuration.settings), configuration.settings.station.zone_info
    told = _told(configuration, book, book.requests(is_waiting=waiting, limit=limit))
    if as_json:
        emit_json(told)
        return
    rows = [
        (one["number"], local_time(one["asked_at"], zone), one["applicant"], one["kind"], len(one["recordings"]),
         one["views"], local_time(one["valid_until"], zone), one["state"])
        for one in told
    ]  # fmt: skip
    columns = ["request", "asked", "applicant", "for", "recordings", "views", "open until", "state"]
    table(counted(len(rows), "request"), columns, rows, right=(4, 5))


@access_app.command("show")
def show(
    number: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's number, as A2026-0001.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One request, its history, and what was viewed on it.

    Example: ingestd access show A2026-0001
    """
    configuration = configuration_of(config)
    book, zone = open_access(configuration.settings), configuration.settings.station.zone_info
    found = book.request(number)
    (told,) = _told(configuration, book, [found])
    history, views = book.history(number), book.views(ViewQuestion(request=number), limit=_MOST)
    if as_json:
        acts = [{name: row[name] for name in ("seq", "at", "act", "actor", "document")} for row in history]
        emit_json(told | {"history": acts, "viewed": [view_document(row) for row in views]})
        return
    approved = ", ".join(f"{one.by} {local_time(one.at, zone)}" for one in found.approvals)
    rows: list[tuple[str, Any]] = [
        ("for · 调用方式", found.kind.words),
        ("applicant · 申请人", f"{found.applicant}, {found.capacity.words}"),
        ("asked by · 经办人", f"{found.asked_by}, {local_time(found.asked_at, zone)}"),
        ("purpose · 用途", found.purpose),
        ("items · 调用内容", ", ".join(found.items)),
        ("approved by · 批准人", approved or "–"),
        ("open until · 有效期至", local_time(found.valid_until, zone)),
        ("ended · 结束", f"{found.ended_as} {found.ended_by} {found.ended_reason}".strip() or "–"),
        ("state · 状态", found.state(book.counts([number])[number], SystemClock().now()).words),
    ]
    table(f"Request {number}", ["", ""], rows)
    acts_shown = [(local_time(one["at"], zone), ACT_WORDS[one["act"]], one["actor"]) for one in history]
    table("History", ["when", "what", "by"], acts_shown)
    seen = [(local_time(one["at"], zone), one["person"], one["recording_id"], one["kind"]) for one in views]
    table("Views", ["when", "who", "recording", "what"], seen)


@access_app.command("views")
def views(
    config: ConfigOption = None,
    person: Annotated[str, typer.Option(help="Only of this person, by the whole name.")] = "",
    recording: Annotated[str, typer.Option(help="Only of this recording: id, last digits or file name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many, the latest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The register of views (调阅登记), the latest first.

    Example: ingestd access views --person 王海 --json
    """
    settings = configuration_of(config).settings
    zone = settings.station.zone_info
    wanted = str(open_catalogue(settings).recording(recording)["recording_id"]) if recording else ""
    found = open_access(settings).views(ViewQuestion(person=person, recording=wanted), limit=limit)
    if as_json:
        emit_json([view_document(row) for row in found])
        return
    rows = [
        (local_time(one["at"], zone), one["person"], one["recording_id"], one["kind"], one["request"] or one["sample"])
        for one in found
    ]
    table(counted(len(rows), "view"), ["when", "who", "recording", "what", "opened by"], rows)


def _told(configuration: Configuration, book: AccessBook, found: list[AccessRequest]) -> list[dict[str, Any]]:
    counts, now = book.counts([one.number for one in found]), SystemClock().now()
    chains = configuration.regime.approvals
    acts = {AccessKind.VIEW: ApprovedAct.VIEW, AccessKind.COPY: ApprovedAct.COPY}
    return [request_document(one, counts[one.number], chain_of(chains, acts[one.kind]), now) for one in found]
