"""What a salvage found, whatever the container and however it was found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was found in a torn file. Bytes are of the media data; `samples` by kind of track.

    `explained_bytes` belong to samples, `reached_bytes` lie before the end of the last of them (a recorder may have
    reserved room behind). `intact_until_s` is where the last whole picture before the first real loss ends; null where
    nothing tells it. `size_bytes` of the playable copy; null where none was wanted.

    `method` says how samples were told apart (`core.salvaging.METHODS`), `pace` where their times come from
    (`core.salvaging.PACES`), `missing` in plain words what the copy lacks and why.
    """

    samples: dict[str, int]
    seconds: float
    intact_until_s: float | None
    media_bytes: int
    explained_bytes: int
    reached_bytes: int
    lost_ranges: int
    is_whole_walk: bool
    size_bytes: int | None = None
    method: str = "reference"
    pace: str = "reference"
    missing: tuple[str, ...] = ()
