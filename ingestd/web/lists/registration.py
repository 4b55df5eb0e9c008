"""Footage whose registration lacks something by the regime's form (江门 42): fill the fields and go to the next."""

import re

from ingestd.answers.texts import local_time
from ingestd.core.errors import RefusedError
from ingestd.core.registration import Line, LineState
from ingestd.core.registration_acts import Register
from ingestd.core.registration_rules import AT_SEA, KnownField
from ingestd.core.roles import Right
from ingestd.stores.find import Page, Question
from ingestd.stores.registration import Registration
from ingestd.web.console import built
from ingestd.web.lists.items import A_PAGE, Count, Deed, Field, Item, Items, WorkList, check_recording, name_of
from ingestd.web.scope import question_scope
from ingestd.web.visit import Visit
from ingestd.web.words import half
from ingestd.wiring import open_catalogue, open_finder, open_registrations

_BETWEEN = re.compile(r"[;；\n]")
_PREFIX = "field-"
_MOST_DIGITS = 18


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


def _found(visit: Visit, after: str) -> Page:
    configuration = visit.console.configuration
    question = Question(
        is_unregistered=True,
        is_oldest_first=True,
        scope=question_scope(visit),
        after=int(after) if after.isdecimal() and len(after) <= _MOST_DIGITS else None,
        limit=A_PAGE,
    )
    return open_finder(configuration.settings, configuration.regime).find(question)


def _items(visit: Visit, after: str) -> Items:
    configuration = visit.console.configuration
    found = _found(visit, after)
    forms = open_registrations(configuration.settings).of(found.recordings, configuration.regime.registration)
    return Items(tuple(_item(visit, one) for one in forms), str(found.after) if found.after is not None else "")


def _item(visit: Visit, one: Registration) -> Item:
    zone = visit.console.settings.station.zone_info
    lacking = [line for line in one.form.lines if line.field in one.form.lacks]
    known = tuple(
        (half(line.shown, visit.language), _shown(visit, line)) for line in one.form.lines if line not in lacking
    )
    more = Field("is_take", visit.t("the same for all recordings of this take"), "check")
    return Item(
        key=one.recording_id,
        title=name_of(one.card_path),
        note=local_time(one.recorded_start, zone)[:16],
        facts=tuple((name, value) for name, value in known if value),
        links=((f"/recordings/{one.recording_id}", visit.t("the recording")),),
        fields=(*(_field(visit, line) for line in lacking), more),
        deeds=(Deed("save", visit.t("Save")),),
    )


def _shown(visit: Visit, line: Line) -> str:
    if line.field == AT_SEA:
        return "；".join(visit.t(value) for value in line.values)
    if line.field != KnownField.USED_AT or line.given is not None:
        return "；".join(line.values)
    zone = visit.console.settings.station.zone_info
    return "；".join(" – ".join(local_time(one, zone) for one in value.split(" / ")) for value in line.values)


def _field(visit: Visit, line: Line) -> Field:
    label = half(line.shown, visit.language)
    if line.field == AT_SEA:
        return Field(
            _PREFIX + line.field,
            visit.t("Was it at sea?"),
            "buttons",
            choices=(("yes", visit.t("yes")), ("no", visit.t("no"))),
        )
    regime = visit.console.configuration.regime
    offered = [(one.zh, one.en) for one in regime.categories] if line.field == KnownField.CATEGORY else []
    hint = ""
    if line.state is LineState.DOUBTFUL:
        hint = visit.t("the station is not sure of {0}").format("；".join(line.values))
        offered += [(value, line.source) for value in line.values]
    return Field(_PREFIX + line.field, label, choices=tuple(offered), hint=hint)


def _act(visit: Visit, key: str) -> str:
    check_recording(visit, key)
    rules = visit.console.configuration.regime.registration
    names = [AT_SEA, *(rule.id for rule in rules)]
    given = {name: values for name in names if (values := _values(visit.text(_PREFIX + name)))}
    if not given:
        raise RefusedError(visit.t("fill at least one field"))
    named = {"what": "recording", "named": (key,)}
    if visit.text("is_take"):
        take = open_catalogue(visit.console.settings).recording_of(key)["take_id"]
        named = {"what": "take", "named": (take,)} if take else named
    request = built(Register, visit.visitor, named | {"fields": given})
    visit.console.ask("register", request=request.model_dump(mode="json"))
    (after,) = open_registrations(visit.console.settings).of([key], rules)
    if after.form.is_complete:
        return visit.t("Registered.")
    shown = {line.field: half(line.shown, visit.language) for line in after.form.lines}
    return visit.t("Saved. It still lacks: {0}").format("、".join(shown[one] for one in after.form.lacks))


def _values(text: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in _BETWEEN.split(text) if value.strip())


def _count(visit: Visit) -> Count:
    found = _found(visit, "")
    return Count(len(found.recordings), found.after is not None)


LIST = WorkList(
    "unregistered",
    _("Not registered"),
    _("Recordings whose registration lacks a field that the regime asks for. Several values: put ； between them."),
    Right.SETTLE,
    _items,
    _act,
    _count,
)
