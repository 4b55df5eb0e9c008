"""All pages of the console, area by area."""

from typing import Final

from ingestd.web.pages import home, own
from ingestd.web.visit import Page

PAGES: Final[tuple[Page, ...]] = (*own.PAGES, *home.PAGES)
"""A path belongs to one page; what is not here is not there."""
