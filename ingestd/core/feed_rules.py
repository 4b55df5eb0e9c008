"""What a feed may be told to send, and where: names of acts and fields, and addresses, checked. Pure."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

_ACT = re.compile(r"[a-z_]+\.[a-z_]+")
_FIELD = re.compile(r"actor|(?:data|recording)(?:\.[A-Za-z0-9_]+)+")

Fields = Mapping[str, Sequence[str]]
"""For each act that is told of, the fields that go with it: `actor`, `data.…` of the act, `recording.…` of the
catalogue as it stands when it is sent."""


def check_fields(events: Fields) -> None:
    """Refuse names that can be no act and no field.

    Raises:
        ValueError: with the fix, as validators word it.
    """
    for act, fields in events.items():
        if not _ACT.fullmatch(act):
            raise ValueError(f"{act!r} is no act of the ledger; the acts are in docs/design/vault-format.md")
        for field in fields:
            if not _FIELD.fullmatch(field):
                raise ValueError(f"{act}: {field!r} is no field; write actor, data.NAME or recording.NAME")


def is_address(url: str) -> bool:
    """Whether this is a whole http or https address, without a name and password in it."""
    try:
        address = urlsplit(url)
        is_whole = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False
    return is_whole and url.isascii() and url.isprintable() and not set(url) & set(" @")


def has_recording_fields(act: str, events: Fields) -> bool:
    """Whether the catalogue is asked for what goes with an act."""
    return any(field.startswith("recording.") for field in events.get(act, ()))
