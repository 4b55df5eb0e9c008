"""`ingestd hold`: what is kept beyond every term (长期保存), why, and who ended it."""

from typing import Annotated, Any

import typer

from ingestd.answers.hold_words import ACT_WORDS, act_words, history_documents, scope_words, state_words, told
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.hold_requests import built, perform
from ingestd.cli.hold_suggest import suggest
from ingestd.cli.output import console, emit_json, table
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import RefusedError
from ingestd.core.hold_acts import Approve, Place, Refuse, Release, Request, Review
from ingestd.core.holds import HoldReason, Judgement
from ingestd.wiring import open_catalogue, open_holds

hold_app = typer.Typer(
    help="Holds (长期保存): recordings kept beyond every term, placed by one person and released by two.",
    no_args_is_help=True,
)

HoldArgument = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's number, as H2026-0001.")]
BasisOption = Annotated[str, typer.Option(help="The paper or clause on which it rests.")]
ReviewOption = Annotated[str, typer.Option("--review", help="Day on which somebody looks again, as 2027-03-01.")]
RequesterOption = Annotated[str, typer.Option(help="Who asks for it, if not who enters it.")]
WordsOption = Annotated[str, typer.Option(help="What happened, in words; needed for the reason `other`.")]


@hold_app.command("place")
def place(
    reason: Annotated[HoldReason, typer.Option(help="Why (民宗 21, 江门 44).")],
    basis: BasisOption,
    review: ReviewOption,
    config: ConfigOption = None,
    by: ByOption = "",
    requester: RequesterOption = "",
    words: WordsOption = "",
    recording: Annotated[
        list[str] | None, typer.Option("--recording", help="A recording, by id, last digits or name; repeatable.")
    ] = None,
    take: Annotated[str, typer.Option(help="The take (连续记录), by its id or one of its recordings.")] = "",
    case: Annotated[str, typer.Option(help="All that is linked to this case, now or later.")] = "",
    officer: Annotated[str, typer.Option(help="All of an officer (name/certificate) in a span of time.")] = "",
    area: Annotated[str, typer.Option(help="All from a place of this name in a span of time.")] = "",
    point: Annotated[str, typer.Option(help="All from around LATITUDE,LONGITUDE (WGS-84) in a span of time.")] = "",
    radius: Annotated[float | None, typer.Option(help="… within so many metres.")] = None,
    since: Annotated[str, typer.Option("--from", help="The span of time: from here; without it from now on.")] = "",
    until: Annotated[str, typer.Option("--to", help="… to here; without it whatever comes.")] = "",
    complaint: Annotated[str, typer.Option(help="The complaint that it follows from, by number.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would cover.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hold recordings; it holds at once, and until two people release it.

    Example: ingestd hold place --reason dispute --case 2026-12 --basis "行政复议〔2026〕3号" --review 2027-03-01
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    window: dict[str, Any] = {
        "since": moment_of(since, "from", zone) if since else to_text(SystemClock().now()),
        "until": moment_of(until, "to", zone) if until else None,
    }
    scopes = [
        *([{"kind": "recordings", "recordings": recording}] if recording else []),
        *([{"kind": "take", "take_id": take}] if take else []),
        *([{"kind": "case", "number": case}] if case else []),
        *([_officer(officer) | window] if officer else []),
        *([{"kind": "place", "area": area} | window] if area else []),
        *([point_scope(point, radius) | window] if point else []),
    ]
    if len(scopes) != 1:
        what = "--recording, --take, --case, --officer, --area or --point"
        raise typer.BadParameter("name one scope", param_hint=what)
    request = built(
        Place,
        by,
        reason=reason,
        scope=scopes[0],
        basis=basis,
        requester=requester,
        review_on=review,
        words=words,
        complaint=complaint or None,
    )
    answer = perform(configuration, [request.model_copy(update={"is_dry_run": dry_run})])[0]
    if as_json:
        emit_json(answer)
        return
    covered = counted(answer["recordings"], "recording")
    if dry_run:
        console.print(f"It would cover {covered} · 将涉及 {answer['recordings']} 件", markup=False)
    else:
        console.print(f"Hold {answer['subject']} stands, {covered} · 已登记长期保存", markup=False)
    if answer["unknown"]:
        missing = counted(answer["unknown"], "recording")
        console.print(
            f"  {missing} may belong to it, nobody knows: officer, place or time is missing; "
            f"name them by --recording where they do · 信息不全，须人工核对",
            markup=False,
        )


@hold_app.command("release")
def release(
    hold: HoldArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    reason: Annotated[str, typer.Option(help="Why it may end, or why it may not.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="As the second person: it ends.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It stays, and the wish to end it is done with.")] = False,
    note: Annotated[str, typer.Option(help="With --approve, for people.")] = "",
) -> None:
    """Ask for the release of a hold, or decide about it as another person.

    Example: ingestd hold release H2026-0001 --approve --by 王五
    """
    if approve + refuse + bool(reason and not refuse) != 1:
        raise typer.BadParameter("give --reason to ask, --approve, or --refuse with --reason", param_hint="release")
    request: Request
    if approve:
        request = built(Approve, by, hold=hold, note=note)
    elif refuse:
        request = built(Refuse, by, hold=hold, reason=reason)
    else:
        request = built(Release, by, hold=hold, reason=reason)
    answer = perform(configuration_of(config), [request])[0]
    words = {
        "hold.release_requested": f"Asked for. Hold {hold} stands until another person approves · 已申请，待另一人批准",
        "hold.release_approved": f"Agreed. Hold {hold} stands until one more person approves · 已同意，尚须他人批准",
        "hold.release_refused": f"Hold {hold} stays · 不予解除",
        "hold.released": f"Hold {hold} is released; {counted(answer.get('recordings', 0), 'recording')} · 已解除",
    }
    console.print(words[answer["act"]], markup=False)


@hold_app.command("list")
def list_holds(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    to_review: Annotated[bool, typer.Option("--to-review", help="Only those whose day of review has come.")] = False,
    also_released: Annotated[bool, typer.Option("--all", help="Also those that are released.")] = False,
    recording: Annotated[str, typer.Option(help="Only those that cover this recording.")] = "",
) -> None:
    """Holds that stand, those that wait for a second person marked.

    Example: ingestd hold list --to-review
    """
    settings = configuration_of(config).settings
    book, zone = open_holds(settings), settings.station.zone_info
    if to_review:
        found = book.to_review(SystemClock().now().astimezone(zone).date())
    elif recording:
        wanted = str(open_catalogue(settings).recording(recording)["recording_id"])
        found = list(book.of([wanted]).get(wanted, ()))
    else:
        found = [one for one in book.holds() if also_released or one.is_standing]
    sizes = book.sizes()
    if as_json:
        emit_json([told(one, sizes.get(one.hold_id, 0)) for one in found])
        return
    rows = [
        (
            one.hold_id,
            one.reason.words,
            scope_words(one.scope, zone),
            sizes.get(one.hold_id, 0),
            one.basis,
            one.requester,
            one.review_on,
            state_words(one),
        )
        for one in found
    ]
    columns = ["hold", "reason", "scope", "recordings", "basis", "asked for by", "review on", "state"]
    table(counted(len(found), "hold"), columns, rows, right=(3,))


@hold_app.command("show")
def show(hold: HoldArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One hold: what it covers, what it may cover and nobody knows, and its history.

    Example: ingestd hold show H2026-0001
    """
    settings = configuration_of(config).settings
    book, zone = open_holds(settings), settings.station.zone_info
    found = book.hold(hold)
    recordings, history = book.recordings_of(hold), book.history(hold)
    unknown = [one for one, said in book.judged(found.scope).items() if said is Judgement.UNKNOWN]
    if as_json:
        lists = {"recording_ids": recordings, "unknown_ids": unknown, "history": history_documents(history)}
        emit_json(told(found, len(recordings)) | lists)
        return
    clause = f"{found.article} {found.clause}" if found.article else "the bureau's own · 本单位规定"
    rows: list[tuple[str, Any]] = [
        ("reason · 情形", found.reason.words),
        ("clause · 条款", clause),
        ("what happened · 说明", found.words or "–"),
        ("scope · 范围", scope_words(found.scope, zone)),
        ("basis · 依据", found.basis),
        ("asked for by · 申请人", found.requester),
        ("complaint · 投诉", found.complaint_number or "–"),
        ("placed · 登记", f"{local_time(found.placed_at, zone)}, {found.placed_by}"),
        ("review on · 复核日", found.review_on),
        ("state · 状态", state_words(found)),
        ("covers · 涉及", counted(len(recordings), "recording")),
        ("may belong to it · 待核对", counted(len(unknown), "recording")),
    ]
    table(f"Hold {hold}", ["", ""], rows)
    acts = [(local_time(one["at"], zone), ACT_WORDS[one["act"]], act_words(one), one["actor"]) for one in history]
    table("History", ["when", "what", "", "by"], acts)


@hold_app.command("review")
def review_hold(
    hold: HoldArgument,
    next_on: Annotated[str, typer.Option("--next", help="The next day of review, as 2027-09-01.")],
    config: ConfigOption = None,
    by: ByOption = "",
    note: Annotated[str, typer.Option(help="What was found.")] = "",
) -> None:
    """Say that somebody looked, that the hold is still needed, and when to look again.

    Example: ingestd hold review H2026-0001 --next 2027-09-01 --note "复议未终结"
    """
    perform(configuration_of(config), [built(Review, by, hold=hold, review_on=next_on, note=note)])
    console.print(f"Hold {hold} stays; look again on {next_on} · 已复核", markup=False)


hold_app.command("suggest")(suggest)


def _officer(text: str) -> dict[str, Any]:
    name, _, certificate = text.partition("/")
    return {"kind": "officer", "name": name.strip(), "certificate": certificate.strip()}


def point_scope(text: str, radius: float | None) -> dict[str, Any]:
    """The scope around a point that a person wrote.

    Raises:
        RefusedError: it is none, or has no radius.
    """
    latitude, _, longitude = text.partition(",")
    try:
        place = {"latitude": float(latitude), "longitude": float(longitude)}
    except ValueError as error:
        raise RefusedError(f"point = {text!r} is no point", "write it as 38.914,121.614") from error
    if radius is None:
        raise RefusedError("a point needs a radius", "give metres: --radius 500")
    return {"kind": "place", "radius_m": radius} | place
