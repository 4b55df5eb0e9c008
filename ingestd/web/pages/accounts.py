"""Accounts: the first administrator, one's own account, and the register that administrators keep."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from ingestd.core.account_acts import Change, Close, Enter
from ingestd.core.accounts import Account, account_document
from ingestd.core.clock import from_text
from ingestd.core.errors import IngestdError, NotFoundError, RefusedError
from ingestd.core.roles import Right, Role, rights_of
from ingestd.web import credentials
from ingestd.web.account_words import (
    ACCOUNT_ACT_WORDS,
    CREDENTIAL_WORDS,
    RIGHT_WORDS,
    ROLE_WORDS,
    refusal_words,
    scope_words,
)
from ingestd.web.app import SESSION_COOKIE
from ingestd.web.console import built
from ingestd.web.credentials import OPERATION, Made
from ingestd.web.gate import token_documents
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_accounts, open_cases

_SHOWN_ACTS: Final = 30


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


# The link with which a password is set


def setup(visit: Visit) -> Response:
    """The form behind a link."""
    return _setup_form(visit, visit.query.get("key", ""), {}, "")


def set_up(visit: Visit) -> Response:
    """Set the password; the link is used up with it."""
    key, console = visit.text("key"), visit.console
    typed = {"account": visit.text("account"), "person": visit.text("person")}
    try:
        link = credentials.link_of(console, key)
        password, again = _secret(visit, "password"), _secret(visit, "again")
        account = credentials.set_by_link(console, link, typed["account"], typed["person"], password, again)
    except RefusedError as error:
        return _setup_form(visit, key, typed, _worded(visit, error))
    said = visit.t("The password is set. Sign in as: ") + account.name
    return visit.go("/sign-in", said=said)


def _setup_form(visit: Visit, key: str, typed: Mapping[str, str], fault: str) -> Response:
    try:
        link = credentials.link_of(visit.console, key)
    except RefusedError as error:
        return visit.page("accounts_setup.html", 404, link=None, typed={}, fault=_worded(visit, error))
    return visit.page("accounts_setup.html", 409 if fault else 200, link=link, typed=typed, fault=fault)


# The own account


def own(visit: Visit) -> Response:
    """One's own account: password, PIN, sessions."""
    return _own_page(visit, "")


def change_own(visit: Visit) -> Response:
    """Change something of one's own account."""
    console, visitor, key = visit.console, visit.visitor, visit.request.cookies.get(SESSION_COOKIE, "")
    password = _secret(visit, "password")
    try:
        match visit.text("do"):
            case "password":
                new, again = _secret(visit, "new"), _secret(visit, "again")
                credentials.change_password(console, visitor, password, new, again, own_key=key)
                said = _("The password is changed.")
            case "pin":
                credentials.set_pin(console, visitor, password, visit.text("pin"))
                said = _("The PIN is set.") if visit.text("pin") else _("The PIN is taken away.")
            case "end":
                console.gate.end_session(visitor.account, visit.text("session"), by=visitor.person)
                said = _("The session is ended.")
            case "end_others":
                console.gate.end_sessions(visitor.account, "ended", by=visitor.person, but_key=key)
                said = _("All other sessions are ended.")
            case _:
                raise RefusedError(_NOTHING)
    except RefusedError as error:
        return _own_page(visit, _worded(visit, error))
    return visit.go("/account", said=visit.t(said))


def _own_page(visit: Visit, fault: str) -> Response:
    gate, visitor = visit.console.gate, visit.visitor
    return visit.page(
        "accounts_own.html",
        409 if fault else 200,
        fault=fault,
        doing=visit.text("do"),
        kinds=gate.secrets.kinds(visitor.account),
        is_there=gate.has_directory and gate.secrets.digest(visitor.account, "password") is None,
        sessions=gate.sessions(visitor.account, visit.request.cookies.get(SESSION_COOKIE, "")),
        role_words=ROLE_WORDS,
        scope=scope_words(visitor.roles, visitor.unit or ""),
    )


# The register


def register(visit: Visit) -> Response:
    """All accounts."""
    gate = visit.console.gate
    able = gate.secrets.accounts_with("password")
    return visit.page(
        "accounts_list.html",
        accounts=sorted(gate.accounts(), key=lambda one: (not one.is_open, one.name)),
        able=able,
        has_directory=gate.has_directory,
        waiting=len(gate.secrets.waiting()),
        scope_words=scope_words,
        role_words=ROLE_WORDS,
    )


def new(visit: Visit) -> Response:
    """The form for another account."""
    return _new_page(visit, {}, "")


def enter(visit: Visit) -> Response:
    """Enter an account, and go to it for its link."""
    fields = _fields(visit)
    try:
        request = built(Enter, visit.visitor, {"account": visit.text("account"), **fields})
        visit.console.act(OPERATION, [request])
    except RefusedError as error:
        return _new_page(visit, {"account": visit.text("account"), **fields}, _worded(visit, error))
    said = visit.t("The account is entered. Make a link, with which the person sets a password.")
    if visit.console.gate.has_directory:
        said = visit.t("The account is entered. The directory checks its password.")
    return visit.go(f"/accounts/{request.account}", said=said)


def _new_page(visit: Visit, typed: Mapping[str, Any], fault: str) -> Response:
    return visit.page("accounts_new.html", 409 if fault else 200, typed=typed, fault=fault, **_choices(visit))


def account(visit: Visit) -> Response:
    """One account."""
    return _account_page(visit, _named(visit))


def change(visit: Visit) -> Response:
    """Do something about one account."""
    named = _named(visit)
    deed = _DEEDS.get(visit.text("do"))
    try:
        if deed is None:
            raise RefusedError(_NOTHING)
        done = deed(visit, named)
    except RefusedError as error:
        return _account_page(visit, named, fault=_worded(visit, error))
    if isinstance(done, Made):
        # Shown once, in the answer to this form: a page of its own could be asked for twice.
        return _account_page(visit, _named(visit), made=done)
    return visit.go(f"/accounts/{named.name}", said=visit.t(done))


def _changed(visit: Visit, named: Account) -> str:
    visit.console.act(OPERATION, [built(Change, visit.visitor, {"account": named.name, **_fields(visit)})])
    return _("The account is changed.")


def _closed(visit: Visit, named: Account) -> str:
    request = built(Close, visit.visitor, {"account": named.name, "reason": visit.text("reason")})
    visit.console.act(OPERATION, [request])
    visit.console.gate.end_sessions(named.name, "account_closed", by=visit.visitor.person)
    return _("The account is closed.")


def _linked(visit: Visit, named: Account) -> Made:
    made = credentials.issue_link(visit.console, visit.visitor, named)
    return Made(str(visit.request.base_url).rstrip("/") + made.words, made.expires_at)


def _password_dropped(visit: Visit, named: Account) -> str:
    credentials.drop_password(visit.console, visit.visitor, named)
    return _("The password here is taken away; the directory keeps it from now on.")


def _card(visit: Visit, named: Account) -> str:
    card = visit.text("card")
    credentials.set_card(visit.console, visit.visitor, named, card)
    return _("The card is entered.") if card else _("The card is taken away.")


def _token(visit: Visit, named: Account) -> Made:
    days = visit.text("days")
    rights = [one for one in Right if one.value in visit.texts("rights")]
    count = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0
    return credentials.make_token(visit.console, visit.visitor, named, visit.text("label"), rights, count)


def _token_ended(visit: Visit, named: Account) -> str:
    credentials.end_token(visit.console, visit.visitor, named, visit.text("token"))
    return _("The token is ended.")


def _sessions_ended(visit: Visit, named: Account) -> str:
    visit.console.gate.end_sessions(named.name, "ended", by=visit.visitor.person)
    return _("All sessions of this account are ended.")


_NOTHING = _("This form asks for nothing that can be done here.")
_DEEDS: Final[Mapping[str, Callable[[Visit, Account], str | Made]]] = {
    "change": _changed,
    "close": _closed,
    "link": _linked,
    "drop_password": _password_dropped,
    "card": _card,
    "token": _token,
    "end_token": _token_ended,
    "end_sessions": _sessions_ended,
}


def _account_page(visit: Visit, named: Account, *, fault: str = "", made: Made | None = None) -> Response:
    gate = visit.console.gate
    held = rights_of(named.roles)
    return visit.page(
        "accounts_one.html",
        409 if fault else 200,
        account=named,
        fields=account_document(named),
        fault=fault,
        made=made,
        doing=visit.text("do"),
        kinds=gate.secrets.kinds(named.name),
        has_directory=gate.has_directory,
        tokens=token_documents(gate.secrets.tokens_of(named.name)),
        is_over=lambda moment: from_text(moment) <= visit.console.clock.now(),
        sessions=gate.sessions(named.name),
        acts=_acts(visit, named.name),
        act_words=ACCOUNT_ACT_WORDS,
        credential_words=CREDENTIAL_WORDS,
        rights=[one for one in Right if one in held],
        right_words=RIGHT_WORDS,
        **_choices(visit),
    )


def _acts(visit: Visit, name: str) -> list[dict[str, Any]]:
    return open_accounts(visit.console.settings).history(name, limit=_SHOWN_ACTS)


def _named(visit: Visit) -> Account:
    name = str(visit.path["account"])
    found = next((one for one in visit.console.gate.accounts() if one.name == name), None)
    if found is None:
        raise NotFoundError(f"account {name} is not in the register")
    return found


def _fields(visit: Visit) -> dict[str, Any]:
    return {
        "person": visit.text("person"),
        "roles": [one for one in visit.texts("roles") if one in set(Role)],
        "unit": visit.text("unit"),
        "certificate": visit.text("certificate"),
    }


def _choices(visit: Visit) -> dict[str, Any]:
    try:
        units = sorted(open_cases(visit.console.settings).units())
    except IngestdError:
        # Without a catalogue there is no register of units yet.
        units = []
    return {"units": units, "roles": list(Role), "role_words": ROLE_WORDS}


def _worded(visit: Visit, error: RefusedError) -> str:
    return refusal_words(error.message, visit.t)


def _secret(visit: Visit, name: str) -> str:
    """A field as it was typed: blanks at the ends belong to a password."""
    value = visit.form.get(name, "")
    return value if isinstance(value, str) else ""


PAGES = (
    Page("/setup", setup, None),
    Page("/setup", set_up, None, ("POST",)),
    Page("/account", own, Right.SIGNED_IN),
    Page("/account", change_own, Right.SIGNED_IN, ("POST",)),
    Page("/accounts", register, Right.ADMIN),
    Page("/accounts/@new", new, Right.ADMIN),
    Page("/accounts/@new", enter, Right.ADMIN, ("POST",)),
    Page("/accounts/{account}", account, Right.ADMIN),
    Page("/accounts/{account}", change, Right.ADMIN, ("POST",)),
)
