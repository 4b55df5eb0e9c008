"""Which recorder a card belongs to: decided from the names of its files, with the rest of the evidence beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from ingestd.core.findings import Finding, finding
from ingestd.core.model import EntryKind, RecorderIdentity
from ingestd.core.profile import RecorderProfile, parse_name
from ingestd.devices.card import CardListing

_CORROBORATING = ("label", "usb_serial", "folder")
_STAND_INS = (("usb_serial", "serial"), ("fs_uuid", "volume"), ("folder", "folder"))


def identify(
    listing: CardListing, profiles: Sequence[RecorderProfile], volume: Mapping[str, str], zone: ZoneInfo
) -> RecorderIdentity:
    """Name the recorder of a card. Footage is taken in whatever the answer.

    The device number comes from file names only. Where they name several, the one in more than half of the files
    that name any is used, with the finding `identity.conflict`; without such a majority there is none, because a
    wrong name is worse than no name. A number of zeros is the factory setting of many recorders and names nobody.
    USB serial, label and folder are evidence beside it, never a number: cheap recorders repeat them.

    Args:
        listing: the card.
        profiles: families of recorders, the first match of a name counts.
        volume: as of `Mounted.volume`.
        zone: the bureau's.
    """
    counts, placeholders = _device_numbers(listing, tuple(profiles), zone)
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    recorder_id = ranked[0][0] if ranked and ranked[0][1] * 2 > total else None
    evidence = [("name", f"{device} in {count} of {total} file names") for device, count in ranked]
    if placeholders:
        evidence.append(("name", f"a number of zeros in {placeholders} file names"))
    evidence.extend(_corroboration(recorder_id, volume))
    return RecorderIdentity(
        recorder_id=recorder_id,
        key=recorder_id or _stand_in(volume),
        evidence=tuple(evidence),
        findings=tuple(_findings(recorder_id, ranked, placeholders)),
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


def _corroboration(recorder_id: str | None, volume: Mapping[str, str]) -> list[tuple[str, str]]:
    evidence = []
    for source in _CORROBORATING:
        text = _text_of(volume, source)
        if not text:
            continue
        agrees = recorder_id is not None and recorder_id.casefold() in text.casefold()
        evidence.append((source, f"{text} (carries the number)" if agrees else text))
    return evidence


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


def _findings(recorder_id: str | None, ranked: list[tuple[str, int]], placeholders: int) -> list[Finding]:
    found = []
    if len(ranked) > 1:
        found.append(finding("identity.conflict", evidence={"file_names": dict(ranked), "used": recorder_id}))
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
