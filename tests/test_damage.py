"""Damage inside the media: found where it is, to the sample, and nowhere else."""

import datetime as dt
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.core.damage import DAMAGE_KINDS, MAX_PLACES, damage_findings, merged
from ingestd.core.facts import Damage, MediaFacts, MediaKind
from ingestd.core.findings import Confidence, Finding
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.clipspec import ClipSpec, FootageFormat
from ingestd.media.damage import DamageLook, find_damage
from ingestd.media.footage import encode_clip
from ingestd.media.isobmff import Track, read_movie
from ingestd.media.sandbox import MediaWorker
from ingestd.sim.damage import zero_block
from tests.support.clips import facts_of, opened, shared_corpus

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)

# The manifest calls these damaged: a broken unit, media data that is none, a fuzzed file.
DAMAGED = {"invalid_nalu.mp4", "zero_empty_stsc.mp4", "fuzz_1185230.mp4"}


def look_at(content: bytes | Path, **options: object) -> DamageLook:
    with opened(content) as fd:
        return find_damage(fd, os.fstat(fd).st_size, **options)  # type: ignore[arg-type]


def found_in(content: bytes | Path) -> tuple[Finding, ...]:
    facts = facts_of(content)
    return damage_findings(facts.model_copy(update={"damage": look_at(content).damage}))


def video_of(path: Path) -> Track:
    with opened(path) as fd:
        return next(
            track
            for track in read_movie(ByteSource(fd, path.stat().st_size), Problems()).tracks
            if track.handler == "vide"
        )


def overwritten(path: Path, at: int, data: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[FootageFormat, Path]:
    """Six sound seconds in each format."""
    folder = tmp_path_factory.mktemp("clips")
    made = {}
    for kind in FootageFormat:
        suffix = {FootageFormat.TS: "ts", FootageFormat.MJPEG: "avi"}.get(kind, "mp4")
        path = folder / f"{kind.value}.{suffix}"
        encode_clip(ClipSpec(start_utc=START, format=kind), path)
        made[kind] = path
    return made


@pytest.fixture
def spoiled(clips: dict[FootageFormat, Path], tmp_path: Path) -> Callable[[FootageFormat], Path]:
    """A copy of a clip that may be spoiled."""

    def copy(kind: FootageFormat) -> Path:
        return Path(shutil.copy(clips[kind], tmp_path / clips[kind].name))

    return copy


@pytest.mark.parametrize("kind", FootageFormat)
def test_sound_clip_has_no_damage(clips: dict[FootageFormat, Path], kind: FootageFormat) -> None:
    assert look_at(clips[kind]) == DamageLook((), ())


@pytest.mark.parametrize("kind", FootageFormat)
def test_zeroed_page_is_found_within_a_second(spoiled: Callable[[FootageFormat], Path], kind: FootageFormat) -> None:
    path = spoiled(kind)
    block = zero_block(path)
    (found,) = found_in(path)
    assert found.code == "data.corrupt"
    assert found.start_s == pytest.approx(block.start_s, abs=1.0)
    assert found.end_s == pytest.approx(block.end_s, abs=1.0)
    assert found.bytes is not None
    assert found.bytes[0][0] < block.to_byte
    assert block.from_byte < found.bytes[-1][1]


@pytest.mark.parametrize("kind", [FootageFormat.H264, FootageFormat.HEVC])
@pytest.mark.parametrize("fault", ["length", "header"])
def test_broken_unit_is_found_at_its_very_sample(
    spoiled: Callable[[FootageFormat], Path], kind: FootageFormat, fault: str
) -> None:
    path = spoiled(kind)
    samples = video_of(path).samples
    for number in (20, 61):
        overwritten(path, samples.offsets[number] + (0 if fault == "length" else 4), b"\xff")
    found = found_in(path)
    assert [one.start_s for one in found] == [pytest.approx(20 / 15), pytest.approx(61 / 15)]
    assert [one.bytes for one in found] == [
        ((samples.offsets[number], samples.offsets[number] + samples.sizes[number]),) for number in (20, 61)
    ]
    assert {one.confidence for one in found} == {Confidence.CERTAIN}


def test_few_zeros_inside_a_picture_are_damage_because_no_encoder_writes_them(
    spoiled: Callable[[FootageFormat], Path],
) -> None:
    path = spoiled(FootageFormat.H264)
    samples = video_of(path).samples
    overwritten(path, samples.offsets[30] + 200, bytes(24))
    (found,) = found_in(path)
    assert found.evidence["kinds"] == ["zeros"]
    assert found.start_s == pytest.approx(2.0)


def test_range_that_the_medium_refused_is_told_in_seconds(clips: dict[FootageFormat, Path]) -> None:
    samples = video_of(clips[FootageFormat.H264]).samples
    span = (samples.offsets[45] + 10, samples.offsets[45] + 20)
    (damage,) = look_at(clips[FootageFormat.H264], unreadable=[span]).damage
    assert damage == Damage(kind="unreadable", start_s=3.0, end_s=round(46 / 15, 6), bytes=span)


def with_padding(path: Path, numbers: range) -> bytes:
    """The last 20 bytes of some samples become a unit of filler and two empty units."""
    samples, data = video_of(path).samples, bytearray(path.read_bytes())
    for number in numbers:
        place, end = samples.offsets[number], samples.offsets[number] + samples.sizes[number]
        at = place
        while (behind := at + 4 + int.from_bytes(data[at : at + 4], "big")) < end:
            at = behind
        data[at : at + 4] = (end - at - 4 - 20).to_bytes(4, "big")
        data[end - 20 : end] = b"\0\0\0\x08\x0c" + b"\xff" * 7 + bytes(8)
    return bytes(data)


def test_filler_and_empty_units_in_many_samples_are_the_recorders_habit(clips: dict[FootageFormat, Path]) -> None:
    assert look_at(with_padding(clips[FootageFormat.H264], range(5, 40))).damage == ()


def test_empty_unit_in_one_sample_of_many_is_damage(clips: dict[FootageFormat, Path]) -> None:
    (found,) = found_in(with_padding(clips[FootageFormat.H264], range(30, 31)))
    assert (found.start_s, found.confidence) == (2.0, Confidence.LIKELY)


def test_lost_packets_of_a_transport_stream_are_found_within_a_second(
    clips: dict[FootageFormat, Path], tmp_path: Path
) -> None:
    data = clips[FootageFormat.TS].read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    start_s = facts_of(data).start_s or 0.0
    middle = len(packets) // 2
    (found,) = found_in(b"".join(packets[:middle] + packets[middle + 25 :]))
    assert "continuity" in found.evidence["kinds"]
    assert (found.start_s or 0) - start_s == pytest.approx(3.0, abs=1.0)


def test_two_transport_streams_joined_miss_no_packet(clips: dict[FootageFormat, Path]) -> None:
    data = clips[FootageFormat.TS].read_bytes()
    assert found_in(data + data) == ()


def test_packets_lost_behind_a_join_are_told_on_the_files_own_time_line(clips: dict[FootageFormat, Path]) -> None:
    data = clips[FootageFormat.TS].read_bytes()
    middle = len(data) // 188 // 2 * 188
    (alone,) = found_in(data[:middle] + data[middle + 25 * 188 :])
    (found,) = found_in(data + data[:middle] + data[middle + 25 * 188 :])
    begins_s = facts_of(data).start_s or 0.0
    assert (found.start_s or 0) - (alone.start_s or 0) == pytest.approx(6.0, abs=1.0)
    assert begins_s < (found.start_s or 0)


def test_packets_that_the_receiver_marked_are_damage(clips: dict[FootageFormat, Path]) -> None:
    data = bytearray(clips[FootageFormat.TS].read_bytes())
    data[188 * 200 + 1] |= 0x80
    (found,) = found_in(bytes(data))
    assert "transport_error" in found.evidence["kinds"]


def test_bytes_between_packets_are_damage_and_what_follows_is_read(clips: dict[FootageFormat, Path]) -> None:
    data = clips[FootageFormat.TS].read_bytes()
    (found,) = found_in(data[: 188 * 150] + b"\x11" * 77 + data[188 * 150 :])
    assert found.evidence["kinds"] == ["sync"]
    assert found.bytes == ((188 * 150, 188 * 150 + 77),)


def test_picture_of_an_avi_without_its_end_mark_is_damage(spoiled: Callable[[FootageFormat], Path]) -> None:
    path = spoiled(FootageFormat.MJPEG)
    data = path.read_bytes()
    ends = [found.start() for found in re.finditer(rb"\xff\xd9(?=\0?(?:00dc|01wb|idx1))", data)]
    (found,) = found_in(overwritten(path, ends[44], b"\x55\x55"))
    assert found.evidence["kinds"] == ["jpeg"]
    assert found.start_s == pytest.approx(44 / 15, abs=0.001)


def test_zeros_inside_a_picture_of_an_avi_are_damage_on_any_byte(spoiled: Callable[[FootageFormat], Path]) -> None:
    path = spoiled(FootageFormat.MJPEG)
    place = max(re.finditer(rb"00dc(?P<size>....)", path.read_bytes(), re.S), key=lambda one: one["size"][::-1])
    size = int.from_bytes(place["size"], "little")
    assert size > 1600
    (found,) = found_in(overwritten(path, place.end() + size - 1500, bytes(1301)))
    assert found.evidence["kinds"] == ["block"]


def test_a_camera_that_names_its_own_handler_is_looked_at_as_jpeg_all_the_same(tmp_path: Path) -> None:
    path = Path(shutil.copy(shared_corpus() / "kodak_mjpeg_pcm.avi", tmp_path / "k.avi"))
    path.chmod(0o600)
    (found,) = found_in(overwritten(path, 400_000, bytes(16_384)))
    assert found.evidence["kinds"] == ["block"]
    assert found.start_s == pytest.approx(400_000 / 932_454 * 2.73, abs=0.5)


def test_real_files_are_damaged_only_where_their_manifest_says_so() -> None:
    corpus = shared_corpus()
    names = {entry["name"] for entry in json.loads((corpus / "manifest.json").read_text("utf-8"))["files"]}
    assert {name for name in names if look_at(corpus / name).damage} == DAMAGED


def test_invalid_unit_of_a_real_file_is_found_at_its_sample() -> None:
    (found,) = found_in(shared_corpus() / "invalid_nalu.mp4")
    assert found.start_s == pytest.approx(0.8675, abs=0.001)


def test_worker_gives_facts_with_the_damage(spoiled: Callable[[FootageFormat], Path]) -> None:
    path = spoiled(FootageFormat.H264)
    zero_block(path)
    with MediaWorker(512 * 1024 * 1024) as worker, opened(path) as fd:
        facts = worker.damaged(fd, worker.probe(fd, path.stat().st_size, 20), 20)
    assert facts.damage == look_at(path).damage != ()


def test_look_that_runs_out_of_time_says_how_far_it_came(clips: dict[FootageFormat, Path]) -> None:
    assert "only" in look_at(clips[FootageFormat.H264], seconds=-1.0).problems[0]


def test_places_near_each_other_are_one_finding_and_far_ones_are_two() -> None:
    places = tuple(
        Damage(kind=kind, start_s=at, end_s=at + 0.1, bytes=(int(at * 10), int(at * 10) + 1))
        for kind, at in (("zeros", 1.0), ("chain", 1.2), ("chain", 5.0))
    )
    facts = MediaFacts(kind=MediaKind.VIDEO, size_bytes=1, damage=places)
    assert [(one.start_s, one.evidence["kinds"]) for one in damage_findings(facts)] == [
        (1.0, ["chain", "zeros"]),
        (5.0, ["chain"]),
    ]


@given(
    st.lists(
        st.builds(
            Damage,
            kind=st.sampled_from(sorted(DAMAGE_KINDS)),
            start_s=st.one_of(st.none(), st.floats(0, 1e5)),
            bytes=st.one_of(st.none(), st.tuples(st.integers(0, 100), st.integers(101, 200))),
        ).map(lambda one: one.model_copy(update={"end_s": one.start_s})),
        max_size=60,
    )
)
def test_merging_loses_no_place_and_no_kind(places: list[Damage]) -> None:
    joined = merged(places)
    assert len(joined) <= MAX_PLACES
    assert {one.kind for one in joined} == {one.kind for one in places}
    for one in places:
        if one.start_s is not None:
            assert any(
                other.kind == one.kind and (other.start_s or 0) <= one.start_s <= (other.end_s or 0) for other in joined
            )


@pytest.mark.parametrize("kind", FootageFormat)
def test_no_spoiled_file_brings_the_look_down(clips: dict[FootageFormat, Path], kind: FootageFormat) -> None:
    data = clips[kind].read_bytes()
    chance = random.Random(kind.value)
    for _ in range(25):
        spoiled = bytearray(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)
        for _ in range(chance.randrange(1, 40)):
            if spoiled:
                at = chance.randrange(len(spoiled))
                spoiled[at : at + chance.randrange(1, 30)] = chance.randbytes(chance.randrange(0, 30))
        look_at(bytes(spoiled), seconds=10.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([b"\0\0\0\x14ftypisom", b"RIFF\0\1\0\0AVI LIST\0\1\0\0movi", b"G" + bytes(187)]),
    st.binary(max_size=4000),
)
def test_any_bytes_behind_a_known_start_give_an_answer(start: bytes, rest: bytes) -> None:
    look = look_at(start * 4 + rest, seconds=10.0)
    assert {one.kind for one in look.damage} <= set(DAMAGE_KINDS)
