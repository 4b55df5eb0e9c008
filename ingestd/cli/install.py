"""`ingestd install` and `ingestd uninstall`: the station's units, rules, users and first configuration on a machine."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

import typer

from ingestd.cli.context import JsonOption
from ingestd.cli.output import console, emit_json
from ingestd.core.errors import IngestdError, NotFoundError, RefusedError, StoreError, UnavailableError
from ingestd.stores.durable import make_directory, remove, replace_whole

DEFAULT_PREFIX: Final = Path("/opt/ingestd")
CONFIGURATION: Final = Path("/etc/ingestd")
RECORD: Final = CONFIGURATION / ".installed.json"
"""SHA-256 of each configuration file as it was put there: one that still has it was not edited."""

_LOCAL: Final = Path("/usr/local/lib")
_PLACES: Final[Mapping[str, Path]] = {
    # Below /usr/local and not /etc: what an administrator changes by `systemctl edit` stays his.
    "udev": _LOCAL / "udev/rules.d",
    "sysusers.d": _LOCAL / "sysusers.d",
    "tmpfiles.d": _LOCAL / "tmpfiles.d",
}
_UNITS: Final = _LOCAL / "systemd/system"
_STATE_DIR_SHIPPED: Final = 'state_dir = "../var"'
_STATE_DIR_INSTALLED: Final = 'state_dir = "/var/lib/ingestd"'
_COMMAND_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file that comes with the package: its place on the machine, and its bytes."""

    target: Path
    data: bytes
    is_configuration: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or that would be: `written`, `unchanged`, `kept` (edited), `removed`, `run`, `left to do`."""

    what: str
    subject: str


RootOption = Annotated[
    Path, typer.Option("--root", help="Put everything below this folder and run nothing: for images.")
]
PrefixOption = Annotated[Path, typer.Option("--prefix", help="The virtual environment that holds the program.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def install(
    root: RootOption = Path("/"),
    prefix: PrefixOption = DEFAULT_PREFIX,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put units, udev rules, users and a first configuration in place. Edited configuration is never overwritten.

    Can be repeated, and is after an update. It starts nothing. Example: ingestd install --dry-run
    """
    is_machine = root.resolve() == Path("/")
    if is_machine and not dry_run:
        _refuse_strangers()
        if (refusal := install_refusal(prefix)) is not None:
            raise refusal
    recorded = _recorded(_below(root, RECORD))
    steps, record = [], {}
    for one in shipped(prefix):
        what = _judged(one, _below(root, one.target), recorded)
        steps.append(Step(what, str(one.target)))
        if one.is_configuration:
            name = str(one.target.relative_to(CONFIGURATION))
            # What was kept keeps its old record: an edit that is taken back counts as none.
            record[name] = recorded.get(name, "") if what == "kept" else hashlib.sha256(one.data).hexdigest()
        if what == "written" and not dry_run:
            _write(_below(root, one.target), one.data)
    if not dry_run and record != recorded:
        _write(_below(root, RECORD), json.dumps(record, indent=2, sort_keys=True).encode() + b"\n")
    commands = [
        ["systemd-sysusers", str(_PLACES["sysusers.d"] / "ingestd.conf")],
        ["systemd-tmpfiles", "--create", str(_PLACES["tmpfiles.d"] / "ingestd.conf")],
        *_RELOADS,
    ]
    steps += _run_all(commands, is_run=is_machine and not dry_run)
    _show(steps, as_json)
    if not as_json and not dry_run:
        settings = CONFIGURATION / "ingestd.toml"
        console.print(f"Next: edit {settings}, then `ingestd config check` and `systemctl enable --now ingestd`.")


def uninstall(root: RootOption = Path("/"), dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Stop the station and take away its units and rules. Evidence, configuration and users stay.

    Example: ingestd uninstall --dry-run
    """
    is_machine = root.resolve() == Path("/")
    if is_machine and not dry_run:
        _refuse_strangers()
    steps = list(_run_all(_STOPS, is_run=is_machine and not dry_run, may_fail=True))
    for one in shipped(DEFAULT_PREFIX):
        target = _below(root, one.target)
        if one.is_configuration or not target.exists():
            continue
        steps.append(Step("removed", str(one.target)))
        if not dry_run:
            remove(target)
    steps += _run_all(_RELOADS, is_run=is_machine and not dry_run)
    _show(steps, as_json)
    if not as_json:
        console.print(f"Left where they are: {CONFIGURATION}, /var/lib/ingestd, the users of the station.")


_RELOADS: Final = [["systemctl", "daemon-reload"], ["udevadm", "control", "--reload"]]
_STOPS: Final = [
    ["systemctl", "disable", "--now", "ingestd-web.service", "ingestd.service", "ingestd-protect.timer"],
    ["systemctl", "stop", "ingestd-erase@*.path", "ingestd-erase@*.service"],
    ["systemctl", "stop", "ingestd-card@*.service", "ingestd-mount@*.service", "ingestd-mtp@*.service"],
]


def shipped(prefix: Path) -> Iterator[Shipped]:
    """All files that belong on a machine, with the program's place written into those that name it."""
    folder = files("ingestd") / "shipped"
    for source, name in _walk(folder / "systemd"):
        place = _PLACES.get(name.parts[0], _UNITS)
        data = source.read_text("utf-8").replace(f"{DEFAULT_PREFIX}/", f"{prefix}/")
        yield Shipped(place / name.name, data.encode(), is_configuration=False)
    for source, name in _walk(folder / "config"):
        data = source.read_text("utf-8").replace(_STATE_DIR_SHIPPED, _STATE_DIR_INSTALLED)
        yield Shipped(CONFIGURATION / name, data.encode(), is_configuration=True)


def _walk(folder: Traversable, below: Path = Path()) -> Iterator[tuple[Traversable, Path]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _walk(entry, below / entry.name)
        elif not entry.name.startswith(".") and not entry.name.endswith("~"):
            yield entry, below / entry.name


def _judged(one: Shipped, target: Path, recorded: Mapping[str, str]) -> str:
    try:
        standing = target.read_bytes()
    except FileNotFoundError:
        return "written"
    except OSError as error:
        raise StoreError(f"{target} cannot be read ({error.strerror})", "run as root") from error
    if standing == one.data:
        return "unchanged"
    if one.is_configuration:
        name = str(one.target.relative_to(CONFIGURATION))
        if recorded.get(name) != hashlib.sha256(standing).hexdigest():
            return "kept"
    return "written"


def _recorded(record: Path) -> dict[str, str]:
    """What the last installation noted; nothing where there was none or the note is torn: then all counts as edited."""
    try:
        document = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in document.items()} if isinstance(document, dict) else {}


def _write(target: Path, data: bytes) -> None:
    make_directory(target.parent)
    owner = target.stat() if target.exists() else None
    replace_whole(target, data)
    # Read by everybody; tmpfiles.d narrows down what names people.
    target.chmod(0o644 if owner is None else stat.S_IMODE(owner.st_mode))
    if owner is not None:
        os.chown(target, owner.st_uid, owner.st_gid)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _refuse_strangers() -> None:
    if os.geteuid() != 0:
        raise UnavailableError("only root may change the system's units", "run it with sudo, or try --dry-run")


def install_refusal(prefix: Path) -> IngestdError | None:
    """Why the units must not run the program there; null where they may.

    One of them runs with the right to mount: nobody but root may be able to change what it runs.
    """
    program = prefix / "bin/ingestd"
    if not re.fullmatch(r"(/[A-Za-z0-9._+-]+)+", str(prefix)):
        return RefusedError(f"--prefix {str(prefix)!r} cannot stand in a unit", "name a plain absolute path")
    if not program.exists():
        return NotFoundError(f"there is no program at {program}", "install it there first, or name its --prefix")
    for path in (prefix.resolve(), prefix.resolve() / "bin", program.resolve()):
        facts = path.stat()
        if facts.st_uid != 0 or facts.st_mode & 0o022:
            advice = f"chown -R root:root {prefix} && chmod -R go-w {prefix}"
            return RefusedError(f"{path} can be changed by others than root, and would be run with rights", advice)
    return None


def _run_all(commands: Sequence[Sequence[str]], *, is_run: bool, may_fail: bool = False) -> list[Step]:
    steps = []
    for command in commands:
        words = " ".join(command)
        if not is_run or not _is_possible(command[0]):
            steps.append(Step("left to do", words))
            continue
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"`{words}` did not end well ({error})", "run it by hand, then try again") from error
        if done.returncode != 0 and not may_fail:
            complaint = done.stderr.decode("utf-8", "replace").strip()
            raise UnavailableError(f"`{words}` failed: {complaint}", "run it by hand, then try again")
        steps.append(Step("run", words))
    return steps


def _is_possible(program: str) -> bool:
    # In a container or an image there is nothing to reload; the files count at its next boot.
    needs_systemd = program in ("systemctl", "udevadm")
    return shutil.which(program) is not None and (not needs_systemd or Path("/run/systemd/system").is_dir())


def _show(steps: Sequence[Step], as_json: bool) -> None:
    if as_json:
        emit_json([asdict(step) for step in steps])
        return
    for step in steps:
        console.print(f"  {step.what:<10} {step.subject}", markup=False, soft_wrap=True)
