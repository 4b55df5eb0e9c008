"""Requests and views at a real station: what is entered, what opens, and the same after a rebuild."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.casework.access import AccessDesk
from ingestd.core import case_requests
from ingestd.core.access import AccessState
from ingestd.core.access_acts import REQUESTS
from ingestd.core.cases import CaseFlag
from ingestd.core.clock import SystemClock
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.stores.access import AccessBook, ViewQuestion
from ingestd.stores.chronicle import rebuild
from ingestd.wiring import access_desk, case_desk
from tests.support.station import Station, build_station, dock, write_card

CASE = "大金海罚〔2026〕12号"
SESSION, OTHER_SESSION = "ab" * 8, "cd" * 8


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    return build_station(tmp_path_factory.mktemp("station"))


@pytest.fixture(scope="module")
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        names = [f"DCIM/100ANDRO/0000007_0000122026030209{minute}00_0001.mp4" for minute in ("00", "10")]
        dock(write_card(station.root / "card", {name: name.encode() for name in names}), parts)
        while describe(parts):
            continue
        yield parts


@pytest.fixture(scope="module")
def desk(parts: Parts) -> AccessDesk:
    return access_desk(lambda: parts)


@pytest.fixture
def book(parts: Parts) -> AccessBook:
    return AccessBook(parts.chronicle.engine)


@pytest.fixture
def recordings(parts: Parts) -> list[str]:
    return [str(row["recording_id"]) for row in parts.catalogue.recordings()]


def entered(desk: AccessDesk, **request: Any) -> dict[str, Any]:
    (answer,) = desk.enter(REQUESTS.validate_python([request]))
    return answer


def asked(desk: AccessDesk, recordings: list[str], **changed: Any) -> str:
    given = {"do": "ask", "by": "王海", "account": "officer", "capacity": "handler", "purpose": "核对现场"}
    return str(entered(desk, **given | {"recordings": recordings} | changed)["subject"])


def view(desk: AccessDesk, recording: str, **changed: Any) -> dict[str, Any]:
    given = {"do": "view", "by": "王海", "account": "officer", "recording": recording, "session": SESSION}
    return entered(desk, **given | changed)


def test_numbers_follow_each_other_through_a_year(desk: AccessDesk, recordings: list[str]) -> None:
    first, second = asked(desk, recordings), asked(desk, recordings)
    assert int(second.rsplit("-")[-1]) == int(first.rsplit("-")[-1]) + 1


def test_all_that_is_asked_together_is_entered_or_nothing(
    desk: AccessDesk, book: AccessBook, recordings: list[str]
) -> None:
    before = len(book.requests())
    good = {
        "do": "ask",
        "by": "王海",
        "account": "officer",
        "capacity": "party",
        "purpose": "x",
        "recordings": recordings,
    }
    with pytest.raises(NotFoundError):
        desk.enter(REQUESTS.validate_python([good, good | {"case": "nothing"}]))
    assert len(book.requests()) == before


def test_a_view_stands_once_for_a_session_and_an_hour(
    desk: AccessDesk, book: AccessBook, recordings: list[str]
) -> None:
    answers = [view(desk, recordings[1], session=one) for one in (SESSION, SESSION, OTHER_SESSION, SESSION)]
    assert [answer["act"] for answer in answers] == ["view.registered", None, "view.registered", None]
    assert len(book.views(ViewQuestion(recording=recordings[1]))) == 2


def test_a_view_on_a_request_counts_and_the_last_one_uses_it_up(
    desk: AccessDesk, book: AccessBook, recordings: list[str], parts: Parts
) -> None:
    number = asked(desk, recordings[:1], uses=1)
    with pytest.raises(RefusedError, match="opens nothing"):
        view(desk, recordings[0], request=number)
    entered(desk, do="approve", by="周岚", number=number)
    view(desk, recordings[0], request=number)
    view(desk, recordings[0], request=number)
    with pytest.raises(RefusedError, match="used up"):
        view(desk, recordings[0], request=number, session=OTHER_SESSION)
    state = book.request(number).state(book.counts([number])[number], parts.clock.now())
    assert state is AccessState.USED_UP


@pytest.mark.parametrize("changed", [{"account": "another"}, {"kind": "download"}])
def test_a_view_on_somebody_elses_request_or_for_more_than_it_says_is_not_entered(
    desk: AccessDesk, recordings: list[str], changed: dict[str, str]
) -> None:
    number = asked(desk, recordings[:1])
    entered(desk, do="approve", by="周岚", number=number)
    with pytest.raises(RefusedError, match="does not open"):
        view(desk, recordings[0], request=number, session="ef" * 8, **changed)
    with pytest.raises(RefusedError, match="does not open"):
        view(desk, recordings[1], request=number)


def test_without_an_end_of_its_own_an_approval_holds_for_the_regimes_days_and_no_longer_than_wanted(
    desk: AccessDesk, book: AccessBook, recordings: list[str], parts: Parts
) -> None:
    today = parts.clock.now().astimezone(parts.settings.station.zone_info).date()
    ends = []
    for wanted in (None, today, today + dt.timedelta(days=300)):
        number = asked(desk, recordings, wanted_until=wanted.isoformat() if wanted else None)
        entered(desk, do="approve", by="周岚", number=number)
        end = dt.datetime.fromisoformat(str(book.request(number).valid_until))
        ends.append((end.astimezone(parts.settings.station.zone_info).date() - today).days)
    assert ends == [8, 1, 8]


def test_a_case_is_what_it_had_when_it_was_asked_and_its_flags_make_it_secret(
    desk: AccessDesk, book: AccessBook, recordings: list[str], parts: Parts
) -> None:
    cases = case_desk(lambda: parts)
    requests = [
        {"do": "open", "by": "陈静", "number": CASE, "cause": "非法捕捞", "flags": ["privacy"]},
        {"do": "link", "by": "陈静", "number": CASE, "named": recordings[0]},
    ]
    for one in requests:
        cases.enter(case_requests.REQUESTS.validate_python([one]))
    number = asked(desk, [], case=CASE)
    assert book.request(number).recordings == (recordings[0],)
    assert book.secret_flags(recordings) == {CaseFlag.PRIVACY}
    assert book.secret_flags(recordings[1:]) == frozenset()


def test_a_rebuild_shows_the_same(station: Station, parts: Parts, book: AccessBook, recordings: list[str]) -> None:
    def everything() -> tuple[Any, ...]:
        numbers = [one.number for one in book.requests()]
        histories = [book.history(number) for number in numbers]
        opening = book.opening("officer", recordings[0])
        return book.requests(), histories, opening, book.views(ViewQuestion()), book.counts(numbers)

    before = everything()
    assert before[3]
    again = rebuild(station.vault, station.catalogue_file, SystemClock())
    book = AccessBook(again.engine)
    assert everything() == before
    again.engine.dispose()
