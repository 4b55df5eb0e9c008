"""The feed: chosen acts of the ledger pushed to a bureau's own platform (江门 6, 卫健 30). Off by default.

What is sent is read from the ledger behind a position that is kept durably, so nothing of the station's own work waits
for a receiver: an outage makes the position stay, and nothing else. At least once: where an answer got lost, the same
delivery, byte for byte as long as nothing new is to be told, goes out again.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ingestd.config.tokens import read_token
from ingestd.core.clock import from_text
from ingestd.core.custody import Entry
from ingestd.core.feed import SIGNATURE_HEADER, body_of, event_document, signature_of
from ingestd.core.feed_rules import has_recording_fields
from ingestd.core.settings import FeedSettings
from ingestd.daemon.background import Worker
from ingestd.daemon.feed_post import FeedPost, TooLongError
from ingestd.daemon.metrics import Meters
from ingestd.pipeline.parts import Parts
from ingestd.stores.feedposition import FeedPosition, FeedPositionFile
from ingestd.stores.ledger import Head
from ingestd.stores.ledgertail import LedgerTail
from ingestd.stores.timelines import Timelines

_ENTRIES_AT_ONCE = 1000
"""Entries of the ledger that are looked at for one delivery."""


class Feed:
    """A worker that delivers what the settings name. Made also where it is off, and then does nothing.

    Args:
        parts: as they are at the moment; a reload may name another receiver, secret or list of events.
    """

    def __init__(self, parts: Callable[[], Parts], meters: Meters) -> None:
        self._parts = parts
        standing = parts()
        settings = standing.settings
        self._stop = standing.stop
        self._tail = LedgerTail(standing.vault.ledger_folder)
        self._file = FeedPositionFile(settings.feed_position_file)
        self._timelines = Timelines(standing.chronicle.engine)
        self._post = FeedPost(self._stop)
        self._vault_id = str(json.loads(standing.vault.read_bytes("vault.json"))["vault_id"])
        self._position: FeedPosition | None = None
        self._most_events = settings.feed.batch_events
        self._waits_since: str | None = None
        self._meters = meters
        self.is_enabled = settings.feed.is_enabled
        self.worker = Worker(
            "feed",
            self._step,
            self._stop,
            self._failed,
            idle_seconds=None,
            retry_seconds=settings.feed.retry_seconds,
            longest_retry_seconds=settings.feed.longest_retry_seconds,
        )

    def start(self) -> None:
        """Begin to deliver, with what was left at the last stop."""
        self.worker.start()

    def join(self, seconds: float) -> bool:
        """Cut a delivery that is under way and wait for the end, behind the stop; true when it came in time."""
        self._post.abort()
        return self.worker.join(seconds)

    def waiting_acts(self) -> int:
        """Entries of the ledger that were not looked at yet; 0 where the feed is off."""
        if not self.is_enabled or self._position is None:
            return 0
        return max(0, self._parts().chronicle.head[0] - self._position.seq)

    def waiting_seconds(self) -> float:
        """How long the oldest act waits that the receiver did not take; 0 for none."""
        since = self._waits_since
        return max(0.0, (self._parts().clock.now() - from_text(since)).total_seconds()) if since is not None else 0.0

    def _failed(self, code: str, words: str) -> None:
        self._meters.feed_failures.inc()
        self._meters.count_error(code, words)

    def _step(self) -> bool:
        """One delivery; whether there may be more to tell."""
        parts = self._parts()
        settings = parts.settings.feed
        position = self._position = self._position or self._file.read(self._vault_id)
        # The catalogue follows the ledger: what it reflects stands for good, and its rows can be asked.
        upto = parts.catalogue.applied_seq()
        entries = self._tail.read(Head(position.seq, position.hash), upto=upto, limit=_ENTRIES_AT_ONCE)
        if not entries:
            return False
        entries = self._as_many_as_go(entries, settings)
        told = [entry for entry in entries if entry.act in settings.events]
        last = entries[-1]
        self._waits_since = told[0].time if told else None
        if told:
            self._deliver(parts, told, position.delivered_seq, last.seq)
        delivered_seq = last.seq if told else position.delivered_seq
        after = position.model_copy(update={"delivered_seq": delivered_seq, "seq": last.seq, "hash": last.hash})
        self._file.write(after)
        self._position, self._waits_since = after, None
        return True

    def _as_many_as_go(self, entries: Sequence[Entry], settings: FeedSettings) -> list[Entry]:
        """The first entries, with no more of interest than one delivery takes."""
        limit = min(self._most_events, settings.batch_events)
        taken: list[Entry] = []
        count = 0
        for entry in entries:
            count += entry.act in settings.events
            if count > limit:
                break
            taken.append(entry)
        return taken

    def _deliver(self, parts: Parts, told: Sequence[Entry], after_seq: int, through_seq: int) -> None:
        settings = parts.settings.feed
        secret = read_token(settings.secret_path, parts.settings.folder, "feed.secret_file")
        body = body_of(
            self._documents(told, settings),
            station=parts.settings.station.id,
            vault_id=self._vault_id,
            after_seq=after_seq,
            through_seq=through_seq,
        )
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"ingestd/{parts.version}",
            SIGNATURE_HEADER: signature_of(body, secret),
        }
        ca_file = parts.settings.folder / settings.ca_file if settings.ca_file is not None else None
        try:
            self._post.send(settings.url, body, headers, timeout_seconds=settings.timeout_seconds, ca_file=ca_file)
        except TooLongError:
            self._most_events = max(1, len(told) // 2)
            raise
        self._most_events = settings.batch_events
        self._meters.feed_events.inc(len(told))
        structlog.get_logger().info("feed.delivered", events=len(told), after_seq=after_seq, through_seq=through_seq)

    def _documents(self, told: Sequence[Entry], settings: FeedSettings) -> list[dict[str, Any]]:
        wanted = {
            entry.subject
            for entry in told
            if entry.subject is not None and has_recording_fields(entry.act, settings.events)
        }
        rows = self._timelines.recordings(sorted(wanted))
        return [event_document(entry, settings.events, rows.get(entry.subject or "")) for entry in told]
