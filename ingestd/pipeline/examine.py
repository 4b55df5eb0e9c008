"""Examine: facts and findings of files where they lie, without a station, vault or catalogue. Copies nothing."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestd.core.clock import Clock
from ingestd.core.errors import MediaError, NotFoundError, SourceError
from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding, Scope, finding
from ingestd.core.model import EntryKind, SourceFile
from ingestd.core.naming import card_path
from ingestd.core.profile import ParsedName, RecorderProfile, parse_name
from ingestd.core.segments import Segment
from ingestd.core.settings import Settings
from ingestd.core.takes import assemble_takes
from ingestd.core.timeline import file_findings
from ingestd.devices.card import list_card, open_source
from ingestd.devices.mounts import FolderMounter
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.sets import habits_of, segment_of
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
    segment: Segment | None = None


def examine(
    paths: Sequence[Path],
    *,
    settings: Settings,
    profiles: tuple[RecorderProfile, ...],
    media: MediaWorker,
    clock: Clock,
    on_file: Callable[[str], None] = lambda _: None,
) -> Examined:
    """Look at files and folders like at cards: never following a link, never opening a pipe.

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
            for entry in listing.entries:
                shown = str(Path(base, entry.path.text))
                on_file(shown)
                look = _look(mounted.root_fd, entry, shown, settings, profiles, media)
                if look.facts is not None:
                    look.segment = _segment(look, look.facts, entry, clock)
                looks.append(look)
    return _judged(looks, profiles)


def _look(
    root_fd: int,
    entry: SourceFile,
    shown: str,
    settings: Settings,
    profiles: tuple[RecorderProfile, ...],
    media: MediaWorker,
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
        facts = media.probe(descriptor, entry.size_bytes, settings.media.timeout_seconds)
    except MediaError as error:
        return _Look(shown, name, None, [finding("job.parked", evidence={"job": "analyse", "error": error.message})])
    finally:
        os.close(descriptor)
    return _Look(shown, name, facts, list(file_findings(facts)))


def _segment(look: _Look, facts: MediaFacts, entry: SourceFile, clock: Clock) -> Segment:
    device = look.name.device
    times = recorded_times(entry.modified_ns, facts, look.name, clock.now())
    key = device or "unknown"
    return segment_of(look.shown, key, facts, times, look.name, is_recorder_known=device is not None)


def _judged(looks: Sequence[_Look], profiles: Sequence[RecorderProfile]) -> Examined:
    segments = [look.segment for look in looks if look.segment is not None]
    usual = Counter(look.name.profile_id for look in looks if look.segment is not None)
    result = assemble_takes(segments, habits_of(usual, profiles))
    by_path = {look.shown: look for look in looks}
    for found in result.findings:
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
    sets = [found.model_dump(mode="json") for found in result.findings if found.scope is not Scope.FILE]
    return Examined(files, sets)
