"""The API: who may ask, problem documents, ETags, pages by key, acts; and Schemathesis over all of it."""

import json
import os
import re
import urllib.request
from collections.abc import Iterator, Mapping
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

from ingestd.core.roles import RIGHTS, Right, Role
from ingestd.web.api.everything import api
from tests.support.cards import Card
from tests.support.console import Answer, Person
from tests.support.office import Office, office
from tests.support.process import wait_until

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


def asked(person: Person, path: str, **headers: str) -> Answer:
    return person.get(f"/api/v1{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def sent(person: Person, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """A POST of JSON with the session's token unless `headers` says otherwise."""
    about = {"Content-Type": "application/json", "X-CSRF-Token": person.csrf(), **(headers or {})}
    return person.send(urllib.request.Request(person.address + f"/api/v1{path}", json.dumps(body).encode(), about))


def paths(here: Office) -> list[tuple[str, str]]:
    document = api(here.served.console).openapi()
    return [(method.upper(), path) for path, some in document["paths"].items() for method in some]


def test_no_path_of_it_answers_to_a_stranger(here: Office) -> None:
    told = {}
    for method, path in paths(here):
        stranger = here.served.stranger()
        some = path.format(**dict.fromkeys(("recording", "take", "docking", "hold", "number"), "x"))
        answer = asked(stranger, some) if method == "GET" else sent(stranger, some, [{}])
        told[method, path] = (answer.status, answer.headers["content-type"])
    assert told
    assert set(told.values()) == {(401, "application/problem+json")}


def test_whoever_lacks_the_right_is_told_so(here: Office) -> None:
    answer = asked(here.person(Role.INSPECTOR), "/recordings")
    assert (answer.status, answer.json()["status"]) == (403, 403)
    assert Right.SEE not in RIGHTS[Role.INSPECTOR]


def test_recordings_come_in_pages_that_leave_nothing_out(here: Office) -> None:
    person, found, after = here.person(Role.ARCHIVIST), [], ""
    whole = asked(person, "/recordings?limit=200").json()["items"]
    while True:
        page = asked(person, f"/recordings?limit=2{after}").json()
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [one["recording_id"] for one in found] == [one["recording_id"] for one in whole]
    assert len(whole) > 2


def test_a_recording_is_what_the_command_shows(here: Office) -> None:
    person = here.person(Role.ARCHIVIST)
    one = asked(person, "/recordings?limit=1").json()["items"][0]["recording_id"]
    assert asked(person, f"/recordings/{one}").json() == here.installation.json("show", one)


def test_what_is_known_already_is_not_sent_again(here: Office) -> None:
    person = here.person(Role.ARCHIVIST)
    tag = asked(person, "/recordings").headers["etag"]
    again = asked(person, "/recordings", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/recordings/nothing", 404),
        ("/takes/nothing", 404),
        ("/dockings/nothing", 404),
        ("/cases/nothing", 404),
        ("/holds/H2026-9999", 404),
        ("/recordings?limit=0", 422),
        ("/recordings?limit=100000", 422),
        ("/recordings?south=nan&west=0&north=1&east=1", 422),
        ("/nowhere", 404),
    ],
)
def test_what_cannot_be_answered_is_a_problem_document(here: Office, path: str, status: int) -> None:
    answer = asked(here.person(Role.ARCHIVIST), path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["title"]


def test_a_session_changes_nothing_without_its_token(here: Office) -> None:
    answer = sent(here.person(Role.ARCHIVIST), "/acts/case", [{"do": "open"}], {"X-CSRF-Token": "no"})
    assert answer.status == 403


def test_an_act_bears_the_name_of_whoever_asks(here: Office) -> None:
    person = here.person(Role.ARCHIVIST)
    request = {"do": "open", "number": "海执〔2026〕7号", "cause": "越界捕捞"}
    answer = sent(person, "/acts/case", [request])
    assert answer.status == 200, answer.text
    (case,) = here.installation.json("case", "show", request["number"])["history"][:1]
    assert case["by"] == "赵敏"


@pytest.mark.parametrize("fields", [{"bookmark": 2**70, "reason": "x"}, {"bookmark": 1, "reason": "\ud8e9"}])
def test_what_no_ledger_could_hold_is_not_read(here: Office, fields: dict[str, Any]) -> None:
    assert sent(here.person(Role.ARCHIVIST), "/acts/bookmark", [{"do": "remove", **fields}]).status == 422


def test_nobody_acts_in_another_name(here: Office) -> None:
    request = {"do": "open", "number": "海执〔2026〕8号", "by": "周岚"}
    assert sent(here.person(Role.ARCHIVIST), "/acts/case", [request]).status == 422


def test_approving_a_release_asks_for_another_right_than_asking_for_it(here: Office) -> None:
    answer = sent(here.person(Role.CUSTODIAN), "/acts/hold", [{"do": "approve", "hold": "H2026-0001"}])
    assert answer.status == 403


def test_a_station_that_is_not_there_is_said(here: Office) -> None:
    wait_until(lambda: here.installation.socket_file.exists(), what="the socket")
    hidden = here.installation.socket_file.with_suffix(".away")
    here.installation.socket_file.rename(hidden)
    try:
        answer = sent(here.person(Role.ARCHIVIST), "/acts/case", [{"do": "open", "number": "x", "cause": "y"}])
    finally:
        hidden.rename(here.installation.socket_file)
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")


def test_a_token_opens_what_it_was_made_for_and_no_more(here: Office) -> None:
    fields = {"do": "token", "label": "案件系统", "rights": ["see"], "days": "30"}
    page = here.person(Role.ADMIN).post("/accounts/archivist", fields).text
    (token,) = re.findall(r"<code[^>]*>([\w-]{40,})</code>", page)
    stranger = here.served.stranger()
    about = {"Authorization": f"Bearer {token}"}
    told = [stranger.get(f"/api/v1{path}", headers=about).status for path in ("/recordings", "/holds")]
    assert told == [200, 403]


def test_whatever_is_asked_is_answered_as_described(here: Office) -> None:
    person = here.person(Role.ARCHIVIST)
    about = {"Cookie": f"ingestd_session={person.session()}", "X-CSRF-Token": person.csrf()}
    schema = schemathesis.openapi.from_url(f"{here.served.address}/api/v1/openapi.json")
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        quick = settings(
            max_examples=6,
            derandomize=not os.environ.get("INGESTD_SWEEP"),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )

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
