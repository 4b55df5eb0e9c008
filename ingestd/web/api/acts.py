"""What people do, as requests to the station's desks: one path a desk, each request with the right that it asks for.

The bodies are the requests of the core without `by`: who asks is known from the token or the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from ingestd.core import (
    access_acts,
    bookmark_acts,
    carriers,
    case_requests,
    declarations,
    disposal_acts,
    explanation_acts,
    fleet_acts,
    handover_record,
    hold_acts,
    register_acts,
    registration_acts,
    roster_acts,
    sample_acts,
    term_acts,
    vessel_acts,
)
from ingestd.core.roles import Right
from ingestd.web.api.base import Document, needs, router
from ingestd.web.scope import question_scope
from ingestd.web.visit import Visit

MOST: Final = 500
"""Requests that are taken together, all of them or none."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One desk of the station.

    Args:
        operation: of the socket.
        requests: reads a list of requests; null where the desk takes one at a time.
        one: reads one request; null where it takes a list.
        right: what its requests ask for, but those that `rights` names by their `do`.
        own: requests, by `do`, whose `account` is that of whoever asks.
        shut: requests that only the console itself makes.
    """

    operation: str
    right: Right
    requests: TypeAdapter[Any] | None = None
    one: TypeAdapter[Any] | None = None
    rights: tuple[tuple[str, Right], ...] = ()
    own: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()

    def right_of(self, document: Mapping[str, Any]) -> Right:
        """What a request asks for."""
        return next((right for do, right in self.rights if document.get("do") == do), self.right)


_SECOND_HOLD: Final = (("approve", Right.RELEASE_HOLD), ("refuse", Right.RELEASE_HOLD))
_SECOND_DISPOSAL: Final = (("approve", Right.APPROVE_DISPOSAL), ("refuse", Right.APPROVE_DISPOSAL))

_DECIDING: Final = (("approve", Right.APPROVE_ACCESS), ("refuse", Right.APPROVE_ACCESS))

DESKS: Final[tuple[Desk, ...]] = (
    Desk("access", Right.ASK_ACCESS, access_acts.REQUESTS, rights=_DECIDING, own=("ask",), shut=("view",)),
    Desk("bookmark", Right.CASES, one=bookmark_acts.REQUEST),
    Desk("carrier", Right.HOLD, carriers.REQUESTS),
    Desk("case", Right.CASES, case_requests.REQUESTS, rights=(("complaint", Right.REGISTERS),)),
    Desk("declare", Right.SETTLE, declarations.REQUESTS),
    Desk("disposal", Right.DISPOSAL, one=disposal_acts.REQUEST, rights=_SECOND_DISPOSAL),
    Desk("explain", Right.EXPLAIN, one=explanation_acts.REQUEST),
    Desk("fleet", Right.SETTLE, fleet_acts.REQUESTS),
    Desk("handover_record", Right.SETTLE, one=handover_record.REQUEST),
    Desk("hold", Right.HOLD, hold_acts.REQUESTS, rights=_SECOND_HOLD),
    Desk("register", Right.SETTLE, one=registration_acts.REQUEST),
    Desk("registers", Right.REGISTERS, register_acts.REQUESTS),
    Desk("roster", Right.SETTLE, roster_acts.REQUESTS),
    Desk("sample", Right.DRAW, sample_acts.REQUESTS, rights=(("check", Right.INSPECT),), own=("check",)),
    Desk("terms", Right.DISPOSAL, term_acts.REQUESTS, rights=(("approve", Right.APPROVE_DISPOSAL),)),
    Desk("vessel", Right.CASES, one=vessel_acts.REQUEST),
)


def routers(desks: tuple[Desk, ...] = DESKS) -> APIRouter:
    """The paths `/acts/{desk}`."""
    area = router()
    for desk in desks:
        _add(area, desk)
    return area


def _add(area: APIRouter, desk: Desk) -> None:
    adapter = desk.requests or desk.one
    assert adapter is not None

    def act(visit: Annotated[Visit, needs(Right.SIGNED_IN)], body: Annotated[Any, Body()]) -> list[Document]:
        asked = _signed(body, desk, visit)
        for one in asked:
            _check_right(visit, desk.right_of(one))
        if not question_scope(visit).is_whole:
            # A request may name anything; which part of it lies in a scope only the pages ask.
            raise HTTPException(403, "Acts over the API are for accounts that see the whole bureau")
        try:
            read = adapter.validate_python(asked if desk.requests is not None else asked[0])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise HTTPException(422, f"{place}: {first['msg']}") from error
        if desk.requests is not None:
            return visit.console.act(desk.operation, read)
        answer: Document = visit.console.ask(desk.operation, request=read.model_dump(mode="json"))
        return [answer]

    act.__doc__ = f"Requests to the desk `{desk.operation}`: all of them are entered in the ledger, or none."
    schema = {"requestBody": {"required": True, "content": {"application/json": {"schema": _schema(adapter)}}}}
    area.add_api_route(
        f"/acts/{desk.operation}", act, methods=["POST"], tags=["acts"], name=desk.operation, openapi_extra=schema
    )


def _signed(body: Any, desk: Desk, visit: Visit) -> list[Document]:
    """The requests with who asks for them."""
    if not _is_storable(body):
        raise HTTPException(422, "body: a number is too large, or a text is not Unicode")
    asked = body if isinstance(body, list) else [body]
    if not asked or len(asked) > (MOST if desk.requests is not None else 1):
        raise HTTPException(422, "body: too many requests at a time, or none")
    if any(not isinstance(one, dict) or "by" in one for one in asked):
        raise HTTPException(422, "body: a request is an object without `by`; who asks is known")
    if any(one.get("do") in desk.shut or (one.get("do") in desk.own and "account" in one) for one in asked):
        raise HTTPException(422, "body: not a request that the API takes")
    own = {"account": visit.visitor.account}
    return [{**one, "by": visit.visitor.person, **(own if one.get("do") in desk.own else {})} for one in asked]


def _is_storable(part: Any) -> bool:
    """Whether ledger and catalogue could hold it: whole numbers of 64 bits, texts without half characters."""
    if isinstance(part, str):
        return part.isprintable() or part.encode("utf-8", "replace").decode("utf-8") == part
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    if isinstance(part, dict):
        return all(_is_storable(key) and _is_storable(value) for key, value in part.items())
    return all(map(_is_storable, part)) if isinstance(part, list) else True


def _check_right(visit: Visit, right: Right) -> None:
    if not visit.may(right):
        raise HTTPException(403, f"This account has no right to this ({right.value})")


def _schema(adapter: TypeAdapter[Any]) -> Document:
    """The schema of a body, without `by`, whole in itself."""
    schema = adapter.json_schema(ref_template="#/{model}")
    definitions = schema.pop("$defs", {})
    whole: Document = _unsigned(_whole(schema, definitions))
    return whole


def _whole(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_whole(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _whole(definitions[part["$ref"].removeprefix("#/")], definitions)
    # A discriminator maps to definitions that are not named any more.
    return {key: _whole(value, definitions) for key, value in part.items() if key != "discriminator"}


def _unsigned(part: Any) -> Any:
    if isinstance(part, list):
        return [_unsigned(one) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("properties"), dict) and "by" in part["properties"]:
        part = {**part, "properties": {key: one for key, one in part["properties"].items() if key != "by"}}
        part["required"] = [one for one in part.get("required", ()) if one != "by"]
    return {key: _unsigned(value) for key, value in part.items()}
