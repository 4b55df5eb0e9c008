"""A station whose terms are over, its desks behind the real socket by a clock that a test moves, and its console."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestd.core.roles import Role
from ingestd.daemon.account_operations import account_operations
from ingestd.daemon.disposal_operations import disposal_operations
from ingestd.daemon.hold_operations import hold_operations
from ingestd.ipc import SocketServer
from ingestd.web.serve import console_of
from ingestd.web.visitors import Visitor
from ingestd.wiring import account_desk, carrier_desk, hold_desk
from tests.support.console import CHEAP, Person, Served, put_accounts, put_people, served, signed_in_page
from tests.support.disposal import Archive, MovableClock, archive
from tests.support.station import build_station

SECOND_HEAD = Visitor("head2", "吴局长", frozenset({Role.HEAD}))
"""A disposal takes two people who approve."""


@dataclass
class Disposing:
    """The archive, whose clock a test moves, and people at its console."""

    archive: Archive
    served: Served

    def person(self, role: Role) -> Person:
        """Somebody signed in, without a browser."""
        return self.served.visitor(role)

    def second_head(self) -> Person:
        """The other one who approves."""
        person = Person(self.served.address)
        person.sign_in(SECOND_HEAD.account)
        return person

    def page(self, browser: Any, role: Role, *, language: str = "zh", session: str = "", **options: Any) -> Any:
        """A browser's page whose user is signed in; with `session` somebody else of this role."""
        options = {"viewport": {"width": 1280, "height": 860}, "base_url": self.served.address, **options}
        page = signed_in_page(browser, self.served, role, language=language, **options)
        if session:
            page.context.add_cookies(
                [{"name": "ingestd_session", "value": session, "url": self.served.address}]
            )  # fmt: skip
        return page


@contextmanager
def disposing(root: Path, files: dict[str | bytes, bytes], **options: object) -> Iterator[Disposing]:
    """Recordings whose term is over at a station that may dispose of them all.

    Args:
        options: change settings, as in `disposal__grace_days=3`.
    """
    settings: dict[str, object] = {"disposal__enabled": True, "disposal__max_share_percent": 100.0, **options}
    station = build_station(root / "station", **settings)
    # Accounts come first, by the machine's own clock; what follows lies behind them in time.
    console = console_of(station.configuration, CHEAP)
    put_people(console)
    put_accounts(console, [SECOND_HEAD])
    clock = MovableClock()
    with archive(station, clock) as young:
        ids = young.take_in(root / "card", files)
        young.grow_old()
    with served(station.configuration, clock=clock) as running, archive(station, clock) as old:
        old.ids = ids
        parts = lambda: old.parts  # noqa: E731
        desks = {
            **disposal_operations(old.desk),
            **hold_operations(hold_desk(parts), carrier_desk(parts)),
            **account_operations(account_desk(parts)),
        }
        door = SocketServer(station.settings.socket_file, desks)
        try:
            yield Disposing(old, running)
        finally:
            door.close()
