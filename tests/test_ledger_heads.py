"""Signed heads at a real station: when they are made, where they go, and what the ledger says of key and settings."""

import datetime as dt
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.custody import Act
from ingestd.core.errors import ExitStatus
from ingestd.daemon.ledger_work import LedgerWork
from ingestd.stores.ledger import Ledger
from tests.support.process import Installation

START = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A station that ran once, with a folder for exports. Tests only read it, or add to its ledger."""
    root = tmp_path_factory.mktemp("ran")
    installation = Installation(root, copy__digests=["sm3"])
    outside = root / "outside"
    outside.mkdir()
    text = installation.config_file.read_text("utf-8")
    installation.config_file.write_text(text.replace("[ledger]\n", f'[ledger]\nexport_dir = "{outside}"\n'), "utf-8")
    with installation.daemon() as daemon:
        assert daemon.stop() == 0
    yield installation


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """A station that never ran."""
    return Installation(tmp_path)


def entries(installation: Installation, act: str) -> list[dict[str, Any]]:
    lines = (line for path in sorted((installation.vault / "ledger").iterdir()) for line in path.open("rb"))
    return [entry for entry in map(json.loads, lines) if entry["act"] == act]


def heads(installation: Installation) -> list[Path]:
    return sorted((installation.vault / "heads").rglob("*.json"), key=lambda path: path.name)


def key_file(installation: Installation) -> Path:
    return installation.state_dir / "ledger-key.pem"


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_key_is_made_at_the_first_start_and_nobody_else_may_read_it(ran: Installation) -> None:
    assert key_file(ran).stat().st_mode & 0o777 == 0o600


def test_the_public_key_stands_in_ledger_vault_and_export(ran: Installation) -> None:
    (entered,) = entries(ran, "ledger.key_entered")
    name, pem = entered["data"]["key"], entered["data"]["public_key"]
    assert (ran.vault / "keys" / f"{name}.pem").read_text("ascii") == pem
    assert (ran.root / "outside" / f"station-01-{name}.pem").read_text("ascii") == pem


def test_openssl_names_the_key_as_the_station_does(ran: Installation) -> None:
    (pem,) = (ran.vault / "keys").iterdir()
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", pem, "-outform", "DER"], capture_output=True, check=True)
    digest = subprocess.run(["sha256sum"], input=der.stdout, capture_output=True, check=True).stdout
    assert digest.decode("ascii").startswith(pem.stem)


def test_a_lost_key_is_not_replaced_before_a_person_says_so(fresh: Installation) -> None:
    assert fresh.run("ledger", "sign", "--by", "档案员").status == 0
    key_file(fresh).unlink()
    done = fresh.run("ledger", "sign")
    assert done.status == ExitStatus.NOT_FOUND
    assert "ledger new-key" in done.err
    assert fresh.run("ledger", "new-key", "--reason", "磁盘更换", "--by", "档案员").status == 0
    first, second = entries(fresh, "ledger.key_entered")
    assert (second["data"]["because"], second["data"]["before"]) == ("lost", first["data"]["key"])
    assert len(list((fresh.vault / "keys").iterdir())) == 2
    # What the old key signed stays good.
    assert fresh.run("verify").status == 0


def test_a_new_key_is_refused_while_the_old_one_is_there(fresh: Installation) -> None:
    assert fresh.run("ledger", "new-key", "--reason", "first", "--by", "管理员").status == 0
    assert fresh.run("ledger", "new-key", "--reason", "again", "--by", "管理员").status == ExitStatus.FAILED


def test_a_key_that_was_exchanged_by_hand_is_entered_as_changed(fresh: Installation) -> None:
    fresh.run("ledger", "sign")
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key_file(fresh)], capture_output=True, check=True
    )
    assert fresh.run("ledger", "sign").status == 0
    assert [one["data"]["because"] for one in entries(fresh, "ledger.key_entered")] == ["first", "changed"]


def test_a_key_that_others_may_read_signs_nothing(fresh: Installation) -> None:
    fresh.run("ledger", "sign")
    key_file(fresh).chmod(0o644)
    done = fresh.run("ledger", "sign")
    assert done.status == ExitStatus.CONFIG
    assert "chmod 0600" in done.err


# --- heads ------------------------------------------------------------------------------------------------------------


def test_a_head_covers_the_very_act_that_announces_it(ran: Installation) -> None:
    announced = entries(ran, "ledger.head_signed")[-1]
    head = json.loads(heads(ran)[-1].read_bytes())
    assert (head["seq"], head["hash"]) == (announced["seq"], announced["hash"])


def test_a_head_lies_in_the_vault_and_outside(ran: Installation) -> None:
    for head in heads(ran):
        assert (ran.root / "outside" / f"station-01-{head.name}").read_bytes() == head.read_bytes()


def test_the_signature_stands_up_to_openssl(ran: Installation, tmp_path: Path) -> None:
    # The commands of docs/design/vault-format.md, "For a court".
    head, (pem,) = heads(ran)[-1], (ran.vault / "keys").iterdir()
    commands = f"""
        sed 's/"signature":"[^"]*",//' {head} | tr -d '\\n' > message
        sed 's/.*"signature":"\\([^"]*\\)".*/\\1/' {head} | base64 -d > signature
        openssl pkeyutl -verify -pubin -inkey {pem} -rawin -in message -sigfile signature
    """
    done = subprocess.run(["sh", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout
    (tmp_path / "message").write_bytes((tmp_path / "message").read_bytes().replace(b'"seq":', b'"seq":1'))
    judged = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(pem), "-rawin"]
    judged += ["-in", "message", "-sigfile", "signature"]
    assert subprocess.run(judged, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_a_head_carries_sm3_where_originals_do(ran: Installation, tmp_path: Path) -> None:
    head = json.loads(heads(ran)[-1].read_bytes())
    lines = b"".join(path.read_bytes() for path in sorted((ran.vault / "ledger").iterdir())).splitlines(keepends=True)
    (tmp_path / "line").write_bytes(lines[head["seq"] - 1])
    done = subprocess.run(["openssl", "dgst", "-sm3", "line"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode("ascii").split()[-1] == head["digests"]["sm3"]


def test_nothing_is_signed_twice_while_nothing_happens(fresh: Installation) -> None:
    first = fresh.json("ledger", "sign")
    assert fresh.json("ledger", "sign") == first
    assert len(heads(fresh)) == len(entries(fresh, "ledger.head_signed")) == 1


def test_an_ending_station_signs_what_came_since_the_daily_head(fresh: Installation) -> None:
    with fresh.daemon() as daemon:
        assert fresh.run("fleet", "add", "7012345", "--by", "管理员").status == 0
        assert daemon.stop() == 0
    assert [one["data"]["why"] for one in entries(fresh, "ledger.head_signed")] == ["daily", "close"]
    assert json.loads(heads(fresh)[-1].read_bytes())["seq"] == entries(fresh, "ledger.head_signed")[-1]["seq"]


def test_a_second_start_on_the_same_day_signs_no_second_daily_head(ran: Installation) -> None:
    before = len(entries(ran, "ledger.head_signed"))
    with ran.daemon() as daemon:
        assert daemon.stop() == 0
    assert len(entries(ran, "ledger.head_signed")) == before
    # Nor is a configuration entered again that did not change.
    assert len(entries(ran, "config.changed")) == 1


def test_a_share_that_is_away_stops_neither_signing_nor_station(fresh: Installation) -> None:
    text = fresh.config_file.read_text("utf-8")
    away = 'export_dir = "/nonexistent/share"\n'
    fresh.config_file.write_text(text.replace("[ledger]\n", f"[ledger]\n{away}"), "utf-8")
    with fresh.daemon() as daemon:
        status, ready = daemon.get("/readyz")
        assert status == 200
        assert "/nonexistent/share is not there" in json.loads(ready)["problems"]["ledger"]
    assert len(heads(fresh)) == 1


def test_a_key_that_cannot_be_used_does_not_keep_the_station_from_starting(fresh: Installation) -> None:
    fresh.state_dir.mkdir()
    key_file(fresh).write_text("no key")
    key_file(fresh).chmod(0o600)
    with fresh.daemon() as daemon:
        _, ready = daemon.get("/readyz")
        assert "is no private key" in json.loads(ready)["problems"]["ledger"]


def test_the_exported_head_is_the_newest_one(ran: Installation, tmp_path: Path) -> None:
    told = ran.json("ledger", "export", tmp_path)
    assert Path(told["head"]).read_bytes() == heads(ran)[-1].read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".pem"}


def test_the_head_now_is_told_with_the_last_signed_one(ran: Installation) -> None:
    told = ran.json("ledger", "head")
    assert told["seq"] >= told["signed"]["seq"] > 0
    assert told["key"] in told["keys"]


# --- countersigned ----------------------------------------------------------------------------------------------------


def archivists_key(folder: Path) -> tuple[Path, Path]:
    private, public = folder / "archivist.pem", folder / "archivist.pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], capture_output=True, check=True)
    private.chmod(0o600)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], capture_output=True, check=True)
    return private, public


def test_an_archivist_countersigns_with_a_key_of_her_own_and_the_file_checks_out(
    ran: Installation, tmp_path: Path
) -> None:
    private, public = archivists_key(tmp_path)
    out = tmp_path / "kept.json"
    head = heads(ran)[-1]
    assert ran.run("ledger", "countersign", head, "--key", private, "--by", "李档案", "--out", out).status == 0
    (told,) = ran.json("ledger", "check", out, "--key", public)
    assert (told["is_good"], told["countersigned_by"], told["notes"]) == (True, "李档案", [])


def test_a_countersignature_whose_key_is_not_at_hand_is_told_and_no_fault(ran: Installation, tmp_path: Path) -> None:
    private, _ = archivists_key(tmp_path)
    out = tmp_path / "kept.json"
    ran.run("ledger", "countersign", heads(ran)[-1], "--key", private, "--by", "李档案", "--out", out)
    (told,) = ran.json("ledger", "check", out)
    assert told["is_good"]
    assert "is not at hand" in told["notes"][0]


def test_a_countersignature_is_void_where_its_words_were_changed(ran: Installation, tmp_path: Path) -> None:
    private, public = archivists_key(tmp_path)
    out = tmp_path / "kept.json"
    ran.run("ledger", "countersign", heads(ran)[-1], "--key", private, "--by", "Li", "--out", out)
    out.chmod(0o640)
    out.write_bytes(out.read_bytes().replace(b'"by":"Li"', b'"by":"Wu"'))
    done = ran.run("ledger", "check", out, "--key", public)
    assert done.status == ExitStatus.INTEGRITY
    assert "does not bear the countersignature" in done.out


def test_another_station_countersigns_and_notes_it_in_its_own_ledger(ran: Installation, fresh: Installation) -> None:
    out = fresh.root / "kept.json"
    head = heads(ran)[-1]
    assert fresh.run("ledger", "countersign", head, "--by", "管理员", "--out", out).status == 0
    (noted,) = entries(fresh, "ledger.countersigned")
    shown = json.loads(head.read_bytes())
    assert (noted["data"]["vault"], noted["data"]["hash"]) == (shown["vault"], shown["hash"])


# --- configuration and clock ------------------------------------------------------------------------------------------


def test_the_configuration_stands_in_the_ledger_and_then_what_changed_of_it(fresh: Installation) -> None:
    with fresh.daemon() as daemon:
        daemon.stop()
    fresh.config_file.write_text(fresh.config_file.read_text("utf-8").replace("max_depth = 32", "max_depth = 33"))
    with fresh.daemon() as daemon:
        daemon.stop()
    first, second = entries(fresh, "config.changed")
    assert first["data"]["changed"]["station.regime"] == {"after": "marine"}
    assert second["data"]["changed"]["copy.max_depth"] == {"before": 32, "after": 33}
    assert set(second["data"]["changed"]) == {"copy.max_depth", "file:ingestd.toml"}


def test_a_clock_before_the_ledgers_last_entry_is_noted(fresh: Installation) -> None:
    class Tomorrow(SystemClock):
        def now(self) -> dt.datetime:
            return super().now() + dt.timedelta(days=1)

    assert fresh.run("ledger", "sign").status == 0
    ledger = Ledger(fresh.vault / "ledger", Tomorrow())
    ledger.append(ledger.chain([Act(act="ledger.repaired", data={"segment": "-", "cut_bytes": 0})]))
    with fresh.daemon() as daemon:
        daemon.stop()
    (stepped,) = entries(fresh, "clock.stepped")
    assert stepped["data"]["against"] == "ledger"
    assert stepped["data"]["step_seconds"] < -80_000


def test_a_wall_clock_that_jumps_beside_the_steady_one_is_noted_once(fresh: Installation) -> None:
    steady = iter([100.0, 160.0, 220.0, 280.0])

    class Jumping(SystemClock):
        # Two minutes looked at each minute: an hour and a second too far in the second look, and as it was after.
        walls = iter([0.0, 60.0 + 3601.0, 120.0 + 3601.0 + 0.4, 180.0 + 3601.0])

        def now(self) -> dt.datetime:
            return START + dt.timedelta(seconds=next(self.walls))

    with fresh.station.opened() as opened:
        parts = replace(opened, clock=Jumping())
        work = LedgerWork(lambda: parts, lambda *_: None, lambda: next(steady))
        for _ in range(4):
            work.check_clock()
    (stepped,) = entries(fresh, "clock.stepped")
    assert (stepped["data"]["against"], stepped["data"]["step_seconds"]) == ("steady", 3601.0)


def test_metrics_tell_when_the_head_was_signed_and_what_verify_found(fresh: Installation) -> None:
    before = SystemClock().now()
    with fresh.daemon() as daemon:
        assert fresh.run("verify").status == 0
        _, page = daemon.get("/metrics")
    values = dict(line.split() for line in page.splitlines() if line.startswith(("ingestd_ledger_h", "ingestd_verify")))
    assert float(values["ingestd_ledger_head_timestamp_seconds"]) >= before.timestamp() - 1
    assert float(values["ingestd_verify_timestamp_seconds"]) >= before.timestamp() - 1
    assert float(values["ingestd_verify_faults"]) == 0
