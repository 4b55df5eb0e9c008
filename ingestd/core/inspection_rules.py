"""A regime's form for the playback check (抽检) as data: what an inspector looks at, each with the clause that asks."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ingestd.core.clauses import Basis, Sourced


class Verdict(StrEnum):
    """What an inspector says of one point of the form."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "na"


class InspectionRule(Sourced):
    """One point of the form (`[[inspection]]`), in the order in which an inspector goes through them.

    `ask` says in both languages what to look at. Local policy may quote the clause that it serves; its note then says
    what the clause leaves open.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    ask_zh: str = Field(min_length=1)
    ask_en: str = Field(min_length=1)
    basis: Basis

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        return self
