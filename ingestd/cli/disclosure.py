"""`ingestd disclosure`: requests for disclosure of information (信息公开申请), and their term of working days."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ingestd.answers.register_words import disclosure_answer
from ingestd.answers.texts import counted
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.disclosures import Ground, Outcome
from ingestd.core.register_acts import AnswerDisclosure, EnterDisclosure, Request
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import open_parts, open_registers, register_desk, writer_lock

disclosure_app = typer.Typer(
    help="Requests for disclosure of information (信息公开申请), each with its last day.", no_args_is_help=True
)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The request's number.")]


@disclosure_app.command("list")
def list_disclosures(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is to be answered.")] = False,
) -> None:
    """The register, the earliest received first.

    Example: ingestd disclosure list --open
    """
    configuration = configuration_of(config)
    today = SystemClock().now().astimezone(configuration.settings.station.zone_info).date()
    book = open_registers(configuration.settings)
    found = book.disclosures(is_open=True if only_open else None)
    told = [disclosure_answer(one, configuration.workdays, today) for one in found]
    if as_json:
        emit_json(told)
        return
    table(
        f"{counted(len(told), 'request')} for disclosure · 信息公开申请",
        ["number", "received", "applicant", "asked", "last day", "state", "left", "outcome"],
        [
            (
                one["number"],
                one["received_on"],
                one["applicant"],
                one["asked"],
                one["due_on"] if one["is_calendar_whole"] else f"{one['due_on']} (weekends only · 仅扣除周末)",
                one["state_words"],
                "–" if one["workdays_left"] is None else one["workdays_left"],
                one["outcome_words"] or "–",
            )
            for one in told
        ],
        right=(6,),
    )


@disclosure_app.command("add")
def add_disclosure(
    number: NumberArgument,
    received: Annotated[str, typer.Option("--received", help="Day on which it came, as 2026-03-02.")],
    applicant: Annotated[str, typer.Option(help="Who asks.")],
    asked: Annotated[str, typer.Option(help="For what, in words.")],
    config: ConfigOption = None,
    by: ByOption = "",
    unit: Annotated[str, typer.Option(help="The unit that deals with it.")] = "",
) -> None:
    """Enter a request; its term runs from the day on which it came.

    Example: ingestd disclosure add 2026-3 --received 2026-03-02 --applicant 张某 --asked 3月2日现场检查录像
    """
    request = built(
        EnterDisclosure, by, number=number, received_on=received, applicant=applicant, asked=asked, unit=unit
    )
    _perform(configuration_of(config), [request])
    console.print(f"Request {number} is in the register · 已登记", markup=False, soft_wrap=True)


@disclosure_app.command("answer")
def answer_disclosure(
    number: NumberArgument,
    on: Annotated[str, typer.Option("--on", help="Day of the answer, as 2026-03-20.")],
    outcome: Annotated[Outcome, typer.Option(help="What was answered.")],
    config: ConfigOption = None,
    by: ByOption = "",
    ground: Annotated[Ground | None, typer.Option(help="Why not all of it; unless all is disclosed.")] = None,
    words: Annotated[str, typer.Option(help="The answer in words.")] = "",
    recording: Annotated[
        list[str] | None, typer.Option("--recording", help="That it is about, as in `ingestd show`; may be repeated.")
    ] = None,
    redaction: Annotated[
        list[str] | None, typer.Option("--redaction", help="A redacted copy, by name or SHA-256; may be repeated.")
    ] = None,
    correction: Annotated[str, typer.Option(help="Why an answer that was entered is put right.")] = "",
) -> None:
    """Enter the answer to a request.

    Example: ingestd disclosure answer 2026-3 --on 2026-03-20 --outcome part --ground third_party --words 遮挡后提供
    """
    request = built(
        AnswerDisclosure,
        by,
        number=number,
        on=on,
        outcome=outcome,
        ground=ground,
        answer=words,
        recordings=recording or (),
        redactions=redaction or (),
        correction=correction,
    )
    _perform(configuration_of(config), [request])
    console.print(f"Request {number} is answered · 已答复", markup=False, soft_wrap=True)


def _perform(configuration: Configuration, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Have acts entered, by the running station or here.

    Raises:
        NotFoundError, RefusedError: one cannot be followed; none was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "registers", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return register_desk(lambda: parts).enter(requests)
