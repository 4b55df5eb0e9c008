"""Modification times of FAT, which keeps no zone: read in the bureau's where that is settled, else as told."""

import datetime as dt
import os
from pathlib import Path

import pytest

from ingestd.devices.mountinfo import medium_mark
from ingestd.devices.mounts import volume_facts
from ingestd.devices.udev import DeviceAction, DeviceEvent
from ingestd.pipeline.describe import describe
from tests.support.docks import plug
from tests.support.station import build_station, write_card

SHOWN = dt.datetime(2026, 11, 1, 8, 0, tzinfo=dt.UTC)
"""What the card says, as if it were UTC: eight in the morning."""

GAT = [f"DCIM/100ANDRO/0000007_0000012026110108300{n}_000{n}.mp4" for n in range(3)]
UNKNOWN = ["footage/clip.mp4"]


@pytest.mark.parametrize(
    ("names", "volume", "end"),
    [
        (GAT, {"fs_type": "vfat", "fat_times": "as stored"}, "2026-11-01T00:00:00.000Z"),
        (GAT, {"fs_type": "vfat"}, "2026-11-01T08:00:00.000Z"),
        (GAT, {"fs_type": "exfat"}, "2026-11-01T08:00:00.000Z"),
        (UNKNOWN, {"fs_type": "vfat", "fat_times": "as stored"}, "2026-11-01T08:00:00.000Z"),
    ],
    ids=["settled", "mounted by somebody else", "exfat", "a family that nobody knows"],
)
def test_a_file_without_a_time_in_its_name_is_read_in_the_bureaus_zone_only_where_that_is_known(
    tmp_path: Path, names: list[str], volume: dict[str, str], end: str
) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {name: name.encode() for name in (*names, "LOGS/boot.log")})
    os.utime(card / "LOGS/boot.log", (SHOWN.timestamp(), SHOWN.timestamp()))
    with station.at_work() as parts:
        plug(card, parts, **volume)
        while describe(parts):
            continue
        (row,) = [one for one in parts.catalogue.recordings() if one["card_path"] == "LOGS/boot.log"]
    assert (row["recorded_end"], row["tags"]["times_source"]) == (end, "file_system")
    assert row["tags"].get("times_zone") == ("Asia/Shanghai" if end.startswith("2026-11-01T00") else None)
    assert row["modified_ns"] == int(SHOWN.timestamp()) * 1_000_000_000, "what the card said stays as it was said"


@pytest.mark.parametrize(
    ("fs_type", "mark", "told"),
    [("vfat", "7", "as stored"), ("vfat", "6", ""), ("vfat", "", ""), ("exfat", "7", "")],
    ids=["ours", "of another medium", "somebody else's", "exfat, which may know its zone"],
)
def test_only_of_a_mount_of_our_own_is_it_known_how_times_are_told(
    tmp_path: Path, fs_type: str, mark: str, told: str
) -> None:
    point = tmp_path / "sda1"
    if mark:
        medium_mark(point).symlink_to(mark)
    volume = DeviceEvent(DeviceAction.ADDED, "/dev/sda1", 7, fs_type=fs_type)
    assert volume_facts(volume, point).get("fat_times", "") == told
