"""Material from elsewhere than a recorder: declared, marked for what it is, and taken in whatever it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.load import load_regimes
from ingestd.core.errors import RefusedError
from ingestd.core.model import Inlet
from ingestd.core.origin import DECLARATION_NAME, KIND_NAMES, MOST_BYTES, OriginKind, origin_of, read_declaration
from ingestd.ipc import ask
from tests.support.process import Installation, wait_until
from tests.support.station import Station, build_station, faults_of, write_card

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
GOOD = 'kind = "third_party"\nfrom = "王某，现场群众"\nnote = "手机拍摄"\n'.encode()
NAMED_LIKE_OURS = "0000007_00001220261121083000_0001.mp4"
"""A name of the bureau's own recorders, whose officer the shipped roster knows."""


def declared_of(station: Station, docking_id: str) -> Any:
    return station.catalogue().docking(docking_id)["document"]["origin"]


def sidecars(station: Station) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json")]


def recordings(station: Station) -> dict[str, dict[str, Any]]:
    return {row["card_path"]: row for row in station.catalogue().recordings()}


# The declaration


def test_a_declaration_says_what_from_whom_and_a_note() -> None:
    origin = read_declaration(GOOD).origin
    assert origin is not None
    assert origin.document() == {
        "kind": "third_party",
        "from": "王某，现场群众",
        "note": "手机拍摄",
        "declared_by": f"file {DECLARATION_NAME}",
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "kind is missing"),
        (b'kind = "camera"', "from is missing"),
        (b'kind = "drone"\nfrom = "x"', "the kinds are camera"),
        (b'kind = 3\nfrom = "x"', "there is no such kind"),
        (b'kind = "camera"\nfrom = ""', "from"),
        (b'kind = "camera"\nfrom = "a\\nb"', "from"),
        (b'kind = "camera"\nfrom = "x"\ndeclared_by = "director"', "there is no key 'declared_by'"),
        (b'kind = "camera"\nfrom = "x"\nsource = "y"', "there is no key 'source'"),
        (b"kind = camera", "not TOML"),
        (b"x = " + b"[" * 5000, "not TOML"),
        (b"x = " + b"9" * 5000, "not TOML"),
        ("kind = 照相机".encode("gbk"), "not UTF-8"),
        (GOOD + b"#" * MOST_BYTES, "longer than"),
    ],
)
def test_a_declaration_that_cannot_be_used_says_why(data: bytes, words: str) -> None:
    declaration = read_declaration(data)
    assert declaration.origin is None
    assert words in declaration.fault


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_bytes_break_the_reading_of_a_declaration(data: bytes) -> None:
    declaration = read_declaration(data)
    assert (declaration.origin is None) == bool(declaration.fault)


def test_a_byte_order_mark_before_a_declaration_is_no_fault() -> None:
    assert read_declaration(b"\xef\xbb\xbf" + GOOD).origin is not None


def test_every_kind_has_words_in_both_languages() -> None:
    assert all(" · " in OriginKind(kind).words for kind in KIND_NAMES)


# What the regulations say of it


@pytest.mark.parametrize(
    ("regime", "article", "kind", "is_required"),
    [
        ("ethnic_religious", "第五条", OriginKind.RECEPTION_VIDEO, True),
        ("ethnic_religious", "第六条", OriginKind.PETITION_VIDEO, True),
        ("ethnic_religious", "第四条第二项", OriginKind.VOICE_RECORDER, False),
        ("health", "第三条第四款", OriginKind.MOBILE_TERMINAL, False),
        ("health", "第三十条", OriginKind.MOBILE_TERMINAL, True),
        ("market_regulation", "第三十八条", OriginKind.THIRD_PARTY, False),
    ],
)
def test_the_regimes_name_their_other_sources(regime: str, article: str, kind: OriginKind, is_required: bool) -> None:
    (rule,) = [one for one in REGIMES[regime].origins if one.article == article]
    assert kind in rule.kinds
    assert rule.is_required is is_required


# At a station


def test_jiangmen_38_footage_of_others_is_marked_in_listing_sidecar_and_catalogue(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", station__regime="market_regulation")
    drop = write_card(tmp_path / "drop", {DECLARATION_NAME: GOOD, "a.bin": b"footage"})
    result = station.ingest(drop, inlet=Inlet.INBOX, is_described=True)
    wanted = {**json.loads(json.dumps(declared_of(station, result.docking_id)))}
    assert (wanted["kind"], wanted["from"]) == ("third_party", "王某，现场群众")
    assert [one["docking"]["origin"] for one in sidecars(station)] == [wanted, wanted]
    listing = json.loads(next(station.vault.root.glob("originals/**/listing.json")).read_bytes())
    assert listing["docking"]["origin"] == wanted
    assert {row["origin"] for row in recordings(station).values()} == {"third_party"}
    assert [row["code"] for row in station.catalogue().findings(docking=result.docking_id, code="identity")] == []
    assert faults_of(station, drop) == []


def test_what_nobody_declared_stays_as_it_was(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    result = station.ingest(write_card(tmp_path / "card", {"a.bin": b"a"}), is_described=True)
    assert declared_of(station, result.docking_id) is None
    assert [one["docking"]["origin"] for one in sidecars(station)] == [None]
    assert [row["origin"] for row in recordings(station).values()] == [None]


def test_declared_material_is_no_recorders_and_no_officers_whatever_its_name_says(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    ours = station.ingest(write_card(tmp_path / "ours", {NAMED_LIKE_OURS: b"ours"}), is_described=True)
    drop = write_card(tmp_path / "drop", {DECLARATION_NAME: GOOD, NAMED_LIKE_OURS: b"theirs"})
    theirs = station.ingest(drop, inlet=Inlet.INBOX, is_described=True)
    catalogue = station.catalogue()
    (mine,) = catalogue.recordings(docking=ours.docking_id)
    assert (mine["recorder_id"], mine["tags"]["device"]) == ("0000007", "0000007")
    for row in catalogue.recordings(docking=theirs.docking_id):
        assert (row["recorder_id"], row["tags"]["device"], row["tags"]["officers"]) == (None, None, [])
    evidence = catalogue.docking(theirs.docking_id)["document"]["recorder"]["evidence"]
    assert ["name", "0000007 in 1 of 1 file names"] in evidence


@pytest.mark.parametrize(("kind", "state"), [("third_party", "none"), ("voice_recorder", "late")])
def test_the_hand_over_clock_runs_for_what_officers_made_and_for_nobody_else(
    tmp_path: Path, kind: str, state: str
) -> None:
    station = build_station(tmp_path / "station", station__regime="civil_affairs")
    words = f'kind = "{kind}"\nfrom = "x"\n'.encode()
    drop = write_card(tmp_path / "drop", {DECLARATION_NAME: words, "0000007_00001220240221083000_0001.mp4": b"old"})
    station.ingest(drop, inlet=Inlet.INBOX, is_described=True)
    row = recordings(station)["0000007_00001220240221083000_0001.mp4"]
    assert row["hand_over_state"] == state


def test_on_a_recorder_a_declaration_is_a_file_like_any_other(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {DECLARATION_NAME: GOOD, NAMED_LIKE_OURS: b"ours"})
    result = station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert declared_of(station, result.docking_id) is None
    assert station.catalogue().docking(result.docking_id)["recorder_id"] == "0000007"


@pytest.mark.parametrize("data", [b'kind = "drone"\nfrom = "x"', b"\xff\xfe", None], ids=["kind", "bytes", "link"])
def test_a_wrong_declaration_is_said_and_the_material_is_taken_in(tmp_path: Path, data: bytes | None) -> None:
    station = build_station(tmp_path / "station")
    drop = write_card(tmp_path / "drop", {"a.bin": b"a"})
    if data is None:
        (drop / DECLARATION_NAME).symlink_to("/etc/hostname")
    else:
        (drop / DECLARATION_NAME).write_bytes(data)
    result = station.ingest(drop, inlet=Inlet.INBOX, is_described=True)
    assert declared_of(station, result.docking_id) is None
    (found,) = station.catalogue().findings(docking=result.docking_id, code="origin.unclear")
    assert (found["severity"], found["document"]["file"]) == ("notice", DECLARATION_NAME)
    assert found["document"]["evidence"]["words"]
    assert result.outcome == "complete"
    assert "a.bin" in recordings(station)


def test_equal_bytes_of_two_sources_are_two_recordings_of_one_content(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    for number, who in enumerate(("王某", "李某")):
        words = f'kind = "third_party"\nfrom = "{who}"\n'.encode()
        drop = write_card(tmp_path / str(number) / "drop", {DECLARATION_NAME: words, "a.bin": b"the same"})
        station.ingest(drop, inlet=Inlet.INBOX)
    rows = [row for row in station.catalogue().recordings() if row["card_path"] == "a.bin"]
    assert len(rows) == 2
    assert len({row["sha256"] for row in rows}) == 1


# As people use it


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("origins"), station__regime="ethnic_religious")


def test_ethnic_religious_5_an_export_of_the_reception_is_declared_by_command_and_listed(
    installation: Installation,
) -> None:
    export = write_card(installation.root / "export", {"20260302.bin": b"reception"})
    words = ("--origin", "reception_video", "--from", "受理大厅 2 号机", "--note", "3 月 2 日", "--by", "张三")
    document = installation.json("ingest", export, *words)
    assert document["origin"]["declared_by"] == "张三"
    (listed,) = installation.json("list", "--origin", "reception_video")
    assert (listed["card_path"], listed["origin"]) == ("20260302.bin", "reception_video")
    assert installation.json("list", "--origin", "third_party") == []
    shown = installation.run("show", listed["recording_id"]).out
    assert "受理大厅 2 号机" in shown
    assert "第五条" in shown
    before = installation.station.tables()
    assert installation.run("catalogue", "rebuild").status == 0
    assert installation.station.tables() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--origin", "camera"), "--origin without --from"),
        (("--from", "x"), "without --origin"),
        (("--origin", "camera", "--from", "a\tb"), "cannot be used"),
    ],
)
def test_half_a_declaration_is_refused_in_words(installation: Installation, words: tuple[str, ...], told: str) -> None:
    ended = installation.run("ingest", installation.root, *words)
    assert ended.status == 1
    assert told in ended.err


def test_a_command_stands_before_the_file_and_the_difference_is_said(installation: Installation) -> None:
    drop = write_card(installation.root / "both", {DECLARATION_NAME: GOOD, "b.bin": b"b"})
    document = installation.json("ingest", drop, "--origin", "camera", "--from", "宣传科")
    assert document["origin"]["kind"] == "camera"
    assert [one["code"] for one in document["findings"] if one["code"].startswith("origin")] == ["origin.unclear"]


def test_through_the_running_station_drop_and_command_are_marked_alike(installation: Installation) -> None:
    with installation.daemon():
        words = 'kind = "mobile_terminal"\nfrom = "终端 07"\n'.encode()
        write_card(installation.inbox / "terminal", {DECLARATION_NAME: words, "data.json": b"{}", ".ingest-done": b""})
        photos = write_card(installation.root / "photos", {"p.bin": b"p"})
        document = installation.json("ingest", photos, "--origin", "camera", "--from", "相机 2")
        assert document["origin"]["kind"] == "camera"
        with pytest.raises(RefusedError, match="cannot be used"):
            ask(installation.socket_file, {"op": "ingest", "path": str(photos), "origin": {"kind": "camera"}})
        catalogue = installation.station.catalogue()
        wait_until(lambda: bool(catalogue.recordings(origin="mobile_terminal")), what="the drop")


def test_an_origin_from_a_program_is_checked_like_any_other() -> None:
    wrong_ones: tuple[Any, ...] = ({}, [], "camera", {"kind": "camera", "from": "x", "more": 1})
    for wrong in wrong_ones:
        with pytest.raises(RefusedError, match="cannot be used"):
            origin_of(wrong)
