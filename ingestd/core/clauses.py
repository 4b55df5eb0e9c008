"""What every rule of a regime has: its clause, word for word, or the plain statement that it is the bureau's own."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Frozen(BaseModel):
    """Data of a regime file: a key that it does not know is a fault, and nothing changes it once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Basis(StrEnum):
    """Where a demand comes from; the two are never shown alike."""

    LAW = "law"
    LOCAL_POLICY = "local policy"


class Sourced(Frozen):
    """Something with its clause; `article` and `words` are null together where the regulation is silent."""

    article: str | None = Field(default=None, min_length=1)
    words: str | None = Field(default=None, min_length=1)
    note: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _clause_is_whole(self) -> Self:
        if (self.article is None) != (self.words is None):
            raise ValueError("article and words belong together: give both, or neither where the regulation is silent")
        return self
