"""`ingestd sample`: samples (抽检) as they stand, and whether each was drawn as its list and its seed say."""

from typing import Annotated, Any

import typer

from ingestd.answers.samples import STATE_WORDS, checked_draw
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.core.errors import ExitStatus
from ingestd.core.sample_acts import item_document, sample_document
from ingestd.core.samples import Sample
from ingestd.stores.vault import Vault
from ingestd.wiring import open_samples

sample_app = typer.Typer(
    help="Samples (抽检): drawn by a seed of the ledger from a frozen list; see docs/design/samples.md.",
    no_args_is_help=True,
)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="As `sample list` has it: S2026-0001.")]


@sample_app.command("list")
def list_samples(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    after: Annotated[str, typer.Option(help="Go on behind this number.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
) -> None:
    """The register of samples, the newest first.

    Example: ingestd sample list
    """
    settings = configuration_of(config).settings
    book = open_samples(settings)
    found = book.samples(after=after, limit=limit)
    progress = book.progress([one.number for one in found])
    if as_json:
        emit_json([sample_document(one) | _progress(progress.get(one.number, (0, 0))) for one in found])
        return
    zone = settings.station.zone_info
    rows = [
        (
            one.number,
            one.title,
            " · ".join(STATE_WORDS[one.state]),
            local_time(one.frozen_at, zone)[:16],
            one.listed,
            "{1} / {0}".format(*progress.get(one.number, (0, 0))),
        )
        for one in found
    ]
    table(
        counted(len(found), "sample"), ["number", "title", "state", "frozen", "listed", "checked"], rows, right=(4, 5)
    )


@sample_app.command("show")
def show(number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One sample with its items and what was said of each.

    Example: ingestd sample show S2026-0001
    """
    settings = configuration_of(config).settings
    book = open_samples(settings)
    sample, items = book.sample(number), book.items(number)
    if as_json:
        emit_json(sample_document(sample) | {"items": [item_document(one) for one in items]})
        return
    rows = [
        (one.item, one.recording_id, one.unit or "–", one.person or "–", one.outcome.value if one.outcome else "–")
        for one in items
    ]
    table(_title(sample), ["item", "recording", "unit", "inspector", "outcome"], rows, right=(0,))


@sample_app.command("check")
def check(number: NumberArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Draw again from the frozen list and the ledger's seed, and compare. Exit status 6 where anything differs.

    Example: ingestd sample check S2026-0001 --json
    """
    settings = configuration_of(config).settings
    book = open_samples(settings)
    sample, items = book.sample(number), book.items(number)
    found = checked_draw(Vault(settings.vault_dir), sample, items)
    if as_json:
        emit_json(found.document(sample))
    else:
        console.print(_title(sample), markup=False, soft_wrap=True)
        console.print(
            f"list {sample.list_path}, {found.listed} recordings, SHA-256 {sample.list_sha256}", soft_wrap=True
        )
        if sample.seed_seq is not None:
            console.print(f"seed {sample.seed}, the hash of entry {sample.seed_seq}", soft_wrap=True)
        for fault in found.faults:
            console.print(f"  {fault}", style="red", markup=False, soft_wrap=True)
        if not found.faults:
            words = "The draw is the one of list and seed · 抽取结果与清单、种子一致"
            console.print(
                words if found.is_drawn else "Not drawn yet; the list is whole · 尚未抽取，清单完整", style="green"
            )
    if found.faults:
        raise typer.Exit(ExitStatus.INTEGRITY)


def _title(sample: Sample) -> str:
    return f"{sample.number} {sample.title}: {' · '.join(STATE_WORDS[sample.state])}"


def _progress(counts: tuple[int, int]) -> dict[str, Any]:
    return {"items": counts[0], "checked": counts[1]}
