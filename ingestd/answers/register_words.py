"""Requests for disclosure as people and programs read them."""

import datetime as dt
from typing import Any, Final

from ingestd.core.disclosures import Disclosure, clock_of, disclosure_document
from ingestd.core.workdays import Workdays

Document = dict[str, Any]

ACT_WORDS: Final = {
    "disclosure.entered": "entered · 登记",
    "disclosure.changed": "changed · 变更",
    "disclosure.extended": "term made longer · 延长答复期限",
    "disclosure.consulted": "third party asked · 征求意见",
    "disclosure.answered": "answered · 答复",
    "disclosure.delivered": "delivered · 送达",
    "disclosure.withdrawn": "withdrawn · 撤回",
    "nonduty.noted": "noted · 登记",
    "nonduty.settled": "looked at again · 复核",
}


def disclosure_answer(one: Disclosure, calendar: Workdays, today: dt.date) -> Document:
    """A request with where it stands against its term."""
    clock = clock_of(one, calendar, today=today)
    return disclosure_document(one) | {
        "state": clock.state.value,
        "state_words": clock.state.words,
        "due_on": clock.due_on.isoformat(),
        "workdays_left": clock.workdays_left,
        "is_extended": clock.is_extended,
        "is_calendar_whole": clock.is_calendar_whole,
        "outcome_words": one.outcome.words if one.outcome is not None else None,
        "ground_words": one.ground.words if one.ground is not None else None,
    }
