"""`bays.toml` beside the settings: names of ports that `ingestd bays learn` wrote down."""

import json
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ingestd.core.settings import check_bay_names

BAYS_FILE = "bays.toml"

_HEADER = """\
# 采集口: names of the ports, written anew by `ingestd bays learn`. Read when the station starts or is reloaded.
# A port that [udev.bays] in ingestd.toml names too keeps the name given there.
"""


class LearnedBays(BaseModel):
    """The file: udev's path of a port → name of the bay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bays: dict[str, str] = Field(default_factory=dict)

    @field_validator("bays")
    @classmethod
    def _bays_have_names(cls, bays: dict[str, str]) -> dict[str, str]:
        check_bay_names(bays)
        return bays


def bays_toml(bays: Mapping[str, str]) -> str:
    """The file's text, in the order given. Ports and names must be printable, as `check_bay_names` wants names."""
    # A JSON string of printable characters is a TOML string.
    lines = [
        f"{json.dumps(port, ensure_ascii=False)} = {json.dumps(name, ensure_ascii=False)}\n"
        for port, name in bays.items()
    ]
    return f"{_HEADER}\n[bays]\n{''.join(lines)}"


def next_bay_name(taken: Iterable[str], last: str = "") -> str:
    """The name to propose after `last`: the same with the next number that is free; `bay-1` and on to begin with."""
    used = set(taken)
    match = re.fullmatch(r"(.*?)([0-9]{1,9})", last)
    stem, number, width = (match[1], int(match[2]) + 1, len(match[2])) if match else ("bay-", 1, 1)
    while (name := f"{stem}{number:0{width}}") in used:
        number += 1
    return name
