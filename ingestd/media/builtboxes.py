"""The walk over an index (`moov`) for its shape alone: box paths, headers, names, words. Nothing here judges."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ingestd.core.structure import Word
from ingestd.media.boxes import Box, Problems, children

MAX_PATHS = 200
MAX_DEPTH = 8
_MAX_NAMES = 64
_MAX_TEXT_CHARS = 120
_VISUAL_BYTES = 78
_SOUND_BYTES = {0: 28, 1: 44, 2: 64}
_CONFIG_BOXES = frozenset({"avcC", "hvcC", "esds", "av1C", "vpcC", "dOps", "dac3", "damr", "d263", "glbl"})

_CONTAINERS = frozenset(
    {"mdia", "minf", "stbl", "dinf", "edts", "udta", "mvex", "gmhd", "tref", "tapt", "wave", "meta"}
)
# What ISO/IEC 14496-12 and -15, 3GPP, QuickTime and iTunes name; anything else is a vendor's own.
_PUBLIC_NAMES = """
    ftyp styp moov mdat free skip wide pnot moof mfra mfro tfra sidx ssix prft emsg uuid meta udta mvhd iods
    trak tkhd tref tapt clef prof enof edts elst mdia mdhd hdlr elng minf vmhd smhd hmhd sthd nmhd gmhd gmin
    text tmcd tcmi dinf dref url urn stbl stsd stts ctts cslg stss stsh stsz stz2 stsc stco co64 sdtp sgpd sbgp
    subs saiz saio padb stps mvex mehd trex leva pasp colr clap fiel gama btrt avcC hvcC esds av1C vpcC dOps
    dac3 damr d263 glbl wave frma chan enda mp4a alac name keys ilst titl auth cprt perf gnre dscp rtng clsf
    kywd loci yrrc albm ID32 iinf iloc pitm xml bxml ipro idat iref iprp grpl chap sync scpt ssrc hint cdsc font
    vdep vplx subt fall load imap matt kmat ctab prfl rmra cmov clip crgn WLOC LOOP SelO AllF mdta mebx rtp sdp
    hnti hinf dimm nump trpy tpyl maxr mvcC mvcg dvcC dvvC mdcv clli amve cclv 3dpr XMP_ date
"""
_PUBLIC = frozenset(_PUBLIC_NAMES.split())
# Encoder words only: make and model are said elsewhere and are no sign of a program.
_APPLE = "com.apple.quicktime"
_WORD_ITEMS = frozenset(
    {"\xa9too", "\xa9swr", "\xa9enc", "\xa9cmt", "encoder", f"{_APPLE}.software", f"{_APPLE}.encoder"}
)


class PathList:
    """Ordered box paths, repeats collapsed: a step from one path to the next is noted once.

    Paths that begin with `trak/` are kept by their last two names.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.spare: list[str] = []
        self.vendor: list[str] = []
        self.is_cut = False
        self._steps: set[tuple[str, str]] = set()
        self._last = ""

    def add(self, path: str, size: int, head: Callable[[], bytes] = lambda: b"") -> None:
        """Note one box. `head` gives the first 16 bytes of its body, asked for only where they are its name."""
        kind = path.rsplit("/", 1)[-1]
        if kind == "uuid":
            path = f"{path}:{head().hex()}"
        step = (self._last, path)
        self._last = path
        if kind in ("free", "skip") and len(self.spare) < _MAX_NAMES:
            self.spare.append(f"{path}:{size.bit_length()}")
        if kind == "uuid" or not (kind in _PUBLIC or kind.startswith("\xa9") or "[" in kind):
            _keep(self.vendor, path)
        if step in self._steps or step[0] == step[1]:
            return
        self._steps.add(step)
        if len(self.paths) >= MAX_PATHS:
            self.is_cut = True
            return
        # Inside a track the parent's name is enough to tell a place, and each path is kept in the ledger.
        self.paths.append("/".join(path.split("/")[-2:]) if path.startswith("trak/") else path)


def _keep(names: list[str], name: str) -> None:
    if name not in names and len(names) < _MAX_NAMES:
        names.append(name)


@dataclass(slots=True)
class BuiltTrack:
    """What the boxes of one `trak` say of its shape; see `core.structure.TrackStructure`."""

    handler_name: str = ""
    handler: str = ""
    descriptions: int = 0
    language: int | None = None
    timescale: int | None = None
    created: int | None = None
    modified: int | None = None
    media_created: int | None = None
    media_modified: int | None = None
    headers: list[str] = field(default_factory=list)
    config_box: str = ""
    config: bytes | None = None
    words: list[Word] = field(default_factory=list)
    paths: PathList = field(default_factory=PathList)


@dataclass(slots=True)
class BuiltMovie:
    """What the boxes of a file say of its shape; see `core.structure.StructureFacts`."""

    has_index: bool = False
    major_brand: str | None = None
    minor_version: int | None = None
    brands: list[str] = field(default_factory=list)
    item_keys: list[str] = field(default_factory=list)
    timescale: int | None = None
    headers: list[str] = field(default_factory=list)
    created: int | None = None
    modified: int | None = None
    words: list[Word] = field(default_factory=list)
    tracks: list[BuiltTrack] = field(default_factory=list)


def read_built(data: memoryview, name: str, built: BuiltMovie, paths: PathList) -> None:
    """Walk the body of a `moov`, or of a `udta` or `meta` outside of it, into `built` and `paths`."""
    built.has_index |= name == "moov"
    _Walk(built, data).inside(Box(name, 0, 0, len(data), len(data)), name, paths, None, 1)


class _Walk:
    def __init__(self, built: BuiltMovie, data: memoryview) -> None:
        self._built = built
        self._data = data
        self._problems = Problems()

    def inside(self, parent: Box, path: str, paths: PathList, track: BuiltTrack | None, depth: int) -> None:
        for box in self._children(parent, parent.body):
            self._take(box, f"{path}/{box.type}", paths, track, depth)

    def _children(self, parent: Box, start: int) -> Iterator[Box]:
        return children(self._data, start, parent.body_end, self._problems, parent.type)

    def _take(self, box: Box, path: str, paths: PathList, track: BuiltTrack | None, depth: int) -> None:
        data = self._data
        paths.add(path, box.body_end - box.start, lambda: bytes(data[box.body : min(box.body + 16, box.body_end)]))
        if depth > MAX_DEPTH:
            return
        if box.type == "trak" and track is None:
            if len(self._built.tracks) < _MAX_NAMES:
                own = BuiltTrack()
                self._built.tracks.append(own)
                self.inside(box, "trak", own.paths, own, depth + 1)
        elif box.type == "meta":
            self._meta(box, path, paths, track, depth)
        elif box.type == "stsd" and track is not None:
            self._descriptions(box, path, paths, track)
        elif box.type in _CONTAINERS:
            self.inside(box, path, paths, track, depth + 1)
        elif box.type in ("mvhd", "tkhd", "mdhd"):
            self._header(box, track)
        elif box.type == "hdlr" and track is not None and path == "trak/mdia/hdlr":
            track.handler = bytes(data[box.body + 8 : min(box.body + 12, box.body_end)]).decode("latin-1")
            track.handler_name = _handler_name(bytes(data[box.body + 24 : min(box.body + 200, box.body_end)]))
        if path.endswith(f"udta/{box.type}") and box.type not in ("meta", "free", "skip"):
            self._item(box.type, bytes(data[box.body : min(box.body + 512, box.body_end)]), track)

    def _header(self, box: Box, track: BuiltTrack | None) -> None:
        body = bytes(self._data[box.body : min(box.body + 40, box.body_end)])
        row = ">QQ" if body[:1] == b"\1" else ">II"
        width = struct.calcsize(row)
        if len(body) < 4 + width + 4:
            return
        created, modified = struct.unpack_from(row, body, 4)
        (timescale,) = struct.unpack_from(">I", body, 4 + width)
        label = f"{box.type}:{body[0]}:{int.from_bytes(body[1:4], 'big')}"
        times = (_sane(created), _sane(modified))
        if box.type == "mvhd":
            self._built.created, self._built.modified = times
            self._built.timescale = timescale
            _keep(self._built.headers, label)
        elif track is not None:
            _keep(track.headers, label)
            if box.type == "tkhd":
                track.created, track.modified = times
            else:
                track.media_created, track.media_modified = times
                track.timescale = timescale
                at = 4 + width + 4 + (8 if body[0] == 1 else 4)
                track.language = int.from_bytes(body[at : at + 2], "big") if len(body) >= at + 2 else None

    def _descriptions(self, stsd: Box, path: str, paths: PathList, track: BuiltTrack) -> None:
        for entry in self._children(stsd, stsd.body + 8):
            track.descriptions += 1
            paths.add(f"{path}/{entry.type}", 0)
            length = entry.body_end - entry.body
            if track.handler == "vide" and length >= _VISUAL_BYTES:
                fixed = _VISUAL_BYTES
                self._compressor(bytes(self._data[entry.body + 42 : entry.body + 74]), track)
            elif track.handler == "soun" and length >= _SOUND_BYTES[0]:
                (version,) = struct.unpack_from(">H", self._data, entry.body + 8)
                fixed = _SOUND_BYTES.get(version, _SOUND_BYTES[0])
            else:
                continue
            self._entry_boxes(entry, entry.body + fixed, f"{path}/{entry.type}", paths, track)

    def _entry_boxes(self, parent: Box, start: int, path: str, paths: PathList, track: BuiltTrack) -> None:
        for box in self._children(parent, start):
            paths.add(f"{path}/{box.type}", box.body_end - box.start)
            if box.type in _CONFIG_BOXES and track.config is None:
                track.config_box = box.type
                track.config = bytes(self._data[box.body : min(box.body_end, box.body + 65536)])
            elif box.type == "wave" and path.count("/") < MAX_DEPTH:
                self._entry_boxes(box, box.body, f"{path}/wave", paths, track)

    def _compressor(self, raw: bytes, track: BuiltTrack) -> None:
        """The compressor's name (ISO/IEC 14496-12, 12.1.3): its length, then text."""
        text = _text(raw[1 : 1 + min(raw[0], 31)]) if raw else ""
        if text:
            track.words.append(Word(source="compressor", text=text))

    def _meta(self, meta: Box, path: str, paths: PathList, track: BuiltTrack | None, depth: int) -> None:
        # In ISO files the box begins with version and flags, in QuickTime files with its first child.
        start = meta.body + (0 if bytes(self._data[meta.body + 4 : meta.body + 8]) == b"hdlr" else 4)
        keys: list[str] = []
        for box in self._children(meta, start):
            paths.add(f"{path}/{box.type}", box.body_end - box.start)
            if box.type == "hdlr":
                kind = bytes(self._data[box.body + 8 : min(box.body + 12, box.body_end)]).decode("latin-1")
                self._key(f"meta:{_text(kind.encode('latin-1'))}", track)
            elif box.type == "keys":
                keys = [
                    _text(bytes(self._data[key.body : min(key.body_end, key.body + 128)]))
                    for key in self._children(box, box.body + 8)
                ]
            elif box.type == "ilst":
                self._list(box, keys, track)

    def _list(self, ilst: Box, keys: list[str], track: BuiltTrack | None) -> None:
        at = ilst.body
        for _ in range(_MAX_NAMES):
            if at + 16 > ilst.body_end:
                return
            # The "type" of an entry may be a number here, which the box walker would refuse.
            size, raw = struct.unpack_from(">I4s", self._data, at)
            if size < 16 or at + size > ilst.body_end:
                return
            number = int.from_bytes(raw, "big")
            name = keys[number - 1] if 1 <= number <= len(keys) else raw.decode("latin-1")
            self._item(name, bytes(self._data[at + 24 : min(at + size, at + 536)]), track)
            at += size

    def _key(self, name: str, track: BuiltTrack | None) -> None:
        _keep(self._built.item_keys, name if track is None else f"track:{name}")

    def _item(self, name: str, body: bytes, track: BuiltTrack | None) -> None:
        self._key(name[:_MAX_TEXT_CHARS], track)
        if name in _WORD_ITEMS and len(self._built.words) < _MAX_NAMES:
            text = _text(body[4:] if len(body) > 4 and int.from_bytes(body[:2], "big") == len(body) - 4 else body)
            if text:
                self._built.words.append(Word(source=name, text=text))


def _sane(seconds: int) -> int | None:
    """A time of a header; null for 0 and for what no calendar holds."""
    return seconds if 0 < seconds < 1 << 40 else None


def _handler_name(raw: bytes) -> str:
    """QuickTime counts the characters first, ISO ends with a zero; either way the text."""
    if raw and raw[0] == len(raw.rstrip(b"\0")) - 1:
        raw = raw[1:]
    return _text(raw)


def _text(raw: bytes) -> str:
    """Printable text of bytes, bounded; empty where there is none."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", "replace")
    return "".join(character for character in text if character.isprintable()).strip()[:_MAX_TEXT_CHARS]
