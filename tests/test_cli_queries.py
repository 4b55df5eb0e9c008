"""Every command's help, every question's JSON, and a whole card of real files through the command line."""

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestd.cli.app import app
from tests.support.cards import Card
from tests.support.codefacts import commands
from tests.support.process import Installation, wait_until
from tests.support.station import card_state, faults_of, write_card


@pytest.mark.parametrize("words", sorted(name.removeprefix("ingestd ") for name in commands()))
def test_help_of_every_command_shows_an_example(words: str) -> None:
    result = CliRunner().invoke(app, [*words.split(), "--help"])
    assert result.exit_code == 0
    if words != "sim faults":
        assert f"ingestd {words}" in " ".join(result.output.split("Usage:", 1)[1].split("\n", 1)[1].split()), (
            result.output
        )


def test_help_names_every_command_and_exit_status() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name in {words.split()[1] for words in commands()}:
        assert f" {name} " in result.output
    assert "7 docking incomplete" in " ".join(result.output.replace("│", " ").split())


def test_no_command_at_all_shows_the_help() -> None:
    assert "Usage" in CliRunner().invoke(app, []).output


def test_version_is_one_line(tmp_path: Path) -> None:
    done = Installation(tmp_path).run("--version")
    assert done.status == 0
    assert done.out.startswith("ingestd ")
    assert done.out.count("\n") == 1


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, demo_card: Card) -> Installation:
    """A station that has taken in the demonstration card."""
    installation = Installation(tmp_path_factory.mktemp("queries"))
    assert installation.run("ingest", demo_card.root).status == 0
    return installation


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "list",
        "findings",
        "verify",
        "doctor",
        "config check",
        "sim faults",
        "catalogue rebuild",
        "show DEVINFO.TXT",
    ],
)
def test_json_of_every_question_is_one_document(used: Installation, words: str) -> None:
    done = used.run(*words.split(), "--json")
    assert done.status == 0
    assert isinstance(done.json(), dict | list)
    assert done.err == ""


def test_json_of_a_simulated_card_is_the_whole_truth_about_it(used: Installation, tmp_path: Path) -> None:
    document = used.json("sim", "card", tmp_path / "card", "--takes", "1", "--segments", "1", "--seconds", "2")
    for one in document["files"]:
        digest = hashlib.sha256((tmp_path / "card" / one["path"]).read_bytes()).hexdigest()
        assert one["sha256"] == digest


def test_list_tells_of_each_recording_what_an_archivist_asks(used: Installation, demo_card: Card) -> None:
    recordings = used.json("list")
    assert len(recordings) == len(demo_card.truth.files)
    for one in recordings:
        assert one["state"] == "catalogued"
        assert one["recorder_id"] == demo_card.truth.device
        assert one["keep_until"] is not None
        assert (used.vault / one["vault_path"]).is_file()
        assert (used.vault / one["sidecar_path"]).is_file()


def test_list_pages_through_everything_without_gap_or_double(used: Installation) -> None:
    whole = [one["recording_id"] for one in used.json("list")]
    paged: list[str] = []
    while page := used.json("list", "--limit", "5", "--after", paged[-1] if paged else ""):
        paged += [one["recording_id"] for one in page]
    assert paged == whole


def test_list_of_one_recorder_and_of_one_docking(used: Installation, demo_card: Card) -> None:
    whole = used.json("list")
    assert used.json("list", "--recorder", demo_card.truth.device) == whole
    assert used.json("list", "--recorder", "0000000") == []
    assert used.json("list", "--docking", whole[0]["docking_id"]) == whole


def test_show_finds_a_recording_by_each_of_its_names(used: Installation) -> None:
    one = next(one for one in used.json("list") if one["kind"] == "video")
    names = [
        one["recording_id"],
        one["recording_id"][-12:],
        one["sha256"],
        one["card_path"],
        Path(one["card_path"]).name,
    ]
    assert {used.json("show", name)["recording_id"] for name in names} == {one["recording_id"]}


def test_show_tells_where_the_bytes_lie_and_why_they_are_kept(used: Installation) -> None:
    one = next(one for one in used.json("list") if one["kind"] == "video")
    done = used.run("show", one["recording_id"])
    assert done.status == 0
    shown = " ".join(done.out.split())
    for words in (one["sha256"], "keep until", "because"):
        assert words in shown


def test_findings_can_be_asked_for_by_the_beginning_of_their_code(used: Installation) -> None:
    codes = {one["code"] for one in used.json("findings", "--code", "set")}
    assert codes
    assert all(code.startswith("set.") for code in codes)


def test_status_without_a_daemon_says_so_and_what_is_known(used: Installation) -> None:
    document = used.json("status")
    assert document["daemon"] is None
    assert document["dockings"][0]["outcome"] == "complete"
    assert "not running" in used.run("status").out


def test_status_with_a_daemon_names_its_process_and_bays(used: Installation, demo_card: Card) -> None:
    with used.daemon() as daemon:
        assert used.run("ingest", demo_card.root).status == 0
        document = used.json("status")
        assert document["daemon"]["pid"] == daemon.pid
        (bay,) = document["daemon"]["bays"]
        assert (bay["bay"], bay["state"], bay["may_be_removed"], bay["percent"]) == ("command", "done", True, 100)
        assert f"process {daemon.pid}" in used.run("status").out


@contextmanager
def watching(installation: Installation, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (installation.root / "watched").open("wb") as out:
        watcher = subprocess.Popen(
            installation.command("status", "--watch", *options), env=installation.environment(), stdout=out, stderr=out
        )
    try:
        yield watcher
    finally:
        watcher.kill()
        watcher.wait()


def test_watching_shows_the_bays_until_ctrl_c(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    card = write_card(tmp_path / "card", {f"{number}.bin": b"%d" % number * 99 for number in range(20)})
    with installation.daemon():
        assert installation.run("ingest", write_card(tmp_path / "first", {"first.bin": b"1"})).status == 0
        with watching(installation) as watcher:
            shown = installation.root / "watched"
            wait_until(lambda: "bay command: done" in shown.read_text("utf-8"), what="the standing state")
            assert installation.run("ingest", card).status == 0
            wait_until(lambda: shown.read_text("utf-8").count("done, may be removed") == 2, what="the second docking")
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(10) == 0
        assert "Traceback" not in shown.read_text("utf-8")


def test_watching_survives_a_restart_of_the_station_and_says_when_it_does_not_answer(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    shown = tmp_path / "watched"

    def wait_for(words: str, times: int) -> None:
        wait_until(lambda: shown.read_text("utf-8").count(words) >= times, what=words)

    with watching(installation, "--json") as watcher:
        wait_for("does not answer", 1)
        for count in (1, 2):
            with installation.daemon(log_name=f"{count}.log") as daemon:
                assert installation.run("ingest", write_card(tmp_path / f"card {count}", {"a.bin": b"1"})).status == 0
                wait_for('"done"', count)
                assert daemon.stop(10) == 0
            wait_for("does not answer", count + 1)
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(10) == 0
    lines = [json.loads(line) for line in shown.read_text("utf-8").splitlines()]
    assert lines[0] == {"station": None, "message": "the station does not answer · 采集站没有应答"}
    assert {line["bay"] for line in lines if "bay" in line} == {"command"}


@pytest.fixture(scope="module")
def with_corpus(
    tmp_path_factory: pytest.TempPathFactory, corpus_dir: Path
) -> tuple[Installation, Path, dict[str, Any]]:
    """A station that took in a card of real files, the card, and what `ingest --json` said."""
    root = tmp_path_factory.mktemp("corpus")
    card = root / "card"
    shutil.copytree(corpus_dir, card / "DCIM" / "100REAL")
    installation = Installation(root / "station")
    done = installation.run("ingest", card, "--json")
    assert done.status == 0, done
    return installation, card, done.json()


def test_every_real_file_is_copied_with_the_hash_of_sha256sum(
    with_corpus: tuple[Installation, Path, dict[str, Any]],
) -> None:
    _, card, document = with_corpus
    printed = subprocess.run(
        ["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"],
        cwd=card,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    expected = {line[66:].removeprefix("./"): line[:64] for line in printed.splitlines()}
    assert {entry["card_path"]: entry["recording"]["sha256"] for entry in document["entries"]} == expected
    assert document["outcome"] == "complete"
    assert set(document["accounting"]["fates"]) == {"copied"}


def test_real_card_and_vault_hold_the_same_and_nothing_else(
    with_corpus: tuple[Installation, Path, dict[str, Any]],
) -> None:
    installation, card, _ = with_corpus
    assert faults_of(installation.station, card) == []


def test_untouched_real_footage_is_taken_in_without_a_warning(
    with_corpus: tuple[Installation, Path, dict[str, Any]], corpus_dir: Path
) -> None:
    manifest = json.loads((corpus_dir / "manifest.json").read_text("utf-8"))
    untouched = {
        one["name"] for one in manifest["files"] if one["provenance_class"] in ("untouched-camera", "pair-original")
    }
    installation, _, document = with_corpus
    severities = {found["finding_id"]: found["severity"] for found in document["findings"]}
    wrong = [
        (one["card_path"], found["code"])
        for one in installation.json("list")
        if Path(one["card_path"]).name in untouched
        for found in document["findings"]
        if found["recording_id"] == one["recording_id"] and severities[found["finding_id"]] != "info"
    ]
    assert wrong == []
    assert [one["code"] for one in document["findings"] if one["scope"] == "set" and one["severity"] != "info"] == []


def test_catalogue_of_real_files_comes_back_from_the_vault_alone(
    with_corpus: tuple[Installation, Path, dict[str, Any]], tmp_path: Path
) -> None:
    used, _, _ = with_corpus
    installation = Installation(tmp_path)
    shutil.copytree(used.state_dir, installation.state_dir)
    before = used.run("list", "--json").out
    for path in installation.state_dir.glob("catalogue.sqlite3*"):
        path.unlink()
    assert installation.run("catalogue", "rebuild").status == 0
    assert installation.run("list", "--json").out == before


def test_real_card_is_left_as_it_was(tmp_path: Path, corpus_dir: Path) -> None:
    before = card_state(corpus_dir)
    assert Installation(tmp_path).run("ingest", corpus_dir).status == 0
    assert card_state(corpus_dir) == before
