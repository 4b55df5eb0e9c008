"""Accounts of the screens: what the register says of one, and which act a request leads to. Pure.

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ingestd.core.account_acts import (
    Change,
    Close,
    CloseSession,
    Enter,
    IssueLink,
    Lock,
    OpenSession,
    RefuseSession,
    RemoveCredential,
    Request,
    SetCredential,
    Told,
)
from ingestd.core.case_acts import refuse_station
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Right, Role, rights_of


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the register. Moments are UTC texts.

    Args:
        name: to sign in with, as of `account_acts.account_key`.
        person: as acts in the ledger have it.
        unit: whose footage it sees, with the units below; empty for the whole bureau.
        certificate: number of the enforcement certificate (执法证件编号); empty for none.
        closed_at: null while somebody may sign in.
    """

    name: str
    person: str
    roles: tuple[Role, ...]
    unit: str = ""
    certificate: str = ""
    entered_at: str = ""
    entered_by: str = ""
    closed_at: str | None = None
    closed_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody may sign in."""
        return self.closed_at is None

    @property
    def is_admin(self) -> bool:
        """Whether it may change accounts now."""
        return self.is_open and Right.ADMIN in rights_of(self.roles)


@dataclass(frozen=True, slots=True)
class Around:
    """What a decision needs besides the account.

    Args:
        units: names in the register of units.
        admins: accounts that may change accounts now.
    """

    units: Collection[str] = ()
    admins: Collection[str] = ()


_FIELDS: Final = ("person", "roles", "unit", "certificate")


def account_act(request: Request, account: Account | None, around: Around) -> Act:
    """The act that a request leads to.

    Args:
        account: what the register has of it; null for nothing.

    Raises:
        NotFoundError: no such account.
        RefusedError: it cannot be done so.
    """
    if isinstance(request, Lock | OpenSession | CloseSession | RefuseSession):
        return _told(request)
    refuse_station(request.by)
    by, name = request.by, request.account
    if isinstance(request, Enter):
        if account is not None:
            raise RefusedError(f"account {name} is in the register; a name is never given again")
        _check_unit(request.unit, around)
        data = request.model_dump(mode="json", include=set(_FIELDS))
        return Act(act="account.entered", actor=by, subject=name, data=data)
    standing = _open(account, name)
    match request:
        case Change():
            return Act(act="account.changed", actor=by, subject=name, data=_changes(request, standing, around))
        case Close():
            _keep_an_admin(standing, around)
            return Act(act="account.closed", actor=by, subject=name, data={"reason": request.reason})
        case IssueLink():
            data = {"expires_at": to_text(request.expires_at)}
            return Act(act="account.link_issued", actor=by, subject=name, data=data)
        case SetCredential():
            data = {"kind": request.kind, "label": request.label}
            return Act(act="account.credential_set", actor=by, subject=name, data=data)
        case RemoveCredential():
            data = {"kind": request.kind, "label": request.label}
            return Act(act="account.credential_removed", actor=by, subject=name, data=data)


def _changes(request: Change, standing: Account, around: Around) -> dict[str, Any]:
    asked = request.model_dump(mode="json", include=set(_FIELDS), exclude_none=True)
    before = _values(standing)
    after = {field: value for field, value in asked.items() if value != before[field]}
    if not after:
        raise RefusedError(f"account {standing.name} says so already")
    if "unit" in after:
        _check_unit(after["unit"], around)
    if "roles" in after and Right.ADMIN not in rights_of(map(Role, after["roles"])):
        _keep_an_admin(standing, around)
    return {"before": {field: before[field] for field in after}, "after": after, "reason": request.reason}


def applied(account: Account | None, act: Act, time: str) -> Account | None:
    """An account after an act about it; null where none is in the register.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    name, data = str(act.subject), act.data
    match act.act:
        case "account.entered":
            if account is not None:
                raise RefusedError(f"account {name} is in the register already")
            return account_of({"name": name, "entered_at": time, "entered_by": act.actor, **data})
        case "account.changed":
            standing = _open(account, name)
            return account_of(account_document(standing) | data["after"])
        case "account.closed":
            return replace(_open(account, name), closed_at=time, closed_reason=data["reason"])
        case _:
            return account


def account_document(account: Account) -> dict[str, Any]:
    """An account as JSON."""
    return {
        "name": account.name,
        **_values(account),
        "entered_at": account.entered_at,
        "entered_by": account.entered_by,
        "closed_at": account.closed_at,
        "closed_reason": account.closed_reason,
    }


def account_of(document: Mapping[str, Any]) -> Account:
    """The inverse of `account_document`."""
    return Account(**{**document, "roles": tuple(map(Role, document["roles"]))})


def _told(request: Told) -> Act:
    fields = request.model_dump(mode="json", exclude={"do", "account", "by", "at", "until"})
    moments = {"at": to_text(request.at)}
    if isinstance(request, Lock):
        moments["until"] = to_text(request.until)
    data, subject = fields | moments, request.account
    match request:
        case Lock():
            return Act(act="account.locked", subject=subject, data=data)
        case OpenSession():
            return Act(act="session.opened", actor=request.by, subject=subject, data=data)
        case CloseSession():
            return Act(act="session.closed", actor=request.by, subject=subject, data=data)
        case RefuseSession():
            return Act(act="session.refused", subject=subject, data=data)


def _values(account: Account) -> dict[str, Any]:
    values = {name: getattr(account, name) for name in _FIELDS}
    return values | {"roles": [role.value for role in account.roles]}


def _open(account: Account | None, name: str) -> Account:
    if account is None:
        raise NotFoundError(f"account {name} is not in the register", "see: ingestd account list")
    if not account.is_open:
        raise RefusedError(f"account {name} was closed: {account.closed_reason}")
    return account


def _check_unit(unit: str, around: Around) -> None:
    if unit and unit not in around.units:
        # A name that no recording carries would show nothing, and nobody would know why.
        raise RefusedError(f"unit {unit} is not in the register", f"enter it first: ingestd unit add {unit}")


def _keep_an_admin(account: Account, around: Around) -> None:
    if account.is_admin and not set(around.admins) - {account.name}:
        raise RefusedError(f"{account.name} is the last administrator", "make another one first")
