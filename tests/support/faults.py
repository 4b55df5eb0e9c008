"""Real faults of a medium, made below the program by a small library that is loaded before libc (`faults.c`)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("faults.c")


def fault_library(folder: Path) -> Path:
    """The library, built; the test is skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the fault library with (make deps installs gcc)")
    library = folder / "faults.so"
    if not library.exists():
        building = folder / f"faults.{os.getpid()}.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", building, SOURCE, "-ldl"], check=True)
        building.rename(library)
    return library


def faulty_environment(library: Path, **faults: str) -> dict[str, str]:
    """The environment of a child process in which these faults happen."""
    return {
        **os.environ,
        "LD_PRELOAD": str(library),
        **{f"FAULT_{name.upper()}": words for name, words in faults.items()},
    }
