"""Whose footage the person before a page sees. Every page that shows recordings, dockings or cases asks here."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ingestd.core.cases import Case
from ingestd.core.errors import NotFoundError
from ingestd.core.visibility import Scope, has_unit, is_person, is_visible, scope_of
from ingestd.web.visit import Visit
from ingestd.wiring import open_cases, open_catalogue, open_finder

R = TypeVar("R", bound=Mapping[str, Any])
_TOGETHER = 400


def question_scope(visit: Visit) -> Scope:
    """The scope of whoever asks, for `stores.find.Question(scope=…)`.

    Raises:
        RefusedError: nobody is signed in.
    """
    visitor = visit.visitor
    parents: dict[str, str] = {}
    if visitor.unit is not None:
        parents = {name: unit.parent for name, unit in open_cases(visit.console.settings).units().items()}
    return scope_of(visitor.roles, visitor.unit, visitor.person, visitor.certificate, parents)


def may_see(visit: Visit, recording: Mapping[str, Any]) -> bool:
    """Whether a recording is in the scope of whoever asks.

    Args:
        recording: a row with `recording_id`; one without `tags` is looked up.
    """
    return bool(seen(visit, [recording]))


def seen(visit: Visit, recordings: Sequence[R]) -> list[R]:
    """Those that whoever asks may see, in their order; rows as of `may_see`."""
    scope = question_scope(visit)
    if scope.is_whole:
        return list(recordings)
    lacking = [str(row["recording_id"]) for row in recordings if "tags" not in row]
    finder = open_finder(visit.console.settings, visit.console.configuration.regime)
    found: dict[str, Any] = {}
    for start in range(0, len(lacking), _TOGETHER):
        found |= finder.tags(lacking[start : start + _TOGETHER])
    return [row for row in recordings if is_visible(scope, _officers(_tags(row, found)))]


def check_seen(visit: Visit, recording: Mapping[str, Any]) -> None:
    """Refuse a recording outside of the scope in the words for one that is not there.

    Raises:
        NotFoundError: whoever asks may not see it.
    """
    if not may_see(visit, recording):
        raise NotFoundError(f"no recording answers to {recording['recording_id']!r}")


def may_see_docking(visit: Visit, docking: str) -> bool:
    """Whether any recording of a docking is in the scope; of one that brought none, whether unknown footage is."""
    scope = question_scope(visit)
    if scope.is_whole:
        return True
    catalogue, after, has_some = open_catalogue(visit.console.settings), "", False
    while rows := catalogue.recordings(docking=docking, after=after, limit=_TOGETHER):
        if any(is_visible(scope, _officers(row["tags"])) for row in rows):
            return True
        after, has_some = rows[-1]["recording_id"], True
    return not has_some and scope.has_unknown and not scope.is_own_only


def may_see_case(visit: Visit, case: Case) -> bool:
    """Whether a case is in the scope: by its unit; for an officer by the own name among its officers."""
    scope = question_scope(visit)
    if any(
        is_person(scope.person, scope.certificate, {"officer": one.name, "certificate": one.certificate})
        for one in case.all_officers
    ):
        return True
    return not scope.is_own_only and has_unit(scope, (case.unit,))


def may_see_unit(visit: Visit, unit: str) -> bool:
    """Whether a unit, by its name, is in the scope; empty asks for what belongs to no known unit."""
    scope = question_scope(visit)
    return not scope.is_own_only and has_unit(scope, (unit,))


def _tags(row: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
    return row["tags"] if "tags" in row else found.get(str(row["recording_id"]))


def _officers(tags: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    return (tags or {}).get("officers") or ()
