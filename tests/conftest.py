"""Fixtures that more than one test file uses."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.cards import Card, build_demo_card, build_faulty_card
from tests.support.console import browsing


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs under test: a shell that runs the tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The ordinary run has minutes, and a loaded machine is no fault of what is tested: no time is asserted.
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("sweep", patient)
    settings.register_profile("ordinary", patient, max_examples=25)
    settings.load_profile("sweep" if os.environ.get("INGESTD_SWEEP") else "ordinary")


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """While everything is loaded nothing becomes garbage that would be worth a search."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a station with a browser comes first: near the end workers are given few tests at a time, and each
    would build every such station for itself."""
    items.sort(key=lambda item: not item.path.name.startswith(("test_web_", "test_journey_")))
    if not os.environ.get("INGESTD_SWEEP") and not os.environ.get("INGESTD_PICTURES"):
        for item in items:
            if item.path.name.startswith("test_journey_") and _is_in_english(item):
                item.add_marker(pytest.mark.skip(reason="outside CI: journeys in English go with INGESTD_SWEEP=1"))


def _is_in_english(item: pytest.Item) -> bool:
    """Whether a test goes through a journey in the second language. What differs are the words, and these have a test
    of their own (`test_web_languages`)."""
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec is not None else ()
    return any("en" in (value, getattr(value, "language", None)) for value in values)


def pytest_collection_finish() -> None:
    """What was loaded stays for the whole run: no search for garbage goes through it again."""
    gc.enable()
    gc.freeze()


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """Real media that nobody of this project made; it lies beside the project where it is there at all."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip(f"the corpus of real media is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def demo_card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """The card of `make run`. Shared: read it only, or take a copy."""
    return build_demo_card(tmp_path_factory.mktemp("demo") / "card")


@pytest.fixture(scope="session")
def faulty_card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """A card with every named fault once. Shared: read it only, or take a copy."""
    return build_faulty_card(tmp_path_factory.mktemp("faulty") / "card")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium of this worker; skipped where there is none. Each test opens a page of its own in it."""
    with browsing(tmp_path_factory.mktemp("downloads")) as running:
        yield running


_NOT_A_TOOL = (
    "corpus of real media",
    "texts of the regulations",
    "root may write everywhere",
    "root and /dev/fuse",
    "this kernel has",
    "outside CI",
)
"""Reasons to skip that no tool would mend: material beside the project, rights and kernel of whoever runs them, long
tests."""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With INGESTD_FULL=1 a test that was skipped for want of a tool is a failure: `make deps` brings the tools."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("INGESTD_FULL") != "1" or reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = [str(report.longrepr) for report in reporter.stats.get("skipped", ())]
    lacking = [reason for reason in reasons if not any(words in reason for words in _NOT_A_TOOL)]
    if lacking and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"INGESTD_FULL=1: {len(lacking)} tests were skipped, as {lacking[0]}", red=True)
