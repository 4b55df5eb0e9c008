"""Edits of real clips as somebody with a remuxer makes them: packets are cut, moved and joined, nothing is decoded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from ingestd.media.parametersets import read_avc_record, read_hevc_record


@dataclass(frozen=True)
class Piece:
    """One packet on its way. Times in seconds of the source; `stream` is its index there."""

    stream: int
    kind: str
    start_s: float
    is_key: bool
    data: bytes
    pts: Fraction
    dts: Fraction
    duration: Fraction


Change = Callable[[Piece], Piece | None]


def pieces(path: Path) -> list[Piece]:
    """All packets of a clip."""
    found = []
    with av.open(str(path)) as source:
        for packet in source.demux():
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            base = packet.time_base
            found.append(
                Piece(
                    packet.stream.index,
                    packet.stream.type,
                    float(packet.pts * base),
                    packet.is_keyframe,
                    bytes(packet),
                    packet.pts * base,
                    packet.dts * base,
                    (packet.duration or 0) * base,
                )
            )
    return found


def shifted(piece: Piece, by_s: float) -> Piece:
    """The same packet at another time."""
    by = Fraction(by_s).limit_denominator(90_000)
    return Piece(
        piece.stream,
        piece.kind,
        piece.start_s + by_s,
        piece.is_key,
        piece.data,
        piece.pts + by,
        piece.dts + by,
        piece.duration,
    )


def remux(template: Path, packets: Sequence[Piece], target: Path, **options: str) -> Path:
    """Write packets with the streams of a clip, in the order of their times."""
    with av.open(str(template)) as source, av.open(str(target), "w", options={"fflags": "+bitexact", **options}) as out:
        out.metadata.update(source.metadata)
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        bases = {stream.index: stream.time_base for stream in source.streams}
        for piece in sorted(packets, key=lambda one: (one.dts, one.stream)):
            packet = av.Packet(piece.data)
            base = bases[piece.stream] or Fraction(1, 90_000)
            packet.stream, packet.time_base, packet.is_keyframe = streams[piece.stream], base, piece.is_key
            packet.pts, packet.dts = round(piece.pts / base), round(piece.dts / base)
            packet.duration = round(piece.duration / base)
            out.mux(packet)
    return target


def _kept(packets: Sequence[Piece], change: Change) -> Iterator[Piece]:
    for piece in packets:
        changed = change(piece)
        if changed is not None:
            yield changed


def cut_out(clip: Path, target: Path, start_s: float, end_s: float, *, kinds: tuple[str, ...] = ()) -> Path:
    """Take a span out of a clip and close up the times: of all streams, or of those of some kinds only."""

    def change(piece: Piece) -> Piece | None:
        if kinds and piece.kind not in kinds:
            return piece
        if piece.start_s < start_s - 1e-6:
            return piece
        return None if piece.start_s < end_s - 1e-6 else shifted(piece, start_s - end_s)

    return remux(clip, list(_kept(pieces(clip), change)), target)


def trimmed(clip: Path, target: Path, start_s: float = 0.0, end_s: float = 1e9) -> Path:
    """Keep one span of a clip, its times from 0."""

    def change(piece: Piece) -> Piece | None:
        return shifted(piece, -start_s) if start_s - 1e-6 <= piece.start_s < end_s - 1e-6 else None

    return remux(clip, list(_kept(pieces(clip), change)), target)


def with_sets(clip: Path, packets: Sequence[Piece]) -> list[Piece]:
    """H.264 or HEVC packets whose key pictures carry the parameter sets of their clip, as joiners write them."""
    readers = {"h264": read_avc_record, "hevc": read_hevc_record}
    with av.open(str(clip)) as source:
        context = source.streams.video[0].codec_context
        reader = readers.get(context.codec.canonical_name)
        record = reader(bytes(context.extradata or b"")) if reader is not None else None
    units = record.units if record is not None else ()
    prefix = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
    return [replace(one, data=prefix + one.data) if one.kind == "video" and one.is_key else one for one in packets]


def put_in(clip: Path, foreign: Path, target: Path, at_s: float, *, without: tuple[str, ...] = ()) -> Path:
    """Put a whole foreign clip into another at a key picture; what comes after it moves. Streams by their kind."""
    alien = with_sets(foreign, [one for one in pieces(foreign) if one.kind not in without])
    own = pieces(clip)
    index = {one.kind: one.stream for one in own}
    length_s = float(max(one.pts + one.duration for one in pieces(foreign) if one.kind == "video"))
    moved = [shifted(one, length_s) if one.start_s >= at_s - 1e-6 else one for one in own]
    for one in alien:
        here = shifted(one, at_s)
        moved.append(
            Piece(index[one.kind], one.kind, here.start_s, one.is_key, one.data, here.pts, here.dts, one.duration)
        )
    return remux(clip, moved, target)
