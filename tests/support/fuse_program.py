"""A stand-in for the FUSE program of an MTP recorder: speaks to the kernel itself, and shows a folder, with faults.

Called as jmtpfs is (`-f -s -device=1,4 -o OPTIONS POINT`), as root. Like it, a file is fetched whole when it is opened,
and its size is what was fetched as long as it is open. What to show, and what to do wrong, stands in a JSON file that
the environment names (`FUSE_PLAN`):

    card        the folder that it shows as the storage "BodyCam"; null shows no storage
    fs_type     by which it mounts (default: fuse.jmtpfs)
    is_writable mounts writable, whatever the options say
    is_refused  ends at once with status 1
    short       {path: bytes}: so many bytes only are fetched of a file
    is_kept     the size of an open file stays that of the listing all the same
    other       {path: opening}: from the opening of this number on (1 is the first) the first byte comes turned over
    dies_at     a path: reading it ends the program
"""

import ctypes
import errno
import json
import os
import stat
import struct
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_IN = struct.Struct("<IIQQIIII")
_ATTR = struct.Struct("<6Q10I")
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _RELEASE = 1, 2, 3, 14, 15, 17, 18
_INIT, _OPENDIR, _READDIR, _RELEASEDIR, _INTERRUPT, _DESTROY, _BATCH_FORGET = 26, 27, 28, 29, 36, 38, 42
_MS_RDONLY, _MS_NOSUID, _MS_NODEV = 1, 2, 4


def fuse_program(folder: Path, **plan: Any) -> Path:
    """The program with such a plan, as a file to be called."""
    folder.mkdir(parents=True, exist_ok=True)
    plan_file, program = folder / "plan.json", folder / "program"
    plan_file.write_text(json.dumps(plan | {"card": str(plan["card"]) if plan.get("card") else None}), "utf-8")
    root = Path(__file__).parents[2]
    words = f"cd '{root}' && FUSE_PLAN='{plan_file}' exec '{sys.executable}' -S -m tests.support.fuse_program"
    program.write_text(f'#!/bin/sh\n{words} "$@"\n', "utf-8")
    program.chmod(0o755)
    return program


@dataclass
class _Server:
    device: int
    plan: dict[str, Any]
    nodes: list[str] = field(default_factory=lambda: ["", "."])
    opened: dict[int, bytes] = field(default_factory=dict)
    openings: Counter[str] = field(default_factory=Counter)

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                raise
            _, operation, unique, node, *_ = _IN.unpack_from(request)
            if operation in (_FORGET, _BATCH_FORGET, _INTERRUPT):
                continue
            try:
                number, answer = 0, self.answer(operation, self.nodes[node], node, request[_IN.size :])
            except OSError as error:
                number, answer = error.errno or errno.EIO, b""
            os.write(self.device, struct.pack("<IiQ", 16 + len(answer), -number, unique) + answer)
            if operation == _DESTROY:
                return

    def answer(self, operation: int, path: str, node: int, body: bytes) -> bytes:
        if operation == _INIT:
            return struct.pack("<4I2H2I2HI7I", 7, 31, 0, 0, 1, 1, 4096, 1, 0, 0, 0, *[0] * 7)
        if operation == _LOOKUP:
            return self.entry(os.path.normpath(f"{path}/{body[:-1].decode()}"))
        if operation == _GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(path, node)
        if operation == _STATFS:
            return struct.pack("<5Q4I6I", *[0] * 5, 4096, 255, 4096, 0, *[0] * 6)
        if operation in (_OPEN, _OPENDIR):
            if operation == _OPEN:
                self.opened[node] = self.fetched(path)
            return struct.pack("<QII", node, 0, 0)
        if operation in (_READ, _READDIR):
            _, offset, size = struct.unpack_from("<QQI", body)
            if operation == _READDIR:
                return self.listing(path, offset, size)
            if path == self.plan.get("dies_at"):
                os._exit(1)
            return self.opened[node][offset : offset + size]
        if operation in (_RELEASE, _RELEASEDIR, _DESTROY):
            self.opened.pop(node, None)
            return b""
        raise OSError(errno.ENOSYS, "not answered here")

    def place(self, path: str) -> Path | None:
        """Where a path of the mount lies; null for the root."""
        return None if path == "." else Path(self.plan["card"]) / Path(path).relative_to("BodyCam")

    def entry(self, path: str) -> bytes:
        if self.plan["card"] is None or path.split("/")[0] != "BodyCam":
            raise OSError(errno.ENOENT, "no such storage")
        if path not in self.nodes:
            self.nodes.append(path)
        node = self.nodes.index(path)
        return struct.pack("<4Q2I", node, 0, 0, 0, 0, 0) + self.attributes(path, node)

    def attributes(self, path: str, node: int) -> bytes:
        place = self.place(path)
        facts = None if place is None else place.lstat()
        mode = stat.S_IFDIR | 0o755 if facts is None else facts.st_mode
        size = 0 if facts is None or stat.S_ISDIR(mode) else facts.st_size
        if node in self.opened and not self.plan.get("is_kept"):
            size = len(self.opened[node])
        seconds = 0 if facts is None else int(facts.st_mtime)
        return _ATTR.pack(node, size, 0, 0, seconds, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def fetched(self, path: str) -> bytes:
        place = self.place(path)
        assert place is not None
        data = place.read_bytes()
        self.openings[path] += 1
        if self.openings[path] >= self.plan.get("other", {}).get(path, sys.maxsize):
            data = bytes([data[0] ^ 1]) + data[1:]
        return data[: self.plan.get("short", {}).get(path)]

    def listing(self, path: str, offset: int, size: int) -> bytes:
        place = self.place(path)
        storages = ["BodyCam"] if self.plan["card"] else []
        names = storages if place is None else sorted(os.listdir(place))
        answer = b""
        for number, name in enumerate(names[offset:], offset + 1):
            raw = name.encode()
            one = struct.pack("<QQII", number, number, len(raw), 0) + raw
            one += bytes(-len(one) % 8)
            if len(answer) + len(one) > size:
                break
            answer += one
        return answer


def main(arguments: list[str]) -> int:
    """Mount, and serve until the mount goes."""
    plan = json.loads(Path(os.environ["FUSE_PLAN"]).read_text("utf-8"))
    if plan.get("is_refused"):
        return 1
    options, point = arguments[arguments.index("-o") + 1], arguments[-1]
    flags = _MS_NOSUID | _MS_NODEV
    if "ro" in options.split(",") and not plan.get("is_writable"):
        flags |= _MS_RDONLY
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    words = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    fs_type = plan.get("fs_type", "fuse.jmtpfs").encode()
    if libc.mount(b"jmtpfs", os.fsencode(point), fs_type, ctypes.c_ulong(flags), words) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    _Server(device, plan).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
