"""`ingestd sim`: cards of a simulated recorder, for demonstrations, training and the acceptance of a new dock."""

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingestd.answers.texts import size, span
from ingestd.cli.context import JsonOption
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.media.clipspec import FootageFormat
from ingestd.sim.card import write_card
from ingestd.sim.faults import Fault
from ingestd.sim.plan import DEMO_START, CardPlan
from ingestd.sim.truth import CardTruth

sim_app = typer.Typer(
    name="sim",
    help="Write the card of a simulated recorder, with footage that is really encoded and faults on demand.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

_CARD_EPILOG = (
    "Example: [bold]ingestd sim card ./card --fault dropped-gop --fault missing-segment[/bold] writes two takes with a "
    "gap and a missing segment; [bold]ingestd ingest ./card[/bold] then takes them in. "
    "Equal options give equal bytes in every file."
)


@sim_app.command("card", epilog=_CARD_EPILOG)
def card(
    out: Annotated[Path, typer.Argument(help="The folder that becomes the card; new or empty.", show_default=False)],
    seed: Annotated[int, typer.Option(help="Another seed, other pictures and sounds.")] = 7,
    device: Annotated[str, typer.Option(help="Device number, 7 letters or digits.")] = "7012345",
    user: Annotated[str, typer.Option(help="User (officer) number, 6 letters or digits.")] = "012345",
    start: Annotated[
        dt.datetime,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"],
            help="Start of the first take, by the recorder's local clock.",
        ),
    ] = DEMO_START,
    takes: Annotated[int, typer.Option(help="Takes; every second one begins with a pre-record overlap.")] = 2,
    segments: Annotated[int, typer.Option(help="Segments of each take.")] = 3,
    seconds: Annotated[int, typer.Option(help="Length of a segment.")] = 6,
    codec: Annotated[FootageFormat, typer.Option(help="Codec and container.")] = FootageFormat.H264,
    fault: Annotated[
        list[Fault] | None,
        typer.Option(metavar="NAME", help="A named fault, may be repeated; `ingestd sim faults` lists them."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole truth about the card as JSON.")] = False,
) -> None:
    """Write one card tree: DCIM folders, GA/T-style names, videos, a photo, a sound file, a log."""
    plan = CardPlan(
        seed=seed,
        device=device,
        user=user,
        start_local=start,
        takes=takes,
        segments=segments,
        segment_seconds=seconds,
        format=codec,
        faults=tuple(fault or ()),
    )
    truth = _write(plan, out)
    if as_json:
        emit_json(truth.to_json())
    else:
        _print(truth, out)


@sim_app.command("faults")
def faults(as_json: JsonOption = False) -> None:
    """List the named faults, what each does, and the finding that a station should raise for it."""
    if as_json:
        emit_json([{"fault": one.value, "code": one.code, "meaning": one.meaning} for one in Fault])
        return
    rows = [(one.value, one.code or "none, taken in", one.meaning) for one in Fault]
    table("Named faults", ["fault", "finding", "what it does"], rows)


def _write(plan: CardPlan, out: Path) -> CardTruth:
    if not errors.is_terminal:
        return write_card(plan, out)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("simulated card", total=None)

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, description=name.rsplit("/", 1)[-1][:48], completed=done, total=total)

        return write_card(plan, out, progress=show)


def _print(truth: CardTruth, out: Path) -> None:
    rows = [(one.path, one.kind, size(one.size_bytes), one.fault or "") for one in truth.files]
    table(f"{out}: recorder {truth.device}, user {truth.user}", ["file", "kind", "size", "fault"], rows, right=(2,))
    if not truth.expected:
        console.print("No fault: a station should find nothing.")
        return
    expected = []
    for one in truth.expected:
        severity = f" ({one.severity})" if one.severity else ""
        where = span(asdict(one) | {"scope": ""}, ZoneInfo(truth.zone))
        files = "\n".join(name.rsplit("/", 1)[-1] for name in one.files)
        expected.append((one.fault, f"{one.code or 'none, taken in'}{severity}", where, files))
    table("What a station should find", ["fault", "finding", "where", "files"], expected)
