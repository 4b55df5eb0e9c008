"""The 25 faults and what a perfect detector says of each. A fault gives null where it does not fit a recorder."""

import datetime as dt
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.subtitles.stream import SubtitleStream
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from bench.detection.recorder import HEIGHT, WIDTH, Piece, Shot, encode, pieces, write
from bench.detection.scoring import Label
from bench.detection.sets import Card, make_segment, put

Injector = Callable[[Card], tuple[Label, ...] | None]

_VICTIM = 2
_TS_PACKET = 188
_TS_LOST = 24
_BLOCK = 4096
_JUMP_S = 30.0


def _where(card: Card, length_s: float = 1.0) -> float:
    """A whole second inside the victim, away from its ends."""
    return float(card.dice.randint(3, card.recorder.segment_seconds - 3 - round(length_s)))


def _name(card: Card) -> str:
    return card.segments[_VICTIM].base_name


def _without(kind: str, start_s: float, end_s: float) -> Callable[[list[Piece]], list[Piece]]:
    return lambda packets: [
        one for one in packets if one.kind != kind or not start_s - 1e-6 <= one.start_s < end_s - 1e-6
    ]


def _closed(start_s: float, end_s: float, *kinds: str) -> Callable[[list[Piece]], list[Piece]]:
    def change(packets: list[Piece]) -> list[Piece]:
        kept = []
        for one in packets:
            if kinds and one.kind not in kinds or one.start_s < start_s - 1e-6:
                kept.append(one)
            elif one.start_s >= end_s - 1e-6:
                kept.append(one.moved(start_s - end_s))
        return kept

    return change


def dropped_gop(card: Card) -> tuple[Label, ...]:
    """Groups of pictures never reach the file; times stay true."""
    at_s, length_s = _where(card, 2), float(card.dice.choice([1, 2]))
    card.record(_VICTIM, _without("video", at_s, at_s + length_s))
    frame_s = 1 / card.recorder.fps
    return (Label("gap.video", _name(card), at_s, at_s + length_s, tolerance_s=frame_s),)


def dropped_gop_closed(card: Card) -> tuple[Label, ...]:
    """The same, and the times of the later pictures are closed up."""
    at_s = _where(card)
    card.record(_VICTIM, _closed(at_s, at_s + 1, "video"))
    return (Label("gap.video", _name(card), at_s, at_s + 1, tolerance_s=1.0),)


def cut(card: Card) -> tuple[Label, ...]:
    """Seconds are cut out of all streams and the file is remuxed."""
    at_s = _where(card, 3)
    card.edit(_VICTIM, _closed(at_s, at_s + 3))
    return (Label("splice.removed", _name(card), at_s, at_s), Label("structure.changed", _name(card)))


def cut_restored(card: Card) -> tuple[Label, ...]:
    """The same, and the maker's boxes, brands and handlers are put back."""
    at_s = _where(card, 3)
    card.edit(_VICTIM, _closed(at_s, at_s + 3), is_restored=True)
    return (Label("splice.removed", _name(card), at_s, at_s),)


def foreign_clip(card: Card) -> tuple[Label, ...]:
    """Three seconds of another camera with another rhythm of key pictures are put in; container remuxed."""
    at_s, length_s = _where(card), 3.0
    other = replace(card.recorder, seed=card.recorder.seed + 50, key_seconds=0.4)
    raw = card.root / f"foreign.{card.recorder.container}"
    encode(other, Shot(other.start_utc + dt.timedelta(hours=3), length_s), raw)
    alien = [one.moved(at_s) for one in pieces(raw)]
    raw.unlink()

    def change(packets: list[Piece]) -> Sequence[Piece]:
        return [*(one.moved(length_s) if one.start_s >= at_s - 1e-6 else one for one in packets), *alien]

    card.edit(_VICTIM, change)
    return (Label("splice.insert", _name(card), at_s, at_s + length_s), Label("structure.changed", _name(card)))


def head_trimmed(card: Card) -> tuple[Label, ...]:
    """The first three seconds are cut off; name and dates stay."""
    card.edit(_VICTIM, _closed(0.0, 3.0))
    start = card.segments[_VICTIM].start_utc
    end = start + dt.timedelta(seconds=3)
    label = Label("trim.head", _name(card), 0.0, 0.0, start, end)
    return (label, Label("structure.changed", _name(card)))


def tail_trimmed(card: Card) -> tuple[Label, ...]:
    """The last three seconds are cut off."""
    segment = card.segments[_VICTIM]
    kept_s = segment.shot.seconds - 3
    card.edit(_VICTIM, lambda packets: [one for one in packets if one.start_s < kept_s - 1e-6])
    start = segment.end_utc - dt.timedelta(seconds=3)
    label = Label("trim.tail", _name(card), kept_s, kept_s, start, segment.end_utc)
    return (label, Label("structure.changed", _name(card)))


def reencoded(card: Card) -> tuple[Label, ...]:
    """The picture is encoded again with FFmpeg's defaults; sound and position are copied."""
    _encode_again(card, is_silent_about_it=False)
    return (Label("edit.reencoded", _name(card)), Label("structure.changed", _name(card)))


def reencoded_unnamed(card: Card) -> tuple[Label, ...]:
    """The same; the encoder's words in tags and picture are removed."""
    _encode_again(card, is_silent_about_it=True)
    return (Label("edit.reencoded", _name(card)), Label("structure.changed", _name(card)))


def audio_removed(card: Card) -> tuple[Label, ...]:
    """The track of sound is left out while remuxing."""
    card.edit(_VICTIM, list, without=("audio",))
    return (Label("stream.audio_absent", _name(card)), Label("structure.changed", _name(card)))


def audio_hole(card: Card) -> tuple[Label, ...]:
    """Two seconds of sound never reach the file."""
    at_s = _where(card, 2)
    lost = [
        one
        for one in card.segments[_VICTIM].packets
        if one.kind == "audio" and at_s - 1e-6 <= one.start_s < at_s + 2 - 1e-6
    ]
    card.record(_VICTIM, _without("audio", at_s, at_s + 2))
    packet_s = float(lost[0].duration)
    return (Label("gap.audio", _name(card), lost[0].start_s, lost[-1].end_s, tolerance_s=packet_s),)


def times_jump(card: Card) -> tuple[Label, ...]:
    """All times of the file jump ahead; nothing is missing."""
    at_s = _where(card)
    card.record(_VICTIM, lambda packets: [one.moved(_JUMP_S) if one.start_s >= at_s - 1e-6 else one for one in packets])
    hidden = None if _has_position(card) else "without a position track a jump of all streams may be a loss"
    weaker = () if hidden is None else ("gap.video", "gap.audio")
    return (Label("time.jump", _name(card), at_s, at_s + _JUMP_S, tolerance_s=0.1, hidden=hidden, weaker=weaker),)


def missing_segment(card: Card) -> tuple[Label, ...]:
    """One segment is not on the card."""
    gone = card.segments[_VICTIM]
    card.remove(_VICTIM)
    return (Label("set.missing", start_utc=gone.start_utc, end_utc=gone.end_utc),)


def overlapping_segment(card: Card) -> tuple[Label, ...]:
    """One segment begins five seconds before the one before it ends, and all later ones with it."""
    before = card.segments[_VICTIM - 1]
    for number in range(_VICTIM, len(card.segments)):
        _shift(card, number, -5.0)
    start = card.segments[_VICTIM].start_utc
    return (Label("set.overlap", start_utc=start, end_utc=before.end_utc),)


def torn(card: Card) -> tuple[Label, ...] | None:
    """Power loss: media data cut, its length unknown, no index."""
    if card.recorder.container != "mp4" or card.recorder.is_index_first:
        return None
    share = card.dice.uniform(0.4, 0.8)
    packets = pieces(card.path(_VICTIM))
    intact: list[float] = []

    def change(data: bytearray) -> None:
        start = data.index(b"mdat") - 4
        cut_at = start + round(share * int.from_bytes(data[start : start + 4], "big"))
        intact.append(_intact_s(packets, cut_at))
        data[start : start + 4] = bytes(4)
        del data[cut_at:]

    card.patch(_VICTIM, change)
    return (Label("file.truncated", _name(card), start_s=intact[0]),)


def torn_behind_index(card: Card) -> tuple[Label, ...] | None:
    """A file with its index in front is cut."""
    if not card.recorder.is_index_first:
        return None
    packets = pieces(card.path(_VICTIM))
    cut_at = round(card.path(_VICTIM).stat().st_size * card.dice.uniform(0.4, 0.8))
    card.patch(_VICTIM, lambda data: data.__delitem__(slice(cut_at, None)))
    return (Label("file.truncated", _name(card), start_s=_intact_s(packets, cut_at)),)


def bit_flips(card: Card) -> tuple[Label, ...]:
    """Five bits inside coded pictures are flipped."""
    places = [one for one in pieces(card.path(_VICTIM)) if one.kind == "video" and len(one.data) > 200]
    hit = sorted(card.dice.sample(places, 5), key=lambda one: one.pts)

    def change(data: bytearray) -> None:
        for one in hit:
            data[(one.at_bytes or 0) + 120] ^= 1 << card.dice.randrange(8)

    card.patch(_VICTIM, change)
    hidden = "coded bits obey no rule; the hash vouches for them from sealing on"
    return (Label("data.corrupt", _name(card), hit[0].start_s, hit[-1].end_s, tolerance_s=1.0, hidden=hidden),)


def zeroed_block(card: Card) -> tuple[Label, ...]:
    """One aligned block of 4 KiB reads as zeros."""
    packets = [one for one in pieces(card.path(_VICTIM)) if one.at_bytes is not None and one.kind != "subtitle"]
    size = card.path(_VICTIM).stat().st_size
    at = int(size * card.dice.uniform(0.3, 0.7)) // _BLOCK * _BLOCK
    hit = [one for one in packets if at - len(one.data) < (one.at_bytes or 0) < at + _BLOCK]

    def change(data: bytearray) -> None:
        data[at : at + _BLOCK] = bytes(_BLOCK)

    card.patch(_VICTIM, change)
    start_s, end_s = min(one.start_s for one in hit), max(one.end_s for one in hit)
    return (Label("data.corrupt", _name(card), start_s, end_s, tolerance_s=1.0, weaker=_gone(card)),)


def renamed(card: Card) -> tuple[Label, ...]:
    """The name says another time; number and content stay."""
    segment = card.segments[_VICTIM]
    moved = segment.start_utc - dt.timedelta(minutes=37, seconds=12)
    card.rename(_VICTIM, card.recorder.file_name(moved, segment.sequence))
    return (Label("name.mismatch", _name(card)),)


def clock_changed(card: Card) -> tuple[Label, ...] | None:
    """The dates of all headers are moved in place, by hours and minutes."""
    if card.recorder.container != "mp4":
        return None

    def change(data: bytearray) -> None:
        for kind in (b"mvhd", b"tkhd", b"mdhd"):
            at = data.find(kind)
            while at >= 0:
                created, modified = struct.unpack_from(">II", data, at + 8)
                struct.pack_into(">II", data, at + 8, *(max(one - 11_820, 0) for one in (created, modified)))
                at = data.find(kind, at + 4)

    card.patch(_VICTIM, change)
    return (Label("clock.mismatch", _name(card)),)


def black(card: Card) -> tuple[Label, ...]:
    """The picture is black for four seconds."""
    return _content(card, "black", "content.black", 0.5)


def frozen(card: Card) -> tuple[Label, ...]:
    """One picture is repeated for four seconds."""
    return _content(card, "frozen", "content.frozen", 0.2)


def covered(card: Card) -> tuple[Label, ...]:
    """The lens is covered for four seconds: dark, with noise."""
    return _content(card, "covered", "content.black", 0.5)


def silent(card: Card) -> tuple[Label, ...]:
    """Sound is digitally silent for four seconds."""
    at_s = _where(card, 4)
    card.reshoot(_VICTIM, silent=(at_s, at_s + 4))
    return (Label("content.silent", _name(card), at_s, at_s + 4),)


def packets_lost(card: Card) -> tuple[Label, ...] | None:
    """Packets of a transport stream are lost in a row."""
    if card.recorder.container != "ts":
        return None
    size = card.path(_VICTIM).stat().st_size
    at = int(size * card.dice.uniform(0.3, 0.7)) // _TS_PACKET * _TS_PACKET
    until = at + _TS_LOST * _TS_PACKET
    video = [one for one in pieces(card.path(_VICTIM)) if one.kind == "video"]
    hit = [
        one
        for one, after in zip(video, video[1:], strict=False)
        if (after.at_bytes or 0) > at and (one.at_bytes or 0) < until
    ]
    card.patch(_VICTIM, lambda data: data.__delitem__(slice(at, until)))
    return (Label("data.corrupt", _name(card), hit[0].start_s, hit[-1].end_s, tolerance_s=1.0, weaker=_gone(card)),)


FAULTS: dict[str, Injector] = {
    "dropped GOP": dropped_gop,
    "dropped GOP, times closed": dropped_gop_closed,
    "cut and remux": cut,
    "cut, vendor boxes restored": cut_restored,
    "foreign clip": foreign_clip,
    "head trimmed": head_trimmed,
    "tail trimmed": tail_trimmed,
    "re-encoded": reencoded,
    "re-encoded, words removed": reencoded_unnamed,
    "audio removed": audio_removed,
    "audio hole": audio_hole,
    "times jump": times_jump,
    "missing segment": missing_segment,
    "overlapping segment": overlapping_segment,
    "truncated, no index": torn,
    "truncated, index in front": torn_behind_index,
    "bit flips": bit_flips,
    "zeroed block": zeroed_block,
    "renamed": renamed,
    "clock changed": clock_changed,
    "black": black,
    "frozen": frozen,
    "covered lens": covered,
    "silent": silent,
    "TS packets lost": packets_lost,
}


def _gone(card: Card) -> tuple[str, ...]:
    """Pictures whose headers were lost from a transport stream are missing indeed: to say so is not wrong."""
    return ("gap.video", "gap.audio") if card.recorder.container == "ts" else ()


def _has_position(card: Card) -> bool:
    return card.recorder.has_position and card.recorder.container == "mp4"


def _content(card: Card, scene: str, code: str, tolerance_s: float) -> tuple[Label, ...]:
    at_s = _where(card, 4)
    card.reshoot(_VICTIM, scenes=((at_s, at_s + 4, scene),))
    return (Label(code, _name(card), at_s, at_s + 4, tolerance_s=tolerance_s),)


def _intact_s(packets: Sequence[Piece], cut_at: int) -> float:
    """The start of the first picture or sound that is not whole."""
    return min(
        one.start_s
        for one in packets
        if one.kind != "subtitle" and one.at_bytes is not None and one.at_bytes + len(one.data) > cut_at
    )


def _shift(card: Card, number: int, by_s: float) -> None:
    """The segment was recorded at another moment: name, dates, position and content."""
    old = card.segments[number]
    card.remove(number)
    shot = replace(old.shot, start_utc=old.start_utc + dt.timedelta(seconds=by_s))
    card.segments[number] = make_segment(card.recorder, shot, old.sequence, card.root)
    put(card.recorder, card.segments[number], card.segments[number].packets, card.root)
    card.segments[number].raw.unlink()


def _encode_again(card: Card, *, is_silent_about_it: bool) -> None:
    path = card.path(_VICTIM)
    codec = {"h264": "libx264", "hevc": "libx265"}[card.recorder.codec]
    made = card.root / f"again{path.suffix}"
    options = {"preset": "veryfast"}
    if codec == "libx265":
        options["x265-params"] = f"log-level=none:pools=none:info={0 if is_silent_about_it else 1}"
    with av.open(str(path)) as old, av.open(str(made), "w", options={"fflags": "+bitexact"}) as new:
        picture = new.add_stream(codec, rate=card.recorder.fps, options=options)
        assert isinstance(picture, VideoStream)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        others = {
            one.index: new.add_stream_from_template(one)
            for one in old.streams
            if isinstance(one, AudioStream | SubtitleStream)
        }
        words = None
        if is_silent_about_it and codec == "libx264":
            words = av.BitStreamFilterContext("filter_units=remove_types=6", in_stream=picture)
        number = 0
        encoded = []
        for packet in old.demux():
            if packet.stream.type != "video":
                if packet.dts is not None:
                    packet.stream = others[packet.stream.index]
                    new.mux(packet)
                continue
            for frame in packet.decode():
                assert isinstance(frame, VideoFrame)
                frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, card.recorder.fps), PictureType.NONE
                encoded += picture.encode(frame)
                number += 1
        encoded += picture.encode(None)
        for one in encoded:
            for clean in words.filter(one) if words is not None else (one,):
                clean.stream = picture
                new.mux(clean)
    created = card.segments[_VICTIM].start_utc
    packets = pieces(made)
    card.replace_by(_VICTIM, lambda target: write(made, packets, target, recorder=None, created_utc=created))
    made.unlink()
