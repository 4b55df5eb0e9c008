"""What the scope of a hold covers, in words of the visitor's language."""

from ingestd.core.cases import CaseOfficer
from ingestd.core.clock import to_text
from ingestd.core.holds import AnyScope, CaseScope, OfficerScope, PlaceScope, RecordingsScope, TakeScope
from ingestd.web.visit import Visit


def scope_words(visit: Visit, scope: AnyScope) -> str:
    """What a scope covers, in one line."""
    match scope:
        case RecordingsScope(recordings=(one,)):
            return visit.t("recording {0}").format(one[-12:])
        case RecordingsScope():
            return visit.t("{0} recordings").format(len(scope.recordings))
        case TakeScope():
            return visit.t("take {0}").format(scope.take_id[-12:])
        case CaseScope():
            return visit.t("case {0}").format(scope.number)
        case OfficerScope():
            who = CaseOfficer(scope.name, scope.certificate).shown
            return visit.t("officer {0}, {1}").format(who, _window(visit, scope))
        case PlaceScope():
            where = scope.area or visit.t("{0} m around {1}, {2}").format(
                round(scope.radius_m or 0), scope.latitude, scope.longitude
            )
            return f"{where}, {_window(visit, scope)}"


def _window(visit: Visit, scope: OfficerScope | PlaceScope) -> str:
    minute = visit.environment.filters["minute"]
    since = minute(to_text(scope.since))
    if scope.until is None:
        return visit.t("from {0} on").format(since)
    return f"{since} – {minute(to_text(scope.until))}"
