"""`ingestd bookmark`: what is said and shown where in a recording, and what of that is still missing."""

import re
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted, local_time, seconds
from ingestd.casework.checklists import Checklist, Checklists
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.bookmark_acts import RemoveBookmark, Request, SetBookmark
from ingestd.core.bookmark_rules import named_together
from ingestd.core.bookmarks import Bookmark, ChecklistItem
from ingestd.core.errors import ExitStatus, RefusedError
from ingestd.core.regime import Regime
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import bookmark_desk, open_bookmarks, open_catalogue, open_checklists, open_parts, writer_lock

bookmark_app = typer.Typer(
    help="Places in recordings: the spoken statement, what must be shown, reasons of interruptions · 书签.",
    no_args_is_help=True,
)

_MOST_SHOWN = 1000


@bookmark_app.command("add")
def add(
    recording: Annotated[str, typer.Argument(help="A recording: its id, the last digits of it, or its file name.")],
    kind: Annotated[
        list[str], typer.Option("--kind", help="What is said or shown there, or a group; may be repeated.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    at: Annotated[str, typer.Option(help="Second of the recording, as 75.5 or 1:15.5; a photo has none.")] = "0",
    words: Annotated[str, typer.Option(help="What is said there, or a note.")] = "",
) -> None:
    """Mark a place in a recording. The file itself is not touched. Kinds: ingestd bookmark kinds

    Example: ingestd bookmark add 3f2a9c01d2e4 --at 1:15 --kind statement --kind notice --by 张三
    """
    request = built(SetBookmark, by, recording=recording, at_s=second_of(at), kinds=tuple(kind), words=words)
    answer = _perform(configuration_of(config), request)
    if as_json:
        emit_json(answer)
        return
    numbers = ", ".join(str(one) for one in answer["bookmarks"])
    if numbers:
        console.print(f"Marked at {seconds(second_of(at))}: bookmark {numbers} · 已标注", markup=False)
    else:
        console.print("It was marked so already · 无变化")


@bookmark_app.command("remove")
def remove(
    number: Annotated[int, typer.Argument(min=1, help="The bookmark's number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.", show_default=False)],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Take a bookmark back. What was marked stays in the ledger, and in `list --all`.

    Example: ingestd bookmark remove 412 --reason "标错位置" --by 张三
    """
    _perform(configuration_of(config), built(RemoveBookmark, by, bookmark=number, reason=reason))
    console.print(f"Bookmark {number} is removed · 已删除", markup=False)


@bookmark_app.command("list")
def list_bookmarks(
    recording: Annotated[str, typer.Argument(help="Only of this recording; else the latest.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    with_removed: Annotated[bool, typer.Option("--all", help="Removed ones too, with the reason.")] = False,
) -> None:
    """Bookmarks, and the spoken reasons that explanations name.

    Example: ingestd bookmark list 3f2a9c01d2e4 --all
    """
    configuration = configuration_of(config)
    settings, catalogue = configuration.settings, open_catalogue(configuration.settings)
    if recording:
        found = open_checklists(configuration).marks_of([str(catalogue.recording(recording)["recording_id"])])
        found.sort(key=lambda mark: mark.at_s)
    else:
        found = open_bookmarks(settings).latest(limit=_MOST_SHOWN)
    found = [mark for mark in found if with_removed or mark.is_standing]
    if as_json:
        emit_json([mark_document(mark) for mark in found])
        return
    names = catalogue.card_paths(sorted({mark.recording_id for mark in found})) if found else {}
    shown = {rule.id: rule.shown for rule in configuration.regime.bookmarks}
    zone = settings.station.zone_info
    table(
        counted(len(found), "bookmark"),
        ["number", "file", "at", "what", "words", "by", "when", ""],
        [
            (
                mark.bookmark_id if mark.explains is None else "explanation",
                names.get(mark.recording_id, mark.recording_id).rsplit("/", 1)[-1],
                seconds(mark.at_s),
                shown.get(mark.kind, mark.kind),
                mark.words,
                mark.marked_by,
                local_time(mark.marked_at, zone),
                "" if mark.is_standing else f"removed by {mark.removed_by} · 已删除: {mark.removed_reason}",
            )
            for mark in found
        ],
        right=(2,),
    )


@bookmark_app.command("kinds")
def kinds(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What can be marked under the station's regime, with article and words.

    Example: ingestd bookmark kinds
    """
    regime = configuration_of(config).regime
    if as_json:
        emit_json({"kinds": [rule.model_dump(mode="json") for rule in regime.bookmarks], "groups": _groups(regime)})
        return
    table(
        f"{regime.title} · {regime.bureau}",
        ["kind", "group", "what", "asked for", "article and words"],
        [
            (rule.id, rule.group or "–", rule.shown, rule.asked.words, _clause(rule.article, rule.words, rule.note))
            for rule in regime.bookmarks
        ],
    )


@bookmark_app.command("check")
def check(
    what: Annotated[str, typer.Argument(help="A recording; with --take or --case a take or the number of a case.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    is_take: Annotated[bool, typer.Option("--take", help="The whole take, by its id or one recording of it.")] = False,
    is_case: Annotated[bool, typer.Option("--case", help="All footage that is linked to this case.")] = False,
    at_sea: Annotated[
        bool | None, typer.Option("--at-sea/--ashore", help="Where it was; else registration and marks tell.")
    ] = None,
) -> None:
    """What the regime asks to be said and shown, and what of it nobody marked. Judges no picture.

    Exit status 1 when something is missing. Example: ingestd bookmark check 2026-017 --case
    """
    configuration = configuration_of(config)
    if is_take and is_case:
        raise RefusedError("--take and --case together", "give one of them")
    checklists = open_checklists(configuration)
    lists = _lists(checklists, what, is_take=is_take, is_case=is_case, is_at_sea=at_sea)
    document = {
        "scope": "case" if is_case else "take" if is_take else "recording",
        "regime": configuration.regime.id,
        "is_complete": bool(lists) and not any(one.missing for one in lists),
        "lists": [_checklist_document(one) for one in lists],
    }
    if as_json:
        emit_json(document)
    else:
        for one in lists:
            _show(one)
        if not lists:
            console.print("No picture and no sound is linked to this case · 该案件未关联音像记录")
    if not document["is_complete"]:
        raise typer.Exit(ExitStatus.FAILED)


def second_of(text: str) -> float:
    """A place in a recording as people write it: `75.5`, `1:15.5` or `1:02:03`.

    Raises:
        RefusedError: it is none.
    """
    match = re.fullmatch(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:\.\d{1,6})?)", text.strip(), re.ASCII)
    if match is None or (match[2] is not None and float(match[3]) >= 60) or (match[1] and int(match[2]) >= 60):
        raise RefusedError(f"at = {text!r} is no place in a recording", "write seconds, as 75.5 or 1:15.5")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])


def mark_document(mark: Bookmark) -> dict[str, Any]:
    """A bookmark as JSON has it; `explains` is the key of a finding where it is the word of an explanation."""
    return {
        "bookmark_id": mark.bookmark_id if mark.explains is None else None,
        "recording_id": mark.recording_id,
        "at_s": mark.at_s,
        "kind": mark.kind,
        "words": mark.words,
        "marked_by": mark.marked_by,
        "marked_at": mark.marked_at,
        "removed_at": mark.removed_at,
        "removed_by": mark.removed_by,
        "removed_reason": mark.removed_reason,
        "explains": mark.explains,
    }


def _lists(
    checklists: Checklists, what: str, *, is_take: bool, is_case: bool, is_at_sea: bool | None
) -> list[Checklist]:
    if is_case:
        return checklists.of_case(what, is_at_sea=is_at_sea)
    of_one = checklists.of_take if is_take else checklists.of_recording
    return [of_one(what, is_at_sea=is_at_sea)]


def _checklist_document(one: Checklist) -> dict[str, Any]:
    return {
        "take_id": one.take_id,
        "recordings": list(one.recordings),
        "card_paths": list(one.paths),
        "missing": [item.rule.id for item in one.missing],
        "items": [
            {
                "kind": item.rule.id,
                "group": item.rule.group,
                "asked": item.rule.asked.value,
                "state": item.state.value,
                "article": item.rule.article,
                "words": item.rule.words,
                "marks": [mark_document(mark) for mark in item.marks],
                "open_interruptions": [interruption.finding_key for interruption in item.open],
            }
            for item in one.items
        ],
    }


def _show(one: Checklist) -> None:
    names = dict(zip(one.recordings, (path.rsplit("/", 1)[-1] for path in one.paths), strict=True))
    first = next(iter(names.values()))
    title = first if len(names) == 1 else f"{first} and {counted(len(names) - 1, 'more file')}"
    table(
        f"{title}: {counted(len(one.missing), 'line')} missing · 缺 {len(one.missing)} 项",
        ["", "what", "asked for", "where it is marked", "article"],
        [
            (item.state.words, item.rule.shown, item.rule.asked.words, _places(item, names), item.rule.article or "–")
            for item in one.items
        ],
    )


def _places(item: ChecklistItem, names: dict[str, str]) -> str:
    has_many = len(names) > 1
    places = [
        f"{names.get(mark.recording_id, 'another file')} {seconds(mark.at_s)}" if has_many else seconds(mark.at_s)
        for mark in item.marks
    ]
    places += [f"finding {one.finding_key[:8]} ({one.code}) has none" for one in item.open]
    return ", ".join(places) or "–"


def _clause(article: str | None, words: str | None, note: str | None) -> str:
    return f"{article}: {words}" if article is not None else note or "–"


def _groups(regime: Regime) -> dict[str, list[str]]:
    ids = {rule.id for rule in regime.bookmarks}
    return {name: list(found) for name, found in named_together(regime.bookmarks).items() if name not in ids}


def _perform(configuration: Configuration, request: Request) -> dict[str, Any]:
    settings = configuration.settings
    if is_station_running(settings):
        document = {"op": "bookmark", "request": request.model_dump(mode="json")}
        answer: dict[str, Any] = ask(settings.socket_file, document)
        return answer
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return bookmark_desk(lambda: parts).enter(request)
