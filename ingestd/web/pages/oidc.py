"""Signing in by an identity provider: to it, and back from it. Pages for everybody."""

from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response

from ingestd.core.errors import NotFoundError, RefusedError, UnavailableError
from ingestd.web.app import SESSION_COOKIE
from ingestd.web.gate import NotVouchedError
from ingestd.web.pages.own import address_of, keep_session, local_path
from ingestd.web.visit import Page, Visit

if TYPE_CHECKING:
    from ingestd.web.oidc import Provider

_COOKIE: Final = "ingestd_oidc"
_TO: Final = "/sign-in/oidc"
_BACK: Final = "/sign-in/oidc/back"
_SECONDS: Final = 600


def to_provider(visit: Visit) -> Response:
    """Send the browser to the provider, with something to keep until it is back."""
    provider, onwards = _provider(visit), local_path(visit.query.get("next", "/"))
    try:
        visit.console.gate.check_address(address_of(visit))
        begun = provider.begin(onwards, _address(visit, provider))
    except (RefusedError, UnavailableError) as error:
        return _not_signed_in(visit, error, onwards)
    answer = RedirectResponse(begun.address, 303)
    is_secure = _address(visit, provider).startswith("https:")
    # Lax and not strict: the browser comes back from another place.
    answer.set_cookie(_COOKIE, begun.kept, max_age=_SECONDS, path=_TO, httponly=True, samesite="lax", secure=is_secure)
    return answer


def from_provider(visit: Visit) -> Response:
    """Open a session for whom the provider vouches for, where an account of that name was entered here."""
    provider, gate, here = _provider(visit), visit.console.gate, address_of(visit)
    browser = visit.request.headers.get("user-agent", "")
    answer: Response
    try:
        gate.check_address(here)
        vouched = provider.finish(visit.request.cookies.get(_COOKIE, ""), visit.query, _address(visit, provider))
        opened = gate.vouched(vouched.name, "oidc", address=here, browser=browser)
    except NotVouchedError as error:
        answer = _not_signed_in(visit, gate.refused(error.name, error.message, address=here))
    except (RefusedError, UnavailableError) as error:
        answer = _not_signed_in(visit, error)
    else:
        gate.sign_out(visit.request.cookies.get(SESSION_COOKIE, ""))
        # A page and no redirect: the browser would not send the session's cookie on the way from another place.
        answer = visit.page("oidc_back.html", next=local_path(vouched.onwards))
        keep_session(answer, visit, opened.key)
    answer.delete_cookie(_COOKIE, path=_TO)
    return answer


def _provider(visit: Visit) -> "Provider":
    if visit.console.provider is None:
        raise NotFoundError("no identity provider is configured", "see [web.oidc] in ingestd.toml")
    return visit.console.provider


def _address(visit: Visit, provider: "Provider") -> str:
    """Where the provider sends the browser back to; it knows this address and takes no other."""
    url = visit.request.url
    return (provider.address or f"{url.scheme}://{visit.request.headers.get('host', '')}") + _BACK


def _not_signed_in(visit: Visit, error: RefusedError | UnavailableError, onwards: str = "/") -> Response:
    status = 503 if isinstance(error, UnavailableError) else 403
    return visit.page("sign_in.html", status, next=onwards, fault=error.message, account="")


PAGES = (
    Page(_TO, to_provider, None),
    Page(_BACK, from_provider, None),
)
