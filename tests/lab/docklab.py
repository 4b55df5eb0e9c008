"""The tool that makes a virtual docking station with real USB hot-plug: where it is, and how it is loaded.

`docklab` is one Python file that is no part of this project. `DOCKLAB` names it, else it is looked for on the path;
what it must offer is what these modules call: `Lab` and `make_camera`.
"""

import fcntl
import importlib.machinery
import importlib.util
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PROGRAMS = ("qemu-system-x86_64", "qemu-img", "mke2fs", "mkfs.vfat", "mkfs.exfat", "mcopy")


def tool() -> Path | None:
    """Where the tool is; null where it is not."""
    named = os.environ.get("DOCKLAB") or shutil.which("docklab")
    return Path(named).resolve() if named and Path(named).is_file() else None


def why_not() -> str:
    """What is lacking to run docks here, in words; empty when nothing is."""
    if os.environ.get("INGESTD_LAB") != "1":
        return "a long test outside CI: make lab"
    if tool() is None:
        return "outside CI: there is no docklab: name it as DOCKLAB=/path/to/docklab"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"outside CI: docklab needs {', '.join(lacking)}" if lacking else ""


def load() -> Any:
    """The tool as a module."""
    path = tool()
    assert path is not None, why_not()
    if "docklab" not in sys.modules:
        loader = importlib.machinery.SourceFileLoader("docklab", os.fspath(path))
        spec = importlib.util.spec_from_loader("docklab", loader)
        assert spec is not None
        # Its bytecode would otherwise be written beside the tool.
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        module = importlib.util.module_from_spec(spec)
        sys.modules["docklab"] = module
        loader.exec_module(module)
        sys.dont_write_bytecode = before
    return sys.modules["docklab"]


def is_emulated() -> bool:
    """Whether the guest's processor is a program: many times slower than a station, and no measure of its speed."""
    return str(load().accelerator()) == "tcg"


def cache() -> Path:
    """Where built images are kept between runs."""
    folder = Path(load().HOME) / "ingestd"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_holders = 0


@contextmanager
def building() -> Iterator[None]:
    """Only one process at a time builds what the others then find. May be nested."""
    global _holders
    with (cache() / "lock").open("w") as lock:
        if _holders == 0:
            fcntl.flock(lock, fcntl.LOCK_EX)
        _holders += 1
        try:
            yield
        finally:
            _holders -= 1


def build_guest() -> None:
    """Make the guest's image where it is not there yet: two to four minutes, from Debian's archive."""
    with building():
        load().Lab("build").build()


@contextmanager
def more_hardware(disk: Mapping[str, Any], device: Mapping[str, Any]) -> Iterator[None]:
    """Machines that are started meanwhile have this disk from the beginning: one that was frozen with it needs it then.

    The tool starts whatever program it is told is QEMU; here that is a line of shell which adds to its words.
    """
    module = load()
    before = module.QEMU
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "qemu")
        words = ("-blockdev", json.dumps(dict(disk)), "-device", json.dumps(dict(device)))
        program.write_text(f'#!/bin/sh\nexec {before} "$@" {shlex.join(words)}\n')
        program.chmod(0o755)
        module.QEMU = os.fspath(program)
        try:
            yield
        finally:
            module.QEMU = before
