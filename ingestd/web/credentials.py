"""What people are known by: links with which a password is set once, passwords, PINs, cards, tokens.

That something was set is entered in the ledger first, by the station; then it is kept. Where the station does not
answer nothing is set.
"""

import secrets as randomness
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from ingestd.core.account_acts import Enter, IssueLink, RemoveCredential, SetCredential, account_key
from ingestd.core.accounts import Account
from ingestd.core.errors import RefusedError
from ingestd.core.roles import Right, Role, rights_of
from ingestd.core.sign_in_rules import card_fault, card_text, password_fault, password_text, pin_fault
from ingestd.stores.secrets import digest_of, new_link
from ingestd.web.console import Console, built
from ingestd.web.telling import event_id
from ingestd.web.visitors import Visitor

OPERATION: Final = "account"
_MOST_TOKEN_DAYS: Final = 366
_DAY_HOURS: Final = 24.0


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


LINK_GONE: Final = _("This link was used already, or its time is over. Ask an administrator for another one.")
_OTHER = _("The two passwords differ.")
_NOT_NOW = _("The password of now is wrong.")
_THERE = _("The bureau's directory keeps your password: change it there.")
_NO_DIRECTORY = _("There is no directory that would keep the password.")
_LAST_HERE = _("The last administrator with a password here keeps it, for the day when the directory is away.")
_TAKEN = _("This card belongs to another account.")
_NO_RIGHTS = _("A token needs a name, and at least one right that the account has.")
_DAYS = _("A token lasts from 1 to 366 days.")


@dataclass(frozen=True, slots=True)
class Link:
    """A link that still counts. `account` is null for the first administrator's."""

    key: str
    account: Account | None


@dataclass(frozen=True, slots=True)
class Made:
    """What is shown once: a link's or token's own words, and until when it counts (UTC text)."""

    words: str
    expires_at: str


# Links


def first_link(console: Console) -> Made:
    """A link for the first administrator; one made before counts no more. Ask `Gate.has_admin` before."""
    return _link(console, None)


def issue_link(console: Console, visitor: Visitor, account: Account) -> Made:
    """A link with which the person of an account sets a password, once.

    Raises:
        UnavailableError, RefusedError: the station does not enter it.
    """
    made = Made("", console.gate.later_text(console.settings.web.link_hours))
    fields = {"account": account.name, "expires_at": made.expires_at}
    console.act(OPERATION, [built(IssueLink, visitor, fields)])
    return _link(console, account.name)


def _link(console: Console, account: str | None) -> Made:
    expires_at = console.gate.later_text(console.settings.web.link_hours)
    return Made(new_link(console.gate.secrets, account, expires_at), expires_at)


def link_of(console: Console, key: str) -> Link:
    """The link of a key.

    Raises:
        RefusedError: it was used, or is too old, or never was.
    """
    row = console.gate.secrets.link(digest_of(key), console.gate.now_text()) if key else None
    if row is None:
        raise RefusedError(LINK_GONE)
    account = console.gate.account(row["account"]) if row["account"] is not None else None
    if (row["account"] is None and console.gate.has_admin()) or (row["account"] is not None and account is None):
        raise RefusedError(LINK_GONE)
    return Link(key, account)


def set_by_link(console: Console, link: Link, name: str, person: str, password: str, again: str) -> Account:
    """Set the password of a link's account; the first administrator's account is entered with it.

    Args:
        name, person: of the first administrator; of others they are known.

    Raises:
        RefusedError: the password cannot be one, or the account cannot be entered; the link still counts.
        UnavailableError: the station does not answer.
    """
    gate = console.gate
    who = link.account.person if link.account is not None else person
    account_name = link.account.name if link.account is not None else account_key(name)
    _check_new(password, again, account_name, who)
    visitor = Visitor(account_name, who, frozenset({Role.ADMIN}))
    acts: list[Any] = []
    if link.account is None:
        fields = {"account": account_name, "person": who, "roles": [Role.ADMIN]}
        acts.append(built(Enter, visitor, fields))
    acts.append(built(SetCredential, visitor, {"account": account_name, "kind": "password"}))
    if not gate.secrets.use_link(digest_of(link.key), gate.now_text()):
        raise RefusedError(LINK_GONE)
    try:
        console.act(OPERATION, acts)
    except BaseException:
        # Nothing was set with it: the person tries again with the same link.
        gate.secrets.put_link(digest_of(link.key), link.account.name if link.account else None, gate.later_text(1))
        raise
    _keep_password(console, account_name, password)
    gate.end_sessions(account_name, "credential_changed", by=who)
    standing = gate.account(account_name)
    if standing is None:
        raise RefusedError(LINK_GONE)
    return standing


# The own credentials


def change_password(console: Console, visitor: Visitor, now: str, password: str, again: str, *, own_key: str) -> None:
    """Change the own password; every other session of the account ends.

    Raises:
        RefusedError: the password of now is wrong, or the new one cannot be one, or the directory keeps it.
        UnavailableError: the station does not answer.
    """
    gate = console.gate
    if gate.has_directory and gate.secrets.digest(visitor.account, "password") is None:
        raise RefusedError(_THERE)
    _check_own(console, visitor, now)
    _check_new(password, again, visitor.account, visitor.person)
    console.act(OPERATION, [built(SetCredential, visitor, {"account": visitor.account, "kind": "password"})])
    _keep_password(console, visitor.account, password)
    console.gate.end_sessions(visitor.account, "credential_changed", by=visitor.person, but_key=own_key)


def set_pin(console: Console, visitor: Visitor, password: str, pin: str) -> None:
    """Set the own PIN for the dock's screen, or take it away with an empty one. The password is asked for again.

    Raises:
        RefusedError, UnavailableError: as of `change_password`.
    """
    _check_own(console, visitor, password)
    if not pin:
        _remove(console, visitor, visitor.account, "pin")
        return
    if fault := pin_fault(pin):
        raise RefusedError(fault)
    console.act(OPERATION, [built(SetCredential, visitor, {"account": visitor.account, "kind": "pin"})])
    gate = console.gate
    gate.secrets.set_credential(visitor.account, "pin", gate.hasher.digest(pin), gate.now_text())


# What an administrator does


def set_card(console: Console, visitor: Visitor, account: Account, card: str) -> None:
    """Give an account a card, or take it away with an empty number.

    Raises:
        RefusedError: it cannot be a card's number, or is another account's.
        UnavailableError: the station does not answer.
    """
    if not card:
        _remove(console, visitor, account.name, "card")
        return
    if fault := card_fault(card):
        raise RefusedError(fault)
    gate = console.gate
    digest = gate.card_digest(card_text(card))
    if gate.secrets.account_of("card", digest) not in (None, account.name):
        raise RefusedError(_TAKEN)
    console.act(OPERATION, [built(SetCredential, visitor, {"account": account.name, "kind": "card"})])
    gate.secrets.set_credential(account.name, "card", digest, gate.now_text())


def drop_password(console: Console, visitor: Visitor, account: Account) -> None:
    """Take the password away that is kept here, so that the directory's counts; the account's sessions end.

    Raises:
        RefusedError: there is no directory, or no administrator would have a password here: the way in when it is away.
        UnavailableError: it is taken away, and the station did not answer.
    """
    gate = console.gate
    if not gate.has_directory:
        raise RefusedError(_NO_DIRECTORY)
    left = gate.secrets.accounts_with("password") - {account.name}
    if account.is_admin and not any(one.is_admin and one.name in left for one in gate.accounts()):
        raise RefusedError(_LAST_HERE)
    _remove(console, visitor, account.name, "password")
    gate.end_sessions(account.name, "credential_changed", by=visitor.person)


def make_token(
    console: Console, visitor: Visitor, account: Account, label: str, rights: Collection[Right], days: int
) -> Made:
    """A token for the API: some of the account's rights for some days.

    Raises:
        RefusedError: rights that the account has not, or no name, or too long a time.
        UnavailableError: the station does not answer.
    """
    if not label or not rights or not set(rights) <= rights_of(account.roles):
        raise RefusedError(_NO_RIGHTS)
    if not 1 <= days <= _MOST_TOKEN_DAYS:
        raise RefusedError(_DAYS)
    gate, token = console.gate, f"ingestd_{randomness.token_urlsafe(32)}"
    fields = {"account": account.name, "kind": "token", "label": label}
    console.act(OPERATION, [built(SetCredential, visitor, fields)])
    made = Made(token, gate.later_text(days * _DAY_HOURS))
    gate.secrets.put_token(
        {
            "digest": digest_of(token),
            "token": event_id(),
            "account": account.name,
            "label": label,
            "rights": sorted(one.value for one in rights),
            "made_at": gate.now_text(),
            "expires_at": made.expires_at,
            "used_at": None,
        }
    )
    return made


def end_token(console: Console, visitor: Visitor, account: Account, token: str) -> None:
    """End a token at once, then have it entered.

    Raises:
        UnavailableError: it is ended, and the station did not answer.
    """
    label = next((one["label"] for one in console.gate.secrets.tokens_of(account.name) if one["token"] == token), "")
    if console.gate.secrets.end_token(account.name, token):
        fields = {"account": account.name, "kind": "token", "label": label}
        console.act(OPERATION, [built(RemoveCredential, visitor, fields)])


def _remove(console: Console, visitor: Visitor, account: str, kind: str) -> None:
    """What takes a right away is done first, whether the station answers or not."""
    if console.gate.secrets.remove_credential(account, kind):
        console.act(OPERATION, [built(RemoveCredential, visitor, {"account": account, "kind": kind})])


def _check_own(console: Console, visitor: Visitor, password: str) -> None:
    if not console.gate.is_password_of(visitor.account, password):
        raise RefusedError(_NOT_NOW)


def _check_new(password: str, again: str, account: str, person: str) -> None:
    if password_text(password) != password_text(again):
        raise RefusedError(_OTHER)
    if fault := password_fault(password, account, person):
        raise RefusedError(fault)


def _keep_password(console: Console, account: str, password: str) -> None:
    gate = console.gate
    gate.secrets.set_credential(account, "password", gate.hasher.digest(password_text(password)), gate.now_text())
