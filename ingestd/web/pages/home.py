"""The first page: what happened today, and what needs whoever looks."""

from starlette.responses import Response

from ingestd.core.roles import Right
from ingestd.web.visit import Page, Visit


def home(visit: Visit) -> Response:
    """The first page."""
    return visit.page("home.html")


PAGES = (Page("/", home, Right.SIGNED_IN),)
