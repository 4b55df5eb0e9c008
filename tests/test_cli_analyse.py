"""`ingestd analyse`: its JSON shape, what it says of faults, and that it keeps quiet about untouched footage."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.clock import from_text
from ingestd.core.findings import REGISTER, Confidence, Scope, Severity
from ingestd.sim.faults import Fault
from tests.support.cards import Card
from tests.support.process import Done, Installation

FINDING_KEYS = {
    "code",
    "severity",
    "scope",
    "file",
    "files",
    "start_s",
    "end_s",
    "start_utc",
    "end_utc",
    "bytes",
    "confidence",
    "evidence",
    "innocent_explanation",
}
"""Of every finding; what does not apply is null."""

SPEAKING = ("gap.", "set.")
"""Codes that nobody may say above `info` about footage that is whole."""


@dataclass(frozen=True)
class Analysed:
    """What one `analyse --json` printed."""

    done: Done
    document: dict[str, Any]

    def file(self, name: str) -> dict[str, Any]:
        """One file by the end of its path."""
        (found,) = (one for one in self.document["files"] if one["path"].endswith(name))
        return dict(found)

    def codes(self, name: str) -> dict[str, dict[str, Any]]:
        """The findings of a file by code."""
        return {one["code"]: one for one in self.file(name)["findings"]}

    def all_findings(self) -> Iterator[dict[str, Any]]:
        for one in self.document["files"]:
            yield from one["findings"]
        yield from self.document["sets"]


def analysed(installation: Installation, *paths: Path) -> Analysed:
    done = installation.run("analyse", "--json", *paths)
    assert done.status == 0, done
    return Analysed(done, done.json())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("analyse"))


@pytest.fixture(scope="module")
def faulty(installation: Installation, faulty_card: Card) -> Analysed:
    return analysed(installation, faulty_card.root)


@pytest.fixture(scope="module")
def real(installation: Installation, corpus_dir: Path) -> Analysed:
    return analysed(installation, corpus_dir)


@pytest.fixture(scope="module")
def provenance(corpus_dir: Path) -> dict[str, str]:
    """How each file of the corpus came to be, by its name."""
    manifest = json.loads((corpus_dir / "manifest.json").read_text("utf-8"))
    return {one["name"]: one["provenance_class"] for one in manifest["files"]}


def misshapen(document: dict[str, Any]) -> list[str]:
    """Where a document departs from the promised shape."""
    faults = []
    if set(document) != {"files", "sets"}:
        faults.append(f"the document has {sorted(document)}")
    for one in document["files"]:
        if set(one) != {"path", "facts", "findings"}:
            faults.append(f"a file has {sorted(one)}")
        faults += [fault for found in one["findings"] for fault in _misshapen_finding(found, is_set=False)]
        faults += [
            f"{one['path']}: a finding of another file" for found in one["findings"] if found["file"] != one["path"]
        ]
    faults += [fault for found in document["sets"] for fault in _misshapen_finding(found, is_set=True)]
    return faults


def _misshapen_finding(found: dict[str, Any], *, is_set: bool) -> Iterator[str]:
    code = found.get("code")
    if set(found) != FINDING_KEYS:
        yield f"{code}: keys {sorted(set(found) ^ FINDING_KEYS)}"
        return
    if code not in REGISTER:
        yield f"{code}: not in the register"
    if found["severity"] not in set(Severity) or found["confidence"] not in set(Confidence):
        yield f"{code}: severity or confidence"
    if (found["scope"] == Scope.SET) != is_set or (found["files"] is not None) != is_set:
        yield f"{code}: scope {found['scope']} with files {found['files']}"
    if not isinstance(found["evidence"], dict):
        yield f"{code}: evidence"
    for start, end, kind in (("start_s", "end_s", (int, float)), ("start_utc", "end_utc", str)):
        values = [found[start], found[end]]
        if any(value is not None and not isinstance(value, kind) for value in values):
            yield f"{code}: {start} or {end} is no {kind}"
    if found["start_utc"] is not None:
        from_text(found["start_utc"])
    if found["bytes"] is not None and not all(0 <= first < last for first, last in found["bytes"]):
        yield f"{code}: bytes"


GOOD_FINDING: dict[str, Any] = dict.fromkeys(FINDING_KEYS) | {
    "code": "gap.video", "severity": "warning", "scope": "file", "file": "a", "confidence": "certain", "evidence": {},
}  # fmt: skip


@pytest.mark.parametrize(
    "lie",
    [
        {"start_sec": 1.0},
        {"code": "gap.vidoe"},
        {"severity": "bad"},
        {"scope": "set"},
        {"start_s": "1.0"},
        {"bytes": [[5, 2]]},
        {"file": "b"},
        {"evidence": "words"},
    ],
)
def test_judge_of_shape_sees_a_wrong_finding(lie: dict[str, Any]) -> None:
    good = {"files": [{"path": "a", "facts": None, "findings": [GOOD_FINDING]}], "sets": []}
    assert misshapen(good) == []
    assert misshapen({"files": [{"path": "a", "facts": None, "findings": [GOOD_FINDING | lie]}], "sets": []})


def test_shape_of_a_card_with_faults_is_exactly_the_promised_one(faulty: Analysed) -> None:
    assert misshapen(faulty.document) == []


def test_shape_of_real_files_is_exactly_the_promised_one(real: Analysed) -> None:
    assert misshapen(real.document) == []


def test_every_entry_of_the_card_is_named_once(faulty: Analysed, faulty_card: Card) -> None:
    paths = [one["path"] for one in faulty.document["files"]]
    assert sorted(paths) == sorted(set(paths))
    assert len(paths) == len(faulty_card.truth.files)


def test_every_injected_fault_of_a_file_is_found_there(faulty: Analysed, faulty_card: Card) -> None:
    missed = []
    for expected in faulty_card.truth.expected:
        if expected.code is None or expected.code.startswith("set.") or len(expected.files) != 1:
            continue
        if expected.code not in faulty.codes(expected.files[0]):
            missed.append((expected.fault, expected.code))
    assert missed == []


def test_every_injected_fault_of_a_set_is_found_between_its_files(faulty: Analysed, faulty_card: Card) -> None:
    for expected in faulty_card.truth.expected:
        if expected.code is None or not expected.code.startswith("set."):
            continue
        names = {Path(name).name for name in expected.files}
        found = [
            one
            for one in faulty.document["sets"]
            if one["code"] == expected.code and {Path(name).name for name in one["files"]} == names
        ]
        assert len(found) == 1, expected
        assert found[0]["start_s"] is not None
        assert expected.start_utc is not None
        assert abs((from_text(found[0]["start_utc"]) - from_text(expected.start_utc)).total_seconds()) <= 0.2


def test_dropped_pictures_are_placed_to_a_tenth_of_a_second(faulty: Analysed, faulty_card: Card) -> None:

    expected = faulty_card.expected(Fault.DROPPED_GOP)
    found = faulty.codes(expected.files[0])["gap.video"]
    assert found["start_s"] == pytest.approx(expected.start_s, abs=0.1)
    assert found["end_s"] == pytest.approx(expected.end_s, abs=0.1)


def test_sound_files_of_the_card_are_not_called_broken(faulty: Analysed, faulty_card: Card) -> None:
    wrong = [
        (one.path, found["code"])
        for one in faulty_card.files(None)
        for found in faulty.file(one.path)["findings"]
        if found["severity"] != "info"
    ]
    assert wrong == []


def test_untouched_and_clean_real_footage_has_no_gap_and_no_missing_segment(
    real: Analysed, provenance: dict[str, str]
) -> None:
    quiet = {"untouched-camera", "pair-original", "synthetic-by-project", "transcoded", "recorded"}
    wrong = [
        (one["path"], found["code"])
        for one in real.document["files"]
        if provenance.get(Path(one["path"]).name) in quiet
        for found in one["findings"]
        if found["code"].startswith(SPEAKING) and found["severity"] != "info"
    ]
    assert wrong == []
    assert [one["code"] for one in real.document["sets"] if one["severity"] != "info"] == []


def test_untouched_camera_files_have_nothing_above_information(real: Analysed, provenance: dict[str, str]) -> None:
    wrong = [
        (one["path"], found["code"])
        for one in real.document["files"]
        if provenance.get(Path(one["path"]).name) in ("untouched-camera", "pair-original")
        for found in one["findings"]
        if found["severity"] != "info"
    ]
    assert wrong == []


def test_every_media_file_of_the_corpus_has_facts(real: Analysed, corpus_dir: Path) -> None:
    without = [one["path"] for one in real.document["files"] if one["facts"] is None]
    assert without == []
    assert len(real.document["files"]) == sum(1 for _ in corpus_dir.iterdir())


def test_real_movie_cut_behind_its_index_is_truncated_to_its_last_intact_second(real: Analysed) -> None:
    found = real.codes("truncated_moov_front.mov")["file.truncated"]
    assert found["severity"] == "warning"
    assert found["start_s"] == pytest.approx(0.0, abs=0.2)
    assert found["end_s"] == pytest.approx(596.5, abs=1)


@pytest.mark.parametrize("name", ["zero_empty_stsc.mp4", "mdat_too_long.mp4", "fuzz_1185230.mp4", "invalid_nalu.mp4"])
def test_real_damaged_files_are_read_without_giving_up(real: Analysed, name: str) -> None:
    assert real.file(name)["facts"]["kind"] == "video"
    assert "job.parked" not in real.codes(name)


def test_transport_stream_whose_sound_is_gone_is_told_from_its_sibling(
    installation: Installation, corpus_dir: Path
) -> None:
    both = analysed(installation, corpus_dir / "ts_segment.ts", corpus_dir / "ts_segment_audio_absent.ts")
    assert "stream.audio_absent" in both.codes("ts_segment_audio_absent.ts")
    assert "stream.audio_absent" not in both.codes("ts_segment.ts")


def test_one_file_is_analysed_as_well_as_a_folder(installation: Installation, faulty_card: Card) -> None:
    path = faulty_card.root / faulty_card.files(None)[0].path
    only = analysed(installation, path)
    assert [one["path"] for one in only.document["files"]] == [str(path)]


def test_nothing_is_written_for_an_analysis(installation: Installation, faulty: Analysed) -> None:
    assert faulty.done.err == ""
    assert not installation.state_dir.exists()


def test_people_see_a_table_with_the_same_codes(
    installation: Installation, faulty: Analysed, faulty_card: Card
) -> None:
    done = installation.run("analyse", faulty_card.root)
    assert done.status == 0
    assert all(one["code"] in done.out for one in faulty.all_findings())
