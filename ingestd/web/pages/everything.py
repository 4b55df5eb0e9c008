"""All pages of the console, area by area."""

from typing import Final

from ingestd.web.pages import (
    access,
    accounts,
    audit,
    carriers,
    cases,
    disclosures,
    disposals,
    dock,
    dock_acts,
    docking,
    hold_forms,
    holds,
    home,
    nonduty,
    oidc,
    own,
    recording,
    registers,
    sample_results,
    samples,
    search,
    statistics,
    views,
    work,
)
from ingestd.web.visit import Page

PAGES: Final[tuple[Page, ...]] = (
    *own.PAGES,
    *oidc.PAGES,
    *accounts.PAGES,
    *home.PAGES,
    *docking.PAGES,
    *search.PAGES,
    *work.PAGES,
    *dock.PAGES,
    *dock_acts.PAGES,
    *hold_forms.PAGES,
    *carriers.PAGES,
    *holds.PAGES,
    *disposals.PAGES,
    *statistics.PAGES,
    *cases.PAGES,
    *registers.PAGES,
    *disclosures.PAGES,
    *nonduty.PAGES,
    *recording.PAGES,
    *views.PAGES,
    *access.PAGES,
    *samples.PAGES,
    *sample_results.PAGES,
    *audit.PAGES,
)
"""A path belongs to one page; what is not here is not there."""
