"""Black, stuck and silent footage is told, with its borders; what only looks like it is not."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.errors import MediaError
from ingestd.core.findings import Finding, Severity, finding
from ingestd.core.look import Darkness, Detail, LookFacts, LookRule, LookSpan, SpanKind, darkness_of, look_findings
from ingestd.core.look_stills import Step, stuck_spans
from ingestd.core.settings import LookSettings
from ingestd.media.look import look
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.look import look_next
from ingestd.sim.card import CardPlan
from ingestd.sim.card import write_card as write_simulated_card
from tests.support.clips import opened, shared_corpus
from tests.support.looks import write_footage
from tests.support.process import Installation
from tests.support.station import Station, build_station, write_card

RULE = LookRule()
MIB = 1024 * 1024
CONTAINERS = {"h264": ".mp4", "hevc": ".mp4", "mjpeg": ".avi", "mpeg4": ".mov", "mpeg2": ".ts"}
Footage = Callable[..., Path]


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Footage by its description, each made once."""
    folder = tmp_path_factory.mktemp("looks")

    @cache
    def made(suffix: str, **wanted: object) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}{suffix}"
        return write_footage(path, **wanted)  # type: ignore[arg-type]

    return made


def told(path: Path, rule: LookRule = RULE) -> list[Finding]:
    """What is said above information."""
    with opened(path) as fd:
        found = look_findings(look(fd, rule, seconds=60), rule)
    return [one for one in found if one.severity is not Severity.INFO]


def only(found: list[Finding], code: str, start_s: float, end_s: float, within_s: float) -> Finding:
    assert [one.code for one in found] == [code]
    assert found[0].start_s == pytest.approx(start_s, abs=within_s)
    assert found[0].end_s == pytest.approx(end_s, abs=within_s)
    return found[0]


@pytest.mark.parametrize("codec", list(CONTAINERS))
def test_black_picture_is_told_with_its_borders(footage: Footage, codec: str) -> None:
    path = footage(CONTAINERS[codec], codec=codec, scenes=((2.5, 6.0, "black"),))
    assert only(told(path), "content.black", 2.5, 6.0, 0.5).confidence == "certain"


@pytest.mark.parametrize("codec", list(CONTAINERS))
def test_covered_lens_is_told_although_the_sensor_goes_on_making_noise(footage: Footage, codec: str) -> None:
    path = footage(CONTAINERS[codec], codec=codec, scenes=((2.5, 6.0, "covered"),))
    found = only(told(path), "content.black", 2.5, 6.0, 0.5)
    assert found.confidence == "likely"
    assert found.evidence["darkness"] == "covered"


@pytest.mark.parametrize("codec", list(CONTAINERS))
def test_stuck_picture_is_told_with_its_borders(footage: Footage, codec: str) -> None:
    path = footage(CONTAINERS[codec], codec=codec, scenes=((2.5, 6.0, "stuck"),))
    only(told(path), "content.frozen", 2.5, 6.0, 0.2)


@pytest.mark.parametrize("codec", list(CONTAINERS))
def test_dark_scene_and_camera_that_lies_still_are_not_told(footage: Footage, codec: str) -> None:
    scenes = ((0, 3, "night"), (3, 6, "lamps"), (6, 9, "still"))
    assert told(footage(CONTAINERS[codec], seconds=9, codec=codec, scenes=scenes)) == []


def test_span_without_a_key_picture_is_found_all_the_same(footage: Footage) -> None:
    path = footage(".mp4", scenes=((2.5, 6.0, "covered"),), key_seconds=10.0)
    only(told(path), "content.black", 2.5, 6.0, 0.5)


@pytest.mark.parametrize(("scene", "code"), [("covered", "content.black"), ("stuck", "content.frozen")])
def test_clock_that_runs_on_in_the_picture_hides_nothing(footage: Footage, scene: str, code: str) -> None:
    path = footage(".mp4", scenes=((2.5, 6.0, scene),), caption=True)
    assert [one.code for one in told(path)] == [code]


@pytest.mark.parametrize("scene", ["black", "stuck"])
def test_span_below_the_threshold_is_not_told(footage: Footage, scene: str) -> None:
    assert told(footage(".mp4", scenes=((2.5, 3.5, scene),))) == []


def test_thresholds_are_those_of_the_settings(footage: Footage) -> None:
    path = footage(".mp4", scenes=((2.5, 3.5, "black"),))
    only(told(path, LookRule(black_seconds=0.8)), "content.black", 2.5, 3.5, 0.5)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("aac", ".mp4"), ("pcm_s16le", ".avi"), ("pcm_alaw", ".avi"), ("pcm_mulaw", ".mov"), ("mp2", ".ts")],
)
def test_digital_silence_is_told_with_its_borders(footage: Footage, codec: str, suffix: str) -> None:
    path = footage(suffix, seconds=7, sound=codec, silent=(2.3, 5.1))
    only(told(path), "content.silent", 2.3, 5.1, 0.2)


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("pcm_alaw", ".avi")])
def test_quiet_room_is_not_silence(footage: Footage, codec: str, suffix: str) -> None:
    assert told(footage(suffix, seconds=4, sound=codec)) == []


def test_many_silent_spans_are_a_microphone_that_the_recorder_shuts() -> None:
    spans = tuple(LookSpan(kind=SpanKind.SILENT, start_s=at, end_s=at + 2) for at in (0, 10, 20, 30))
    assert {one.severity for one in look_findings(LookFacts(spans=spans), RULE)} == {Severity.INFO}
    assert {one.severity for one in look_findings(LookFacts(spans=spans[:3]), RULE)} == {Severity.NOTICE}


@pytest.mark.parametrize(("end_s", "severity"), [(2.3, "info"), (4.0, "notice")])
def test_file_that_begins_black_for_a_moment_is_information(end_s: float, severity: str) -> None:
    span = LookSpan(kind=SpanKind.BLACK, start_s=0, end_s=end_s, numbers={"is_at_start": True})
    assert [one.severity for one in look_findings(LookFacts(spans=(span,)), RULE)] == [severity]


def test_black_span_is_not_told_as_stuck_too() -> None:
    spans = (LookSpan(kind=SpanKind.BLACK, start_s=2, end_s=6), LookSpan(kind=SpanKind.FROZEN, start_s=2.1, end_s=6))
    assert [one.code for one in look_findings(LookFacts(spans=spans), RULE)] == ["content.black"]


def test_stillness_without_equal_key_pictures_or_edges_is_information() -> None:
    steps = [Step(number / 10, 0.0 if number % 10 else 1.5, 2.0, number % 10 == 0, 1.5) for number in range(100)]
    (span,) = stuck_spans(steps, RULE)
    (found,) = look_findings(LookFacts(spans=(span,)), RULE)
    assert (found.code, found.severity, found.confidence) == ("content.frozen", "info", "provisional")


def test_every_second_picture_repeated_is_a_frame_rate_and_not_stuck() -> None:
    steps = [Step(number / 30, 0.0 if number % 2 else 6.0, 20.0) for number in range(300)]
    assert stuck_spans(steps, RULE) == []


@given(
    st.lists(st.floats(0, 60), min_size=1, max_size=80),
    st.floats(0.01, 0.5),
    st.sets(st.integers(0, 79), max_size=20),
)
def test_stuck_spans_lie_inside_the_steps_in_order(differences: list[float], step_s: float, keys: set[int]) -> None:
    steps = [Step(n * step_s, one, one, n in keys, one) for n, one in enumerate(differences)]
    spans = stuck_spans(steps, RULE)
    edges = [edge for span in spans for edge in (span.start_s, span.end_s)]
    assert all(0 <= edge <= steps[-1].time_s + 1e-5 for edge in edges)
    assert all(span.end_s - span.start_s >= RULE.frozen_seconds - 0.01 for span in spans)


def test_mean_luma_alone_decides_nothing() -> None:
    covered = Detail(mean=11.0, levels=14, fine=1.4, coarse=0.4, peak=5.0)
    night = Detail(mean=11.0, levels=14, fine=1.4, coarse=2.4, peak=5.0)
    assert (darkness_of(covered, RULE), darkness_of(night, RULE)) == (Darkness.COVERED, None)


# What does not decode


def flipped(path: Path, share: float, count: int = 40) -> bytes:
    """A file with some bits turned in the middle of its media data."""
    data, dice = bytearray(path.read_bytes()), random.Random(11)
    begins = data.index(b"mdat") + 4
    ends = data.index(b"moov", begins) if b"moov" in data[begins:] else len(data)
    place = begins + int((ends - begins) * share)
    for _ in range(count):
        data[place + dice.randrange(400)] ^= 1 << dice.randrange(8)
    return bytes(data)


def seen_in(data: bytes) -> LookFacts:
    with opened(data) as fd:
        return look(fd, RULE, seconds=60)


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_flipped_bits_inside_pictures_are_told_where_they_are(footage: Footage, codec: str) -> None:
    facts = seen_in(flipped(footage(CONTAINERS[codec], codec=codec), 0.5))
    found = [one for one in look_findings(facts, RULE) if one.code == "data.corrupt"]
    assert found and found[0].confidence == "likely"
    assert all(2.5 < (one.start_s or 0) < 5.5 for one in found)


def test_damage_that_is_told_already_is_not_told_again(footage: Footage) -> None:
    facts = seen_in(flipped(footage(".mp4"), 0.5))
    torn = finding("file.truncated", start_s=3.0, end_s=8.0)
    assert [one.code for one in look_findings(facts, RULE, [torn])] == []


def test_long_files_are_not_decoded_wholly(footage: Footage) -> None:
    with opened(flipped(footage(".mp4"), 0.5)) as fd:
        facts = look(fd, replace(RULE, whole_seconds=5.0), seconds=60)
    assert SpanKind.DAMAGED not in {span.kind for span in facts.spans}


def test_recorder_whose_stream_the_decoder_does_not_understand_is_information() -> None:
    span = LookSpan(kind=SpanKind.DAMAGED, start_s=0.0, end_s=8.0, numbers={"share_of_file": 0.6})
    (found,) = look_findings(LookFacts(spans=(span,)), RULE)
    assert (found.severity, found.confidence) == (Severity.INFO, "provisional")


# The child process


def test_look_that_runs_out_of_time_says_how_far_it_came(footage: Footage) -> None:
    with opened(footage(".mp4", scenes=((2.5, 6.0, "black"),))) as fd:
        assert look(fd, RULE, seconds=0.0).until_s == 0.0


def test_hostile_files_end_in_an_answer_or_an_error(footage: Footage) -> None:
    whole = footage(".mp4", seconds=7, sound="aac", silent=(2.3, 5.1)).read_bytes()
    dice = random.Random(5)
    for _ in range(30):
        spoilt = bytearray(whole)
        for _ in range(dice.choice((1, 20, 400))):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        with opened(bytes(spoilt[: dice.randrange(len(spoilt) // 2, len(spoilt))])) as fd:
            try:
                facts = look(fd, RULE, seconds=10)
            except MediaError:
                continue
            LookFacts.model_validate(facts.model_dump(mode="json"))


def test_look_in_the_limited_child_sees_the_same(footage: Footage) -> None:
    path = footage(".mp4", scenes=((2.5, 6.0, "stuck"),))
    with MediaWorker(memory_bytes=1024 * MIB) as media, opened(path) as fd:
        ours, theirs = look(fd, RULE, seconds=30), media.look(fd, RULE, 60)
        assert theirs == ours
        with opened(Path(os.devnull)) as nothing, pytest.raises(MediaError):
            media.look(nothing, RULE, 60)


# The station and the command


@dataclass(frozen=True)
class Looked:
    """A station that took in a black file and one that nobody can decode, and what its looks brought."""

    station: Station
    is_idle_when_off: bool
    looks: int
    findings: list[tuple[str, str]]


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory, footage: Footage) -> Looked:
    black = footage(".mp4", scenes=((2.5, 6.0, "black"),)).read_bytes()
    root = tmp_path_factory.mktemp("station")
    station = build_station(root / "station")
    torn = black[:4000].replace(b"moov", b"free")
    station.ingest(write_card(root / "card", {"DCIM/a.mp4": black, "DCIM/b.mp4": torn}), is_described=True)
    with station.at_work() as parts, MediaWorker(memory_bytes=1024 * MIB) as media:
        off = parts.settings.model_copy(update={"look": LookSettings(is_enabled=False)})
        is_idle = not look_next(replace(parts, settings=off), media) and media.pid is None
        looks = 0
        while look_next(parts, media):
            looks += 1
    return Looked(station, is_idle, looks, findings_of(station))


def findings_of(station: Station) -> list[tuple[str, str]]:
    return [(row["code"], row["recording_id"]) for row in station.catalogue().findings(code="content.")]


def test_switched_off_nothing_is_decoded_and_the_recordings_wait(looked: Looked) -> None:
    assert looked.is_idle_when_off


def test_every_recording_is_looked_at_once(looked: Looked) -> None:
    assert looked.looks == 2
    assert [code for code, _ in looked.findings] == ["content.black"]


def test_file_that_cannot_be_decoded_is_settled_with_the_reason(looked: Looked) -> None:
    catalogue = looked.station.catalogue()
    (torn,) = (row for row in catalogue.recordings() if row["card_path"].endswith("b.mp4"))
    (row,) = (one for one in catalogue.derived(torn["recording_id"]) if one["kind"] == "look")
    assert row["document"]["reason"]


def test_rebuilt_catalogue_knows_what_was_seen_and_nobody_looks_again(looked: Looked) -> None:
    looked.station.catalogue_file.unlink()
    with looked.station.at_work() as parts, MediaWorker(memory_bytes=1024 * MIB) as media:
        assert findings_of(looked.station) == looked.findings
        assert not look_next(parts, media)


def test_analyse_looks_unless_told_not_to(tmp_path: Path, footage: Footage) -> None:
    installation = Installation(tmp_path / "station")
    path = footage(".mp4", scenes=((2.5, 6.0, "covered"),))

    def codes(*options: str) -> list[str]:
        return [one["code"] for one in installation.json("analyse", *options, path)["files"][0]["findings"]]

    assert "content.black" in codes()
    assert "content.black" not in codes("--no-look")


def test_simulated_footage_is_silent_about(tmp_path: Path) -> None:
    write_simulated_card(CardPlan(takes=1, segments=1, segment_seconds=4), tmp_path)
    (path,) = tmp_path.rglob("*.mp4")
    assert told(path) == []


@pytest.mark.parametrize(
    "name", ["gopro_max_heromode.mp4", "phone_iphone6_gps.mov", "kodak_mjpeg_pcm.avi", "phone_2004_h263_amr.3gp"]
)
def test_untouched_camera_files_are_silent_about(name: str) -> None:
    assert told(shared_corpus() / name) == []
