"""The position track of a recording as GPX 1.1 beside its proxies: derived, made again at will."""

from collections.abc import Sequence

import gpxpy.gpx

from ingestd.core.clock import from_text
from ingestd.core.custody import Act
from ingestd.core.facts import Fix
from ingestd.core.manifest import sha256_of
from ingestd.core.model import Sealed
from ingestd.core.naming import derived_path
from ingestd.stores.durable import make_directory, replace_whole
from ingestd.stores.vault import Vault


def gpx_text(fixes: Sequence[Fix]) -> str:
    """A GPX track; doubtful fixes are left out of the line and counted in the description (they stay in the original).

    Longitudes and latitudes are the recorder's raw values; the datum is named, not converted.
    """
    good = [fix for fix in fixes if not fix.is_doubtful]
    segment = gpxpy.gpx.GPXTrackSegment(
        [
            gpxpy.gpx.GPXTrackPoint(
                fix.latitude, fix.longitude, elevation=fix.altitude_m, time=from_text(fix.utc) if fix.utc else None
            )
            for fix in good
        ]
    )
    datums, sources = sorted({fix.datum for fix in fixes}), sorted({fix.source for fix in fixes})
    track = gpxpy.gpx.GPXTrack(
        description=f"{len(good)} fixes, {len(fixes) - len(good)} doubtful ones left out; "
        f"datum {', '.join(datums)}; from {', '.join(sources)}"
    )
    track.segments.append(segment)
    document = gpxpy.gpx.GPX()
    document.creator = "ingestd"
    document.tracks.append(track)
    return document.to_xml(version="1.1")


def track_act(sealed: Sealed, fixes: Sequence[Fix], vault: Vault) -> Act:
    """Store the track and return the act that says so."""
    path = derived_path(sealed.vault_path, ".track.gpx")
    data = gpx_text(fixes).encode("utf-8")
    make_directory(vault.path(path).parent)
    replace_whole(vault.path(path), data)
    document = {"fixes": len(fixes), "doubtful": sum(fix.is_doubtful for fix in fixes)}
    about = {"docking_id": sealed.docking_id, "kind": "track", "path": path}
    held = {"sha256": sha256_of(data), "size_bytes": len(data), "document": document}
    return Act(act="derived.made", subject=sealed.recording_id, data=about | held)
