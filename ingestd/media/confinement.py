"""What a child process that parses footage gives up before it looks at the first byte."""

import ctypes
import os
import platform
import resource
import signal
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_IOPRIO_WHO_PROCESS, _IOPRIO_IDLE = 1, 3 << 13
_OPEN_FILES = 64

# Rights that each version of Landlock can take away (linux/landlock.h): files, network, signals and sockets.
_FS_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NET_RIGHTS = 0x3
_SCOPES = 0x3


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of one child.

    `memory_bytes` is address space beyond what the loaded libraries take. `output_bytes` is how large a file may become
    that is written through a descriptor given; 0 forbids writing. `parent_pid` is whose death is the child's death.
    """

    memory_bytes: int
    nice: int
    output_bytes: int
    parent_pid: int


def confine(wanted: Confinement) -> dict[str, Any]:
    """Give up rights and set limits, for good; call it after the last import and before the first thread.

    Returns:
        What was applied; `landlock_version` is 0 and `io_priority` null where the kernel has none.

    Raises:
        OSError: a limit that every kernel has could not be set.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != wanted.parent_pid:
        raise OSError("the parent ended before its child began")
    os.chdir("/")
    os.nice(max(0, wanted.nice - os.nice(0)))
    address_space = _own_address_space_bytes() + wanted.memory_bytes
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, wanted.output_bytes),
    ):
        _lower(limit, value)
    io_priority = _idle_io(libc)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    landlock_version = _landlock(libc)
    # Last, because it also takes away what `/proc/self` tells.
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    return {
        **asdict(wanted),
        "address_space_bytes": address_space,
        "open_files": _OPEN_FILES,
        "io_priority": io_priority,
        "no_new_privileges": True,
        "landlock_version": landlock_version,
    }


def limit_cpu(more_seconds: int) -> None:
    """Let this process use so many seconds of processor time from now on; SIGXCPU ends it beyond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + more_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _own_address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


def _idle_io(libc: ctypes.CDLL) -> str | None:
    number = _IOPRIO_SET.get(platform.machine())
    if number is None or libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE) != 0:
        return None
    return "idle"


def _landlock(libc: ctypes.CDLL) -> int:
    """Deny every path, TCP, and signals and abstract sockets outside; descriptors already open stay usable."""
    version = int(libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))
    if version < 1:
        return 0
    fields = [_FS_RIGHTS[min(version, 5)]]
    if version >= 4:
        fields.append(_NET_RIGHTS)
    if version >= 6:
        fields.append(_SCOPES)
    rules = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint32(0))
    if ruleset < 0:
        return 0
    try:
        is_applied = libc.syscall(_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)
    return version if is_applied else 0
