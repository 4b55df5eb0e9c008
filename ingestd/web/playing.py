"""Whether somebody may see or hear a recording now, and the register of everything that is played (调阅监督).

Every page that hands out pictures or sound asks `may_play` and then has `register_view` enter the view; what could not
be registered is not played.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ingestd.core.access import Decision, Reason, permission, viewers_of
from ingestd.core.access_acts import AN_HOUR, View
from ingestd.core.access_rules import AccessKind, rule_for
from ingestd.core.clock import to_text
from ingestd.core.roles import Right
from ingestd.core.visibility import is_person
from ingestd.web.console import built
from ingestd.web.visit import Visit
from ingestd.wiring import open_access, open_catalogue

PlayedAs = Literal["play", "download"]
_SESSION_DIGITS = 16


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_WHY: Final[Mapping[Reason, str]] = {
    Reason.ROLE: _("Open to you by your role; each view is registered."),
    Reason.OWN: _("Your own footage is open to you; each view is registered."),
    Reason.SAMPLE: _("Open to you because it was drawn in a sample; each view is registered."),
    Reason.REQUEST: _("Open to you by request {number}; each view is registered."),
    Reason.NEEDS_APPROVAL: _("Closed until a request to view it is approved."),
    Reason.WAITS: _("Closed: request {number} waits for approval."),
    Reason.EXPIRED: _("Closed: request {number} has expired."),
    Reason.USED_UP: _("Closed: request {number} is used up."),
    Reason.EXCLUDED: _("Closed: it is flagged as secret or private, and the regime gives it to nobody."),
}
_WHY_NO_COPY: Final = _("Closed until a request to copy it is approved.")


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a recording is open to somebody.

    Args:
        why: in words for people, in their language.
        request_id: the approved request (调用单) that opens it; where it is closed the one that would once it is
            approved, or did before. Null where there is none.
        article, words: the clause of the regime that says so; null where it is the bureau's own rule without one.
        sample: the sample by which it is open; null for all else.
    """

    is_open: bool
    why: str
    request_id: str | None = None
    article: str | None = None
    words: str | None = None
    sample: str | None = None


def may_play(
    visit: Visit, recording: Mapping[str, Any], *, kind: PlayedAs = "play", sample: str | None = None
) -> Permission:
    """Whether whoever asks may see and hear this recording now.

    Args:
        recording: a row of the catalogue.
        kind: `download` takes what a copy takes.
        sample: the sample that the recording was drawn into and that this visitor checks; null outside of one. The
            caller has made sure of both.
    """
    decision = _decision(visit, recording, kind, sample)
    needs_copy = kind == "download" and decision.reason is Reason.NEEDS_APPROVAL
    why = visit.t(_WHY_NO_COPY if needs_copy else _WHY[decision.reason]).format(number=decision.request)
    by_sample = sample if decision.reason is Reason.SAMPLE else None
    clause = decision.rule
    return Permission(decision.is_open, why, decision.request, clause.article, clause.words, by_sample)


def register_view(
    visit: Visit, recording: Mapping[str, Any], permission: Permission, *, kind: PlayedAs = "play"
) -> None:
    """Enter a view in the register, once a session, recording and hour. Called before the first byte goes out.

    Raises:
        UnavailableError, RefusedError: it could not be entered; nothing may be played.
    """
    fields = {
        "account": visit.visitor.account,
        "recording": recording["recording_id"],
        "kind": kind,
        "request": permission.request_id if permission.is_open else None,
        "sample": permission.sample,
        "session": session_of(visit),
        "unit": visit.visitor.unit or "",
    }
    request = built(View, visit.visitor, fields)
    going_on = _going_on(visit, str(recording["recording_id"]), kind)
    if going_on is None or (going_on["request"], going_on["sample"]) != (request.request, request.sample):
        visit.console.act("access", [request])


def has_open_request(visit: Visit, recording_id: str) -> bool:
    """Whether an approved request of whoever asks opens a recording now, also one outside of the own scope."""
    account, now = visit.visitor.account, visit.console.clock.now()
    found = open_access(visit.console.settings).opening(account, recording_id)
    return any(request.state(views, now).is_opening for request, views in found)


def session_of(visit: Visit) -> str:
    """What tells one session from another in the register: the start of a digest, which opens nothing."""
    key = visit.request.cookies.get("ingestd_session", "") or visit.visitor.account
    return hashlib.sha256(key.encode()).hexdigest()[:_SESSION_DIGITS]


def is_own(visit: Visit, recording: Mapping[str, Any]) -> bool:
    """Whether whoever asks is an officer of a recording, and the station does not doubt it."""
    row = recording
    if "tags" not in row:
        row = open_catalogue(visit.console.settings).recording(str(recording["recording_id"]))
    person, certificate = visit.visitor.person, visit.visitor.certificate
    officers = (row["tags"] or {}).get("officers") or ()
    return any(is_person(person, certificate, one) for one in officers if not one.get("is_doubtful"))


def _decision(visit: Visit, recording: Mapping[str, Any], kind: PlayedAs, sample: str | None) -> Decision:
    visitor, console = visit.visitor, visit.console
    recording_id = str(recording["recording_id"])
    book, rules = open_access(console.settings), console.configuration.regime.access
    wanted = AccessKind.COPY if kind == "download" else AccessKind.VIEW
    in_sample = sample is not None and visit.may(Right.INSPECT)
    viewers = viewers_of(visitor.roles, is_own=is_own(visit, recording), is_in_sample=in_sample)
    is_secret = bool(book.secret_flags([recording_id]))
    # A list asks for many recordings at once; what the rules alone open needs no look at requests.
    needs_request = rule_for(rules, wanted, viewers, is_secret=is_secret).needs_approval
    going_on = _going_on(visit, recording_id, kind) if needs_request else None
    return permission(
        rules,
        kind=wanted,
        viewers=viewers,
        is_secret=is_secret,
        account=visitor.account,
        recording_id=recording_id,
        requests=book.opening(visitor.account, recording_id) if needs_request else (),
        going_on=going_on["request"] if going_on is not None else None,
        now=console.clock.now(),
    )


def _going_on(visit: Visit, recording_id: str, kind: PlayedAs) -> Mapping[str, Any] | None:
    """This session's view of a recording that stands in the register since less than an hour; null for none."""
    since = to_text(visit.console.clock.now() - AN_HOUR)
    account = visit.visitor.account
    return open_access(visit.console.settings).going_on(session_of(visit), account, recording_id, kind, since)
