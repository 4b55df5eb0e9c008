"""A regime's rules about cases as data: kinds of enforcement, which activities must be filmed, when a case is filed.

江门 3¶4 has the list of what is recorded drawn up apart: the matrix is a bureau's own table, and no code knows a
cell of it.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ingestd.core.cases import AbsenceGround, ActivityKind, CaseFlag
from ingestd.core.clauses import Basis, Sourced


class Category(Sourced):
    """A kind of enforcement that the regime knows (执法类别)."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    @property
    def shown(self) -> str:
        """English · Chinese."""
        return f"{self.en} · {self.zh}"


class _Based(Sourced):
    """A rule that is law, with its clause, or local policy, with a note that says so."""

    basis: Basis = Basis.LAW

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        return self


class Demand(StrEnum):
    """What a clause asks of an activity. Where no clause speaks of it, the regime is silent."""

    MUST = "must"
    """Sound and picture must be recorded."""
    MAY = "may"
    """They may be recorded, as one form among others or as the work needs it."""
    WRITTEN = "written"
    """The clause speaks of a written record only."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {"must": "must · 应当", "may": "may · 可以", "written": "in writing · 文字记录"}[self.value]


class CoverageRule(_Based):
    """One clause of the matrix regime × activity.

    `activities` are those that it names, none for all of them; with a `flag` it speaks only of cases (or, for
    `uninterrupted`, of activities) that carry it. `is_uninterrupted`: all of it is to be recorded without a break.
    """

    activities: tuple[ActivityKind, ...] = ()
    flag: CaseFlag | None = None
    demand: Demand
    is_uninterrupted: bool = False

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if not self.activities and self.flag is None:
            raise ValueError(
                "a rule without activities and without a flag would speak of everything; name what it is of"
            )
        if self.is_uninterrupted and self.demand is not Demand.MUST:
            raise ValueError("what is to be recorded without a break must be recorded; write demand = must")
        return self


class AbsenceRule(_Based):
    """A clause that lets footage be absent. `activities` are those that it reaches, none for all of them."""

    ground: AbsenceGround
    activities: tuple[ActivityKind, ...] = ()
    asks_reason: bool

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.ground is AbsenceGround.OTHER:
            raise ValueError("the ground other excuses nothing; name the one that the clause allows")
        return self


class FilingCount(StrEnum):
    """From what the day is counted until which a case file must be filed."""

    DAYS_AFTER_END = "days_after_end"
    """Days from the day on which the act of enforcement ended; that day itself is not counted."""
    YEAR_END = "year_end"
    """The last day of the year in which it ended."""


class FilingRule(_Based):
    """Until when a case file is to be filed (归档).

    `is_soft`: a target that the bureau set itself where the regulation says only "in time". `yields_to_law`: the clause
    gives way where a law asks for another day, which a case then names itself.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    counts: FilingCount
    days: int = Field(default=0, ge=0, le=3660)
    is_soft: bool = False
    yields_to_law: bool = False

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if (self.counts is FilingCount.DAYS_AFTER_END) != (self.days > 0):
            raise ValueError("days are given for counts = days_after_end, and for nothing else")
        if self.is_soft and self.basis is Basis.LAW:
            raise ValueError('a soft target is the bureau\'s own; write basis = "local policy" and a note')
        return self
