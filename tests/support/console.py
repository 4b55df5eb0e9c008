"""The console over real HTTP beside a real station, people who are signed in, and a real browser."""

import http.cookiejar
import json
import os
import re
import shutil
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.account_requests import perform
from ingestd.config.load import Configuration
from ingestd.core.account_acts import REQUESTS
from ingestd.core.clock import Clock
from ingestd.core.roles import Role
from ingestd.stores.hashing import Hasher
from ingestd.web.console import Console
from ingestd.web.serve import application_of, console_of, listener, server_of
from ingestd.web.visitors import Visitor
from tests.support.process import wait_until

PASSWORD = "Correct-Horse-7-Staple"
"""Of every account of these tests."""

CHEAP = Hasher(passes=1, memory_kib=8)
"""Digests that cost nothing."""

PEOPLE: Mapping[Role, str] = {
    Role.OFFICER: "王海",
    Role.CUSTODIAN: "陈静",
    Role.ARCHIVIST: "赵敏",
    Role.HEAD: "周岚",
    Role.AUDITOR: "孙正",
    Role.INSPECTOR: "外查一",
    Role.ADMIN: "刘工",
}
"""One person for each role; the account's name is the role's."""


@dataclass
class Served:
    """A console that listens."""

    console: Console
    address: str

    def visitor(self, role: Role) -> "Person":
        """Somebody of this role, signed in."""
        person = Person(self.address)
        person.sign_in(role.value)
        return person

    def stranger(self) -> "Person":
        """Somebody who is not signed in."""
        return Person(self.address)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        """The page."""
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The document."""
        return json.loads(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass
class Person:
    """Somebody with a browser's manners and none of its pictures: cookies, origins, forms with their token."""

    address: str
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def get(self, path: str, *, follow: bool = True, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a page."""
        return self.send(urllib.request.Request(self.address + path, headers=dict(headers or {})), follow=follow)

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]], *, follow: bool = True) -> Answer:
        """Send a form, with the session's token where there is one."""
        data = urllib.parse.urlencode({"csrf": self.csrf(), **fields}, doseq=True).encode()
        request = urllib.request.Request(self.address + path, data, {"Origin": self.address})
        return self.send(request, follow=follow)

    def sign_in(self, account: str, password: str = PASSWORD) -> Answer:
        """Open a session."""
        self._token = ""
        answer = self.post("/sign-in", {"account": account, "password": password})
        self._token = ""
        return answer

    _token: str = ""

    def csrf(self) -> str:
        """The token of this session's forms; empty where nobody is signed in."""
        if not self._token:
            found = re.search(r'<meta name="csrf" content="([^"]+)"', self.get("/sign-in").text)
            self._token = found[1] if found else ""
        return self._token

    def session(self) -> str:
        """What the browser holds of its session."""
        return next((str(one.value) for one in self.cookies if one.name == "ingestd_session"), "")

    def send(self, request: urllib.request.Request, *, follow: bool = True) -> Answer:
        """Send a request with the cookies of this person."""
        handlers: list[Any] = [urllib.request.HTTPCookieProcessor(self.cookies)]
        opener = urllib.request.build_opener(*handlers, *([] if follow else [_Stay()]))
        try:
            with opener.open(request, timeout=60) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read(), answer.url)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read(), error.url or "")


def put_people(console: Console) -> None:
    """An account for each role."""
    put_accounts(console, [Visitor(role.value, person, frozenset({role})) for role, person in PEOPLE.items()])


def put_accounts(console: Console, visitors: Sequence[Visitor]) -> None:
    """Accounts that are not there yet, entered by acts, through the station or beside it; all with the one password."""
    gate, there = console.gate, {one.name for one in console.gate.accounts()}
    fresh = [one for one in visitors if one.account not in there]
    fields = [
        {"do": "enter", "by": "刘工", "account": one.account, "person": one.person, "roles": sorted(one.roles),
         "unit": one.unit or "", "certificate": one.certificate}
        for one in fresh
    ]  # fmt: skip
    perform(console.configuration, REQUESTS.validate_python(fields))
    digest = gate.hasher.digest(PASSWORD)
    for one in visitors:
        gate.secrets.set_credential(one.account, "password", digest, gate.now_text())


@contextmanager
def served(configuration: Configuration, clock: Clock | None = None) -> Iterator[Served]:
    """A console of this configuration with one account for each role, on a free port.

    Args:
        clock: what its pages go by; null for the machine's own.
    """
    console = console_of(configuration, CHEAP)
    console = replace(console, clock=clock or console.clock)
    put_people(console)
    settings = configuration.settings.web.model_copy(update={"port": 0})
    server, listening = server_of(application_of(console), settings), listener(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the console")
        yield Served(console, f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def chromium() -> str:
    """Debian's Chromium; the test is skipped where it is not installed."""
    # The shell without windows starts in a third of the time, and shows pages by the same engine.
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("a real browser needs Chromium (make deps)")
    return found


@contextmanager
def browsing(folder: Path) -> Iterator[Any]:
    """A headless browser (`playwright.sync_api.Browser`)."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"], downloads_path=folder
        )
        try:
            yield browser
        finally:
            browser.close()


def signed_in_page(browser: Any, served: Served, role: Role | None, *, language: str = "zh", **options: Any) -> Any:
    """A page of a browser of its own whose user is signed in; null role: somebody who is not."""
    locale = "zh-CN" if language == "zh" else "en-GB"
    context = browser.new_context(locale=locale, timezone_id="Asia/Shanghai", **options)
    cookies = [{"name": "lang", "value": language, "url": served.address}]
    if role is not None:
        cookies.append({"name": "ingestd_session", "value": served.visitor(role).session(), "url": served.address})
    context.add_cookies(cookies)
    return context.new_page()


def serious_faults(page: Any) -> list[str]:
    """What axe finds on a page that is serious or worse, in words."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']} — {one['nodes'][0]['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
