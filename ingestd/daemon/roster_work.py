"""The roster beside a running station: its file is taken in, and recordings are decided again behind changes."""

from collections.abc import Callable

import structlog

from ingestd.casework.roster import RosterDesk
from ingestd.config.load import Configuration
from ingestd.core.errors import IngestdError
from ingestd.core.roster import term_words
from ingestd.core.stop import Stop
from ingestd.daemon.background import Worker
from ingestd.wiring import take_roster_file


class RosterWork:
    """Takes the roster file in, and has recordings decided again that changes of the roster touch."""

    def __init__(self, desk: RosterDesk, stop: Stop, on_error: Callable[[str, str], None]) -> None:
        self.desk = desk
        self.problem = ""
        """What of the roster file could not be entered, in words; empty where all of it is."""
        self._on_error = on_error
        self.worker = Worker("roster", desk.settle, stop, on_error, idle_seconds=None)

    def take_file(self, configuration: Configuration) -> None:
        """Enter what changed in the roster file.

        A row that contradicts the register stops no station: it is said, and looked at again at the next reading.
        """
        self.problem = self._take_file(configuration)

    def _take_file(self, configuration: Configuration) -> str:
        log, zone = structlog.get_logger(), configuration.settings.station.zone_info
        try:
            changes = take_roster_file(configuration, self.desk)
        except IngestdError as error:
            log.error("roster.failed", words=error.message)
            self._on_error(error.code, error.message)
            return f"the roster file was not taken in: {error.message}"
        for row, words, advice in changes.refused:
            term = term_words(row, zone)
            log.warning(
                "roster.refused", recorder=row.recorder, officer=row.officer, term=term, words=words, advice=advice
            )
        if changes.has_lost_all_rows:
            log.warning("roster.file_is_empty", words="the roster file has no rows any more; no entry was ended")
        if changes.acts:
            self.worker.wake()
        if changes.refused:
            row, words, _ = changes.refused[0]
            return f"{len(changes.refused)} rows of the roster file are not in the roster, first {row.officer}: {words}"
        return "the roster file has no rows any more; no entry was ended" if changes.has_lost_all_rows else ""
