"""A regime's registration form (登记) as data: which fields there are and when each is required, with its clause."""

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from ingestd.core.clauses import Basis, Sourced


class KnownField(StrEnum):
    """Fields that the station fills itself where it knows; a field of any other id is filled by people alone."""

    UNIT = "unit"
    CATEGORY = "category"
    DEVICE = "device"
    OFFICERS = "officers"
    CERTIFICATES = "certificates"
    USED_AT = "used_at"
    PARTIES = "parties"
    CAUSE = "cause"
    MATTER = "matter"
    PLACE = "place"
    COORDINATES = "coordinates"
    VESSEL = "vessel"


AT_SEA: Final = "at_sea"
"""The answer `yes` or `no` of a person to whether it was at sea; where a regime asks for it, it is on every form."""


class Required(StrEnum):
    """When a field must be filled."""

    ALWAYS = "always"
    AT_SEA = "at_sea"
    ASHORE = "ashore"
    OFFERED = "offered"
    """Never: it is on the form, and may stay empty."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _REQUIRED_WORDS[self]


_REQUIRED_WORDS = {
    Required.ALWAYS: "always · 必填",
    Required.AT_SEA: "at sea · 海上执法时必填",
    Required.ASHORE: "ashore · 陆上执法时必填",
    Required.OFFERED: "may stay empty · 选填",
}


class RegistrationRule(Sourced):
    """A field of the form. `zh` and `en` are its name, as the clause has it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    required: Required = Required.ALWAYS
    basis: Basis = Basis.LAW

    @property
    def shown(self) -> str:
        """English · Chinese."""
        return f"{self.en} · {self.zh}"

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.id == AT_SEA:
            raise ValueError(f"{AT_SEA!r} is asked by itself where a field is required at sea; take another id")
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        return self


def fields_of(rules: tuple[RegistrationRule, ...]) -> dict[str, RegistrationRule]:
    """The form's fields by id.

    Raises:
        ValueError: two have the same id.
    """
    named: dict[str, RegistrationRule] = {}
    for rule in rules:
        if rule.id in named:
            raise ValueError(f"two rules of [[registration]] have the id {rule.id!r}; give each its own")
        named[rule.id] = rule
    return named


def asks_scene(rules: tuple[RegistrationRule, ...]) -> bool:
    """Whether a form can be judged only once it is known whether the recording was made at sea."""
    return any(rule.required in (Required.AT_SEA, Required.ASHORE) for rule in rules)
