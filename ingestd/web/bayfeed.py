"""The bays as they change, for every screen that watches: one thread hears the station, each listener its own words.

What a listener has not taken yet is kept once a bay: who does not keep up loses old words, never the newest.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ingestd.core.errors import IngestdError
from ingestd.core.stop import Stop
from ingestd.web.docktiles import tile_of

Document = dict[str, Any]
HangUp = Callable[[], None]
Watch = Callable[[Callable[[Document], None], Callable[[HangUp], None]], None]
"""Tells of each change of a bay until the station goes away, and first hands over what ends it."""
Look = Callable[[Collection[str]], Mapping[str, Document]]
"""What the catalogue knows of dockings, by their ids; may block."""

MOST_LISTENERS: Final = 32
BEAT_SECONDS: Final = 10.0
"""Who listens hears something at least this often, or has lost the console."""
_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 3.0
_TAKING_SECONDS = 30.0
_END_SECONDS = 5.0


class Listener:
    """One screen. All of it runs in the console's event loop."""

    def __init__(self) -> None:
        self._words: dict[str, bytes] = {}
        self._bell = asyncio.Event()
        self.is_over = False

    def tell(self, name: str, word: bytes) -> None:
        """A word, which takes the place of one of the same name that was not taken yet."""
        self._words.pop(name, None)
        self._words[name] = word
        self._bell.set()

    def end(self) -> None:
        """There will be no more words."""
        self.is_over = True
        self._bell.set()

    async def words(self) -> bytes:
        """What is new; a sign of life where nothing is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), BEAT_SECONDS)
        self._bell.clear()
        told, self._words = b"".join(self._words.values()), {}
        return told or _event("beat", {})


class BayFeed:
    """Watches the station from the first listener on, through its restarts, and tells all listeners.

    Args:
        watch: called in a thread of its own, again and again.
        look: asked now and then about the dockings in the bays.
    """

    def __init__(self, watch: Watch, look: Look) -> None:
        self._watch, self._look = watch, look
        self._stop = Stop()
        self._lock = threading.Lock()
        self._hang_up: HangUp | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._listeners: set[Listener] = set()
        self._is_there: bool | None = None
        self._bays: dict[str, Document] = {}
        self._notes: Mapping[str, Document] = {}

    @property
    def is_full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._listeners) >= MOST_LISTENERS or self._stop.is_requested()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener while the block lasts; it first hears how everything stands. In the event loop only."""
        self._start()
        listener = Listener()
        if self._is_there is not None:
            listener.tell("station", _event("station", {"is_there": self._is_there}))
        for bay in sorted(self._bays):
            listener.tell(f"bay {bay}", self._word(bay))
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Let all listeners go and end the watching; from any thread, also where it never began."""
        self._stop.request()
        with self._lock:
            if self._hang_up is not None:
                self._hang_up()
        self._post(self._end_all)
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    # In the event loop

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="bay-feed", daemon=True)
            self._thread.start()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again())

    def _end_all(self) -> None:
        for listener in self._listeners:
            listener.end()
        if self._looking is not None:
            self._looking.cancel()

    def _found(self) -> None:
        self._bays = {}
        self._stands(is_there=True)

    def _lost(self) -> None:
        self._stands(is_there=False)

    def _stands(self, *, is_there: bool) -> None:
        if self._is_there is is_there:
            return
        self._is_there = is_there
        for listener in self._listeners:
            listener.tell("station", _event("station", {"is_there": is_there}))

    def _changed(self, progress: Document) -> None:
        bay = str(progress["bay"])
        before = self._bays.get(bay, {}).get("docking_id")
        self._bays[bay] = progress
        if progress["docking_id"] != before or progress["may_be_removed"]:
            self._look_now.set()
        self._tell(bay)

    def _tell(self, bay: str) -> None:
        word = self._word(bay)
        for listener in self._listeners:
            listener.tell(f"bay {bay}", word)

    def _word(self, bay: str) -> bytes:
        progress = self._bays[bay]
        return _event("bay", tile_of(progress, self._notes.get(progress["docking_id"] or "")))

    async def _look_again(self) -> None:
        """Keep what the catalogue says of the dockings in the bays up to date while anybody listens."""
        while True:
            wanted = {str(one["docking_id"]) for one in self._bays.values() if _has_ended(one)}
            if wanted:
                # The catalogue may be busy; what was known of it stands until the next look.
                with contextlib.suppress(IngestdError):
                    self._noted(await asyncio.to_thread(self._look, wanted))
            self._look_now.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), _LOOK_SECONDS)
            # Words of one bay come many a second: no more than one look a while.
            await asyncio.sleep(_AGAIN_SECONDS / 4)
            if not self._listeners:
                return

    def _noted(self, notes: Mapping[str, Document]) -> None:
        before, self._notes = self._notes, notes
        for bay, progress in self._bays.items():
            docking = progress["docking_id"]
            if docking is not None and before.get(docking) != notes.get(docking):
                self._tell(bay)

    # In the thread

    def _work(self) -> None:
        while not self._stop.is_requested():
            with contextlib.suppress(IngestdError):
                self._watch(lambda document: self._post(self._changed, document), self._connected)
            with self._lock:
                self._hang_up = None
            self._post(self._lost)
            self._stop.wait(_AGAIN_SECONDS)

    def _connected(self, hang_up: HangUp) -> None:
        with self._lock:
            self._hang_up = hang_up
            if self._stop.is_requested():
                hang_up()
        self._post(self._found)

    def _post(self, call: Callable[..., None], *given: Any) -> None:
        """Have something done in the event loop; nothing where that has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call, *given)


class EventStream(Response):
    """Server-sent events of the bays, until either side goes away.

    A browser that takes nothing for half a minute is let go of, so that its place becomes free.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: BayFeed) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends."""
        if self._feed.is_full:
            await PlainTextResponse("too many screens listen", 503)(scope, receive, send)
            return
        with self._feed.listening() as listener:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            both = (asyncio.ensure_future(_sent(listener, send)), asyncio.ensure_future(_gone(receive)))
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)


async def _sent(listener: Listener, send: Send) -> None:
    await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
    while not listener.is_over:
        word = await listener.words()
        message = {"type": "http.response.body", "body": word, "more_body": True}
        await asyncio.wait_for(send(message), _TAKING_SECONDS)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _has_ended(progress: Document) -> bool:
    """Whether a docking is over, so that the catalogue knows what there is to know of it at the seal."""
    return progress["docking_id"] is not None and (progress["may_be_removed"] or progress["state"] == "attention")


def _event(name: str, document: Document) -> bytes:
    # In ASCII: names of files and recorders may hold lone surrogates, and line ends that would end the event.
    return f"event: {name}\ndata: {json.dumps(document, ensure_ascii=True)}\n\n".encode("ascii")
