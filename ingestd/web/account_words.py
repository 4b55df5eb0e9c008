"""Words for roles, rights and acts of accounts; the console translates them where they are shown."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from ingestd.core.roles import RIGHTS, Right, Role, rights_of
from ingestd.core.visibility import sees_own_only


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role.OFFICER: _("Enforcement officer"),
    Role.CUSTODIAN: _("Custodian"),
    Role.ARCHIVIST: _("Archivist"),
    Role.HEAD: _("Head of the bureau or unit"),
    Role.AUDITOR: _("Auditor"),
    Role.INSPECTOR: _("External inspector"),
    Role.ADMIN: _("Administrator"),
}

RIGHT_WORDS: Final[Mapping[Right, str]] = {
    Right.SIGNED_IN: _("the own account"),
    Right.DOCK: _("the dock's screen"),
    Right.SEE: _("look things up"),
    Right.PLAY: _("play recordings"),
    Right.ASK_ACCESS: _("ask for access"),
    Right.APPROVE_ACCESS: _("approve access"),
    Right.SETTLE: _("settle identity and registration"),
    Right.EXPLAIN: _("explain findings"),
    Right.CASES: _("enter and link cases"),
    Right.HOLD: _("place holds"),
    Right.RELEASE_HOLD: _("release holds"),
    Right.DISPOSAL: _("plan disposals"),
    Right.APPROVE_DISPOSAL: _("approve disposals"),
    Right.INSPECT: _("check samples"),
    Right.DRAW: _("draw samples"),
    Right.REGISTERS: _("keep registers"),
    Right.STATISTICS: _("see statistics"),
    Right.VIEWS: _("see the register of views"),
    Right.AUDIT: _("audit the ledger"),
    Right.ADMIN: _("manage accounts"),
}

ACCOUNT_ACT_WORDS: Final[Mapping[str, str]] = {
    "account.entered": _("account entered"),
    "account.changed": _("account changed"),
    "account.closed": _("account closed"),
    "account.link_issued": _("link issued"),
    "account.credential_set": _("credential set"),
    "account.credential_removed": _("credential removed"),
    "account.locked": _("shut out for a while"),
    "session.opened": _("signed in"),
    "session.closed": _("session ended"),
    "session.refused": _("sign-in refused"),
}

_REFUSALS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"account (\S+) is in the register",
            _("Account {0} is in the register already; a name is never given again."),
        ),
        (r"account (\S+) was closed", _("Account {0} was closed.")),
        (r"account (\S+) says so already", _("The register says so already.")),
        (r"unit (.+) is not in the register", _("Unit {0} is not in the register of units.")),
        (r"(\S+) is the last administrator", _("{0} is the last administrator: make another one first.")),
        (r"account: ", _("This cannot be an account's name: letters, digits and . _ - @ only.")),
        (r"roles: ", _("Give the account one role at least.")),
        (r"person: ", _("Give the person's name.")),
        (r"reason: ", _("Say why.")),
    )
)


_WHOLE, _OWN = _("the whole bureau"), _("the own recordings")
_DRAWN, _NOTHING = _("the drawn samples"), _("no footage")


def scope_words(roles: Collection[Role], unit: str) -> str:
    """Whose footage an account sees; the name of its unit where that is what counts."""
    if sees_own_only(roles):
        return _OWN
    if any(Right.SEE in RIGHTS[role] for role in roles):
        return unit or _WHOLE
    return _DRAWN if Right.INSPECT in rights_of(roles) else _NOTHING


def refusal_words(message: str, t: Callable[[str], str]) -> str:
    """Why something about accounts cannot be done, translated; one that is not in the table as the station words it."""
    for pattern, words in _REFUSALS:
        if found := pattern.match(message):
            return t(words).format(*found.groups())
    return t(message)


CREDENTIAL_WORDS: Final[Mapping[str, str]] = {
    "password": _("password"),
    "pin": _("PIN"),
    "card": _("identity card"),
    "token": _("API token"),
}
