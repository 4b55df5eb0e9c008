"""Runs in the guest: answers what the scenarios want to know of the station, one JSON line each, on a local TCP port.

Runs with the station's own environment, and forks the program's commands from a process that has its libraries loaded:
on an emulated machine their start-up would take longer than all that they do. It needs no other file of the tests.
"""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PORT = 7007
STATION_SOCKET = "/var/lib/ingestd/ingestd.sock"
WORDS = Path("/run/words.jsonl")

Request = dict[str, Any]


# --- every word of the bays, with the machine's steady time ----------------------------------------------------------


def witness() -> None:
    """Write down what the station says of its bays, for as long as the guest runs."""
    with WORDS.open("a", encoding="utf-8") as words:
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as station:
                    station.connect(STATION_SOCKET)
                    station.sendall(b'{"op": "watch"}\n')
                    for line in station.makefile("rb"):
                        document = json.loads(line).get("progress")
                        if document is not None:
                            words.write(json.dumps([time.monotonic(), document]) + "\n")
                            words.flush()
            except OSError:
                pass
            time.sleep(0.1)


# --- what a question is answered with -------------------------------------------------------------------------------


def words(request: Request) -> Any:
    """The words of the bays from a byte of the file on, and where the next ones begin."""
    with WORDS.open("rb") as file:
        file.seek(request["words"])
        raw = file.read()
    whole = raw[: raw.rfind(b"\n") + 1]
    return {"words": [json.loads(line) for line in whole.splitlines()], "next": request["words"] + len(whole)}


def hashes(request: Request) -> Any:
    """SHA-256 of files, computed here and not by the program; null where there is no such file."""
    found: dict[str, str | None] = {}
    for path in request["hashes"]:
        try:
            with Path(path).open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            found[path] = None
    return found


def look(_: Request) -> Any:
    """The daemon's process, every mount that is there for it or for the system, and the units of recorders."""
    shown = _output("systemctl", "show", "--property=MainPID", "--value", "ingestd.service")
    pid = int(shown.strip() or 0)
    process = Path(f"/proc/{pid}") if pid else None
    units = _output("systemctl", "list-units", "--all", "--plain", "--no-legend", "ingestd-*@*")
    return {
        "pid": pid,
        "rss_bytes": _rss_bytes(process) if process else 0,
        "threads": len(os.listdir(process / "task")) if process else 0,
        "descriptors": sorted(_links(process / "fd")) if process else [],
        "mounts": sorted({*_mounts(Path("/proc/1/mountinfo")), *(_mounts(process / "mountinfo") if process else ())}),
        "units": [" ".join(line.split()[:4]) for line in units.splitlines()],
    }


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _rss_bytes(process: Path) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", (process / "status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _links(folder: Path) -> list[str]:
    found = []
    for link in folder.iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return found


def _mounts(table: Path) -> list[str]:
    """`SOURCE POINT OPTIONS` of what is no part of the system itself: disks beyond its own, and FUSE."""
    found = []
    for line in table.read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fs_type, source, _ = after.split(" ", 2)
        if source.startswith("/dev/sd") or fs_type == "fuse" or fs_type.startswith("fuse."):
            fields = before.split(" ")
            found.append(f"{source} {fields[4]} {fields[5]}")
    return found


def command(request: Request) -> Any:
    """A command of the program, as a process of its own: status, output, error output."""
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        pid = os.fork()
        if pid == 0:
            _become(request["command"], out, err)
        _, status = os.waitpid(pid, 0)
        return [os.waitstatus_to_exitcode(status), *(path.read_text("utf-8", "replace") for path in (out, err))]


def _become(arguments: list[str], out: Path, err: Path) -> None:
    """Turn this process into the command, and end with it."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.argv = ["ingestd", *arguments]

    from ingestd.cli.app import main

    status = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, it must not reach the server's own blocks
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Past every block that this process shares with the server: what they let go of is the server's.
    os._exit(status)


ANSWERS: dict[str, Callable[[Request], Any]] = {"words": words, "hashes": hashes, "look": look, "command": command}


def serve() -> None:
    """Answer one question after the other."""
    listener = socket.create_server(("127.0.0.1", PORT))
    if os.fork() == 0:
        listener.close()
        witness()
    import alembic.command  # noqa: F401
    import rich.panel
    import rich.progress
    import rich.table  # noqa: F401
    import typer.rich_utils  # noqa: F401

    import ingestd.pipeline.examine
    import ingestd.wiring  # noqa: F401

    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            request = json.loads(stream.readline())
            answer = next(ANSWERS[name](request) for name in request)
            stream.write(json.dumps(answer).encode("ascii") + b"\n")


if __name__ == "__main__":
    serve()
