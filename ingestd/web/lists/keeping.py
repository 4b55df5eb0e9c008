"""What is kept: recordings born expired, holds to review and to release, carriers to be made, and what is due."""

from typing import Any

from ingestd.answers.reason_words import last_day
from ingestd.answers.texts import local_time
from ingestd.core.carriers import CarrierDue, Enter, Extend
from ingestd.core.errors import RefusedError
from ingestd.core.hold_acts import Approve, Refuse, Release, Review
from ingestd.core.holds import Hold
from ingestd.core.roles import Right
from ingestd.core.term_acts import SettleAges
from ingestd.core.terms import RetentionDecision, RetentionReason
from ingestd.web.console import built
from ingestd.web.hold_scopes import scope_words
from ingestd.web.lists.items import (
    A_PAGE,
    Count,
    Deed,
    Field,
    Item,
    Items,
    WorkList,
    check_recording,
    counted,
    name_of,
    paged,
    wanted,
)
from ingestd.web.scope import may_see, question_scope, seen
from ingestd.web.visit import Visit
from ingestd.web.words import half
from ingestd.wiring import duties_of_stores, open_carriers, open_holds, open_terms


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


# Older than their term when they came in


def _aged(visit: Visit, after: str) -> Items:
    rows = open_terms(visit.console.settings).aged(after=after, limit=A_PAGE + 1)
    following = rows[A_PAGE - 1]["recording_id"] if len(rows) > A_PAGE else ""
    return Items(tuple(_aged_item(visit, row) for row in seen(visit, rows[:A_PAGE])), following)


def _aged_item(visit: Visit, row: dict[str, Any]) -> Item:
    t = visit.t
    return Item(
        key=row["recording_id"],
        title=name_of(row["card_path"]),
        note=local_time(row["recorded_end"], visit.console.settings.station.zone_info)[:16],
        facts=(*_kept(visit, row), (t("Came in"), local_time(row["sealed_at"], _zone(visit))[:16])),
        links=(
            (f"/recordings/{row['recording_id']}", t("the recording")),
            (f"/holds/new?recording={row['recording_id']}", t("hold it instead")),
        ),
        fields=(Field("reason", t("What you found"), is_required=True, hint=t("for example: the clock was reset")),),
        deeds=(Deed("settle", t("Accept it: its term counts from sealing")),),
    )


def _aged_act(visit: Visit, key: str) -> str:
    check_recording(visit, key)
    reason = wanted(visit, "reason", _("say what you found"))
    visit.console.act("terms", [built(SettleAges, visit.visitor, {"recordings": (key,), "reason": reason})])
    return visit.t("Accepted; its term counts from sealing.")


def _kept(visit: Visit, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    decision, zone = RetentionDecision.model_validate(row["retention"]), _zone(visit)
    until = last_day(row["keep_until"], zone)
    return (
        (visit.t("Kept until"), half(until, visit.language)),
        (visit.t("Because"), _reason(visit, decision.winner)),
    )


def _reason(visit: Visit, reason: RetentionReason) -> str:
    clause = f"{reason.article} {reason.words}" if reason.article else ""
    return "：".join(filter(None, (half(reason.kind.words, visit.language), clause)))


def _zone(visit: Visit) -> Any:
    return visit.console.settings.station.zone_info


AGED = WorkList(
    "born-expired",
    _("Older than their term when they came in"),
    _("A person looks at each: a wrong clock, a card that came late. Until then none of them is ever due."),
    Right.HOLD,
    _aged,
    _aged_act,
    counted(_aged),
)


# What is due


def _due(visit: Visit, after: str) -> Items:
    rows = open_terms(visit.console.settings).due(visit.console.clock.now(), limit=A_PAGE + 1)
    shown = seen(visit, rows[:A_PAGE])
    return Items(tuple(_due_item(visit, row) for row in shown))


def _due_item(visit: Visit, row: dict[str, Any]) -> Item:
    return Item(
        key=row["recording_id"],
        title=name_of(row["card_path"]),
        note=local_time(row["recorded_end"], _zone(visit))[:16],
        facts=_kept(visit, row),
        links=(
            (f"/recordings/{row['recording_id']}", visit.t("the recording")),
            ("/disposals", visit.t("plan a disposal")),
        ),
    )


def _due_count(visit: Visit) -> Count:
    if not question_scope(visit).is_whole:
        return counted(_due)(visit)
    rows = open_terms(visit.console.settings).due(visit.console.clock.now(), limit=A_PAGE + 1)
    return Count(min(len(rows), A_PAGE), len(rows) > A_PAGE)


DUE = WorkList(
    "due",
    _("Due for disposal"),
    _("Recordings whose term is over, the longest ago first. Nothing goes without a plan and its approvals."),
    Right.DISPOSAL,
    _due,
    None,
    _due_count,
)


# Holds


def _holds_to_review(visit: Visit, after: str) -> Items:
    today = visit.console.clock.now().astimezone(_zone(visit)).date()
    # Those whose release somebody asked for wait for another person's word.
    found = [one for one in open_holds(visit.console.settings).to_review(today) if one.release is None]
    shown, following = paged(found, lambda one: one.hold_id, after, _sees(visit))
    note = Field("note", visit.t("What was found, or why it may end"), "lines")
    next_on = Field("review_on", visit.t("Look again on"), "day")
    deeds = (Deed("review", visit.t("It is still needed")), Deed("release", visit.t("Ask for its release")))
    return Items(tuple(_hold_item(visit, one, (next_on, note), deeds) for one in shown), following)


def _sees(visit: Visit) -> Any:
    scope, book = question_scope(visit), open_holds(visit.console.settings)
    return lambda one: scope.is_whole or book.is_of(one.hold_id, scope)


def _hold_item(visit: Visit, one: Hold, fields: tuple[Field, ...], deeds: tuple[Deed, ...]) -> Item:
    t = visit.t
    facts = (
        (t("Scope"), scope_words(visit, one.scope)),
        (t("Basis"), one.basis),
        (t("Asked for by"), one.requester),
        (t("What happened"), one.words),
        (t("Release asked for by"), f"{one.release.by}: {one.release.reason}" if one.release is not None else ""),
    )
    return Item(
        key=one.hold_id,
        title=f"{one.hold_id} {half(one.reason.words, visit.language)}",
        note=t("review on {0}").format(one.review_on),
        facts=tuple((name, value) for name, value in facts if value),
        links=((f"/holds/{one.hold_id}", t("the hold")),),
        fields=fields,
        deeds=deeds,
    )


def _check_hold(visit: Visit, key: str) -> None:
    if not _sees(visit)(open_holds(visit.console.settings).hold(key)):
        raise RefusedError(visit.t("this is not yours to settle"))


def _review_act(visit: Visit, key: str) -> str:
    _check_hold(visit, key)
    if visit.text("do") == "release":
        reason = wanted(visit, "note", _("say why it may end"))
        visit.console.act("hold", [built(Release, visit.visitor, {"hold": key, "reason": reason})])
        return visit.t("Asked for; another person decides.")
    on = wanted(visit, "review_on", _("say when to look again"))
    fields = {"hold": key, "review_on": on, "note": " ".join(visit.text("note").split())}
    visit.console.act("hold", [built(Review, visit.visitor, fields)])
    return visit.t("It stays; look again on {0}").format(on)


def _releases(visit: Visit, after: str) -> Items:
    waiting = [one for one in open_holds(visit.console.settings).standing() if one.release is not None]
    shown, following = paged(waiting, lambda one: one.hold_id, after, _sees(visit))
    note = Field("note", visit.t("Note"), "lines", hint=visit.t("needed to refuse"))
    deeds = (Deed("approve", visit.t("Approve the release")), Deed("refuse", visit.t("Refuse: the hold stays")))
    return Items(tuple(_hold_item(visit, one, (note,), deeds) for one in shown), following)


def _release_act(visit: Visit, key: str) -> str:
    _check_hold(visit, key)
    if visit.text("do") == "refuse":
        reason = wanted(visit, "note", _("say why it stays"))
        visit.console.act("hold", [built(Refuse, visit.visitor, {"hold": key, "reason": reason})])
        return visit.t("The hold stays: {0}").format(key)
    fields = {"hold": key, "note": " ".join(visit.text("note").split())}
    visit.console.act("hold", [built(Approve, visit.visitor, fields)])
    return visit.t("Approved: {0}").format(key)


REVIEWS = WorkList(
    "holds",
    _("Holds to review"),
    _("Their day of review has come: say that they are still needed, or ask for their release."),
    Right.HOLD,
    _holds_to_review,
    _review_act,
    counted(_holds_to_review),
)
RELEASES = WorkList(
    "releases",
    _("Releases of holds to decide"),
    _("Somebody asked that the hold ends. It stands until another person agrees."),
    Right.RELEASE_HOLD,
    _releases,
    _release_act,
    counted(_releases),
)


# Carriers


def _carriers(visit: Visit, after: str) -> Items:
    configuration = visit.console.configuration
    book = open_carriers(configuration.settings)
    due = book.due(configuration.regime.carriers, duties_of_stores(configuration.settings))
    shown, following = paged(
        due,
        lambda one: f"{one.recording_id} {one.rule_id}",
        after,
        lambda one: may_see(visit, {"recording_id": one.recording_id}),
    )
    known = tuple((one.carrier_id, one.label) for one in book.carriers() if one.withdrawn_at is None)
    return Items(tuple(_carrier_item(visit, one, known) for one in shown), following)


def _carrier_item(visit: Visit, one: CarrierDue, known: tuple[tuple[str, str], ...]) -> Item:
    t = visit.t
    kinds = tuple((kind.value, half(kind.words, visit.language)) for kind in one.kinds)
    facts = ((t("Because of"), "、".join(one.because)), (t("Clause"), f"{one.article or ''} {one.words or ''}"))
    return Item(
        key=f"{one.recording_id} {one.rule_id}",
        title=name_of(one.card_path),
        facts=tuple((name, value) for name, value in facts if value.strip()),
        links=((f"/recordings/{one.recording_id}", t("the recording")),),
        fields=(
            Field("number", t("Number of the carrier"), choices=known, is_required=True),
            Field("kind", t("Kind, where the carrier is new"), "buttons", choices=kinds),
            Field("label", t("Label, where the carrier is new")),
        ),
        deeds=(Deed("enter", t("It stands on this carrier")),),
    )


def _carrier_act(visit: Visit, key: str) -> str:
    recording = key.partition(" ")[0]
    check_recording(visit, recording)
    number = wanted(visit, "number", _("write the carrier's number"))
    fields: dict[str, Any] = {"number": number, "recordings": (recording,)}
    if open_carriers(visit.console.settings).find(number) is not None:
        visit.console.act("carrier", [built(Extend, visit.visitor, fields)])
    else:
        kind = wanted(visit, "kind", _("say what kind of carrier it is"))
        more = {"kind": kind, "label": visit.text("label")}
        visit.console.act("carrier", [built(Enter, visit.visitor, fields | more)])
    return visit.t("Entered on carrier {0}").format(number)


CARRIERS = WorkList(
    "carriers",
    _("To be put on a carrier"),
    _("Held or evidence, and on no disc, medium or cloud that counts for the regime."),
    Right.HOLD,
    _carriers,
    _carrier_act,
)
