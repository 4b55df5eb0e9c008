"""`POST /api/cases`: a case system feeds the case register over HTTP. Off by default; a bearer token lets it in.

The same push twice changes nothing. What is sent is merged into the register: what it does not name stays.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog

from ingestd.casework.cases import CaseDesk
from ingestd.config.cases import cases_of
from ingestd.config.tokens import read_token
from ingestd.core.case_import import Imported, imported_cases
from ingestd.core.errors import ConfigError, IngestdError
from ingestd.core.settings import Settings

PATH = "/api/cases"
MOST_CASES = 1000
RETRY_SECONDS = 60

_READ_BYTES = 64 * 1024
_MOST_DRAINED_BYTES = 8 * 1024 * 1024

Document = dict[str, Any]


class CasePush:
    """The WSGI application of the push.

    Args:
        settings: as they are at the moment; a reload may turn it on or off, and name another token.
    """

    def __init__(self, desk: CaseDesk, settings: Callable[[], Settings]) -> None:
        self._desk = desk
        self._settings = settings
        self._log = structlog.get_logger()

    @property
    def is_enabled(self) -> bool:
        """Whether anybody is answered at all."""
        return self._settings().case_push.is_enabled

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        status, document = self._answer(environ)
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        headers = [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")]
        if status is HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", 'Bearer realm="ingestd"'))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", str(RETRY_SECONDS)))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: WSGIEnvironment) -> tuple[HTTPStatus, Document]:
        settings = self._settings()
        length = _length_of(environ)
        if environ["REQUEST_METHOD"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, _error("only POST is answered here")
        try:
            token = read_token(settings.case_push.token_path, settings.folder, "case_push.token_file")
        except ConfigError as error:
            self._log.error("case_push.unusable", words=error.message, advice=error.advice)
            _drain(environ, length)
            return HTTPStatus.SERVICE_UNAVAILABLE, _error("the station's token cannot be read; see its log")
        if not _is_let_in(environ.get("HTTP_AUTHORIZATION", ""), token):
            self._log.warning("case_push.refused", remote=environ.get("REMOTE_ADDR", ""))
            _drain(environ, length)
            return HTTPStatus.UNAUTHORIZED, _error("no such token")
        if length is None:
            return HTTPStatus.LENGTH_REQUIRED, _error("say how long it is: Content-Length")
        if length > settings.case_push.max_bytes:
            _drain(environ, length)
            words = f"{length} bytes; at most {settings.case_push.max_bytes} are taken: send fewer cases at once"
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _error(words)
        try:
            body = environ["wsgi.input"].read(length)
        except OSError:
            return HTTPStatus.REQUEST_TIMEOUT, _error("it did not arrive whole")
        if len(body) != length:
            return HTTPStatus.BAD_REQUEST, _error("it did not arrive whole")
        try:
            documents = cases_of(json.loads(body.decode("utf-8")))
        except (ValueError, RecursionError) as error:
            return HTTPStatus.BAD_REQUEST, _error(f"not JSON in UTF-8: {error}")
        if len(documents) > MOST_CASES:
            words = f"{len(documents)} cases; at most {MOST_CASES} are taken at once"
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _error(words)
        is_dry_run = parse_qs(environ.get("QUERY_STRING", "")).get("dry_run") == ["1"]
        return self._taken(documents, settings, is_dry_run=is_dry_run)

    def _taken(self, documents: Sequence[Any], settings: Settings, *, is_dry_run: bool) -> tuple[HTTPStatus, Document]:
        places = [(f"entry {number}", one) for number, one in enumerate(documents, start=1)]
        zone = settings.station.zone_info
        entries = imported_cases(places, by=settings.case_push.name, source="push", zone=zone)
        requests = [one.request for one in entries if one.request is not None]
        try:
            answers = self._desk.enter_each(requests, is_rest_taken=True, is_dry_run=is_dry_run)
        except IngestdError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, _error(error.message)
        waiting = iter(answers)
        found = [_case_document(one, next(waiting) if one.request is not None else None) for one in entries]
        counts = {
            result: sum(one["result"] == result for one in found)
            for result in ("entered", "changed", "unchanged", "refused")
        }
        self._log.info("case_push.taken", **counts, is_dry_run=is_dry_run)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if counts["refused"] else HTTPStatus.OK
        return status, {**counts, "dry_run": is_dry_run, "cases": found}


def _case_document(one: Imported, answer: Document | None) -> Document:
    faults = [{"key": fault.key, "value": fault.value, "what": fault.what, "fix": fault.fix} for fault in one.faults]
    acts: list[str] = []
    if answer is not None:
        acts = answer["acts"]
        if answer["error"] is not None:
            error = answer["error"]
            faults.append({"key": "", "value": None, "what": error["message"], "fix": error["advice"]})
    if faults:
        result = "refused"
    elif not acts:
        result = "unchanged"
    else:
        result = "entered" if "case.opened" in acts else "changed"
    return {"place": one.place, "number": one.number, "result": result, "acts": acts, "faults": faults}


def _is_let_in(authorization: str, token: str) -> bool:
    kind, _, given = authorization.partition(" ")
    is_same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode("ascii"))
    return is_same and kind.lower() == "bearer"


def _length_of(environ: WSGIEnvironment) -> int | None:
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _drain(environ: WSGIEnvironment, length: int | None) -> None:
    """Read what is refused, so that the answer is heard: closing on unread bytes would take it away."""
    left = min(length or 0, _MOST_DRAINED_BYTES)
    try:
        while left > 0 and (some := environ["wsgi.input"].read(min(left, _READ_BYTES))):
            left -= len(some)
    except OSError:
        return


def _error(words: str) -> Document:
    return {"error": words}
