"""Files that were read again and found damaged or missing: what stands, and what to do."""

from typing import Any

from ingestd.answers.texts import local_time
from ingestd.core.roles import Right
from ingestd.stores.fixity import FixityBook
from ingestd.web.lists.items import Item, Items, WorkList, counted, paged
from ingestd.web.scope import may_see
from ingestd.web.visit import Visit
from ingestd.wiring import open_fixity


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


def _faults(visit: Visit, after: str) -> Items:
    book = open_fixity(visit.console.settings)
    found = [(row, book.recordings_of(row["sha256"]) if row["sha256"] else []) for row in book.faults()]
    shown, following = paged(
        found,
        lambda pair: str(pair[0]["path"]),
        after,
        lambda pair: not pair[1] or any(may_see(visit, one) for one in pair[1]),
    )
    return Items(tuple(_item(visit, book, row, recordings) for row, recordings in shown), following)


def _item(visit: Visit, book: FixityBook, row: dict[str, Any], recordings: list[dict[str, Any]]) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    advice = t(
        "If a verified copy stands in another store, the station mends the file by itself at its next pass. "
        "Else give the administrator this page: the disk is to be checked, and the file brought back from a backup."
    )
    links = [(f"/recordings/{one['recording_id']}", one["card_path"]) for one in recordings if may_see(visit, one)]
    return Item(
        key=row["path"],
        title=row["path"].rpartition("/")[2],
        note=local_time(row["failed_at"], zone)[:16],
        facts=((t("What is wrong"), row["words"]), (t("Where"), row["path"]), (t("What to do"), advice)),
        links=tuple(links),
    )


FAULTS = WorkList(
    "scrub",
    _("Damaged files"),
    _("Everything that is held is read again on a schedule. What was found damaged stands here until it is mended."),
    Right.SEE,
    _faults,
    None,
    counted(_faults),
)
