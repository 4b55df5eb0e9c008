"""What people ask about samples (抽检), the acts that follow, and what each act makes of a sample.

frozen → drawn → under check → closed; withdrawn from any of the first three, with a reason that stays.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from ingestd.core.case_acts import refuse_station
from ingestd.core.case_requests import Account as Lines
from ingestd.core.case_requests import Moment
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.facts import MediaKind
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.inspection_rules import InspectionRule, Verdict
from ingestd.core.samples import (
    ALGORITHM,
    LIST_FORMAT,
    MOST_DRAWN,
    MOST_LISTED,
    Drawn,
    Item,
    Listed,
    Outcome,
    Sample,
    SampleState,
    allocated,
    draw,
    frame_of,
    wanted,
)

SAMPLE_ACTS = (
    "sample.frozen",
    "sample.seeded",
    "sample.drawn",
    "sample.assigned",
    "sample.checked",
    "sample.closed",
    "sample.withdrawn",
)
"""The acts about samples."""

SampleNumber = Annotated[str, StringConstraints(pattern=r"^S\d{4}-\d{4,}$")]
_Point = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
_ItemNumber = Annotated[int, Field(ge=1, le=MOST_DRAWN)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class _Named(_Request):
    number: SampleNumber


class Freeze(_Request):
    """Freeze the list of what a sample will be drawn from: footage that starts in a period, of units and kinds."""

    do: Literal["freeze"] = "freeze"
    title: Words
    begins: Moment
    ends: Moment
    units: tuple[Words, ...] = ()
    kinds: tuple[MediaKind, ...] = (MediaKind.VIDEO,)
    size: int | None = Field(default=None, ge=1, le=MOST_DRAWN)
    share_percent: int | None = Field(default=None, ge=1, le=100)
    least_per_unit: int = Field(default=1, ge=0, le=MOST_DRAWN)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("the period ends before it begins")
        if (self.size is None) == (self.share_percent is None):
            raise ValueError("say how many, or which share: one of the two")
        return self


class Draw(_Named):
    """Draw from the frozen list, by the seed that the ledger has given since."""

    do: Literal["draw"] = "draw"


class Assign(_Named):
    """Give items to an inspector, by sign-in name; no items named: all that nobody checked yet."""

    do: Literal["assign"] = "assign"
    account: Words
    person: Text = ""
    items: Annotated[tuple[_ItemNumber, ...], Field(max_length=MOST_DRAWN)] = ()


class Answer(BaseModel):
    """What is said of one point of the form; a failure has to be said in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    words: Text = ""

    @model_validator(mode="after")
    def _failure_has_words(self) -> Self:
        if self.verdict is Verdict.FAIL and not self.words:
            raise ValueError("say in words what is wrong")
        return self


class Check(_Named):
    """The playback check of one item. `account` is the sign-in name of who checked."""

    do: Literal["check"] = "check"
    item: _ItemNumber
    account: Words
    answers: dict[_Point, Answer]
    note: Lines = ""


class Close(_Named):
    """The sample is done; items that nobody checked need a reason."""

    do: Literal["close"] = "close"
    words: Text = ""


class Withdraw(_Named):
    """The sample will not be finished; it stays in the register with its reason."""

    do: Literal["withdraw"] = "withdraw"
    reason: Words


Request = Freeze | Draw | Assign | Check | Close | Withdraw
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


# Acts


def list_document(request: Freeze, number: str, listed: Sequence[Listed], now: dt.datetime) -> dict[str, Any]:
    """The frozen list as its file has it.

    Raises:
        RefusedError: nothing is in it, or too much.
    """
    if not listed:
        raise RefusedError("no footage of this period, these units and kinds", "take another period")
    if len(listed) > MOST_LISTED:
        raise RefusedError(f"{len(listed)} recordings are more than one list takes ({MOST_LISTED})", "shorten it")
    return {
        "format": LIST_FORMAT,
        "number": number,
        "frozen_at": to_text(now),
        "begins": to_text(request.begins),
        "ends": to_text(request.ends),
        "units": list(request.units),
        "kinds": [one.value for one in request.kinds],
        "recordings": [list(one) for one in sorted(listed)],
    }


def listed_in(document: Mapping[str, Any]) -> list[Listed]:
    """The recordings of a frozen list."""
    return [Listed(str(one[0]), str(one[1])) for one in document["recordings"]]


def frozen_act(
    request: Freeze, document: Mapping[str, Any], path: str, digest: str, form: Sequence[InspectionRule]
) -> Act:
    """The list is frozen; the hash of the ledger's next entry will be the seed.

    Raises:
        RefusedError: the regime has no form, or too many would be drawn.
    """
    refuse_station(request.by)
    if not form:
        raise RefusedError("the regime has no form for a playback check", "enter [[inspection]] in its regime file")
    frame = frame_of(listed_in(document))
    count = sum(_allocation(frame, request.size, request.share_percent, request.least_per_unit).values())
    if count > MOST_DRAWN:
        raise RefusedError(f"{count} items are more than one sample takes ({MOST_DRAWN})", "take a smaller share")
    data = request.model_dump(mode="json", exclude={"by", "do", "begins", "ends"})
    data |= {"begins": document["begins"], "ends": document["ends"], "frame": frame, "algorithm": ALGORITHM}
    data |= {"list": path, "list_sha256": digest}
    data["form"] = [one.model_dump(mode="json", exclude={"basis", "note"}) for one in form]
    return Act(act="sample.frozen", actor=request.by, subject=document["number"], data=data)


def seeded_act(number: str, by: str) -> Act:
    """Nothing was entered since the list was frozen: this act's own hash is the seed."""
    return Act(act="sample.seeded", actor=by, subject=number)


def drawn_act(request: Draw, sample: Sample, listed: Sequence[Listed], seed_seq: int, seed: str) -> Act:
    """The items that the seed draws.

    Raises:
        RefusedError: it was drawn already, or the seed is not the one of this list.
    """
    refuse_station(request.by)
    if sample.state is not SampleState.FROZEN:
        raise RefusedError(f"sample {sample.number} was drawn already; a second draw would be a choice")
    if seed_seq != sample.frozen_seq + 1:
        raise RefusedError(f"the seed of sample {sample.number} is the hash of entry {sample.frozen_seq + 1}")
    allocation = _allocation(sample.frame, sample.size, sample.share_percent, sample.least_per_unit)
    items = [one._asdict() for one in draw(listed, seed, allocation)]
    data = {"algorithm": ALGORITHM, "seed_seq": seed_seq, "seed": seed, "allocation": allocation, "items": items}
    return Act(act="sample.drawn", actor=request.by, subject=sample.number, data=data)


def redrawn(sample: Sample, listed: Sequence[Listed]) -> list[Drawn]:
    """The items that this sample must have, drawn again from its list and its seed."""
    allocation = _allocation(frame_of(listed), sample.size, sample.share_percent, sample.least_per_unit)
    return draw(listed, sample.seed, allocation)


def _allocation(
    frame: Mapping[str, int], size: int | None, share_percent: int | None, least_per_unit: int
) -> dict[str, int]:
    return allocated(frame, wanted(sum(frame.values()), size, share_percent), least_per_unit)


def assigned_act(request: Assign, sample: Sample, items: Sequence[Item]) -> Act:
    """Items get an inspector.

    Raises:
        NotFoundError, RefusedError: no such item, or none left to give.
    """
    refuse_station(request.by)
    _open(sample)
    known = {one.item: one for one in items}
    for number in request.items:
        if number not in known:
            raise NotFoundError(f"sample {sample.number} has no item {number}")
        if known[number].outcome is not None:
            raise RefusedError(f"item {number} was checked by {known[number].checked_by} already")
    chosen = sorted(set(request.items)) or [one.item for one in items if one.outcome is None]
    if not chosen:
        raise RefusedError(f"every item of sample {sample.number} is checked")
    data = {"account": request.account, "person": request.person or request.account, "items": chosen}
    return Act(act="sample.assigned", actor=request.by, subject=sample.number, data=data)


def checked_act(request: Check, sample: Sample, item: Item) -> Act:
    """An item was looked at.

    Raises:
        RefusedError: it is somebody else's, or a point of the form is not answered.
    """
    refuse_station(request.by)
    _open(sample)
    if item.account and item.account != request.account:
        raise RefusedError(f"item {item.item} is for {item.person} to check")
    points = [str(one["id"]) for one in sample.form]
    lacking = [str(one["en"]) for one in sample.form if one["id"] not in request.answers]
    if lacking:
        raise RefusedError(f"not answered: {', '.join(lacking)}", "each point is passed, failed or not applicable")
    if foreign := sorted(set(request.answers) - set(points)):
        raise RefusedError(f"{foreign[0]} is no point of this sample's form")
    answers = {point: request.answers[point].model_dump(mode="json") for point in points}
    data = {
        "item": item.item,
        "recording_id": item.recording_id,
        "account": request.account,
        "outcome": outcome_of(answers).value,
        "answers": answers,
        "note": request.note,
    }
    return Act(act="sample.checked", actor=request.by, subject=sample.number, data=data)


def outcome_of(answers: Mapping[str, Mapping[str, str]]) -> Outcome:
    """What the answers come to."""
    said = {Verdict(one["verdict"]) for one in answers.values()}
    if Verdict.FAIL in said:
        return Outcome.FAILED
    return Outcome.PASSED if Verdict.PASS in said else Outcome.VOID


def closed_act(request: Close, sample: Sample, items: Sequence[Item]) -> Act:
    """The sample is done.

    Raises:
        RefusedError: items were not checked, and nothing says why.
    """
    refuse_station(request.by)
    _open(sample)
    left = [one.item for one in items if one.outcome is None]
    if left and not request.words:
        some = ", ".join(str(one) for one in left[:5])
        raise RefusedError(f"{len(left)} items are not checked ({some})", "check them, or say why they stay unchecked")
    data = {"words": request.words, "unchecked": left, "checked": len(items) - len(left)}
    return Act(act="sample.closed", actor=request.by, subject=sample.number, data=data)


def withdrawn_act(request: Withdraw, sample: Sample) -> Act:
    """The sample will not be finished.

    Raises:
        RefusedError: it is over already.
    """
    refuse_station(request.by)
    _not_over(sample)
    return Act(act="sample.withdrawn", actor=request.by, subject=sample.number, data={"reason": request.reason})


# What each act makes of it


def applied(sample: Sample | None, act: Act, time: str, seq: int) -> Sample:
    """A sample after an act about it; its items are changed by `item_after`.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    number, data = str(act.subject), act.data
    if act.act == "sample.frozen":
        if sample is not None:
            raise RefusedError(f"sample {number} is in the register already")
        return _frozen(number, act, time, seq)
    if sample is None:
        raise NotFoundError(f"there is no sample {number}", "see: ingestd sample list")
    match act.act:
        case "sample.drawn":
            if sample.state is not SampleState.FROZEN:
                raise RefusedError(f"sample {number} was drawn already")
            return replace(
                sample,
                state=SampleState.DRAWN,
                seed_seq=data["seed_seq"],
                seed=data["seed"],
                allocation=data["allocation"],
                drawn_at=time,
                drawn_by=act.actor,
            )
        case "sample.checked":
            _open(sample)
            return replace(sample, state=SampleState.UNDER_CHECK)
        case "sample.closed" | "sample.withdrawn":
            _not_over(sample)
            is_closed = act.act == "sample.closed"
            return replace(
                sample,
                state=SampleState.CLOSED if is_closed else SampleState.WITHDRAWN,
                ended_at=time,
                ended_by=act.actor,
                ended_words=data["words" if is_closed else "reason"],
            )
        case _:
            _not_over(sample)
            return sample


def _frozen(number: str, act: Act, time: str, seq: int) -> Sample:
    data = act.data
    return Sample(
        number=number,
        state=SampleState.FROZEN,
        title=data["title"],
        begins=data["begins"],
        ends=data["ends"],
        units=tuple(data["units"]),
        kinds=tuple(data["kinds"]),
        size=data["size"],
        share_percent=data["share_percent"],
        least_per_unit=data["least_per_unit"],
        frame=data["frame"],
        list_path=data["list"],
        list_sha256=data["list_sha256"],
        frozen_at=time,
        frozen_by=act.actor,
        frozen_seq=seq,
        form=tuple(data["form"]),
    )


def item_after(item: Item, act: Act, time: str) -> Item:
    """An item after `sample.assigned` or `sample.checked`."""
    data = act.data
    if act.act == "sample.assigned":
        return replace(item, account=data["account"], person=data["person"])
    return replace(
        item,
        outcome=Outcome(data["outcome"]),
        checked_at=time,
        checked_by=act.actor,
        answers=data["answers"],
        note=data["note"],
        checks=item.checks + 1,
    )


def sample_document(sample: Sample) -> dict[str, Any]:
    """A sample as JSON has it, without its items."""
    return asdict(sample) | {"state": sample.state.value}


def sample_of(document: Mapping[str, Any]) -> Sample:
    """A sample from its JSON."""
    lists = {name: tuple(document[name]) for name in ("units", "kinds", "form")}
    return Sample(**{**document, **lists, "state": SampleState(document["state"])})


def item_document(item: Item) -> dict[str, Any]:
    """An item as JSON has it."""
    return asdict(item) | {"outcome": item.outcome.value if item.outcome is not None else None}


def item_of(document: Mapping[str, Any]) -> Item:
    """An item from its JSON."""
    outcome = document["outcome"]
    return Item(**{**document, "outcome": Outcome(outcome) if outcome is not None else None})


def _open(sample: Sample) -> None:
    if sample.state is SampleState.FROZEN:
        raise RefusedError(f"sample {sample.number} is not drawn yet", "draw it first")
    _not_over(sample)


def _not_over(sample: Sample) -> None:
    if sample.state.is_over:
        raise RefusedError(f"sample {sample.number} is {sample.state.value}: nothing more can be entered")
