"""A configuration read again beside a running station: what is taken over, and what waits for the next start."""

from pathlib import Path
from typing import Any

import pytest

from ingestd.config.reload import AT_START, taken_over
from ingestd.core.settings import Settings
from tests.support.codefacts import PROJECT, default_keys

RUNNING = Settings(folder=PROJECT / "config")


def read(**sections: Any) -> Settings:
    return Settings.model_validate({"folder": PROJECT / "config", **sections})


def test_nothing_changed_is_nothing_new() -> None:
    assert taken_over(RUNNING, read()) == (RUNNING, ())


def test_names_lists_rules_and_levels_are_taken_over() -> None:
    new = read(
        udev={"allowed_labels": ["BODYCAM"], "bays": {"pci-0:1": "bay-1"}},
        log={"level": "debug"},
        bays={"hook": ["/bin/true"]},
        copy={"silent_seconds": 5},
        station={"regime": "health", "name": "二号站"},
    )
    assert taken_over(RUNNING, new) == (new, ())


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("station", "id", "other"),
        ("station", "state_dir", "/elsewhere"),
        ("inbox", "path", "drop"),
        ("udev", "enabled", False),
        ("copy", "buffer_blocks", 64),
        ("http", "port", 1),
        ("log", "format", "console"),
    ],
)
def test_places_and_doors_wait_for_the_next_start_and_are_named(section: str, key: str, value: object) -> None:
    settings, waiting = taken_over(RUNNING, read(**{section: {key: value}, "bays": {"pulled_seconds": 1.0}}))
    assert waiting == (f"{section}.{key}",)
    assert settings == RUNNING.model_copy(update={"bays": settings.bays})
    assert settings.bays.pulled_seconds == 1.0


def test_relative_paths_still_start_where_they_did() -> None:
    moved = Settings(folder=Path("/etc/elsewhere"))
    assert taken_over(RUNNING, moved)[0].folder == RUNNING.folder


def test_every_key_that_waits_exists_and_stands_in_the_reference() -> None:
    page = (PROJECT / "docs" / "reference" / "configuration.md").read_text("utf-8")
    for section, keys in AT_START.items():
        assert {f"{section}.{key}" for key in keys} <= default_keys(Settings).keys()
        assert f"`{section}.*`" in page or all(f"`{section}.{key}`" in page.split("## Changes")[1] for key in keys)
