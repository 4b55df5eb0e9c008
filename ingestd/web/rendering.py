"""Templates: where they lie, and how times, sizes and codes stand in them."""

import datetime as dt
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ingestd.answers.texts import local_time, size
from ingestd.core.clock import from_text
from ingestd.core.findings import REGISTER
from ingestd.web.console import Console
from ingestd.web.languages import Language
from ingestd.web.places import places
from ingestd.web.words import half

_TEMPLATES = Path(__file__).parent / "templates"


def environment_of(console: Console) -> Environment:
    """Templates of the console. What they show is escaped; a name that is not there is a fault."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    zone = console.settings.station.zone_info

    def moment(text: str | None) -> str:
        return local_time(text, zone)

    def minute(text: str | None) -> str:
        return local_time(text, zone)[:16]

    def day(text: str | None) -> str:
        return from_text(text).astimezone(zone).date().isoformat() if text else "–"

    def last_day(text: str | None) -> str:
        """The last day on which something is kept, whose first day without it is `text`."""
        if not text:
            return "–"
        return (from_text(text) - dt.timedelta(seconds=1)).astimezone(zone).date().isoformat()

    environment.filters.update(
        moment=moment,
        minute=minute,
        day=day,
        last_day=last_day,
        size=size,
        duration=duration,
        code=code_words,
        half=half,
    )
    station, regime = console.settings.station, console.configuration.regime
    environment.globals.update(csrf=csrf, places=places, station=station, regime=regime)
    return environment


@pass_context
def csrf(context: Context) -> Markup:
    """The hidden field that every form of somebody who is signed in must have."""
    visitor = context["visitor"]
    return (
        Markup("") if visitor is None else Markup('<input type="hidden" name="csrf" value="{}">').format(visitor.csrf)
    )


def duration(seconds: float | None) -> str:
    """A length of time as a clock shows it."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def code_words(code: str, language: Language) -> str:
    """What a code of a finding means."""
    info: Any = REGISTER.get(code)
    return code if info is None else str(info.zh if language == "zh" else info.en)
