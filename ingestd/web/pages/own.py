"""Signing in and out, and the language: pages for everybody."""

from starlette.responses import RedirectResponse, Response

from ingestd.core.errors import RefusedError, UnavailableError
from ingestd.core.roles import Right
from ingestd.web.app import LANGUAGE_COOKIE, SESSION_COOKIE
from ingestd.web.languages import LANGUAGES
from ingestd.web.visit import Page, Visit

_A_YEAR_SECONDS = 365 * 86400


def sign_in(visit: Visit) -> Response:
    """The form for name and password."""
    return visit.page("sign_in.html", next=local_path(visit.query.get("next", "/")), fault="", account="")


def signed_in(visit: Visit) -> Response:
    """Open a session, always a new one: what the browser brought is never taken over."""
    gate, before = visit.console.gate, visit.request.cookies.get(SESSION_COOKIE, "")
    browser = visit.request.headers.get("user-agent", "")
    onwards = local_path(visit.text("next", "/"))
    try:
        typed = str(visit.form.get("password", ""))
        opened = gate.sign_in(visit.text("account"), typed, address=address_of(visit), browser=browser)
    except RefusedError as error:
        return visit.page("sign_in.html", 403, next=onwards, fault=error.message, account=visit.text("account"))
    except UnavailableError as error:
        return visit.page("sign_in.html", 503, next=onwards, fault=error.message, account=visit.text("account"))
    gate.sign_out(before)
    answer = visit.go(onwards)
    keep_session(answer, visit, opened.key)
    return answer


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.console.gate.sign_out(visit.request.cookies.get(SESSION_COOKIE, ""))
    answer = visit.go("/sign-in")
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def language(visit: Visit) -> Response:
    """The other language, and back to where one was."""
    answer = RedirectResponse(local_path(visit.query.get("next", "/")), 303)
    chosen = visit.query.get("to", "")
    if chosen in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_A_YEAR_SECONDS, samesite="lax", httponly=True)
    return answer


def address_of(visit: Visit) -> str:
    """Where whoever asks is."""
    return visit.request.client.host if visit.request.client else ""


def keep_session(answer: Response, visit: Visit, key: str) -> None:
    """Tell the browser the key of a session that was just opened."""
    is_secure = visit.console.settings.web.certificate is not None
    answer.set_cookie(SESSION_COOKIE, key, httponly=True, samesite="strict", secure=is_secure)


def local_path(path: str) -> str:
    """A path of this console; whoever names another place goes to the first page."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_own else "/"


PAGES = (
    Page("/sign-in", sign_in, None),
    Page("/sign-in", signed_in, None, ("POST",)),
    Page("/sign-out", sign_out, Right.SIGNED_IN, ("POST",)),
    Page("/language", language, None),
)
