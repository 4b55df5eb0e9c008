"""Cases, complaints and units."""

from typing import Annotated

from fastapi import Query

from ingestd.answers.case_words import link_document, standing_document
from ingestd.casework.case_questions import standings
from ingestd.core.case_documents import document_of
from ingestd.core.errors import NotFoundError
from ingestd.core.roles import Right
from ingestd.web.api.base import After, Document, Limit, Listed, needs, router
from ingestd.web.scope import may_see_case
from ingestd.web.visit import Visit
from ingestd.wiring import open_cases

ROUTER = router()
Seeing = Annotated[Visit, needs(Right.SEE)]
Registering = Annotated[Visit, needs(Right.REGISTERS)]


@ROUTER.get("/cases", tags=["cases"])
def cases(
    visit: Seeing, is_open: Annotated[bool | None, Query()] = None, after: After = "", limit: Limit = 50
) -> Listed[Document]:
    """Cases by their numbers, each against the duties of the regime."""
    register, settings = open_cases(visit.console.settings), visit.console.settings
    found = [one for one in register.cases(is_open=is_open) if one.number > after and may_see_case(visit, one)]
    shown, regime, zone = found[:limit], visit.console.configuration.regime, settings.station.zone_info
    told = standings(register, shown, regime, now=visit.console.clock.now(), zone=zone)
    more = shown[-1].number if len(found) > len(shown) else None
    return Listed(items=[standing_document(one, regime, zone) for one in told], next=more)


@ROUTER.get("/cases/{number}", tags=["cases"])
def case(visit: Seeing, number: str) -> Document:
    """One case with its links."""
    register, settings = open_cases(visit.console.settings), visit.console.settings
    found = register.case(number)
    if not may_see_case(visit, found):
        raise NotFoundError(f"case {number} is not in the register")
    regime, zone = visit.console.configuration.regime, settings.station.zone_info
    (standing,) = standings(register, [found], regime, now=visit.console.clock.now(), zone=zone)
    links = [link_document(one, None) for one in register.links_of(number)]
    return standing_document(standing, regime, zone) | {"links": links}


@ROUTER.get("/complaints", tags=["cases"])
def complaints(visit: Registering) -> Listed[Document]:
    """The register of complaints."""
    return Listed(items=[document_of(one) for one in open_cases(visit.console.settings).complaints()])


@ROUTER.get("/units", tags=["cases"])
def units(visit: Annotated[Visit, needs(Right.SIGNED_IN)]) -> Listed[Document]:
    """Units of the bureau, and organisations that it entrusts."""
    return Listed(items=[document_of(one) for one in open_cases(visit.console.settings).units().values()])
