"""What must stand, may be gone, and is gone by the ledger: contents live as long as the longest of their recordings."""

from pathlib import Path
from typing import Any

import pytest

from ingestd.core.chaincheck import ChainCheck, LedgerFault
from ingestd.core.clock import SystemClock
from ingestd.core.custody import GENESIS, Act, Entry, chain
from ingestd.core.stop import Stop
from ingestd.pipeline.scrub import Verdict, verify_vault
from ingestd.pipeline.vouched import Books, documents_of
from tests.support.disposal import archive
from tests.support.station import build_station

SHA = "ab" * 32


def entries(*acts: Act) -> list[Entry]:
    made: list[Entry] = []
    for act in acts:
        prev = made[-1].hash if made else GENESIS
        made.append(chain(act, seq=len(made) + 1, prev=prev, now=SystemClock().now()))
    return made


def sealed(recording: str) -> Act:
    sidecar = {"sidecar": f"originals/a.{recording}.bin.birth.json", "sidecar_sha256": "cd" * 32}
    return Act(act="recording.sealed", subject=recording, data={"sha256": SHA, "docking_id": "d", **sidecar})


def about(verb: str, recording: str) -> Act:
    return Act(act=verb, subject=recording, data={"sha256": SHA, "path": "originals/a.bin", "number": "D2030-0001"})


CONDEMNED_1, CONDEMNED_2 = about("recording.condemned", "1"), about("recording.condemned", "2")
DISPOSED_1, DISPOSED_2 = about("recording.disposed", "1"), about("recording.disposed", "2")
SPARED_1 = Act(act="disposal.spared", data={"recordings": [{"recording_id": "1", "why": "hold", "words": ""}]})
RECOVERED_1 = Act(act="disposal.recovered", data={"recordings": ["1"], "reason": ""})


@pytest.mark.parametrize(
    ("acts", "may_be_gone", "disposed_by"),
    [
        ([sealed("1")], False, None),
        ([sealed("1"), CONDEMNED_1], True, None),
        ([sealed("1"), CONDEMNED_1, SPARED_1], False, None),
        ([sealed("1"), CONDEMNED_1, RECOVERED_1], False, None),
        ([sealed("1"), CONDEMNED_1, DISPOSED_1], True, 3),
        ([sealed("1"), sealed("2"), CONDEMNED_1], False, None),
        ([sealed("1"), sealed("2"), CONDEMNED_1, DISPOSED_1], False, None),
        ([sealed("1"), sealed("2"), CONDEMNED_1, CONDEMNED_2], True, None),
        ([sealed("1"), sealed("2"), CONDEMNED_1, DISPOSED_1, CONDEMNED_2, DISPOSED_2], True, 6),
        ([sealed("1"), CONDEMNED_1, DISPOSED_1, sealed("2")], False, None),
    ],
    ids=[
        "kept", "condemned", "spared", "recovered", "disposed", "one of two condemned", "one of two disposed",
        "both condemned", "both disposed", "sealed again",
    ],
)  # fmt: skip
def test_bytes_are_rightly_gone_only_with_their_last_recording(
    acts: list[Act], may_be_gone: bool, disposed_by: int | None
) -> None:
    books = Books()
    for entry in entries(*acts):
        books.note(entry)
    assert (books.may_be_gone(SHA), books.disposed_by(SHA)) == (may_be_gone, disposed_by)


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        ({"certificate": "disposals/D1/certificate.json", "certificate_sha256": SHA}, ["certificate"]),
        ({"plan_sha256": SHA, "number": "D1"}, []),
        ({"listing": "originals/x/listing.json"}, []),
        ({"words": "and/or", "words_sha256": 3}, []),
    ],
)
def test_a_document_is_what_is_named_beside_its_digest(data: dict[str, Any], kinds: list[str]) -> None:
    (entry,) = entries(Act(act="disposal.certified", data=data))
    assert [one.kind for one in documents_of(entry)] == kinds


def test_a_station_that_disposed_of_something_has_no_fault_and_bytes_that_came_back_are_one(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", disposal__enabled=True, disposal__max_share_percent=100.0)
    with archive(station) as one:
        (recording,) = one.take_in(tmp_path / "card", {"DCIM/a.mp4": b"footage"}).values()
        original = one.path_of(recording)
        one.grow_old()
        one.dispose_of_all()
        assert not original.exists()

        def verdict() -> Verdict:
            catalogue, file = one.parts.catalogue, station.catalogue_file
            return verify_vault(station.vault, catalogue, stop=Stop(), block_bytes=65536, catalogue_file=file)

        found = verdict()
        assert (found.faults, found.gone) == ((), 1)
        original.write_bytes(b"footage")
        assert [(fault.what, fault.kind) for fault in verdict().faults] == [("original", "not_gone")]


def test_an_entry_that_cannot_be_written_in_canonical_form_is_no_entry() -> None:
    (entry,) = entries(Act(act="test.noted", data={"number": 1}))
    for harm in (b"Infinity", b"NaN", b'"\\ud800"'):
        found, faults = ChainCheck().look(entry.line().replace(b'"number":1', b'"number":' + harm), "line 1")
        assert found is None
        assert [fault.kind for fault in faults] == [LedgerFault.MALFORMED]
