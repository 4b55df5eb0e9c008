"""Numbers and names as recorders store them: fields of fixed width, padded with zeros, names in GBK."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingestd.devices.dialects.transfer import not_understood


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a recorder says of itself and its user. Null is what the dialect does not tell, "" what is not filled in.

    `undecoded` holds, as hex, fields that are no text in GBK. Nothing of it is checked against the roster.
    """

    device_number: str
    user_number: str | None = None
    user_name: str | None = None
    unit_number: str | None = None
    unit_name: str | None = None
    undecoded: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_factory_number(self) -> bool:
        """Whether the number is the zeros that many recorders leave the factory with, and so names nobody."""
        return not self.device_number.strip("0")


def field_text(raw: bytes) -> str | None:
    """The text before the first zero byte, as GBK; null where it is none, or holds control characters."""
    try:
        text = raw.split(b"\0", 1)[0].decode("gbk")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def device_number(text: str | None, what: str, raw: bytes) -> str:
    """A device number, of which nothing is guessed: 1 to 32 ASCII letters and digits, with - and _.

    Raises:
        SourceError: it is none.
    """
    if not text or len(text) > 32 or not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise not_understood(what, raw)
    return text


def unpack_info(raw: bytes, fields: Mapping[str, tuple[int, int]], what: str) -> DeviceInfo:
    """Read a block of fields.

    Args:
        raw: the block.
        fields: name of the field in `DeviceInfo` → offset and width in bytes; `device_number` is among them.
        what: the command, for the error.

    Raises:
        SourceError: the block is too short, or holds no device number.
    """
    cut = {name: raw[start : start + width] for name, (start, width) in fields.items()}
    if any(len(raw) < start + width for start, width in fields.values()):
        raise not_understood(what, raw)
    texts = {name: field_text(piece) for name, piece in cut.items()}
    number = device_number(texts.pop("device_number"), what, raw)
    undecoded = {name: cut[name].rstrip(b"\0").hex() for name, text in texts.items() if text is None}
    return DeviceInfo(device_number=number, undecoded=undecoded, **texts)
