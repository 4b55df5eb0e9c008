"""What of a configuration stands in the ledger: its settings by dotted keys, never a secret, and what changed."""

import re
from collections.abc import Mapping
from typing import Any

_SECRET = re.compile(r"(secret|password|passphrase|token|private_key|access_key)(_id)?$")
_USER_OF_ADDRESS = re.compile(r"(://)[^/@\s]*@")
WITHHELD = "(withheld)"


def configuration_facts(settings: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """What a configuration says, by dotted keys, without anything secret.

    Secrets are named by files in the settings; a key that might hold one itself is withheld.

    Args:
        settings: the dump of the settings, as JSON.
        files: SHA-256 of the other files that were read (regimes, recorders, roster), by name.
    """
    facts: dict[str, Any] = {f"file:{name}": digest for name, digest in files.items()}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, below in value.items():
                walk(f"{prefix}.{key}", below)
            return
        facts[prefix] = _without_secrets(prefix, value)

    for name, section in settings.items():
        walk(name, section)
    return facts


def _without_secrets(key: str, value: Any) -> Any:
    if _SECRET.search(key.rsplit(".", 1)[-1]) and value:
        return WITHHELD
    if isinstance(value, str):
        return _USER_OF_ADDRESS.sub(r"\1", value)
    if isinstance(value, list):
        return [_without_secrets(key, one) for one in value]
    if isinstance(value, dict):
        return {name: _without_secrets(name, one) for name, one in value.items()}
    return value


def configuration_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What differs, as `{key: {before, after}}`; a key that one side lacks has no such side."""
    changes: dict[str, dict[str, Any]] = {}
    for key in sorted(before.keys() | after.keys()):
        sides = {name: side[key] for name, side in (("before", before), ("after", after)) if key in side}
        if len(sides) == 1 or sides["before"] != sides["after"]:
            changes[key] = sides
    return changes
