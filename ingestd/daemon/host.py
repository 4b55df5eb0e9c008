"""What the host says of itself: whether its clock is synchronised, and systemd's notification socket."""

import contextlib
import ctypes
import os
import socket

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


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
    """Whether the kernel's clock is disciplined by NTP or PTP, as adjtimex(2) tells without rights."""
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


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
