"""`ingestd case`: cases, what was done in each, and the footage that belongs to them."""

import typer

from ingestd.cli.case_activities import enter_absence, enter_activity, link, remove_activity, unlink
from ingestd.cli.case_duties import due, missing, state_continuity, suggest
from ingestd.cli.case_files import import_cases
from ingestd.cli.case_register import add_case, change_case, close_case, list_cases, reopen_case, show_case

case_app = typer.Typer(
    help="Cases, what was done in each, and their footage · 案件. A worked day: docs/guide/cases.md.",
    no_args_is_help=True,
)
case_app.command("list")(list_cases)
case_app.command("show")(show_case)
case_app.command("add")(add_case)
case_app.command("change")(change_case)
case_app.command("close")(close_case)
case_app.command("reopen")(reopen_case)
case_app.command("activity")(enter_activity)
case_app.command("remove-activity")(remove_activity)
case_app.command("absence")(enter_absence)
case_app.command("link")(link)
case_app.command("unlink")(unlink)
case_app.command("suggest")(suggest)
case_app.command("missing")(missing)
case_app.command("due")(due)
case_app.command("continuity")(state_continuity)
case_app.command("import")(import_cases)
