"""Lets a thread step back behind all others: CPU by nice 19, the disk by the idle class of ioprio_set(2)."""

import contextlib
import ctypes
import os
import platform
import threading
from typing import Final

_NICE: Final = 19
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_IOPRIO_WHO_PROCESS: Final = 1
_IDLE_CLASS: Final = 3 << 13


def step_back() -> None:
    """Give the calling thread, and no other, the lowest priority; what the system does not allow stays as it is.

    On Linux both are a thread's own. The idle class counts where the disk's scheduler knows it (BFQ); elsewhere nice
    and the pauses of the caller have to do.
    """
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, _NICE)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        arguments = (_IOPRIO_WHO_PROCESS, 0, _IDLE_CLASS)
        ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *map(ctypes.c_int, arguments))
