"""Ports at which a recorder refused the password, so that its unit does not try it there again by itself.

Recorders may lock themselves after wrong passwords, and one that starts itself anew after a wrong one comes as a new
device. The marks lie in the unit's runtime folder, and are gone with the next boot; a person is not held up by them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingestd.core.clock import Clock

REFUSALS_VARIABLE: Final = "RUNTIME_DIRECTORY"
"""Where the unit keeps them; see systemd.exec(5). Not there where a person calls."""

REFUSAL_SECONDS: Final = 3600.0


def note_refusal(usb_path: str, environment: Mapping[str, str] = os.environ) -> None:
    """Remember that the recorder at a USB port refused the password."""
    folder = environment.get(REFUSALS_VARIABLE)
    if folder:
        _mark(folder, usb_path).touch(mode=0o600)


def is_refused(usb_path: str, clock: Clock, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the recorder at a USB port refused it within the last hour."""
    folder = environment.get(REFUSALS_VARIABLE)
    if not folder:
        return False
    try:
        noted = _mark(folder, usb_path).stat().st_mtime
    except FileNotFoundError:
        return False
    return clock.now().timestamp() - noted < REFUSAL_SECONDS


def _mark(folder: str, usb_path: str) -> Path:
    return Path(folder) / (usb_path.strip("/").replace("/", "!") or "unknown")
