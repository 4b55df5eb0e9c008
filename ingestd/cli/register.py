"""`ingestd register`: what stands in each recording's registration, what lacks, and who entered what."""

from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.errors import ExitStatus, NotFoundError, RefusedError
from ingestd.core.registration import Line
from ingestd.core.registration_acts import Register
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.stores.find import Question
from ingestd.stores.registration import Registration
from ingestd.wiring import (
    open_catalogue,
    open_finder,
    open_parts,
    open_registrations,
    registration_desk,
    writer_lock,
)

register_app = typer.Typer(
    help="Registration of recordings by the regime's form: what stands, what lacks · 分类登记.", no_args_is_help=True
)


@register_app.command("list")
def list_unregistered(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    unit: Annotated[str | None, typer.Option(help="Only of this unit.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
) -> None:
    """Recordings that are not registered, oldest first, with the fields that lack, and how many each unit has.

    Example: ingestd register list --unit 执法一中队
    """
    configuration = configuration_of(config)
    settings, rules = configuration.settings, configuration.regime.registration
    book = open_registrations(settings)
    question = Question(is_unregistered=True, unit=unit, is_oldest_first=True, limit=limit)
    found = book.of(open_finder(settings, configuration.regime).find(question).recordings, rules)
    counts = book.unregistered_by_unit(rules)
    if as_json:
        emit_json({"by_unit": counts, "recordings": [_brief(one) for one in found]})
        return
    names = {rule.id: rule.zh for rule in rules}
    table(
        f"{counted(len(found), 'recording')} not registered · 未登记",
        ["recording", "file", "recorded", "unit", "lacks · 缺项"],
        [
            (
                one.recording_id[-12:],
                one.card_path.rpartition("/")[2],
                local_time(one.recorded_start, settings.station.zone_info),
                one.unit or "–",
                "、".join(names.get(field, field) for field in one.form.lacks),
            )
            for one in found
        ],
    )
    for name, number in counts.items():
        console.print(f"{name or 'no unit known · 单位不明'}: {number}", markup=False)


@register_app.command("show")
def show_registration(
    recording: Annotated[str, typer.Argument(help="A recording: its id, the last digits of it, or its file name.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One recording's form: each field, what stands in it, from where, and every change with before and after.

    Exit status 1 when something lacks. Example: ingestd register show 3f2a9c01d2e4
    """
    configuration = configuration_of(config)
    settings, rules = configuration.settings, configuration.regime.registration
    book = open_registrations(settings)
    named = str(open_catalogue(settings).recording(recording)["recording_id"])
    found = book.of([named], rules)
    if not found:
        raise NotFoundError(f"{recording!r} is not described yet", "wait until the station has read it: ingestd status")
    one, history = found[0], book.history(named)
    if as_json:
        lines = [_line(line) for line in one.form.lines]
        emit_json(_brief(one) | {"is_complete": one.form.is_complete, "fields": lines, "history": history})
    else:
        _show(one, history, configuration)
    if not one.form.is_complete:
        raise typer.Exit(ExitStatus.FAILED)


@register_app.command("fields")
def show_fields(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The form of the station's regime: its fields, when each is required, with article and words.

    Example: ingestd register fields
    """
    regime = configuration_of(config).regime
    if as_json:
        emit_json([rule.model_dump(mode="json") for rule in regime.registration])
        return
    table(
        f"{regime.title} · {regime.bureau}",
        ["field", "what", "required", "basis", "article and words"],
        [
            (
                rule.id,
                rule.shown,
                rule.required.words,
                rule.basis.value,
                " ".join(filter(None, (f"{rule.article}: {rule.words}" if rule.article else "", rule.note))),
            )
            for rule in regime.registration
        ],
    )


@register_app.command("set")
def set_fields(
    words: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING… FIELD=VALUE…", help="Recordings, then fields; FIELD= takes an entry back."),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    is_take: Annotated[bool, typer.Option("--take", help="Takes are named, not recordings.")] = False,
    is_docking: Annotated[bool, typer.Option("--docking", help="Dockings are named, not recordings.")] = False,
    note: Annotated[str, typer.Option(help="Why, or from where; it stands in the ledger.")] = "",
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
) -> None:
    """Enter fields for one recording or many; a field given twice has two values. The file itself is not touched.

    Example: ingestd register set 3f2a9c01d2e4 parties=甲公司 cause=无照经营 --by 张三
    """
    if is_take and is_docking:
        raise RefusedError("--take and --docking together", "give one of them")
    named, fields = _split(words)
    what = "take" if is_take else "docking" if is_docking else "recording"
    asked: dict[str, Any] = {"what": what, "named": named, "fields": fields}
    request = built(Register, by, note=note, is_dry_run=is_dry_run, **asked)
    answer = _perform(configuration_of(config), request)
    if as_json:
        emit_json(answer)
        return
    changed = 0
    for one in answer["recordings"]:
        changed += bool(one["after"])
        for field, after in one["after"].items():
            name = one["card_path"].rpartition("/")[2]
            was, now = (_values(values) for values in (one["before"][field], after))
            console.print(f"{name}: {field}: {was} → {now}", markup=False, soft_wrap=True)
    done = "would change · 试运行，未登记" if is_dry_run else "registered · 已登记"
    console.print(f"{counted(changed, 'recording')} {done}" if changed else "It was so already · 无变化", markup=False)


def _split(words: list[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    named: list[str] = []
    fields: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if sign and name.isascii() and name.replace("_", "").isalnum():
            fields[name] = (*fields.get(name, ()), *([value] if value else []))
        else:
            named.append(word)
    if not named or not fields:
        raise RefusedError("name at least one recording and one field", "see: ingestd register fields")
    return tuple(named), fields


def _perform(configuration: Configuration, request: Register) -> Any:
    settings = configuration.settings
    if is_station_running(settings):
        return ask(settings.socket_file, {"op": "register", "request": request.model_dump(mode="json")})
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return registration_desk(lambda: parts).enter(request)


def _brief(one: Registration) -> dict[str, Any]:
    return {
        "recording_id": one.recording_id,
        "card_path": one.card_path,
        "recorded_start": one.recorded_start,
        "unit": one.unit or None,
        "is_at_sea": one.form.is_at_sea,
        "lacks": list(one.form.lacks),
    }


def _line(line: Line) -> dict[str, Any]:
    given = line.given
    return {
        "field": line.field,
        "state": line.state.value,
        "values": list(line.values),
        "source": line.source or None,
        "entered_by": given.entered_by if given is not None else None,
        "entered_at": given.entered_at if given is not None else None,
        "required": line.rule.required.value if line.rule is not None else None,
        "article": line.rule.article if line.rule is not None else None,
    }


def _show(one: Registration, history: list[dict[str, Any]], configuration: Configuration) -> None:
    zone = configuration.settings.station.zone_info
    table(
        f"{one.card_path} · {'complete · 登记完整' if one.form.is_complete else 'not registered · 未登记'}",
        ["field", "what", "value", "from", ""],
        [
            (
                line.field,
                line.shown,
                _values(list(line.values)),
                f"{line.given.entered_by}, {local_time(line.given.entered_at, zone)}" if line.given else line.source,
                line.state.words,
            )
            for line in one.form.lines
        ],
    )
    for act in history:
        for field, after in act["document"]["after"].items():
            change = f"{field}: {_values(act['document']['before'][field])} → {_values(after)}"
            note = f" ({act['document']['note']})" if act["document"]["note"] else ""
            console.print(f"{local_time(act['at'], zone)} {act['actor']}: {change}{note}", markup=False, soft_wrap=True)


def _values(values: list[str] | None) -> str:
    return "；".join(values) if values else "–"
