"""A bus for pyusb without libusb: simulated recorders behind the calls that pyusb makes of its backend."""

import errno
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
import usb.util

from ingestd.core.errors import SourceError, SourceGoneError
from ingestd.devices.dialects.transfer import NoAnswerError, Transfer

_VENDOR_IN = 0xC0


class SimulatedBus(usb.backend.IBackend):  # type: ignore[misc]
    """One device at 001-004, 4255:0001, interface 0 with endpoints 0x01 and 0x81.

    `claimed` and `is_open` say what the program holds. `failure` is raised (as an errno) by each transfer.
    """

    def __init__(self, device: Transfer, *, has_kernel_driver: bool = False, failure: int = 0, short: int = 0) -> None:
        self.device = device
        self.has_kernel_driver = has_kernel_driver
        self.failure = failure
        self.short = short
        self.claimed: list[int] = []
        self.is_open = False

    def enumerate_devices(self) -> Iterator[str]:
        yield "the recorder"

    def get_device_descriptor(self, dev: str) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0xFF, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=64, idVendor=0x4255, idProduct=1, bcdDevice=0x100, iManufacturer=0, iProduct=0,
            iSerialNumber=0, bNumConfigurations=1, address=4, bus=1, port_number=1, port_numbers=(1,), speed=3,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev: str, config: int) -> Any:
        if config:
            raise IndexError(config)
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1, bConfigurationValue=1, iConfiguration=0,
            bmAttributes=0x80, bMaxPower=250, extra_descriptors=[],
        )  # fmt: skip

    def get_interface_descriptor(self, dev: str, intf: int, alt: int, config: int) -> Any:
        if intf or alt:
            raise IndexError(intf)
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=0, bNumEndpoints=2,
            bInterfaceClass=0xFF, bInterfaceSubClass=0, bInterfaceProtocol=0, iInterface=0, extra_descriptors=[],
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev: str, ep: int, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=(0x01, 0x81)[ep], bmAttributes=2, wMaxPacketSize=512,
            bInterval=0, bRefresh=0, bSynchAddress=0, extra_descriptors=[],
        )  # fmt: skip

    def open_device(self, dev: str) -> str:
        self.is_open = True
        return "handle"

    def close_device(self, handle: str) -> None:
        self.is_open = False

    def get_configuration(self, handle: str) -> int:
        return 1

    def set_configuration(self, handle: str, value: int) -> None:
        raise AssertionError("a configured device is not configured again")

    def is_kernel_driver_active(self, handle: str, intf: int) -> bool:
        return self.has_kernel_driver

    def claim_interface(self, handle: str, intf: int) -> None:
        self.claimed.append(intf)

    def release_interface(self, handle: str, intf: int) -> None:
        self.claimed.remove(intf)

    def ctrl_transfer(self, handle: str, kind: int, request: int, value: int, index: int, data: Any, wait: int) -> int:
        assert index == 0
        if kind != _VENDOR_IN:
            return self._transferred(lambda: self.device.control_out(request, value, bytes(data))) or len(data)
        return self._filled(data, lambda: self.device.control_in(request, value, len(data)))

    def bulk_write(self, handle: str, ep: int, intf: int, data: Any, wait: int) -> int:
        self._transferred(lambda: self.device.bulk_out(ep, bytes(data)))
        return len(data) - self.short

    def bulk_read(self, handle: str, ep: int, intf: int, buffer: Any, wait: int) -> int:
        return self._filled(buffer, lambda: self.device.bulk_in(ep, len(buffer)))

    def _filled(self, buffer: Any, read: Any) -> int:
        answer = self._transferred(read)
        for position, byte in enumerate(answer):
            buffer[position] = byte
        return len(answer)

    def _transferred(self, transfer: Any) -> Any:
        """A transfer, its faults as libusb words them."""
        if self.failure:
            raise usb.core.USBError("made to fail", None, self.failure)
        try:
            return transfer()
        except NoAnswerError as error:
            raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT) from error
        except SourceGoneError as error:
            raise usb.core.USBError("No such device", -4, errno.ENODEV) from error
        except SourceError as error:
            raise usb.core.USBError("Pipe error", -9, errno.EPIPE) from error
