"""Wrong commands, hostile files and broken stations: a sentence and the right exit status, never a traceback."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestd.core.errors import ExitStatus
from tests.support.process import Done, Installation
from tests.support.station import write_card

FAILED, USAGE, CONFIG = ExitStatus.FAILED, ExitStatus.USAGE, ExitStatus.CONFIG
UNAVAILABLE, NOT_FOUND, INCOMPLETE = ExitStatus.UNAVAILABLE, ExitStatus.NOT_FOUND, ExitStatus.INCOMPLETE

GBK_NAME = os.fsdecode("执法记录".encode("gb18030"))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def used(installation: Installation) -> Installation:
    """A station that holds one recording."""
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    assert installation.run("ingest", card).status == 0
    return installation


def assert_plain(done: Done, status: int, *words: str) -> None:
    """The status, the words, and no sight of the program's insides."""
    assert "Traceback" not in done.err + done.out
    assert "Exception" not in done.err
    assert done.status == status, done
    for word in words:
        assert word in done.err, f"{word!r} is not in {done.err!r}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["list", "--nonsense"],
        ["list", "--limit", "many"],
        ["list", "--limit", "0"],
        ["ingest"],
        ["show"],
        ["analyse"],
        ["sim", "card", "out", "--fault", "no-such-fault"],
        ["sim", "card", "out", "--start", "yesterday"],
        ["config", "nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_says_what_is_wrong(installation: Installation, arguments: list[str]) -> None:
    done = installation.run(*arguments)
    assert_plain(done, USAGE)
    assert done.err.strip()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        pytest.param(lambda file: file.unlink(), ["ingestd.toml"], id="missing"),
        pytest.param(lambda file: (file.unlink(), file.mkdir()), ["ingestd.toml"], id="a-directory"),
        pytest.param(lambda file: file.write_bytes(b"\xff\xfe\x00"), ["ingestd.toml"], id="binary"),
        pytest.param(lambda file: file.write_text("[http\nport = 1"), ["ingestd.toml", "line 1"], id="not-toml"),
        pytest.param(
            lambda file: file.write_text("[http]\nprot = 1"),
            ["ingestd.toml", "http.prot = 1", "write port instead of prot"],
            id="unknown-key",
        ),
        pytest.param(
            lambda file: file.write_text("[http]\nport = 99999"),
            ["ingestd.toml", "http.port = 99999", "65535"],
            id="value-out-of-range",
        ),
        pytest.param(
            lambda file: file.write_text('[station]\nregime = "marien"'),
            ["ingestd.toml", "station.regime", "marien", "write marine"],
            id="unknown-regime",
        ),
        pytest.param(
            lambda file: file.write_text('[roster]\nfile = "nobody.csv"'),
            ["ingestd.toml", "roster.file", "nobody.csv"],
            id="roster-missing",
        ),
        pytest.param(
            lambda file: (file.parent / "roster.csv").write_text("a,b\n1,2\n"), ["roster.csv"], id="roster-malformed"
        ),
        pytest.param(
            lambda file: (file.parent / "regimes" / "marine.toml").write_text("x = 1"),
            ["marine.toml"],
            id="regime-broken",
        ),
        pytest.param(
            lambda file: (file.parent / "recorders" / "gat.toml").write_text("id = 3"),
            ["gat.toml"],
            id="profile-broken",
        ),
    ],
)
def test_wrong_configuration_is_3_and_names_file_key_and_fix(
    installation: Installation, break_it: Callable[[Path], object], words: list[str]
) -> None:
    break_it(installation.config_file)
    for command in (["config", "check"], ["list"]):
        done = installation.run(*command)
        assert_plain(done, CONFIG, *words)
        assert "→" in done.err


def test_configuration_that_is_a_pipe_is_refused_and_not_waited_for(installation: Installation) -> None:
    installation.config_file.unlink()
    os.mkfifo(installation.config_file)
    assert_plain(installation.run("list", seconds=20), CONFIG, "ingestd.toml")


def test_configuration_named_wrongly_is_not_replaced_by_another(installation: Installation) -> None:
    done = installation.run("list", "--config", installation.root / "typo.toml")
    assert_plain(done, CONFIG, "typo.toml")


@pytest.mark.parametrize("command", ["list", "findings", "status", "verify"])
def test_question_to_a_station_that_never_ran_is_5(installation: Installation, command: str) -> None:
    assert_plain(installation.run(command), NOT_FOUND, "start the station once")


@pytest.mark.parametrize("command", [["show", "x"], ["ingest", "nowhere"], ["analyse", "nowhere"], ["show", ""]])
def test_unknown_thing_is_5(used: Installation, command: list[str]) -> None:
    assert_plain(used.run(*command), NOT_FOUND)


@pytest.mark.parametrize("command", ["ingest", "analyse"])
def test_pipe_as_a_card_is_refused_and_not_waited_for(installation: Installation, command: str) -> None:
    pipe = installation.root / "pipe"
    os.mkfifo(pipe)
    assert_plain(installation.run(command, pipe, seconds=20), FAILED, "link or special file")


@pytest.mark.parametrize("command", ["ingest", "analyse"])
def test_link_as_a_card_is_refused(installation: Installation, command: str) -> None:
    (installation.root / "link").symlink_to(installation.root)
    assert_plain(installation.run(command, installation.root / "link"), FAILED, "link or special file")


@pytest.mark.parametrize("command", ["ingest", "analyse"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "json"])
def test_card_and_names_that_are_no_utf8_are_shown_somehow(
    installation: Installation, command: str, options: list[str]
) -> None:
    card = write_card(installation.root / GBK_NAME, {f"{GBK_NAME}.txt": b"words\n", "line\nbreak.txt": b"more\n"})
    done = installation.run(command, card, *options)
    assert_plain(done, 0)
    if options:
        names = [
            Path(one.get("path") or one["card_path"]).name
            for one in done.json().get("entries", done.json().get("files"))
        ]
        assert "执法记录.txt" in names


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1:strict"])
@pytest.mark.parametrize("command", [["list"], ["status"], ["findings"], ["doctor"], ["config", "check"]], ids=" ".join)
def test_terminal_that_cannot_show_chinese_is_no_reason_to_fail(
    used: Installation, encoding: str, command: list[str]
) -> None:
    done = used.run(*command, environment={"PYTHONIOENCODING": encoding})
    assert_plain(done, 0)


def test_empty_folder_is_a_complete_docking_of_nothing(installation: Installation) -> None:
    (installation.root / "empty").mkdir()
    document = installation.json("ingest", installation.root / "empty")
    assert document["outcome"] == "complete"
    assert document["entries"] == []


def test_vault_folder_that_holds_something_else_is_refused_and_left_alone(installation: Installation) -> None:
    stranger = write_card(installation.vault, {"holiday.jpg": b"photo"})
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    for command in (["ingest", card], ["run"]):
        assert_plain(installation.run(*command, seconds=20), FAILED, "is no vault", "state_dir")
    assert [path.name for path in stranger.iterdir()] == ["holiday.jpg"]


def test_vault_of_a_later_format_is_refused(used: Installation) -> None:
    identity = used.vault / "vault.json"
    identity.chmod(0o640)
    identity.write_text('{"format": "ingestd-vault/9"}')
    assert_plain(used.run("ingest", used.root / "card"), FAILED, "ingestd-vault/9", "newer")


@pytest.mark.parametrize(
    "command",
    [["list"], ["status"], ["findings"], ["show", "a.txt"], ["run"], ["ingest", "card"], ["doctor"]],
    ids=" ".join,
)
def test_catalogue_of_garbage_is_named_with_the_way_out(used: Installation, command: list[str]) -> None:
    for path in used.state_dir.glob("catalogue.sqlite3*"):
        path.unlink()
    used.catalogue_file.write_bytes(os.urandom(8192))
    done = used.run(*command, seconds=20)
    if command == ["doctor"]:
        assert "Traceback" not in done.err
    else:
        assert_plain(done, FAILED, "catalogue rebuild")


def test_catalogue_of_garbage_can_be_made_again(used: Installation) -> None:
    before = used.json("list")
    used.catalogue_file.write_bytes(os.urandom(8192))
    assert_plain(used.run("catalogue", "rebuild"), 0)
    assert used.json("list") == before


def test_catalogue_of_another_program_is_named_with_the_way_out(used: Installation) -> None:
    import sqlite3

    for path in used.state_dir.glob("catalogue.sqlite3*"):
        path.unlink()
    with sqlite3.connect(used.catalogue_file) as connection:
        connection.execute("CREATE TABLE recordings (x)")
    assert_plain(used.run("list"), FAILED, "catalogue rebuild")


@pytest.mark.parametrize("garbage", [b"\x00\xff\n", b"{}\n", b"[]\n", b"null\n"])
def test_ledger_of_garbage_stops_the_station_and_is_said_by_every_command(used: Installation, garbage: bytes) -> None:
    (segment,) = (used.vault / "ledger").iterdir()
    with segment.open("ab") as file:
        file.write(garbage)
    assert_plain(used.run("run", seconds=20), ExitStatus.INTEGRITY, "000001.jsonl")
    assert_plain(used.run("ingest", used.root / "card"), ExitStatus.INTEGRITY, "000001.jsonl")
    verdict = used.run("verify", "--json")
    assert verdict.status == ExitStatus.INTEGRITY
    assert "000001.jsonl" in verdict.json()["faults"][0]["words"]
    assert_plain(used.run("list"), 0)


def test_folder_where_the_lock_belongs_is_said(installation: Installation) -> None:
    (installation.state_dir / "ingestd.lock").mkdir(parents=True)
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    assert_plain(installation.run("ingest", card), FAILED, "ingestd.lock")


def test_folder_where_the_socket_belongs_is_said(installation: Installation) -> None:
    installation.socket_file.mkdir(parents=True)
    assert_plain(installation.run("run", seconds=20), UNAVAILABLE, "ingestd.sock")


def test_file_where_the_state_folder_belongs_is_said(installation: Installation) -> None:
    installation.state_dir.write_bytes(b"")
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    for command in (["ingest", card], ["run"], ["run", "--simulate"]):
        assert_plain(installation.run(*command, seconds=20), FAILED, "var")


def test_file_where_the_inbox_belongs_is_said(installation: Installation) -> None:
    installation.state_dir.mkdir()
    installation.inbox.write_bytes(b"")
    assert_plain(installation.run("run", seconds=20), UNAVAILABLE, "inbox")


def test_state_folder_that_may_not_be_written_is_said(installation: Installation) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    installation.state_dir.mkdir(mode=0o500)
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    assert_plain(installation.run("ingest", card), FAILED, "var")


def test_state_folder_that_the_kernel_refuses_is_said(tmp_path: Path) -> None:
    installation = Installation(tmp_path, station__state_dir="/proc/ingestd")
    card = write_card(tmp_path / "card", {"a.txt": b"words\n"})
    for command in (["ingest", card], ["run"], ["run", "--simulate"]):
        assert_plain(installation.run(*command, seconds=20), FAILED, "/proc/ingestd")


def test_doctor_looks_at_a_station_that_never_ran(installation: Installation) -> None:
    done = installation.run("doctor", "--json")
    assert_plain(done, 0)
    names = [one["name"] for one in done.json()]
    assert {"configuration", "clock", "room", "vault", "station", "media reader"} <= set(names)


def test_reader_that_goes_away_is_no_fault_worth_a_traceback(used: Installation) -> None:
    with subprocess.Popen(
        used.command("list", "--json"), env=used.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_output_that_cannot_be_written_is_an_error_in_words(used: Installation) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            used.command("list", "--json"), env=used.environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == UNAVAILABLE
    assert done.stderr.startswith(b"error: the output cannot be written")
    assert b"Traceback" not in done.stderr


def test_card_that_cannot_be_read_whole_is_7(installation: Installation) -> None:
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    with (card / "endless").open("wb") as file:
        file.truncate(50_000_000)
    process = subprocess.Popen(
        installation.command("ingest", card, "--json"),
        env=installation.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None:
        os.utime(card / "endless")
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.returncode == INCOMPLETE


def test_sim_into_a_folder_that_holds_something_is_refused(installation: Installation) -> None:
    out = write_card(installation.root / "out", {"a.txt": b"words\n"})
    assert_plain(installation.run("sim", "card", out), FAILED, "out")
    assert [path.name for path in out.iterdir()] == ["a.txt"]


def test_recorder_families_that_are_missing_are_named(installation: Installation) -> None:
    shutil.rmtree(installation.root / "config" / "recorders")
    assert_plain(installation.run("config", "check"), CONFIG, "recorders")
