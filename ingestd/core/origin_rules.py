"""A regime's clauses on material that comes from elsewhere than a recorder, as data."""

from typing import Self

from pydantic import model_validator

from ingestd.core.clauses import Sourced
from ingestd.core.origin import OriginKind


class OriginRule(Sourced):
    """What a clause says of one or several kinds of origin. `is_required`: the clause asks for such material."""

    kinds: tuple[OriginKind, ...]
    is_required: bool = False

    @model_validator(mode="after")
    def _rule_is_a_clause(self) -> Self:
        if not self.kinds or self.article is None:
            raise ValueError("a rule of [[origins]] names its kinds, and the clause: article and words")
        return self
