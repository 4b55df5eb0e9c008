"""What every path of the API shares: who asks, rights, errors as problem documents (RFC 9457), ETags, pages by key."""

import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from jinja2 import Environment
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ingestd.core.errors import IngestdError, NotFoundError, RefusedError, StoppedError, UnavailableError
from ingestd.core.roles import Right
from ingestd.web.console import Console
from ingestd.web.visit import Visit
from ingestd.web.visitors import Visitor

T = TypeVar("T")
Document = dict[str, Any]
PROBLEM: Final = "application/problem+json"
MOST: Final = 200
"""Entries of one page."""
_STATUS: Final[tuple[tuple[type[IngestdError], int], ...]] = (
    (NotFoundError, 404),
    (RefusedError, 409),
    (UnavailableError, 503),
    (StoppedError, 503),
)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Problem(BaseModel):
    """Why something was not done (RFC 9457). `code` is as of docs/reference/exit-status.md."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    code: str = ""
    advice: str = ""


class Listed(BaseModel, Generic[T]):
    """One page of a list. `next` is the `after` of the page behind it; null where this is the last."""

    items: list[T]
    next: str | None = None


Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.")]
After = Annotated[str, Query(max_length=200, description="`next` of the page before.")]

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": words, "content": {PROBLEM: {}}}
    for status, words in (
        (401, "Nobody is signed in"),
        (403, "The right for it is missing"),
        (404, "There is no such thing, or not for this account"),
        (409, "It cannot be done so"),
        (422, "Not a question that can be read"),
        (503, "The station does not answer"),
    )
}


def problem(status: int, title: str, error: IngestdError | None = None, detail: str = "") -> JSONResponse:
    """An answer that says why not."""
    told = Problem(title=title, status=status, detail=detail)
    if error is not None:
        told = told.model_copy(update={"detail": error.message, "code": error.code, "advice": error.advice})
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(told.model_dump(), status, headers, media_type=PROBLEM)


class AsciiJson(JSONResponse):
    """JSON in ASCII: names of files may hold bytes that are no UTF-8, and stay what they are."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Tagged(APIRoute):
    """A route whose answers to GET carry an ETag, and are 304 for whoever has them already (RFC 9110, 13.1.2)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the tag around it."""
        handler = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            response = await handler(request)
            if request.method != "GET" or response.status_code != 200 or not hasattr(response, "body"):
                return response
            tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
            headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
            known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
            if tag in known:
                return Response(status_code=304, headers=headers)
            response.headers.update(headers)
            return response

        return tagged


def router() -> APIRouter:
    """A router of one area."""
    return APIRouter(route_class=Tagged, responses=RESPONSES, default_response_class=AsciiJson)


def needs(right: Right) -> Any:
    """The asker of a path that asks for a right: a bearer token, or the session of a browser."""

    def asking(request: Request) -> Visit:
        return _visit(request, right)

    return Depends(asking)


class _Refused(HTTPException):
    """Not signed in, or without the right."""


def _visit(request: Request, right: Right) -> Visit:
    console: Console = request.app.state.console
    environment: Environment = request.app.state.environment
    someone = _bearer(request, console) or _session(request, console)
    if someone is None:
        raise _Refused(401, "Nobody is signed in: send a token as Authorization: Bearer …")
    if not someone.may(right):
        raise _Refused(403, f"This account has no right to this ({right.value})")
    return Visit(request, console, environment, console.settings.web.language, someone)


def _bearer(request: Request, console: Console) -> Visitor | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return console.gate.token_visitor(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _session(request: Request, console: Console) -> Visitor | None:
    key = request.cookies.get("ingestd_session", "")
    someone = console.gate.visitor(key) if key else None
    if someone is None or request.method in _SAFE:
        return someone
    given = request.headers.get("x-csrf-token", "")
    if not hmac.compare_digest(given.encode(), someone.csrf.encode()):
        raise _Refused(403, "A browser's session changes things only with its X-CSRF-Token")
    return someone


def api_of(console: Console, environment: Environment, routers: Sequence[APIRouter]) -> FastAPI:
    """The API as an application of its own; its description is at `openapi.json` below it."""
    api = FastAPI(
        title="ingestd",
        version="1",
        summary="A docking station for body-worn cameras: what it holds, and what people do about it.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/api/v1"}],
    )
    api.state.console, api.state.environment = console, environment

    @api.exception_handler(IngestdError)
    def failed(_: Request, error: IngestdError) -> Response:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        return problem(status, type(error).__name__.removesuffix("Error"), error)

    @api.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem(422, "Unreadable", detail=f"{place}: {first['msg']}")

    @api.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail))

    for one in routers:
        api.include_router(one)
    return api
