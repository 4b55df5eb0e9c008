"""The table of timed jobs, run by APScheduler."""

from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

HOUSEKEEPING_SECONDS = 60
CLOCK_SECONDS = 900


class Jobs:
    """Timed jobs of a running station. A missed run (a sleeping machine) is made up for once, not many times."""

    def __init__(self, *, housekeeping: Callable[[], None], clock_check: Callable[[], None]) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(housekeeping, "interval", seconds=HOUSEKEEPING_SECONDS, id="housekeeping")
        self._scheduler.add_job(clock_check, "interval", seconds=CLOCK_SECONDS, id="clock")

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def close(self) -> None:
        """No more runs; one under way ends first."""
        self._scheduler.shutdown(wait=True)
