"""`ingestd account`: who signs in to the console (账号), what they may do, and links with which passwords are set."""

import datetime as dt
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.account_requests import perform
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption
from ingestd.cli.hold_requests import built
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.account_acts import Change, Close, Enter, IssueLink, account_key
from ingestd.core.accounts import Account, account_document
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Role
from ingestd.stores.secrets import Secrets, new_link
from ingestd.wiring import open_accounts

account_app = typer.Typer(help="Accounts of the console · 账号.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]
PersonOption = Annotated[str | None, typer.Option(help="The person, as the ledger has it.")]
RoleOption = Annotated[list[Role] | None, typer.Option("--role", help="What the person is; repeatable.")]
UnitOption = Annotated[str | None, typer.Option(help="Whose footage is seen, with the units below; else the bureau's.")]
CertificateOption = Annotated[str | None, typer.Option(help="Number of the enforcement certificate (执法证件编号).")]


@account_app.command("list")
def list_accounts(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The register of accounts, closed ones too.

    Example: ingestd account list --json
    """
    settings = configuration_of(config).settings
    found = open_accounts(settings).accounts()
    # Looking must not make the console's own file.
    able = Secrets(settings.secrets_file).accounts_with("password") if settings.secrets_file.exists() else set()
    if as_json:
        emit_json([account_document(one) | {"has_password": one.name in able} for one in found])
        return
    rows = [
        (
            one.name,
            one.person,
            ", ".join(f"{role} · {role.zh}" for role in one.roles),
            one.unit or "all · 全局",
            one.certificate or "–",
            _state(one, has_password=one.name in able),
        )
        for one in found
    ]
    table(counted(len(found), "account"), ["name", "person", "roles", "unit", "certificate", "state"], rows)


@account_app.command("add")
def add(
    name: NameArgument,
    person: Annotated[str, typer.Option(help="The person, as the ledger has it.")],
    role: Annotated[list[Role], typer.Option("--role", help="What the person is; repeatable.")],
    config: ConfigOption = None,
    by: ByOption = "",
    unit: UnitOption = None,
    certificate: CertificateOption = None,
) -> None:
    """Enter an account. Nobody can sign in with it before a link set its password.

    Example: ingestd account add zhaomin --person 赵敏 --role archivist
    """
    request = built(Enter, by, account=name, person=person, roles=role, unit=unit or "", certificate=certificate or "")
    perform(configuration_of(config), [request])
    console.print(f"Account {request.account} is entered · 已建立. Next: ingestd account link {request.account}",
                  markup=False, soft_wrap=True)  # fmt: skip


@account_app.command("change")
def change(
    name: NameArgument,
    config: ConfigOption = None,
    by: ByOption = "",
    person: PersonOption = None,
    role: RoleOption = None,
    unit: Annotated[str | None, typer.Option(help="Whose footage is seen; empty for the whole bureau.")] = None,
    certificate: CertificateOption = None,
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.")] = "",
) -> None:
    """Change what the register says of an account; what is not given stays. It counts at once.

    Example: ingestd account change zhaomin --role archivist --role head
    """
    fields: dict[str, Any] = {"person": person, "roles": role, "unit": unit, "certificate": certificate}
    request = built(Change, by, account=name, reason=reason, **fields)
    perform(configuration_of(config), [request])
    console.print(f"Account {request.account} is changed · 已变更", markup=False)


@account_app.command("close")
def close(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger.")],
    config: ConfigOption = None,
    by: ByOption = "",
) -> None:
    """Nobody signs in with this account any more, its sessions end, and its name is never given again.

    Example: ingestd account close zhaomin --reason 调离
    """
    request = built(Close, by, account=name, reason=reason)
    perform(configuration_of(config), [request])
    console.print(f"Account {request.account} is closed · 已停用", markup=False)


@account_app.command("link")
def link(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The account; none for the first administrator.")] = "",
    config: ConfigOption = None,
    by: ByOption = "",
    address: Annotated[str, typer.Option(help="Of the console, as the person's browser reaches it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """A link with which a person sets a password, once. Those that the account had before count no more.

    Example: ingestd account link zhaomin
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    until = SystemClock().now() + dt.timedelta(hours=settings.web.link_hours)
    secrets = Secrets(settings.secrets_file)
    if name:
        perform(configuration, [built(IssueLink, by, account=name, expires_at=until)])
    elif _able_admins(configuration, secrets):
        raise RefusedError("an administrator can sign in already", "name an account: ingestd account link NAME")
    path = new_link(secrets, account_key(name) if name else None, to_text(until))
    words = (address.rstrip("/") or _address(configuration)) + path
    if as_json:
        emit_json({"account": account_key(name) or None, "link": words, "expires_at": to_text(until)})
        return
    console.print(words, markup=False, soft_wrap=True)


def _able_admins(configuration: Configuration, secrets: Secrets) -> bool:
    try:
        admins = open_accounts(configuration.settings).admins()
    except NotFoundError:
        return False
    return bool(admins & secrets.accounts_with("password"))


def _address(configuration: Configuration) -> str:
    web = configuration.settings.web
    host = f"[{web.host}]" if ":" in web.host else web.host
    return f"{'http' if web.certificate is None else 'https'}://{host}:{web.port}"


def _state(one: Account, *, has_password: bool) -> str:
    if not one.is_open:
        return f"closed: {one.closed_reason} · 已停用"
    return "in use · 启用中" if has_password else "without a password · 未设密码"
