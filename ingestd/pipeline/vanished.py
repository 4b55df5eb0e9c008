"""Compares the listing of a docking with what earlier ones of the same recorder or card saw."""

from ingestd.core.custody import Act
from ingestd.core.vanished import compare
from ingestd.stores.listings import Listings
from ingestd.stores.search import Row


def compared_act(docking: Row, listings: Listings) -> Act | None:
    """The act that says which files are gone that were never secured, and which of those said before are back; null
    where there is nothing to say. A listing that is not whole says nothing of what a card does not carry."""
    docking_id = docking["docking_id"]
    related = listings.related(docking_id)
    earlier = listings.unsecured(related[1:])
    told = listings.told([one.recorder_key for one in related])
    if not related or not (earlier or told) or not listings.is_whole(docking_id):
        return None
    now = related[0]
    compared = compare(now, listings.entries(now), earlier, told)
    if not compared.findings and not compared.came_back:
        return None
    return Act(
        act="listing.compared",
        subject=docking_id,
        data={
            "recorder_key": now.recorder_key,
            "compared_with": [one.docking_id for one in related[1:]],
            "findings": [one.model_dump(mode="json") for one in compared.findings],
            "came_back": list(compared.came_back),
        },
    )
