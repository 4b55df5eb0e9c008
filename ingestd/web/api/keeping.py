"""Why and how long it is kept: holds, disposals, carriers, what is due."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Query

from ingestd.core.carriers import carrier_document
from ingestd.core.hold_acts import hold_document
from ingestd.core.roles import Right
from ingestd.web.api.base import Document, Listed, needs, router
from ingestd.web.scope import may_see
from ingestd.web.visit import Visit
from ingestd.wiring import open_carriers, open_disposals, open_holds

ROUTER = router()
Seeing = Annotated[Visit, needs(Right.SEE)]
Holding = Annotated[Visit, needs(Right.HOLD)]
Disposing = Annotated[Visit, needs(Right.DISPOSAL)]


@ROUTER.get("/holds", tags=["keeping"])
def holds(visit: Holding, is_standing: Annotated[bool, Query()] = True) -> Listed[Document]:
    """Holds, by number."""
    book = open_holds(visit.console.settings)
    found = book.standing() if is_standing else book.holds()
    sizes = book.sizes()
    return Listed(items=[hold_document(one) | {"recordings": sizes.get(one.hold_id, 0)} for one in found])


@ROUTER.get("/holds/{hold}", tags=["keeping"])
def hold(visit: Holding, hold: str) -> Document:
    """One hold with what it covers, as far as this account may see it."""
    book = open_holds(visit.console.settings)
    found = book.hold(hold)
    covered = [one for one in book.recordings_of(hold) if may_see(visit, {"recording_id": one})]
    return hold_document(found) | {"covers": covered}


@ROUTER.get("/carriers", tags=["keeping"])
def carriers(visit: Holding) -> Listed[Document]:
    """The register of carriers."""
    return Listed(items=[carrier_document(one) for one in open_carriers(visit.console.settings).carriers()])


@ROUTER.get("/disposals", tags=["keeping"])
def disposals(visit: Disposing) -> Listed[Document]:
    """Plans of disposal, the newest first."""
    book = open_disposals(visit.console.settings)
    return Listed(items=[asdict(one) for one in book.plans()])


@ROUTER.get("/disposals/{number}", tags=["keeping"])
def disposal(visit: Disposing, number: str) -> Document:
    """One plan, and how many of its recordings are in each state."""
    book = open_disposals(visit.console.settings)
    plan = book.plan(number)
    return asdict(plan) | {"items": {state.value: count for state, count in book.counts_of(plan.number).items()}}
