"""Interruptions that wait for their reason (江门 36, 海洋 27(四))."""

from typing import Any
from zoneinfo import ZoneInfo

from ingestd.answers.explained import Explained
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import local_time, seconds, span
from ingestd.core.errors import NotFoundError
from ingestd.core.explanation_acts import Explain
from ingestd.core.interruption import InterruptionReason
from ingestd.core.roles import Right
from ingestd.core.visibility import is_visible
from ingestd.stores.explanations import identity_of
from ingestd.web.console import built
from ingestd.web.lists.items import A_PAGE, Deed, Field, Item, Items, WorkList, counted, name_of, wanted
from ingestd.web.rendering import code_words
from ingestd.web.scope import may_see, question_scope
from ingestd.web.visit import Visit
from ingestd.wiring import open_explanations


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


def _items(visit: Visit, after: str) -> Items:
    scope = question_scope(visit)
    found, following = Explained(visit.console.configuration).waiting(
        lambda one: is_visible(scope, one["officers"]), after=after, limit=A_PAGE
    )
    return Items(tuple(_item(visit, one) for one in found), following)


def _item(visit: Visit, one: dict[str, Any]) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    officers = ", ".join(each["officer"] for each in one["officers"])
    names = " → ".join(name_of(path) for path in one["card_paths"])
    clauses = "; ".join(f"{rule['article']} {rule['words'] or ''}" for rule in one["asked_by"] if rule["article"])
    facts = ((t("Files"), names), (t("Officers"), officers), (t("Clause"), clauses))
    links = [(f"/recordings/{each}", t("the recording")) for each in one["about"][:1] if one["card_paths"]]
    return Item(
        key=one["finding_key"],
        title=code_words(one["code"], visit.language),
        note=_when(one, zone),
        facts=tuple((name, value) for name, value in facts if value),
        links=tuple(links),
        fields=(
            Field("reason", t("Reason of the interruption"), "buttons", choices=_reasons(visit, one), is_required=True),
            Field("words", t("What happened"), "lines", is_required=True),
            Field("reported_at", t("Reported at"), "moment"),
            Field("reported_to", t("Reported to")),
        ),
        deeds=(Deed("explain", t("Save the reason")),),
    )


def _when(one: dict[str, Any], zone: ZoneInfo) -> str:
    """On the wall clock; else its seconds in the file; empty for a whole file."""
    if one["start_utc"]:
        return f"{local_time(one['start_utc'], zone)[:10]} {span(one, zone)}"
    return "–".join(seconds(one[key]) for key in ("start_s", "end_s") if one[key] is not None)


def _reasons(visit: Visit, one: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Those that the clause names come first, the others behind them."""
    named = {reason for rule in one["asked_by"] for reason in rule["named_reasons"]}
    ordered = sorted(InterruptionReason, key=lambda reason: reason.value not in named)
    return tuple((reason.value, reason.zh if visit.language == "zh" else reason.en) for reason in ordered)


def _act(visit: Visit, key: str) -> str:
    zone = visit.console.settings.station.zone_info
    about = identity_of(open_explanations(visit.console.settings).finding(key)).about
    if not all(may_see(visit, {"recording_id": one}) for one in about):
        raise NotFoundError(visit.t("this interruption is not there any more"))
    reported = visit.text("reported_at")
    fields = {
        "finding": key,
        "reason": wanted(visit, "reason", _("choose a reason")),
        "words": wanted(visit, "words", _("say in words what happened")),
        "reported_at": moment_of(reported, visit.t("Reported at"), zone) if reported else None,
        "reported_to": visit.text("reported_to"),
    }
    request = built(Explain, visit.visitor, fields)
    visit.console.ask("explain", request=request.model_dump(mode="json"))
    return visit.t("The interruption is explained.")


LIST = WorkList(
    "interruptions",
    _("Interruptions without a reason"),
    _("Give the reason of each. The finding stays, and beside it stands who said what."),
    Right.EXPLAIN,
    _items,
    _act,
    counted(_items),
)
