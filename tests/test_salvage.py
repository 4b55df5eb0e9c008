"""Salvage: footage without an index becomes playable, byte for byte, and the original stays as it was."""

import datetime as dt
import hashlib
import os
import random
import shutil
from contextlib import ExitStack
from pathlib import Path

import av
import pytest

from ingestd.core.errors import MediaError
from ingestd.media.clipspec import ClipSpec, FootageFormat
from ingestd.media.footage import encode_clip
from ingestd.media.salvage import salvage
from ingestd.media.salvaged import Salvaged
from ingestd.pipeline.derive import derive_next
from ingestd.sim.card import CardPlan, write_card
from ingestd.sim.damage import tear_without_index
from ingestd.sim.faults import Fault
from ingestd.wiring import proxy_worker
from tests.support.cards import Card
from tests.support.clips import facts_of, opened, shared_corpus, write_clip
from tests.support.process import Installation
from tests.support.station import Station, build_station, faults_of
from tests.support.station import write_card as write_files

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


def clip(path: Path, kind: FootageFormat, *, seed: int, minute: int = 0) -> Path:
    encode_clip(ClipSpec(start_utc=START + dt.timedelta(minutes=minute), format=kind, seed=seed), path)
    return path


def salvaged(torn: Path | bytes, reference: Path | bytes | None, output: Path | None = None) -> Salvaged:
    with ExitStack() as open_files:
        source = open_files.enter_context(opened(torn))
        teacher = open_files.enter_context(opened(reference)) if reference is not None else None
        sizes = (os.fstat(source).st_size, os.fstat(teacher).st_size if teacher is not None else 0)
        if output is None:
            return salvage(source, sizes[0], teacher, sizes[1])
        target = os.open(output, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        open_files.callback(os.close, target)
        return salvage(source, sizes[0], teacher, sizes[1], target)


def packets(path: Path, kind: str) -> list[tuple[float, str]]:
    """Time and hash of all packets of one kind, by a demuxer that is not ours."""
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), hashlib.sha256(bytes(packet)).hexdigest())
            for packet in container.demux()
            if packet.stream.type == kind and packet.size and packet.pts is not None and packet.time_base is not None
        ]


@pytest.mark.parametrize("kind", [FootageFormat.H264, FootageFormat.HEVC])
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_salvaged_samples_are_those_of_the_intact_file(tmp_path: Path, kind: FootageFormat, share: float) -> None:
    whole = clip(tmp_path / "whole.mp4", kind, seed=3)
    torn = Path(shutil.copy(whole, tmp_path / "torn.mp4"))
    intact_s = tear_without_index(torn, share) if share < 1 else _without_index(torn)
    before = torn.read_bytes()
    result = salvaged(torn, clip(tmp_path / "other.mp4", kind, seed=4, minute=1), tmp_path / "copy.mp4")
    assert torn.read_bytes() == before
    assert result.intact_until_s == pytest.approx(intact_s, abs=0.2)
    for stream in ("video", "audio", "subtitle"):
        original, copy = packets(whole, stream), packets(tmp_path / "copy.mp4", stream)
        assert [one for _, one in copy] == [one for _, one in original[: len(copy)]], stream
        lasting = [at for at, _ in original if at < intact_s - 1e-6]
        assert len(copy) >= 0.99 * len(lasting), stream
        assert max(abs(ours[0] - theirs[0]) for ours, theirs in zip(copy, original, strict=False)) < 0.01


def _without_index(path: Path) -> float:
    """All media data is there, the index is not."""
    data = path.read_bytes()
    place = data.rindex(b"moov") - 4
    path.write_bytes(data[:place])
    return 6.0


def test_copy_decodes_and_says_nothing_of_the_reference(tmp_path: Path) -> None:
    torn = clip(tmp_path / "torn.mp4", FootageFormat.H264, seed=3)
    tear_without_index(torn)
    reference = clip(tmp_path / "other.mp4", FootageFormat.H264, seed=4)
    assert facts_of(reference).creation_utc is not None
    result = salvaged(torn, reference, tmp_path / "copy.mp4")
    facts = facts_of(tmp_path / "copy.mp4")
    assert facts.creation_utc is None
    assert not facts.is_truncated
    assert facts.problems == ()
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == result.samples["video"]


def test_pictures_behind_a_zeroed_page_are_found_again(tmp_path: Path) -> None:
    torn = clip(tmp_path / "torn.mp4", FootageFormat.H264, seed=3)
    whole = len(packets(torn, "video"))
    _without_index(torn)
    with torn.open("r+b") as file:
        file.seek(60_000)
        file.write(bytes(4096))
    result = salvaged(torn, clip(tmp_path / "other.mp4", FootageFormat.H264, seed=4))
    assert result.lost_ranges >= 1
    assert result.samples["video"] >= whole - 5
    assert (result.intact_until_s or 9.0) < 6.0


def test_reference_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    torn = clip(tmp_path / "torn.mp4", FootageFormat.HEVC, seed=3)
    tear_without_index(torn)
    sound = clip(tmp_path / "card.avi", FootageFormat.MJPEG, seed=3)
    with pytest.raises(MediaError, match="reference"):
        salvaged(torn, sound)


def test_whole_file_is_no_case_for_salvage(tmp_path: Path) -> None:
    whole = clip(tmp_path / "whole.mp4", FootageFormat.H264, seed=3)
    with pytest.raises(MediaError, match="nothing to salvage"):
        salvaged(whole, whole)


def test_no_spoiled_torn_file_brings_the_walk_down(tmp_path: Path) -> None:
    reference = write_clip(tmp_path / "other.mp4").read_bytes()
    data = reference[: reference.rindex(b"moov") - 4]
    chance = random.Random(5)
    for number in range(30):
        torn = bytearray(data[: chance.randrange(len(data))])
        for _ in range(chance.randrange(20)):
            if torn:
                at = chance.randrange(len(torn))
                torn[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
        try:
            salvaged(bytes(torn), reference, tmp_path / f"copy{number}.mp4")
        except MediaError:
            continue


@pytest.fixture(scope="module")
def torn_card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """One take of three segments; one lost its index."""
    root = tmp_path_factory.mktemp("torn") / "card"
    return Card(root, write_card(CardPlan(takes=1, segments=3, faults=(Fault.TORN,)), root))


@pytest.fixture(scope="module")
def installation(torn_card: Card, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station that took the card in, and has nothing more to do."""
    installed = Installation(tmp_path_factory.mktemp("station") / "station", proxy__enabled=False)
    station = installed.station
    station.ingest(torn_card.root, is_described=True)
    with station.at_work() as parts, proxy_worker(parts.settings) as media:
        while derive_next(parts, media):
            continue
    return installed


@pytest.fixture
def at_rest(installation: Installation) -> Station:
    """The same as a station in this process."""
    return installation.station


def name_of(card: Card) -> str:
    return Path(card.expected(Fault.TORN).files[0]).name


def test_station_salvages_a_torn_recording_that_has_a_sibling(at_rest: Station, torn_card: Card) -> None:
    catalogue = at_rest.catalogue()
    recording = catalogue.recording(name_of(torn_card))["recording_id"]
    (copy,) = (one for one in catalogue.derived(recording) if one["kind"] == "salvage")
    path = at_rest.vault.path(copy["vault_path"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == copy["sha256"]
    assert copy["document"]["samples"]["video"] == len(packets(path, "video"))


def test_finding_tells_the_last_intact_second_and_names_the_copy(at_rest: Station, torn_card: Card) -> None:
    catalogue = at_rest.catalogue()
    recording = catalogue.recording(name_of(torn_card))["recording_id"]
    (found,) = catalogue.findings(recording=recording, code="file.truncated")
    assert found["document"]["start_s"] == pytest.approx(torn_card.expected(Fault.TORN).start_s, abs=0.2)
    assert found["document"]["evidence"]["playable_copy"].endswith(".salvage.mp4")


def test_original_is_untouched_and_the_catalogue_can_be_made_again(at_rest: Station, torn_card: Card) -> None:
    assert faults_of(at_rest, torn_card.root) == []


def test_recording_without_a_sibling_waits_for_one(torn_card: Card, tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", proxy__enabled=False)
    name = torn_card.expected(Fault.TORN).files[0]
    lone = write_files(tmp_path / "lone", {name: torn_card.path(name).read_bytes()})
    station.ingest(lone, is_described=True)
    with station.at_work() as parts, proxy_worker(parts.settings) as media:
        while derive_next(parts, media):
            continue
        assert [one["card_path"] for one in parts.catalogue.torn_without_salvage()] == [name]
    station.ingest(torn_card.root, is_described=True)
    with station.at_work() as parts, proxy_worker(parts.settings) as media:
        while derive_next(parts, media):
            continue
        assert parts.catalogue.torn_without_salvage() == []


def test_analyse_tells_the_last_intact_second_by_a_sibling(installation: Installation, torn_card: Card) -> None:
    files = installation.json("analyse", torn_card.root)["files"]
    (found,) = (one for file in files for one in file["findings"] if one["code"] == "file.truncated")
    assert found["start_s"] == pytest.approx(torn_card.expected(Fault.TORN).start_s, abs=0.2)


def test_command_salvages_a_file_by_one_that_lies_beside_it(
    installation: Installation, torn_card: Card, tmp_path: Path
) -> None:
    torn = torn_card.path(torn_card.expected(Fault.TORN).files[0])
    before = torn.read_bytes()
    document = installation.json("salvage", torn, "--output", tmp_path / "copy.mp4")
    assert document["samples"]["video"] == len(packets(tmp_path / "copy.mp4", "video"))
    assert torn.read_bytes() == before


def test_command_overwrites_nothing(installation: Installation, torn_card: Card, tmp_path: Path) -> None:
    (tmp_path / "copy.mp4").write_bytes(b"mine")
    torn = torn_card.path(torn_card.expected(Fault.TORN).files[0])
    done = installation.run("salvage", torn, "--output", tmp_path / "copy.mp4")
    assert done.status == 1
    assert "already there" in done.err
    assert (tmp_path / "copy.mp4").read_bytes() == b"mine"


def test_command_salvages_a_recording_of_the_vault_again(
    installation: Installation, torn_card: Card, tmp_path: Path
) -> None:
    done = installation.run("salvage", name_of(torn_card))
    assert done.status == 0, done
    assert "original is untouched" in done.out
    installation.json("salvage", name_of(torn_card), "--output", tmp_path / "elsewhere.mp4")
    assert len(packets(tmp_path / "elsewhere.mp4", "video")) > 30


REAL = {
    "gopro_max_heromode.mp4": (315, 493),
    "flir_thermal_vfr.mp4": (84, 479),
    "phone_3gp5_null_island.mp4": (39, 62),
    "pair_untouched.mp4": (333, 463),
    "traffic_cfr.mp4": (576, 992),
}
"""Pictures and sounds of real files."""


@pytest.mark.parametrize("name", REAL)
def test_real_footage_that_loses_its_index_is_found_again(name: str, tmp_path: Path) -> None:
    path = shared_corpus() / name
    whole = path.read_bytes()
    place = whole.index(b"moov")
    result = salvaged(whole[:place] + b"free" + whole[place + 4 :], path, tmp_path / "copy.mp4")
    pictures, sounds = REAL[name]
    assert result.samples["video"] == pictures
    assert result.samples["audio"] >= 0.99 * sounds
    assert [one for _, one in packets(tmp_path / "copy.mp4", "video")] == [one for _, one in packets(path, "video")]
