"""A docking: what became of every file, what was noticed, and its hand-over record (交接记录)."""

from typing import Final

from starlette.responses import Response

from ingestd.answers.marks import admission_document
from ingestd.answers.recordings import file_names
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.handover_record import Confirm, Print, record_document
from ingestd.core.lifecycle import Fate
from ingestd.core.roles import Right
from ingestd.stores.search import Row
from ingestd.web.console import built
from ingestd.web.scope import may_see_docking, seen
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_catalogue, open_record_book

_FILES: Final = 200
_FINDINGS: Final = 200


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


FATES: Final[dict[str, str]] = {
    Fate.PENDING: _("not copied yet"),
    Fate.COPIED: _("copied"),
    Fate.ALREADY_HELD: _("held already"),
    Fate.QUARANTINED: _("held apart"),
    Fate.EXCLUDED: _("left out by a rule"),
    Fate.PARTIAL: _("readable in part"),
    Fate.UNREADABLE: _("could not be read"),
}
OUTCOMES: Final[dict[str, str]] = {
    "complete": _("complete"),
    "incomplete": _("not complete"),
    "interrupted": _("interrupted"),
}


def docking(visit: Visit, status: int = 200, fault: str = "") -> Response:
    """One docking."""
    row = _seen(visit)
    catalogue = open_catalogue(visit.console.settings)
    sightings = catalogue.sightings(row["docking_id"])
    files, following = _files(visit, sightings)
    findings = catalogue.findings(docking=row["docking_id"], limit=_FINDINGS)
    visible = {one["recording_id"] for one in seen(visit, [f for f in findings if f["recording_id"]])}
    findings = [one for one in findings if one["recording_id"] is None or one["recording_id"] in visible]
    counts = {fate: sum(one["fate"] == fate for one in sightings) for fate in FATES}
    return visit.page(
        "docking.html",
        status,
        docking=row,
        admission=admission_document(row),
        files=files,
        following=following,
        counts={fate: number for fate, number in counts.items() if number},
        findings=findings,
        names=file_names(findings, catalogue),
        record=_record(visit, row["docking_id"]),
        fates=FATES,
        outcomes=OUTCOMES,
        fault=fault,
    )


def paper(visit: Visit) -> Response:
    """The hand-over record as a paper, with its addendum where there is one; counted as a print."""
    # What draws the paper is loaded for this alone.
    from ingestd.casework.recordsheet import find_font, sheet  # noqa: PLC0415

    row = _seen(visit)
    try:
        font = find_font(visit.console.settings.hand_over.font)
        request = built(Print, visit.visitor, {"docking": row["docking_id"]})
        record = visit.console.ask("handover_record", request=request.model_dump(mode="json"))
    except RefusedError as error:
        return docking(visit, 409, error.message)
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in record["number"])
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    pdf = sheet(record, zone=visit.console.settings.station.zone_info, font=font)
    return Response(pdf, media_type="application/pdf", headers=headers)


def confirm(visit: Visit) -> Response:
    """Somebody confirms the record in place of a signature."""
    row = _seen(visit)
    fields = {"docking": row["docking_id"], "role": visit.text("role"), "note": " ".join(visit.text("note").split())}
    try:
        request = built(Confirm, visit.visitor, fields)
        visit.console.ask("handover_record", request=request.model_dump(mode="json"))
    except RefusedError as error:
        return docking(visit, 409, error.message)
    return visit.go(f"/dockings/{row['docking_id']}", said=visit.t("The record is confirmed."))


def _seen(visit: Visit) -> Row:
    """The docking of the path.

    Raises:
        NotFoundError: there is none, or whoever asks may not see it.
    """
    row = open_catalogue(visit.console.settings).docking(visit.path["docking"])
    if not may_see_docking(visit, row["docking_id"]):
        raise NotFoundError(f"no docking {row['docking_id']!r}")
    return row


def _files(visit: Visit, sightings: list[Row]) -> tuple[list[Row], int | None]:
    """A page of the card's listing, and behind which place the next one starts; null where this is the last."""
    after = visit.query.get("after", "")
    start = int(after) + 1 if after.isdecimal() else 0
    rows = [row for row in sightings if row["ordinal"] >= start]
    visible = {row["recording_id"] for row in seen(visit, [row for row in rows if row["recording_id"]])}
    rows = [row for row in rows if row["recording_id"] is None or row["recording_id"] in visible]
    return rows[:_FILES], rows[_FILES - 1]["ordinal"] if len(rows) > _FILES else None


def _record(visit: Visit, docking_id: str) -> dict[str, object] | None:
    book = open_record_book(visit.console.settings)
    row = book.of_docking(docking_id)
    return record_document(row, book.files_of(docking_id)) if row is not None else None


PAGES = (
    Page("/dockings/{docking}", docking, Right.SEE),
    Page("/dockings/{docking}/record", paper, Right.SETTLE, ("POST",)),
    Page("/dockings/{docking}/confirm", confirm, Right.SETTLE, ("POST",)),
)
