"""What a store of copies lets the station in with: a small TOML file that nobody else may read."""

import tomllib
from pathlib import Path
from typing import Final

from ingestd.config.problems import Problem, config_error
from ingestd.config.tokens import read_secret
from ingestd.core.replica_settings import Credentials, ReplicaSettings

_MOST_BYTES: Final = 8192
_FIX: Final = 'write access_key_id = "…" and secret_access_key = "…" into it, mode 0600'


def read_credentials(replica: ReplicaSettings, folder: Path) -> Credentials | None:
    """The credentials of a store; null for one that needs none (a folder).

    Args:
        folder: where a relative path starts. A bare name is first looked for among what systemd handed over.

    Raises:
        ConfigError: the file cannot be used; nothing of what it holds is shown.
    """
    if replica.credentials_file is None:
        return None
    key = f"replicas.{replica.name}.credentials_file"
    path, raw = read_secret(replica.credentials_file, folder, key, _FIX, most_bytes=_MOST_BYTES)
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except ValueError as error:
        # Without the words of the parser: they would quote the secret.
        raise config_error([Problem(path, key, "is not TOML", _FIX)]) from error
    names = ("access_key_id", "secret_access_key", "session_token")
    values = {name: value for name, value in document.items() if isinstance(value, str) and value}
    if set(document) - set(names) or not {*names[:2]} <= set(values) or len(values) < len(document):
        what = (
            "does not hold access_key_id and secret_access_key (and perhaps session_token) as texts, and nothing else"
        )
        raise config_error([Problem(path, key, what, _FIX)])
    return Credentials(**values)
