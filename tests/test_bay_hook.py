"""The bureau's own command at each change of a bay: what it is told, and that nothing it does holds anybody up."""

import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress
from ingestd.core.settings import BaysSettings
from ingestd.daemon.hooks import BayHook
from tests.support.process import wait_until


def word(state: BayState, bay: str = "bay-1", **more: object) -> Progress:
    return Progress(bay=bay, state=state, **more)  # type: ignore[arg-type]


def script(folder: Path, body: str) -> str:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


def lines_of(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []


class Failures:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def test_the_command_is_told_of_bay_state_and_words(tmp_path: Path) -> None:
    told = tmp_path / "told"
    body = 'echo "$1|$INGESTD_BAY|$INGESTD_STATE|$INGESTD_MAY_BE_REMOVED|$INGESTD_PERCENT|$INGESTD_MESSAGE" >> ' + str(
        told
    )
    failures = Failures()
    hook = BayHook([script(tmp_path, body), "first"], failures)
    hook.tell(word(BayState.DONE, percent=100, may_be_removed=True, message="可以取走"))
    wait_until(lambda: len(lines_of(told)) == 1, what="the hook")
    hook.close()
    assert lines_of(told) == ["first|bay-1|done|1|100|可以取走"]
    assert failures.count == 0


def test_one_call_at_a_time_for_a_bay_and_only_the_latest_change_is_told(tmp_path: Path) -> None:
    told, gate = tmp_path / "told", tmp_path / "gate"
    body = f'echo "$INGESTD_STATE" >> {told}; while [ ! -e {gate} ]; do sleep 0.05; done'
    hook = BayHook([script(tmp_path, body)], Failures())
    hook.tell(word(BayState.READING))
    wait_until(lambda: lines_of(told) == ["reading"], what="the first call")
    for state in (BayState.COPYING, BayState.VERIFYING, BayState.DONE):
        hook.tell(word(state))
    gate.touch()
    wait_until(lambda: len(lines_of(told)) == 2, what="the second call")
    hook.close()
    assert lines_of(told) == ["reading", "done"]


def test_bays_do_not_wait_for_each_other(tmp_path: Path) -> None:
    told = tmp_path / "told"
    body = f'[ "$INGESTD_BAY" = slow ] && sleep 60; echo "$INGESTD_BAY" >> {told}'
    hook = BayHook([script(tmp_path, body)], Failures())
    hook.tell(word(BayState.DONE, "slow"))
    hook.tell(word(BayState.DONE, "quick"))
    wait_until(lambda: lines_of(told) == ["quick"], what="the quick bay")
    hook.close()


def test_a_command_that_hangs_is_killed_with_its_children_and_counted(tmp_path: Path) -> None:
    told, failures = tmp_path / "told", Failures()
    hook = BayHook([script(tmp_path, f"sleep 3 && touch {told} & wait")], failures, seconds=0.3)
    with capture_logs() as logs:
        hook.tell(word(BayState.DONE))
        wait_until(lambda: failures.count == 1, what="the failure")
    assert "took longer than 0.3 s" in logs[0]["words"]
    assert not threading.Event().wait(3.2)
    assert not told.exists()
    hook.close()


@pytest.mark.parametrize(
    ("body", "words"), [("echo no lamp >&2; exit 3", "ended with status 3: no lamp"), (None, "cannot be started")]
)
def test_a_command_that_fails_is_logged_and_counted(tmp_path: Path, body: str | None, words: str) -> None:
    failures = Failures()
    command = script(tmp_path, body) if body else str(tmp_path / "nothing")
    hook = BayHook([command], failures)
    with capture_logs() as logs:
        hook.tell(word(BayState.DONE))
        wait_until(lambda: failures.count == 1, what="the failure")
    hook.close()
    assert words in logs[0]["words"]
    assert logs[0]["bay"] == "bay-1"


def test_closing_kills_what_runs_and_calls_nothing_more(tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    hook = BayHook([script(tmp_path, f"touch {begun}; sleep 60; touch {ended}")], Failures())
    hook.tell(word(BayState.DONE))
    wait_until(begun.exists, what="the call")
    hook.close()
    begun.unlink()
    hook.tell(word(BayState.FREE))
    assert not begun.exists()
    assert not ended.exists()


@pytest.mark.parametrize("hook", [["bay-led"], ["./bay-led"], ["/bin/echo", "a\0b"]])
def test_a_command_without_its_whole_path_is_refused(hook: list[str]) -> None:
    with pytest.raises(ValueError, match="whole path|NUL"):
        BaysSettings(hook=tuple(hook))
