"""Which recorder a card belongs to: what each source says, which of them decides, and whether they agree.

Rule (docs/guide/recorders.md, "Whose recorder it is"): file names decide by majority. Where no name carries a number,
the first source of `_STAND_BY` that does decides. Sources that disagree are a finding; a person settles it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.findings import Finding, finding
from ingestd.core.model import EntryKind, RecorderIdentity
from ingestd.core.profile import RecorderProfile, parse_name
from ingestd.devices.card import CardListing
from ingestd.devices.deviceinfo import DeviceInfo

_STAND_BY = ("device_info", "api", "usb_serial", "label")
"""Sources that may name a recorder where no file name does, the most trusted first."""

_CORROBORATING = ("label", "usb_serial", "folder")
_STAND_INS = (("usb_serial", "serial"), ("fs_uuid", "volume"), ("folder", "folder"))


def identify(
    listing: CardListing,
    profiles: Sequence[RecorderProfile],
    volume: Mapping[str, str],
    zone: ZoneInfo,
    *,
    chosen: RecorderProfile | None = None,
    device_info: Sequence[DeviceInfo] = (),
    registered: Sequence[str] = (),
) -> RecorderIdentity:
    """Name the recorder of a card. Footage is taken in whatever the answer.

    Where file names carry several numbers, the one in more than half of the files that carry any is used; without
    such a majority there is none, because a wrong name is worse than no name. A number of zeros is the factory setting
    of many recorders and names nobody, wherever it stands. Where no name carries a number, a device-info file names
    the recorder, else its API, else the USB serial or the label, these two only where the card's profile says that
    they are the number: cheap recorders repeat them. Where nothing else does, the fleet register names the one recorder
    that it has the USB serial for. Numbers that differ, in whichever sources, are the finding `identity.conflict`,
    which names them all; a register that differs is one too, which `core.fleet` raises where no person settled it.

    Args:
        listing: the card.
        profiles: families of recorders, the first match of a name counts.
        volume: as of `Mounted.volume`; `api_device` is the number that the recorder's own interface gave.
        zone: the bureau's.
        chosen: the profile of the card.
        device_info: what device-info files of the card say.
        registered: numbers of the recorders for which the fleet register has the volume's USB serial.
    """
    counts, placeholders = _device_numbers(listing, tuple(profiles), zone)
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    said = _said(volume, chosen, device_info)
    if ranked:
        recorder_id = ranked[0][0] if ranked[0][1] * 2 > total else None
    else:
        recorder_id = _stand_by(said) if said or len(registered) != 1 else registered[0]
    evidence = [("name", f"{device} in {count} of {total} file names") for device, count in ranked]
    if placeholders:
        evidence.append(("name", f"a number of zeros in {placeholders} file names"))
    evidence.extend(("device_info", info.words()) for info in device_info)
    if volume.get("api_device"):
        evidence.append(("api", volume["api_device"]))
    evidence.extend(_corroboration(recorder_id, volume))
    if registered:
        owners = ", ".join(registered)
        evidence.append(("usb_serial", f"{volume.get('usb_serial', '')} (in the fleet register for {owners})"))
    return RecorderIdentity(
        recorder_id=recorder_id,
        key=recorder_id or _stand_in(volume),
        evidence=tuple(evidence),
        findings=(*_findings(recorder_id, ranked, said, placeholders), *_foreign(volume)),
    )


def _device_numbers(
    listing: CardListing, profiles: tuple[RecorderProfile, ...], zone: ZoneInfo
) -> tuple[Counter[str], int]:
    """How many files name each device, and how many carry the factory's zeros."""
    counts: Counter[str] = Counter()
    for entry in listing.entries:
        if entry.kind is EntryKind.FILE:
            device = parse_name(entry.path.text, profiles, zone).device
            if device:
                counts[device] += 1
    zeros = [device for device in counts if not device.strip("0")]
    return counts, sum(counts.pop(device) for device in zeros)


def _said(
    volume: Mapping[str, str], chosen: RecorderProfile | None, device_info: Sequence[DeviceInfo]
) -> dict[str, list[str]]:
    """The numbers that each source beside the names gives; sources that give none are left out."""
    is_serial_number = chosen is not None and chosen.identity.usb_serial == "is the device number"
    numbers = {
        "device_info": [info.device or "" for info in device_info],
        "api": [volume.get("api_device", "")],
        "usb_serial": [volume.get("usb_serial", "") if is_serial_number else ""],
        "label": [(chosen.match.device_in_label(volume.get("label", "")) if chosen is not None else None) or ""],
    }
    told = {source: list(dict.fromkeys(one for one in given if one.strip("0"))) for source, given in numbers.items()}
    return {source: given for source, given in told.items() if given}


def _stand_by(said: Mapping[str, Sequence[str]]) -> str | None:
    """The number of the most trusted source that gives one; null where that source contradicts itself."""
    for source in _STAND_BY:
        if source in said:
            return said[source][0] if len({one.casefold() for one in said[source]}) == 1 else None
    return None


def _corroboration(recorder_id: str | None, volume: Mapping[str, str]) -> list[tuple[str, str]]:
    evidence = []
    for source in _CORROBORATING:
        text = _text_of(volume, source)
        if text:
            evidence.append((source, f"{text} (carries the number)" if _carries(text, recorder_id) else text))
    return evidence


def _carries(text: str, recorder_id: str | None) -> bool:
    """Whether exactly this number stands in a text: digits beside it would make it another one."""
    if recorder_id is None:
        return False
    return re.search(rf"(?<![0-9]){re.escape(recorder_id)}(?![0-9])", text, re.IGNORECASE) is not None


def _stand_in(volume: Mapping[str, str]) -> str:
    """What equal bytes are compared within when no recorder is named."""
    for source, prefix in _STAND_INS:
        text = _text_of(volume, source)
        if text:
            return f"{prefix}:{text}"
    return "unknown"


def _text_of(volume: Mapping[str, str], source: str) -> str:
    """What the medium says; of a folder its name, because where it lies says nothing of a recorder."""
    text = volume.get(source, "")
    return text.rsplit("/", 1)[-1] if source == "folder" else text


def _findings(
    recorder_id: str | None, ranked: list[tuple[str, int]], said: Mapping[str, Sequence[str]], placeholders: int
) -> list[Finding]:
    found = []
    numbers = {device.casefold() for device, _ in ranked} | {one.casefold() for given in said.values() for one in given}
    if len(ranked) > 1 or len(numbers) > 1:
        evidence: dict[str, Any] = {"file_names": dict(ranked)} if ranked else {}
        evidence |= {source: given[0] if len(given) == 1 else list(given) for source, given in said.items()}
        found.append(finding("identity.conflict", evidence=evidence | {"used": recorder_id}))
    if recorder_id is None:
        found.append(
            finding(
                "identity.unknown",
                evidence={
                    "file_names_with_a_number": sum(count for _, count in ranked),
                    "file_names_with_zeros": placeholders,
                },
            )
        )
    return found


def _foreign(volume: Mapping[str, str]) -> list[Finding]:
    """A keyboard or network card behind the same plug: a recorder has none, and a stick that attacks has."""
    parts = volume.get("foreign", "")
    return [finding("device.foreign_class", evidence={"parts": parts})] if parts else []
