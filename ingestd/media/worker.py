"""The child process of the media room: answers one request after the other, under limits. Started by `sandbox`."""

import codecs
import importlib
import json
import os
import pkgutil
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import av
import av.logging
from PIL import Image

from ingestd.core.errors import MediaError
from ingestd.core.look import LookRule
from ingestd.core.sidecars import SidecarRule
from ingestd.media.confinement import Confinement, confine, limit_cpu
from ingestd.media.damage import find_damage
from ingestd.media.look import look
from ingestd.media.overlap import find_overlap
from ingestd.media.poster import make_poster
from ingestd.media.probe import probe
from ingestd.media.salvage import salvage
from ingestd.media.transcode import make_proxy

_NEVER_USED = ("av.__", "av.datasets")
_LATE_PILLOW = ("MpoImagePlugin", "TiffImagePlugin")
# Asked for when first called: by collections.Counter.most_common, and by datetime.strptime.
_LATE_MODULES = ("heapq", "_strptime")
_LATE_ENCODINGS = ("gbk", "utf-16", "utf-8-sig", "latin-1", "idna")

MAX_REQUEST_BYTES = 64 * 1024
MAX_DESCRIPTORS = 8

Operation = Callable[[list[int], dict[str, Any]], dict[str, Any]]
"""Takes descriptors (closed by the caller) and parameters, gives JSON; `MediaError` becomes the parent's error."""


def _probe(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    (fd,) = fds
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise MediaError("not a regular file")
    sidecar = SidecarRule.model_validate(params["sidecar"]) if params.get("sidecar") is not None else None
    return probe(fd, int(params["size_bytes"]), sidecar).model_dump(mode="json")


def _damage(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    (fd,) = fds
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise MediaError("not a regular file")
    lost = tuple((int(start), int(end)) for start, end in params["unreadable"])
    look = find_damage(fd, int(params["size_bytes"]), unreadable=lost, seconds=float(params["seconds"]))
    return {"damage": [one.model_dump(mode="json") for one in look.damage], "problems": list(look.problems)}


def _salvage(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    sizes = [int(size) for size in params["sizes"]]
    torn, *rest = fds
    reference = rest.pop(0) if len(sizes) > 1 else None
    if not all(stat.S_ISREG(os.fstat(fd).st_mode) for fd in fds):
        raise MediaError("not a regular file")
    reference_bytes = sizes[1] if reference is not None else 0
    seconds = float(params["seconds"])
    target = rest[0] if rest else None
    return asdict(salvage(torn, sizes[0], reference, reference_bytes, target, seconds=seconds))


def _overlap(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    earlier, later = fds
    if not all(stat.S_ISREG(os.fstat(fd).st_mode) for fd in fds):
        raise MediaError("not a regular file")
    earlier_bytes, later_bytes = (int(size) for size in params["sizes"])
    return find_overlap(earlier, earlier_bytes, later, later_bytes, float(params["seconds"]))


def _look(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    (fd,) = fds
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise MediaError("not a regular file")
    return look(fd, LookRule.read(params["rule"]), seconds=float(params["seconds"])).model_dump(mode="json")


def _proxy(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    original, target = fds
    return asdict(make_proxy(original, target, int(params["height"])))


def _poster(fds: list[int], params: dict[str, Any]) -> dict[str, Any]:
    original, target = fds
    return asdict(make_poster(original, target))


OPS: dict[str, Operation] = {
    "probe": _probe,
    "damage": _damage,
    "salvage": _salvage,
    "overlap": _overlap,
    "look": _look,
    "proxy": _proxy,
    "poster": _poster,
}


def main(ops: Mapping[str, Operation] = OPS) -> None:
    """Confine this process, say that it is ready, and serve until the parent closes the line.

    Arguments of the command line: number of the socket, JSON of the `Confinement`.
    """
    line = socket.socket(fileno=int(sys.argv[1]))
    wanted = Confinement(**json.loads(sys.argv[2]))
    av.logging.set_libav_level(av.logging.PANIC)
    load_late_parts()
    applied = confine(wanted)
    _serve(line, {**ops, "limits": lambda _fds, _params: applied})
    # Nothing is left to be written, and to take hundreds of modules apart is a tenth of a short life.
    os._exit(0)


def load_late_parts() -> None:
    """Load what would be imported only when a file asks for it: by then no file can be opened any more."""
    for part in pkgutil.walk_packages(av.__path__, "av."):
        if not part.name.startswith(_NEVER_USED):
            importlib.import_module(part.name)
    Image.preinit()
    for name in _LATE_PILLOW:
        importlib.import_module(f"PIL.{name}")
    for name in _LATE_MODULES:
        importlib.import_module(name)
    for encoding in _LATE_ENCODINGS:
        codecs.lookup(encoding)


def _serve(line: socket.socket, ops: Mapping[str, Operation]) -> None:
    _send(line, {"ok": True, "result": {}})
    while True:
        raw, fds = _receive(line)
        if not raw:
            return
        try:
            answer = _answer(raw, fds, ops)
        finally:
            for fd in fds:
                os.close(fd)
        _send(line, answer)
        if answer.get("is_last"):
            return


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    """One request; empty when the parent is gone."""
    raw, fds, _, _ = socket.recv_fds(line, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
    while raw and not raw.endswith(b"\n") and len(raw) <= MAX_REQUEST_BYTES:
        more = line.recv(MAX_REQUEST_BYTES)
        if not more:
            return b"", fds
        raw += more
    return raw, fds


def _answer(raw: bytes, fds: list[int], ops: Mapping[str, Operation]) -> dict[str, Any]:
    try:
        request = json.loads(raw)
        limit_cpu(int(request["cpu_seconds"]))
        if request["op"] not in ops:
            return {"ok": False, "error": f"the media process knows no operation {request['op']!r}"}
        return {"ok": True, "result": ops[request["op"]](fds, request["params"])}
    except MediaError as error:
        return {"ok": False, "error": error.message}
    except MemoryError:
        return {"ok": False, "error": "the file needs more memory than is allowed", "is_last": True}
    except Exception as error:  # noqa: BLE001 - the loop of a worker: whatever a file provokes, the parent hears of it
        return {"ok": False, "error": f"{type(error).__name__}: {error}"[:500]}


def _send(line: socket.socket, answer: dict[str, Any]) -> None:
    line.sendall(json.dumps(answer, allow_nan=False).encode() + b"\n")


if __name__ == "__main__":
    main()
