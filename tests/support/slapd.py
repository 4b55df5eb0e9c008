"""OpenLDAP's own server as an ordinary process on free ports, with a certificate of its own."""

import datetime as dt
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.process import wait_until

BASE = "dc=bureau,dc=example"
PEOPLE = f"ou=people,{BASE}"
MANAGER, MANAGER_PASSWORD = f"cn=station,{BASE}", "search-secret-2"
_SCHEMAS = ("core", "cosine", "inetorgperson")


class Slapd:
    """One server, with what it holds in memory of its own folder. `stop` and `start` are an outage."""

    def __init__(self, folder: Path, entries: str) -> None:
        self.folder = folder
        self.port, self.tls_port = _free_port(), _free_port()
        self.certificate, key = certificate(folder, "directory", "127.0.0.1")
        (folder / "data").mkdir()
        config = [
            *(f"include /etc/ldap/schema/{one}.schema" for one in _SCHEMAS),
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            f"TLSCertificateFile {self.certificate}",
            f"TLSCertificateKeyFile {key}",
            "database mdb",
            "maxsize 4194304",
            f'suffix "{BASE}"',
            f'rootdn "{MANAGER}"',
            f"rootpw {MANAGER_PASSWORD}",
            f"directory {folder / 'data'}",
            "dbnosync",
            "access to attrs=userPassword by * auth",
            "access to * by * read",
        ]
        (folder / "slapd.conf").write_text("\n".join(config) + "\n", "utf-8")
        (folder / "entries.ldif").write_text(entries.replace("PORT", str(self.port)), "utf-8")
        self._run("slapadd", "-q", "-l", str(folder / "entries.ldif"))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it listens without TLS, which StartTLS may begin."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where it listens with TLS."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def start(self) -> None:
        """Listen, now."""
        command = [program(), "-d", "stats", "-f", str(self.folder / "slapd.conf"), "-h", f"{self.url} {self.tls_url}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: _answers(self.port) and _answers(self.tls_port), what="slapd")

    def stop(self) -> None:
        """Not be there any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """What it wrote about every question."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def _run(self, tool: str, *words: str) -> None:
        done = subprocess.run(
            [program(), "-T", tool.removeprefix("slap"), "-f", str(self.folder / "slapd.conf"), *words],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@contextmanager
def slapd(folder: Path, entries: str) -> Iterator[Slapd]:
    """A server with these entries (LDIF, where PORT is its own); the test is skipped where there is none."""
    program()
    server = Slapd(folder, entries)
    try:
        yield server
    finally:
        server.stop()


def program() -> str:
    """Debian's slapd; the test is skipped where it is not installed."""
    found = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
    if found is None:
        pytest.skip("an LDAP server needs slapd (make deps)")
    return found


def certificate(folder: Path, name: str, address: str) -> tuple[Path, Path]:
    """A certificate that a bureau made by itself for an IP address, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(
        title, title, key.public_key(), x509.random_serial_number(), now - dt.timedelta(1), now + dt.timedelta(1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
    crt, file = folder / f"{name}.crt", folder / f"{name}.key"
    crt.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return crt, file


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
