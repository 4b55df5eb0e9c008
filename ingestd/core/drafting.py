"""A recorder profile drafted from the names of a card, as commented TOML for a person to finish. Pure."""

import re
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from ingestd.core.family import FOOTAGE_ROLES, ROLES
from ingestd.core.globs import checked
from ingestd.core.nameshapes import Known, Shape, find_shapes
from ingestd.core.profile import GENERIC_PROFILE, RecorderProfile, parse_name

_USUAL_LENGTHS_S = (60, 120, 180, 300, 600, 900, 1200, 1800, 3600)
_LENGTH_TOLERANCE_S = 3
_MOST_FOLDERS = 12
_MOST_SHOWN = 10
_PRE_RECORD = re.compile(r"SEGTEMP|PRE_?REC", re.IGNORECASE)
_IMPORTANT = re.compile(r"^(?:IMP.*|RO|LOCK.*|EVENT.*|EMER.*|SOS|101ANDRO)$", re.IGNORECASE)
_DEVICE_INFO = re.compile(r"\.(?:ini|json|xml|cfg|conf|txt)$", re.IGNORECASE)
_MOST_COLUMNS = 110
_UTC = ZoneInfo("UTC")

NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Draft:
    """`text` is TOML that loads as `profile`. `drafted_from` are the paths that it reads, `left_out` those of footage
    that have no shape in common with others, `unsure` what a person has to look at.
    """

    text: str
    profile: RecorderProfile
    drafted_from: tuple[str, ...]
    left_out: tuple[str, ...]
    unsure: tuple[str, ...]


def draft_profile(
    paths: Sequence[str], *, profile_id: str, known: Known = NOTHING_KNOWN, remarks: Sequence[str] = ()
) -> Draft:
    """Draft a profile from the paths of a card's files; never raises, whatever their names.

    Args:
        paths: of all files of the card.
        profile_id: as the file will be named.
        known: numbers of the recorder in hand.
        remarks: what else the head of the file should say.
    """
    roles = {path: GENERIC_PROFILE.files.role_of(path) for path in paths}
    footage = [path for path, role in roles.items() if role in FOOTAGE_ROLES]
    footage = footage or [path for path, role in roles.items() if role is None]
    shapes, left_out = find_shapes(footage, known)
    drafted_from = tuple(path for shape in shapes for path in shape.paths)
    unsure = _doubts(shapes, known)
    grammars = "\n".join(_grammar(number, shape) for number, shape in enumerate(shapes, start=1))
    names_only = _load(f"{_head_keys(profile_id)}\n{grammars}")
    sections = [
        _match(),
        _layout(drafted_from or footage, unsure),
        _files(paths, roles),
        _clock(shapes),
        _segments(drafted_from, names_only),
        _device_info(paths),
    ]
    head = _head(profile_id, paths, drafted_from, left_out, unsure, remarks)
    text = "\n".join(
        [f"{head}\n\n{_head_keys(profile_id)}", *([grammars] if grammars else []), *filter(None, sections)]
    )
    return Draft(text, _load(text), drafted_from, left_out, tuple(unsure))


def _doubts(shapes: Sequence[Shape], known: Known) -> list[str]:
    doubts = list(dict.fromkeys(words for shape in shapes for words in shape.unsure))
    for group, number in (("device", known.device), ("user", known.user)):
        if number and not any(f"(?P<{group}>" in shape.pattern for shape in shapes):
            doubts.append(f"the {group} number {number} stands in no name by itself")
    if any(shape.time_format is None for shape in shapes) or not shapes:
        doubts.append("no date with hours, minutes and seconds was found in some or all names")
    if any(shape.time_format is not None and not shape.is_utc for shape in shapes):
        doubts.append("times were taken to be in the bureau's zone: compare one with the picture")
    return doubts


def _load(text: str) -> RecorderProfile:
    return RecorderProfile.model_validate(tomllib.loads(text))


def _head(
    profile_id: str,
    paths: Sequence[str],
    drafted_from: Sequence[str],
    left_out: Sequence[str],
    unsure: Sequence[str],
    remarks: Sequence[str],
) -> str:
    lines = [
        f"Drafted from a card with {len(paths)} files, {len(drafted_from)} of which are read by the grammars here.",
        f"Put it into config/recorders/ as {profile_id}.toml when it is right; keys: "
        "docs/reference/recorder-profiles.md.",
        *(line for words in remarks for line in _wrapped(words)),
    ]
    if drafted_from:
        lines += ["", "Seen, for example:", *(f"  {path}" for path in drafted_from[:3])]
    if unsure:
        lines += ["", "Not sure; look at each:", *(line for words in unsure for line in _wrapped(f"- {words}"))]
    if left_out:
        shown = left_out[:_MOST_SHOWN]
        more = f"  … and {len(left_out) - len(shown)} more" if len(left_out) > len(shown) else ""
        lines += ["", "Not read, because nothing else on the card is named alike:", *(f"  {path}" for path in shown)]
        lines += [more] if more else []
    return _commented(lines)


def _head_keys(profile_id: str) -> str:
    return f"id = {_quoted(profile_id)}\ntitle = {_quoted(f'{profile_id} (drafted, not checked)')}\n"


def _grammar(number: int, shape: Shape) -> str:
    lines = ["[[names]]", f'id = "shape_{number}"', f"pattern = {_quoted(shape.pattern)}"]
    if shape.time_format is not None:
        lines.append(f"time_format = {_quoted(shape.time_format)}")
        lines += ['zone = "utc"'] if shape.is_utc else []
    return _commented([f"{len(shape.paths)} names, as {shape.paths[0]}"]) + "\n" + "\n".join(lines) + "\n"


def _match() -> str:
    return (
        "[match]\n"
        '# usb_ids = ["1234:abcd"]      # as lsusb shows it\n'
        '# labels = ["BODYCAM*"]        # as lsblk -o LABEL shows it; {device} where the number stands\n'
        "names_share = 0.5\n"
    )


def _layout(footage: Sequence[str], unsure: list[str]) -> str:
    folders = Counter(_folder_pattern(path) for path in footage if "/" in path)
    usable = [folder for folder, _ in folders.most_common() if _is_glob(folder)]
    if not usable:
        return ""
    if len(usable) > _MOST_FOLDERS:
        unsure.append(f"footage lies in {len(usable)} folders, of which {_MOST_FOLDERS} are named")
    lines = ["[layout]", f"footage = {_list(usable[:_MOST_FOLDERS])}"]
    for key, pattern in (("pre_record", _PRE_RECORD), ("important", _IMPORTANT)):
        found = sorted({part for folder in usable for part in folder.split("/") if pattern.search(part)})
        if found:
            lines.append(f"# Not sure, from the name only: {key} = {_list([f'{part}/' for part in found])}")
            unsure.append(f"{', '.join(found)} may be a folder of {key.replace('_', '-')} footage: see [layout]")
    return "\n".join(lines) + "\n"


def _folder_pattern(path: str) -> str:
    """The folder of a path with days and other long numbers left open."""
    *folders, _ = path.split("/")
    return "".join(f"{'*' if re.search(r'[0-9]{6}', folder) else folder}/" for folder in folders)


def _is_glob(pattern: str) -> bool:
    if not pattern.isprintable():
        return False
    try:
        checked((pattern,))
    except ValueError:
        return False
    return True


def _files(paths: Sequence[str], roles: Mapping[str, str | None]) -> str:
    """What the card's files are by their extensions, as the profile for all recorders has it."""
    by_role: dict[str, set[str]] = {}
    unknown: set[str] = set()
    for path in paths:
        match = re.fullmatch(r".+\.([0-9a-z]{1,8})", path.rpartition("/")[2], re.IGNORECASE)
        if match is not None:
            pattern = f"*.{match[1].lower()}"
            # By the extension alone: a photo that lies among the logs is a photo all the same.
            role = GENERIC_PROFILE.files.role_of(pattern[1:].replace(".", "x.", 1)) or roles[path]
            by_role.setdefault(role, set()).add(pattern) if role is not None else unknown.add(pattern)
    lines = [f"{role} = {_list(sorted(by_role[role]))}" for role in ROLES if role in by_role]
    if unknown:
        lines.append(_commented([f"Not known what these are: {', '.join(sorted(unknown)[:_MOST_SHOWN])}"]))
    return "\n".join(["[files]", *lines]) + "\n" if lines else ""


def _clock(shapes: Sequence[Shape]) -> str:
    rules = {"names_utc" if shape.is_utc else "names_bureau_zone" for shape in shapes if shape.time_format is not None}
    if len(rules) != 1:
        return ""
    return f'[clock]\nrule = "{rules.pop()}"\n# mtime = "local"              # on FAT; not known from names\n'


def _segments(drafted_from: Sequence[str], profile: RecorderProfile) -> str:
    lengths = list(_lengths_s(drafted_from, profile))
    if not lengths:
        return ""
    return (
        "[segments]\n"
        "# Seconds from one video's start to the next one's, seen more than once.\n"
        f"lengths_s = [{', '.join(map(str, lengths))}]\n"
    )


def _lengths_s(paths: Sequence[str], profile: RecorderProfile) -> Iterator[int]:
    videos = [path for path in paths if GENERIC_PROFILE.files.role_of(path) == "video"]
    starts = sorted({start for path in videos if (start := parse_name(path, (profile,), _UTC).start) is not None})
    steps = Counter(
        next((usual for usual in _USUAL_LENGTHS_S if abs(usual - step) <= _LENGTH_TOLERANCE_S), 0)
        for step in (round((after - before).total_seconds()) for before, after in pairwise(starts))
    )
    return (length for length in _USUAL_LENGTHS_S if steps[length] > 1)


def _device_info(paths: Sequence[str]) -> str:
    found = [path for path in paths if _DEVICE_INFO.search(path) and path.isprintable()][:3]
    if not found:
        return ""
    lines = [
        "One of these may say which recorder this is; not sure. If so, name it and what it says:",
        *(f"  {path}" for path in found),
        "[device_info]",
        'path = "…"',
        'format = "key_value"   # ini, json, xml, key_value, regex',
        'encoding = "utf-8"     # gbk',
        'device = "serial"',
    ]
    return _commented(lines) + "\n"


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _MOST_COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _commented(lines: Sequence[str]) -> str:
    """Comment lines; what cannot be printed, in names, is shown as `?`."""
    clean = ("".join(one if one.isprintable() else "?" for one in line) for line in lines)
    return "\n".join(f"# {line}".rstrip() for line in clean)


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    """A TOML text: without escapes where it can be, because patterns are full of backslashes."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = "".join(
        one if one.isprintable() and one not in '"\\' else f"\\{one}" if one in '"\\' else f"\\U{ord(one):08x}"
        for one in text
    )
    return f'"{escaped}"'
