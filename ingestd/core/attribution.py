"""Whose a recording is: what the roster, the file's name, the recorder and the fleet register say, side by side.

The roster decides nothing in silence: every source stays in the tags, and sources that name different people are the
finding `identity.conflict`, which a person settles by correcting the roster or the fleet register.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.findings import Finding, finding
from ingestd.core.roster import RosterEntry

ROSTER, FILE_NAME, FLEET = "roster", "file_name", "fleet_register"
_NEEDS_ROSTER = (FILE_NAME, "device_info", "api")
"""Sources that a recorder wrote itself: alone they are a hint."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source beside the roster says, and the roster's rows of people who go by that."""

    source: str
    text: str
    known: tuple[RosterEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribution:
    """The officers of a recording as its tags carry them, what the other sources said word by word, and the finding."""

    officers: tuple[dict[str, Any], ...]
    claims: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Person:
    officer: str
    certificate: str = ""
    unit: str = ""

    def is_same(self, other: "_Person") -> bool:
        if self.certificate and other.certificate:
            return self.certificate == other.certificate
        return self.officer == other.officer


def attribute(named: Sequence[RosterEntry], claims: Iterable[Claim], *, is_time_known: bool = True) -> Attribution:
    """Put the sources together.

    Args:
        named: the roster's rows for the recorder at the moment of recording.
        claims: of the other sources; a text of zeros, the factory's setting, says nothing.
        is_time_known: false where the recording's time is only that of its docking. Then the roster was asked for
            another moment than it should have been, and whom it names is doubtful.
    """
    told = [claim for claim in claims if claim.text.strip("0 ")]
    people: dict[str, list[_Person]] = {}
    if named:
        people[ROSTER] = _persons(named)
    contradicting = [claim.source for claim in told if _contradicts(claim, named)]
    for claim in told:
        persons = _persons_of(claim, named)
        if persons:
            people.setdefault(claim.source, []).extend(persons)
    is_conflicting = bool(contradicting) or _disagree(people)
    officers = tuple(
        {
            "officer": person.officer,
            "certificate": person.certificate,
            "unit": person.unit,
            "source": sources[0],
            "confirmed_by": sources[1:],
            "is_doubtful": is_conflicting
            or (ROSTER in sources and not is_time_known)
            or not any(source not in _NEEDS_ROSTER for source in sources),
        }
        for person, sources in _merged(people)
    )
    said = tuple({"source": claim.source, "text": claim.text} for claim in told)
    if not is_conflicting:
        return Attribution(officers, said)
    evidence: dict[str, Any] = {"of": "officer"}
    evidence |= {source: [_shown(one) for one in persons] for source, persons in people.items()}
    evidence |= {"said": {claim.source: claim.text for claim in told}}
    return Attribution(officers, said, (finding("identity.conflict", evidence=evidence),))


def _persons(rows: Iterable[RosterEntry]) -> list[_Person]:
    found: list[_Person] = []
    for row in rows:
        person = _Person(row.officer, row.certificate, row.unit)
        if not any(person.is_same(one) for one in found):
            found.append(person)
    return found


def _persons_of(claim: Claim, named: Sequence[RosterEntry]) -> list[_Person]:
    """Whom a claim names; nobody where its text stands for nobody, or for several people."""
    here = _persons(row for row in named if claim.text in (row.user, row.certificate, row.officer))
    if here:
        return here
    known = _persons(claim.known)
    if len(known) == 1:
        return known
    if not known and (claim.source == FLEET or _is_chinese(claim.text)):
        # A name that the roster does not know. Of a number, or of a word like `admin`, nothing follows.
        return [_Person(claim.text)]
    return []


def _contradicts(claim: Claim, named: Sequence[RosterEntry]) -> bool:
    """Whether a number that nobody goes by stands where the roster gives each of its officers another one."""
    if claim.source == FLEET or _persons_of(claim, named) or not claim.text.isdigit():
        return False
    return bool(named) and all(row.user for row in named)


def _disagree(people: dict[str, list[_Person]]) -> bool:
    """Whether two sources name nobody in common."""
    sources = list(people.values())
    return any(
        not any(one.is_same(other) for one in first for other in second)
        for place, first in enumerate(sources)
        for second in sources[place + 1 :]
    )


def _merged(people: dict[str, list[_Person]]) -> list[tuple[_Person, list[str]]]:
    """Each person once, with the sources that name him, the roster first; what is known of him as the first says."""
    merged: list[tuple[_Person, list[str]]] = []
    for source, persons in people.items():
        for person in persons:
            sources = next((known for one, known in merged if one.is_same(person)), None)
            if sources is None:
                merged.append((person, [source]))
            elif source not in sources:
                sources.append(source)
    return merged


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= one <= "\u9fff" for one in text)


def _shown(person: _Person) -> str:
    return f"{person.officer} ({person.certificate})" if person.certificate else person.officer
