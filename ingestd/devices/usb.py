"""What stands on USB, judged by its udev properties: a volume, an MTP recorder, something foreign, or no news.

Pure: properties in, events out. `devices.udev` brings the properties.
"""

import dataclasses
import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ingestd.core.settings import UdevSettings
from ingestd.core.usbports import bay_of, named_bay, usb_path_of

PROPERTIES: Final = (
    "SUBSYSTEM",
    "DEVNAME",
    "DEVPATH",
    "DEVTYPE",
    "DISKSEQ",
    "PARTN",
    "USEC_INITIALIZED",
    "ID_BUS",
    "ID_PATH",
    "ID_CDROM",
    "ID_MTP_DEVICE",
    "ID_GPHOTO2",
    "ID_INPUT_KEYBOARD",
    "ID_INPUT_MOUSE",
    "ID_USB_DRIVER",
    "ID_USB_INTERFACES",
    "ID_USB_VENDOR_ID",
    "ID_USB_MODEL_ID",
    "ID_USB_MODEL",
    "ID_USB_SERIAL_SHORT",
    "ID_VENDOR_ID",
    "ID_MODEL_ID",
    "ID_MODEL",
    "ID_SERIAL_SHORT",
    "ID_FS_TYPE",
    "ID_FS_USAGE",
    "ID_FS_LABEL",
    "ID_FS_LABEL_ENC",
    "ID_FS_UUID",
    "ID_PART_TABLE_TYPE",
)
"""All that is read of a device."""

SIZE: Final = "SIZE"
"""Beside the properties: sectors of a disk as sysfs says, where it says so. A reader without a card has none."""

# Classes of interfaces that no recorder has (usb.org, Defined Class Codes), by class or class and subclass.
_FOREIGN_CLASSES: Final[Mapping[str, str]] = {
    "030101": "keyboard · 键盘",
    "030102": "mouse · 鼠标",
    "02": "modem or network · 调制解调器或网络",
    "03": "keyboard, mouse or the like · 键鼠类",
    "07": "printer · 打印机",
    "0a": "modem or network · 调制解调器或网络",
    "0b": "smart card · 智能卡",
    "e0": "wireless or network · 无线或网络",
    "ef04": "network · 网络",
}
_STORAGE, _HUB, _PICTURES = "08", "09", "0601"

NOT_A_RECORDER: Final = "not a recorder, nothing was read · 不是执法记录仪，未读取任何内容"
NO_FILES_YET: Final = (
    "shows no files yet: unlock it or choose disk mode on the recorder · 未见存储：请在记录仪上解锁或选择U盘模式"
)
FOREIGN_DEVICE: Final = "no recorder has such a part, pull it out · 非记录仪类设备，请拔出"
INTO_QUARANTINE: Final = "on no list of recorders, taken into quarantine · 不在名单内，采入隔离区"

Identity = tuple[str, ...]
Properties = Mapping[str, str]
Partitions = Mapping[str, tuple[str, str]]
"""Of each partition, by its sysfs path: when it was made, and the number of the medium that was there then."""


class DeviceAction(StrEnum):
    """What became of a device."""

    ADDED = "added"
    REMOVED = "removed"
    IGNORED = "ignored"


class DeviceKind(StrEnum):
    """What a device is to the station."""

    VOLUME = "volume"
    """A partition, or a disk that is one file system."""
    MTP = "mtp"
    """Hands out files by MTP or PTP."""
    FOREIGN = "foreign"
    """Has a part that no recorder has: a keyboard, a network adapter."""
    VENDOR = "vendor"
    """At a bay, and shows no files: locked, in a mode of its own, or a camera for the computer."""


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """A device that came, went, or is none of ours.

    `diskseq` is the kernel's number of this very medium, never used twice: it tells a volume apart where
    `device_node` is used again for the next one; null before Linux 5.15. `bay` is the name that the settings give to
    the USB port, else udev's path of it. What udev does not say is the empty text. `reason` says why it is ignored or
    quarantined.

    `sysfs_path` is udev's DEVPATH: of the partition or disk, else of the USB device. `usb_path` is that of the USB
    device which it belongs to: all volumes of a recorder have the same. `device_number` is bus and device (`001/004`)
    of an MTP recorder. `is_quarantined`: allowed only into quarantine. `foreign` names parts of the same USB device
    that no recorder has, as a keyboard beside the storage.
    """

    action: DeviceAction
    device_node: str
    diskseq: int | None = None
    partition: int = 0
    bay: str = ""
    fs_type: str = ""
    label: str = ""
    fs_uuid: str = ""
    usb_id: str = ""
    serial: str = ""
    model: str = ""
    reason: str = ""
    kind: DeviceKind = DeviceKind.VOLUME
    sysfs_path: str = ""
    usb_path: str = ""
    device_number: str = ""
    is_quarantined: bool = False
    foreign: str = ""


def judge(devices: Sequence[Properties], settings: UdevSettings) -> dict[Identity, DeviceEvent]:
    """All that is news on the bus, USB devices before volumes.

    A device that is no volume is news at a port that `settings` names as a bay, and where its id is allowed; a keyboard
    at another port of the machine is not.

    Args:
        devices: of the subsystems block, usb, net and input; those that udev has not looked at yet are left out.
        settings: allow lists, bays, and what becomes of unknown storage.

    Returns:
        Events by what tells a device apart from the next one at the same place.
    """
    ready = [one for one in devices if "USEC_INITIALIZED" in one]
    foreign = _foreign_parts(ready)
    events: dict[Identity, DeviceEvent] = {}
    for properties in ready:
        if properties.get("DEVTYPE") == "usb_device":
            for event in _usb_events(properties, foreign, settings):
                events[_identity(properties, event)] = event
    for properties in ready:
        if properties.get("SUBSYSTEM") == "block" and is_on_usb(properties) and not _is_no_volume(properties):
            event = classify(properties, settings)
            if event.usb_path in foreign:
                event = dataclasses.replace(event, foreign=_words(foreign[event.usb_path]))
            events[_identity(properties, event)] = event
    return events


def without_former_cards(devices: Sequence[Properties], known: Partitions) -> tuple[Sequence[Properties], Partitions]:
    """Leave out partitions of a card that was exchanged, which the kernel keeps for as long as they are mounted.

    Of such a one udev tells the old card's label beside the new one's number; both in one docking would name a recorder
    that is not there. Once nobody holds them they are made anew.

    Args:
        devices: all that is there.
        known: as the last call returned it, empty before the first.
    """
    seen: dict[str, tuple[str, str]] = {}
    present = []
    for one in devices:
        path, made_at, medium = (one.get(name, "") for name in ("DEVPATH", "USEC_INITIALIZED", "DISKSEQ"))
        if one.get("DEVTYPE") == "partition":
            before = known.get(path, ("", ""))
            seen[path] = before if before[0] == made_at else (made_at, medium)
            if seen[path][1] != medium:
                continue
        present.append(one)
    return present, seen


def classify(properties: Properties, settings: UdevSettings) -> DeviceEvent:
    """Judge a block device by its udev properties (with `ACTION` of an event, or without as enumerated)."""
    event = dataclasses.replace(
        _described(properties, settings),
        diskseq=_number(properties.get("DISKSEQ", "")),
        partition=_number(properties.get("PARTN", "")) or 0,
        fs_type=properties.get("ID_FS_TYPE", ""),
        label=_decoded(properties.get("ID_FS_LABEL_ENC") or properties.get("ID_FS_LABEL", "")),
        fs_uuid=properties.get("ID_FS_UUID", ""),
    )
    if properties.get("ACTION") == "remove":
        return dataclasses.replace(event, action=DeviceAction.REMOVED)
    reason = _reason_to_ignore(properties, event)
    if reason:
        return dataclasses.replace(event, action=DeviceAction.IGNORED, reason=reason)
    return _admitted(event, properties, settings)


def interfaces_of(properties: Properties) -> tuple[str, ...]:
    """Class, subclass and protocol of each interface of a USB device, as six hexadecimal digits."""
    return tuple(re.findall(r"[0-9a-f]{6}", properties.get("ID_USB_INTERFACES", "").lower()))


def has_storage(properties: Properties) -> bool:
    """Whether a USB device is a disk, whatever else it is."""
    return any(one.startswith(_STORAGE) for one in interfaces_of(properties))


def is_on_usb(properties: Properties) -> bool:
    """Whether a block device hangs on USB."""
    # Bridges that speak ATA are named `ata` by udev; their path still tells.
    return (
        properties.get("ID_BUS") == "usb" or "ID_USB_DRIVER" in properties or "-usb-" in properties.get("ID_PATH", "")
    )


def is_pluggable(properties: Properties) -> bool:
    """Whether this is a USB device that somebody plugs in: no hub, and none of the machine's own root hubs."""
    is_device = properties.get("DEVTYPE") == "usb_device" and usb_path_of(properties.get("DEVPATH", "")) != ""
    return is_device and not all(one.startswith(_HUB) for one in interfaces_of(properties) or (_HUB,))


def is_wholly_foreign(properties: Properties) -> bool:
    """Whether a USB device has nothing but parts that no recorder has, as a keyboard."""
    interfaces = interfaces_of(properties)
    return bool(interfaces) and all(_foreign_class(one) for one in interfaces)


def usb_id_of(properties: Properties) -> str:
    """Vendor and product as lsusb shows them (`1209:0001`); empty where udev does not say."""
    vendor = properties.get("ID_USB_VENDOR_ID") or properties.get("ID_VENDOR_ID", "")
    product = properties.get("ID_USB_MODEL_ID") or properties.get("ID_MODEL_ID", "")
    return f"{vendor}:{product}".lower() if vendor and product else ""


def model_of(properties: Properties) -> str:
    """What the maker calls it."""
    return properties.get("ID_USB_MODEL") or properties.get("ID_MODEL", "")


def serial_of(properties: Properties) -> str:
    """The serial number that it gives; cheap recorders share one."""
    return properties.get("ID_USB_SERIAL_SHORT") or properties.get("ID_SERIAL_SHORT", "")


def _usb_events(
    properties: Properties, foreign: Mapping[str, list[str]], settings: UdevSettings
) -> Iterable[DeviceEvent]:
    """What a USB device itself is: nothing new, something foreign, an MTP recorder; both at once can be."""
    event = _described(properties, settings)
    is_at_bay = named_bay(properties.get("ID_PATH", ""), settings.bays) != ""
    if not is_pluggable(properties) or not (is_at_bay or _is_allowed_id(event.usb_id, settings)):
        return
    interfaces = interfaces_of(properties)
    event = dataclasses.replace(event, device_number=_device_number(properties))
    ignored = dataclasses.replace(event, action=DeviceAction.IGNORED)
    parts = _words(foreign.get(event.usb_path, []))
    if parts:
        reason = f"{FOREIGN_DEVICE} ({parts}; {event.usb_id})"
        yield dataclasses.replace(ignored, kind=DeviceKind.FOREIGN, reason=reason, foreign=parts)
    is_mtp = "1" in (properties.get("ID_MTP_DEVICE"), properties.get("ID_GPHOTO2"))
    if is_mtp or any(one.startswith(_PICTURES) for one in interfaces):
        yield _admitted(dataclasses.replace(event, kind=DeviceKind.MTP, foreign=parts), properties, settings)
    elif not parts and not has_storage(properties):
        yield dataclasses.replace(ignored, kind=DeviceKind.VENDOR, reason=f"{NO_FILES_YET} ({event.usb_id})")


def _described(properties: Properties, settings: UdevSettings) -> DeviceEvent:
    """What all kinds of devices have: place and names."""
    path = properties.get("DEVPATH", "")
    node, usb_path = properties.get("DEVNAME", ""), usb_path_of(path)
    return DeviceEvent(
        action=DeviceAction.ADDED,
        device_node=node,
        # Some platforms give their ports no path; the kernel's name of the place is as steady.
        bay=bay_of(properties.get("ID_PATH", ""), settings.bays) or usb_path.rpartition("/")[2] or node,
        usb_id=usb_id_of(properties),
        serial=serial_of(properties),
        model=model_of(properties),
        sysfs_path=path,
        usb_path=usb_path,
    )


def _admitted(event: DeviceEvent, properties: Properties, settings: UdevSettings) -> DeviceEvent:
    """A readable device by the allow lists: taken in, taken into quarantine, or ignored with the reason."""
    # The console of a bureau may write labels and ids in any case; fnmatch's own folding depends on the system.
    is_allowed_label = event.label != "" and any(
        fnmatch.fnmatchcase(event.label.casefold(), allowed.casefold()) for allowed in settings.allowed_labels
    )
    if _is_allowed_id(event.usb_id, settings) or is_allowed_label:
        return event
    # Only behind a bay: the station may run from a disk on USB, or have one for its backups.
    is_at_bay = named_bay(properties.get("ID_PATH", ""), settings.bays) != ""
    if settings.unknown_storage == "quarantine" and is_at_bay:
        return dataclasses.replace(event, is_quarantined=True, reason=INTO_QUARANTINE)
    why = f"neither USB id {event.usb_id or 'unknown'} nor label {event.label!r} is allowed by the settings"
    return dataclasses.replace(event, action=DeviceAction.IGNORED, reason=f"{NOT_A_RECORDER} ({why})")


def _is_allowed_id(usb_id: str, settings: UdevSettings) -> bool:
    return any(fnmatch.fnmatchcase(usb_id, allowed.lower()) for allowed in settings.allowed_usb_ids)


def _reason_to_ignore(properties: Properties, event: DeviceEvent) -> str:
    if not is_on_usb(properties):
        return "not on USB · 不是USB设备"
    if properties.get("ID_CDROM") == "1":
        return "a disc of drivers, no footage · 驱动光盘，不是录像"
    if properties.get("DEVTYPE") == "disk" and not event.fs_type:
        return "a disk without a file system of its own · 磁盘上没有文件系统"
    if not event.fs_type:
        # udev's blkid gives up at the first of its places that cannot be read.
        return "no file system was found: not formatted, or a failing card · 未识别到文件系统：未格式化或存储卡损坏"
    if properties.get("ID_FS_USAGE", "filesystem") != "filesystem":
        return f"holds no files but {event.fs_type} · 内容是 {event.fs_type}，不是文件"
    return ""


def _foreign_parts(devices: Iterable[Properties]) -> dict[str, list[str]]:
    """Parts that no recorder has, in words, by USB device.

    They are known by the interfaces that a device names and, where it hides them behind a class of its maker, by what
    the kernel made of it.
    """
    found: dict[str, list[str]] = {}
    for properties in devices:
        usb_path = usb_path_of(properties.get("DEVPATH", ""))
        parts = [_foreign_class(one) for one in interfaces_of(properties)]
        if properties.get("SUBSYSTEM") == "net":
            parts.append("network · 网络")
        if properties.get("SUBSYSTEM") == "input":
            parts += ["keyboard · 键盘"] if properties.get("ID_INPUT_KEYBOARD") == "1" else []
            parts += ["mouse · 鼠标"] if properties.get("ID_INPUT_MOUSE") == "1" else []
        if usb_path and any(parts):
            found.setdefault(usb_path, []).extend(part for part in parts if part)
    return found


def _foreign_class(interface: str) -> str:
    return next((_FOREIGN_CLASSES[interface[:end]] for end in (6, 4, 2) if interface[:end] in _FOREIGN_CLASSES), "")


def _words(parts: Iterable[str]) -> str:
    return "; ".join(sorted(set(parts)))


def _is_no_volume(properties: Properties) -> bool:
    """A disk that only carries partitions, or a reader without a card."""
    is_table = "ID_PART_TABLE_TYPE" in properties and "ID_FS_TYPE" not in properties
    return properties.get("DEVTYPE") == "disk" and (is_table or properties.get(SIZE) == "0")


def _identity(properties: Properties, event: DeviceEvent) -> Identity:
    """What tells a device apart: the medium's number and the partition's; without one, place and time of coming."""
    if event.kind is DeviceKind.VOLUME and event.diskseq is not None:
        return event.kind, str(event.diskseq), str(event.partition)
    return event.kind, event.device_node, event.sysfs_path, properties.get("USEC_INITIALIZED", "")


def _device_number(properties: Properties) -> str:
    """Bus and device as `/dev/bus/usb` has them; empty where udev says neither."""
    match = re.search(r"([0-9]{3})/([0-9]{3})\Z", properties.get("DEVNAME", ""))
    bus, number = match.groups() if match else (properties.get("BUSNUM", ""), properties.get("DEVNUM", ""))
    return f"{bus}/{number}" if bus and number else ""


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def _decoded(text: str) -> str:
    """Undo udev's `\\x20` escapes; bytes that are no UTF-8 stay escaped."""
    raw = re.sub(
        rb"\\x([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "backslashreplace").strip()
