"""What is marked of a recording, a take or a case, and what is not, under the station's regime."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingestd.core.bookmark_rules import Asked
from ingestd.core.bookmarks import Bookmark, ChecklistItem, Interruption, Scene, checklist_of, missing_of
from ingestd.core.errors import NotFoundError
from ingestd.core.regime import Regime
from ingestd.stores.bookmarks import BookmarkBook
from ingestd.stores.cases import CaseRegister
from ingestd.stores.explanations import Explanations, identity_of
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.timelines import Timelines

_MOST_ASKED = 500
"""Of a longer take only so many recordings are asked whether they were made at sea."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """The lines of one recording or take; `take_id` is null for what belongs to none. `paths` are those on the card."""

    take_id: str | None
    recordings: tuple[str, ...]
    paths: tuple[str, ...]
    items: tuple[ChecklistItem, ...]

    @property
    def missing(self) -> tuple[ChecklistItem, ...]:
        """The lines that stand open."""
        return missing_of(self.items)


@dataclass(frozen=True, slots=True)
class Checklists:
    """Answers for one regime; reads only."""

    regime: Regime
    catalogue: Catalogue
    timelines: Timelines
    book: BookmarkBook
    explanations: Explanations
    cases: CaseRegister
    registrations: RegistrationBook

    def of_recording(self, named: str, *, is_at_sea: bool | None = None) -> Checklist:
        """One recording by itself.

        Raises:
            NotFoundError: none, or more than one, answers.
        """
        row = self.catalogue.recording(named)
        return self._of([row], self._take_of(row), is_at_sea)

    def of_take(self, named: str, *, is_at_sea: bool | None = None) -> Checklist:
        """A take, by its id, the last digits of it, or one of its recordings.

        Raises:
            NotFoundError: none, or more than one, answers.
        """
        rows = self.timelines.take(named) or self._take_of(self.catalogue.recording(named))
        return self._of(rows, rows, is_at_sea)

    def of_case(self, number: str, *, is_at_sea: bool | None = None) -> list[Checklist]:
        """The footage that is linked to a case: each take of it, in order of time, and what belongs to no take.

        A take of which only a part is linked is judged by all of it: what was said at its beginning holds for the rest.

        Raises:
            NotFoundError: there is no such case.
        """
        self.cases.case(number)
        rows = self.cases.footage_of(self.cases.recordings_of(number))
        takes = dict.fromkeys(row["take_id"] for row in rows if row["take_id"] is not None)
        lists = [self.of_take(take, is_at_sea=is_at_sea) for take in takes]
        loose = [row for row in rows if row["take_id"] is None]
        return [*lists, *(self._of([row], [row], is_at_sea) for row in loose)]

    def marks_of(self, recordings: Sequence[str]) -> list[Bookmark]:
        """Every bookmark of these recordings, removed ones too, and the spoken reasons of explanations."""
        return [*self.book.of(recordings), *self._spoken(self._findings_about(recordings), set(recordings))]

    def _take_of(self, row: Row) -> list[Row]:
        take = row["take_id"]
        return self.timelines.take(take) if take is not None else [row]

    def _of(self, rows: Sequence[Row], take: Sequence[Row], is_at_sea: bool | None) -> Checklist:
        if not rows:
            raise NotFoundError("no take answers", "see `ingestd list --json` for the ids of takes")
        ids = tuple(str(row["recording_id"]) for row in rows)
        order = [str(row["recording_id"]) for row in take]
        if is_at_sea is None:
            is_at_sea = self.registrations.is_at_sea(order[:_MOST_ASKED])
        findings = [row for row in self._findings_about(ids) if row["document"]["code"] in self._codes()]
        marks = (*self.book.of(order), *self._spoken(findings, None))
        scene = Scene(ids, marks, tuple(_interruption(row, order) for row in findings), is_at_sea)
        paths = tuple(str(row["card_path"]) for row in rows)
        return Checklist(rows[0]["take_id"], ids, paths, checklist_of(self.regime.bookmarks, scene))

    def _codes(self) -> frozenset[str]:
        return frozenset(code for rule in self.regime.bookmarks for code in rule.codes)

    def _findings_about(self, recordings: Iterable[str]) -> list[Row]:
        ids = list(recordings)
        known = self.timelines.recordings(ids)
        return self.timelines.findings_about(ids, {row["recorder_key"] for row in known.values()})

    def _spoken(self, findings: Sequence[Row], among: set[str] | None) -> list[Bookmark]:
        """The spoken reasons of explanations of these findings, as marks of the kind that the regime asks for.

        Args:
            among: only those that stand in these recordings; null for any.
        """
        kind = next((rule.id for rule in self.regime.bookmarks if rule.asked is Asked.INTERRUPTION), None)
        if kind is None:
            return []
        given = self.explanations.of(findings)
        marks = {}
        for row in findings:
            one = given.get(row["finding_id"])
            if one is None or one.spoken_in is None or one.spoken_at_s is None:
                continue
            if among is None or one.spoken_in in among:
                marks[one.explanation_id] = Bookmark(
                    bookmark_id=one.explanation_id,
                    recording_id=one.spoken_in,
                    at_s=one.spoken_at_s,
                    kind=kind,
                    words=one.words,
                    marked_by=one.explained_by,
                    marked_at=one.explained_at,
                    explains=identity_of(row).key,
                )
        return list(marks.values())


def _interruption(row: Row, order: Sequence[str]) -> Interruption:
    """A finding as an interruption: its reason may be spoken in any file that it is about, or in the take's next."""
    document = row["document"]
    about = [one for one in (document["files"] or [row["recording_id"]]) if one is not None]
    is_inside = document["files"] is None
    last = max((order.index(one) for one in about if one in order), default=len(order))
    following = order[last + 1 : last + 2]
    return Interruption(
        finding_key=identity_of(row).key,
        code=document["code"],
        recordings=tuple(dict.fromkeys([*about, *following])),
        within=about[0] if is_inside and about else None,
        from_s=document["start_s"] if is_inside else None,
    )
