"""Which family of recorders a card belongs to: decided from its names, its layout and what its volume says. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingestd.core.family import FOOTAGE_ROLES
from ingestd.core.globs import fits
from ingestd.core.profile import GENERIC_PROFILE, RecorderProfile

POINTS_FOR_NAMES = 4.0
"""Where every name is read; less in proportion."""

POINTS_FOR_USB_ID = POINTS_FOR_LABEL = 2.0
POINTS_FOR_LAYOUT = POINTS_FOR_DEVICE_INFO = 1.0

_MOST_NAMES = 5000
"""Names looked at, spread evenly over the card: a share needs no more."""

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ProfileMatch:
    """How well one profile fits a card.

    `names_counted` are the files whose names were looked at (those that the profile calls no footage are left aside),
    `names_read` those whose names one of its grammars reads. `reasons` speak for and against it, in words.
    """

    profile: RecorderProfile
    is_fit: bool
    points: float
    names_read: int
    names_counted: int
    reasons: tuple[str, ...]


def match_profiles(
    volume: Mapping[str, str], paths: Sequence[str], profiles: Sequence[RecorderProfile]
) -> tuple[ProfileMatch, ...]:
    """All profiles, the best one for a card first; those that do not fit come last.

    A profile fits when something speaks for it (a USB id, a label, a layout, a device-info file, a name that it
    reads), and neither its `layout` is missing nor its `names_share` missed. Points rank those that fit; equal ones
    stand in the order given. The profile that takes everything always fits, with no points.

    Args:
        volume: as of `Mounted.volume`; `usb_id` and `label` count.
        paths: of the files of the card.
        profiles: in the order in which they are tried.
    """
    looked_at = _sample(paths)
    found = [_match(profile, volume, paths, looked_at) for profile in profiles]
    return tuple(sorted(found, key=lambda match: (not match.is_fit, -match.points)))


def chosen(matches: Sequence[ProfileMatch]) -> RecorderProfile | None:
    """The profile of the card; null where none fits."""
    return matches[0].profile if matches and matches[0].is_fit else None


def _match(
    profile: RecorderProfile, volume: Mapping[str, str], paths: Sequence[str], looked_at: Sequence[str]
) -> ProfileMatch:
    if profile.id == GENERIC_PROFILE.id:
        return ProfileMatch(profile, True, 0.0, 0, len(looked_at), ("takes every card",))
    points, reasons = _volume_speaks(profile, volume)
    is_refused = False
    for pattern in profile.match.layout:
        is_there = any(fits(path, (pattern,)) for path in paths)
        is_refused |= not is_there
        reasons.append(f"{pattern} is {'' if is_there else 'not '}on the card")
    if profile.match.layout and not is_refused:
        points += POINTS_FOR_LAYOUT
    info = profile.device_info
    if info is not None and any(fits(path, (info.path,)) for path in paths):
        points += POINTS_FOR_DEVICE_INFO
        reasons.append(f"a device-info file fits {info.path}")
    counted = [path for path in looked_at if _counts(profile, path)]
    read = sum(_is_read(profile, path) for path in counted)
    share = read / len(counted) if counted else 0.0
    points += POINTS_FOR_NAMES * share
    reasons.append(f"{read} of {len(counted)} names are read")
    if counted and profile.match.names_share is not None and share < profile.match.names_share:
        is_refused = True
        reasons.append(f"names_share asks for {profile.match.names_share:g} of the names")
    return ProfileMatch(profile, points > 0 and not is_refused, points, read, len(counted), tuple(reasons))


def _volume_speaks(profile: RecorderProfile, volume: Mapping[str, str]) -> tuple[float, list[str]]:
    points, reasons = 0.0, []
    usb_id, label = volume.get("usb_id", ""), volume.get("label", "")
    if (listed := profile.match.has_usb_id(usb_id)) is not None:
        points += POINTS_FOR_USB_ID
        reasons.append(f"the USB id {usb_id} fits {listed}")
    if label and (listed := profile.match.has_label(label)) is not None:
        points += POINTS_FOR_LABEL
        reasons.append(f"the label {label} fits {listed}")
    return points, reasons


def _counts(profile: RecorderProfile, path: str) -> bool:
    role = profile.files.role_of(path)
    return role is None or role in FOOTAGE_ROLES


def _is_read(profile: RecorderProfile, path: str) -> bool:
    read = profile.grammar_of(path)
    if read is None:
        return False
    grammar, match = read
    # Digits that are no date are a sign that another family wrote the name.
    return "time" not in grammar.compiled.groupindex or grammar.start_of(match, _UTC) is not None


def _sample(paths: Sequence[str]) -> Sequence[str]:
    if len(paths) <= _MOST_NAMES:
        return paths
    return [paths[position * len(paths) // _MOST_NAMES] for position in range(_MOST_NAMES)]
