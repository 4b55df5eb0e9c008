"""`ingestd unit`: units of the bureau, and organisations that it entrusts (委托)."""

from typing import Annotated

import typer

from ingestd.answers.case_words import history_documents
from ingestd.answers.texts import counted
from ingestd.cli.case_requests import ended, perform
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import emit_json, table
from ingestd.core.case_documents import document_of
from ingestd.core.case_requests import PutUnit
from ingestd.core.cases import Unit
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.wiring import open_cases

unit_app = typer.Typer(
    help="Units of the bureau, and organisations that it entrusts · 执法机构与受委托组织.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The unit's name, as rosters and cases have it.")]
ParentOption = Annotated[str | None, typer.Option(help="The unit above it; none for the bureau itself.")]
EntrustedOption = Annotated[
    bool | None, typer.Option("--entrusted/--own", help="Whether it is an organisation that the bureau entrusts.")
]
BasisOption = Annotated[str | None, typer.Option(help="The paper of the entrustment (委托书).")]
FromOption = Annotated[str | None, typer.Option("--from", help="First day, as 2026-01-01.")]
UntilOption = Annotated[str | None, typer.Option("--to", help="Last day.")]
NoteOption = Annotated[str | None, typer.Option(help="For people.")]


@unit_app.command("list")
def list_units(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The register of units.

    Example: ingestd unit list --json
    """
    register = open_cases(configuration_of(config).settings)
    units = register.units()
    if as_json:
        emit_json(
            [document_of(one) | {"history": history_documents(register.history(one.name))} for one in units.values()]
        )
        return
    table(
        counted(len(units), "unit"),
        ["name", "under", "", "basis", "from", "to", "note"],
        [
            (
                one.name,
                one.parent or "–",
                "entrusted · 受委托" if one.is_entrusted else "",
                one.basis,
                one.valid_from or "–",
                one.valid_to or "–",
                one.note,
            )
            for one in units.values()
        ],
    )


@unit_app.command("add")
def add_unit(
    name: NameArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    parent: ParentOption = None,
    entrusted: EntrustedOption = None,
    basis: BasisOption = None,
    valid_from: FromOption = None,
    valid_to: UntilOption = None,
    note: NoteOption = None,
) -> None:
    """Enter a unit, or an entrusted organisation under the bureau or a unit of it (海洋 2, 卫健 7, 34, 35, 江门 50).

    Example: ingestd unit add 区渔政服务中心 --parent 执法一中队 --entrusted --basis 委托书〔2026〕3号
    """
    configuration = configuration_of(config)
    try:
        known = open_cases(configuration.settings).units()
    except NotFoundError:
        # A station that never ran has no register yet.
        known = dict[str, Unit]()
    if name in known:
        raise RefusedError(f"unit {name} is in the register already", "see: ingestd unit list")
    request = built(
        PutUnit,
        by,
        name=name,
        parent=parent,
        is_entrusted=entrusted,
        basis=basis,
        valid_from=valid_from,
        valid_to=valid_to,
        note=note,
    )
    ended(perform(configuration, [request]), f"Unit {name} is in the register · 已登记")


@unit_app.command("change")
def change_unit(
    name: NameArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    parent: ParentOption = None,
    entrusted: EntrustedOption = None,
    basis: BasisOption = None,
    valid_from: FromOption = None,
    valid_to: UntilOption = None,
    note: NoteOption = None,
) -> None:
    """Change what the register says of a unit; what is not given stays. What was before stands in the ledger.

    Example: ingestd unit change 区渔政服务中心 --to 2026-12-31
    """
    configuration = configuration_of(config)
    if name not in open_cases(configuration.settings).units():
        raise NotFoundError(f"unit {name} is not in the register", "see: ingestd unit list")
    request = built(
        PutUnit,
        by,
        name=name,
        parent=parent,
        is_entrusted=entrusted,
        basis=basis,
        valid_from=valid_from,
        valid_to=valid_to,
        note=note,
    )
    ended(perform(configuration, [request]), f"Unit {name} is changed · 已变更")
