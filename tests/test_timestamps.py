"""Time-stamps of an outside authority: asked for over HTTP from one made of `openssl ts`, and held against files."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingestd.core.errors import ExitStatus
from tests.support.process import Installation

CONFIGURATION = """
[ tsa ]
default_tsa = local
[ local ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)


def authority(folder: Path) -> Path:
    """Keys, certificates and configuration of an authority."""
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "usage").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    openssl(folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "9", "-subj", "/CN=Root")
    openssl(folder, "req", "-new", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Time")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9", "-extfile", "usage")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *signing)
    return folder


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an authority that answers, and the certificate of its root."""
    folder = authority(tmp_path_factory.mktemp("tsa") / "authority")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder / "ca.pem"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory, tsa: tuple[str, Path]) -> tuple[Installation, Path]:
    """A station, and the file of a head of its that was stamped."""
    installation = Installation(tmp_path_factory.mktemp("stamped"))
    assert installation.run("ledger", "sign").status == 0
    (inside,) = (installation.vault / "heads").rglob("*.json")
    head = installation.root / "head.json"
    shutil.copyfile(inside, head)
    done = installation.run("ledger", "timestamp", head, "--url", tsa[0])
    assert done.status == 0, done
    return installation, head


def test_a_stamp_is_good_and_tells_the_time(stamped: tuple[Installation, Path], tsa: tuple[str, Path]) -> None:
    installation, head = stamped
    (told,) = installation.json("ledger", "check", head, "--ca", tsa[1])
    assert told["is_good"]
    assert told["stamped_at"][:4].isdecimal()


def test_openssl_takes_the_stamp_as_well(stamped: tuple[Installation, Path], tsa: tuple[str, Path]) -> None:
    head = stamped[1]
    openssl(head.parent, "ts", "-verify", "-data", head.name, "-in", f"{head.name}.tsr", "-CAfile", str(tsa[1]))


def test_a_stamp_of_another_file_is_none(stamped: tuple[Installation, Path], tsa: tuple[str, Path]) -> None:
    installation, head = stamped
    other = head.with_name("other.json")
    other.write_bytes(head.read_bytes().replace(b'"time":"2', b'"time":"3'))
    shutil.copyfile(f"{head}.tsr", f"{other}.tsr")
    done = installation.run("ledger", "check", other, "--ca", tsa[1])
    assert done.status == ExitStatus.INTEGRITY
    assert "is no time-stamp of this authority over this file" in done.out


def test_a_stamp_of_another_authority_is_none(stamped: tuple[Installation, Path], tmp_path: Path) -> None:
    installation, head = stamped
    other = authority(tmp_path / "other") / "ca.pem"
    assert installation.run("ledger", "check", head, "--ca", other).status == ExitStatus.INTEGRITY


def test_a_stamp_that_nobody_checked_is_told(stamped: tuple[Installation, Path]) -> None:
    installation, head = stamped
    (told,) = installation.json("ledger", "check", head)
    assert (told["is_good"], told["stamped_at"]) == (True, None)
    assert "was not checked" in told["notes"][0]


def test_an_authority_that_is_away_leaves_nothing_behind(stamped: tuple[Installation, Path]) -> None:
    installation, head = stamped
    out = head.with_name("none.tsr")
    done = installation.run("ledger", "timestamp", head, "--url", "http://127.0.0.1:9/", "--out", out)
    assert done.status == ExitStatus.UNAVAILABLE
    assert not out.exists()
