"""The child process of the media room: what it may not do, and that nothing it does hurts its parent."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.errors import MediaError
from ingestd.core.facts import MediaKind
from ingestd.media.sandbox import MediaWorker
from tests.support.clips import facts_of, opened, shared_corpus, write_clip

MIB = 1024 * 1024
FAULTY = (str(Path(__file__).parent / "support" / "faulty_media_worker.py"),)


@pytest.fixture(scope="module")
def worker() -> Iterator[MediaWorker]:
    with MediaWorker(256 * MIB) as started:
        yield started


@pytest.fixture
def faulty() -> Iterator[MediaWorker]:
    with MediaWorker(256 * MIB, program=FAULTY) as started:
        yield started


def test_worker_gives_the_same_facts_as_the_probe_itself(worker: MediaWorker, tmp_path: Path) -> None:
    for suffix in (".mp4", ".avi", ".ts", ".mkv"):
        clip = write_clip(tmp_path / f"clip{suffix}", 2)
        with opened(clip) as fd:
            assert worker.probe(fd, clip.stat().st_size, 20) == facts_of(clip)


def test_worker_gives_the_same_facts_for_real_files(worker: MediaWorker) -> None:
    for path in sorted(shared_corpus().iterdir()):
        with opened(path) as fd:
            assert worker.probe(fd, path.stat().st_size, 20) == facts_of(path), path.name


def test_limits_are_applied_and_reported(worker: MediaWorker) -> None:
    limits = worker.request("limits", (), {}, 20)
    assert limits["no_new_privileges"] is True
    assert limits["memory_bytes"] == 256 * MIB
    status = Path(f"/proc/{worker.pid}/limits").read_text(encoding="ascii")
    address_space = next(line for line in status.splitlines() if line.startswith("Max address space"))
    assert address_space.split()[3] == str(limits["address_space_bytes"])
    file_size = next(line for line in status.splitlines() if line.startswith("Max file size"))
    assert file_size.split()[3] == "0"


def test_child_has_clean_environment_and_lowest_priority(faulty: MediaWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told = faulty.request("environment", (), {}, 20)
    assert "AWS_SECRET_ACCESS_KEY" not in told["names"]
    assert (told["folder"], told["nice"]) == ("/", 19)


def test_child_cannot_read_another_file(faulty: MediaWorker, tmp_path: Path) -> None:
    if not faulty.request("limits", (), {}, 20)["landlock_version"]:
        pytest.skip("this kernel has no Landlock")
    secret = tmp_path / "secret.txt"
    secret.write_text("of another bureau")
    with pytest.raises(MediaError, match="Permission denied"):
        faulty.request("read_path", (), {"path": str(secret)}, 20)


@pytest.mark.parametrize(
    "words",
    ["#EXTM3U\n#EXTINF:10,\nfile://{path}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{path}'\n"],
    ids=["playlist", "concat"],
)
def test_file_that_names_another_file_is_only_text(worker: MediaWorker, tmp_path: Path, words: str) -> None:
    clip = write_clip(tmp_path / "other.ts", 1)
    with opened(words.format(path=clip).encode()) as fd:
        facts = worker.probe(fd, os.fstat(fd).st_size, 20)
    assert (facts.kind, facts.streams) == (MediaKind.TEXT, ())


def test_child_cannot_write_unless_allowed(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with target.open("wb") as out:
        with MediaWorker(256 * MIB, program=FAULTY) as reader, pytest.raises(MediaError, match="File too large"):
            reader.request("write", (out.fileno(),), {"bytes": 10}, 20)
        with MediaWorker(256 * MIB, program=FAULTY, output_bytes=100) as writer:
            assert writer.request("write", (out.fileno(),), {"bytes": 10}, 20) == {"written": 10}
    assert target.stat().st_size == 10


def test_child_killed_in_mid_request_is_an_error_and_the_next_request_works(faulty: MediaWorker) -> None:
    faulty.request("limits", (), {}, 20)
    pid = faulty.pid
    assert pid is not None
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(MediaError, match="killed by signal 9"):
        faulty.request("stall", (), {"seconds": 60}, 60)
    killer.join()
    assert faulty.request("limits", (), {}, 20)["memory_bytes"] == 256 * MIB


def test_child_killed_between_requests_goes_unnoticed(faulty: MediaWorker) -> None:
    faulty.request("limits", (), {}, 20)
    assert faulty.pid is not None
    os.kill(faulty.pid, signal.SIGKILL)
    os.waitid(os.P_PID, faulty.pid, os.WEXITED | os.WNOWAIT)
    assert faulty.request("limits", (), {}, 20)["memory_bytes"] == 256 * MIB


def test_crash_of_the_child_is_an_error(faulty: MediaWorker) -> None:
    with pytest.raises(MediaError, match="killed by signal 6"):
        faulty.request("crash", (), {}, 20)


def test_deadline_kills_the_child(faulty: MediaWorker) -> None:
    faulty.request("limits", (), {}, 20)
    pid = faulty.pid
    clock = SystemClock()
    begun = clock.steady_seconds()
    with pytest.raises(MediaError, match=r"took longer than 0\.5 s"):
        faulty.request("stall", (), {"seconds": 60}, 0.5)
    assert clock.steady_seconds() - begun < 10
    assert not Path(f"/proc/{pid}").exists()


def test_too_much_memory_is_an_error_and_the_next_request_works(faulty: MediaWorker) -> None:
    with pytest.raises(MediaError, match="more memory than is allowed"):
        faulty.request("gorge", (), {"bytes": 512 * MIB}, 20)
    assert faulty.request("gorge", (), {"bytes": 16 * MIB}, 20) == {"length": 16 * MIB}


@pytest.mark.parametrize("text", ["{\n", "[]\n", '{"ok": true, "result": 7}\n', "\ud7ff\n"])
def test_nonsense_from_the_child_is_an_error(faulty: MediaWorker, text: str) -> None:
    with pytest.raises(MediaError, match="nonsense"):
        faulty.request("babble", (), {"text": text, "times": 1}, 20)


def test_endless_answer_is_an_error(faulty: MediaWorker) -> None:
    with pytest.raises(MediaError, match="answered with more than"):
        faulty.request("babble", (), {"text": "x" * 1000, "times": 40_000}, 20)


def test_facts_of_a_wrong_shape_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "lying_worker.py"
    program.write_text(
        "from ingestd.media.worker import main\n"
        "main({'probe': lambda fds, params: {'kind': 'video', 'size_bytes': []}})\n"
    )
    with (
        MediaWorker(256 * MIB, program=(str(program),)) as liar,
        opened(b"x") as fd,
        pytest.raises(MediaError, match="facts that are none"),
    ):
        liar.probe(fd, 1, 20)


def test_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    program = tmp_path / "broken_worker.py"
    program.write_text("import no_such_library\n")
    with MediaWorker(256 * MIB, program=(str(program),)) as broken, pytest.raises(MediaError, match="no_such_library"):
        broken.request("limits", (), {}, 20)


def test_unknown_operation_is_an_error(worker: MediaWorker) -> None:
    with pytest.raises(MediaError, match="knows no operation 'dance'"):
        worker.request("dance", (), {}, 20)


def test_pipe_is_refused(worker: MediaWorker) -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(MediaError, match="not a regular file"):
            worker.probe(reading, 100, 20)
    finally:
        os.close(reading)
        os.close(writing)


def test_close_leaves_no_child(faulty: MediaWorker) -> None:
    faulty.request("limits", (), {}, 20)
    pid = faulty.pid
    faulty.close()
    assert not Path(f"/proc/{pid}").exists()


def test_descriptors_do_not_leak() -> None:
    with MediaWorker(256 * MIB, program=FAULTY) as worker:
        worker.request("limits", (), {}, 20)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(MediaError):
                worker.request("crash", (), {}, 20)
            worker.request("limits", (), {}, 20)
        assert len(os.listdir("/proc/self/fd")) == before
