"""ExifTool as a further reader: asked only where it may help, bounded, its absence said, its answers judged."""

import json
import stat
from pathlib import Path

import pytest

from ingestd.core.facts import MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.media.exiftool import ExifTool, exiftool_words, find_exiftool, may_have_positions, parse_answer
from tests.support.clips import facts_of, opened, shared_corpus

ANSWER = [
    {
        "SourceFile": "/proc/self/fd/7",
        "Doc1:GPSLatitude": 22.51,
        "Doc1:GPSLongitude": 113.25,
        "Doc1:GPSDateTime": "2024:02:21 00:29:23.500Z",
        "Doc1:GPSSpeed": 36,
        "Doc1:SampleTime": 1.5,
        "Doc2:GPSLatitude": 0,
        "Doc2:GPSLongitude": 0,
        "Doc2:GPSDateTime": "2024:02:21 08:29:24",
        "Doc3:GPSLatitude": "north",
        "Doc3:GPSLongitude": 1,
    }
]
VIDEO = MediaFacts(kind=MediaKind.VIDEO, size_bytes=3, container="matroska")


def stand_in(folder: Path, script: str) -> Path:
    """A program in the place of ExifTool."""
    program = folder / "exiftool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def asked(program: Path, facts: MediaFacts = VIDEO, *, timeout_seconds: float = 20) -> MediaFacts:
    with opened(b"abc") as fd:
        return ExifTool(program).with_positions(fd, facts, timeout_seconds)


def test_documents_of_an_answer_are_fixes() -> None:
    first, second = parse_answer(json.dumps(ANSWER).encode())
    assert (first.latitude, first.longitude, first.at_s) == (22.51, 113.25, 1.5)
    assert first.speed_mps == pytest.approx(10)
    assert (first.utc, first.source, first.datum) == ("2024-02-21T00:29:23.500Z", "exiftool", "undeclared")
    assert second.utc is None, "a time without Z is a camera's own"


@pytest.mark.parametrize("answer", [b"[]", b"[1]", b"{}", b'[{"Doc1:GPSLatitude": true, "Doc1:GPSLongitude": 1}]'])
def test_an_answer_without_positions_gives_none(answer: bytes) -> None:
    assert parse_answer(answer) == []


def test_what_it_reads_is_judged_like_all_others(tmp_path: Path) -> None:
    facts = asked(stand_in(tmp_path, f"cat <<'END'\n{json.dumps(ANSWER)}\nEND"))
    assert [fix.doubts for fix in facts.fixes] == [(), ("null_island",)]


def test_it_gets_fixed_options_and_a_descriptor_and_no_environment(tmp_path: Path) -> None:
    script = (
        'echo "$@" | grep -q -- "-j -n -ee" && [ -z "$HOME" ] && for last; do :; done && cat "$last" >/dev/null && '
    )
    facts = asked(stand_in(tmp_path, script + f"cat <<'END'\n{json.dumps(ANSWER)}\nEND"))
    assert len(facts.fixes) == 2, facts.problems


def test_it_can_write_no_file(tmp_path: Path) -> None:
    target = tmp_path / "written"
    asked(stand_in(tmp_path, f"echo something > {target}; echo '[]'"))
    assert not target.exists() or target.read_bytes() == b""


def test_one_that_hangs_is_killed_and_said(tmp_path: Path) -> None:
    facts = asked(stand_in(tmp_path, "exec sleep 60"), timeout_seconds=0.5)
    assert (facts.fixes, facts.problems) == ((), ("ExifTool gave no answer: ValueError",))


@pytest.mark.parametrize("script", ["echo nonsense", "echo '[' ; exit 1", "exec head -c 50000000 /dev/zero"])
def test_nonsense_is_a_problem_and_no_fault(tmp_path: Path, script: str) -> None:
    facts = asked(stand_in(tmp_path, script))
    assert facts.fixes == ()
    assert facts.problems == ("ExifTool gave no answer: ValueError",) or "JSONDecodeError" in facts.problems[0]


def test_a_program_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    assert asked(tmp_path / "exiftool").problems == ("ExifTool gave no answer: ValueError",)


def test_it_is_asked_only_where_it_may_help() -> None:
    def movie(*streams: tuple[StreamKind, str]) -> MediaFacts:
        listed = tuple(StreamFacts(index=place, kind=kind, tag=tag) for place, (kind, tag) in enumerate(streams))
        return MediaFacts(kind=MediaKind.VIDEO, size_bytes=1, container="mp4", streams=listed)

    assert not may_have_positions(movie((StreamKind.VIDEO, "avc1"), (StreamKind.DATA, "tmcd")))
    assert may_have_positions(movie((StreamKind.VIDEO, "avc1"), (StreamKind.DATA, "rtmd")))
    assert may_have_positions(VIDEO)
    assert not may_have_positions(VIDEO.model_copy(update={"kind": MediaKind.TEXT}))


def test_what_we_read_ourselves_stands(tmp_path: Path) -> None:
    facts = VIDEO.model_copy(update={"fixes": tuple(parse_answer(json.dumps(ANSWER).encode())[:1])})
    assert asked(stand_in(tmp_path, "exit 1"), facts) is facts


def test_its_absence_is_said_in_words(tmp_path: Path) -> None:
    is_there, words = exiftool_words(str(tmp_path))
    assert not is_there
    assert "apt install libimage-exiftool-perl" in words
    stand_in(tmp_path, "exit 0")
    assert exiftool_words(str(tmp_path))[0]
    assert find_exiftool(str(tmp_path)) == tmp_path / "exiftool"


@pytest.mark.full
def test_the_real_program_reads_one_point_a_packet_and_each_is_one_of_our_own() -> None:
    program = find_exiftool()
    if program is None:
        pytest.skip("ExifTool is not installed")
    path = shared_corpus() / "gopro_max_heromode.mp4"
    own = [fix for fix in facts_of(path).fixes if fix.source == "gpmf.gps5"]
    bare = facts_of(path).model_copy(update={"fixes": (), "container": "other"})
    with opened(path) as fd:
        read = ExifTool(program).with_positions(fd, bare, 60).fixes
    moving = {(fix.latitude, fix.longitude) for fix in read if fix.at_s is not None}
    assert len(moving) == 11, "one packet a second of 10.5 seconds: of the 191 points it names one for each"
    assert moving <= {(fix.latitude, fix.longitude) for fix in own}
