"""The password of a bureau's recorders, from a file that nobody else may read."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingestd.core.errors import ConfigError
from ingestd.devices.dialects.api import Password

CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what LoadCredential= names; see systemd.exec(5)."""

_MOST_BYTES: Final = 256
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_password(file: Path, folder: Path, environment: Mapping[str, str] = os.environ) -> Password:
    """The one line of a password file.

    Args:
        file: as configured. A bare name is first looked for among the credentials that systemd handed over.
        folder: where a relative path starts.

    Raises:
        ConfigError: it is not there, no regular file, somebody else's, readable by others, or not one line.
    """
    credentials = environment.get(CREDENTIALS_VARIABLE)
    if credentials and file.name == str(file) and (Path(credentials) / file).is_file():
        # systemd guards the folder; a credential of a unit with a user of its own carries an access list, and that
        # shows as rights of a group.
        return Password(_line_of(Path(credentials) / file, stat.S_IRWXO))
    return Password(_line_of(folder / file, _OTHERS))


def _line_of(path: Path, forbidden: int) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(
            path, f"cannot be read: {error.strerror}", "put the password there, one line, mode 0600"
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, "is not a regular file", "put the password into a file of its own")
        if status.st_mode & forbidden:
            mode = stat.S_IMODE(status.st_mode)
            raise _refused(path, f"may be read by others (mode {mode:04o})", f"chmod 0600 {path}")
        if status.st_uid not in (0, os.geteuid()):
            raise _refused(path, f"belongs to user {status.st_uid}", "give it to the user that runs this, or to root")
        raw = os.read(descriptor, _MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _refused(path, "is not UTF-8", "write the password as one line of text") from error
    if len(lines) != 1 or not lines[0] or len(raw) > _MOST_BYTES:
        raise _refused(path, "does not hold exactly one line", "write the password as one line of text")
    return lines[0]


def _refused(path: Path, what: str, fix: str) -> ConfigError:
    return ConfigError(f"{path}: device_api.password_file {what}", fix)
