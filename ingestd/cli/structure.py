"""`ingestd structure`: how a recorder usually builds and encodes its files, by its recordings in the catalogue."""

from typing import Annotated, Any

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, counted, emit_json, table
from ingestd.core.errors import NotFoundError
from ingestd.core.facts import MediaFacts
from ingestd.core.siblings import ENOUGH_REFERENCES, usual
from ingestd.core.structure import StructureFacts, fingerprint
from ingestd.wiring import open_structures

structure_app = typer.Typer(
    help="How recorders usually build their files, which edited ones are told by · 文件结构特征.", no_args_is_help=True
)


@structure_app.command("show")
def show_structure(
    recorder: Annotated[str, typer.Argument(help="The recorder's number, as its file names carry it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the latest recordings of a recorder have in common; later ones are compared with it.

    Example: ingestd structure show 0000007 --json
    """
    rows = open_structures(configuration_of(config).settings).references(recorder)
    known = [(row["card_path"], MediaFacts.model_validate(row["facts"]).structure) for row in rows]
    files = [(path, structure) for path, structure in known if structure is not None]
    if not files:
        raise NotFoundError(f"no recording of {recorder} tells how it builds its files", "see: ingestd list --recorder")
    document = _document(recorder, files)
    if as_json:
        emit_json(document)
        return
    state = "enough to judge by" if document["is_enough"] else f"fewer than {ENOUGH_REFERENCES}: provisional · 参考不足"
    console.print(f"Recorder {recorder}: {counted(len(files), 'reference')}, {state}", markup=False)
    parts = [(name, ", ".join(value)) for name, value in document["usual"].items()]
    table("Usual structure", ["part", "usual"], parts)


def _document(recorder: str, files: list[tuple[str, StructureFacts]]) -> dict[str, Any]:
    prints = [fingerprint(structure)[0] for _, structure in files]
    habits = {name: usual(one.get(name) for one in prints) for name in sorted({name for one in prints for name in one})}
    # A single reference is its own habit.
    alone = dict(prints[0]) if len(prints) == 1 else {}
    common = {name: list(habit[0]) for name, habit in habits.items() if habit is not None and habit[0] is not None}
    return {
        "recorder": recorder,
        "is_enough": len(files) >= ENOUGH_REFERENCES,
        "references": [path for path, _ in files],
        "usual": common | {name: list(value) for name, value in alone.items()},
    }
