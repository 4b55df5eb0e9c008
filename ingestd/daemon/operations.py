"""What the daemon answers on its socket."""

import os
import queue
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path

from ingestd.core.errors import RefusedError
from ingestd.core.model import Inlet, Progress
from ingestd.core.origin import origin_of
from ingestd.daemon.intake import Intake
from ingestd.daemon.live import LiveState
from ingestd.devices.mounts import FolderMounter
from ingestd.ipc import Document, Operation
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult

HEARTBEAT_SECONDS = 15.0
"""Who watches the bays hears from the station at least this often."""


def operations(parts: Parts, live: LiveState, intake: Intake) -> Mapping[str, Operation]:
    """The operations by name."""

    def status(_: Document) -> Iterator[Document]:
        yield {
            "result": {
                "station": parts.settings.station.id,
                "version": parts.version,
                "pid": os.getpid(),
                "bays": [asdict(progress) for progress in live.bays()],
            }
        }

    def watch(_: Document) -> Iterator[Document]:
        with live.listening() as words:
            for progress in live.bays():
                yield {"progress": asdict(progress)}
            while not live.is_closed:
                # An asker that went away is noticed when nothing can be sent to it.
                yield from _next_word(words) or ({},)
        yield {"result": None}

    def ingest(request: Document) -> Iterator[Document]:
        path, bay = Path(str(request.get("path", ""))), str(request.get("bay", "command"))
        if not path.is_absolute() or "\0" in str(path):
            raise RefusedError("the path must be absolute, and a path")
        if not bay.isprintable():
            raise RefusedError("the bay's name must be printable")
        origin = origin_of(request["origin"]) if request.get("origin") is not None else None
        with live.listening() as words:
            future = intake.plug(bay, FolderMounter(path), Inlet.COMMAND, origin=origin)
            # The last word of a docking comes before its result: without this the answer would wait for the next one.
            future.add_done_callback(lambda _: live.wake(words))
            yield from _until_done(future, words, bay)
        yield {"result": asdict(future.result())}

    return {"status": status, "watch": watch, "ingest": ingest}


def health_operation(readyz: Callable[[], tuple[bool, Document]]) -> Mapping[str, Operation]:
    """The operation `health`: what `/readyz` says, and `is_ready`."""

    def health(_: Document) -> Iterator[Document]:
        is_ready, document = readyz()
        yield {"result": document | {"is_ready": is_ready}}

    return {"health": health}


def _until_done(future: "Future[DockingResult]", words: "queue.Queue[Progress | None]", bay: str) -> Iterator[Document]:
    while not future.done():
        yield from (document for document in _next_word(words) if document["progress"]["bay"] == bay)


def _next_word(words: "queue.Queue[Progress | None]") -> list[Document]:
    """The next word; none when there was none for a while, or somebody who waits is to look at what he waits for."""
    try:
        word = words.get(timeout=HEARTBEAT_SECONDS)
    except queue.Empty:
        return []
    return [] if word is None else [{"progress": asdict(word)}]
