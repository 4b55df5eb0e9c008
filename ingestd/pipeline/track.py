"""The position track of a recording: GPX 1.1 for people, compact points for programs, and a short word for the tags.

Derived, made again at will. A recording without positions of its own gets those of the sidecar that lay beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gpxpy.gpx

from ingestd.core.areas import Areas
from ingestd.core.custody import Act
from ingestd.core.facts import Fix, MediaKind
from ingestd.core.manifest import sha256_of
from ingestd.core.model import Sealed
from ingestd.core.naming import derived_path
from ingestd.core.positions import TrackPoint, encoded, is_of_tags, position_summary, track_fixes, track_points
from ingestd.core.profile import RecorderProfile
from ingestd.core.sidecars import belongs, without_extension
from ingestd.pipeline.parts import Parts
from ingestd.stores.durable import make_directory, replace_whole
from ingestd.stores.positions import KIND, PositionBook
from ingestd.stores.search import Row, sealed_of
from ingestd.stores.vault import Vault

_GPX_FIX = {"none": "none", "2d": "2d", "3d": "3d", "dgps": "dgps"}
_MOST_RECORDINGS = 1_000_000


def gpx_text(points: Sequence[TrackPoint]) -> str:
    """A GPX track; doubtful points are left out of the line and counted in the description (they stay in the original).

    Longitudes and latitudes are the recorder's raw values; the datum is named, not converted.
    """
    good = [point for point in points if not point.is_doubtful]
    segment = gpxpy.gpx.GPXTrackSegment([_gpx_point(point) for point in good])
    datums, sources = sorted({point.datum for point in points}), sorted({point.source for point in points})
    track = gpxpy.gpx.GPXTrack(
        description=f"{len(good)} fixes, {len(points) - len(good)} doubtful ones left out; "
        f"datum {', '.join(datums)}; from {', '.join(sources)}"
    )
    track.segments.append(segment)
    document = gpxpy.gpx.GPX()
    document.creator = "ingestd"
    document.tracks.append(track)
    return document.to_xml(version="1.1")


def _gpx_point(point: TrackPoint) -> gpxpy.gpx.GPXTrackPoint:
    made = gpxpy.gpx.GPXTrackPoint(point.latitude, point.longitude, elevation=point.altitude_m, time=point.at_utc)
    made.type_of_gpx_fix = _GPX_FIX.get(point.quality or "")
    return made


def track_acts(sealed: Sealed, fixes: Sequence[Fix], vault: Vault, areas: Areas) -> list[Act]:
    """Store the track of a recording's own fixes; the acts that say so."""
    return _stored(sealed, track_points(track_fixes(fixes)), vault, areas, {})


def _stored(
    sealed: Sealed, points: Sequence[TrackPoint], vault: Vault, areas: Areas, beside: Mapping[str, Any]
) -> list[Act]:
    summary = {**(position_summary(points) or {}), **beside}
    brief = {"fixes": len(points), "doubtful": sum(point.is_doubtful for point in points)}
    place = areas.place_of(points)
    return [
        _kept(sealed, "track", ".track.gpx", gpx_text(points).encode("utf-8"), brief, vault),
        _kept(
            sealed, KIND, ".positions.jsonl.gz", encoded(points, sealed.recording_id), summary | {"place": place}, vault
        ),
    ]


def _kept(sealed: Sealed, kind: str, suffix: str, data: bytes, document: dict[str, Any], vault: Vault) -> Act:
    path = derived_path(sealed.vault_path, suffix)
    make_directory(vault.path(path).parent)
    replace_whole(vault.path(path), data)
    about = {"docking_id": sealed.docking_id, "kind": kind, "path": path}
    held = {"sha256": sha256_of(data), "size_bytes": len(data), "document": document}
    return Act(act="derived.made", subject=sealed.recording_id, data=about | held)


def sidecar_acts(docking: Row, parts: Parts) -> Iterator[Act]:
    """The tracks of a docking's recordings that have none of their own but a sidecar of their name, and their tags.

    A sidecar belongs to the recording of the same path without the extension, or as the recorder's profile says.

    Raises:
        StoreError: the vault refuses a track.
    """
    rows = parts.catalogue.recordings(docking=docking["docking_id"], limit=_MOST_RECORDINGS)
    sidecars = [row for row in rows if row["kind"] == MediaKind.TEXT and (row["facts"] or {}).get("fixes")]
    if not sidecars:
        return
    book = PositionBook(parts.catalogue, parts.vault)
    rules = {profile.id: profile for profile in parts.profiles}
    for row in rows:
        if row["kind"] not in (MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.PHOTO):
            continue
        sidecar = _beside(row["card_path"], sidecars, rules)
        standing = book.told_of(row["recording_id"])
        # The one place in a movie's tags is no track; a track of the file's own stands.
        if sidecar is None or not (standing is None or all(map(is_of_tags, standing["sources"]))):
            continue
        points = book.positions_of(sidecar["recording_id"])
        if not points:
            continue
        beside = {"sidecar": {"recording_id": sidecar["recording_id"], "card_path": sidecar["card_path"]}}
        made = _stored(sealed_of(row), points, parts.vault, parts.areas, beside)
        yield from made
        yield _retagged(row, made[1].data["document"])


def _beside(card_path: str, sidecars: Sequence[Row], profiles: Mapping[str, RecorderProfile]) -> Row | None:
    for row in sidecars:
        profile = profiles.get(row["profile_id"])
        rule = profile.position.rule_of(row["card_path"]) if profile is not None else None
        stem = rule.stem_of(row["card_path"]) if rule is not None else without_extension(row["card_path"])
        if stem is not None and belongs(stem, card_path):
            return row
    return None


def _retagged(row: Row, told: Mapping[str, Any]) -> Act:
    standing = row["tags"] or {}
    fresh = position_tags(told)
    data = {
        "docking_id": row["docking_id"],
        "because": "derived.made",
        "tags": standing | fresh,
        "before": {key: standing.get(key) for key in fresh},
        "superseded": [],
        "findings": [],
    }
    return Act(act="recording.retagged", subject=row["recording_id"], data=data)


def position_tags(told: Mapping[str, Any] | None) -> dict[str, Any]:
    """The tags `position` and `place` from what is stored of a track; both null without one."""
    if told is None:
        return {"position": None, "place": None}
    return {"position": {key: value for key, value in told.items() if key != "place"}, "place": told.get("place")}
