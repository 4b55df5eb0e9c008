"""A regime's rules about holds as data: reasons of long-term keeping, and the carriers on which such copies stand.

The four reasons are those of 民宗 21 and 江门 44; 海洋 29, 民宗 21, 江门 43 and 44 name the carriers (decision 11).
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ingestd.core.clauses import Basis, Sourced


class HoldReason(StrEnum):
    """Why something is held beyond its term (民宗 21, 江门 44), in the order of the clauses."""

    DISPUTE = "dispute"
    """异议、投诉、上访: the party objects, complains or petitions."""
    OBSTRUCTION = "obstruction"
    """逃避、拒绝、阻碍执行公务，谩骂、侮辱、殴打: officers are evaded, refused, obstructed or attacked."""
    MASS_EVENT = "mass_event"
    """群体性事件、突发事件."""
    OTHER = "other"
    """其他需要长期保存的情况: its words say which."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _REASON_WORDS[self]


_REASON_WORDS = {
    HoldReason.DISPUTE: "objection, complaint or petition · 异议、投诉、上访",
    HoldReason.OBSTRUCTION: "obstruction of duty, insult or assault · 逃避、拒绝、阻碍执法或谩骂、侮辱、殴打",
    HoldReason.MASS_EVENT: "mass event or emergency · 群体性事件、突发事件",
    HoldReason.OTHER: "another reason for long-term keeping · 其他需要长期保存的情况",
}


class CarrierKind(StrEnum):
    """A medium outside the station's own store on which a copy may stand."""

    DISC = "disc"
    REMOVABLE = "removable"
    CLOUD = "cloud"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _CARRIER_WORDS[self]


_CARRIER_WORDS = {
    CarrierKind.DISC: "disc · 光盘",
    CarrierKind.REMOVABLE: "removable medium · 移动储存介质",
    CarrierKind.CLOUD: "cloud · 云储存",
}


class CarrierFor(StrEnum):
    """What a regime wants on a carrier."""

    EVIDENCE = "evidence"
    """Recordings that a case link marks as evidence."""
    HELD = "held"
    """Recordings under a standing hold."""


class _Based(Sourced):
    basis: Basis = Basis.LAW

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        return self


class HoldRule(_Based):
    """One reason for which this bureau may hold; a regime has at most one rule of a reason."""

    reason: HoldReason


class CarrierRule(_Based):
    """Which carriers count for what. A recording that falls under several rules needs each of them.

    One copy on any of `kinds` satisfies the rule; the station's own store and its replicas are none of them.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    applies: tuple[CarrierFor, ...] = Field(min_length=1)
    kinds: tuple[CarrierKind, ...] = Field(min_length=1)
