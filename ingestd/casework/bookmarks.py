"""What people mark in recordings: each request decided and entered in the ledger."""

import threading
from collections.abc import Callable
from typing import Any

from ingestd.core.bookmark_acts import RemoveBookmark, Request, SetBookmark, removing_act, setting_acts
from ingestd.core.bookmark_rules import named_together
from ingestd.core.errors import RefusedError
from ingestd.core.facts import MediaKind
from ingestd.core.regime import Regime
from ingestd.stores.bookmarks import BookmarkBook
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.search import Catalogue, Row

Document = dict[str, Any]

_MARKABLE = (MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.PHOTO)


class BookmarkDesk:
    """The one counter of a station at which places in recordings are marked. Safe from many threads.

    Args:
        regime: as it is at the moment; a reload may change it.
    """

    def __init__(self, catalogue: Catalogue, chronicle: Chronicle, regime: Callable[[], Regime]) -> None:
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._book = BookmarkBook(chronicle.engine)
        self._regime = regime
        self._lock = threading.Lock()

    def enter(self, request: Request) -> Document:
        """Do what is asked, with one entry in the ledger for each bookmark: all of them or none.

        Returns `recording_id` and `bookmarks`: the numbers that were set or removed, none where it was so already.

        Raises:
            NotFoundError: no such recording or bookmark.
            RefusedError: it cannot be done as it stands.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            return self._remove(request) if isinstance(request, RemoveBookmark) else self._set(request)

    def _set(self, request: SetBookmark) -> Document:
        kinds = self._kinds(request.kinds)
        recording = self._catalogue.recording(request.recording)
        _refuse_place(recording, request.at_s)
        named = str(recording["recording_id"])
        standing = self._book.of([named])
        docking = str(recording["docking_id"])
        acts = setting_acts(request, kinds, recording_id=named, docking_id=docking, standing=standing)
        entries = self._chronicle.enter(*acts) if acts else []
        return {"recording_id": named, "bookmarks": [entry.seq for entry in entries]}

    def _remove(self, request: RemoveBookmark) -> Document:
        mark = self._book.one(request.bookmark)
        docking = str(self._catalogue.recording(mark.recording_id)["docking_id"])
        self._chronicle.enter(removing_act(request, mark, docking_id=docking))
        return {"recording_id": mark.recording_id, "bookmarks": [mark.bookmark_id]}

    def _kinds(self, named: tuple[str, ...]) -> list[str]:
        names = named_together(self._regime().bookmarks)
        for one in named:
            if one not in names:
                known = ", ".join(names) or "none"
                raise RefusedError(f"{one!r} is no kind of bookmark of this regime", f"the kinds are {known}")
        return list(dict.fromkeys(kind for one in named for kind in names[one]))


def _refuse_place(recording: Row, at_s: float) -> None:
    kind, length_s = recording["kind"], recording["duration_s"]
    path = recording["card_path"]
    if kind is not None and kind not in _MARKABLE:
        raise RefusedError(f"{path} is neither picture nor sound ({kind})", "mark a video, a sound file or a photo")
    if kind == MediaKind.PHOTO and at_s > 0:
        raise RefusedError(f"{path} is a photo, which has no {at_s:.1f} s", "leave the place out")
    if length_s is not None and at_s > length_s:
        what = f"{path} is {length_s:.1f} s long; there is no {at_s:.1f} s"
        raise RefusedError(what, "give the second in that file")
