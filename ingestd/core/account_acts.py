"""What is asked of the register of accounts, and what is told of sessions: the requests, and the names of the acts.

No secret is ever in one of them: of a password, a PIN, a card or a token the ledger knows only that it was set.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from ingestd.core.case_requests import Moment
from ingestd.core.findtext import normal
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.roles import Role

ACCOUNT_ACTS: Final = (
    "account.entered",
    "account.changed",
    "account.closed",
    "account.link_issued",
    "account.credential_set",
    "account.credential_removed",
    "account.locked",
    "session.opened",
    "session.closed",
    "session.refused",
)
"""The acts about accounts and sessions."""

Kind = Literal["password", "pin", "card", "token"]
"""What somebody is known by."""
Via = Literal["password", "ldap", "oidc"]
"""By what somebody signed in."""
Why = Literal["signed_out", "ended", "credential_changed", "account_closed"]
"""Why a session was closed: by its person, from elsewhere, or because of what changed. One that nobody used ends too,
without an act: nobody did anything."""

AccountName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^[\w][\w.@-]*$"),
    AfterValidator(lambda name: account_key(name)),
]
"""A sign-in name: letters and digits of any script, and `.`, `_`, `-`, `@`."""
Roles = Annotated[tuple[Role, ...], Field(min_length=1, max_length=len(Role))]


def account_key(name: str) -> str:
    """A sign-in name as it is kept: whatever way it is typed, it is one account."""
    return normal(name)


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    account: AccountName


class Enter(_Request):
    """Enter an account. `unit`: whose footage it sees, with the units below; empty for the whole bureau."""

    do: Literal["enter"] = "enter"
    person: Words
    roles: Roles
    unit: Text = ""
    certificate: Text = ""


class Change(_Request):
    """Change what the register says of an account; null leaves a field as it is."""

    do: Literal["change"] = "change"
    person: Words | None = None
    roles: Roles | None = None
    unit: Text | None = None
    certificate: Text | None = None
    reason: Text = ""


class Close(_Request):
    """Nobody signs in with this account any more. Its name is never given again."""

    do: Literal["close"] = "close"
    reason: Words


class IssueLink(_Request):
    """A link was issued with which the person sets a password, once."""

    do: Literal["issue_link"] = "issue_link"
    expires_at: Moment


class SetCredential(_Request):
    """Something that the person is known by was set. `label` tells several of a kind apart."""

    do: Literal["set_credential"] = "set_credential"
    kind: Kind
    label: Text = ""


class RemoveCredential(_Request):
    """Something that the person was known by counts no more."""

    do: Literal["remove_credential"] = "remove_credential"
    kind: Kind
    label: Text = ""


class _Told(BaseModel):
    """Something that happened at the console. `event` is its own id: what is told twice is entered once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{16,64}$")]
    account: AccountName | None
    at: Moment
    address: Text = ""


class Lock(_Told):
    """So many wrong tries that no more are taken for a while. `account` is null where an address is shut out."""

    do: Literal["lock"] = "lock"
    failures: int = Field(ge=1)
    until: Moment


class OpenSession(_Told):
    """Somebody signed in. `via`: by what."""

    do: Literal["open_session"] = "open_session"
    by: Words
    session: Text
    via: Via


class CloseSession(_Told):
    """A session was ended by somebody."""

    do: Literal["close_session"] = "close_session"
    by: Words
    session: Text
    why: Why


class RefuseSession(_Told):
    """A try that was refused. `account` is null where no account has that name: what was typed may be a password."""

    do: Literal["refuse_session"] = "refuse_session"
    why: Literal["unknown", "wrong", "closed"]


Told = Lock | OpenSession | CloseSession | RefuseSession
Register = Enter | Change | Close | IssueLink | SetCredential | RemoveCredential
Request = Register | Told
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""
TOLD: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="do")])
"""Reads from JSON what happened at a console."""
