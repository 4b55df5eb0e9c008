"""The whole API, area by area."""

from fastapi import FastAPI

from ingestd.web.api import acts, cases, holdings, keeping, oversight
from ingestd.web.api.base import api_of
from ingestd.web.console import Console
from ingestd.web.rendering import environment_of


def api(console: Console) -> FastAPI:
    """The API of a console."""
    areas = (holdings.ROUTER, keeping.ROUTER, cases.ROUTER, oversight.ROUTER, acts.routers())
    return api_of(console, environment_of(console), areas)
