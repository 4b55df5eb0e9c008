"""Whose footage somebody sees: by the unit of the account and by the officers of a recording. Pure.

A person of a unit sees footage of that unit and of all units below it. Who is an officer and nothing more sees the own
recordings alone. Footage of which no unit is known is left to those who answer for the whole, or who have to find out
whose it is (公安 13, 海洋 18: access by duty).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingestd.core.roles import RIGHTS, Right, Role

_SETTLING = frozenset({Role.CUSTODIAN, Role.ARCHIVIST})


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of the footage somebody sees.

    Args:
        units: names of the units; null for the whole bureau.
        has_unknown: footage of which no unit is known is in it.
        is_own_only: only recordings on which `person`, with `certificate`, stands as an officer.
    """

    units: frozenset[str] | None = None
    has_unknown: bool = True
    is_own_only: bool = False
    person: str = ""
    certificate: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether everything is in it."""
        return self.units is None and not self.is_own_only


def units_below(unit: str, parents: Mapping[str, str]) -> frozenset[str]:
    """A unit and all units below it.

    Args:
        parents: of every unit in the register the one above it; empty for none. May have circles.
    """
    found = {unit}
    while more := {name for name, parent in parents.items() if parent in found and name not in found}:
        found |= more
    return frozenset(found)


def sees_own_only(roles: Collection[Role]) -> bool:
    """Whether somebody with these roles is an officer and nothing more that shows footage."""
    return {role for role in roles if Right.SEE in RIGHTS[role]} == {Role.OFFICER}


def scope_of(
    roles: Collection[Role], unit: str | None, person: str, certificate: str, parents: Mapping[str, str]
) -> Scope:
    """The scope of an account.

    Args:
        unit: of the account; null for the whole bureau.
        parents: as of `units_below`.
    """
    return Scope(
        units=None if unit is None else units_below(unit, parents),
        has_unknown=unit is None or bool(_SETTLING & set(roles)),
        is_own_only=sees_own_only(roles),
        person=person,
        certificate=certificate,
    )


def is_visible(scope: Scope, officers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a recording with these officers (`officers` of its tags) is in a scope.

    An officer whom the station doubts says nothing: neither whose it is, nor of which unit.
    """
    if scope.is_whole:
        return True
    sure = [one for one in officers if not one.get("is_doubtful")]
    if scope.is_own_only:
        return any(is_person(scope.person, scope.certificate, one) for one in sure)
    return has_unit(scope, (str(one.get("unit") or "") for one in sure))


def has_unit(scope: Scope, units: Iterable[str]) -> bool:
    """Whether something of these units, all empty where none is known, is in the units of a scope."""
    known = {unit for unit in units if unit}
    if scope.units is None:
        return True
    return bool(known & scope.units) if known else scope.has_unknown


def is_person(person: str, certificate: str, officer: Mapping[str, Any]) -> bool:
    """Whether an officer of a recording is this person: by the certificate where both have one, else by the name."""
    theirs = str(officer.get("certificate") or "")
    if certificate and theirs:
        return certificate == theirs
    return bool(person) and officer.get("officer") == person
