"""Ceph's own S3 server with everything behind it in memory: one monitor, one object store, one gateway.

It really refuses what a lock forbids (moto does not), keeps what it acknowledged, and has the faults that are worth
being tested against: lock headers of multipart uploads ignored in silence, wrong checksums taken, keys overwritten.
"""

import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.process import wait_until

ACCESS_KEY, SECRET_KEY = "stationkey", "stationsecretstationsecret"
_PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")


class Radosgw:
    """The server. `stop` and `start` are those of the gateway alone, as in an outage; what it holds stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._configure()

    def _configure(self) -> None:
        folder, mon_port = self.folder, _free_port()
        fsid = str(uuid.uuid4())
        (folder / "mon").mkdir()
        (folder / "osd").mkdir()
        (folder / "ceph.conf").write_text(
            f"""[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = true
osd objectstore = memstore
memstore device bytes = 1073741824
osd op num shards = 1
run dir = {folder}
log file = {folder}/$name.log
admin socket = {folder}/$cluster-$name.asok
pid file =
keyring = {folder}/keyring
ms bind ipv4 = true
ms initial backoff = 0.01
ms max backoff = 0.1
mon tick interval = 1
osd heartbeat interval = 1
[mon.a]
mon data = {folder}/mon
public addr = 127.0.0.1
[osd.0]
osd data = {folder}/osd
osd uuid = {uuid.uuid4()}
public addr = 127.0.0.1
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{self.port}
rgw thread pool size = 16
rgw run sync thread = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw enable usage log = false
""",
            "utf-8",
        )
        address = f"[v2:127.0.0.1:{mon_port}/0]"
        self._tool("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, str(folder / "monmap"))
        keys = folder / "keyring"
        everything = [word for one in ("mon", "osd") for word in ("--cap", one, "allow *")]
        for name in ("mon.", "client.admin", "client.rgw", "osd.0"):
            create = () if keys.exists() else ("--create-keyring",)
            self._tool("ceph-authtool", str(keys), *create, "--gen-key", "-n", name, *everything)
        self._tool("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(folder / "monmap"), "--keyring", str(keys))
        self._run("mon", "ceph-mon", "-f", "-i", "a")
        number = self._tool("ceph", "--connect-timeout", "30", "osd", "create").strip()
        assert number == "0", number
        self._tool("ceph-osd", "-i", "0", "--mkfs")
        self._run("osd", "ceph-osd", "-f", "-i", "0")
        user = ("--uid", "station", "--display-name", "station", "--access-key", ACCESS_KEY, "--secret", SECRET_KEY)
        self._tool("radosgw-admin", "-n", "client.rgw", "user", "create", *user)
        self.start()

    def start(self) -> None:
        """Answer from now on."""
        self._run("rgw", "radosgw", "-f", "-n", "client.rgw")
        wait_until(self.is_answering, seconds=60, what="the gateway's answer")

    def stop(self) -> None:
        """An outage: no longer there."""
        self._end("rgw")

    def is_answering(self) -> bool:
        """Whether somebody listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End all of it."""
        for name in ("rgw", "osd", "mon"):
            self._end(name)

    def _tool(self, *command: str) -> str:
        done = subprocess.run(
            [*command, "-c", str(self.folder / "ceph.conf")],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"CEPH_CONF": str(self.folder / "ceph.conf")},
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                [*command, "-c", str(self.folder / "ceph.conf")], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def radosgw(folder: Path) -> Iterator[Radosgw]:
    """A server while the block lasts; the test is skipped where its programs are not installed."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"a store that really refuses needs {missing[0]} (make deps: radosgw, ceph-mon, ceph-osd)")
    server = Radosgw.__new__(Radosgw)
    try:
        server.__init__(folder)  # type: ignore[misc]
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
