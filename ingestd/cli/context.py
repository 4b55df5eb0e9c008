"""What commands share: the configuration option, and how it is read."""

from pathlib import Path
from typing import Annotated

import typer

from ingestd.config.load import Configuration, load_all
from ingestd.core.errors import UnavailableError
from ingestd.core.settings import Settings
from ingestd.ipc import ask

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="ingestd.toml; else $INGESTD_CONFIG, ./config/, /etc/ingestd/.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def configuration_of(path: Path | None) -> Configuration:
    """The whole configuration, checked."""
    return load_all(path)


def is_station_running(settings: Settings) -> bool:
    """Whether a station answers; one that goes away later, in the middle, is a fault and not replaced."""
    try:
        ask(settings.socket_file, {"op": "status"})
    except UnavailableError:
        return False
    return True
