"""`ingestd hold suggest`: holds that complaints suggest, and what a person decides about each."""

from typing import Annotated, Any

import typer

from ingestd.answers.case_words import reason_documents, reason_words
from ingestd.answers.hold_words import scope_words
from ingestd.answers.suggestions import declining_fields, placing_fields, suggestion_for
from ingestd.answers.texts import counted
from ingestd.casework.hold_suggestions import HoldSuggestion, open_suggestions
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.hold_requests import built, perform
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.errors import RefusedError
from ingestd.core.hold_acts import Decline, Place
from ingestd.wiring import open_cases, open_holds


def suggest(
    config: ConfigOption = None,
    by: ByOption = "",
    accept: Annotated[str, typer.Option(help="Place what this complaint suggests, by its number.")] = "",
    review: Annotated[str, typer.Option("--review", help="With --accept: day on which somebody looks again.")] = "",
    decline: Annotated[str, typer.Option(help="No hold for this complaint, by its number.")] = "",
    reason: Annotated[str, typer.Option(help="With --decline: why.")] = "",
    also_settled: Annotated[bool, typer.Option("--all", help="Also complaints that are settled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Holds that complaints suggest, with the reasons; accept or decline one.

    Example: ingestd hold suggest --accept 2026-017 --review 2027-03-01
    """
    configuration = configuration_of(config)
    if accept and decline:
        raise typer.BadParameter("give one of them", param_hint="--accept / --decline")
    if accept:
        _accept(configuration, accept, by, review, as_json=as_json)
    elif decline:
        _decline(configuration, decline, by, reason)
    else:
        _show(configuration, also_settled=also_settled, as_json=as_json)


def _show(configuration: Configuration, *, also_settled: bool, as_json: bool) -> None:
    register, book = open_cases(configuration.settings), open_holds(configuration.settings)
    complaints = [one for one in register.complaints() if also_settled or one.settled_on is None]
    found = open_suggestions(register, book, complaints)
    if as_json:
        emit_json([_document(one) for one in found])
        return
    zone = configuration.settings.station.zone_info
    rows = [
        (
            one.complaint.number,
            one.complaint.received_on,
            one.complaint.about or "–",
            "; ".join(scope_words(scope, zone) for scope in one.scopes),
            len(one.footage),
            "; ".join(dict.fromkeys(reason_words(reasons) for _, reasons in one.footage)) or "–",
        )
        for one in found
    ]
    title = f"{counted(len(found), 'complaint')} that suggest a hold · 建议长期保存"
    table(title, ["complaint", "received", "about", "to hold", "footage", "why"], rows, right=(4,))


def _accept(configuration: Configuration, number: str, by: str, review: str, *, as_json: bool) -> None:
    if not review:
        raise RefusedError("a hold needs a day of review", "give it: --review 2027-03-01")
    found = suggestion_for(configuration.settings, number)
    requests = [built(Place, by, **fields, review_on=review) for fields in placing_fields(found)]
    answers = perform(configuration, requests)
    if as_json:
        emit_json(answers)
        return
    for answer in answers:
        covered = counted(answer["recordings"], "recording")
        console.print(f"Hold {answer['subject']} stands, {covered} · 已登记长期保存", markup=False)


def _decline(configuration: Configuration, number: str, by: str, reason: str) -> None:
    if not reason:
        raise RefusedError("say why no hold is needed", "give it: --reason …")
    found = suggestion_for(configuration.settings, number)
    perform(configuration, [built(Decline, by, **declining_fields(found), reason=reason)])
    console.print(
        f"No hold for complaint {number}; footage that comes later suggests it again · 不予保存", markup=False
    )


def _document(one: HoldSuggestion) -> dict[str, Any]:
    return {
        "complaint": one.complaint.number,
        "received_on": one.complaint.received_on.isoformat(),
        "about": one.complaint.about,
        "scopes": [scope.model_dump(mode="json") for scope in one.scopes],
        "holds": list(one.holds),
        "footage": [
            {"recording_id": row["recording_id"], "card_path": row["card_path"], "reasons": reason_documents(reasons)}
            for row, reasons in one.footage
        ],
    }
