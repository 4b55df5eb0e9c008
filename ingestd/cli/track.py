"""`ingestd track`: where a recording was made, point by point, with what is doubtful about it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import local_time
from ingestd.answers.whereabouts import place_words, position_words
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.core.errors import NotFoundError, RefusedError, StoreError
from ingestd.core.fixdoubts import DOUBTS
from ingestd.core.positions import TrackPoint, point_document
from ingestd.pipeline.track import gpx_text
from ingestd.wiring import open_catalogue, open_positions

_SHOWN = 12


def track(
    what: Annotated[str, typer.Argument(help="A recording: its id, the last 12 digits of it, its file name.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    gpx: Annotated[
        Path | None, typer.Option("--gpx", help="Write a GPX track here; doubtful points are left out.")
    ] = None,
    geojson: Annotated[
        Path | None, typer.Option("--geojson", help="Write GeoJSON here: every point, doubtful ones marked.")
    ] = None,
) -> None:
    """Where was a recording made? Its points with quality, doubts, datum and carrier. Nothing is converted.

    Example: ingestd track 0000007_00001220261121083000_0001.mp4 --gpx track.gpx
    """
    settings = configuration_of(config).settings
    row = open_catalogue(settings).recording(what)
    book = open_positions(settings)
    points = book.positions_of(row["recording_id"])
    told = book.told_of(row["recording_id"])
    if not points or told is None:
        advice = "its file holds none that can be read, and no sidecar of its name lay beside it (see `ingestd doctor`)"
        raise NotFoundError(f"no position is known of {row['card_path']} · 无定位信息", advice)
    if gpx is not None:
        _write(gpx, gpx_text(points))
    if geojson is not None:
        _write(geojson, json.dumps(_geojson(points, row["recording_id"], told), ensure_ascii=False, indent=1) + "\n")
    if as_json:
        summary = {"recording_id": row["recording_id"], "card_path": row["card_path"], **told}
        emit_json(summary | {"points": [point_document(point) for point in points]})
        return
    zone = settings.station.zone_info
    table(
        f"{row['card_path'].rsplit('/', 1)[-1]}: {position_words(told)}",
        ["in the file", "time", "latitude", "longitude", "speed", "quality", "carrier", "doubt"],
        [
            (
                f"{point.at_s:.1f} s" if point.at_s is not None else "–",
                local_time(point_document(point)["utc"], zone) if point.at_utc is not None else "–",
                f"{point.latitude:.6f}",
                f"{point.longitude:.6f}",
                f"{point.speed_mps:.1f} m/s" if point.speed_mps is not None else "–",
                point.quality or "–",
                point.source,
                ", ".join(point.doubts) or ("yes" if point.is_doubtful else "–"),
            )
            for point in _few(points)
        ],
        right=(0, 2, 3, 4),
    )
    if len(points) > _SHOWN:
        console.print(f"{len(points)} points, {_SHOWN} of them shown evenly; all with --json, --gpx or --geojson.")
    console.print(f"place: {place_words(told.get('place'))}", markup=False)
    for reason, count in Counter(reason for point in points for reason in point.doubts).most_common():
        console.print(f"  doubtful: {count} × {DOUBTS[reason]}", markup=False)


def _few(points: Sequence[TrackPoint]) -> Sequence[TrackPoint]:
    if len(points) <= _SHOWN:
        return points
    return [points[round(number * (len(points) - 1) / (_SHOWN - 1))] for number in range(_SHOWN)]


def _geojson(points: Sequence[TrackPoint], recording_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    features = []
    for point in points:
        place = [point.longitude, point.latitude, *([] if point.altitude_m is None else [point.altitude_m])]
        own = {key: value for key, value in point_document(point).items() if key not in ("latitude", "longitude")}
        features.append({"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": own})
    about = {"recording_id": recording_id, "datums": told["datums"], "sources": told["sources"]}
    return {"type": "FeatureCollection", "ingestd": about, "features": features}


def _write(target: Path, text: str) -> None:
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise RefusedError(f"{target} is there already", "name a file that is not there yet") from error
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}", "name another place") from error
