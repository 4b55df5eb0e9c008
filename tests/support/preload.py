"""Small libraries in C that a test has loaded before libc, to make real faults below the program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: Path, folder: Path) -> Path:
    """The library of a source, built once a folder; the test is skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip(f"no C compiler to build {source.name} with (make deps installs gcc)")
    library = folder / source.with_suffix(".so").name
    if not library.exists():
        building = folder / f"{source.stem}.{os.getpid()}.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", building, source, "-ldl"], check=True)
        building.rename(library)
    return library
