"""A recording and a take: what is known of them, their picture and sound, and what people say of them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.marks import officer_words
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import local_time
from ingestd.answers.vessel_words import vessel_document
from ingestd.core.case_requests import Link, Unlink
from ingestd.core.errors import IngestdError, NotFoundError, RefusedError
from ingestd.core.explanation_acts import Explain, Withdraw
from ingestd.core.interruption import InterruptionReason
from ingestd.core.lifecycle import State
from ingestd.core.registration import Line
from ingestd.core.registration_acts import Register
from ingestd.core.registration_rules import AT_SEA, KnownField
from ingestd.core.roles import Right
from ingestd.core.vessel_acts import ConfirmVessel, OverruleVessel
from ingestd.web.console import built
from ingestd.web.playback import ORIGINAL, Source, octets_of, sent, sources_of, why_closed
from ingestd.web.playing import may_play
from ingestd.web.recording_view import playables_of, row_of, take_of, take_timeline, track_of, view_of
from ingestd.web.recording_words import ORIGIN_WORDS, SOURCE_WORDS, about_words, act_words
from ingestd.web.scope import seen
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_catalogue, open_vessels

_SEPARATOR: Final = re.compile(r"[;；\n]")
_UTC_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
SHOWN_ACTS: Final = 25
"""Of the custody history; the rest opens with a click."""


def recording(visit: Visit) -> Response:
    """The page of a recording."""
    return _page(visit, row_of(visit))


def _page(visit: Visit, row: Mapping[str, Any], *, fault: IngestdError | None = None, at: str = "") -> Response:
    """The page; with `fault` the form `at` stands open again with what was typed."""
    view = view_of(visit, row)
    return visit.page(
        "recording_one.html",
        200 if fault is None else 409,
        view=view,
        document=view.document,
        timeline=view.timeline,
        track=view.track,
        player=_player(visit, view.playables, view.timeline, here=view.playable.recording),
        officers=officer_words(view.document["officers"], has_certificate=True),
        closed=why_closed(row),
        may_save=not why_closed(row) and may_play(visit, row, kind="download").is_open,
        shown_acts=SHOWN_ACTS,
        shown_values=lambda line: shown_values(visit, line),
        fault=fault,
        at=at,
        **_words(visit),
    )


def take(visit: Visit) -> Response:
    """The page of a take: its player, timeline and map."""
    take_id = str(visit.path["take"])
    rows = seen(visit, take_of(visit, take_id))
    if not rows:
        raise NotFoundError(visit.t("There is no such take."))
    timeline = take_timeline(visit, rows, take_id)
    playables = playables_of(visit, rows)
    vessels = _vessels_of(visit, rows)
    track, track_fault = track_of(visit, rows, timeline.statement.start if timeline is not None else None, vessels)
    return visit.page(
        "recording_take.html",
        take_id=take_id,
        rows=rows,
        timeline=timeline,
        track=track,
        track_fault=track_fault,
        playable=playables[0],
        player=_player(visit, playables, timeline, here=playables[0].recording),
        fault=None,
        at="",
        **_words(visit),
    )


def _vessels_of(visit: Visit, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Candidates of all recordings of a take, each vessel where it was nearest; what people said of it counts first."""
    book = open_vessels(visit.console.settings)
    nearest: dict[int, Mapping[str, Any]] = {}
    for row in rows:
        for one in vessel_document(row["recording_id"], book)["candidates"]:
            known = nearest.get(one["mmsi"])
            if known is None or _weight(one) < _weight(known):
                nearest[one["mmsi"]] = one
    return sorted(nearest.values(), key=lambda one: one["distance_m"])


def _weight(candidate: Mapping[str, Any]) -> tuple[bool, float]:
    return candidate["state"] == "open", candidate["distance_m"]


def _player(visit: Visit, playables: Any, timeline: Any, *, here: str) -> dict[str, Any]:
    """What the script of the page is told."""
    station = visit.console.settings.station
    segments = () if timeline is None else timeline.segments
    return {
        "here": here,
        "zone": station.zone_info.key,
        "start": None if timeline is None else timeline.start,
        "span_s": 0 if timeline is None else timeline.statement.span_s,
        "left": 0 if timeline is None else timeline.left,
        "right": 0 if timeline is None else timeline.right,
        "segments": [
            {"recording": one.recording, "start_s": one.start_s, "length_s": one.length_s} for one in segments
        ],
        "playables": [one.document for one in playables],
        "words": {
            "cannot": visit.t("This browser cannot play this file."),
            "failed": visit.t("The file could not be loaded."),
        },
    }


def _words(visit: Visit) -> dict[str, Any]:
    return {
        "act_words": lambda act: act_words(visit, act),
        "origin_words": {name: visit.t(words) for name, words in ORIGIN_WORDS.items()},
        "source_words": {name: visit.t(words) for name, words in SOURCE_WORDS.items()},
        "about_words": lambda act: about_words(visit, act),
        "reasons": tuple(InterruptionReason),
    }


# Picture and sound


def media(visit: Visit) -> Response:
    """What plays best of a recording, or the copy that is named."""
    row = row_of(visit)
    sources = _sources(visit, row)
    named = visit.query.get("of", "")
    found = next((one for one in sources if one.name == named or not named), None)
    if found is None:
        raise NotFoundError(visit.t("Nothing of this recording can be shown."))
    return sent(visit, row, found)


def original(visit: Visit) -> Response:
    """The recording's own bytes: to be played, or with `?download` to be kept."""
    row = row_of(visit)
    if "download" in visit.query:
        if not State(row["state"]).has_local_bytes:
            raise RefusedError(visit.t(why_closed(row)))
        return sent(visit, row, octets_of(row), kind="download")
    found = next((one for one in _sources(visit, row) if one.name == ORIGINAL), None)
    if found is None:
        raise NotFoundError(visit.t("Nothing of this recording can be shown."))
    return sent(visit, row, found)


def _sources(visit: Visit, row: Mapping[str, Any]) -> list[Source]:
    if not State(row["state"]).has_local_bytes:
        raise RefusedError(visit.t(why_closed(row)))
    return sources_of(row, open_catalogue(visit.console.settings).derived(row["recording_id"]))


# What people say of it


def explain(visit: Visit) -> Response:
    """A person gives the reason of a finding."""
    row = row_of(visit)
    finding = visit.text("finding")
    at = f"explain-{finding}"
    try:
        zone = visit.console.settings.station.zone_info
        reported, spoken = visit.text("reported_at"), visit.text("spoken_at_s")
        fields = {
            "finding": finding,
            "reason": visit.text("reason"),
            "words": visit.text("words"),
            "reported_at": moment_of(reported, visit.t("reported at"), zone) if reported else None,
            "reported_to": visit.text("reported_to"),
            "spoken_at_s": spoken or None,
            "spoken_in": row["recording_id"] if spoken else None,
            "reference": visit.text("reference"),
        }
        request = built(Explain, visit.visitor, fields)
        visit.console.ask("explain", request=request.model_dump(mode="json"))
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at=at)
    return _back(visit, row, visit.t("The explanation is entered."), "findings")


def withdraw(visit: Visit) -> Response:
    """A person takes an explanation back."""
    row = row_of(visit)
    try:
        request = built(Withdraw, visit.visitor, {"finding": visit.text("finding"), "reason": visit.text("why")})
        visit.console.ask("explain", request=request.model_dump(mode="json"))
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at=f"withdraw-{visit.text('finding')}")
    return _back(visit, row, visit.t("The explanation is taken back."), "findings")


def link(visit: Visit) -> Response:
    """A person links the recording, or its whole take, to a case."""
    row = row_of(visit)
    try:
        fields = {"number": visit.text("number"), "activity_id": visit.text("activity_id") or None}
        evidence = True if visit.text("is_evidence") else None
        request = built(Link, visit.visitor, {**fields, **_named(visit, row), "is_evidence": evidence})
        visit.console.act("case", [request])
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at="link")
    return _back(visit, row, visit.t("The recording is linked to the case."), "cases")


def unlink(visit: Visit) -> Response:
    """A person takes a link away."""
    row = row_of(visit)
    try:
        fields = {"number": visit.text("number"), "activity_id": visit.text("activity_id") or None}
        named = {"what": "recording", "named": row["recording_id"], "reason": visit.text("why")}
        visit.console.act("case", [built(Unlink, visit.visitor, {**fields, **named})])
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at=f"unlink-{visit.text('number')}")
    return _back(visit, row, visit.t("The link is taken away."), "cases")


def _named(visit: Visit, row: Mapping[str, Any]) -> dict[str, str]:
    is_take = visit.text("what") == "take" and row["take_id"] is not None
    return {"what": "take", "named": row["take_id"]} if is_take else {"what": "recording", "named": row["recording_id"]}


def register(visit: Visit) -> Response:
    """A person fills or corrects the registration; only what he changed is entered."""
    row = row_of(visit)
    view = view_of(visit, row)
    fields = {}
    for line in view.lines:
        name = f"field-{line.field}"
        if name not in visit.form:
            continue
        values = tuple(filter(None, (one.strip() for one in _SEPARATOR.split(visit.text(name)))))
        if values != shown_values(visit, line) and (values or line.given is not None):
            fields[line.field] = values[:1] if line.field == AT_SEA else values
    if not fields:
        return _back(visit, row, visit.t("Nothing was changed."), "registration")
    try:
        named = {"what": "recording", "named": [row["recording_id"]], "note": visit.text("note")}
        request = built(Register, visit.visitor, {**named, "fields": fields})
        visit.console.ask("register", request=request.model_dump(mode="json"))
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at="register")
    return _back(visit, row, visit.t("The registration is entered."), "registration")


def shown_values(visit: Visit, line: Line) -> tuple[str, ...]:
    """The values of a field as its form shows them: times that the station knows stand in the bureau's zone."""
    if line.field != KnownField.USED_AT or line.given is not None:
        return line.values
    zone = visit.console.settings.station.zone_info
    return tuple(_UTC_TIME.sub(lambda found: local_time(found[0], zone), one) for one in line.values)


def vessel(visit: Visit) -> Response:
    """A person says whether a candidate of AIS is the vessel."""
    row = row_of(visit)
    about = {"recording": row["recording_id"]}
    try:
        if visit.text("do") == "confirm":
            fields = {"mmsi": visit.text("mmsi"), "name": visit.text("name"), "number": visit.text("number")}
            request: Any = built(ConfirmVessel, visit.visitor, {**about, **fields})
        else:
            fields = {"vessel": visit.text("mmsi"), "reason": visit.text("why")}
            request = built(OverruleVessel, visit.visitor, {**about, **fields})
        visit.console.ask("vessel", request=request.model_dump(mode="json"))
    except (RefusedError, NotFoundError) as error:
        return _page(visit, row, fault=error, at=f"vessel-{visit.text('mmsi')}")
    return _back(visit, row, visit.t("What you said of the vessel is entered."), "map")


def _back(visit: Visit, row: Mapping[str, Any], said: str, part: str) -> Response:
    answer = visit.go(f"/recordings/{row['recording_id']}", said=said)
    answer.headers["location"] += f"#{part}"
    return answer


_ONE: Final = "/recordings/{recording}"
PAGES = (
    Page(_ONE, recording, Right.SEE),
    Page("/takes/{take}", take, Right.SEE),
    Page(f"{_ONE}/media", media, Right.SEE),
    Page(f"{_ONE}/original", original, Right.SEE),
    Page(f"{_ONE}/explain", explain, Right.EXPLAIN, ("POST",)),
    Page(f"{_ONE}/withdraw", withdraw, Right.EXPLAIN, ("POST",)),
    Page(f"{_ONE}/link", link, Right.CASES, ("POST",)),
    Page(f"{_ONE}/unlink", unlink, Right.CASES, ("POST",)),
    Page(f"{_ONE}/register", register, Right.SETTLE, ("POST",)),
    Page(f"{_ONE}/vessel", vessel, Right.SETTLE, ("POST",)),
)
