"""Whose footage somebody sees: by unit and by name, the same in Python and in the database."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.roles import Role
from ingestd.core.visibility import Scope, is_visible, scope_of, units_below
from ingestd.stores import find
from ingestd.stores.find import Finder, Question
from tests.test_find import clear, shared, tagged

_ = shared
PARENTS = {"总队": "", "一支队": "总队", "二支队": "总队", "一大队": "一支队"}
NAMES = st.sampled_from(["", "王海", "李", "O'Neil", "𠀀"])
NUMBERS = st.sampled_from(["", "A1", "粤06110"])
UNITS = st.sampled_from(["", "一支队", "一大队", "二支队", "不在册"])
OFFICERS = st.lists(
    st.fixed_dictionaries(
        {"officer": NAMES, "certificate": NUMBERS | st.none(), "unit": UNITS | st.none()},
        optional={"is_doubtful": st.booleans()},
    ),
    max_size=3,
)
SCOPES = st.builds(
    scope_of,
    st.sets(st.sampled_from(Role)),
    st.none() | st.sampled_from([*PARENTS, "不在册"]),
    NAMES,
    NUMBERS,
    st.just(PARENTS),
)


def of(roles: set[Role], unit: str | None = None) -> Scope:
    return scope_of(roles, unit, "王海", "A1", PARENTS)


def test_a_unit_has_all_below_it_and_none_beside_it() -> None:
    assert units_below("一支队", PARENTS) == {"一支队", "一大队"}


def test_a_register_in_circles_is_followed_once() -> None:
    assert units_below("a", {"a": "b", "b": "a"}) == {"a", "b"}


def test_an_officer_sees_the_own_recordings_alone_whatever_the_unit() -> None:
    own, other = {"officer": "王海", "certificate": "A1", "unit": "二支队"}, {"officer": "李", "unit": "一支队"}
    scope = of({Role.OFFICER}, "一支队")
    assert (is_visible(scope, [own]), is_visible(scope, [other])) == (True, False)


def test_a_namesake_with_another_certificate_sees_nothing() -> None:
    assert not is_visible(of({Role.OFFICER}), [{"officer": "王海", "certificate": "B2"}])


def test_footage_of_no_known_unit_is_left_to_the_whole_bureau_and_to_those_who_settle() -> None:
    seen = {role: is_visible(of({role}, "一支队"), []) for role in (Role.HEAD, Role.CUSTODIAN, Role.ARCHIVIST)}
    assert (seen, is_visible(of({Role.HEAD}), [])) == (
        {Role.HEAD: False, Role.CUSTODIAN: True, Role.ARCHIVIST: True},
        True,
    )


def test_an_officer_whom_the_station_doubts_opens_nothing() -> None:
    doubted = {"officer": "王海", "certificate": "A1", "unit": "一支队", "is_doubtful": True}
    assert not is_visible(of({Role.OFFICER}), [doubted])
    assert not is_visible(of({Role.HEAD}, "一支队"), [doubted])


@given(SCOPES, OFFICERS)
def test_whoever_sees_the_whole_bureau_sees_what_anybody_else_sees(scope: Scope, officers: list[Any]) -> None:
    assert is_visible(scope, officers) <= is_visible(Scope(), officers)


@given(st.sets(st.sampled_from([Role.HEAD, Role.ARCHIVIST, Role.AUDITOR])), st.sampled_from([*PARENTS]), OFFICERS)
def test_the_unit_above_sees_what_the_unit_below_sees(roles: set[Role], unit: str, officers: list[Any]) -> None:
    above = PARENTS[unit] or unit
    assert is_visible(of(roles, unit), officers) <= is_visible(of(roles, above), officers)


@pytest.mark.parametrize("few", [5000, 0], ids=["from few rows", "in order of time"])
@settings(max_examples=25, deadline=None)
@given(scope=SCOPES, many=st.lists(OFFICERS, min_size=1, max_size=5))
def test_the_database_finds_what_may_be_seen(request: Any, few: int, scope: Scope, many: list[list[Any]]) -> None:
    engine = request.getfixturevalue("shared")
    clear(engine)
    with engine.begin() as connection:
        keys = [tagged(connection, number, {"officers": some}) for number, some in enumerate(many)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "FEW", few)
        found = Finder(engine).find(Question(scope=scope))
    assert set(found.recordings) == {key for key, some in zip(keys, many, strict=True) if is_visible(scope, some)}
