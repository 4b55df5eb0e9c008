"""A question to the search as its form and its address have it: what was asked can be sent on and asked again."""

import datetime as dt
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from ingestd.answers.found import box_of
from ingestd.answers.moments import moment_of
from ingestd.core.clock import from_text, to_text
from ingestd.core.errors import RefusedError
from ingestd.core.facts import MediaKind
from ingestd.core.lifecycle import State
from ingestd.stores.find import Question
from ingestd.web.scope import question_scope
from ingestd.web.visit import Visit

TEXTS: Final = ("words", "officer", "case", "party", "vessel", "place", "box", "unit", "code", "kind", "state")
CHECKS: Final = ("held", "unregistered", "oldest")
_TIMES: Final = {"from": "begins", "to": "ends"}
"""Times as the form has them, in the bureau's own, and as the address has them, in UTC."""

_KINDS: Final = frozenset(kind.value for kind in MediaKind)
_STATES: Final = frozenset(state.value for state in State)
_MOST_SIGNS: Final = 500
_MOST_DIGITS: Final = 18


def asked(visit: Visit) -> dict[str, str]:
    """What is asked, by the names of the address; what is empty is left out.

    Raises:
        RefusedError: something that is no time.
    """
    zone = visit.console.settings.station.zone_info
    found = {name: visit.query.get(name, "").strip()[:_MOST_SIGNS] for name in (*TEXTS, *CHECKS, *_TIMES.values())}
    for local, name in _TIMES.items():
        if written := visit.query.get(local, "").strip():
            found[name] = moment_of(written, visit.t("the time"), zone)
    return {name: value for name, value in found.items() if value}


def is_of_form(visit: Visit) -> bool:
    """Whether the address is as a browser makes it of a form: with empty fields, or with the bureau's own times."""
    named = visit.query.keys()
    return any(name in named for name in _TIMES) or any(not visit.query.get(name, "x").strip() for name in named)


def address(question: Mapping[str, str], path: str = "/search", **more: str) -> str:
    """Where a question is answered; an empty value takes a part out."""
    parts = {name: value for name, value in {**question, **more}.items() if value}
    return path + (f"?{urlencode(parts)}" if parts else "")


def question_of(visit: Visit, parts: Mapping[str, str], *, limit: int, after: str = "") -> Question:
    """What the search is asked, within the scope of whoever asks.

    Raises:
        RefusedError: something that cannot be asked.
    """
    for name, known in (("kind", _KINDS), ("state", _STATES)):
        if parts.get(name, "") and parts[name] not in known:
            raise RefusedError(f"{name} = {parts[name]!r}")
    return Question(
        words=parts.get("words", ""),
        officer=parts.get("officer", ""),
        case=parts.get("case", ""),
        party=parts.get("party", ""),
        vessel=parts.get("vessel", ""),
        place=parts.get("place", ""),
        box=box_of(parts["box"], visit.t("part of the map")) if "box" in parts else None,
        begins=_moment(visit, parts.get("begins")),
        ends=_moment(visit, parts.get("ends")),
        code=parts.get("code"),
        kind=parts.get("kind"),
        state=parts.get("state"),
        unit=parts.get("unit"),
        is_held="held" in parts,
        is_unregistered="unregistered" in parts,
        is_oldest_first="oldest" in parts,
        scope=question_scope(visit),
        after=int(after) if after.removeprefix("-").isdecimal() and len(after) <= _MOST_DIGITS else None,
        limit=limit,
    )


def _moment(visit: Visit, written: str | None) -> str | None:
    return moment_of(written, visit.t("the time"), visit.console.settings.station.zone_info) if written else None


def local_value(text: str | None, zone: dt.tzinfo) -> str:
    """A UTC time as a form's field for a local one has it; empty for none, or for what is no time."""
    try:
        return from_text(text).astimezone(zone).strftime("%Y-%m-%dT%H:%M") if text else ""
    except (ValueError, OverflowError):
        return ""


def month_span(month: str, zone: dt.tzinfo) -> dict[str, str]:
    """A month of the bureau (`2026-03`) as begin and end of a question."""
    year, number = (int(part) for part in month.split("-"))
    begins = dt.datetime(year, number, 1, tzinfo=zone)
    ends = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return {"begins": to_text(begins), "ends": to_text(ends)}
