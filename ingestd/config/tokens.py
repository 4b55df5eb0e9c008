"""Bearer tokens from files that nobody else may read."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingestd.config.problems import Problem, config_error
from ingestd.core.errors import ConfigError

CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what LoadCredential= names; see systemd.exec(5)."""

LEAST_CHARACTERS: Final = 32
_MOST_BYTES: Final = 512


def read_token(file: Path, folder: Path, key: str, environment: Mapping[str, str] = os.environ) -> str:
    """The one line of a token file.

    Args:
        file: as configured. A bare name is first looked for among the credentials that systemd handed over.
        folder: where a relative path starts.
        key: of the setting that names the file, for the errors.

    Raises:
        ConfigError: it is not there, no regular file, somebody else's, readable by others, or no token of one line.
    """
    path, raw = read_secret(file, folder, key, "put the token there, one line, mode 0600", environment)
    lines = raw.decode("ascii", "replace").splitlines()
    is_token = len(lines) == 1 and len(raw) <= _MOST_BYTES and lines[0].isascii() and lines[0].isprintable()
    if not is_token or " " in lines[0] or len(lines[0]) < LEAST_CHARACTERS:
        fix = "write one with: openssl rand -hex 32"
        raise _refused(path, key, f"does not hold one line of at least {LEAST_CHARACTERS} ASCII characters", fix)
    return lines[0]


def read_secret(
    file: Path,
    folder: Path,
    key: str,
    fix: str,
    environment: Mapping[str, str] = os.environ,
    most_bytes: int = _MOST_BYTES,
) -> tuple[Path, bytes]:
    """The bytes of a file that nobody else may read (one more than `most_bytes` at most), and where it lies.

    Args:
        file, folder, key, environment: as for `read_token`.
        fix: what to do where it cannot be read.

    Raises:
        ConfigError: it is not there, no regular file, somebody else's, or readable by others.
    """
    credentials = environment.get(CREDENTIALS_VARIABLE)
    if credentials and file.name == str(file) and (Path(credentials) / file).is_file():
        # A credential of a unit with a user of its own carries an access list, which shows as rights of a group.
        path, forbidden = Path(credentials) / file, stat.S_IRWXO
    else:
        path, forbidden = folder / file, stat.S_IRWXG | stat.S_IRWXO
    return path, _secret_of(path, key, fix, forbidden, most_bytes)


def _secret_of(path: Path, key: str, fix: str, forbidden: int, most_bytes: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(path, key, f"cannot be read: {error.strerror}", fix) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, key, "is not a regular file", "put it into a file of its own")
        if status.st_mode & forbidden:
            mode = stat.S_IMODE(status.st_mode)
            raise _refused(path, key, f"may be read by others (mode {mode:04o})", f"chmod 0600 {path}")
        if status.st_uid not in (0, os.geteuid()):
            fix = "give it to the user that runs this, or to root"
            raise _refused(path, key, f"belongs to user {status.st_uid}", fix)
        return os.read(descriptor, most_bytes + 1)
    finally:
        os.close(descriptor)


def _refused(path: Path, key: str, what: str, fix: str) -> ConfigError:
    return config_error([Problem(path, key, what, fix)])
