"""Salvage: a playable copy of torn footage, derived beside the untouched original. Lowest priority."""

import datetime as dt
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import IngestdError, MediaError, NotFoundError, RefusedError
from ingestd.core.facts import MediaFacts
from ingestd.core.model import RecordedTimes, Sealed
from ingestd.core.naming import derived_path
from ingestd.core.profile import ParsedName
from ingestd.core.salvaging import (
    IN_BAND,
    copy_suffix,
    is_convincing,
    is_salvageable,
    needs_reference,
    reference_of,
    salvaged_finding,
)
from ingestd.core.siblings import Sibling
from ingestd.core.stop import Stop
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.parts import Parts, while_held
from ingestd.stores.attempts import count_attempt, forget_attempts
from ingestd.stores.durable import create_exclusive, make_directory, publish, remove, sync_directory, translated
from ingestd.stores.search import Catalogue, Row, sealed_of
from ingestd.stores.transfer import let_go, read_back

_JOB = "salvage"
_AROUND = dt.timedelta(days=30)
"""How far away in time a reference is looked for: settings of a recorder seldom last for ever."""


def salvage_next(parts: Parts, media: MediaWorker) -> bool:
    """Salvage the oldest torn recording that can be; false when there is none.

    One without an index waits for a whole sibling, which a later docking may bring; meanwhile, and once, it is tried
    by what its pictures say of themselves.

    Raises:
        StoreError: the vault refuses; the recording goes on waiting.
        StoppedError: `media` was asked to stop; so does the recording.
    """
    for row in parts.catalogue.torn_without_salvage():
        facts = MediaFacts.model_validate(row["facts"])
        if not is_salvageable(facts) or not parts.vault.has_file(row["vault_path"], row["size_bytes"]):
            continue
        reference = reference_row(row, parts.catalogue) if needs_reference(facts) else None
        if reference is None and _was_tried(row["recording_id"], parts.catalogue):
            continue
        parts.chronicle.enter(salvage_recording(row, reference, parts, media))
        return True
    return False


def _was_tried(recording: str, catalogue: Catalogue) -> bool:
    return any(one["kind"] == _JOB for one in catalogue.derived(recording))


def reference_row(row: Row, catalogue: Catalogue) -> Row | None:
    """The recording of the same recorder by which a torn one can be walked; null where there is none."""
    own = _sibling(row)
    start, end = to_text(own.times.start - _AROUND), to_text(own.times.start + _AROUND)
    rows = {
        one["recording_id"]: one
        for one in catalogue.analysed_of_recorder(row["recorder_key"], start=start, end=end)
        if one["recorded_start"] is not None
    }
    found = reference_of(own, [_sibling(one) for one in rows.values()])
    return None if found is None else catalogue.recording(found.key)


def salvage_recording(row: Row, reference: Row | None, parts: Parts, media: MediaWorker) -> Act:
    """Make the playable copy of one recording; the act tells of it, or why there is none.

    Args:
        reference: the whole recording that shows how the torn one is built; null where none is needed or known.

    Raises:
        MediaError: the child died; another try is due.
    """
    sealed, facts = sealed_of(row), MediaFacts.model_validate(row["facts"])
    engine = parts.chronicle.engine
    attempt = count_attempt(engine, sealed.recording_id, _JOB)
    path = derived_path(sealed.vault_path, copy_suffix(facts.container))
    is_tried_alone = reference is None and needs_reference(facts)
    try:
        if attempt > parts.settings.media.attempts:
            raise MediaError("the station was killed while it salvaged this file")
        data = _made(sealed, sealed_of(reference) if reference is not None else None, path, parts, media)
        if not is_convincing(data["document"]):
            remove(parts.vault.path(path))
            raise MediaError("too little of this file is explained by what was found")
        shown = reference["card_path"] if reference is not None else None
        found = salvaged_finding(facts, data["document"], reference=shown, copy=path)
        data["findings"] = [found.model_dump(mode="json")]
    except MediaError as error:
        by = reference["recording_id"] if reference is not None else None
        document = {"reason": error.message, "reference": by, "method": IN_BAND if is_tried_alone else None}
        data = {"kind": _JOB, "path": None, "sha256": None, "size_bytes": None, "document": document}
    except IngestdError:
        # A stop or a full disk is not the file's fault: this try does not count.
        forget_attempts(engine, [sealed.recording_id], _JOB)
        raise
    forget_attempts(engine, [sealed.recording_id], _JOB)
    return Act(act="derived.made", subject=sealed.recording_id, data={"docking_id": sealed.docking_id, **data})


def _sibling(row: Row) -> Sibling:
    start = from_text(row["recorded_start"] or row["sealed_at"])
    return Sibling(
        key=row["recording_id"],
        recorder_key=row["recorder_key"],
        facts=MediaFacts.model_validate(row["facts"]),
        name=ParsedName(),
        times=RecordedTimes(start, from_text(row["recorded_end"]) if row["recorded_end"] else start, "catalogue"),
        shown=row["card_path"],
        is_recorder_known=row["recorder_id"] is not None,
    )


def _made(sealed: Sealed, teacher: Sealed | None, path: str, parts: Parts, media: MediaWorker) -> dict[str, Any]:
    vault = parts.vault
    final = vault.path(path)
    make_directory(final.parent)
    with ExitStack() as open_files:
        sources: list[int] = []
        for one in (sealed, teacher):
            if one is not None:
                sources.append(vault.open_for_reading(one.vault_path))
                open_files.callback(os.close, sources[-1])
        sizes = [one.size_bytes for one in (sealed, teacher) if one is not None]
        staged = vault.staging_folder / f"{sealed.recording_id}.{_JOB}"
        timeout = parts.settings.proxy.timeout_seconds
        held = while_held(sealed.recording_id, parts)
        document = _written(sources, sizes, staged, final, media, timeout, is_replaced=True, published=held)
    block_bytes = parts.settings.copying.block_bytes
    found = read_back(final, was_let_go=let_go(final), block_bytes=block_bytes, stop=Stop())
    document["reference"] = teacher.recording_id if teacher is not None else None
    return {
        "kind": _JOB,
        "path": path,
        "sha256": found.sha256,
        "size_bytes": document["size_bytes"],
        "document": document,
    }


def _written(
    sources: Sequence[int],
    sizes: Sequence[int],
    staged: Path,
    final: Path,
    media: MediaWorker,
    timeout_seconds: float,
    *,
    is_replaced: bool,
    published: AbstractContextManager[object] | None = None,
) -> dict[str, Any]:
    """Have the child write the copy under a staged name, prove it stands, and give it its place within `published`."""
    remove(staged)
    try:
        target = create_exclusive(staged)
        try:
            document = media.salvage(sources, sizes, target, timeout_seconds)
            with translated("sync", staged):
                os.fsync(target)
        finally:
            os.close(target)
        with published or nullcontext():
            if is_replaced:
                remove(final)
            publish(staged, final)
            sync_directory(final.parent)
    finally:
        remove(staged)
    return document


def salvage_file(
    torn: Path, reference: Path | None, output: Path, media: MediaWorker, *, timeout_seconds: float
) -> dict[str, Any]:
    """Salvage a file where it lies, without a station; nothing standing is ever overwritten.

    Raises:
        NotFoundError: a file is not there.
        RefusedError: the output's name is taken.
        MediaError: there is nothing to salvage, or the reference cannot serve.
    """
    if os.path.lexists(output):
        raise RefusedError(f"{output} is already there", "name another file: nothing is ever overwritten")
    with ExitStack() as open_files:
        sources = [open_files.enter_context(_Opened(path)) for path in (torn, reference) if path is not None]
        sizes = [os.fstat(source).st_size for source in sources]
        staged = output.with_name(f".{output.name}.unfinished")
        return _written(sources, sizes, staged, output, media, timeout_seconds, is_replaced=False)


class _Opened:
    """A regular file for reading, never a link or a pipe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> int:
        if not self._path.is_file() or self._path.is_symlink():
            raise NotFoundError(f"{self._path} is no file")
        with translated("open", self._path):
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
