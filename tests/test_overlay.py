"""A bureau's own terms on a regime: they lengthen or add on a paper of the bureau, and never fall below."""

import datetime as dt
import re
import shutil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.config.load import load_all, load_regimes
from ingestd.core.clock import from_text
from ingestd.core.errors import ConfigError
from ingestd.core.facts import MediaKind
from ingestd.core.overlay import LocalRegime, Overlay, laid_over, overlay_faults
from ingestd.core.regime import Regime
from ingestd.core.retention_rules import RuleKind
from ingestd.core.terms import LinkedCase, RetentionItem, retention_of

SHIPPED = Path(__file__).parent.parent / "config"
REGIMES = load_regimes(SHIPPED / "regimes")
SHANGHAI = ZoneInfo("Asia/Shanghai")
SEALED = dt.datetime(2024, 2, 21, 18, tzinfo=SHANGHAI)
BASIS = "大金海规〔2026〕7号 第五条"
TEXT = """
id = "jinpu"
based_on = "{based_on}"
version = 2

[[retention]]
id = "own"
applies = {applies}
kind = "minimum"
{term}
basis = "大金海规〔2026〕7号 第五条"
words = "本单位音视频记录的保存期限"
"""


def overlay(base: str = "marine", **rule: Any) -> Overlay:
    own = {"id": "own", "applies": ["footage"], "years": 5, "basis": BASIS, "words": "保存五年"} | rule
    return Overlay.model_validate({"id": "jinpu", "based_on": base, "version": 2, "retention": [own]})


def faults(base: str, **rule: Any) -> list[tuple[str, str]]:
    return [(fault.key, fault.what) for fault in overlay_faults(overlay(base, **rule), REGIMES[base])]


def last_day(regime: Regime, kind: MediaKind = MediaKind.VIDEO, *cases: LinkedCase) -> str | None:
    item = RetentionItem(kind=kind, recorded_end=None, sealed_at=SEALED, cases=cases)
    until = retention_of(regime.term_rules, item, SHANGHAI).keep_until
    if until is None:
        return None
    return (from_text(until) - dt.timedelta(seconds=1)).astimezone(SHANGHAI).date().isoformat()


def laid(base: str, **rule: Any) -> LocalRegime:
    assert faults(base, **rule) == []
    return laid_over(overlay(base, **rule), REGIMES[base])


# What it makes


def test_a_longer_term_of_the_bureau_wins_and_its_paper_stands_with_the_decision() -> None:
    regime = laid("marine", years=5)
    assert last_day(regime) == "2029-02-21"
    assert last_day(regime, MediaKind.PHOTO) == "2027-02-21", "the overlay speaks of footage only"
    item = RetentionItem(kind=MediaKind.VIDEO, recorded_end=None, sealed_at=SEALED)
    decision = retention_of(regime.term_rules, item, SHANGHAI)
    assert (decision.regime, decision.regime_version) == ("jinpu", 2)
    assert (decision.based_on, decision.based_on_version) == ("marine", REGIMES["marine"].version)
    assert (decision.winner.article, decision.winner.words, decision.winner.is_local) == (BASIS, "保存五年", True)
    assert {one.rule_id for one in decision.reasons} == {"term_3y", "own"}, "the regime's own rule stands on"


@pytest.mark.parametrize("base", ["civil_affairs", "health"])
def test_where_the_regulation_names_no_term_only_a_paper_of_the_bureau_sets_one(base: str) -> None:
    assert last_day(REGIMES[base]) is None
    regime = laid(base, years=2)
    assert last_day(regime) == "2026-02-21"
    assert last_day(regime, MediaKind.PHOTO) is None, "what the paper does not name waits on"
    evidence = LinkedCase(number="A-1", is_evidence=True, closed_on=dt.date(2024, 3, 1))
    assert last_day(regime, MediaKind.VIDEO, evidence) is None, "evidence is a class of its own"
    with pytest.raises(ValidationError, match="basis"):
        overlay(base, basis="")


def test_a_rule_for_cases_of_one_flag_does_not_decide_for_all_of_them() -> None:
    regime = laid("civil_affairs", applies=["evidence"], flag="major", years=30)
    plain = LinkedCase(number="A-1", is_evidence=True, closed_on=dt.date(2024, 3, 1))
    assert last_day(regime, MediaKind.VIDEO, plain) is None
    assert any(rule.kind is RuleKind.UNTIL_DECIDED and "evidence" in rule.applies for rule in regime.retention)


def test_a_term_from_the_filing_of_the_case_may_be_added() -> None:
    regime = laid("health", applies=["footage", "photo", "other"], years=1)
    assert last_day(regime, MediaKind.TEXT) == "2025-02-21"
    filed = laid("health", applies=["evidence"], kind="term", years=30, starts="case_filed")
    assert any(rule.starts == "case_filed" for rule in filed.retention)


def test_everything_else_of_the_regime_stays() -> None:
    regime, base = laid("marine", years=5), REGIMES["marine"]
    for section in ("hand_over", "explain", "coverage", "filing", "holds", "carriers", "registration", "text"):
        assert getattr(regime, section) == getattr(base, section)


# What is refused


@pytest.mark.parametrize(
    ("base", "rule", "key", "words"),
    [
        # 海洋 29¶2: 3 年
        ("marine", {"years": 2}, "retention.0.years", "fall under term_3y"),
        ("marine", {"years": 0, "months": 35}, "retention.0.months", "fall under term_3y"),
        ("marine", {"applies": ["photo"], "years": 1}, "retention.0.years", "fall under default_3y"),
        ("marine", {"applies": ["linked"], "years": 1}, "retention.0.years", "fall under term_3y"),
        # 民宗 20: 不少于一年
        ("ethnic_religious", {"years": 0, "months": 11}, "retention.0.months", "fall under minimum_1y"),
        # 江门 43: 不得少于六个月; evidence 长期保存
        ("market_regulation", {"years": 0, "months": 5}, "retention.0.months", "fall under minimum_6m"),
        ("market_regulation", {"applies": ["evidence"], "years": 100}, "retention.0.kind", "keeps without an end"),
        ("marine", {"id": "term_3y"}, "retention.0.id", "is a rule of marine already"),
        ("marine", {"applies": ["linked"], "category": "nothing"}, "retention.0.category", "no such category"),
    ],
)
def test_what_falls_under_the_regime_or_does_not_fit_it_is_named(
    base: str, rule: dict[str, Any], key: str, words: str
) -> None:
    found = faults(base, **rule)
    assert any(name == key and words in what for name, what in found), found


@pytest.mark.parametrize("months", [6, 7, 12, 2400])
def test_the_floor_itself_and_anything_above_it_may_stand(months: int) -> None:
    assert faults("market_regulation", years=0, months=months) == []


@settings(max_examples=40)
@given(st.sampled_from(sorted(REGIMES)), st.sampled_from(["footage", "photo", "other"]), st.integers(1, 60))
def test_an_overlay_below_the_floor_is_always_refused_and_no_other_ever(base: str, applies: str, months: int) -> None:
    floors = [rule.total_months for rule in REGIMES[base].retention if applies in rule.applies and rule.kind.has_end]
    found = faults(base, applies=[applies], years=months // 12, months=months % 12)
    assert bool(found) == (months < max(floors, default=0))


@settings(max_examples=40)
@given(st.sampled_from(sorted(REGIMES)), st.sampled_from(MediaKind), st.integers(1, 60), st.booleans())
def test_an_overlay_never_keeps_for_less_than_its_regime_where_that_names_a_term(
    base: str, kind: MediaKind, months: int, is_evidence: bool
) -> None:
    rule = {"applies": ["footage", "photo", "other"], "years": 0, "months": months}
    assume(not faults(base, **rule))
    filed = LinkedCase(
        number="A-1", is_evidence=is_evidence, closed_on=dt.date(2024, 3, 1), term_until=dt.date(2025, 1, 1)
    )
    own, plain = last_day(laid(base, **rule), kind, filed), last_day(REGIMES[base], kind, filed)
    assert own is None or plain is None or own >= plain
    if plain is None and own is not None:
        assert base in ("civil_affairs", "health")


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "until_decided", "years": 0},
        {"kind": "long_term"},
        {"years": 0},
        {"words": ""},
        {"starts": "case_filed"},
        {"applies": []},
        {"is_shipped_default": True},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        overlay("marine", **rule)


# As files


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "config")
    return tmp_path / "config"


def written(config: Path, based_on: str = "marine", applies: str = '["footage"]', term: str = "years = 5") -> Path:
    file = config / "regimes" / "jinpu.toml"
    file.write_text(TEXT.format(based_on=based_on, applies=applies, term=term), "utf-8")
    return file


def test_an_overlay_is_chosen_as_a_regime_is(config: Path) -> None:
    written(config)
    settings_file = config / "ingestd.toml"
    settings_file.write_text(
        re.sub(r'^regime = ".*"$', 'regime = "jinpu"', settings_file.read_text("utf-8"), flags=re.M), "utf-8"
    )
    configuration = load_all(settings_file)
    assert isinstance(configuration.regime, LocalRegime)
    assert last_day(configuration.regime) == "2029-02-21"
    assert last_day(configuration.regimes["marine"]) == "2027-02-21"


def test_a_fault_names_file_key_value_and_the_fix(config: Path) -> None:
    file = written(config, term="years = 2")
    with pytest.raises(ConfigError) as caught:
        load_all(config / "ingestd.toml")
    assert caught.value.message.startswith(f"{file}: retention.0.years = 2: years = 2 fall under term_3y of marine")
    assert "第二十九条第二款: 执法全过程音视频记录保存期为3年" in caught.value.message
    assert "write years = 3 or more" in (caught.value.advice or "")


def test_an_overlay_on_nothing_is_told_what_it_could_stand_on(config: Path) -> None:
    file = written(config, based_on="marin")
    with pytest.raises(ConfigError) as caught:
        load_all(config / "ingestd.toml")
    assert caught.value.message == f"{file}: based_on = 'marin': there is no such regime"
    assert (caught.value.advice or "").startswith("write marine;")


def test_an_overlay_is_named_for_its_file(config: Path) -> None:
    written(config).rename(config / "regimes" / "other.toml")
    with pytest.raises(ConfigError, match="is not the name of the file"):
        load_all(config / "ingestd.toml")
