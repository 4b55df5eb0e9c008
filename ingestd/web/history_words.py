"""What an act about a case, a complaint or a request for disclosure changed, in the language of whoever reads it."""

from collections.abc import Mapping
from typing import Any, Final

from ingestd.answers.texts import local_time
from ingestd.core.cases import AbsenceGround, ActivityKind, CaseFlag, Stage
from ingestd.core.disclosures import Ground, Outcome
from ingestd.web.case_view import category_words
from ingestd.web.visit import Visit
from ingestd.web.words import half


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_NAMES: Final[Mapping[str, str]] = {
    "cause": _("cause"),
    "category": _("kind"),
    "stage": _("stage"),
    "parties": _("parties"),
    "place": _("place"),
    "officers": _("officers"),
    "unit": _("unit"),
    "opened_on": _("case opened"),
    "concluded_on": _("enforcement ended"),
    "closed_on": _("file filed"),
    "term_until": _("kept until"),
    "filing_due_on": _("to be filed by"),
    "filing_basis": _("by which law"),
    "flags": _("marks"),
    "note": _("note"),
    "kind": _("what was done"),
    "began_at": _("began"),
    "ended_at": _("until"),
    "is_uninterrupted": _("without a break"),
    "absence": _("why there is none"),
    "received_on": _("received"),
    "complainant": _("complainant"),
    "about": _("about what"),
    "happened_from": _("happened"),
    "happened_until": _("until"),
    "case_number": _("case no."),
    "outcome": _("outcome"),
    "settled_on": _("settled"),
    "applicant": _("applicant"),
    "asked": _("asked for"),
    "extension_workdays": _("made longer by working days"),
    "extension_reason": _("why"),
    "extension_agreed_by": _("agreed by"),
    "extended_on": _("agreed on"),
    "extension_told_on": _("applicant told"),
    "consultations": _("third party"),
    "answered_on": _("answered on"),
    "ground": _("ground"),
    "answer": _("in words"),
    "recordings": _("recordings concerned"),
    "redactions": _("redacted copies"),
    "delivered_on": _("delivered"),
    "delivered_how": _("how"),
    "withdrawn_on": _("taken back by the applicant on"),
    "withdrawn_reason": _("why"),
}
_MOMENTS: Final = ("began_at", "ended_at", "happened_from", "happened_until")
_LIST: Final = ("parties", "redactions")


def detail_words(visit: Visit, row: Mapping[str, Any]) -> list[str]:
    """The lines of one act.

    Args:
        row: `act` and `document` of a history.
    """
    document = row["document"]
    lines = [str(document["activity_id"])] if document.get("activity_id") else []
    match row["act"]:
        case "case.linked":
            lines.append(visit.t("{0} recordings").format(len(document["after"])))
            if any(document["after"].values()):
                lines.append(visit.t("evidence"))
        case "case.unlinked":
            lines.append(visit.t("{0} recordings").format(len({one["recording_id"] for one in document["before"]})))
        case _:
            lines += _changed(visit, document)
    return [*lines, *([document["reason"]] if document.get("reason") else [])]


def _changed(visit: Visit, document: Mapping[str, Any]) -> list[str]:
    before, after = document.get("before"), document.get("after") or {}
    lines = []
    for name, value in after.items():
        now = _shown(visit, name, value)
        was = _shown(visit, name, before[name]) if before and before.get(name) else ""
        if now or was:
            label = visit.t(_NAMES[name]) if name in _NAMES else name
            lines.append(f"{label}: {was} → {now or '–'}" if was else f"{label}: {now}")
    return lines


def _shown(visit: Visit, name: str, value: Any) -> str:
    if value in (None, "", [], 0, False):
        return ""
    regime, zone = visit.console.configuration.regime, visit.console.settings.station.zone_info
    match name:
        case "category":
            return category_words(visit, value, regime.categories)
        case "stage":
            return half(Stage(value).words, visit.language)
        case "kind":
            return half(ActivityKind(value).words, visit.language)
        case "flags":
            return ", ".join(half(CaseFlag(one).words, visit.language) for one in value)
        case "officers":
            return ", ".join(f"{one['name']} {one['certificate']}".strip() for one in value)
        case "absence":
            return f"{half(AbsenceGround(value['ground']).words, visit.language)} {value['words']}".strip()
        case "is_uninterrupted":
            return visit.t("yes")
        case "outcome" if value in set(Outcome):
            return half(Outcome(value).words, visit.language)
        case "ground":
            return half(Ground(value).words, visit.language)
        case "consultations":
            return ", ".join(f"{one['whom']} {one['since']} – {one['until'] or '…'}" for one in value)
        case "recordings":
            return ", ".join(one[-12:] for one in value)
        case _ if name in _MOMENTS:
            return local_time(value, zone)[:16]
        case _ if name in _LIST:
            return ", ".join(value)
        case _:
            return str(value)
