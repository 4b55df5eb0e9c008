"""A card from its folder to a docked recorder."""

import datetime as dt
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingestd.core.errors import SourceGoneError
from ingestd.core.family import DeviceInfoFile, MatchRules
from ingestd.core.model import Inlet
from ingestd.core.profile import NameGrammar, RecorderProfile
from ingestd.devices.dock import DockedRecorder, open_docking
from ingestd.devices.mounts import FolderMounter, Mounted, Mounter

PROFILES = (
    RecorderProfile(
        id="example", title="", names=(NameGrammar(id="plain", pattern=r"(?P<device>DSJ\d{4})_(?P<time>\d{14})\.mp4"),)
    ),
)


class LateEvening:
    """17:30 in Greenwich, which is the next day in the bureau."""

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 11, 21, 17, 30, tzinfo=dt.UTC)

    def steady_seconds(self) -> float:
        return 0.0


def docked(mounter: Mounter, profiles: tuple[RecorderProfile, ...] = PROFILES) -> DockedRecorder:
    return open_docking(
        mounter,
        bay="inbox",
        inlet=Inlet.INBOX,
        profiles=profiles,
        zone=ZoneInfo("Asia/Shanghai"),
        clock=LateEvening(),
        max_entries=100,
        max_depth=5,
    )


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "DSJ0042_20240221082900.mp4").write_bytes(b"footage")
    return tmp_path


def test_a_docking_names_its_recorder_and_keeps_its_card_open(card: Path) -> None:
    with docked(FolderMounter(card)) as recorder:
        assert recorder.docking.recorder.recorder_id == "DSJ0042"
        assert [entry.path.text for entry in recorder.listing.entries] == ["DSJ0042_20240221082900.mp4"]
        assert os.listdir(recorder.root_fd) == ["DSJ0042_20240221082900.mp4"]
        assert recorder.still_there()


def test_the_folder_of_a_docking_carries_the_date_in_the_bureaus_zone(card: Path) -> None:
    with docked(FolderMounter(card)) as recorder:
        tail = recorder.docking.docking_id.replace("-", "")[-12:]
        assert recorder.docking.folder == f"originals/2026/2026-11-22/DSJ0042-{tail}"


def test_two_dockings_of_one_card_are_two(card: Path) -> None:
    with docked(FolderMounter(card)) as one, docked(FolderMounter(card)) as two:
        assert one.docking.docking_id != two.docking.docking_id
        assert one.docking.folder != two.docking.folder


def test_leaving_a_docking_lets_go_of_the_card(card: Path) -> None:
    with docked(FolderMounter(card)) as recorder:
        pass
    assert not recorder.still_there()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(recorder.root_fd)


def test_a_card_that_goes_away_while_it_is_listed_is_let_go_of(card: Path) -> None:
    released = []

    class GoneAtOnce:
        def mount(self) -> Mounted:
            root_fd = os.open(card, os.O_RDONLY | os.O_DIRECTORY)
            return Mounted(root_fd, {}, lambda: False, lambda: released.append(root_fd))

    with pytest.raises(SourceGoneError):
        docked(GoneAtOnce())
    assert len(released) == 1


def test_the_card_settles_what_two_families_could_have_written(tmp_path: Path) -> None:
    families = tuple(
        RecorderProfile(
            id=order,
            title="",
            names=(
                NameGrammar(
                    id="one", pattern=rf"(?:.*/)?(?P<{order}>\d{{6}})_(?P<{other}>\d{{6}})_(?P<time>\d{{14}})\.mp4"
                ),
            ),
            match=MatchRules(layout=(folder,)),
        )
        for order, other, folder in (("device", "user", "DCIM/100MEDIA/"), ("user", "device", "DCIM/100ANDRO/"))
    )
    (tmp_path / "DCIM" / "100ANDRO").mkdir(parents=True)
    (tmp_path / "DCIM" / "100ANDRO" / "000012_000345_20240221082900.mp4").write_bytes(b"footage")
    with docked(FolderMounter(tmp_path), families) as recorder:
        assert recorder.docking.recorder.recorder_id == "000345"
        assert recorder.docking.profile_id == "user"
        assert [profile.id for profile in recorder.profiles] == ["user", "device"]


def test_a_device_info_file_is_read_from_the_card(tmp_path: Path) -> None:
    info = DeviceInfoFile(path="info.json", format="json", device="serial")
    profile = PROFILES[0].model_copy(update={"device_info": info})
    (tmp_path / "info.json").write_text('{"serial": "DSJ0042"}')
    with docked(FolderMounter(tmp_path), (profile,)) as recorder:
        assert recorder.docking.recorder.recorder_id == "DSJ0042"
        assert ("device_info", "info.json: device DSJ0042") in recorder.docking.recorder.evidence
