"""Derive: smaller copies for viewing. Lowest priority, never in the way of copying, made again at will."""

import os
from typing import Any

from ingestd.core.custody import Act
from ingestd.core.errors import IngestdError, MediaError
from ingestd.core.facts import MediaFacts, MediaKind
from ingestd.core.model import Sealed
from ingestd.core.naming import derived_path
from ingestd.core.playback import is_browser_playable
from ingestd.core.stop import Stop
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.parts import Parts, while_held
from ingestd.pipeline.salvage import salvage_next
from ingestd.stores.attempts import count_attempt, forget_attempts
from ingestd.stores.durable import create_exclusive, make_directory, publish, remove, sync_directory, translated
from ingestd.stores.search import Row, sealed_of
from ingestd.stores.transfer import let_go, read_back

_JOB = "proxy"


def derive_next(parts: Parts, media: MediaWorker) -> bool:
    """Make proxy and poster of the oldest recording that waits for them, then salvage; false when nothing waits.

    Raises:
        StoreError: the vault refuses; the recording goes on waiting.
        StoppedError: `media` was asked to stop; so does the recording.
    """
    rows = parts.catalogue.without_derived(("proxy",), limit=1)
    for row in rows:
        _derive(row, parts, media)
    return bool(rows) or salvage_next(parts, media)


def _derive(row: Row, parts: Parts, media: MediaWorker) -> None:
    sealed = sealed_of(row)
    facts = MediaFacts.model_validate(row["facts"]) if row["facts"] is not None else None
    if facts is None or not parts.settings.proxy.is_enabled:
        parts.chronicle.enter(_none_made(sealed, "no facts" if facts is None else "proxies are switched off"))
        return
    if not parts.vault.has_file(sealed.vault_path, sealed.size_bytes):
        parts.chronicle.enter(_none_made(sealed, "the original is missing"))
        return
    attempt = count_attempt(parts.chronicle.engine, sealed.recording_id, _JOB)
    try:
        if attempt > parts.settings.media.attempts:
            raise MediaError("the station was killed while it made this proxy")
        if facts.kind is MediaKind.VIDEO:
            _make(sealed, "poster", ".poster.jpg", parts, media)
        if is_browser_playable(facts):
            parts.chronicle.enter(_settled(sealed, {"serves": "original"}))
        else:
            _make(sealed, "proxy", ".proxy.mp4", parts, media)
    except MediaError as error:
        parts.chronicle.enter(_none_made(sealed, error.message))
    except IngestdError:
        # A stop or a full disk is not the file's fault: this try does not count.
        forget_attempts(parts.chronicle.engine, [sealed.recording_id], _JOB)
        raise
    forget_attempts(parts.chronicle.engine, [sealed.recording_id], _JOB)


def _make(sealed: Sealed, kind: str, suffix: str, parts: Parts, media: MediaWorker) -> None:
    """Have the child write a derived file, prove it stands, and enter the act that says so."""
    settings, vault = parts.settings.proxy, parts.vault
    path = derived_path(sealed.vault_path, suffix)
    final = vault.path(path)
    make_directory(final.parent)
    staged = vault.staging_folder / f"{sealed.recording_id}.{kind}"
    remove(staged)
    source = vault.open_for_reading(sealed.vault_path)
    try:
        target = create_exclusive(staged)
        try:
            params: dict[str, Any] = {"height": settings.height_pixels} if kind == "proxy" else {}
            document = media.request(kind, (source, target), params, settings.timeout_seconds)
            with translated("sync", staged):
                os.fsync(target)
                size_bytes = os.fstat(target).st_size
        finally:
            os.close(target)
        with while_held(sealed.recording_id, parts):
            remove(final)
            publish(staged, final)
            sync_directory(final.parent)
            # Not ended by a stop: what stands at its name gets its act.
            block_bytes = parts.settings.copying.block_bytes
            found = read_back(final, was_let_go=let_go(final), block_bytes=block_bytes, stop=Stop())
            data = {"kind": kind, "path": path, "sha256": found.sha256, "size_bytes": size_bytes, "document": document}
            parts.chronicle.enter(_act(sealed, data))
    finally:
        os.close(source)
        remove(staged)


def _settled(sealed: Sealed, document: dict[str, Any]) -> Act:
    return _act(sealed, {"kind": "proxy", "path": None, "sha256": None, "size_bytes": None, "document": document})


def _act(sealed: Sealed, data: dict[str, Any]) -> Act:
    return Act(act="derived.made", subject=sealed.recording_id, data={"docking_id": sealed.docking_id, **data})


def _none_made(sealed: Sealed, reason: str) -> Act:
    return _settled(sealed, {"serves": None, "reason": reason})
