"""AIS log files brought into the rolling store, each with what became of its lines."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import refuse_station
from ingestd.core.settings import AisSettings
from ingestd.core.stop import Stop
from ingestd.core.vessel_acts import ImportLogs
from ingestd.devices.ais import Capture, digest_of, log_lines, open_log
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.heard import HeardVessels

Document = dict[str, Any]

_TOGETHER = 2000
"""Lines between two looks at the stop, and reports entered with one transaction."""


class VesselLogs:
    """Reads log files into the store, one at a time. Safe from many threads.

    Args:
        on_imported: told of the spans of time that were added, first and last report each.
    """

    def __init__(
        self,
        heard: Callable[[], HeardVessels],
        chronicle: Chronicle,
        settings: Callable[[], AisSettings],
        clock: Clock,
        stop: Stop,
        on_imported: Callable[[list[tuple[str, str]]], object],
    ) -> None:
        self._open = heard
        self._chronicle = chronicle
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._on_imported = on_imported
        self._lock = threading.Lock()

    def take(self, request: ImportLogs) -> list[Document]:
        """Read files, one after the other; of each all that it tells is entered, or nothing.

        Returns for each `source`, `sha256`, `state`, `off_seconds`, `first`, `last`, `counts`
        (`core.ais.CaptureCounts`) and `message` (why it could not be read, else null). States: `imported`; `known`, the
        very file was imported before (nothing is added, the counts are those of then); `wrong_dates`, its dates cannot
        be right (nothing is added); `nothing`, no vessel told anything; `unreadable`.

        Raises:
            RefusedError: nobody signs, a path is not absolute, or the zone is none; no file was read.
            StoppedError, StoreError: nothing was kept of the file that was being read.
        """
        refuse_station(request.by)
        zone = _zone(request.zone) if request.zone else None
        for path in request.paths:
            if not Path(path).is_absolute():
                raise RefusedError(f"the path {path!r} must be absolute")
        documents = []
        with self._lock:
            heard, settings = self._open(), self._settings()
            for path in request.paths:
                try:
                    documents.append(self._take(heard, Path(path), settings, request, zone))
                except RefusedError as error:
                    documents.append(_document(Path(path).name, None, "unreadable", message=error.message))
            heard.prune(self._clock.now(), settings.keep_days, settings.max_bytes)
        self._on_imported(_spans(documents))
        return documents

    def _take(
        self, heard: HeardVessels, path: Path, settings: AisSettings, request: ImportLogs, zone: ZoneInfo | None
    ) -> Document:
        digest = digest_of(path)
        known = heard.capture_of(digest)
        if known is not None:
            return _document(path.name, digest, "known", known, known["document"])
        heard.forget_unfinished()
        capture = Capture(
            self._clock.now,
            tolerance_seconds=settings.tolerance_seconds,
            zone=zone,
            shift_seconds=request.shift_seconds,
        )
        number = heard.begin(path.name, digest, request.by, self._clock.now())
        is_kept = False
        try:
            repeats = self._read(heard, path, capture, number)
            counts, off_seconds = capture.counts, capture.witness.off_seconds()
            counts.repeats, counts.positions = repeats, counts.positions - repeats
            told = counts.positions + counts.repeats + counts.identities
            is_wrong = off_seconds is not None or (counts.wrong_dates > 0 and told == 0)
            state = "wrong_dates" if is_wrong else "imported" if told else "nothing"
            is_kept = state == "imported"
            if is_kept:
                heard.finish(number, counts.document(), self._clock.now())
        finally:
            if not is_kept:
                heard.forget(number)
        document = _document(path.name, digest, state, heard.capture_of(digest), counts.document(), off_seconds)
        told_of = {"shift_seconds": request.shift_seconds, "zone": request.zone or None}
        self._chronicle.enter(Act(act="vessel.log_imported", actor=request.by, data=document | told_of))
        return document

    def _read(self, heard: HeardVessels, path: Path, capture: Capture, number: int) -> int:
        """Read a file to its end; how many reports were known already."""
        repeats = 0
        with open_log(path) as file:
            try:
                lines = log_lines(file)
                while some := list(islice(lines, _TOGETHER)):
                    self._stop.check()
                    told = [one for line in some if (one := capture.take(line)) is not None]
                    if told:
                        repeats += heard.add(number, told, self._clock.now())
            except OSError as error:
                raise RefusedError(f"{path} cannot be read to its end: {error.strerror}") from error
        capture.close()
        return repeats


def _spans(documents: Iterable[Document]) -> list[tuple[str, str]]:
    """First and last report of each import that added something."""
    imported = (one for one in documents if one["state"] == "imported")
    return [(one["first"], one["last"]) for one in imported if one["first"] is not None]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RefusedError(f"zone = {name!r} is no time zone", "write it as in Asia/Shanghai, or UTC") from error


def _document(
    source: str,
    digest: str | None,
    state: str,
    capture: Mapping[str, Any] | None = None,
    counts: Document | None = None,
    off_seconds: float | None = None,
    message: str | None = None,
) -> Document:
    return {
        "source": source,
        "sha256": digest,
        "state": state,
        "off_seconds": round(off_seconds, 1) if off_seconds is not None else None,
        "first": _text(capture["first_ms"]) if capture is not None else None,
        "last": _text(capture["last_ms"]) if capture is not None else None,
        "counts": counts,
        "message": message,
    }


def _text(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return to_text(dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=at_ms))
