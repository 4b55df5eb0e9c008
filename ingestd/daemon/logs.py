"""Structured logs: one JSON line an event on standard error, which journald keeps as it is."""

import logging
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import structlog

from ingestd.core.custody import Entry
from ingestd.core.settings import LogSettings


def configure(settings: LogSettings, stream: TextIO = sys.stderr) -> None:
    """Set up structlog for the process."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if settings.format == "json":
        processors.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    else:
        processors.append(structlog.dev.ConsoleRenderer(colors=stream.isatty()))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def use_level(settings: LogSettings) -> None:
    """Change what is worth a line, from now on."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))


_SUBJECTS = {
    "fleet": "recorder",
    "roster": "recorder",
    "device": "visit",
    "release": "release_id",
    "case": "case",
    "complaint": "complaint",
    "unit": "unit",
    "vessel": "recording_id",
    "hold": "hold",
    "carrier": "carrier",
    "account": "account",
    "session": "account",
    "disposal": "plan",
    "regime": "regime",
    "retention": "recording_id",
    "structure": "about",
    "fixity": "recording_id",
    "replica": "recording_id",
}
"""What the subject of an act is, by the first half of the act's name; of all others it is a docking, or a recording of
the docking that the act names."""


def log_entries(entries: Sequence[Entry]) -> None:
    """One line for each act, with docking id and recording id, or whatever else its subject is."""
    log = structlog.get_logger()
    for entry in entries:
        words: dict[str, Any] = {"seq": entry.seq}
        kind = _SUBJECTS.get(entry.act.partition(".")[0])
        docking = entry.data.get("docking_id")
        if kind is not None:
            words |= {"docking_id": docking, kind: entry.subject}
        else:
            words["docking_id"] = docking or entry.subject
            if entry.subject != words["docking_id"]:
                words["recording_id"] = entry.subject
        for key in ("outcome", "sha256", "kind", "path"):
            if key in entry.data:
                words[key] = entry.data[key]
        codes = [finding["code"] for finding in entry.data.get("findings", ())]
        if codes:
            words["findings"] = codes
        log.info(entry.act, **{key: value for key, value in words.items() if value is not None})
