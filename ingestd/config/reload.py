"""A configuration read again beside a running station: what is taken over, and what waits for the next start."""

from typing import Any

from pydantic import BaseModel

from ingestd.core.settings import Settings

AT_START: dict[str, tuple[str, ...]] = {
    "station": ("id", "zone", "state_dir"),
    "inbox": ("enabled", "path", "settle_seconds", "done_marker"),
    "udev": ("enabled",),
    "copy": ("block_bytes", "buffer_blocks"),
    "media": ("memory_bytes",),
    "proxy": ("memory_bytes",),
    "http": ("host", "port"),
    "feed": ("enabled", "retry_seconds", "longest_retry_seconds"),
    "ais": ("feed", "senders", "max_lines_per_second", "tolerance_seconds"),
    "log": ("format",),
    "ledger": ("key_file", "head_at"),
}
"""Keys by section that are read at the start only: places, doors, memory that is held. All others are taken over."""


def taken_over(running: Settings, read: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The settings to go on with, and the keys (as in `http.port`) whose new values wait for the next start."""
    sections: dict[str, Any] = {}
    waiting: list[str] = []
    for name, field in Settings.model_fields.items():
        standing, fresh = getattr(running, name), getattr(read, name)
        section = field.alias or name
        if not isinstance(fresh, BaseModel):
            # The folder, where every relative path starts; and the stores of copies, each with work under way.
            sections[name] = standing
            waiting += [section] if section != "folder" and standing != fresh else []
            continue
        keys = {one.alias or attribute: attribute for attribute, one in type(fresh).model_fields.items()}
        kept = {keys[key]: getattr(standing, keys[key]) for key in AT_START.get(section, ())}
        waiting += [
            f"{section}.{key}" for key in AT_START.get(section, ()) if kept[keys[key]] != getattr(fresh, keys[key])
        ]
        sections[name] = fresh.model_copy(update=kept)
    return read.model_copy(update=sections), tuple(waiting)
