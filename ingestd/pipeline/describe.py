"""The background half of the path: analyse → tag → takes → register. The catalogue is its only queue."""

from collections.abc import Iterable, Iterator

from ingestd.core.custody import Act
from ingestd.core.errors import MediaError
from ingestd.core.findings import finding
from ingestd.core.lifecycle import State
from ingestd.core.model import Analysed
from ingestd.pipeline.analyse import analyse, parked
from ingestd.pipeline.clocks import measured_act
from ingestd.pipeline.overlaps import StationOverlaps
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import documents, enter_anew, register_acts, tag_act
from ingestd.pipeline.sets import assemble
from ingestd.pipeline.track import sidecar_acts, track_acts
from ingestd.pipeline.vanished import compared_act
from ingestd.stores.attempts import count_attempt, count_first_attempts, forget_attempts
from ingestd.stores.handover import HandOverBook
from ingestd.stores.listings import Listings
from ingestd.stores.search import Row, sealed_of
from ingestd.stores.structures import Structures

_BATCH = 64
_JOB = "analyse"


def describe(parts: Parts) -> int:
    """Take one batch of every stage one step further; returns how many steps were done, 0 when nothing is due.

    Raises:
        StoreError: the vault or the catalogue refuses; nothing of the batch was counted.
        StoppedError: asked to stop between two files.
    """
    done = _analyse_due(parts)
    rows = parts.catalogue.due_after(State.ANALYSED, limit=_BATCH)
    dockings = {one: parts.catalogue.docking(one) for one in {row["docking_id"] for row in rows}}
    with parts.deciding:
        done += _enter(parts, (tag_act(row, dockings[row["docking_id"]], parts) for row in rows))
    try:
        done += _assemble_due(parts)
    finally:
        # A docking whose takes cannot be told must not leave recordings without their term.
        with parts.deciding:
            done += _enter(parts, register_acts(parts, parts.catalogue.due_after(State.TAGGED, limit=_BATCH)))
    return done


def _assemble_due(parts: Parts) -> int:
    done = 0
    for docking in parts.catalogue.dockings_without_sets():
        with parts.deciding:
            _enter(parts, sidecar_acts(docking, parts))
        parts.chronicle.enter(*_docking_acts(docking, parts))
        # The hand-over clock counts from the end of the take, which grew by what this docking brought.
        around = HandOverBook(parts.chronicle.engine).recordings_of_takes_around(docking["docking_id"])
        enter_anew(parts, around, because="set.assembled", are_tags_asked=False)
        done += 1
    return done


def _docking_acts(docking: Row, parts: Parts) -> Iterator[Act]:
    """What a docking as a whole tells: its takes, its recorder's clock, and what vanished from the card."""
    engine = parts.chronicle.engine
    compare = StationOverlaps(parts).compared
    assembled = assemble(docking, parts.catalogue, Structures(engine), parts.profiles, compare)
    yield assembled
    listings = Listings(engine)
    measured = measured_act(docking, assembled, parts.catalogue, listings, parts.settings.station.zone_info)
    if measured is not None:
        yield measured
    compared = compared_act(docking, listings)
    if compared is not None:
        yield compared


def _enter(parts: Parts, acts: Iterable[Act]) -> int:
    entered = list(acts)
    if entered:
        parts.chronicle.enter(*entered)
    return len(entered)


def _analyse_due(parts: Parts) -> int:
    acts: list[Act] = []
    rows = parts.catalogue.due_after(State.SEALED, limit=_BATCH)
    engine, recordings = parts.chronicle.engine, [row["recording_id"] for row in rows]
    tried = count_first_attempts(engine, recordings, _JOB) if rows else {}
    to_count_on = set(tried)
    try:
        for row in rows:
            parts.stop.check()
            recording = row["recording_id"]
            attempt = count_attempt(engine, recording, _JOB) if recording in tried else 1
            to_count_on.discard(recording)
            analysed = _analysed(row, attempt, parts)
            if analysed is None:
                to_count_on.add(recording)
                continue
            if recording in tried:
                # From here on a crash is not this file's doing.
                forget_attempts(engine, [recording], _JOB)
            acts.extend(_analysed_acts(analysed, parts))
    finally:
        # What was analysed before a stop or a fault is kept; only the rest is asked for again. A stop or a failing
        # disk is no file's fault: those tries do not count.
        if acts:
            parts.chronicle.enter(*acts)
        if rows:
            forget_attempts(engine, [one for one in recordings if one not in to_count_on], _JOB)
    return len(rows)


def _analysed(row: Row, attempt: int, parts: Parts) -> Analysed | None:
    """Facts and findings; null when the child gave no answer and another try is due later."""
    sealed = sealed_of(row)
    if not parts.vault.has_file(sealed.vault_path, sealed.size_bytes):
        # Said and passed over: a lost original must not hold up those behind it.
        return Analysed(sealed, None, (finding("fixity.failed", evidence={"original": "missing or of another size"}),))
    limits = parts.settings.media
    if attempt > limits.attempts:
        # The station itself died during the last permitted try.
        return parked(sealed, MediaError("the station was killed while it read this file"), attempt - 1)
    try:
        profile = next((one for one in parts.profiles if one.id == sealed.profile_id), None)
        return analyse(
            sealed,
            parts.vault,
            parts.media,
            timeout_seconds=limits.timeout_seconds,
            positions=profile.position if profile is not None else None,
            exiftool=parts.exiftool,
        )
    except MediaError as error:
        return parked(sealed, error, attempt) if attempt >= limits.attempts else None


def _analysed_acts(analysed: Analysed, parts: Parts) -> list[Act]:
    facts, sealed = analysed.facts, analysed.sealed
    has_track = facts is not None and bool(facts.fixes)
    tracks = track_acts(sealed, facts.fixes, parts.vault, parts.areas) if facts is not None and has_track else []
    document = facts.model_dump(mode="json") if facts is not None else None
    if document is not None and has_track:
        # The points stand in the track; the ledger keeps what the tags will quote.
        document["fixes"] = _quoted(document["fixes"])
    data = {"docking_id": sealed.docking_id, "facts": document, "findings": documents(analysed.findings)}
    own = Act(act="recording.analysed", subject=sealed.recording_id, data=data)
    return [own, *tracks]


def _quoted(fixes: list[dict[str, object]], most: int = 4) -> list[dict[str, object]]:
    good = [fix for fix in fixes if not fix["is_doubtful"]]
    ends = good if len(good) <= most else [*good[: most // 2], *good[-(most // 2) :]]
    return ends or fixes[:1]
