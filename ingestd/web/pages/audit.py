"""Audit (审计): the ledger line by line, its signed heads, the last verification and scrub, who did what, which rules.

The ledger is read in bounded stretches, and each shown line is checked to follow the one before it in the page's own
request. Who sees one unit alone sees no ledger: it is one for the whole station.
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from ingestd.answers.heads_outside import all_heads, head_bytes, known_heads, public_keys
from ingestd.core.clock import to_text
from ingestd.core.custody import Entry
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Right
from ingestd.stores.lastverify import LastVerify
from ingestd.stores.ledgerpages import LedgerPages, Line, needle
from ingestd.stores.ownacts import SELF_NOUNS, STATION, Wanted
from ingestd.web.scope import question_scope
from ingestd.web.visit import Page, Visit
from ingestd.wiring import ledger_pages, open_fixity, open_ledger_book, open_own_acts, open_terms

_PAGE: Final = 50
_MOST_DATA: Final = 20_000
_ACT: Final = re.compile(r"[a-z_]+(\.[a-z_]+)?")
_CHANGES: Final = (
    *("config.changed", "regime.adopted", "retention.change_planned", "retention.change_approved"),
    *("retention.change_applied", "ledger.key_entered", "ledger.repaired", "clock.stepped"),
)


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


NOUNS: Final = {
    "access": _("requests to view or copy"),
    "account": _("accounts"),
    "bookmark": _("bookmarks"),
    "carrier": _("carriers"),
    "case": _("cases"),
    "clock": _("clocks"),
    "complaint": _("complaints"),
    "config": _("configuration"),
    "derived": _("derived files"),
    "device": _("talks with recorders"),
    "disclosure": _("requests for disclosure"),
    "disposal": _("disposals"),
    "docking": _("dockings"),
    "finding": _("findings and explanations"),
    "fixity": _("damage and repair"),
    "fleet": _("recorders"),
    "handover": _("hand-over"),
    "hold": _("holds"),
    "ledger": _("the ledger itself"),
    "listing": _("lists of cards"),
    "nonduty": _("non-duty footage"),
    "recording": _("recordings"),
    "regime": _("rules of the regime"),
    "release": _("releases of recorders"),
    "replica": _("copies in other stores"),
    "retention": _("terms of keeping"),
    "roster": _("roster"),
    "sample": _("samples"),
    "scrub": _("scrub"),
    "session": _("signing in and out"),
    "set": _("takes"),
    "unit": _("units"),
    "vessel": _("vessels"),
    "view": _("views"),
}


def _pages(visit: Visit) -> LedgerPages:
    return ledger_pages(visit.console.settings.vault_dir / "ledger")


def _check_whole(visit: Visit) -> None:
    if not question_scope(visit).is_whole:
        raise RefusedError(visit.t("The ledger is one for the whole station; your account sees one unit."))


# What stands


def audit(visit: Visit) -> Response:
    """What stands: the end of the ledger, its signed head, the last verification and scrub."""
    settings, pages = visit.console.settings, _pages(visit)
    last, fixity = pages.last_seq(), open_fixity(settings)
    end = pages.span(last, last)
    scrub = fixity.last_pass()
    book = open_ledger_book(settings)
    is_whole = question_scope(visit).is_whole
    return visit.page(
        "audit.html",
        here="audit",
        end=end[0] if end else None,
        last=last,
        signed=book.last_signed(),
        key=book.key(),
        verified=LastVerify(settings.verified_file).read(),
        scrub={**scrub["document"], **scrub} if scrub is not None else None,
        faults=fixity.faults(),
        held=fixity.held(),
        oldest=fixity.oldest(),
        export_dir=settings.ledger.export_dir,
        changes=[_shown(line) for line in _read(visit, _CHANGES, 5)] if is_whole else [],
        is_whole=is_whole,
    )


def _read(visit: Visit, acts: Sequence[str], limit: int) -> list[Line]:
    """The newest acts of these kinds, as they stand in the ledger."""
    rows = open_own_acts(visit.console.settings).last_of(acts, limit=limit)
    return [line for row in rows for line in _pages(visit).span(row["seq"], row["seq"])]


# The ledger


def ledger(visit: Visit) -> Response:
    """Lines of the ledger, the newest first, filtered, each checked to follow the one before it."""
    _check_whole(visit)
    wanted, typed = _wanted(visit)
    pages = _pages(visit)
    last = pages.last_seq()
    before = min(_number(visit, "before", last + 1), last + 1)
    lines, reached, is_whole = _looked_up(visit, pages, wanted, before)
    return visit.page(
        "audit_ledger.html",
        here="ledger",
        lines=[_shown(line) for line in lines],
        typed=typed,
        last=last,
        before=before,
        reached=reached,
        is_whole=is_whole,
        is_filtered=any((wanted.act, wanted.actor, wanted.subject, wanted.begins, wanted.ends)),
        faults=[line for line in lines if line.fault is not None],
        nouns=sorted(((noun, visit.t(words)) for noun, words in NOUNS.items()), key=lambda one: one[0]),
        people=open_own_acts(visit.console.settings).people(),
    )


def _looked_up(visit: Visit, pages: LedgerPages, wanted: Wanted, before: int) -> tuple[list[Line], int, bool]:
    """Lines, the number of the last entry that was looked at, and whether nothing is left."""
    if _is_indexed(wanted):
        rows = open_own_acts(visit.console.settings).acts(wanted, before=before, limit=_PAGE)
        found = [line for row in rows for line in pages.span(row["seq"], row["seq"])]
        return found, rows[-1]["seq"] if rows else 1, len(rows) < _PAGE
    floor = pages.first_from(wanted.begins) if wanted.begins else 1
    if wanted.ends:
        before = min(before, pages.first_from(wanted.ends))
    if not (wanted.act or wanted.actor or wanted.subject):
        first = max(floor, before - _PAGE)
        return pages.span(first, before - 1)[::-1], first, first <= floor
    needles = [needle("actor", wanted.actor)] if wanted.actor else []
    needles += [needle("subject", wanted.subject)] if wanted.subject else []
    if wanted.act:
        needles.append(needle("act", wanted.act) if "." in wanted.act else f'"act":"{wanted.act}.'.encode())
    stretch = pages.search(
        tuple(needles), lambda entry: _is_wanted(entry, wanted), before=before, limit=_PAGE, floor=floor
    )
    return stretch.lines, stretch.reached, stretch.is_whole


def _is_indexed(wanted: Wanted) -> bool:
    """Whether the catalogue has every act that may answer."""
    is_person = bool(wanted.actor) and wanted.actor != STATION
    return is_person or wanted.act.partition(".")[0] in SELF_NOUNS


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    is_act = not wanted.act or entry.act == wanted.act or entry.act.startswith(f"{wanted.act}.")
    is_actor = not wanted.actor or entry.actor == wanted.actor
    return is_act and is_actor and (not wanted.subject or entry.subject == wanted.subject)


def _wanted(visit: Visit) -> tuple[Wanted, dict[str, str]]:
    zone = visit.console.settings.station.zone_info
    typed = {name: visit.query.get(name, "").strip() for name in ("act", "actor", "subject", "from", "to")}
    if typed["act"] and not _ACT.fullmatch(typed["act"]):
        raise RefusedError(visit.t("An act is written like this: hold.placed, or hold for all of its kind."))
    try:
        begins, ends = _day(typed["from"], zone), _day(typed["to"], zone, is_end=True)
    except (ValueError, OverflowError) as error:
        raise RefusedError(visit.t("Give a day like this: 2026-11-21")) from error
    return Wanted(typed["act"], typed["actor"], typed["subject"], begins, ends), typed


def _day(text: str, zone: ZoneInfo, *, is_end: bool = False) -> str:
    if not text:
        return ""
    day = dt.date.fromisoformat(text) + dt.timedelta(days=is_end)
    return to_text(dt.datetime.combine(day, dt.time(), zone))


def _number(visit: Visit, name: str, default: int) -> int:
    text = visit.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 and int(text) > 0 else default


def _shown(line: Line) -> dict[str, Any]:
    """A line as a page shows it; what an act says is cut where it is very long."""
    if line.entry is None:
        return {"seq": line.seq, "fault": line.fault, "entry": None, "data": "", "is_cut": False}
    data = json.dumps(line.entry.data, ensure_ascii=False, indent=1, sort_keys=True)
    return {
        "seq": line.seq,
        "fault": line.fault,
        "entry": line.entry,
        "data": data[:_MOST_DATA] if line.entry.data else "",
        "is_cut": len(data) > _MOST_DATA,
    }


def entry(visit: Visit) -> Response:
    """One line as it stands in the ledger, in its canonical form: its hash can be made again from it."""
    _check_whole(visit)
    text = str(visit.path["seq"])
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    found = _pages(visit).entry(number) if number else None
    if found is None:
        raise NotFoundError(visit.t("The ledger has no such entry."))
    return Response(found.line(), media_type="application/json")


# People


def people(visit: Visit) -> Response:
    """Who did anything, and of one person what."""
    _check_whole(visit)
    book, person = open_own_acts(visit.console.settings), visit.query.get("person", "").strip()
    before = _number(visit, "before", 0) or None
    rows = book.acts(Wanted(actor=person), before=before, limit=_PAGE + 1) if person else []
    return visit.page(
        "audit_people.html",
        here="people",
        person=person,
        people=book.people() if not person else [],
        kinds=book.kinds_of(person) if person else [],
        rows=rows[:_PAGE],
        more=rows[_PAGE - 1]["seq"] if len(rows) > _PAGE else None,
    )


# Heads


def heads(visit: Visit) -> Response:
    """Signed heads, the newest first, each checked now."""
    settings = visit.console.settings
    before = visit.query.get("before", "")
    found = known_heads(settings, before=before if re.fullmatch(r"[0-9]{1,16}\.json", before) else "", limit=_PAGE + 1)
    more = found[_PAGE - 1].path.rpartition("/")[2] if len(found) > _PAGE else ""
    is_whole = question_scope(visit).is_whole
    return visit.page(
        "audit_heads.html",
        here="heads",
        found=found[:_PAGE],
        more=more,
        keys=sorted(public_keys(settings)),
        export_dir=settings.ledger.export_dir,
        countersigned=[_shown(line) for line in _read(visit, ("ledger.countersigned",), 20)] if is_whole else [],
    )


def head_file(visit: Visit) -> Response:
    """A head as its file has it."""
    text = str(visit.path["seq"])
    data = (
        head_bytes(visit.console.settings, int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None
    )
    if data is None:
        raise NotFoundError(visit.t("There is no such head."))
    name = f"{visit.console.settings.station.id}-{int(text):09d}.json"
    return Response(data, media_type="application/json", headers=_attached(name))


def heads_file(visit: Visit) -> Response:
    """All heads as one JSON document."""
    document = [one.model_dump(mode="json") for one in all_heads(visit.console.settings)]
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return Response(
        text, media_type="application/json", headers=_attached(f"{visit.console.settings.station.id}-heads.json")
    )


def key_file(visit: Visit) -> Response:
    """A public key, PEM."""
    pem = public_keys(visit.console.settings).get(str(visit.path["key"]))
    if pem is None:
        raise NotFoundError(visit.t("The station never had such a key."))
    return Response(pem, media_type="application/x-pem-file", headers=_attached(f"{visit.path['key']}.pem"))


def _attached(name: str) -> dict[str, str]:
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}


# Rules


def rules(visit: Visit) -> Response:
    """Editions of the regime's rules, and every change of configuration."""
    settings = visit.console.settings
    before = _number(visit, "before", 0) or None
    book = open_own_acts(settings)
    lines: list[Line] = []
    more = None
    if question_scope(visit).is_whole:
        rows = book.acts(Wanted(act="config.changed"), before=before, limit=_PAGE + 1)
        lines = [line for row in rows[:_PAGE] for line in _pages(visit).span(row["seq"], row["seq"])]
        more = rows[_PAGE - 1]["seq"] if len(rows) > _PAGE else None
    return visit.page(
        "audit_rules.html",
        here="rules",
        editions=list(reversed(open_terms(settings).all_editions())),
        changes=[_change(line) for line in lines],
        more=more,
    )


def _change(line: Line) -> dict[str, Any]:
    changed = line.entry.data["changed"] if line.entry is not None else {}
    return _shown(line) | {
        "sides": [(key, _side(sides, "before"), _side(sides, "after")) for key, sides in sorted(changed.items())]
    }


def _side(sides: dict[str, Any], name: str) -> str:
    if name not in sides:
        return "–"
    value = sides[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


PAGES: Final = (
    Page("/audit", audit, Right.AUDIT),
    Page("/audit/ledger", ledger, Right.AUDIT),
    Page("/audit/ledger/{seq}", entry, Right.AUDIT),
    Page("/audit/people", people, Right.AUDIT),
    Page("/audit/heads", heads, Right.AUDIT),
    Page("/audit/heads.json", heads_file, Right.AUDIT),
    Page("/audit/heads/{seq}", head_file, Right.AUDIT),
    Page("/audit/keys/{key}", key_file, Right.AUDIT),
    Page("/audit/rules", rules, Right.AUDIT),
)
