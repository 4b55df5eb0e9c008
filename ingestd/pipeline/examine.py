"""Examine: facts and findings of files where they lie, without a station, vault or catalogue. Copies nothing."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingestd.core.clock import Clock
from ingestd.core.damage import damage_findings
from ingestd.core.errors import MediaError, NotFoundError, SourceError
from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding, Scope, finding
from ingestd.core.likeness import structure_findings
from ingestd.core.matching import chosen, match_profiles
from ingestd.core.model import EntryKind, SourceFile
from ingestd.core.naming import card_path
from ingestd.core.positions import position_findings, with_datum
from ingestd.core.profile import ParsedName, RecorderProfile, parse_name, preferring
from ingestd.core.recorderclock import clock_findings
from ingestd.core.salvaging import is_convincing, needs_reference, reference_of, salvaged_finding, with_end
from ingestd.core.settings import Settings
from ingestd.core.siblingedits import by_content, sibling_findings, without_explained
from ingestd.core.siblings import Sibling
from ingestd.core.sidecars import PositionRules
from ingestd.core.tamper import edit_findings
from ingestd.core.timeline import file_findings
from ingestd.devices.card import list_card, open_source
from ingestd.devices.mounts import FolderMounter
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.clocks import CONTRADICTING, measured_beside
from ingestd.pipeline.look import look_at
from ingestd.pipeline.overlaps import compared
from ingestd.pipeline.sets import CompareContent, Shared, habits_of, judged_takes, segment_of_sibling
from ingestd.pipeline.tag import recorded_times

_SPECIAL = {EntryKind.LINK: "file.link", EntryKind.SPECIAL: "file.special", EntryKind.UNREADABLE: "read.error"}


@dataclass(frozen=True, slots=True)
class Examined:
    """`files` and `sets` in the shape of `analyse --json` (docs/reference/cli.md)."""

    files: list[dict[str, Any]]
    sets: list[dict[str, Any]]


@dataclass(slots=True)
class _Look:
    """One entry with what was found out about it."""

    shown: str
    name: ParsedName
    facts: MediaFacts | None
    findings: list[Finding]
    sibling: Sibling | None = None
    place: tuple[Path, SourceFile] | None = None
    """The path of the command line under which it was found, and its entry there."""


def examine(
    paths: Sequence[Path],
    *,
    settings: Settings,
    profiles: tuple[RecorderProfile, ...],
    media: MediaWorker,
    clock: Clock,
    on_file: Callable[[str], None] = lambda _: None,
    has_look: bool = False,
) -> Examined:
    """Look at files and folders like at cards: never following a link, never opening a pipe.

    With `has_look` pictures and sound are decoded too, where that can show something.

    Raises:
        NotFoundError: a path is not there.
        SourceError, RefusedError: a path cannot be read at all.
    """
    looks: list[_Look] = []
    for path in paths:
        if not os.path.lexists(path):
            raise NotFoundError(f"{path} is not there")
        with FolderMounter(path).mount() as mounted:
            limits = settings.copying
            listing = list_card(
                mounted.root_fd,
                max_entries=limits.max_entries,
                max_depth=limits.max_depth,
                still_there=mounted.still_there,
                only=mounted.only,
            )
            base = card_path(os.fsencode(path if mounted.only is None else path.parent)).text
            names = [entry.path.text for entry in listing.entries if entry.kind is EntryKind.FILE]
            family = chosen(match_profiles(mounted.volume, names, profiles))
            ordered = preferring(profiles, family.id if family is not None else None)
            for entry in listing.entries:
                shown = str(Path(base, entry.path.text))
                on_file(shown)
                look = _look(mounted.root_fd, entry, shown, settings, ordered, media, has_look=has_look)
                if look.facts is not None:
                    look.sibling = _sibling(look, look.facts, entry, clock)
                    look.place = (path, entry)
                looks.append(look)
    _tell_torn_ends(looks, settings, media)
    by_path = {look.shown: look for look in looks}

    def compare(overlaps: Sequence[Finding]) -> Shared:
        return compared(overlaps, media, lambda key: _opened_sized(by_path[key]), settings.media.timeout_seconds)

    return _judged(looks, profiles, compare)


def _look(
    root_fd: int,
    entry: SourceFile,
    shown: str,
    settings: Settings,
    profiles: tuple[RecorderProfile, ...],
    media: MediaWorker,
    *,
    has_look: bool,
) -> _Look:
    zone = settings.station.zone_info
    name = parse_name(entry.path.text, profiles, zone)
    if name.device is None and name.start is None:
        # Inside a folder of a card the grammar may need the folders above, which the command line named.
        name = parse_name(shown, profiles, zone)
    if entry.kind in _SPECIAL:
        return _Look(shown, name, None, [finding(_SPECIAL[entry.kind], evidence={"note": entry.note})])
    try:
        descriptor = open_source(root_fd, entry.path)
    except SourceError as error:
        return _Look(shown, name, None, [finding("read.error", evidence={"error": error.message})])
    try:
        rules = next((one.position for one in profiles if one.id == name.profile_id), PositionRules())
        sidecar = rules.rule_of(entry.path.text)
        facts = media.probe(descriptor, entry.size_bytes, settings.media.timeout_seconds, sidecar=sidecar)
        facts = facts.model_copy(update={"fixes": with_datum(facts.fixes, rules.datum)})
        facts = media.damaged(descriptor, facts, settings.media.timeout_seconds)
        found = (*file_findings(facts), *damage_findings(facts), *edit_findings(facts), *position_findings(facts.fixes))
        facts, seen = look_at(descriptor, facts, settings.look, media, found) if has_look else (facts, ())
    except MediaError as error:
        return _Look(shown, name, None, [finding("job.parked", evidence={"job": "analyse", "error": error.message})])
    finally:
        os.close(descriptor)
    return _Look(shown, name, facts, [*found, *seen])


def _tell_torn_ends(looks: Sequence[_Look], settings: Settings, media: MediaWorker) -> None:
    """Files without an index: the last intact second, by a walk after a sibling's pattern. Nothing is written."""
    siblings = {look.shown: look.sibling for look in looks if look.sibling is not None}
    by_path = {look.shown: look for look in looks}
    for look in looks:
        if look.facts is None or look.sibling is None or not needs_reference(look.facts):
            continue
        teacher = reference_of(look.sibling, siblings.values())
        if teacher is None:
            continue
        try:
            with _opened(look) as torn, _opened(by_path[teacher.key]) as reference:
                sizes = (look.facts.size_bytes, teacher.facts.size_bytes)
                salvaged = media.salvage((torn, reference), sizes, None, settings.media.timeout_seconds)
        except (MediaError, SourceError):
            # Without an answer the weaker truth stands: the file is torn, and nobody knows where.
            continue
        if is_convincing(salvaged) and salvaged["intact_until_s"] is not None:
            found = salvaged_finding(look.facts, salvaged, reference=teacher.shown, copy=None)
            look.findings = [found if one.code == found.code else one for one in look.findings]
            look.facts = with_end(look.facts, salvaged)
            look.sibling = replace(look.sibling, facts=look.facts)


@contextmanager
def _opened(look: _Look) -> Iterator[int]:
    assert look.place is not None
    path, entry = look.place
    with FolderMounter(path).mount() as mounted:
        descriptor = open_source(mounted.root_fd, entry.path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _opened_sized(look: _Look) -> Iterator[tuple[int, int]]:
    with _opened(look) as descriptor:
        yield descriptor, look.facts.size_bytes if look.facts is not None else 0


def _sibling(look: _Look, facts: MediaFacts, entry: SourceFile, clock: Clock) -> Sibling:
    device = look.name.device
    return Sibling(
        key=look.shown,
        recorder_key=device or "unknown",
        facts=facts,
        name=look.name,
        times=recorded_times(entry.modified_ns, facts, look.name, clock.now()),
        shown=look.shown,
        is_recorder_known=device is not None,
    )


def _judged(looks: Sequence[_Look], profiles: Sequence[RecorderProfile], compare: CompareContent) -> Examined:
    siblings = [look.sibling for look in looks if look.sibling is not None]
    usual = Counter(one.name.profile_id for one in siblings)
    habits = habits_of(usual, profiles)
    edits = sibling_findings(siblings, habits)
    result = judged_takes([segment_of_sibling(one) for one in by_content(siblings, edits)], habits, compare)
    of_takes = without_explained(result.findings, edits, siblings)
    by_path = {look.shown: look for look in looks}
    for found in (*of_takes, *structure_findings(siblings), *edits):
        if found.scope is Scope.FILE and found.file is not None:
            by_path[found.file].findings.append(found)
    files = [
        {
            "path": look.shown,
            "facts": look.facts.model_dump(mode="json") if look.facts is not None else None,
            "findings": [found.model_dump(mode="json") | {"file": look.shown} for found in look.findings],
        }
        for look in looks
    ]
    odd = {found.file for found in edits if found.code in CONTRADICTING}
    clocks = measured_beside([one for one in siblings if one.key not in odd])
    of_clocks = [found for readings in clocks.values() for found in clock_findings(readings)]
    sets = [found.model_dump(mode="json") for found in (*of_takes, *of_clocks) if found.scope is not Scope.FILE]
    return Examined(files, sets)
