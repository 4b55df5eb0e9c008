"""What the host says of itself: whether its clock is synchronised, and systemd's notification socket."""

import contextlib
import ctypes
import errno
import os
import socket
import subprocess
from pathlib import Path

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_TIMEDATED_SECONDS = 5.0
_TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
"""Made by systemd-timesyncd at its first synchronisation since the start of the machine."""


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read here."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def is_clock_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by NTP or PTP, as adjtimex(2) tells without rights.

    Where a unit's ProtectClock= takes away even that question, timesyncd's mark answers, and where there is none,
    systemd's own service, which costs a process.
    """
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
        return _TIMESYNCD_MARK.exists() or _timedated_says_synchronised()
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


def _timedated_says_synchronised() -> bool:
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEDATED_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == b"yes"


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear `WATCHDOG=1` at least; null where it does not. See sd_watchdog_enabled(3)."""
    text, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    is_ours = process in ("", str(os.getpid()))
    return int(text) / 1_000_000 if is_ours and text.isascii() and text.isdigit() and int(text) else None


def notify(message: str) -> None:
    """Tell systemd (`READY=1`, `STOPPING=1`); nothing where no notification socket is set. See sd_notify(3).

    Nobody being there to be told is no reason to end.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    with channel, contextlib.suppress(OSError):
        channel.connect(address)
        channel.sendall(message.encode("ascii"))
