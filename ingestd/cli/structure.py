"""`ingestd structure`: how a recorder usually builds and encodes its files, by its recordings in the catalogue."""

from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.core.errors import NotFoundError
from ingestd.core.facts import MediaFacts
from ingestd.core.siblings import ENOUGH_REFERENCES, usual
from ingestd.core.stop import Stop
from ingestd.core.structure import StructureFacts, fingerprint
from ingestd.core.structure_acts import ResetStructure
from ingestd.ipc import ask
from ingestd.pipeline.structures import reset_structure
from ingestd.wiring import open_parts, open_structures, writer_lock

structure_app = typer.Typer(
    help="How recorders usually build their files, which edited ones are told by · 文件结构特征.", no_args_is_help=True
)

RecorderArgument = Annotated[
    str, typer.Argument(help="The recorder's number, as its file names carry it; with --model a model.")
]
ModelOption = Annotated[bool, typer.Option("--model", help="All recorders that the register holds as of this model.")]


@structure_app.command("show")
def show_structure(
    recorder: RecorderArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    is_model: ModelOption = False,
) -> None:
    """What the latest recordings of a recorder have in common; later ones are compared with it.

    Example: ingestd structure show 0000007 --json
    """
    structures = open_structures(configuration_of(config).settings)
    rows = structures.references_of_model(recorder) if is_model else structures.references(recorder)
    resets = structures.resets(model=recorder) if is_model else structures.resets(recorder=recorder)
    known = [(row["card_path"], MediaFacts.model_validate(row["facts"]).structure) for row in rows]
    files = [(path, structure) for path, structure in known if structure is not None]
    if not files and not resets:
        raise NotFoundError(f"no recording of {recorder} tells how it builds its files", "see: ingestd list --recorder")
    told = ("scope", "subject", "reset_at", "reset_by", "reason")
    document = _document(recorder, files) | {"resets": [{key: one[key] for key in told} for one in resets]}
    if as_json:
        emit_json(document)
        return
    state = "enough to judge by" if document["is_enough"] else f"fewer than {ENOUGH_REFERENCES}: provisional · 参考不足"
    what = "Model" if is_model else "Recorder"
    console.print(f"{what} {recorder}: {counted(len(files), 'reference')}, {state}", markup=False)
    for one in document["resets"]:
        words = f"  learned anew since {one['reset_at']}: {one['reason']} ({one['reset_by']}) · 已重置"
        console.print(words, markup=False, soft_wrap=True)
    parts = [(name, ", ".join(value)) for name, value in document["usual"].items()]
    table("Usual structure", ["part", "usual"], parts)


@structure_app.command("reset")
def reset_learned(
    recorder: RecorderArgument,
    reason: Annotated[str, typer.Option(help="Why, as a new firmware.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    is_model: ModelOption = False,
    by: ByOption = "",
) -> None:
    """Learn anew: recordings that were sealed until now are not compared with any more. Findings that stand stay.

    Example: ingestd structure reset 0000007 --reason "firmware 2.1" --by 张三
    """
    configuration = configuration_of(config)
    scope = "model" if is_model else "recorder"
    request = built(ResetStructure, by, scope=scope, subject=recorder, reason=reason)
    if is_station_running(configuration.settings):
        document = {"op": "structure", "request": request.model_dump(mode="json")}
        answer = ask(configuration.settings.socket_file, document)
    else:
        with writer_lock(configuration.settings), open_parts(configuration, Stop()) as parts:
            answer = reset_structure(request, parts.chronicle)
    if as_json:
        emit_json(answer)
        return
    console.print(f"What was learned of {recorder} counts no more from now on · 已重置", markup=False)


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
