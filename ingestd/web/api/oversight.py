"""Who saw what and on whose word: access requests and views, samples, requests for disclosure, accounts."""

from typing import Annotated

from fastapi import Query

from ingestd.answers.access import request_document, view_document
from ingestd.core.accounts import account_document
from ingestd.core.approvals import ApprovedAct, chain_of
from ingestd.core.disclosures import disclosure_document
from ingestd.core.roles import Right
from ingestd.core.sample_acts import item_document, sample_document
from ingestd.stores.access import ViewQuestion
from ingestd.web.api.base import After, Document, Limit, Listed, needs, router
from ingestd.web.scope import question_scope
from ingestd.web.visit import Visit
from ingestd.wiring import open_access, open_accounts, open_registers, open_samples

ROUTER = router()
Auditing = Annotated[Visit, needs(Right.AUDIT)]
Drawing = Annotated[Visit, needs(Right.DRAW)]
Registering = Annotated[Visit, needs(Right.REGISTERS)]
Administering = Annotated[Visit, needs(Right.ADMIN)]
Before = Annotated[int | None, Query(ge=1, lt=2**63, description="`next` of the page before.")]
Word = Annotated[str, Query(max_length=200)]


@ROUTER.get("/access/own", tags=["oversight"])
def own_requests(visit: Annotated[Visit, needs(Right.ASK_ACCESS)], limit: Limit = 50) -> Listed[Document]:
    """What whoever asks has asked to view or to copy, the latest first."""
    return Listed(items=_requests(visit, visit.visitor.account, limit))


@ROUTER.get("/access", tags=["oversight"])
def requests(visit: Auditing, limit: Limit = 50) -> Listed[Document]:
    """All requests to view or to copy (调用单), the latest first."""
    return Listed(items=_requests(visit, None, limit))


def _requests(visit: Visit, account: str | None, limit: int) -> list[Document]:
    book, now = open_access(visit.console.settings), visit.console.clock.now()
    found = book.requests(account=account, limit=limit)
    counts, chains = book.counts([one.number for one in found]), visit.console.configuration.regime.approvals
    return [
        request_document(one, counts.get(one.number, {}), chain_of(chains, ApprovedAct(one.kind.value)), now)
        for one in found
    ]


@ROUTER.get("/views", tags=["oversight"])
def views(
    visit: Auditing,
    person: Word = "",
    account: Word = "",
    recording: Word = "",
    after: Before = None,
    limit: Limit = 50,
) -> Listed[Document]:
    """The register of views, the latest first; for an account of a unit that unit's people."""
    units = question_scope(visit).units
    asked = ViewQuestion(person=person, account=account, recording=recording, units=units)
    rows = open_access(visit.console.settings).views(asked, before=after, limit=limit)
    more = str(rows[-1]["seq"]) if len(rows) == limit else None
    return Listed(items=[view_document(one) for one in rows], next=more)


@ROUTER.get("/samples", tags=["oversight"])
def samples(visit: Drawing, after: After = "", limit: Limit = 50) -> Listed[Document]:
    """The register of samples (抽检), the newest first."""
    found = open_samples(visit.console.settings).samples(after=after, limit=limit)
    more = found[-1].number if len(found) == limit else None
    return Listed(items=[sample_document(one) for one in found], next=more)


@ROUTER.get("/samples/{number}", tags=["oversight"])
def sample(visit: Drawing, number: str) -> Document:
    """One sample with its items and what was said of them."""
    book = open_samples(visit.console.settings)
    found = book.sample(number)
    return sample_document(found) | {"items": [item_document(one) for one in book.items(found.number)]}


@ROUTER.get("/disclosures", tags=["oversight"])
def disclosures(
    visit: Registering, is_open: bool | None = None, words: Word = "", limit: Limit = 50
) -> Listed[Document]:
    """Requests for disclosure (信息公开)."""
    found = open_registers(visit.console.settings).disclosures(is_open=is_open, words=words, limit=limit)
    return Listed(items=[disclosure_document(one) for one in found])


@ROUTER.get("/accounts", tags=["oversight"])
def accounts(visit: Administering) -> Listed[Document]:
    """The register of accounts; what somebody is known by is not in it."""
    return Listed(items=[account_document(one) for one in open_accounts(visit.console.settings).accounts()])
