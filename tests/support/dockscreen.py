"""An office whose people stand before the dock's screen: cards and PINs, an open case, words of the bays."""

import datetime as dt
import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ingestd.core.case_requests import OfficerWords, Open
from ingestd.core.roles import Role
from ingestd.core.roster_acts import Add
from ingestd.ipc import ask
from ingestd.web.visitors import Visitor
from tests.support.cards import Card
from tests.support.console import put_accounts
from tests.support.office import Office, office

OFFICER_CARD, OTHER_CARD, CUSTODIAN_CARD, PIN = "0412 7788 9", "0412 7788 1", "0099 0001", "402913"
OFFICER, CERTIFICATE, RECORDER, CASE = "王海", "21020001", "7012345", "2026-017"
_LONG_AGO = "2026-01-01T00:00:00.000Z"


@contextmanager
def dock_office(root: Path) -> Iterator[Office]:
    """A station under 江门's regime (a reason for every interruption) whose demo recorder is 王海's, with one case."""
    with office(root, station__regime="market_regulation") as opened:
        row = {"recorder": RECORDER, "officer": OFFICER, "certificate": CERTIFICATE, "unit": "海洋执法一中队"}
        _entered(opened, "roster", Add(by="刘工", begins_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), **row))
        officers = (OfficerWords(name=OFFICER, certificate=CERTIFICATE),)
        of_march = dt.date(2026, 3, 1)
        _entered(
            opened, "case", Open(by="赵敏", number=CASE, cause="涉嫌非法捕捞", officers=officers, opened_on=of_march)
        )
        gate = opened.served.console.gate
        put_accounts(opened.served.console, [Visitor("other", "李岩", frozenset({Role.OFFICER}))])
        gate.secrets.set_credential("officer", "pin", gate.hasher.digest(PIN), _LONG_AGO)
        for account, card in {"officer": OFFICER_CARD, "other": OTHER_CARD, "custodian": CUSTODIAN_CARD}.items():
            gate.secrets.set_credential(account, "card", gate.card_digest(card), _LONG_AGO)
        yield opened


def _entered(here: Office, operation: str, request: BaseModel) -> None:
    ask(here.installation.socket_file, {"op": operation, "requests": [request.model_dump(mode="json")]})


def some_of(card: Card, root: Path, numbers: Sequence[int], mark: bytes = b"") -> Path:
    """A card with some files of another; each ends with `mark`, so that the station holds none of them yet."""
    for number in numbers:
        (file,) = card.root.rglob(f"*_{number:04d}*")
        there = root / file.relative_to(card.root)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(file.read_bytes() + mark)
    return root


def docked(here: Office, card: Path, bay: str) -> str:
    """A folder docked at a bay, all of it sealed; the docking's id."""
    result = ask(here.installation.socket_file, {"op": "ingest", "path": str(card), "bay": bay})
    return str(result["docking_id"])


class Events:
    """A screen that listens, without a browser."""

    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        url = urllib.parse.urlsplit(address)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        self._connection.request("GET", "/dock/events", headers=headers or {})
        self.answer = self._connection.getresponse()

    def next(self) -> tuple[str, Any]:
        """The next word: its name and its document; an empty name where the stream is over."""
        name = ""
        while line := self.answer.readline():
            key, _, value = line.decode("ascii").rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                return name, json.loads(value)
        return "", None

    def until(self, is_it: Callable[[str, Any], bool]) -> list[tuple[str, Any]]:
        """The words up to the one that is it; fails where the stream ends before."""
        told: list[tuple[str, Any]] = []
        while True:
            name, document = self.next()
            assert name, f"the stream ended after {told}"
            told.append((name, document))
            if is_it(name, document):
                return told

    def close(self) -> None:
        """Go away."""
        self._connection.close()
