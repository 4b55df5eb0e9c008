"""The table of timed jobs, run by APScheduler."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from ingestd.core.clock import Clock

HOUSEKEEPING_SECONDS = 60
CLOCK_SECONDS = 900
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Every:
    """A job's rhythm: so many seconds from one run to the next, the first one so long after the start."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Daily:
    """A job's rhythm: once a day at this time of the bureau's day."""

    at: dt.time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table.

    `run` must be short, or hear the station's stop: the end of the station waits for it. `is_made_up_at_start` also
    runs it once at each start of the station, because a machine that is switched off every evening would never be
    there at the time of a daily job; such a job finds by itself that there is nothing to do.
    """

    name: str
    run: Callable[[], object]
    rhythm: Every | Daily
    is_made_up_at_start: bool = False


class Jobs:
    """Timed jobs of a running station.

    The rule for missed runs (a machine that slept, a run that took longer than its interval) is one for all: they are
    made up for once, not many times. No job runs twice at the same time, and none waits for another.

    Args:
        jobs: the table.
        clock: read once, for jobs that are made up for at the start.
        on_error: told the name of a job and what it met; the job runs again at its next time.
    """

    def __init__(self, jobs: Sequence[Job], clock: Clock, on_error: Callable[[str, BaseException], None]) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._on_error = on_error
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        for job in jobs:
            # The first run stands for every one that was missed while the station was off.
            first = {"next_run_time": clock.now()} if job.is_made_up_at_start else {}
            self._scheduler.add_job(job.run, _trigger(job.rhythm), id=job.name, **first)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def close(self) -> None:
        """No more runs; those under way end first."""
        self._scheduler.shutdown(wait=True)

    def _failed(self, event: JobExecutionEvent) -> None:
        self._on_error(event.job_id, event.exception)


def _trigger(rhythm: Every | Daily) -> IntervalTrigger | CronTrigger:
    if isinstance(rhythm, Every):
        return IntervalTrigger(seconds=rhythm.seconds)
    return CronTrigger(hour=rhythm.at.hour, minute=rhythm.at.minute, second=rhythm.at.second, timezone=rhythm.zone)
