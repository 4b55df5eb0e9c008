"""Salvage of MPEG transport streams: every whole packet, in its order, without the bytes in between that are none."""

from collections.abc import Callable, Iterator

from ingestd.core.errors import MediaError
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.positioned import PositionedFile
from ingestd.media.salvaged import Salvaged
from ingestd.media.salvagewave import copy
from ingestd.media.transportdamage import TransportWalk


def salvage_transport(torn: ByteSource, output_fd: int | None, is_late: Callable[[], bool]) -> Salvaged:
    """Keep the whole packets of a torn stream; what a player needs to begin comes again and again in it.

    Raises:
        MediaError: no packets, or no time stamp of a picture or a sound in them.
        OSError: the output cannot be written.
    """
    walk = TransportWalk(torn, is_late, Problems())
    spans = list(_runs(walk, torn, is_late))
    for _ in TransportWalk.damages(walk):
        continue
    if not spans or walk.span_s is None:
        raise MediaError("no packets with a time stand in this file")
    size_bytes = None
    if output_fd is not None:
        out = PositionedFile(output_fd)
        for start, end in spans:
            copy(torn, start, end, out)
        size_bytes = out.tell()
    kept = sum(end - start for start, end in spans)
    seconds = round(walk.span_s[1] - walk.span_s[0], 6)
    return Salvaged(
        samples={"packets": kept // walk.stride},
        seconds=seconds,
        intact_until_s=None,
        media_bytes=torn.size_bytes,
        explained_bytes=kept,
        reached_bytes=spans[-1][1],
        lost_ranges=len(spans) - 1,
        is_whole_walk=not is_late(),
        size_bytes=size_bytes,
        method="packets",
        pace="own",
        missing=("what did not fit into whole packets",) if kept < torn.size_bytes else (),
    )


def _runs(walk: TransportWalk, torn: ByteSource, is_late: Callable[[], bool]) -> Iterator[tuple[int, int]]:
    """Half-open bytes of the rows of whole packets."""
    at = walk.first_packet()
    if at is None:
        return
    begin = at
    while not is_late():
        whole, good = walk.look(at)
        at += good * walk.stride
        if whole == 0 or good < whole:
            if at > begin:
                yield begin, at
            if whole == 0:
                return
            begin = at = walk.next_packet(at)
    if at > begin:
        yield begin, at
