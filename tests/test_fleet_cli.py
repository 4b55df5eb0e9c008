"""`ingestd fleet` as a custodian uses it, beside a running station and without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.answers.marks import officer_words, officers_of
from ingestd.core.errors import RefusedError
from ingestd.ipc import ask
from tests.support.process import Installation, sample, scraped
from tests.support.station import write_card

NUMBER = "0000007"
NAME = f"DCIM/100ANDRO/{NUMBER}_00001220261121083000_0001.mp4"


@pytest.fixture(params=["with a station", "without a station"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    if request.param == "without a station":
        yield installation
        return
    with installation.daemon():
        yield installation


@pytest.fixture
def idle(tmp_path: Path) -> Installation:
    """A station that does not run."""
    return Installation(tmp_path)


def done(installation: Installation, *words: str | Path) -> str:
    ended = installation.run("fleet", *words)
    assert ended.status == 0, ended
    return ended.out


def test_a_recorder_goes_through_its_life_and_all_of_it_can_be_read(installation: Installation) -> None:
    done(installation, "add", NUMBER, "--model", "DSJ-X8", "--unit", "一中队", "--usb-serial", "S1", "--by", "王五")
    done(installation, "issue", NUMBER, "--to", "张三", "--by", "王五")
    done(installation, "return", NUMBER, "--by", "王五", "--note", "外壳裂")
    done(installation, "maintain", NUMBER, "--kind", "repair", "--note", "换外壳", "--by", "赵六")
    done(installation, "status", NUMBER, "in-repair", "--reason", "送厂", "--by", "王五")
    document = installation.json("fleet", "show", NUMBER)
    assert [one["act"].removeprefix("fleet.") for one in document["history"]] == [
        "registered", "issued", "returned", "maintained", "changed",
    ]  # fmt: skip
    assert [one["by"] for one in document["history"]] == ["王五", "王五", "王五", "赵六", "王五"]
    assert (document["status"], document["reason"], document["holder"]) == ("in_repair", "送厂", None)
    assert (document["unit"], document["model"], document["usb_serials"]) == ("一中队", "DSJ-X8", ["S1"])
    (row,) = installation.json("fleet", "list")
    assert (row["number"], row["status"]) == (NUMBER, "in_repair")
    shown = done(installation, "show", NUMBER)
    for words in ("from 张三", "外壳裂", "换外壳", "in repair · 维修中 (送厂)"):
        assert words in shown


def test_a_lost_recorder_is_marked_everywhere_until_it_is_settled(idle: Installation) -> None:
    installation = idle
    done(installation, "add", NUMBER)
    done(installation, "status", NUMBER, "lost", "--reason", "报告遗失")
    card = write_card(installation.root / "card", {NAME: b"footage"})
    ended = installation.run("ingest", card)
    assert ended.status == 0
    assert "reported lost · 已挂失" in ended.out
    assert "请交管理员" in ended.out
    (docking,) = installation.json("fleet", "unsettled")
    assert docking["admission"]["is_quarantined"] is True
    (recording,) = installation.json("list")
    assert recording["admission"]["reason"] == "reported lost · 已挂失"
    assert installation.json("show", recording["recording_id"])["admission"]["waits_for_person"] is True
    assert installation.json("status")["dockings"][0]["admission"]["is_quarantined"] is True
    found = {one["code"]: one for one in installation.json("findings")}
    assert found["device.blocked"]["is_quarantined"] is True
    assert all(one["waits_for_person"] for one in found.values())
    for question in ("list", "status", "findings", f"show {recording['recording_id']}", "fleet unsettled"):
        assert "已隔离" in installation.run(*question.split()).out, question
    done(installation, "settle", docking["docking_id"][-12:], "--accept", "--reason", "找回", "--by", "王五")
    assert installation.json("fleet", "unsettled") == []
    (recording,) = installation.json("list")
    assert recording["admission"]["is_quarantined"] is False
    assert recording["admission"]["settled"]["by"] == "王五"


def test_who_does_it_is_the_login_name_where_nobody_is_named(used: Installation) -> None:
    (act,) = used.json("fleet", "show", NUMBER)["history"]
    assert act["by"] not in ("", "station")


TABLE = """number,status,unit,model,usb_serials,note,holder
0000007,known,一中队,DSJ-X8,S1 S2,,张三
0000008,lost,二中队,,,"报告遗失, 2026",李四
0000009,retired,,,,,
"""


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_goes_in_and_comes_out_the_same(idle: Installation, mark: str) -> None:
    file = idle.root / "fleet.csv"
    file.write_text(mark + TABLE, "utf-8")
    assert "7 acts" not in done(idle, "import", file)
    assert done(idle, "export") == TABLE
    assert "0 acts" in done(idle, "import", file), "a table that says nothing new changes nothing"


def test_columns_that_a_table_has_not_stay_as_they_are(idle: Installation) -> None:
    file = idle.root / "fleet.csv"
    file.write_text(TABLE, "utf-8")
    done(idle, "import", file)
    file.write_text("number,note\n0000007,新电池\n", "utf-8")
    done(idle, "import", file)
    document = idle.json("fleet", "show", NUMBER)
    assert (document["note"], document["unit"], document["holder"]) == ("新电池", "一中队", "张三")


def test_faults_of_a_table_name_line_and_column_and_nothing_is_entered(idle: Installation) -> None:
    file = idle.root / "fleet.csv"
    file.write_text("number,status\n0000001,\n,known\n0000002,broken\n0000001,\nA B,\n7\n", "utf-8")
    ended = idle.run("fleet", "import", file)
    assert ended.status == 3
    for words in (
        "line 3, number: is empty",
        "line 4, status = 'broken': is no status",
        "line 5, number = '0000001': stands in line 2 already",
        "line 6, number = 'A B'",
        "line 7: 1 columns where the header has 2",
    ):
        assert words in ended.err
    assert idle.run("fleet", "list").status == 5, "no station was made for it either"


def test_a_table_does_not_take_a_recorder_from_its_holder(idle: Installation) -> None:
    done(idle, "add", NUMBER)
    done(idle, "issue", NUMBER, "--to", "张三")
    file = idle.root / "fleet.csv"
    file.write_text(f"number,holder\n{NUMBER},李四\n", "utf-8")
    ended = idle.run("fleet", "import", file)
    assert (ended.status, "line 2, holder = '李四'" in ended.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "0000404"), 5, "is not in the register"),
        (("return", NUMBER), 1, "is issued to nobody"),
        (("add", NUMBER), 1, "is in the register already"),
        (("add", "with blank"), 1, "number = 'with blank'"),
        (("issue", NUMBER, "--to", ""), 1, "to = ''"),
        (("status", NUMBER, "stolen", "--reason", "x"), 2, "in-repair"),
        (("settle", "x", "--reason", "x"), 2, "either --recorder"),
        (("settle", "no-such", "--accept", "--reason", "x"), 5, "no docking answers"),
    ],
)
def test_what_cannot_be_is_said_in_words(used: Installation, words: tuple[str, ...], status: int, said: str) -> None:
    ended = used.run("fleet", *words)
    assert ended.status == status
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert "Traceback" not in ended.err


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station with one recorder in its register."""
    installation = Installation(tmp_path_factory.mktemp("fleet"))
    done(installation, "add", NUMBER)
    return installation


def test_the_socket_refuses_what_is_no_request(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.daemon():
        for requests in (None, [{"do": "erase", "by": "x"}], [{"do": "add", "by": "x", "number": "a b"}], "add"):
            with pytest.raises(RefusedError, match="not a request to the fleet register"):
                ask(installation.socket_file, {"op": "fleet", "requests": requests})
        assert installation.json("fleet", "list") == []


def test_metrics_count_recorders_and_say_when_an_issued_one_was_docked(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.daemon() as daemon:
        done(installation, "add", NUMBER)
        done(installation, "issue", NUMBER, "--to", "张三")
        issued = sample(
            scraped(daemon.get("/metrics")[1]), "ingestd_recorder_last_docking_timestamp_seconds", recorder=NUMBER
        )
        assert installation.run("ingest", write_card(tmp_path / "card", {NAME: b"footage"})).status == 0
        other: dict[str | bytes, bytes] = {NAME.replace(NUMBER, "0000008"): b"others"}
        assert installation.run("ingest", write_card(tmp_path / "other", other)).status == 0
        scrape = scraped(daemon.get("/metrics")[1])
    assert sample(scrape, "ingestd_recorder_last_docking_timestamp_seconds", recorder=NUMBER) > issued
    assert sample(scrape, "ingestd_fleet_recorders", status="known") == 1
    assert sample(scrape, "ingestd_fleet_recorders", status="unknown") == 1
    assert sample(scrape, "ingestd_fleet_recorders", status="lost") == 0


# --- Officers of a recorder that nobody is sure of --------------------------------------------------------------------

TAGS = {"device": "0000007", "officers": [{"officer": "张三", "certificate": "370001"}]}


@pytest.mark.parametrize(
    ("waits", "settled_for", "words"),
    [
        (False, None, "张三"),
        (True, None, "张三 (?)"),
        (False, "0000007", "张三"),
        (False, "0000008", "张三 (?)"),
    ],
    ids=["ordinary", "to be settled", "settled for this recorder", "settled for another"],
)
def test_officers_are_named_with_doubt_until_it_is_settled_whose_recorder_it_was(
    waits: bool, settled_for: str | None, words: str
) -> None:
    settled = {"recorder_id": settled_for} if settled_for else None
    assert officer_words(officers_of(TAGS, {"waits_for_person": waits, "settled": settled})) == words
