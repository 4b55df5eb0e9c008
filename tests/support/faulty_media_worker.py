"""A media child with operations that misbehave, run as a program by the tests of the sandbox."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from ingestd.core.stop import Stop
from ingestd.media.worker import OPS, main


def _stall(_fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    Stop().wait(params["seconds"])
    return {}


def _gorge(_fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    return {"length": len(bytearray(params["bytes"]))}


def _crash(_fds: list[int], _params: dict[str, Any]) -> dict[str, Any]:
    os.abort()


def _read_path(_fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    return {"text": Path(params["path"]).read_text(encoding="utf-8")}


def _write(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    return {"written": os.write(fds[0], bytes(params["bytes"]))}


def _babble(_fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    line = socket.socket(fileno=os.dup(int(sys.argv[1])))
    block = params["text"].encode() * params["times"]
    line.sendall(block)
    return {}


def _environment(_fds: list[int], _params: dict[str, Any]) -> dict[str, Any]:
    return {"names": sorted(os.environ), "folder": str(Path.cwd()), "nice": os.nice(0)}


if __name__ == "__main__":
    main(
        {
            **OPS,
            "stall": _stall,
            "gorge": _gorge,
            "crash": _crash,
            "read_path": _read_path,
            "write": _write,
            "babble": _babble,
            "environment": _environment,
        }
    )
