"""Sending picture and sound: which file plays for a recording, and its bytes by range, in small blocks."""

import os
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError, StoreError
from ingestd.core.facts import MediaFacts, MediaKind, StreamKind
from ingestd.core.lifecycle import State
from ingestd.core.playback import is_browser_playable
from ingestd.devices.beneath import open_beneath
from ingestd.web.playing import PlayedAs, has_open_request, may_play, register_view
from ingestd.web.ranges import Unsatisfiable, asked_span
from ingestd.web.scope import check_seen, may_see
from ingestd.web.visit import Visit

Row = Mapping[str, Any]

BLOCK_BYTES: Final = 256 * 1024
ORIGINAL, PROXY, SALVAGE = "original", "proxy", "salvage"

_OCTETS: Final = "application/octet-stream"
_TYPES: Final[tuple[tuple[str, str, str], ...]] = (
    ("mp4", "video/mp4", "audio/mp4"),
    ("mov", "video/quicktime", "audio/mp4"),
    ("3gp", "video/3gpp", "audio/3gpp"),
    ("matroska", "video/x-matroska", "audio/x-matroska"),
    ("webm", "video/webm", "audio/webm"),
    ("avi", "video/x-msvideo", "audio/x-msvideo"),
    ("mpegts", "video/mp2t", "audio/mp2t"),
    ("ogg", "video/ogg", "audio/ogg"),
    ("wav", "audio/wav", "audio/wav"),
    ("mp3", "audio/mpeg", "audio/mpeg"),
    ("aac", "audio/aac", "audio/aac"),
    ("flac", "audio/flac", "audio/flac"),
    ("jpeg", "image/jpeg", "image/jpeg"),
    ("png", "image/png", "image/png"),
)
"""Types by a word of the container's name, with picture and without. What is not here is sent as plain octets, to be
kept and not shown: no file of a card may ever run as a page of the console."""
_SHOWN_PHOTOS: Final = frozenset({"image/jpeg", "image/png"})
_HEARD: Final = frozenset({"wav", "mp3", "flac", "ogg", "aac"})
_SEALED_OFF: Final = "default-src 'none'; sandbox"


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may be shown for a recording.

    Args:
        name: original, proxy or salvage.
        origin_s: the second of the original that is its second 0.
        is_surely_playable: every browser plays it; otherwise the browser itself is to be asked.
    """

    name: str
    vault_path: str
    sha256: str
    size_bytes: int
    content_type: str
    origin_s: float
    is_surely_playable: bool


def sources_of(row: Row, derived: Sequence[Row]) -> list[Source]:
    """What can be played or shown of a recording, the best for a browser first; empty where nothing can.

    Args:
        row: of the catalogue, with `vault_path`, `kind` and `facts`.
        derived: of this recording.
    """
    facts = MediaFacts.model_validate(row["facts"]) if row["facts"] is not None else None
    if facts is None or facts.kind not in (MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.PHOTO):
        return []
    content_type = content_type_of(facts)
    is_sure = is_browser_playable(facts) or content_type in _SHOWN_PHOTOS or bool(_words(facts) & _HEARD)
    original = Source(ORIGINAL, row["vault_path"], row["sha256"], row["size_bytes"], content_type, 0.0, is_sure)
    made = {one["kind"]: one for one in derived if one["vault_path"] is not None}
    copies = [_copy(name, made[name], facts) for name in (PROXY, SALVAGE) if name in made]
    return [original, *copies] if is_sure and PROXY not in made else [*copies, original]


def octets_of(row: Row) -> Source:
    """An original to be kept and not shown, of whatever kind."""
    return Source(ORIGINAL, row["vault_path"], row["sha256"], row["size_bytes"], _OCTETS, 0.0, False)


def _copy(name: str, row: Row, facts: MediaFacts) -> Source:
    has_picture = bool(facts.streams_of(StreamKind.VIDEO)) or facts.kind is MediaKind.VIDEO
    content_type = "video/mp4" if has_picture else "audio/mp4"
    if not str(row["vault_path"]).endswith(".mp4"):
        content_type = content_type_of(facts)
    origin_s = float(row["document"].get("origin_s") or 0.0)
    return Source(name, row["vault_path"], row["sha256"], row["size_bytes"], content_type, origin_s, name == PROXY)


def content_type_of(facts: MediaFacts) -> str:
    """The media type of an original, by what its bytes are and never by its name."""
    place = 2 if facts.kind is MediaKind.AUDIO else 1
    words = _words(facts)
    return next((one[place] for one in _TYPES if one[0] in words), _OCTETS)


def _words(facts: MediaFacts) -> set[str]:
    return set((facts.container or "").lower().replace(",", " ").split())


def why_closed(row: Row) -> str:
    """Why nobody plays a recording, whatever rights he has, in English words; empty where it may be."""
    match State(row["state"]):
        case State.DISPOSED:
            return _("This recording was destroyed; its bytes are gone.")
        case State.CONDEMNED:
            return _("This recording is being destroyed.")
        case State.EVICTED:
            return _("Its bytes lie in another store, and not at this station.")
    if row["admission_is_quarantined"] and row["admission_settled_at"] is None:
        return _("This recording is held apart until somebody settles whose it is.")
    return ""


def check_reached(visit: Visit, row: Row) -> None:
    """Refuse a recording that is outside of the scope of whoever asks, and that no approved request opens to him.

    Raises:
        NotFoundError: in the words for one that is not there.
    """
    if not may_see(visit, row) and not has_open_request(visit, row["recording_id"]):
        check_seen(visit, row)


def sent(visit: Visit, row: Row, source: Source, *, kind: PlayedAs = "play", sample: str | None = None) -> Response:
    """A file of a recording, or the span of it that was asked for.

    Whether whoever asks may have it is judged here, and the view is in the register before the first byte goes out.

    Args:
        row: of the catalogue, with the marks of its docking.
        sample: as of `may_play`; whoever checks a sample sees what was drawn into it.

    Raises:
        NotFoundError: it is not there, or not for whoever asks.
        RefusedError: it is closed.
        IntegrityError: what lies there is not what was stored.
    """
    if sample is None:
        check_reached(visit, row)
    closed = why_closed(row)
    if closed:
        raise RefusedError(visit.t(closed))
    permission = may_play(visit, row, kind=kind, sample=sample)
    if not permission.is_open:
        raise RefusedError(permission.why)
    with ExitStack() as open_files:
        descriptor = _opened(visit, source)
        open_files.callback(os.close, descriptor)
        answer = _answer(visit, row, source, descriptor, kind)
        if isinstance(answer, Footage):
            register_view(visit, row, permission, kind=kind)
            # From here on the answer closes it.
            open_files.pop_all()
        return answer


def _opened(visit: Visit, source: Source) -> int:
    """A descriptor of a file of the vault; no link on the way is followed.

    Raises:
        NotFoundError, IntegrityError, StoreError: nothing, something else, or nothing readable stands there.
    """
    try:
        root = os.open(visit.console.settings.vault_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = open_beneath(root, os.fsencode(source.vault_path), os.O_RDONLY | os.O_NONBLOCK)
        finally:
            os.close(root)
    except FileNotFoundError as error:
        raise NotFoundError(visit.t("The file is not in the vault."), "see: ingestd scrub") from error
    except OSError as error:
        raise StoreError(f"{source.vault_path} cannot be read: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size != source.size_bytes:
        os.close(descriptor)
        raise IntegrityError(f"{source.vault_path} is not the file that was stored", "see: ingestd scrub")
    return descriptor


def _answer(visit: Visit, row: Row, source: Source, descriptor: int, kind: PlayedAs) -> Response:
    request, etag, size_bytes = visit.request, f'"{source.sha256}"', source.size_bytes
    is_shown = kind == "play" and source.content_type != _OCTETS
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Type": source.content_type,
        "Content-Disposition": f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{_name(row, source)}",
        "Content-Security-Policy": _SEALED_OFF,
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        # Ranges are a matter of GET alone.
        return Response(None, 200, headers | {"Content-Length": str(size_bytes)})
    span = asked_span(
        request.headers.getlist("range"), request.headers.get("if-range"), etag=etag, size_bytes=size_bytes
    )
    if isinstance(span, Unsatisfiable):
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{size_bytes}", "Content-Length": "0"})
    if span is None:
        return Footage(descriptor, 0, size_bytes, 200, headers)
    return Footage(descriptor, span.start, span.length, 206, headers | {"Content-Range": span.header(size_bytes)})


def _name(row: Row, source: Source) -> str:
    """A name to keep it under, of letters that no header can stumble over."""
    name = str(row["card_path"]).rsplit("/", 1)[-1]
    whole = name if source.name == ORIGINAL else f"{name}.{source.name}.mp4"
    return "".join(chr(one) if chr(one).isalnum() and one < 128 or one in b"-._" else f"%{one:02X}"
                   for one in whole.encode("utf-8", "surrogateescape"))  # fmt: skip


class Footage(StreamingResponse):
    """Bytes of an open file, read block by block beside the event loop; the descriptor is closed in every case."""

    def __init__(self, descriptor: int, start: int, length: int, status: int, headers: Mapping[str, str]) -> None:
        self._descriptor = descriptor
        super().__init__(self._blocks(start, length), status, {**headers, "Content-Length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them, as far as somebody still listens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)

    async def _blocks(self, at: int, length: int) -> AsyncIterator[bytes]:
        while length:
            block = await run_in_threadpool(os.pread, self._descriptor, min(BLOCK_BYTES, length), at)
            if not block:
                # The answer breaks off: a file that became shorter is never passed off as whole.
                raise IntegrityError("a file became shorter while it was sent")
            yield block
            at += len(block)
            length -= len(block)
