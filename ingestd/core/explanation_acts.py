"""What people ask of explanations, and the acts that follow."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, field_validator

from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.explanation import Explanation, FindingIdentity
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.interruption import InterruptionReason

MAX_ATTACHMENT_BYTES = 32 * 1024 * 1024

_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Account = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=_LINES)]
"""What happened, in words; lines and tabs are allowed."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Explain(_Request):
    """Give the reason for a finding.

    `finding` is its key, the first digits of it, or its id; `reported_at` has a zone; `attachment` is the absolute path
    of a file that the station can read; `spoken_in` is a recording, null for the one that the finding is about.
    """

    do: Literal["explain"] = "explain"
    finding: Words
    reason: InterruptionReason
    words: Account
    reported_at: dt.datetime | None = None
    reported_to: Text = ""
    spoken_at_s: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    spoken_in: Words | None = None
    attachment: str | None = None
    reference: Text = ""

    @field_validator("reported_at")
    @classmethod
    def _report_has_a_zone(cls, moment: dt.datetime | None) -> dt.datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment


class Withdraw(_Request):
    """Take back what was said of a finding, named as in `Explain`, or by the number of the explanation."""

    do: Literal["withdraw"] = "withdraw"
    finding: Words
    reason: Words


Request = Explain | Withdraw
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def explaining_act(
    request: Explain,
    identity: FindingIdentity,
    finding: Mapping[str, Any],
    *,
    subject: str,
    docking_id: str | None,
    spoken_in: str | None,
    attachment: Mapping[str, Any],
    replaced: Sequence[Explanation],
    now: dt.datetime,
) -> Act:
    """The act by which a person explains a finding.

    Args:
        identity: of the finding.
        finding: its document.
        subject: the recording or docking that the finding is filed under.
        spoken_in: the recording that the spoken reason stands in; null where none was named.
        attachment: `attachment`, `attachment_sha256`, `attachment_size_bytes` of what was copied; empty for nothing.
        replaced: standing explanations of the same finding; the new one takes their place.
        now: the wall time.

    Raises:
        RefusedError: nobody signs as the station, and nothing is reported in the future.
    """
    refuse_station(request.by)
    if request.reported_at is not None and request.reported_at > now:
        raise RefusedError("reported-at lies in the future", "give the time at which it was reported")
    spoken = None if request.spoken_at_s is None else {"recording_id": spoken_in, "at_s": request.spoken_at_s}
    places = {key: finding[key] for key in ("start_utc", "end_utc")}
    data = {
        "docking_id": docking_id,
        "finding": {"key": identity.key, **asdict(identity), "about": list(identity.about), **places},
        "reason": request.reason.value,
        "words": request.words,
        "reported_at": to_text(request.reported_at) if request.reported_at is not None else None,
        "reported_to": request.reported_to,
        "spoken": spoken,
        "reference": request.reference,
        "replaces": [one.explanation_id for one in replaced],
        **attachment,
    }
    return Act(act="finding.explained", actor=request.by, subject=subject, data=data)


def withdrawing_act(request: Withdraw, explanation: Explanation, *, subject: str, docking_id: str | None) -> Act:
    """The act by which a person takes an explanation back.

    Raises:
        RefusedError: it does not stand any more, or nobody signs.
    """
    refuse_station(request.by)
    if not explanation.is_standing:
        raise RefusedError(
            f"explanation {explanation.explanation_id} does not stand any more", "see: ingestd explain list"
        )
    data = {
        "docking_id": docking_id,
        "explanation": explanation.explanation_id,
        "finding": explanation.finding.key,
        "reason": request.reason,
    }
    return Act(act="finding.explanation_withdrawn", actor=request.by, subject=subject, data=data)


def refuse_station(by: str) -> None:
    """An act of a person carries the name of a person.

    Raises:
        RefusedError: it does not.
    """
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
