"""A recording, and what was noticed about it, as a document."""

import datetime as dt
from typing import Any

from ingestd.answers.clocks import corrected_document
from ingestd.answers.explained import Explained
from ingestd.answers.marks import admission_document, officers_of
from ingestd.answers.texts import local_time
from ingestd.answers.vessel_words import vessel_document
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, from_text
from ingestd.core.disposal import ItemState
from ingestd.core.lifecycle import State
from ingestd.core.settings import Settings
from ingestd.retention.policy import standing_of
from ingestd.stores.search import Catalogue, Row
from ingestd.wiring import open_catalogue, open_disposals, open_vessels


def keep_words(document: dict[str, Any], settings: Settings) -> str:
    """The last day on which a recording is kept for certain; of one that is destroyed, by which disposal."""
    if document["disposal"] is not None:
        return f"{ItemState(document['disposal']['state']).words} {document['disposal']['number']}"
    if document["retention"] is None:
        return "–"
    if document["keep_until"] is None:
        return "a person decides"
    last_moment = from_text(document["keep_until"]) - dt.timedelta(seconds=1)
    return last_moment.astimezone(settings.station.zone_info).date().isoformat()


def disposal_of(row: Row, settings: Settings) -> dict[str, Any] | None:
    """What became of a recording that is destroyed, or being destroyed; null for others."""
    if row["state"] not in (State.CONDEMNED, State.DISPOSED):
        return None
    found = open_disposals(settings).standing_of([row["recording_id"]])[row["recording_id"]]
    return {key: found[key] for key in ("state", "number", "at", "certificate")}


def disposal_words(disposal: dict[str, Any], settings: Settings) -> str:
    """For people; the words stand where a path to the bytes would."""
    when = local_time(disposal["at"], settings.station.zone_info)
    return f"{ItemState(disposal['state']).words}, {disposal['number']}, {when}"


def recording_document(row: Row, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    """A recording as `list --json` gives it; the same after a rebuild of the catalogue."""
    tags = row["tags"] or {}
    keys = (
        "recording_id", "state", "kind", "card_path", "size_bytes", "sha256", "docking_id", "recorder_id", "sealed_at",
        "duration_s", "recorded_start", "recorded_end", "take_id", "keep_until", "retention", "hand_over", "vault_path",
        "sidecar_path", "origin",
    )  # fmt: skip
    codes = sorted({found["code"] for found in catalogue.findings(recording=row["recording_id"])})
    own = {key: row[key] for key in keys}
    standing = standing_of(row["retention"], SystemClock().now())
    admission = admission_document(row)
    told = {"standing": standing, "officers": officers_of(tags, admission), "tags": row["tags"], "findings": codes}
    return own | told | {"admission": admission, "disposal": disposal_of(row, settings)}


def finding_document(row: Row) -> dict[str, Any]:
    """A finding as `findings --json` gives it."""
    keys = ("finding_id", "recording_id", "docking_id", "noted_at")
    document: dict[str, Any] = row["document"] | {key: row[key] for key in keys}
    admission = admission_document(row)
    return document | {key: admission[key] for key in ("is_quarantined", "waits_for_person")}


def file_names(rows: list[Row], catalogue: Catalogue) -> dict[str, str]:
    """For each finding the names of the files that it is about."""
    ids = {row["recording_id"] for row in rows if row["recording_id"]}
    ids |= {one for row in rows for one in row["document"]["files"] or ()}
    known = catalogue.card_paths(sorted(ids))
    names = {}
    for row in rows:
        about = row["document"]["files"] or ([row["recording_id"]] if row["recording_id"] else [])
        paths = [known[one].rsplit("/", 1)[-1] for one in about if one in known]
        names[row["finding_id"]] = " → ".join(paths) or row["document"]["file"] or "–"
    return names


def shown_document(what: str, configuration: Configuration) -> dict[str, Any]:
    """Everything about one recording, as `show --json` gives it.

    Args:
        what: its id, the last 12 digits of it, its file name or SHA-256.

    Raises:
        NotFoundError: nothing, or more than one thing, answers.
    """
    return document_of(open_catalogue(configuration.settings).recording(what), configuration)


def document_of(row: Row, configuration: Configuration) -> dict[str, Any]:
    """Everything about a recording whose row is at hand, as `show --json` gives it."""
    settings = configuration.settings
    catalogue = open_catalogue(settings)
    noticed = catalogue.findings(recording=row["recording_id"])
    marks = Explained(configuration).marks(noticed)
    return recording_document(row, catalogue, settings) | {
        "facts": row["facts"],
        "corrected": corrected_document(row, settings),
        "findings": [found["document"] | marks[found["finding_id"]] for found in noticed],
        "declared": catalogue.docking(row["docking_id"])["document"].get("origin"),
        "sightings": catalogue.sightings_of(row["recording_id"]),
        "derived": catalogue.derived(row["recording_id"]),
        "vessels": vessel_document(row["recording_id"], open_vessels(settings)),
    }
