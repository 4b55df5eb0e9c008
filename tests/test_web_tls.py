"""The console over TLS: what leaves the wire, and how."""

import datetime as dt
import http.client
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingestd.web.serve import application_of, console_of, listener, server_of
from tests.support.console import CHEAP, PASSWORD, put_people
from tests.support.process import wait_until
from tests.support.station import build_station


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that a bureau made by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "console.crt").write_bytes(pem)
    (folder / "console.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "console.crt", folder / "console.key"


def test_over_tls_the_cookie_leaves_the_wire_encrypted_alone(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    configuration = build_station(tmp_path / "station").configuration
    web = configuration.settings.web.model_copy(update={"certificate": crt, "certificate_key": key, "port": 0})
    settled = configuration.settings.model_copy(update={"web": web})
    console = console_of(replace(configuration, settings=settled), CHEAP)
    put_people(console)
    settings = console.settings.web
    server, listening = server_of(application_of(console), settings), listener(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the console")
        port = listening.getsockname()[1]
        trusting = ssl.create_default_context(cafile=str(crt))
        connection = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=60)
        body = urlencode({"account": "head", "password": PASSWORD})
        headers = {"Origin": f"https://localhost:{port}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/sign-in", body, headers)
        answer = connection.getresponse()
        cookie = {one.strip().lower() for one in (answer.getheader("Set-Cookie") or "").split(";")[1:]}
        assert answer.status == 303
        # What a name beginning with __Host- would ask for.
        assert cookie == {"httponly", "samesite=strict", "secure", "path=/"}
        assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"
        connection.close()
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()
