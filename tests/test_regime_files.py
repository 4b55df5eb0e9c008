"""The five shipped regimes say what the five regulations say."""

import datetime as dt
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingestd.config.load import load_regimes
from ingestd.core.clauses import Basis, Sourced
from ingestd.core.facts import MediaKind
from ingestd.core.handover import StartEvent
from ingestd.core.regime import Regime
from ingestd.core.terms import LinkedCase, RetentionDecision, RetentionItem, retention_of

PROJECT = Path(__file__).parent.parent
REGIMES = load_regimes(PROJECT / "config" / "regimes")
SHANGHAI = ZoneInfo("Asia/Shanghai")
SEALED = dt.datetime(2024, 2, 21, 18, tzinfo=SHANGHAI)


def decide(regime: str, kind: MediaKind = MediaKind.VIDEO, *, is_evidence: bool = False) -> RetentionDecision:
    cases = (LinkedCase(number="A-1", is_evidence=True),) if is_evidence else ()
    item = RetentionItem(kind=kind, recorded_end=None, sealed_at=SEALED, cases=cases)
    return retention_of(REGIMES[regime].term_rules, item, SHANGHAI)


def winner(decision: RetentionDecision) -> tuple[str, str | None, bool]:
    (reason,) = [reason for reason in decision.reasons if reason.is_winner]
    return reason.kind.value, reason.article, reason.is_shipped_default


@pytest.fixture(scope="module")
def regulations() -> Path:
    folder = PROJECT.parent / "shared" / "regulations"
    if not folder.is_dir():
        pytest.skip(f"the texts of the regulations are not at {folder}")
    return folder


def without_spaces(text: str) -> str:
    return re.sub(r"\s", "", text)


def clause_fault(text: str, article: str, words: str) -> str | None:
    """Why the words do not stand in that article of the text; null where they do."""
    whole = without_spaces(text)
    number = article.split("条")[0] + "条"
    start = re.search(rf"(?<![与按依照据]){number}", whole)
    if start is None:
        return f"there is no {number}"
    following = re.compile(r"第[一二三四五六七八九十]+[条章]").search(whole, start.end())
    body = whole[start.end() : following.start() if following else None]
    return None if without_spaces(words) in body else f"{number} does not say: {words}"


def clock_rules(regime: Regime) -> list[Sourced]:
    clock = regime.hand_over
    return [rule for rule in (clock, clock.hand_in, clock.field_work) if rule] if clock else []


CLAUSES = [
    (regime, rule.article, rule.words)
    for regime in REGIMES.values()
    for rule in (
        *regime.retention,
        *clock_rules(regime),
        *regime.explain,
        *regime.categories,
        *regime.coverage,
        *regime.absence,
        *regime.filing,
        *regime.bookmarks,
        *regime.origins,
        *regime.registration,
        *regime.holds,
        *regime.carriers,
        *regime.approvals,
        *regime.access,
        *regime.inspection,
    )
    if rule.article and rule.words
]


def test_the_check_of_words_finds_changed_words_and_a_wrong_article(regulations: Path) -> None:
    text = (regulations / "marine-dalian-jinpu.txt").read_text(encoding="utf-8")
    words = "执法全过程音视频记录保存期为3年"
    assert clause_fault(text, "第二十九条第二款", words) is None
    assert clause_fault(text, "第二十九条第二款", words.replace("3", "5"))
    assert clause_fault(text, "第二十八条", words)
    assert clause_fault(text, "第九十九条", words)


@pytest.mark.parametrize(("regime", "article", "words"), CLAUSES)
def test_every_clause_is_quoted_word_for_word_from_its_article(
    regulations: Path, regime: Regime, article: str, words: str
) -> None:
    text = (regulations / regime.text).read_text(encoding="utf-8")
    assert clause_fault(text, article, words) is None


def test_marine_footage_is_kept_three_years() -> None:
    decision = decide("marine")
    assert decision.keep_until == "2027-02-21T16:00:00.000Z"
    assert winner(decision) == ("term", "第二十九条第二款", False)


@pytest.mark.parametrize("kind", [MediaKind.PHOTO, MediaKind.TEXT, MediaKind.UNKNOWN, MediaKind.EMPTY])
def test_marine_photos_and_sidecars_follow_footage_by_a_default_that_is_marked(kind: MediaKind) -> None:
    decision = decide("marine", kind)
    assert decision.keep_until == "2027-02-21T16:00:00.000Z"
    assert winner(decision) == ("term", "第二十九条第二款", True)


def test_ethnic_religious_footage_and_photos_are_kept_at_least_one_year() -> None:
    for kind in (MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.PHOTO):
        decision = decide("ethnic_religious", kind)
        assert decision.keep_until == "2025-02-21T16:00:00.000Z"
        assert winner(decision) == ("minimum", "第二十条", False)


def test_market_regulation_footage_is_kept_at_least_six_months() -> None:
    decision = decide("market_regulation")
    assert decision.keep_until == "2024-08-21T16:00:00.000Z"
    assert winner(decision) == ("minimum", "第四十三条第一款", False)


@pytest.mark.parametrize("regime", ["civil_affairs", "health"])
@pytest.mark.parametrize("kind", list(MediaKind))
def test_where_the_regulation_names_no_term_a_person_decides(regime: str, kind: MediaKind) -> None:
    decision = decide(regime, kind)
    assert decision.keep_until is None
    assert winner(decision) == ("until_decided", None, True)


@pytest.mark.parametrize(
    ("regime", "kind", "article"),
    [
        ("marine", "case_file", "第二十九条第二款"),
        ("ethnic_religious", "case_file", "第二十条"),
        ("market_regulation", "long_term", "第四十三条第二款"),
        ("civil_affairs", "until_decided", None),
        ("health", "until_decided", None),
    ],
)
def test_evidence_is_kept_without_an_end_everywhere(regime: str, kind: str, article: str | None) -> None:
    decision = decide(regime, is_evidence=True)
    assert decision.keep_until is None
    assert winner(decision)[:2] == (kind, article)


@pytest.mark.parametrize(
    ("regime", "starts", "basis"),
    [
        ("marine", StartEvent.ACTIVITY_END, Basis.LAW),
        ("civil_affairs", StartEvent.RECORDING_END, Basis.LAW),
        ("health", StartEvent.RECORDING_END, Basis.LAW),
        ("market_regulation", StartEvent.DAY_END, Basis.LAW),
        ("ethnic_religious", StartEvent.RECORDING_END, Basis.LOCAL_POLICY),
    ],
)
def test_the_hand_over_clock_starts_as_the_regulation_says(regime: str, starts: StartEvent, basis: Basis) -> None:
    clock = REGIMES[regime].hand_over
    assert clock is not None
    assert (clock.starts, clock.hours, clock.basis) == (starts, 24, basis)
