"""Explanations of findings in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, tuple_, update

from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError, NotFoundError
from ingestd.core.explanation import Explanation, FindingIdentity, bind
from ingestd.core.interruption import InterruptionReason
from ingestd.stores import schema
from ingestd.stores.database import translated

Row = dict[str, Any]

_MOST_VALUES = 500

_TOGETHER = 400
_table, _findings = schema.explanations, schema.findings


# How acts show


def explained(connection: Connection, entry: Entry) -> None:
    """A person explained a finding; what that replaces stands no more.

    Raises:
        IntegrityError: it replaces an explanation that does not stand.
    """
    about = entry.data["finding"]
    for replaced in entry.data["replaces"]:
        _end(connection, entry, replaced, {"replaced_by": entry.seq})
    connection.execute(
        insert(_table).values(
            explanation_id=entry.seq,
            finding_key=about["key"],
            code=about["code"],
            subject=entry.subject,
            explained_at=entry.time,
            explained_by=entry.actor,
            document=entry.data,
        )
    )


def withdrawn(connection: Connection, entry: Entry) -> None:
    """A person took an explanation back.

    Raises:
        IntegrityError: there is none that stands.
    """
    ended = {"withdrawn_at": entry.time, "withdrawn_by": entry.actor, "withdrawn_reason": entry.data["reason"]}
    _end(connection, entry, entry.data["explanation"], ended)


def _end(connection: Connection, entry: Entry, explanation: int, values: Mapping[str, Any]) -> None:
    stands = _table.c.withdrawn_at.is_(None) & _table.c.replaced_by.is_(None)
    changed = connection.execute(update(_table).where(_table.c.explanation_id == explanation, stands).values(**values))
    if changed.rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} ends explanation {explanation}, which does not stand")


# What can be asked


class Explanations:
    """Questions to the explanations and to the findings that they speak of; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Explanation]:
        """Every explanation of any state, oldest first."""
        return [_explanation(row) for row in self._rows(select(_table).order_by(_table.c.explanation_id))]

    def of(self, findings: Sequence[Row]) -> dict[str, Explanation]:
        """What was said of each of these findings, by finding id; those without a word are left out.

        Args:
            findings: rows that stand. Of one code and the same files all must be among them, or none.
        """
        if not findings:
            return {}
        identities = {row["finding_id"]: identity_of(row) for row in findings}
        subjects = {one for identity in identities.values() for one in identity.about}
        subjects |= {row["docking_id"] for row in findings if row["docking_id"] is not None}
        if len(subjects) > _MOST_VALUES:
            return bind(identities, self.all())[0]
        # What a person said is filed under a recording that the finding is about, or under its docking.
        query = select(_table).where(_table.c.subject.in_(sorted(subjects))).order_by(_table.c.explanation_id)
        return bind(identities, [_explanation(row) for row in self._rows(query)])[0]

    def standing_findings(self, codes: frozenset[str] | None = None) -> list[Row]:
        """Findings that stand, oldest first; of these codes only where they are given."""
        columns = (_findings.c.finding_id, _findings.c.code, _findings.c.severity, _findings.c.recording_id)
        query = select(*columns, _findings.c.docking_id, _findings.c.noted_at, _findings.c.document)
        query = query.where(_findings.c.superseded_by.is_(None)).order_by(_findings.c.noted_at, _findings.c.finding_id)
        return self._rows(query if codes is None else query.where(_findings.c.code.in_(sorted(codes))))

    def newest_findings(self, codes: frozenset[str], *, after: str = "", limit: int) -> list[Row]:
        """Findings of these codes that stand, newest first, behind the one whose `place_of` is `after`."""
        columns = (_findings.c.finding_id, _findings.c.code, _findings.c.severity, _findings.c.recording_id)
        query = select(*columns, _findings.c.docking_id, _findings.c.noted_at, _findings.c.document)
        query = query.where(_findings.c.superseded_by.is_(None), _findings.c.code.in_(sorted(codes)))
        place = tuple_(_findings.c.noted_at, _findings.c.finding_id)
        if after:
            query = query.where(place < tuple_(*after.split(" ", 1)))
        return self._rows(query.order_by(_findings.c.noted_at.desc(), _findings.c.finding_id.desc()).limit(limit))

    def near(self, findings: Sequence[Row]) -> dict[str, Explanation]:
        """As `of`, of any findings; asks only for what was said of the same recordings and dockings."""
        subjects = sorted({row[key] for row in findings for key in ("recording_id", "docking_id") if row[key]})
        subjects = sorted({*subjects, *(one for row in findings for one in identity_of(row).about)})
        found: list[Explanation] = []
        for start in range(0, len(subjects), _TOGETHER):
            query = select(_table).where(_table.c.subject.in_(subjects[start : start + _TOGETHER]))
            found += [_explanation(row) for row in self._rows(query)]
        return bind({row["finding_id"]: identity_of(row) for row in findings}, found)[0]

    def finding(self, named: str) -> Row:
        """A standing finding by its id, its key, or the first digits (four at least) of its key.

        Raises:
            NotFoundError: none, or more than one.
        """
        rows = self.standing_findings()
        exact = [row for row in rows if row["finding_id"] == named]
        by_key = {identity_of(row).key: row for row in reversed(rows)}
        found = exact or [row for key, row in by_key.items() if len(named) >= 4 and key.startswith(named.lower())]
        if len(found) != 1:
            what = "no finding" if not found else "more than one finding"
            raise NotFoundError(f"{what} answers to {named!r}", "see the keys in: ingestd explain list")
        return found[0]

    def standing(self, named: str) -> tuple[Explanation, str]:
        """A standing explanation by its number or by the key of its finding, and its subject.

        Raises:
            NotFoundError: none, or more than one.
        """
        rows = self._rows(select(_table).where(_table.c.withdrawn_at.is_(None), _table.c.replaced_by.is_(None)))
        found = [row for row in rows if str(row["explanation_id"]) == named]
        if not found and len(named) >= 4:
            found = [row for row in rows if row["finding_key"].startswith(named.lower())]
        if not found:
            # The finding may have another key since: it was analysed anew, and lies a little elsewhere.
            found = [row for row in rows if row["explanation_id"] == self._given_to(named)]
        if len(found) != 1:
            what = "no explanation that stands" if not found else "more than one explanation"
            raise NotFoundError(f"{what} answers to {named!r}", "see: ingestd explain list")
        return _explanation(found[0]), found[0]["subject"]

    def _given_to(self, named: str) -> int | None:
        """The explanation of the standing finding that is named by its key or id; null where it has none."""
        try:
            row = self.finding(named)
        except NotFoundError:
            return None
        about = identity_of(row).about
        same = [one for one in self.standing_findings() if identity_of(one).about == about]
        given = self.of(same).get(row["finding_id"])
        return given.explanation_id if given is not None else None

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def place_of(row: Row) -> str:
    """Where a finding stands among the newest ones."""
    return f"{row['noted_at']} {row['finding_id']}"


def identity_of(row: Row) -> FindingIdentity:
    """The identity of a row of findings."""
    return FindingIdentity.of(row["document"], recording_id=row["recording_id"], docking_id=row["docking_id"])


def _explanation(row: Mapping[str, Any]) -> Explanation:
    document = row["document"]
    about, spoken = document["finding"], document["spoken"] or {}
    return Explanation(
        explanation_id=row["explanation_id"],
        finding=FindingIdentity(about["code"], tuple(about["about"]), about["start_s"], about["end_s"]),
        reason=InterruptionReason(document["reason"]),
        words=document["words"],
        explained_at=row["explained_at"],
        explained_by=row["explained_by"],
        reported_at=document["reported_at"],
        reported_to=document["reported_to"],
        spoken_in=spoken.get("recording_id"),
        spoken_at_s=spoken.get("at_s"),
        attachment=document.get("attachment"),
        attachment_sha256=document.get("attachment_sha256"),
        reference=document["reference"],
        replaced_by=row["replaced_by"],
        withdrawn_at=row["withdrawn_at"],
        withdrawn_by=row["withdrawn_by"],
        withdrawn_reason=row["withdrawn_reason"],
    )
