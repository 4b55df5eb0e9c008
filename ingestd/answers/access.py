"""Requests to view or copy and the register of views as pages and commands show them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from ingestd.core.access import AccessRequest
from ingestd.core.access_acts import access_document
from ingestd.core.approvals import ApprovalRule, still_missing
from ingestd.stores.search import Row

Document = dict[str, Any]

ACT_WORDS: Final = {
    "access.asked": "asked · 申请",
    "access.approved": "approved · 批准",
    "access.refused": "refused · 不予批准",
    "access.withdrawn": "withdrawn · 撤回",
    "access.closed": "closed · 办结",
}
"""What each act about a request means: English · Chinese."""
VIEW_FIELDS: Final = ("seq", "at", "person", "account", "unit", "recording_id", "kind", "request", "sample", "session")
"""What the register of views holds of one, in the order in which it is exported."""


def request_document(
    request: AccessRequest, views: Mapping[str, int], chain: ApprovalRule, now: dt.datetime
) -> Document:
    """A request as JSON has it, with where it stands.

    Args:
        views: how often each of its recordings was viewed on it.
    """
    given = [one.by for one in request.approvals]
    missing = still_missing(chain, requester=request.asked_by, given=given) if request.approved_at is None else 0
    return {
        **access_document(request),
        "state": request.state(views, now).value,
        "views": sum(views.values()),
        "approvals_missing": 0 if request.ended_as else missing,
    }


def view_document(row: Row) -> Document:
    """A view as JSON has it."""
    return {name: row[name] for name in VIEW_FIELDS}
