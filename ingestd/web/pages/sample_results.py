"""The result of a sample (抽检): to be read, printed, and taken home with the list that it was drawn from."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from ingestd.core.clock import to_text
from ingestd.core.roles import Right
from ingestd.core.samples import Item, Outcome, result_of
from ingestd.stores.vault import Vault
from ingestd.web.pages.samples import VERDICTS, book_of, found_of, may_see, repeated, words_of
from ingestd.web.visit import Page, Visit
from ingestd.wiring import open_catalogue


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_COLUMNS: Final = (*(_("Sample"), _("Item"), _("Recording"), _("Unit"), _("Outcome"), _("Checked at"), _("Inspector")),)


def report(visit: Visit) -> Response:
    """The result, to be read and printed."""
    found, items = found_of(visit)
    everything = book_of(visit).items(found.number)
    beside = [
        one
        for one in book_of(visit).samples(limit=500)
        if one.number != found.number and one.begins < found.ends and found.begins < one.ends
    ]
    rows = {row["recording_id"]: row for row in _rows(visit, items)}
    return visit.page(
        "sample_report.html",
        sample=found,
        items=items,
        is_part=len(items) != len(everything),
        result=result_of(found, items),
        failures=[one for one in items if one.outcome is Outcome.FAILED],
        void=[one for one in items if one.outcome is Outcome.VOID],
        rows=rows,
        beside=[one for one in beside if may_see(visit, one)],
        draw=repeated(visit, found),
        points={str(one["id"]): one for one in found.form},
        now=to_text(visit.console.clock.now()),
        percent=_percent,
        **words_of(visit),
    )


def _rows(visit: Visit, items: Sequence[Item]) -> list[Mapping[str, Any]]:
    catalogue = open_catalogue(visit.console.settings)
    return [catalogue.recording_of(one.recording_id) for one in items if one.outcome in (Outcome.FAILED, Outcome.VOID)]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def report_csv(visit: Visit) -> Response:
    """One row an item, with each point of the form."""
    found, items = found_of(visit)
    points = [str(one["id"]) for one in found.form]
    key = "zh" if visit.language == "zh" else "en"
    words = words_of(visit)
    verdicts = {one.value: visit.t(said) for one, said in VERDICTS}
    out = io.StringIO()
    writer = csv.writer(out)
    heads = [visit.t(one) for one in _COLUMNS]
    writer.writerow([*heads, *(str(one[key]) for one in found.form), visit.t("Note")])
    for one in items:
        answers = [one.answers.get(point) for point in points]
        said = [" ".join(filter(None, (verdicts[each["verdict"]], each["words"]))) if each else "" for each in answers]
        outcome = words["outcome_words"][one.outcome] if one.outcome is not None else ""
        told = [found.number, str(one.item), one.recording_id, words["unit_words"](one.unit), outcome]
        writer.writerow([_cell(cell) for cell in (*told, one.checked_at or "", one.checked_by, *said, one.note)])
    # The mark at the start tells office programs that it is UTF-8.
    headers = {"Content-Disposition": f'attachment; filename="{found.number}.csv"'}
    return Response("﻿" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(text: str) -> str:
    """A text that no office program takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def frozen_list(visit: Visit) -> Response:
    """The frozen list as it stands in the vault, byte for byte, so that anybody can repeat the draw."""
    found, _items = found_of(visit)
    data = Vault(visit.console.settings.vault_dir).read_bytes(found.list_path)
    headers = {"Content-Disposition": f'attachment; filename="{found.number}-list.json"'}
    return Response(data, media_type="application/json", headers=headers)


PAGES: Final = (
    Page("/samples/{number}/report", report, Right.INSPECT),
    Page("/samples/{number}/report.csv", report_csv, Right.INSPECT),
    Page("/samples/{number}/list.json", frozen_list, Right.INSPECT),
)
