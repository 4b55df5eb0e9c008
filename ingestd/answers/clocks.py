"""When a recording was made by true time, as a document."""

from typing import Any

from ingestd.answers.texts import local_time
from ingestd.core.clock import from_text
from ingestd.core.recorderclock import ClockHistory, clock_history, corrected, position_reading
from ingestd.core.segments import TRUSTED_SOURCES
from ingestd.core.settings import Settings
from ingestd.core.siblingclocks import clocks_of
from ingestd.pipeline.sets import sibling_of
from ingestd.stores.clocks import KeptReading
from ingestd.stores.search import Row
from ingestd.wiring import open_clock_book


def corrected_document(row: Row, settings: Settings) -> dict[str, Any] | None:
    """When a recording was made by true time, as far as its recorder's clock was measured; null where nobody can say.

    Only of times that the recorder itself wrote.
    """
    is_own = row["tags"] is not None and row["tags"]["times_source"] in TRUSTED_SOURCES
    if not is_own or row["facts"] is None or row["recorded_start"] is None:
        return None
    recorder = row["admission_settled_recorder"] or row["recorder_id"]
    history = history_of(open_clock_book(settings).readings_of(recorder) if recorder else [])
    own = position_reading(clocks_of(sibling_of(row)))
    found = corrected(from_text(row["recorded_start"]), from_text(row["recorded_end"]), history, own)
    return None if found is None else found.document()


def corrected_words(document: dict[str, Any] | None, settings: Settings) -> str:
    """The corrected interval for people."""
    if document is None:
        return "–"
    zone = settings.station.zone_info
    span = f"{local_time(document['start'], zone)} – {local_time(document['end'], zone)}"
    words = f"{span} ± {document['uncertainty_s']:.1f} s, {document['confidence']}"
    return "; ".join((words, *document["doubts"]))


def history_of(kept: list[KeptReading]) -> ClockHistory:
    """Without the readings of dockings of which a person must still say whose recorder it was."""
    return clock_history([one.reading for one in kept if not one.is_disputed])
