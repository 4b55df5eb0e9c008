"""Deciding a recording's tag, hand-over and retention: first, and again when roster, cases, holds or people say more.

The one door for it (decision 15). Whoever changes what a recording's officers, case, evidence mark, holds or hand-over
are comes here afterwards; acts are entered only where something differs, and no change shortens a promised term. A
recording stays under the edition of the rules that it was decided under: another one reaches it by an approved change
of regime only (`regime_change`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding
from ingestd.core.handover import HandOver
from ingestd.core.lifecycle import State
from ingestd.core.model import BUREAU_ZONE, Analysed
from ingestd.core.retention_rules import TermRules
from ingestd.core.terms import RetentionDecision, with_promises
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.register import adoption_of, hand_over_for, register, retention_for
from ingestd.pipeline.tag import tag, told_of_user
from ingestd.pipeline.track import position_tags
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.handover import Bearing, HandOverBook
from ingestd.stores.holds import HoldBook
from ingestd.stores.positions import PositionBook
from ingestd.stores.search import Row, sealed_of
from ingestd.stores.terms import TermBook

_FIXED_TAGS = ("name", "times_source", "times_zone", "position", "place")
"""What a file and its card told when it was tagged; no later word of a person changes it."""

_TAG_CODES = ("identity.conflict",)
"""Codes of the findings that tagging makes of a recording."""

_DECIDED = (State.CATALOGUED, State.EVICTED)
"""States of recordings whose decision follows what is learnt; one whose disposal began is decided for good."""

_TOGETHER = 500


def enter_anew(parts: Parts, recordings: Iterable[str], because: str = "", *, are_tags_asked: bool = True) -> int:
    """Decide recordings again and enter what differs; gives how many acts that were. Safe from many threads.

    Args:
        because: the act that asks for it, as the ledger names acts; for people who read the ledger.
        are_tags_asked: false where nothing that bears on the tags changed; only hand-over and term are decided then.

    Raises:
        StoreError: as of `Chronicle.enter`; asked again, the same is entered.
    """
    wanted, entered = sorted(set(recordings)), 0
    for start in range(0, len(wanted), _TOGETHER):
        # Deciding and entering are one step: what another thread changes meanwhile is decided after this, not before.
        with parts.deciding:
            some = wanted[start : start + _TOGETHER]
            # In two steps: which holds reach a recording is asked by its tags as they are now, and not as they were.
            entered += _entered(parts, retagged(parts, some, because)) if are_tags_asked else 0
            entered += _entered(parts, redecided(parts, some, because))
    return entered


def _entered(parts: Parts, acts: Sequence[Act]) -> int:
    if acts:
        parts.chronicle.enter(*acts)
    return len(acts)


def on_changed(parts: Callable[[], Parts]) -> Callable[[Iterable[str]], None]:
    """What a desk calls with the recordings that its acts touched; `parts` are asked anew, a reload may change them."""

    def changed(recordings: Iterable[str]) -> None:
        enter_anew(parts(), recordings)

    return changed


def retagged(parts: Parts, recordings: Iterable[str], because: str = "") -> list[Act]:
    """The acts by which recordings are tagged anew from what is known now; none where nothing differs.

    A recording that was not tagged yet gets none: its turn comes. One that is being disposed of stays as it is.
    """
    acts: list[Act] = []
    dockings: dict[str, Row] = {}
    for bearing in HandOverBook(parts.chronicle.engine).bearings(recordings):
        row = bearing.row
        if row["state"] not in (State.TAGGED, *_DECIDED):
            continue
        if row["docking_id"] not in dockings:
            dockings[row["docking_id"]] = parts.catalogue.docking(row["docking_id"])
        acts += _retagged(parts, row, dockings[row["docking_id"]], because)
    return acts


def redecided(parts: Parts, recordings: Iterable[str], because: str = "", rules: TermRules | None = None) -> list[Act]:
    """The acts by which recordings are decided anew from what is known now; none where nothing differs.

    A recording that was not decided yet gets none: its turn comes. One that is being disposed of stays as it is.

    Args:
        rules: the edition of an approved change; null: each stays under its own.
    """
    acts: list[Act] = []
    for bearing, before, fresh in decisions(parts, recordings, rules):
        acts += _redecided(parts, bearing, before, fresh, because)
    if any(act.data.get("retention", {}).get("rules_sha256") == parts.regime.term_rules.sha256 for act in acts):
        acts = [*_adoption(parts), *acts]
    return acts


def decisions(
    parts: Parts, recordings: Iterable[str], rules: TermRules | None = None
) -> Iterator[tuple[Bearing, RetentionDecision, RetentionDecision]]:
    """For decided recordings what bears on each, the decision that stands, and the one that would stand now.

    Args:
        rules: the edition to decide under; null: each under its own. One that was decided before editions were kept is
            decided under the rules of now, and the longer of both stands.
    """
    engine = parts.chronicle.engine
    found = [one for one in HandOverBook(engine).bearings(recordings) if one.row["state"] in _DECIDED]
    stored = [RetentionDecision.model_validate(one.row["retention"]) for one in found]
    current = parts.regime.term_rules
    editions: dict[str, TermRules] = {}
    if rules is None:
        editions = TermBook(engine).editions(one.rules_sha256 for one in stored if one.rules_sha256 != current.sha256)
    holds = HoldBook(engine).of(one.row["recording_id"] for one in found)
    for bearing, before in zip(found, stored, strict=True):
        under = rules or editions.get(before.rules_sha256, current)
        held = holds.get(bearing.row["recording_id"], ())
        fresh = retention_for(bearing, held, rules=under, zone=parts.settings.station.zone_info)
        if fresh.rules_sha256 == before.rules_sha256:
            # A version that changed nothing of the terms is no reason to decide anew.
            versions = {"regime_version": before.regime_version, "based_on_version": before.based_on_version}
            fresh = fresh.model_copy(update=versions)
        yield bearing, before, with_promises(before, fresh)


def register_acts(parts: Parts, rows: Sequence[Row]) -> list[Act]:
    """The acts that catalogue tagged recordings, with all that is known of them at that moment."""
    engine = parts.chronicle.engine
    bearings = HandOverBook(engine).bearings(row["recording_id"] for row in rows)
    holds = HoldBook(engine).of(row["recording_id"] for row in rows)
    acts = [
        register(
            sealed_of(bearing.row),
            bearing,
            holds.get(bearing.row["recording_id"], ()),
            regime=parts.regime,
            zone=parts.settings.station.zone_info,
            now=parts.clock.now(),
        )
        for bearing in bearings
    ]
    return [*_adoption(parts), *acts] if acts else []


def _adoption(parts: Parts) -> list[Act]:
    """The rules of now, where the ledger does not hold them yet."""
    rules = parts.regime.term_rules
    return [] if TermBook(parts.chronicle.engine).has_edition(rules.sha256) else [adoption_of(rules)]


def tag_act(row: Row, docking: Row, parts: Parts) -> Act:
    """The act that tags an analysed recording of a docking."""
    sealed = sealed_of(row)
    zone = parts.settings.station.zone_info
    volume = docking["document"].get("volume") or {}
    facts = MediaFacts.model_validate(row["facts"]) if row["facts"] is not None else None
    tagged = tag(
        Analysed(sealed, facts, ()),
        profiles=parts.profiles,
        roster=parts.roster,
        zone=zone,
        docked_at=from_text(docking["opened_at"]),
        file_zone=zone if volume.get("file_times") == BUREAU_ZONE else None,
        holder_of=parts.fleet.holder_at,
        told=told_of_user(volume, DeviceActs(parts.chronicle.engine)),
        settled_recorder=docking["admission_settled_recorder"],
        position=position_tags(PositionBook(parts.catalogue, parts.vault).told_of(sealed.recording_id)),
    )
    times = {"start": to_text(tagged.times.start), "end": to_text(tagged.times.end), "source": tagged.times.source}
    found = documents(tagged.findings)
    data = {"docking_id": sealed.docking_id, "times": times, "tags": dict(tagged.tags), "findings": found}
    return Act(act="recording.tagged", subject=sealed.recording_id, data=data)


def _retagged(parts: Parts, row: Row, docking: Row, because: str) -> list[Act]:
    fresh = tag_act(row, docking, parts).data
    standing = row["tags"] or {}
    tags = fresh["tags"] | {key: standing[key] for key in _FIXED_TAGS if key in standing}
    rows = [
        one
        for code in _TAG_CODES
        for one in parts.catalogue.findings(recording=row["recording_id"], code=code)
        if one["code"] == code
    ]
    said, says = [one["document"] for one in rows], fresh["findings"]
    if tags == standing and said == says:
        return []
    data: dict[str, Any] = {
        "docking_id": row["docking_id"],
        "because": because,
        "tags": tags,
        "before": {
            key: standing.get(key) for key in tags.keys() | standing.keys() if tags.get(key) != standing.get(key)
        },
        "superseded": [one["finding_id"] for one in rows] if said != says else [],
        "findings": says if said != says else [],
    }
    return [Act(act="recording.retagged", subject=row["recording_id"], data=data)]


def _redecided(
    parts: Parts, bearing: Bearing, promised: RetentionDecision, retention: RetentionDecision, because: str
) -> list[Act]:
    row = bearing.row
    now, zone = parts.clock.now(), parts.settings.station.zone_info
    data: dict[str, Any] = {}
    before: dict[str, Any] = {}
    if retention != promised:
        data["retention"] = retention.model_dump(mode="json")
        before["retention"] = {
            "keep_until": promised.keep_until,
            "rules": [one.rule_id for one in promised.reasons],
            "regime": promised.regime,
            "regime_version": promised.regime_version,
        }
    standing = HandOver.model_validate(row["hand_over"])
    hand_over = hand_over_for(bearing, regime=parts.regime, zone=zone, now=now)
    if hand_over != standing:
        data["hand_over"] = hand_over.model_dump(mode="json")
        before["hand_over"] = {key: row["hand_over"].get(key) for key in ("state", "due", "started_at", "start_event")}
    if not data:
        return []
    data |= {"docking_id": row["docking_id"], "because": because, "before": before}
    return [Act(act="recording.redecided", subject=row["recording_id"], data=data)]


def documents(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Findings as JSON documents."""
    return [finding.model_dump(mode="json") for finding in findings]
