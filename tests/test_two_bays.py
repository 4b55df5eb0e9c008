"""Bays at work at the same time: none waits for another's recorder, and the same bytes are one content."""

import threading
from pathlib import Path

from tests.support.station import build_station, dock, faults_of, write_card


def test_two_recorders_with_the_same_bytes_at_the_same_instant_give_one_content(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__batch_files=1)
    same: dict[str | bytes, bytes] = {f"DCIM/{number:04}.mp4": bytes([number]) * 5000 for number in range(30)}
    cards = [write_card(tmp_path / name, {**same, f"{name}.txt": name.encode()}) for name in ("one", "two")]
    together = threading.Barrier(len(cards))
    with station.at_work() as parts:

        def bay(card: Path) -> None:
            together.wait()
            dock(card, parts)

        threads = [threading.Thread(target=bay, args=(card,)) for card in cards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    originals = [path for path in station.vault.root.glob("originals/**/*.mp4") if path.is_file()]
    assert len(originals) == len(same)
    assert faults_of(station) == []
