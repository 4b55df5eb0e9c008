"""Dockings whose recorder is unknown, in doubt, blocked or not registered: a person says whose they are."""

from typing import Any

from ingestd.answers.texts import local_time, size
from ingestd.core.fleet_acts import Add, Settle
from ingestd.core.roles import Right
from ingestd.stores.fleet import FleetRegister
from ingestd.web.console import built
from ingestd.web.lists.items import Count, Deed, Field, Item, Items, WorkList, check_docking, name_of, paged, wanted
from ingestd.web.scope import may_see_docking
from ingestd.web.visit import Visit
from ingestd.web.words import half
from ingestd.wiring import open_catalogue, open_fleet

_NAMES_SHOWN = 3


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


def _rows(visit: Visit, after: str) -> tuple[list[dict[str, Any]], str]:
    return paged(
        open_fleet(visit.console.settings).waiting(),
        lambda row: str(row["docking_id"]),
        after,
        lambda row: may_see_docking(visit, row["docking_id"]),
    )


def _count(visit: Visit) -> Count:
    rows, following = _rows(visit, "")
    return Count(len(rows), bool(following))


def _items(visit: Visit, after: str) -> Items:
    register = open_fleet(visit.console.settings)
    rows, following = _rows(visit, after)
    numbers = tuple((one.number, one.holder or one.unit) for one in register.entries())
    return Items(tuple(_item(visit, row, register, numbers) for row in rows), following)


def _item(visit: Visit, row: dict[str, Any], register: FleetRegister, numbers: tuple[tuple[str, str], ...]) -> Item:
    t, zone = visit.t, visit.console.settings.station.zone_info
    sightings = open_catalogue(visit.console.settings).sightings(row["docking_id"])
    names = [name_of(one["card_path"]) for one in sightings[:_NAMES_SHOWN]]
    owners = register.owners_of(row["usb_serial"] or "")
    facts = (
        (t("Why it waits"), _reasons(visit, row["admission_reason"] or "")),
        (t("Number in its file names"), row["recorder_id"] or t("none")),
        (t("USB serial"), row["usb_serial"] or t("none")),
        (t("The register has this serial for"), ", ".join(owners)),
        (t("Files"), f"{row['entries']}, {size(row['bytes'])}: {', '.join(names)}"),
    )
    likely = owners[0] if len(owners) == 1 else row["recorder_id"] or ""
    return Item(
        key=row["docking_id"],
        title=" · ".join((row["recorder_id"] or t("unknown recorder"), row["bay"])),
        note=local_time(row["opened_at"], zone)[:16],
        facts=tuple((name, value) for name, value in facts if value),
        links=((f"/dockings/{row['docking_id']}", t("the docking and its files")),),
        fields=(
            Field("recorder", t("It is the recorder with this number"), value=likely, choices=numbers),
            Field("enter", t("enter the number in the register first, if it is not there"), "check"),
            Field(
                "reason", t("How do you know?"), is_required=True, hint=t("for example: number on the case compared")
            ),
        ),
        deeds=(Deed("recorder", t("It is this recorder")), Deed("accept", t("Accept it as it stands"))),
    )


def _reasons(visit: Visit, words: str) -> str:
    return "；".join(half(one, visit.language) for one in words.split("; "))


def _act(visit: Visit, key: str) -> str:
    reason = wanted(visit, "reason", _("say how you know it"))
    check_docking(visit, key)
    if visit.text("do") == "accept":
        visit.console.act("fleet", [built(Settle, visit.visitor, {"docking": key, "reason": reason})])
        return visit.t("Accepted as it stands.")
    number = wanted(visit, "recorder", _("write the recorder's number"))
    settle = built(Settle, visit.visitor, {"docking": key, "recorder": number, "reason": reason})
    is_new = visit.text("enter") and open_fleet(visit.console.settings).entry(number) is None
    first = [built(Add, visit.visitor, {"number": number, "note": reason})] if is_new else []
    visit.console.act("fleet", [*first, settle])
    return visit.t("Settled: it is recorder {0}").format(number)


LIST = WorkList(
    "identity",
    _("Whose recorder?"),
    _("Recorders that nobody knows, or about which sources disagree. Their footage is stored and held apart."),
    Right.SETTLE,
    _items,
    _act,
    _count,
)
