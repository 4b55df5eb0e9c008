"""Proxies and posters end to end: made by the daemon in the background, opened as a browser would, never evidence."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from ingestd.media.clipspec import FootageFormat
from ingestd.sim.card import CardPlan, write_card
from tests.support.process import Installation, wait_until


@dataclass(frozen=True)
class Shown:
    """A stopped station whose derived files are made, and `show --json` of each recording by its file name."""

    installation: Installation
    recordings: dict[str, dict[str, Any]]

    def derived(self, suffix: str, kind: str) -> dict[str, Any]:
        """A derived object of the first recording with this suffix."""
        recording = next(one for name, one in sorted(self.recordings.items()) if name.endswith(suffix))
        return next(dict(one) for one in recording["derived"] if one["kind"] == kind)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    root = tmp_path_factory.mktemp("proxy")
    for footage_format in (FootageFormat.MJPEG, FootageFormat.H264):
        plan = CardPlan(
            takes=1, segments=1, segment_seconds=3, format=footage_format, device=f"70{footage_format.value[:5]:0<5}"
        )
        write_card(plan, root / "card" / footage_format.value)
    installation = Installation(root / "station")
    with installation.daemon() as daemon:
        assert installation.run("ingest", root / "card").status == 0
        timed = [one for one in installation.json("list") if one["kind"] in ("video", "audio")]

        def settled() -> set[str]:
            return {one["recording_id"] for one in daemon.events("derived.made") if one["kind"] == "proxy"}

        wait_until(lambda: settled() == {one["recording_id"] for one in timed}, seconds=60, what="all proxies")
        assert daemon.stop() == 0
    documents = (installation.json("show", one["recording_id"]) for one in timed)
    yield Shown(installation, {one["card_path"].rsplit("/", 1)[-1]: one for one in documents})


def test_motion_jpeg_gets_a_proxy_that_opens_as_h264_in_fast_start_mp4(shown: Shown) -> None:
    proxy = shown.derived(".avi", "proxy")
    path = shown.installation.vault / proxy["vault_path"]
    with av.open(str(path)) as container:
        picture = container.streams.video[0]
        assert picture.codec_context.name == "h264"
        assert picture.codec_context.height <= 360
        assert len(list(container.decode(video=0))) == pytest.approx(45, abs=2)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_sound_of_the_original_is_in_the_proxy(shown: Shown) -> None:
    path = shown.installation.vault / shown.derived(".avi", "proxy")["vault_path"]
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert len(list(container.decode(audio=0))) > 10


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_every_video_gets_a_poster_that_opens(shown: Shown, suffix: str) -> None:
    path = shown.installation.vault / shown.derived(suffix, "poster")["vault_path"]
    with av.open(str(path)) as container:
        (frame,) = container.decode(video=0)
        assert (frame.width, frame.height) == (320, 180)


def test_h264_and_aac_in_mp4_serves_itself(shown: Shown) -> None:
    proxy = shown.derived(".mp4", "proxy")
    assert proxy["vault_path"] is None
    assert proxy["document"] == {"serves": "original"}


def test_derived_files_lie_outside_the_originals(shown: Shown) -> None:
    paths = [one["vault_path"] for document in shown.recordings.values() for one in document["derived"]]
    assert all(path.startswith("derived/") for path in paths if path is not None)


def test_derived_files_are_no_recordings_and_in_no_manifest(shown: Shown) -> None:
    paths = {one["vault_path"] for document in shown.recordings.values() for one in document["derived"]} - {None}
    assert len(paths) >= 3
    held = {one["vault_path"] for one in shown.installation.json("list")}
    assert held & paths == set()
    manifests = "".join(path.read_text("utf-8") for path in shown.installation.vault.rglob("SHA256SUMS"))
    assert "derived" not in manifests
    assert not list((shown.installation.vault / "derived").rglob("*.birth.json"))


def test_derived_files_name_their_original_only_through_the_ledger(shown: Shown) -> None:
    ledger = "".join(path.read_text("utf-8") for path in sorted((shown.installation.vault / "ledger").iterdir()))
    made = [entry for entry in map(json.loads, ledger.splitlines()) if entry["act"] == "derived.made"]
    acts = {(entry["subject"], entry["data"]["path"]) for entry in made}
    for document in shown.recordings.values():
        assert {(document["recording_id"], one["vault_path"]) for one in document["derived"]} <= acts


def test_lost_derived_files_are_no_fault_of_the_evidence(shown: Shown, tmp_path: Path) -> None:
    moved = shown.installation.vault / "derived"
    aside = tmp_path / "derived"
    moved.rename(aside)
    try:
        assert shown.installation.run("verify").status == 0
    finally:
        aside.rename(moved)


def test_station_with_proxies_switched_off_makes_none(tmp_path: Path, shown: Shown) -> None:
    installation = Installation(tmp_path / "station", proxy__enabled=False)
    card = shown.installation.root.parent / "card" / "mjpeg"
    with installation.daemon() as daemon:
        assert installation.run("ingest", card).status == 0
        wait_until(lambda: bool(daemon.events("derived.made")), what="the decision")
        assert daemon.stop() == 0
    assert not list((installation.vault / "derived").rglob("*.mp4"))
