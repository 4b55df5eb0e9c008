"""The console against those who may not: every page and every role, forms of others, hostile names and paths."""

import csv
import http.client
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import pytest

from ingestd.core.roles import RIGHTS, Right, Role
from ingestd.web.pages.everything import PAGES
from ingestd.web.serve import application_of
from ingestd.web.visit import Page
from tests.support.console import PASSWORD, PEOPLE
from tests.support.office import Office, office
from tests.support.station import PROJECT, write_card

TABLE = PROJECT / "tests/data/web_pages.csv"
Line = tuple[str, str, str, str]
"""Path, method, right (`-` for everybody), and `dock` where the dock's own screen comes without an account."""

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.\U00020000\"'&"
UNIT = HOSTILE.replace("onerror", "onload")
ENDLESS = "/dock/events"


def table() -> set[Line]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return {(row[0], row[1], row[2], row[3]) for row in list(csv.reader(stream))[1:]}


def lines(pages: Sequence[Page]) -> set[Line]:
    return {
        (page.path, method, page.right.value if page.right else "-", "dock" if page.is_at_dock else "")
        for page in pages
        for method in page.methods
    }


def filled(path: str, word: str = "0") -> str:
    """A path with every named part filled in."""
    return re.sub(r"\{[^}]+\}", lambda _: quote(word, safe=""), path)


@dataclass
class Browser:
    """One connection of somebody: quick, and with no manners but those that are asked for."""

    address: str
    cookie: str = ""
    csrf: str = ""

    def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | bytes = b"",
        origin: str | None = "own",
        **headers: str,
    ) -> tuple[int, Mapping[str, str], str]:
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        sent = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded", **headers}
        if method == "POST" and origin is not None:
            sent["Origin"] = self.address if origin == "own" else origin
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = (
                ""
                if path.partition("?")[0] == ENDLESS and answer.status == 200
                else answer.read().decode("utf-8", "replace")
            )
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
        finally:
            connection.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office whose names are hostile wherever people or recorders write them, and whose dock is elsewhere."""
    root = tmp_path_factory.mktemp("office")
    card = write_card(root / "card", {f"DCIM/{HOSTILE.replace('/', '')}.mp4": b"no film", "DCIM/b.txt": b"b"})
    unit = ["unit", "add", UNIT, "--basis", UNIT]
    with office(root, card, commands=[unit], web__dock_addresses=["10.9.9.9/32"]) as running:
        yield running


@pytest.fixture(scope="module")
def people(here: Office) -> dict[Role | None, Browser]:
    """Somebody of each role, and a stranger."""
    found: dict[Role | None, Browser] = {None: Browser(here.served.address)}
    for role in Role:
        person = here.person(role)
        found[role] = Browser(here.served.address, f"ingestd_session={person.session()}", person.csrf())
    return found


# --- every page, every role ------------------------------------------------------------------------------------------


def test_a_page_that_is_not_in_the_table_is_noticed() -> None:
    more = (*PAGES, Page("/backdoor", lambda visit: visit.page("home.html"), None))
    assert lines(more) - table() == {("/backdoor", "GET", "-", "")}
    looser = (replace(PAGES[-1], right=None), *PAGES[:-1])
    assert lines(looser) != table()


def test_every_page_is_in_the_table_with_the_right_that_it_asks_for() -> None:
    assert lines(PAGES) == table(), "tests/data/web_pages.csv: say of each new page who may come"


def test_the_application_answers_no_other_path(here: Office) -> None:
    app = application_of(here.served.console)
    assert {getattr(one, "path", "") for one in app.routes} - {page.path for page in PAGES} == {"/static", "/api/v1"}


def allowed(right: str) -> set[Role | None]:
    if right == "-":
        return {None, *Role}
    return {role for role in Role if Right(right) in RIGHTS[role]}


def judged(right: str, role: Role | None, method: str, status: int) -> bool:
    """Whether an answer fits a right: a page that may be seen is not refused, any other one is."""
    if role in allowed(right):
        return status not in (401, 403, 500)
    if role is None:
        return status == (303 if method == "GET" else 401)
    return status == 403


def test_the_judge_of_answers_sees_a_door_that_is_open_and_one_that_is_shut() -> None:
    assert not judged("audit", Role.OFFICER, "GET", 200)
    assert not judged("audit", None, "GET", 200)
    assert not judged("audit", Role.AUDITOR, "GET", 403)
    assert not judged("see", Role.HEAD, "GET", 500)


def test_every_page_is_shut_to_every_role_without_its_right(people: Mapping[Role | None, Browser]) -> None:
    wrong = []
    for path, method, right, _ in sorted(table()):
        for role in {None, *Role} - allowed(right):
            who = people[role]
            status, _, _ = who.ask(method, filled(path), {"csrf": who.csrf} if method == "POST" else b"")
            if not judged(right, role, method, status):
                wrong.append((role, method, path, status))
    assert wrong == []


def test_every_page_opens_for_whoever_has_its_right(people: Mapping[Role | None, Browser]) -> None:
    wrong = []
    for path, method, right, _ in sorted(table()):
        # One of those who may come stands for all: who may not is asked in full above.
        role = next((one for one in Role if one in allowed(right)), None)
        if method == "GET" and path != ENDLESS:
            status, _, _ = people[role].ask("GET", filled(path))
            if not judged(right, role, "GET", status):
                wrong.append((role, path, status))
    assert wrong == []


# --- forms of others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("csrf", "origin"),
    [("", "own"), ("x" * 44, "own"), ("another", "own"), ("right", "http://evil.example"), ("right", "null")],
    ids=["none", "wrong", "of another session", "from elsewhere", "from nowhere"],
)
def test_no_form_but_the_sessions_own_is_taken(people: Mapping[Role | None, Browser], csrf: str, origin: str) -> None:
    wrong = []
    for path, method, right, _ in sorted(table()):
        if method == "POST" and right != "-":
            role = next(one for one in Role if one in allowed(right))
            other = people[next(one for one in Role if one is not role)]
            token = {"right": people[role].csrf, "another": other.csrf}.get(csrf, csrf)
            status, _, _ = people[role].ask("POST", filled(path), {"csrf": token}, origin)
            if status != 403:
                wrong.append((path, status))
    assert wrong == []


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null"])
@pytest.mark.parametrize("path", ["/sign-in", "/setup"])
def test_nobody_is_signed_in_by_the_form_of_another_place(
    people: Mapping[Role | None, Browser], path: str, origin: str | None
) -> None:
    fields = {"account": "head", "password": PASSWORD}
    status, headers, _ = people[None].ask("POST", path, fields, origin)
    assert (status, "set-cookie" in headers) == (403, False)


def test_nothing_is_changed_by_asking_for_a_page(here: Office, people: Mapping[Role | None, Browser]) -> None:
    """Every path that takes a form takes it by POST alone."""
    posted = {path for path, method, _, _ in table() if method == "POST"}
    read = {path for path, method, _, _ in table() if method == "GET"}
    for path in sorted(posted - read):
        assert people[Role.ARCHIVIST].ask("GET", filled(path))[0] in (404, 405), path


# --- sessions --------------------------------------------------------------------------------------------------------


def test_the_session_that_a_browser_brings_to_the_door_ends_there(here: Office) -> None:
    person = here.person(Role.HEAD)
    before = person.session()
    person.sign_in("head")
    old = Browser(here.served.address, f"ingestd_session={before}")
    assert (person.session() != before, old.ask("GET", "/")[0]) == (True, 303)


@pytest.mark.parametrize("key", ["", "x", "0" * 43, "\x7f", "a" * 5000, "'; DROP TABLE sessions; --"])
def test_a_session_that_nobody_opened_is_none(here: Office, key: str) -> None:
    assert Browser(here.served.address, f'ingestd_session="{key}"').ask("GET", "/")[0] in (303, 400)


def test_a_session_is_taken_from_no_other_place_than_its_cookie(here: Office) -> None:
    key = here.person(Role.HEAD).session()
    status, _, _ = Browser(here.served.address).ask("GET", f"/?ingestd_session={key}", Authorization=f"Basic {key}")
    assert status == 303


# --- paths -----------------------------------------------------------------------------------------------------------

UPWARDS = ("../../../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "....//....//etc/passwd", "/etc/passwd",
           "%2e%2e/%2e%2e/%2e%2e/app.py", "..\\..\\app.py", "\x00", "console.css\x00.png")  # fmt: skip


@pytest.mark.parametrize("path", UPWARDS)
def test_nothing_but_its_own_files_comes_from_static(people: Mapping[Role | None, Browser], path: str) -> None:
    for asked in (quote(path, safe="/%"), quote(path, safe="")):
        status, _, text = people[None].ask("GET", f"/static/{asked}")
        assert (status in (400, 404), "root:" in text, "import" in text) == (True, False, False)


@pytest.mark.parametrize(
    "word", ["../../etc/passwd", "\x00", "\udcff", "<script>alert(1)</script>", "' OR 1=1 --", "9" * 400, "%", "\u202e"]
)
def test_no_part_of_a_path_leads_elsewhere_or_breaks_a_page(people: Mapping[Role | None, Browser], word: str) -> None:
    wrong = []
    for path, method, right, _ in sorted(table()):
        if method == "GET" and "{" in path:
            role = next(one for one in Role if one in allowed(right))
            asked = re.sub(r"\{[^}]+\}", lambda _: quote(word, safe="", errors="surrogateescape"), path)
            status, _, text = people[role].ask("GET", asked)
            if status >= 500 or "root:" in text or "<script>alert" in text:
                wrong.append((path, status))
    assert wrong == []


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/evil", "\\\\evil"])
def test_no_link_of_ours_leads_to_another_place(people: Mapping[Role | None, Browser], place: str) -> None:
    for path in ("/language?to=en&next=", "/sign-in?next="):
        _, headers, text = people[None].ask("GET", path + quote(place, safe=""))
        assert headers.get("location", "/") == "/"
        assert 'name="next" value="/"' in text or not text
    _, headers, _ = people[None].ask("GET", f"//evil.example/{quote(place)}")
    assert not headers.get("location", "").startswith("//")


# --- oversize --------------------------------------------------------------------------------------------------------


def test_a_form_that_is_too_long_is_not_read(people: Mapping[Role | None, Browser]) -> None:
    assert people[None].ask("POST", "/sign-in", b"a=" + b"x" * 2_000_000)[0] == 413


def test_a_form_that_does_not_say_how_long_it_is_is_not_read_to_its_end(here: Office) -> None:
    connection = http.client.HTTPConnection(here.served.address.removeprefix("http://"), timeout=60)
    headers = {"Origin": here.served.address, "Content-Type": "application/x-www-form-urlencoded"}
    blocks = (b"a=" + b"x" * 100_000 for _ in range(30))
    try:
        connection.request("POST", "/sign-in", blocks, headers, encode_chunked=True)
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413
    finally:
        connection.close()
    assert status == 413


def test_a_form_with_more_fields_than_any_has_is_not_read(people: Mapping[Role | None, Browser]) -> None:
    assert people[None].ask("POST", "/sign-in", b"&".join(b"a=1" for _ in range(3000)))[0] in (400, 413)


# --- names -----------------------------------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_do_nothing(here: Office, people: Mapping[Role | None, Browser]) -> None:
    admin = here.person(Role.ADMIN)
    fields = {"account": "hostile", "person": HOSTILE, "roles": ["officer"], "unit": UNIT, "certificate": HOSTILE}
    assert admin.post("/accounts/@new", fields).status == 200
    assert "&lt;img src=x onerror=alert(1)&gt;" in admin.get("/accounts/hostile").text
    wrong = []
    for path, method, right, _ in sorted(table()):
        if method == "GET" and "{" not in path and path != ENDLESS:
            role = next((one for one in Role if one in allowed(right)), None)
            status, headers, text = people[role].ask("GET", f"{path}?said={quote(HOSTILE)}&q={quote(HOSTILE)}")
            if headers.get("content-type", "").startswith("text/html") and "<img src=x" in text:
                wrong.append((path, status))
    assert wrong == []


def test_a_recording_of_a_hostile_name_is_found_and_shown_harmlessly(
    here: Office, people: Mapping[Role | None, Browser]
) -> None:
    (row,) = [one for one in here.installation.station.catalogue().recordings() if "onerror" in one["card_path"]]
    status, _, text = people[Role.ARCHIVIST].ask("GET", f"/recordings/{row['recording_id']}")
    assert (status, "<img src=x" in text, "&lt;img src=x" in text) == (200, False, True)


# --- whose footage ---------------------------------------------------------------------------------------------------


def test_footage_outside_of_the_own_scope_is_answered_like_what_is_not_there(
    here: Office, people: Mapping[Role | None, Browser]
) -> None:
    """Nobody knows whose these recordings are: an officer sees none of them, an archivist all."""
    (row,) = [one for one in here.installation.station.catalogue().recordings() if "onerror" in one["card_path"]]
    named = {"{recording}": row["recording_id"], "{docking}": row["docking_id"]}
    wrong = []
    for path, method, right, _ in sorted(table()):
        name = next((one for one in named if one in path), None)
        # To end a visit to a sheet of the dock shows nothing of it.
        if name is not None and Role.OFFICER in allowed(right) and not path.endswith("/leave"):
            who = people[Role.OFFICER]
            status, _, text = who.ask(method, path.replace(name, named[name]), {"csrf": who.csrf})
            if status not in (404, 410) or "onerror" in text:
                wrong.append((method, path, status))
    assert wrong == []


@pytest.mark.parametrize("path", ["/", "/search?words=onerror", "/search.csv?words=onerror", "/search", "/work"])
def test_no_list_names_footage_outside_of_the_own_scope(
    here: Office, people: Mapping[Role | None, Browser], path: str
) -> None:
    ids = [str(one["recording_id"]) for one in here.installation.station.catalogue().recordings()]
    shown = {role: people[role].ask("GET", path)[2] for role in (Role.OFFICER, Role.ARCHIVIST)}
    assert [one for one in ids if one in shown[Role.OFFICER]] == []
    if "search" in path:
        assert [one for one in ids if one in shown[Role.ARCHIVIST]]


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/sign-in", "/static/console.css", "/no-such-page", "/accounts", "/api/v1/x"])
def test_every_answer_carries_what_protects_its_reader(people: Mapping[Role | None, Browser], path: str) -> None:
    _, headers, _ = people[Role.HEAD].ask("GET", path)
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


def test_pages_are_kept_by_no_browser(people: Mapping[Role | None, Browser]) -> None:
    assert people[Role.HEAD].ask("GET", "/")[1]["cache-control"] == "no-store"


IN_TEMPLATES = re.compile(
    r"""\|\s*safe\b|<script(?![^>]*(?:\bsrc=|type="application/json"))[^>]*>|<style|\son\w+=|\sstyle=|javascript:"""
)


@pytest.mark.parametrize(
    "text", ["{{ a|safe }}", "<script>a</script>", '<p style="a">', '<p onclick="a">', '<a href="javascript:a">']
)
def test_the_judge_of_templates_sees_what_may_not_stand_there(text: str) -> None:
    assert IN_TEMPLATES.search(text)


def test_no_template_holds_scripts_or_styles_or_trusts_a_text() -> None:
    files = (PROJECT / "ingestd/web/templates").rglob("*.html")
    assert {one.name: found for one in files if (found := IN_TEMPLATES.findall(one.read_text("utf-8")))} == {}


def test_no_script_makes_markup_of_texts() -> None:
    words = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    files = (PROJECT / "ingestd/web/static").rglob("*.js")
    assert [file.name for file in files if "vendor" not in file.parts and words.search(file.read_text("utf-8"))] == []


def test_without_tls_nothing_promises_it(people: Mapping[Role | None, Browser]) -> None:
    assert "strict-transport-security" not in people[None].ask("GET", "/sign-in")[1]


def test_everybody_of_these_tests_is_there() -> None:
    assert set(PEOPLE) == set(Role)
