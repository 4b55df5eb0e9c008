"""The console as one application: every page with the right that it asks for, and the API beside them."""

import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestd.core.errors import IngestdError, NotFoundError, RefusedError, UnavailableError
from ingestd.web.api.base import problem
from ingestd.web.console import Console
from ingestd.web.languages import language_of
from ingestd.web.rendering import environment_of
from ingestd.web.visit import Page, Visit

SESSION_COOKIE: Final = "ingestd_session"
LANGUAGE_COOKIE: Final = "lang"
_STATIC = Path(__file__).parent / "static"
_MOST_FORM_BYTES = 1024 * 1024
_MOST_FIELDS = 2000
_MOST_NUMBER_BITS = 63
"""Of a number in a path: the database has none that is longer."""
_STATUS: Final[dict[type[IngestdError], int]] = {NotFoundError: 404, RefusedError: 409, UnavailableError: 503}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def application(console: Console, pages: Sequence[Page], api: FastAPI | None = None) -> Starlette:
    """The console's application.

    Args:
        pages: all of them; each names the right that it asks for.
        api: what stands below `/api/v1`; it asks for rights by itself.
    """
    environment = environment_of(console)
    routes: list[Route | Mount] = [
        Route(page.path, _endpoint(page, console, environment), methods=list(page.methods), name=page.path)
        for page in pages
    ]
    routes.append(Mount("/static", StaticFiles(directory=_STATIC), name="static"))
    if api is not None:
        routes.append(Mount("/api/v1", api))

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith("/api/"):
            return problem(status, "There is no such path" if status == 404 else "Not possible")
        visit = _visit(request, console, environment, FormData())
        return await run_in_threadpool(visit.page, "error.html", status, error=None, code=status)

    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: failed, Exception: failed},
        middleware=[Middleware(_Limited), Middleware(_Headers, is_secure=console.settings.web.certificate is not None)],
    )


def _visit(request: Request, console: Console, environment: Environment, form: FormData) -> Visit:
    key = request.cookies.get(SESSION_COOKIE, "")
    language = language_of(request.cookies.get(LANGUAGE_COOKIE), console.settings.web.language)
    return Visit(
        request=request,
        console=console,
        environment=environment,
        language=language,
        someone=console.gate.visitor(key) if key else None,
        form=form,
        is_dock=console.settings.web.is_dock(request.client.host if request.client else ""),
    )


def _endpoint(page: Page, console: Console, environment: Environment) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        form = FormData()
        if request.method == "POST":
            form = await request.form(max_files=4, max_fields=_MOST_FIELDS)
        return await run_in_threadpool(_answered, page, request, console, environment, form)

    return answer


def _answered(page: Page, request: Request, console: Console, environment: Environment, form: FormData) -> Response:
    visit = _visit(request, console, environment, form)
    if page.right is not None and not (page.is_at_dock and visit.is_dock):
        if visit.someone is None:
            if request.method == "GET":
                return RedirectResponse(f"/sign-in?next={request.url.path}", 303)
            return visit.page("error.html", 401, error=None, code=401)
        if not visit.may(page.right):
            return visit.page("error.html", 403, error=None, code=403)
    if request.method == "POST" and not _is_own(visit):
        too_old = RefusedError(visit.t("this form is too old; load the page again"))
        return visit.page("error.html", 403, error=too_old, code=403)
    if any(isinstance(part, int) and part.bit_length() > _MOST_NUMBER_BITS for part in request.path_params.values()):
        return visit.page("error.html", 404, error=None, code=404)
    try:
        return page.endpoint(visit)
    except IngestdError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        return visit.page("error.html", status, error=error, code=status)


def _is_own(visit: Visit) -> bool:
    """Whether a form was made by a page of this console: by its origin, and for a session by the session's token."""
    request = visit.request
    origin = request.headers.get("origin")
    # By its host alone: behind a proxy with TLS the console itself is asked without it.
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        return False
    if visit.someone is None:
        # A browser names the origin of every POST; without it nobody can tell whose form it was.
        return origin is not None
    given = visit.text("csrf") or request.headers.get("x-csrf-token", "")
    return hmac.compare_digest(given.encode(), visit.someone.csrf.encode())


class _Limited:
    """No request may be longer than a form can be, whether it says its length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def received() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > _MOST_FORM_BYTES:
                raise HTTPException(413)
            return message

        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length[:12]) > _MOST_FORM_BYTES:
            await PlainTextResponse("too much", 413)(scope, receive, send)
            return
        await self._app(scope, received, send)


class _Headers:
    """Headers that every answer carries, and what may be kept by a browser."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._more = dict(_HEADERS)
        if is_secure:
            self._more["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._more.items():
                    headers.setdefault(name, value)
                is_static = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "public, max-age=3600" if is_static else "no-store")
                headers["Server-Timing"] = f"app;dur={(time.perf_counter() - began) * 1000:.1f}"
            await send(message)

        await self._app(scope, receive, sent)
