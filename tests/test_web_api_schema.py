"""Schemathesis over the API: whatever is asked, the answers are as its description says and never a fault of ours."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingestd.core.roles import Role
from tests.support.cards import Card
from tests.support.office import Office, office

CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, demo_card: Card) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office"), demo_card.root) as running:
        yield running


@pytest.mark.parametrize("role", [Role.ARCHIVIST, Role.HEAD])
def test_whatever_is_asked_is_answered_as_described(here: Office, role: Role) -> None:
    person = here.person(role)
    about = {"Cookie": f"ingestd_session={person.session()}", "X-CSRF-Token": person.csrf()}
    schema = schemathesis.openapi.from_url(f"{here.served.address}/api/v1/openapi.json")
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        quick = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)

        @quick
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=about, checks=CHECKS)

        ask()
    assert asked > 50


def test_an_answer_that_is_not_as_described_is_noticed() -> None:
    lying = FastAPI()

    @lying.get("/count")
    def count() -> int:
        return JSONResponse("many")  # type: ignore[return-value]

    schema = schemathesis.openapi.from_asgi("/openapi.json", lying)
    with pytest.raises(FailureGroup) as noticed:
        schema["/count"]["GET"].Case().call_and_validate(checks=CHECKS)
    assert "is not of type" in str(noticed.value.exceptions[0])
