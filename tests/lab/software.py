"""The project as it is installed on a station: a disk image with a virtual environment for Debian's own Python."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.lab.docklab import building, cache

PROJECT = Path(__file__).resolve().parents[2]
GUEST_PYTHON = Path("/usr/bin/python3.11")
"""Of Debian 12, which the guest is. Environments are bound to version and place of their interpreter."""
PLACE = Path("/opt/ingestd")
LABEL = "software"
_SOURCES = ("ingestd", "config", "systemd", "pyproject.toml", "README.md", "LICENSE")
"""What the package is made from."""


def why_not() -> str:
    """What is lacking to build for the guest here, in words; empty when nothing is."""
    return "" if GUEST_PYTHON.exists() else f"outside CI: packages for the guest are built with {GUEST_PYTHON}"


SOFTWARE_DEVICE: Mapping[str, Any] = {
    "driver": "scsi-hd",
    "id": "software",
    "bus": "scsi.0",
    "drive": "software",
    "serial": "SOFTWARE",
}


def software_disk() -> Mapping[str, Any]:
    """The image as a disk that a machine can be given, read-only."""
    image = os.fspath(software_image())
    return {"driver": "file", "node-name": "software", "filename": image, "read-only": True}


@functools.cache
def software_image() -> Path:
    """An ext4 image, to be mounted at `PLACE`, with the project as its sources are now; made once for each state.

    One for a whole run: a machine that was frozen with one image must not be resumed with another, even where
    somebody changes the sources meanwhile. Needs the package index once for the locked dependencies; they are kept.
    """
    with building():
        image = cache() / f"software-{digest(_files())}.img"
        if not image.exists():
            for old in cache().glob("software-*"):
                old.unlink()
            _build(image)
    return image


def _files() -> list[Path]:
    found = [PROJECT / "tests" / "lab" / "software.py", PROJECT / "requirements.lock"]
    for source in _SOURCES:
        found += [path for path in (PROJECT / source).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted([*found, *(PROJECT / source for source in _SOURCES if (PROJECT / source).is_file())])


def digest(files: Iterable[Path]) -> str:
    """Of names and bytes of files: what is built from them is built anew when it changes."""
    seen = hashlib.sha256()
    for path in files:
        seen.update(os.fsencode(path) + b"\0" + path.read_bytes() + b"\0")
    return seen.hexdigest()[:16]


def _build(image: Path) -> None:
    tree = cache() / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    _run("cp", "-a", "--reflink=auto", _dependencies(), tree)
    with tempfile.TemporaryDirectory() as folder:
        # Built from a copy: a build leaves its own files among the sources, and would find old ones there.
        for source in _SOURCES:
            if (PROJECT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(PROJECT / source, Path(folder, source), symlinks=True, ignore=ignored)
            else:
                shutil.copy2(PROJECT / source, Path(folder, source))
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", f"{folder}/wheels", folder)
        _pip("--python", tree / "bin" / "python", "install", "--no-deps", *Path(folder, "wheels").glob("*.whl"))
    _move_to_place(tree)
    _run(
        "mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-m", "0", "-E", "root_owner=0:0", "-d", tree, f"{image}.new", "512M"
    )
    Path(f"{image}.new").rename(image)
    shutil.rmtree(tree)


def _dependencies() -> Path:
    """An environment with the locked dependencies, and nothing of the project."""
    folder = cache() / f"dependencies-{digest([PROJECT / 'requirements.lock'])}"
    if not folder.exists():
        for old in cache().glob("dependencies-*"):
            shutil.rmtree(old)
        new = folder.with_name("new-dependencies")
        shutil.rmtree(new, ignore_errors=True)
        _run(GUEST_PYTHON, "-m", "venv", "--without-pip", new)
        lock = PROJECT / "requirements.lock"
        _pip("--python", new / "bin" / "python", "install", "--require-hashes", "--requirement", lock)
        new.rename(folder)
    return folder


def _move_to_place(tree: Path) -> None:
    """Commands of an environment begin with the place of its interpreter, which is another one while it is built."""
    for command in (tree / "bin").iterdir():
        if command.is_symlink() or not command.is_file():
            continue
        first, newline, rest = command.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"/bin/python" in first:
            command.write_bytes(b"#!" + os.fsencode(PLACE / "bin" / "python3") + newline + rest)


def _pip(*arguments: str | Path) -> None:
    _run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def _run(*words: str | Path) -> None:
    ended = subprocess.run(list(words), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
