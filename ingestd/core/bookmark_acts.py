"""What people ask of bookmarks, and the acts that follow."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.bookmarks import Bookmark
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import refuse_station
from ingestd.core.fleet_acts import Text, Words

BOOKMARK_ACTS = ("bookmark.set", "bookmark.removed")


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class SetBookmark(_Request):
    """Mark a place in a recording.

    `recording` is its id, the last digits of it, or its file name; `kinds` are kinds or groups of the regime.
    """

    do: Literal["set"] = "set"
    recording: Words
    at_s: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = 0.0
    kinds: Annotated[tuple[Words, ...], Field(min_length=1, max_length=40)]
    words: Text = ""


class RemoveBookmark(_Request):
    """Take a bookmark back, by its number. What was marked stays in the ledger."""

    do: Literal["remove"] = "remove"
    bookmark: Annotated[int, Field(ge=1)]
    reason: Words


Request = SetBookmark | RemoveBookmark
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def setting_acts(
    request: SetBookmark, kinds: Sequence[str], *, recording_id: str, docking_id: str, standing: Sequence[Bookmark]
) -> list[Act]:
    """The acts by which a person marks a place, one for each kind; none for what is marked there already.

    Args:
        kinds: of the regime, groups resolved.
        standing: bookmarks of the recording.

    Raises:
        RefusedError: nobody signs as the station.
    """
    refuse_station(request.by)
    at_s = round(request.at_s, 3)
    there = {(mark.kind, mark.at_s) for mark in standing if mark.is_standing and mark.words == request.words}
    return [
        Act(
            act="bookmark.set",
            actor=request.by,
            subject=recording_id,
            data={"docking_id": docking_id, "at_s": at_s, "kind": kind, "words": request.words},
        )
        for kind in kinds
        if (kind, at_s) not in there
    ]


def removing_act(request: RemoveBookmark, mark: Bookmark, *, docking_id: str) -> Act:
    """The act by which a person takes a bookmark back.

    Raises:
        RefusedError: it does not stand any more, or nobody signs.
    """
    refuse_station(request.by)
    if not mark.is_standing:
        raise RefusedError(f"bookmark {mark.bookmark_id} does not stand any more", "see: ingestd bookmark list")
    before = {"at_s": mark.at_s, "kind": mark.kind, "words": mark.words, "marked_by": mark.marked_by}
    data = {"docking_id": docking_id, "bookmark": mark.bookmark_id, "reason": request.reason, "before": before}
    return Act(act="bookmark.removed", actor=request.by, subject=mark.recording_id, data=data)
