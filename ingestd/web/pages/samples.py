"""Samples (抽检): lists frozen, items drawn and given out, each played and judged, and what came of it.

Who draws sees the samples of the own scope. An inspector sees those of which items were given to the own account, and
of them these items alone.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from ingestd.answers.samples import OUTCOME_WORDS, STATE_WORDS, DrawCheck, checked_draw
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.facts import MediaKind
from ingestd.core.inspection_rules import Verdict
from ingestd.core.registration_rules import KnownField
from ingestd.core.roles import Right, rights_of
from ingestd.core.sample_acts import Assign, Check, Close, Draw, Freeze, Withdraw
from ingestd.core.samples import Item, Outcome, Sample, SampleState
from ingestd.stores.samples import SampleBook
from ingestd.stores.vault import Vault
from ingestd.web.console import built
from ingestd.web.playback import sent, sources_of, why_closed
from ingestd.web.playing import may_play
from ingestd.web.scope import check_seen, may_see_unit, question_scope
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_accounts, open_catalogue, open_registrations, open_samples

_PAGE: Final = 50
_MOST_REPEATED: Final = 20_000
"""Longer lists are drawn from again only where somebody asks for it: it takes a second or more."""
_SAID: Final = (KnownField.UNIT, KnownField.DEVICE, KnownField.USED_AT)
"""What the page says beside the form, in its own words."""
_KINDS: Final = (MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.PHOTO)


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


VERDICTS: Final = (
    (Verdict.PASS, _("passed")),
    (Verdict.FAIL, _("failed")),
    (Verdict.NOT_APPLICABLE, _("not applicable")),
)
KIND_WORDS: Final = {MediaKind.VIDEO: _("video"), MediaKind.AUDIO: _("sound"), MediaKind.PHOTO: _("photo")}
STATE_MARKS: Final = {
    SampleState.FROZEN: "warn",
    SampleState.DRAWN: "accent",
    SampleState.UNDER_CHECK: "accent",
    SampleState.CLOSED: "good",
    SampleState.WITHDRAWN: "",
}
OUTCOME_MARKS: Final = {Outcome.PASSED: "good", Outcome.FAILED: "bad", Outcome.VOID: "warn"}


# Who sees what


def book_of(visit: Visit) -> SampleBook:
    """The register of samples."""
    return open_samples(visit.console.settings)


def may_see(visit: Visit, sample: Sample, items: Sequence[Item] = ()) -> bool:
    """Whether a sample is there for whoever asks."""
    if not visit.may(Right.DRAW):
        return any(item.account == visit.visitor.account for item in items)
    if question_scope(visit).is_whole:
        return True
    return all(may_see_unit(visit, unit) for unit in sample.frame)


def found_of(visit: Visit) -> tuple[Sample, list[Item]]:
    """The sample of the path and the items that whoever asks may see.

    Raises:
        NotFoundError: there is none, or not for whoever asks.
    """
    number = str(visit.path["number"])
    sample, items = book_of(visit).sample(number), book_of(visit).items(number)
    if not may_see(visit, sample, items):
        raise NotFoundError(f"there is no sample {number}")
    return sample, _own(visit, items)


def _own(visit: Visit, items: Sequence[Item]) -> list[Item]:
    if visit.may(Right.DRAW):
        return list(items)
    return [item for item in items if item.account == visit.visitor.account]


def words_of(visit: Visit) -> dict[str, Any]:
    """Words and marks that the pages of samples share, in the language of whoever asks."""
    place = 1 if visit.language == "zh" else 0
    return {
        "state_words": {state: words[place] for state, words in STATE_WORDS.items()},
        "state_marks": STATE_MARKS,
        "outcome_words": {outcome: words[place] for outcome, words in OUTCOME_WORDS.items()},
        "outcome_marks": OUTCOME_MARKS,
        "kind_words": {kind.value: visit.t(words) for kind, words in KIND_WORDS.items()},
        "point": lambda one: one["zh" if place else "en"],
        "ask": lambda one: one["ask_zh" if place else "ask_en"],
        "unit_words": lambda unit: unit or visit.t("unit not known"),
    }


# The register


def samples(visit: Visit) -> Response:
    """The register, the newest first."""
    book, after = book_of(visit), visit.query.get("after", "")
    account = None if visit.may(Right.DRAW) else visit.visitor.account
    rows = book.samples(after=after, limit=_PAGE + 1, account=account)
    more = rows[_PAGE - 1].number if len(rows) > _PAGE else ""
    shown = [one for one in rows[:_PAGE] if account is not None or may_see(visit, one)]
    progress = book.progress([one.number for one in shown])
    if account is not None:
        own = {one.number: _own(visit, book.items(one.number)) for one in shown}
        progress = {n: (len(some), sum(one.outcome is not None for one in some)) for n, some in own.items()}
    return visit.page("samples.html", found=shown, more=more, progress=progress, **words_of(visit))


# Freezing


def new(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """The form for a list."""
    today = visit.console.clock.now().astimezone(visit.console.settings.station.zone_info).date()
    first = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    typed = {
        "title": visit.text("title"),
        "first": visit.text("first", first.isoformat()),
        "last": visit.text("last", (today.replace(day=1) - dt.timedelta(days=1)).isoformat()),
        "units": visit.texts("unit"),
        "kinds": visit.texts("kind") or [MediaKind.VIDEO.value],
        "how": visit.text("how", "share"),
        "amount": visit.text("amount", "5"),
        "least": visit.text("least", "1"),
    }
    return visit.page(
        "sample_new.html", status, typed=typed, fault=fault, units=_units(visit), kinds=_KINDS, **words_of(visit)
    )


def freeze(visit: Visit) -> Response:
    """Freeze the list."""
    try:
        fields = _freezing(visit)
        answer = visit.console.act("sample", [built(Freeze, visit.visitor, fields)])[0]
    except RefusedError as error:
        return new(visit, 409, _fault(visit, error))
    return visit.go(f"/samples/{answer['subject']}", visit.t("The list is frozen. Now it can be drawn from."))


def _freezing(visit: Visit) -> dict[str, Any]:
    zone = visit.console.settings.station.zone_info
    try:
        first, last = dt.date.fromisoformat(visit.text("first")), dt.date.fromisoformat(visit.text("last"))
        amount, least = int(visit.text("amount")), int(visit.text("least", "0") or "0")
        begins = dt.datetime.combine(first, dt.time(), zone)
        ends = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), zone)
    except (ValueError, OverflowError) as error:
        raise RefusedError(visit.t("Give both days, and whole numbers.")) from error
    if ends <= begins:
        raise RefusedError(visit.t("The last day is before the first."))
    units, known = visit.texts("unit"), _units(visit)
    if any(unit not in known for unit in units):
        raise RefusedError(visit.t("There is no such unit."))
    if not question_scope(visit).is_whole:
        # Without a choice it is everything that this person sees, and not everything that there is.
        units = units or known
        if not units:
            raise RefusedError(visit.t("There is no footage of your unit."))
    fields: dict[str, Any] = {"title": visit.text("title"), "begins": begins, "ends": ends, "units": units}
    fields |= {"kinds": visit.texts("kind"), "least_per_unit": least}
    return fields | ({"share_percent": amount} if visit.text("how") == "share" else {"size": amount})


def _units(visit: Visit) -> list[str]:
    return [unit for unit in book_of(visit).units() if may_see_unit(visit, unit)]


def _fault(visit: Visit, error: RefusedError) -> str:
    known = {
        "no footage of this period": visit.t("There is no footage of this period, these units and kinds."),
        "share_percent": visit.t("A share goes from 1 to 100 %."),
        "size": visit.t("A number goes from 1 to 2000."),
        "title": visit.t("Give the sample a title."),
    }
    return next((words for start, words in known.items() if error.message.startswith(start)), error.message)


# One sample


def sample(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One sample: how it was drawn, its items, what can be done."""
    found, items = found_of(visit)
    may_draw = visit.may(Right.DRAW)
    following = next((one.item for one in items if one.outcome is None), None)
    return visit.page(
        "sample.html",
        status,
        sample=found,
        items=items,
        draw=repeated(visit, found),
        following=following,
        checked=sum(one.outcome is not None for one in items),
        inspectors=_inspectors(visit) if may_draw else [],
        may_draw=may_draw,
        fault=fault,
        **words_of(visit),
    )


def repeated(visit: Visit, found: Sample) -> DrawCheck | None:
    """What drawing again shows; null for a long list, where nobody asked for it."""
    if found.listed > _MOST_REPEATED and not visit.query.get("repeat"):
        return None
    return checked_draw(Vault(visit.console.settings.vault_dir), found, book_of(visit).items(found.number))


def change(visit: Visit) -> Response:
    """Draw, give out, close or withdraw."""
    found, _items = found_of(visit)
    number, visitor = found.number, visit.visitor
    match visit.text("do"):
        case "draw":
            request: Any = built(Draw, visitor, {"number": number})
            said = visit.t("Drawn. Give the items to an inspector, or check them yourself.")
        case "assign":
            named = {one.name: one.person for one in _inspectors(visit)}
            account = visit.text("account")
            if account not in named:
                raise RefusedError(visit.t("Choose an inspector."))
            fields = {"number": number, "account": account, "person": named[account], "items": _numbers(visit)}
            request, said = built(Assign, visitor, fields), visit.t("The items are given out.")
        case "close":
            request = built(Close, visitor, {"number": number, "words": visit.text("words")})
            said = visit.t("The sample is closed.")
        case "withdraw":
            request = built(Withdraw, visitor, {"number": number, "reason": visit.text("words")})
            said = visit.t("The sample is withdrawn.")
        case _:
            raise RefusedError(visit.t("That cannot be done with a sample."))
    try:
        visit.console.act("sample", [request])
    except RefusedError as error:
        return sample(visit, 409, error.message)
    return visit.go(f"/samples/{number}", said)


def _numbers(visit: Visit) -> list[int]:
    """Items as people write them, `1-10, 12`; none for all that nobody checked."""
    found: list[int] = []
    for part in visit.text("items").replace("，", ",").replace("、", ",").split(","):
        first, dash, last = part.strip().partition("-")
        if not first:
            continue
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError as error:
            raise RefusedError(visit.t("Write items like this: 1-10, 12")) from error
        if not 1 <= low <= high <= 2000:
            raise RefusedError(visit.t("Write items like this: 1-10, 12"))
        found += range(low, high + 1)
    return found


def _inspectors(visit: Visit) -> list[Any]:
    accounts = open_accounts(visit.console.settings).accounts()
    return [one for one in accounts if one.is_open and Right.INSPECT in rights_of(one.roles)]


# One item


def _item(visit: Visit) -> tuple[Sample, list[Item], Item, Mapping[str, Any]]:
    found, items = found_of(visit)
    try:
        number = int(visit.path["item"])
    except ValueError as error:
        raise NotFoundError(visit.t("There is no such item.")) from error
    item = next((one for one in items if one.item == number), None)
    if item is None:
        raise NotFoundError(visit.t("There is no such item."))
    row = open_catalogue(visit.console.settings).recording_of(item.recording_id)
    check_seen(visit, row)
    return found, items, item, row


def _is_given(visit: Visit, found: Sample, item: Item) -> bool:
    """Whether an item opens its recording to whoever asks: it is theirs, or nobody's, and the sample goes on."""
    return not found.state.is_over and item.account in ("", visit.visitor.account)


def item(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One item: its picture and sound, what is known of it, and the form."""
    found, items, here, row = _item(visit)
    settings, catalogue = visit.console.settings, open_catalogue(visit.console.settings)
    given = _is_given(visit, found, here)
    permission = may_play(visit, row, sample=found.number if given else None)
    closed = why_closed(row)
    sources = [] if closed else sources_of(row, catalogue.derived(row["recording_id"]))
    registration = open_registrations(settings).of(
        [row["recording_id"]], visit.console.configuration.regime.registration
    )
    place = [one.item for one in items].index(here.item)
    left = [one.item for one in items if one.outcome is None and one.item != here.item]
    answers = {point: dict(one) for point, one in here.answers.items()}
    if visit.request.method == "POST":
        answers = _answers(visit, found)
    return visit.page(
        "sample_item.html",
        status,
        sample=found,
        item=here,
        row=row,
        name=str(row["card_path"]).rpartition("/")[2],
        sources=sources if permission.is_open else [],
        closed=visit.t(closed) if closed else "" if permission.is_open else permission.why,
        why=permission.why,
        lines=[one for one in registration[0].form.lines if one.values and one.field not in _SAID]
        if registration
        else [],
        findings=catalogue.findings(recording=row["recording_id"], limit=50),
        before=items[place - 1].item if place else None,
        after=items[place + 1].item if place + 1 < len(items) else None,
        left=len(left),
        may_check=not found.state.is_over and here.account in ("", visit.visitor.account),
        answers=answers,
        note=visit.text("note", here.note) if visit.request.method == "POST" else here.note,
        verdicts=VERDICTS,
        fault=fault,
        **words_of(visit),
    )


def check(visit: Visit) -> Response:
    """Enter what was seen, and on to the next that nobody checked."""
    found, items, here, _row = _item(visit)
    answers = _answers(visit, found)
    try:
        _refuse_half(visit, found, answers)
        fields = {"number": found.number, "item": here.item, "account": visit.visitor.account}
        request = built(Check, visit.visitor, fields | {"answers": answers, "note": visit.text("note")})
        visit.console.act("sample", [request])
    except RefusedError as error:
        return item(visit, 409, error.message)
    left = [one.item for one in items if one.outcome is None and one.item != here.item]
    following = next((one for one in left if one > here.item), left[0] if left else None)
    said = visit.t("Item {number} is entered.").format(number=here.item)
    if following is None:
        last = visit.t("It was the last one.")
        return visit.go(f"/samples/{found.number}", f"{said} {last}")
    return visit.go(f"/samples/{found.number}/items/{following}", said)


def _answers(visit: Visit, found: Sample) -> dict[str, dict[str, str]]:
    answers = {}
    for one in found.form:
        verdict = visit.text(f"verdict_{one['id']}")
        if verdict:
            answers[str(one["id"])] = {"verdict": verdict, "words": visit.text(f"words_{one['id']}")}
    return answers


def _refuse_half(visit: Visit, found: Sample, answers: Mapping[str, Mapping[str, str]]) -> None:
    key = "zh" if visit.language == "zh" else "en"
    between = "、" if visit.language == "zh" else ", "
    lacking = [str(one[key]) for one in found.form if one["id"] not in answers]
    if lacking:
        raise RefusedError(visit.t("Not answered yet: {points}").format(points=between.join(lacking)))
    mute = [
        str(one[key])
        for one in found.form
        if answers[one["id"]]["verdict"] == Verdict.FAIL and not answers[one["id"]]["words"]
    ]
    if mute:
        raise RefusedError(visit.t("Say in words what is wrong: {points}").format(points=between.join(mute)))


def media(visit: Visit) -> Response:
    """Picture and sound of an item, for whom it was given to; the view is registered with the sample's number."""
    found, _items, here, row = _item(visit)
    sources = sources_of(row, open_catalogue(visit.console.settings).derived(row["recording_id"]))
    wanted = visit.query.get("source", sources[0].name if sources else "")
    source = next((one for one in sources if one.name == wanted), None)
    if source is None:
        raise NotFoundError(visit.t("Nothing of it can be shown."))
    return sent(visit, row, source, sample=found.number if _is_given(visit, found, here) else None)


PAGES: Final = (
    Page("/samples", samples, Right.INSPECT),
    Page("/samples/new", new, Right.DRAW),
    Page("/samples/new", freeze, Right.DRAW, ("POST",)),
    Page("/samples/{number}", sample, Right.INSPECT),
    Page("/samples/{number}", change, Right.DRAW, ("POST",)),
    Page("/samples/{number}/items/{item}", item, Right.INSPECT),
    Page("/samples/{number}/items/{item}", check, Right.INSPECT, ("POST",)),
    Page("/samples/{number}/items/{item}/media", media, Right.INSPECT),
)
