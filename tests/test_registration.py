"""Registration by the regime's form: what is required when, what fills itself, what people enter."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine, create_engine, insert, text

from ingestd.config.load import load_regimes
from ingestd.core.case_requests import REQUESTS
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.registration import Facts, Form, Given, Known, LineState, form_of, known_bits, scene_of
from ingestd.core.registration_acts import REQUEST
from ingestd.core.registration_facts import Around, facts_of
from ingestd.core.registration_rules import AT_SEA, KnownField, RegistrationRule, Required
from ingestd.core.vessel_acts import NameVessel
from ingestd.ipc import ask
from ingestd.sim.card import CardPlan, write_card
from ingestd.stores import schema
from ingestd.stores.find import Finder, Question
from ingestd.stores.heardfile import HeardFile
from ingestd.stores.registration import RegistrationBook
from ingestd.stores.schema_find import COLUMNS, find_rows, registrations
from ingestd.wiring import case_desk, open_finder, registration_desk, vessel_desks
from tests.support.process import Installation
from tests.support.station import Station

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
JIANGMEN = REGIMES["market_regulation"].registration
MARINE = REGIMES["marine"].registration
CASE = {"number": "2026-017", "cause": "无照经营", "category": "penalty", "unit": "执法一中队", "parties": ["甲公司"]}
OFFICER = {"officer": "张三", "certificate": "G001", "unit": "执法一中队", "source": "roster", "is_doubtful": False}
TAGS = {"device": "0000007", "officers": [OFFICER], "times_source": "name"}
START, END = "2026-03-02T01:00:00.000Z", "2026-03-02T01:05:00.000Z"


def around(tags: Mapping[str, Any] = TAGS, **others: Any) -> Around:
    return Around(tags, START, END, **others)


def form(rules: tuple[RegistrationRule, ...], facts: Facts, **entered: str) -> Form:
    given = {name: Given((value,), "李四", START) for name, value in entered.items()}
    scene = scene_of({name: one.values for name, one in given.items()}, has_vessel=KnownField.VESSEL in facts)
    return form_of(rules, facts, given, is_at_sea=scene)


def values(facts: Facts) -> dict[str, tuple[str, ...]]:
    return {field.value: known.values for field, known in facts.items()}


# --- what the station knows -------------------------------------------------------------------------------------------


def test_what_is_known_fills_itself_and_says_from_where() -> None:
    facts = facts_of(
        around(cases=[(CASE, None)], vessels=[{"name": "辽大金渔15001", "number": "15001", "mmsi": 412000001}])
    )
    assert values(facts) == {
        "unit": ("执法一中队",),
        "category": ("penalty",),
        "device": ("0000007",),
        "used_at": (f"{START} / {END}",),
        "parties": ("甲公司",),
        "cause": ("无照经营",),
        "matter": ("无照经营",),
        "officers": ("张三/G001",),
        "certificates": ("G001",),
        "vessel": ("辽大金渔15001 15001 412000001",),
    }
    assert {facts[KnownField.CAUSE].source, facts[KnownField.OFFICERS].source} == {"case 2026-017", "roster"}


def test_the_linked_activity_tells_matter_place_and_officers_where_nothing_else_does() -> None:
    activity = {"kind": "inspection", "place": "石鼓路12号", "officers": [{"name": "王五", "certificate": ""}]}
    facts = facts_of(around({}, cases=[(CASE | {"place": "别处"}, activity)]))
    assert (facts[KnownField.MATTER].values, facts[KnownField.PLACE].values) == (("现场检查（勘验）",), ("石鼓路12号",))
    assert facts[KnownField.OFFICERS].values == ("王五",)
    assert KnownField.CERTIFICATES not in facts


@pytest.mark.parametrize(
    ("tags", "field"),
    [
        ({"officers": [OFFICER | {"is_doubtful": True}]}, "officers"),
        ({"officers": [OFFICER, OFFICER | {"officer": "李四", "certificate": ""}]}, "certificates"),
        ({"times_source": "docking"}, "used_at"),
        ({"place": {"name": "大窑湾港", "distance_m": 800.0, "may_be_off_by_m": 0}}, "place"),
        ({"place": {"name": "大窑湾港", "distance_m": 0, "may_be_off_by_m": 700.0}}, "place"),
    ],
)
def test_what_is_doubtful_is_shown_and_fills_nothing(tags: dict[str, Any], field: str) -> None:
    facts = facts_of(around(TAGS | tags))
    rule = RegistrationRule(id=field, zh="x", en="x", article="一", words="一")
    (line,) = form((rule,), facts).lines
    assert (line.state, bool(line.values)) == (LineState.DOUBTFUL, True)
    assert form((rule,), facts, **{field: "x"}).is_complete


def test_of_a_docking_that_waits_for_a_person_neither_device_nor_officer_is_certain() -> None:
    facts = facts_of(around(is_waiting=True))
    assert {"device", "officers"} <= set(form(JIANGMEN, facts).lacks)


# --- each regime ------------------------------------------------------------------------------------------------------


def test_jiangmen_42_asks_for_its_seven_items_and_a_linked_case_completes_them() -> None:
    required = [rule.id for rule in JIANGMEN if rule.required is Required.ALWAYS]
    assert required == ["unit", "category", "device", "officers", "used_at", "parties", "cause"]
    assert form(JIANGMEN, facts_of(around())).lacks == ("category", "parties", "cause")
    assert form(JIANGMEN, facts_of(around(cases=[(CASE, None)]))).is_complete


def test_marine_27_2_ashore_asks_for_the_place_and_27_3_at_sea_for_coordinates_and_vessel() -> None:
    facts = facts_of(around(cases=[(CASE, None)]))
    assert form(MARINE, facts).lacks == (AT_SEA,)
    assert form(MARINE, facts, at_sea="no").lacks == ("place",)
    assert form(MARINE, facts, at_sea="no", place="杏树屯渔港").is_complete
    assert form(MARINE, facts, at_sea="yes").lacks == ("coordinates", "vessel")
    assert form(MARINE, facts, at_sea="yes", coordinates="38.9, 121.6", vessel="辽大金渔15001").is_complete


def test_marine_27_3_a_confirmed_vessel_tells_that_it_was_at_sea() -> None:
    track = {"first": {"latitude": 38.9, "longitude": 121.6}}
    vessels = [{"name": "辽大金渔15001", "number": "15001", "mmsi": None}]
    facts = facts_of(around(TAGS | {"position": track}, cases=[(CASE, None)], vessels=vessels))
    judged = form(MARINE, facts)
    assert (judged.is_at_sea, judged.is_complete) == (True, True)
    assert facts[KnownField.COORDINATES].values == ("38.900000, 121.600000",)


@pytest.mark.parametrize("regime", ["civil_affairs", "ethnic_religious", "health"])
def test_where_the_regulation_names_no_form_the_fields_are_local_policy(regime: str) -> None:
    rules = REGIMES[regime].registration
    assert {(rule.basis.value, rule.article) for rule in rules} == {("local policy", None)}
    assert form(rules, facts_of(around())).lacks == ("cause",)
    assert form(rules, facts_of(around()), cause="检查").is_complete


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "x"},
        {"id": "x", "basis": "local policy"},
        {"id": "at_sea", "article": "一", "words": "一"},
        {"id": "X y", "article": "一", "words": "一"},
        {"id": "x", "article": "一"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RegistrationRule.model_validate({"zh": "x", "en": "x"} | rule)


# --- the database judges as the form does -----------------------------------------------------------------------------

FIELDS = [*KnownField, "remarks", "own"]
RULES = st.lists(
    st.builds(
        RegistrationRule, id=st.sampled_from([str(field) for field in FIELDS]), zh=st.just("x"), en=st.just("x"),
        required=st.sampled_from(Required), article=st.just("一"), words=st.just("一"),
    ),
    max_size=5,
    unique_by=lambda rule: rule.id,
)  # fmt: skip
FACTS = st.dictionaries(
    st.sampled_from(KnownField), st.builds(Known, st.just(("x",)), st.just("roster"), st.booleans())
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    schema.metadata.create_all(made)
    yield made
    made.dispose()


@given(RULES, FACTS, st.sets(st.sampled_from([str(field) for field in FIELDS])), st.sampled_from([None, True, False]))
def test_the_list_of_the_unregistered_is_what_the_form_judges(
    engine: Engine, rules: list[RegistrationRule], facts: Facts, entered: set[str], scene: bool | None
) -> None:
    given = {name: Given(("x",), "李四", START) for name in entered}
    judged = form_of(tuple(rules), facts, given, is_at_sea=scene)
    bits = known_bits(facts, {name: one.values for name, one in given.items()})
    row = {
        "slot": 1,
        "recording_id": "r",
        "is_footage": True,
        "known": bits,
        "is_at_sea": scene,
        "unit": "",
        "facts": {},
    }
    texts: dict[str, Any] = {"facts": {}} | dict.fromkeys(("unit", *COLUMNS), "")
    with engine.begin() as connection:
        for name in ("find_rows", "registrations"):
            connection.execute(text(f"DELETE FROM {name}"))
        connection.execute(insert(find_rows), row | texts)
        for name in entered:
            one = {"recording_id": "r", "field": name, "given": ["x"], "entered_at": START, "entered_by": "李四"}
            connection.execute(insert(registrations), one)
    assert RegistrationBook(engine).unregistered_by_unit(tuple(rules)) == ({} if judged.is_complete else {"": 1})
    listed = Finder(engine, tuple(rules)).find(Question(is_unregistered=True)).recordings
    assert listed == (() if judged.is_complete else ("r",))


# --- at a station -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station under 江门 with one small take; shared, read only."""
    installation = Installation(tmp_path_factory.mktemp("docked"), station__regime="market_regulation")
    write_card(CardPlan(takes=1, segments=2, segment_seconds=2), installation.root / "card")
    installation.station.ingest(installation.root / "card", is_described=True)
    return installation


@pytest.fixture
def own(docked: Installation, tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "own", station__regime="market_regulation")
    shutil.copytree(docked.state_dir, installation.state_dir)
    return installation


def said(station: Station, **request: Any) -> dict[str, Any]:
    with station.opened() as parts:
        return registration_desk(lambda: parts).enter(REQUEST.validate_python({"by": "张三", **request}))


def videos(station: Station) -> list[str]:
    rows = [row for row in station.catalogue().recordings() if row["kind"] == "video"]
    return [row["recording_id"] for row in sorted(rows, key=lambda row: row["recorded_start"])]


def asked(installation: Installation, **question: Any) -> list[str]:
    configuration = installation.station.configuration
    return list(open_finder(configuration.settings, configuration.regime).find(Question(**question)).recordings)


@pytest.mark.parametrize("has_station", [True, False], ids=["with a station", "without a station"])
def test_a_whole_take_is_registered_at_once_and_leaves_the_list(own: Installation, has_station: bool) -> None:
    first, second = videos(own.station)
    take = own.station.catalogue().recording(first)["take_id"]
    fields = (
        "unit=执法一中队",
        "category=penalty",
        "officers=张三/G001",
        "parties=甲公司",
        "parties=乙",
        "cause=无照经营",
    )

    def steps() -> None:
        before = own.json("register", "list")
        lacking = {one["recording_id"]: one["lacks"] for one in before["recordings"]}
        assert {first, second} <= lacking.keys()
        words = ("register", "set", "--take", take, *fields, "--by", "张三", "--note", "现场笔录")
        dry = own.json(*words, "--dry-run")
        assert own.station.tables()["registration_acts"] == []
        answer = own.json(*words)
        assert answer["recordings"][0]["after"] == dry["recordings"][0]["after"]
        assert answer["recordings"][0]["before"]["parties"] is None
        assert [one["lacks"] for one in answer["recordings"]] == [[], []]
        left = own.json("register", "list")
        assert {one["recording_id"] for one in left["recordings"]} == lacking.keys() - {first, second}
        assert sum(left["by_unit"].values()) == sum(before["by_unit"].values()) - 2
        listed = own.json("find", "无照经营", "--party", "甲公司", "--officer", "张三", "--limit", "1")
        assert [row["recording_id"] for row in listed["recordings"]] == [second]
        assert asked(own, party="甲公司", after=listed["after"]) == [first]

    if has_station:
        with own.daemon():
            steps()
            with pytest.raises(RefusedError, match="not a request about a registration"):
                ask(own.socket_file, {"op": "register", "request": {"named": []}})
    else:
        steps()


def test_every_change_stands_with_before_and_after_and_an_entry_can_be_taken_back(own: Installation) -> None:
    first, _ = videos(own.station)
    said(own.station, named=[first], fields={"cause": ["占道经营"]})
    assert said(own.station, named=[first], fields={"cause": ["占道经营"]})["recordings"][0]["after"] == {}
    said(own.station, named=[first], fields={"cause": ["无照经营"]}, by="李四", note="笔误")
    said(own.station, named=[first], fields={"cause": []})
    ended = own.run("register", "show", first, "--json")
    document = ended.json()
    assert (ended.status, document["is_complete"]) == (1, False)
    changes = [(act["actor"], act["document"]["before"], act["document"]["after"]) for act in document["history"]]
    assert changes == [
        ("张三", {"cause": None}, {"cause": ["占道经营"]}),
        ("李四", {"cause": ["占道经营"]}, {"cause": ["无照经营"]}),
        ("张三", {"cause": ["无照经营"]}, {"cause": None}),
    ]
    assert "无照经营" in own.run("register", "show", first).out
    assert "第四十二条" in own.run("register", "fields").out


def test_a_rebuilt_catalogue_finds_the_same(own: Installation) -> None:
    first, second = videos(own.station)
    said(own.station, named=[first, second], fields={"parties": ["大连甲水产有限公司"], "remarks": ["夜间"]})
    said(own.station, named=[second], fields={"remarks": []})
    with own.station.opened() as parts:
        opened = {"do": "open", "number": "2026-017", "by": "张三", "cause": "无照经营", "parties": ["乙商行"]}
        link = {"do": "link", "number": "2026-017", "what": "recording", "named": first, "by": "张三"}
        change = {"do": "change", "number": "2026-017", "by": "张三", "cause": "超范围经营"}
        case_desk(lambda: parts).enter(REQUESTS.validate_python([opened, link, change]))
        desk, _ = vessel_desks(lambda: parts, HeardFile(parts.settings.ais_file))
        desk.enter(NameVessel(by="张三", recording=second, name="辽大金渔15001"))
    questions: tuple[dict[str, Any], ...] = (
        {"words": "无照"}, {"words": "超范围经营"}, {"case": "2026-017"}, {"party": "乙商行"}, {"words": "水产"},
        {"words": "夜间"}, {"vessel": "金渔15001"}, {"is_unregistered": True}, {"words": ".mp4"},
    )  # fmt: skip
    tables, before = own.station.tables(), [asked(own, **question) for question in questions]
    assert before[:7] == [[], [first], [first], [first], [second, first], [first], [second]]
    assert own.run("catalogue", "rebuild").status == 0
    assert own.station.tables() == tables
    assert [asked(own, **question) for question in questions] == before


def test_a_catalogue_of_before_this_index_gets_its_rows_at_the_next_start(own: Installation) -> None:
    before = asked(own, words=".mp4")
    with own.station.opened() as parts, parts.chronicle.engine.begin() as connection:
        for name in ("find_words", "find_signs"):
            connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('delete-all')"))
        for name in ("find_rows", "find_box", "meta WHERE key = 'find_filled'"):
            connection.execute(text(f"DELETE FROM {name}"))
    assert asked(own, words=".mp4") == []
    with own.station.opened():
        pass
    assert (asked(own, words=".mp4"), bool(before)) == (before, True)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"fields": {"colour": ["x"]}}, "no field of this regime"),
        ({"fields": {"at_sea": ["yes"]}}, "no field of this regime"),
        ({"fields": {"cause": ["x"]}, "by": "station"}, "signed"),
        ({"fields": {"cause": ["x"]}, "named": ["nothing"]}, "no recording"),
        ({"fields": {"cause": ["x"]}, "named": ["ffffffff"], "what": "take"}, "no take"),
    ],
)
def test_what_cannot_be_entered_is_refused_in_words(docked: Installation, request_: dict[str, Any], words: str) -> None:
    named = {"named": videos(docked.station)[:1]}
    before = docked.station.tables()
    with pytest.raises((RefusedError, NotFoundError), match=words):
        said(docked.station, **(named | request_))
    assert docked.station.tables() == before


@pytest.mark.parametrize("words", [("--box", "1,2,3"), ("--box", "40,121,39,122"), ("--from", "someday"), ("7",)])
def test_a_question_that_is_none_is_refused_in_words(docked: Installation, words: tuple[str, ...]) -> None:
    ended = docked.run("find", *words)
    assert (ended.status != 0, "error:" in ended.err, "Traceback" in ended.err) == (True, True, False)


def test_the_bits_of_known_fields_stay_in_their_places() -> None:
    # Stored rows are judged by them: a field that moves makes a catalogue lie.
    bits = [known_bits({field: Known(("x",), "x")}, {}) for field in KnownField]
    assert bits == [1 << place for place in itertools.islice(itertools.count(), len(bits))]
    assert [str(field) for field in KnownField] == [
        "unit", "category", "device", "officers", "certificates", "used_at", "parties", "cause", "matter", "place",
        "coordinates", "vessel",
    ]  # fmt: skip
