"""USB transfers by libusb. The only file that imports pyusb.

A device is opened by its place on the bus, never by vendor and product: a dock has several of the same. One that the
kernel uses already (a disk) is left alone: taking it from its driver would tear a mounted card away.
"""

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import usb.core
import usb.util

from ingestd.core.errors import (
    IngestdError,
    NotFoundError,
    RefusedError,
    SourceError,
    SourceGoneError,
    UnavailableError,
)
from ingestd.devices.dialects.transfer import NoAnswerError

_VENDOR_OUT: Final = 0x40
_VENDOR_IN: Final = 0xC0
_INTERFACE: Final = 0
_GONE: Final = frozenset({errno.ENODEV, errno.ENOENT, errno.ESHUTDOWN, errno.ENXIO})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
_ADDRESS = re.compile(r"(?:/dev/bus/usb/(?=\d{3}/))?(\d{1,3})[-/](\d{1,3})")


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """Where a device is: number of the bus and of the device on it, both from 1, as lsusb shows them."""

    bus: int
    device: int

    def __str__(self) -> str:
        return f"{self.bus:03}-{self.device:03}"


def parse_address(text: str) -> UsbAddress:
    """`001-004`, `001/004` or `/dev/bus/usb/001/004`.

    Raises:
        ValueError: it is none of them.
    """
    match = _ADDRESS.fullmatch(text) if text.isascii() else None
    if match is None or not int(match[1]) or not int(match[2]):
        raise ValueError(f"{text!r} is no place on USB; write 001-004 or /dev/bus/usb/001/004")
    return UsbAddress(int(match[1]), int(match[2]))


class UsbTransfer:
    """Transfers to one opened device; see `Transfer` for what they raise."""

    def __init__(self, device: Any, timeout_seconds: float) -> None:
        self._device = device
        self._timeout_milliseconds = max(1, round(timeout_seconds * 1000))

    def control_out(self, request: int, value: int, data: bytes) -> None:
        """See `Transfer`."""
        self._send(len(data), lambda wait: self._device.ctrl_transfer(_VENDOR_OUT, request, value, 0, data, wait))

    def control_in(self, request: int, value: int, length: int) -> bytes:
        """See `Transfer`."""
        return self._receive(lambda wait: self._device.ctrl_transfer(_VENDOR_IN, request, value, 0, length, wait))

    def bulk_out(self, endpoint: int, data: bytes) -> None:
        """See `Transfer`."""
        self._send(len(data), lambda wait: self._device.write(endpoint, data, wait))

    def bulk_in(self, endpoint: int, length: int) -> bytes:
        """See `Transfer`."""
        return self._receive(lambda wait: self._device.read(endpoint, length, wait))

    def _send(self, length: int, send: Callable[[int], int]) -> None:
        with _translated("take a command"):
            sent = send(self._timeout_milliseconds)
        if sent != length:
            raise SourceError(f"the recorder took {sent} of {length} bytes of a command", "dock it again")

    def _receive(self, receive: Callable[[int], Any]) -> bytes:
        with _translated("answer"):
            return bytes(receive(self._timeout_milliseconds))


@contextmanager
def open_usb(address: UsbAddress, *, timeout_seconds: float, backend: Any = None) -> Iterator[tuple[UsbTransfer, str]]:
    """Open a device for the block, with its interface 0 claimed. Gives the transfers and its `vendor:product`.

    Args:
        address: where it is.
        timeout_seconds: of each single transfer.
        backend: of pyusb; null for libusb.

    Raises:
        NotFoundError: nothing is there.
        RefusedError: the kernel uses it, so it is a disk (or the like) already.
        UnavailableError: libusb is missing, or the right to use the device, or another program has it.
    """
    try:
        device = usb.core.find(bus=address.bus, address=address.device, backend=backend)
    except usb.core.NoBackendError as error:
        raise UnavailableError("libusb is not installed", "apt install libusb-1.0-0") from error
    except usb.core.USBError as error:
        raise _error_of(error, "be looked for") from error
    if device is None:
        raise NotFoundError(f"there is no USB device {address}", "see lsusb; a recorder gets a new number at each plug")
    try:
        _prepare(device, address)
        yield UsbTransfer(device, timeout_seconds), f"{device.idVendor:04x}:{device.idProduct:04x}"
    finally:
        usb.util.dispose_resources(device)


def _prepare(device: Any, address: UsbAddress) -> None:
    with _translated("be opened"):
        try:
            is_used = device.is_kernel_driver_active(_INTERFACE)
        except NotImplementedError:
            is_used = False
        if is_used:
            raise RefusedError(
                f"the system uses the USB device {address} already, most likely as a disk",
                "nothing needs to be unlocked; it is left alone",
            )
        try:
            device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:
                raise
            device.set_configuration()
        usb.util.claim_interface(device, _INTERFACE)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except (usb.core.USBError, ValueError) as error:
        raise _error_of(error, doing) from error


def _error_of(error: Exception, doing: str) -> IngestdError:
    """What a fault of pyusb means here; a ValueError is its word for an endpoint that the device has not."""
    number = getattr(error, "errno", None)
    if isinstance(error, usb.core.USBTimeoutError) or number == errno.ETIMEDOUT:
        return NoAnswerError(f"the recorder did not {doing} in time", "dock it again")
    if number in _GONE:
        return SourceGoneError("the recorder left the bus", "dock it again if it does not come back by itself")
    if number in _DENIED:
        return UnavailableError("no right to use the USB device", "run this as the unit ingestd-device@.service does")
    if number == errno.EBUSY:
        return UnavailableError("another program uses the USB device", "close it, then dock the recorder again")
    if number == errno.EPIPE:
        return SourceError(f"the recorder refused to {doing} (stall)", "another dialect may be needed")
    return SourceError(f"the recorder could not {doing}: {error}", "try another cable or bay")
