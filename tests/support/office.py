"""A station at work with its console: a card taken in and described, a daemon for acts, people who are signed in."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestd.core.roles import Role
from tests.support.console import Person, Served, served, signed_in_page
from tests.support.process import Daemon, Installation

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "guide" / "pictures"


@dataclass
class Office:
    """One station with its daemon and its console."""

    installation: Installation
    daemon: Daemon
    served: Served

    def person(self, role: Role) -> Person:
        """Somebody signed in, without a browser."""
        return self.served.visitor(role)

    def page(self, browser: Any, role: Role | None, *, language: str = "zh", **options: Any) -> Any:
        """A browser's page whose user is signed in, of a size that screens have; its base is the console's address."""
        options = {"viewport": {"width": 1280, "height": 860}, **options}
        return signed_in_page(browser, self.served, role, language=language, base_url=self.served.address, **options)


@contextmanager
def office(
    root: Path, *cards: Path, commands: Sequence[Sequence[str | Path]] = (), **options: object
) -> Iterator[Office]:
    """An office below `root`.

    Args:
        cards: taken in and described before the daemon starts.
        commands: of the program, run before the daemon starts; each must succeed.
        options: change settings, as in `copy__batch_files=2`; previews and looks are made only where they switch them
            on.
    """
    installation = Installation(root, **{"proxy__enabled": False, "look__enabled": False, **options})
    for command in commands:
        ended = installation.run(*command)
        assert ended.status == 0, ended
    for card in cards:
        installation.station.ingest(card, is_described=True)
    with installation.daemon() as daemon, served(installation.station.configuration) as running:
        yield Office(installation, daemon, running)


def picture(page: Any, name: str, *, is_whole: bool = False) -> None:
    """Keep what a browser shows for the guide, where INGESTD_PICTURES asks for it (`make pictures`)."""
    if os.environ.get("INGESTD_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=is_whole)
