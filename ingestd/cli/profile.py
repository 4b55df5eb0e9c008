"""`ingestd profile`: the families of recorders, what they read from a card, and a draft of a new one."""

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.config.load import RECORDERS_FOLDER, Configuration, load_profile
from ingestd.core.clock import to_text
from ingestd.core.drafting import Draft, draft_profile
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.matching import ProfileMatch, chosen, match_profiles
from ingestd.core.model import EntryKind, RecorderIdentity
from ingestd.core.nameshapes import Known
from ingestd.core.profile import GENERIC_PROFILE, ParsedName, RecorderProfile, parse_name, preferring
from ingestd.devices.card import CardListing, list_card
from ingestd.devices.deviceinfo import DeviceInfo, read_device_info
from ingestd.devices.identity import identify
from ingestd.devices.mounts import FolderMounter
from ingestd.stores.durable import create_exclusive, sync_directory, write_all

profile_app = typer.Typer(help="Families of recorders: their names, cards and clocks.", no_args_is_help=True)

_MOST_SHOWN = 10
_ID = re.compile(r"[a-z0-9_\-]+")

PathArgument = Annotated[Path, typer.Argument(help="A card, or a folder with a copy of one.")]


@profile_app.command("list")
def list_profiles(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The profiles in the order in which they are tried. Example: ingestd profile list"""
    configuration = configuration_of(config)
    rows = [
        {
            "id": profile.id,
            "title": profile.title,
            "file": str(file) if (file := _file_of(configuration, profile)) is not None else None,
            "grammars": [grammar.id for grammar in profile.names],
            "usb_ids": list(profile.match.usb_ids),
            "labels": list(profile.match.labels),
        }
        for profile in configuration.profiles
    ]
    if as_json:
        emit_json(rows)
        return
    table(
        counted(len(rows), "profile"),
        ["id", "title", "grammars", "USB ids, labels"],
        [
            (
                profile.id,
                profile.title,
                ", ".join(grammar.id for grammar in profile.names),
                ", ".join((*profile.match.usb_ids, *profile.match.labels)) or "–",
            )
            for profile in configuration.profiles
        ],
    )


@profile_app.command("show")
def show_profile(
    profile_id: Annotated[str, typer.Argument(metavar="ID", help="As `profile list` shows it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One profile: its file as it stands, with what was seen and what is believed.

    Exit status 5 when there is none. Example: ingestd profile show gat
    """
    configuration = configuration_of(config)
    profile = next((one for one in configuration.profiles if one.id == profile_id), None)
    if profile is None:
        known = [one.id for one in configuration.profiles]
        near = difflib.get_close_matches(profile_id, known, n=1)
        advice = f"write {near[0]}; " if near else ""
        raise NotFoundError(f"there is no profile {profile_id}", f"{advice}the profiles are {', '.join(known)}")
    file = _file_of(configuration, profile)
    if as_json:
        emit_json(profile.model_dump(mode="json") | {"file": str(file) if file is not None else None})
    elif file is None:
        console.print(f"{profile.id}: {profile.title}. Built in: takes every name and reads nothing from it.")
    else:
        console.print(f"# {file}", markup=False, soft_wrap=True)
        console.print(file.read_text("utf-8-sig").rstrip("\n"), markup=False, soft_wrap=True)


@profile_app.command("test")
def test_profiles(
    path: PathArgument,
    profile: Annotated[Path | None, typer.Option("--profile", help="A profile file to be tried first.")] = None,
    usb_id: Annotated[str, typer.Option("--usb-id", help="As if the card had come with this vendor:product.")] = "",
    label: Annotated[str, typer.Option("--label", help="As if the volume had this label.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What each profile reads from a card, which one is chosen and why, and whose recorder it is. Copies nothing.

    Example: ingestd profile test /media/card --profile new.toml
    """
    configuration = configuration_of(config)
    profiles = configuration.profiles
    if profile is not None:
        extra = load_profile(profile)
        profiles = (extra, *(one for one in profiles if one.id != extra.id))
    with _card(path, configuration) as card:
        volume = {**card.volume, **{key: text for key, text in (("usb_id", usb_id), ("label", label)) if text}}
        matches = match_profiles(volume, card.paths, profiles)
        family = chosen(matches)
        ordered = preferring(profiles, family.id if family is not None else None)
        told = read_device_info(card.root_fd, card.listing, family)
        zone = configuration.settings.station.zone_info
        recorder = identify(card.listing, ordered, volume, zone, chosen=family, device_info=told)
        names = {one: parse_name(one, ordered, zone) for one in card.paths}
    result = _Tested(path, matches, family, recorder, told, names)
    if as_json:
        emit_json(result.document())
    else:
        result.print()


@profile_app.command("learn")
def learn(
    path: PathArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this new file.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="Device number of the recorder in hand.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Its officer's number.")] = None,
    config: ConfigOption = None,
) -> None:
    """Draft a profile from the names on a card, for you to finish. Nothing is ever overwritten.

    Example: ingestd profile learn /media/card --device 0000012 --output new.toml
    """
    configuration = configuration_of(config)
    profile_id = "learned" if output is None else output.stem
    if output is not None and (_ID.fullmatch(profile_id) is None or profile_id == GENERIC_PROFILE.id):
        raise RefusedError(
            f"{output.name} cannot be the name of a profile", "use lower case, digits, _ and -, as in vendor_x1.toml"
        )
    if output is not None and os.path.lexists(output):
        raise RefusedError(f"{output} is there already", "name a new file: nothing is ever overwritten")
    with _card(path, configuration) as card:
        matches = match_profiles(card.volume, card.paths, configuration.profiles)
        draft = draft_profile(
            card.paths, profile_id=profile_id, known=Known(device, user), remarks=_already_read(matches)
        )
    if output is None:
        print(draft.text, end="")
    else:
        _write(output, draft.text)
    _say_what_is_unsure(draft, output, path)


@dataclass(frozen=True, slots=True)
class _Card:
    root_fd: int
    volume: dict[str, str]
    listing: CardListing
    paths: list[str]


@contextmanager
def _card(path: Path, configuration: Configuration) -> Iterator[_Card]:
    """A folder or file, listed like a card: no link is followed, no pipe opened."""
    if not os.path.lexists(path):
        raise NotFoundError(f"{path} is not there")
    limits = configuration.settings.copying
    with FolderMounter(path).mount() as mounted:
        listing = list_card(
            mounted.root_fd,
            max_entries=limits.max_entries,
            max_depth=limits.max_depth,
            still_there=mounted.still_there,
            only=mounted.only,
        )
        paths = [entry.path.text for entry in listing.entries if entry.kind is EntryKind.FILE]
        yield _Card(mounted.root_fd, dict(mounted.volume), listing, paths)


@dataclass(frozen=True, slots=True)
class _Tested:
    """What `profile test` found out."""

    path: Path
    matches: tuple[ProfileMatch, ...]
    family: RecorderProfile | None
    recorder: RecorderIdentity
    told: tuple[DeviceInfo, ...]
    names: dict[str, ParsedName]

    @property
    def unread(self) -> list[str]:
        """Files of which no profile but the one for all reads the name."""
        return [path for path, name in self.names.items() if name.profile_id in (None, GENERIC_PROFILE.id)]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": str(self.path),
            "files": len(self.names),
            "chosen": self.family.id if self.family is not None else None,
            "profiles": [
                {
                    "id": match.profile.id,
                    "is_fit": match.is_fit,
                    "points": round(match.points, 3),
                    "names_read": match.names_read,
                    "names_counted": match.names_counted,
                    "reasons": list(match.reasons),
                }
                for match in self.matches
            ],
            "recorder_id": self.recorder.recorder_id,
            "key": self.recorder.key,
            "evidence": [list(item) for item in self.recorder.evidence],
            "findings": [found.model_dump(mode="json") for found in self.recorder.findings],
            "roles": dict(self._roles()),
            "unread": self.unread,
            "names": {path: _name_document(name) for path, name in self.names.items()},
        }

    def print(self) -> None:
        """For people."""
        rows = [
            (match.profile.id, "fits" if match.is_fit else "–", f"{match.points:.1f}", "; ".join(match.reasons))
            for match in self.matches
        ]
        table("What each profile reads", ["profile", "", "points", "reasons"], rows, right=(2,))
        words = [f"{self.family.id} ({self.family.title})" if self.family is not None else "none"]
        console.print(f"Chosen: {words[0]}", markup=False)
        console.print(f"Recorder: {self.recorder.recorder_id or f'unknown (key {self.recorder.key})'}", markup=False)
        for source, said in self.recorder.evidence:
            console.print(f"  {source}: {said}", markup=False)
        for found in self.recorder.findings:
            console.print(f"  {found.code}: {found.evidence}", markup=False)
        roles = ", ".join(f"{count} {role}" for role, count in self._roles().most_common())
        console.print(f"Files: {roles or 'none'}", markup=False)
        shown = [path for path in self.names if path not in set(self.unread)][:_MOST_SHOWN]
        table("What names say", ["name", "device", "user", "start", "no.", "important"], map(self._row, shown))
        if self.unread:
            console.print(f"{counted(len(self.unread), 'name')} read by no profile:", markup=False)
            for path in self.unread[:_MOST_SHOWN]:
                console.print(f"  {path}", markup=False)

    def _roles(self) -> Counter[str]:
        family = self.family or GENERIC_PROFILE
        return Counter(family.files.role_of(path) or "not told by the profile" for path in self.names)

    def _row(self, path: str) -> tuple[Any, ...]:
        name = self.names[path]
        start = name.start.isoformat(" ", "seconds") if name.start is not None else "–"
        number = "–" if name.sequence is None else name.sequence
        return (path, name.device or "–", name.user or "–", start, number, "yes" if name.is_important else "")


def _name_document(name: ParsedName) -> dict[str, Any]:
    return {
        "profile_id": name.profile_id,
        "device": name.device,
        "user": name.user,
        "start": to_text(name.start) if name.start is not None else None,
        "sequence": name.sequence,
        "is_important": name.is_important,
    }


def _file_of(configuration: Configuration, profile: RecorderProfile) -> Path | None:
    """Where a profile stands; null for the built-in one."""
    if profile.id == GENERIC_PROFILE.id:
        return None
    return configuration.settings.folder / RECORDERS_FOLDER / f"{profile.id}.toml"


def _already_read(matches: tuple[ProfileMatch, ...]) -> list[str]:
    return [
        f"The profile {match.profile.id} reads {match.names_read} of {match.names_counted} of these names already."
        for match in matches
        if match.names_read
    ]


def _write(output: Path, text: str) -> None:
    descriptor = create_exclusive(output)
    try:
        write_all(descriptor, text.encode("utf-8"), output)
    finally:
        os.close(descriptor)
    sync_directory(output.absolute().parent)


def _say_what_is_unsure(draft: Draft, output: Path | None, path: Path) -> None:
    """On standard error, so that the draft itself can be piped."""
    read = f"{len(draft.drafted_from)} of {counted(len(draft.drafted_from) + len(draft.left_out), 'name')} are read"
    errors.print(f"{read}; {counted(len(draft.unsure), 'thing')} to look at", markup=False)
    for words in draft.unsure:
        errors.print(f"  - {words}", markup=False, soft_wrap=True)
    if output is not None:
        errors.print(f"written to {output}; try it: ingestd profile test {path} --profile {output}", markup=False)
