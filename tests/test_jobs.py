"""Timed jobs: each runs by its own rhythm, a fault of one is told and ends nothing, missed days are made up once."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from ingestd.core.clock import SystemClock
from ingestd.daemon.jobs import Daily, Every, Job, Jobs

ZONE = ZoneInfo("Asia/Shanghai")
LONG = 3600.0


@contextmanager
def running(*jobs: Job) -> Iterator[list[tuple[str, BaseException]]]:
    told: list[tuple[str, BaseException]] = []
    table = Jobs(jobs, SystemClock(), lambda name, error: told.append((name, error)))
    table.start()
    try:
        yield told
    finally:
        table.close()


def far_time() -> dt.time:
    """A time of the bureau's day that is hours away, so that the day's own run cannot come in between."""
    return (dt.datetime.now(ZONE) + dt.timedelta(hours=6)).time().replace(microsecond=0)


def test_a_daily_job_of_a_station_that_was_off_is_made_up_once_at_its_start() -> None:
    ran = threading.Event()
    with running(Job("daily", ran.set, Daily(far_time(), ZONE), is_made_up_at_start=True)):
        assert ran.wait(30)


def test_a_job_waits_for_its_time() -> None:
    ran, other = threading.Event(), threading.Event()
    daily = Job("daily", ran.set, Daily(far_time(), ZONE))
    with running(daily, Job("other", other.set, Every(0.05))):
        assert other.wait(30)
    assert not ran.is_set()


def test_a_job_that_fails_is_told_by_its_name_and_runs_again() -> None:
    tries = threading.Semaphore(0)

    def fail() -> None:
        tries.release()
        raise ValueError("no")

    with running(Job("failing", fail, Every(0.05))) as told:
        assert tries.acquire(timeout=30)
        assert tries.acquire(timeout=30)
    assert told[0][0] == "failing"
    assert str(told[0][1]) == "no"


def test_a_long_job_holds_up_no_other() -> None:
    release, ran = threading.Event(), threading.Event()
    long = Job("long", lambda: release.wait(30), Every(LONG), is_made_up_at_start=True)
    with running(long, Job("short", ran.set, Every(0.05))):
        assert ran.wait(30)
        release.set()
