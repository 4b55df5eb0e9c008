"""A station in a virtual machine: the project's package under its own units, recorders plugged into real USB ports."""

import itertools
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ingestd.core.clock import SystemClock
from tests.lab import docklab
from tests.lab.cards import Card, sha256_of
from tests.lab.install import CONFIG_FILE, configure, install
from tests.lab.software import LABEL, PLACE, SOFTWARE_DEVICE, software_disk

BAYS = range(1, 9)
STATE = "/var/lib/ingestd"
SECONDS = 600.0
"""How long anything may take here; an emulated processor is many times slower than a station's."""

Document = dict[str, Any]

_GUEST = Path(__file__).with_name("guest.py")
_PORT = 7007


def bay_name(bay: int) -> str:
    """As the configuration of these stations names a port."""
    return f"bay-{bay}"


class StationVm:
    """One machine. Recorders that are plugged in are remembered until `pull_all`.

    Args:
        name: of the machine; several can run side by side.
        image: the tool's image to start from, as of `frozen.station_image`.
    """

    def __init__(self, name: str, image: str = "default") -> None:
        self._clock = SystemClock()
        self._pause = threading.Event()
        self._lab = docklab.load().Lab(name, image=image)
        self._plugged: dict[int, tuple[Path, ...]] = {}
        self._seen: dict[Path, str] = {}
        self._words_at = 0
        self._cursor = ""

    @property
    def lab(self) -> Any:
        """The tool's own machine, for faults that this class does not name."""
        return self._lab

    # --- the machine --------------------------------------------------------------------------------------------------

    def boot(self, options: Mapping[str, str] | None = None, *, store: Path | None = None) -> None:
        """Resume a frozen machine on which the station runs. With arguments the station is started anew.

        Args:
            options: settings beside those of every station here, as in `{"copy.batch_files": "2"}`, values in TOML.
            store: an image to keep the state on, whose writes are logged for `power_cut`; it is made where missing.
        """
        self.stop()
        self._plugged.clear()
        self._seen.clear()
        self._words_at = 0
        with docklab.more_hardware(software_disk(), SOFTWARE_DEVICE):
            self._lab.boot()
        assert self.is_ready(), "the frozen station does not load here"
        if options or store is not None:
            self.sh("systemctl stop ingestd.service")
            if store is not None:
                self._lab.attach_store(os.fspath(store), size=256 << 20, log=True)
                self.wait_for(lambda: self._lab.run("blkid -L store").rc == 0, what="the store")
                self.sh(f"mount LABEL=store {STATE} && chown ingestd: {STATE}")
            configure(self, options or {})
            self.start()
        self.begin()

    def make_station(self) -> None:
        """Attach and install the package, and start the station and its witness, on a plain machine."""
        qmp = self._lab.qmp
        qmp.cmd("blockdev-add", **software_disk())
        qmp.cmd("device_add", **SOFTWARE_DEVICE)
        self.wait_for(lambda: self._lab.run(f"blkid -L {LABEL}").rc == 0, what="the software")
        self.sh(f"mkdir -p {PLACE} && mount -o ro LABEL={LABEL} {PLACE}")
        install(self)
        configure(self, {})
        self.write("/run/guest.py", _GUEST.read_text("utf-8"))
        python = f"{PLACE}/bin/python3"
        self.sh(f"systemd-run --quiet --unit=witness --setenv=INGESTD_CONFIG={CONFIG_FILE} {python} /run/guest.py")
        self.start()
        self.look()

    def start(self) -> None:
        """Start the station; an emulated processor takes long for it."""
        self.sh("systemctl start ingestd.service", seconds=600)

    def freeze(self, state: Path) -> None:
        """Write the running machine to a file, and end it; its disk stays where it is."""
        self.sh("udevadm settle; journalctl --flush; sync; echo 3 > /proc/sys/vm/drop_caches")
        qmp = self._lab.qmp
        qmp.cmd("stop")
        qmp.cmd("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        qmp.cmd("migrate", uri=f"exec:cat > {_quoted(os.fspath(state))}")
        self.wait_for_answer(lambda: qmp.cmd("query-migrate")["status"] == "completed")
        self._lab.stop(keep=True)

    def wait_for_answer(self, is_true: Callable[[], bool]) -> None:
        """As `wait_for`, while the guest stands still and has no journal to show."""
        deadline = self._clock.steady_seconds() + SECONDS
        while not is_true():
            assert self._clock.steady_seconds() < deadline, "the machine does not answer"
            self._pause.wait(0.1)

    def stop(self) -> None:
        """End the machine at once."""
        self._lab.stop()

    def is_alive(self) -> bool:
        """Whether the machine runs."""
        return bool(self._lab.alive())

    def is_ready(self) -> bool:
        """Whether the station in it runs."""
        return self.is_alive() and self._lab.run("systemctl is-active --quiet ingestd.service").rc == 0

    def power_cut(self, keep: str | int = "flushed") -> Document:
        """Pull the station's plug; of a logged store only what was flushed stays (or a half, drawn by a seed)."""
        self._plugged.clear()
        found: Document = self._lab.powercut(keep)
        return found

    # --- words to the guest -------------------------------------------------------------------------------------------

    def sh(self, command: str, *, seconds: float = SECONDS) -> str:
        """The output of a shell command in the guest that must succeed, as root."""
        ended = self._lab.run(command, timeout=seconds)
        assert ended.rc == 0, f"in the guest: {command}: {ended.rc} {ended.out}{ended.err}"
        return str(ended.out)

    def write(self, path: str, text: str) -> None:
        """A file in the guest."""
        ended = self._lab.run(f"mkdir -p $(dirname {path}) && cat > {path}", stdin=text.encode("utf-8"))
        assert ended.rc == 0, ended

    def ask(self, request: Document, *, seconds: float = SECONDS) -> Any:
        """Ask `guest.py`."""
        line = json.dumps(request).replace("'", "'\\''")
        words = f"exec 3<>/dev/tcp/127.0.0.1/{_PORT}; printf '%s\\n' '{line}' >&3; cat <&3"
        ended = self._lab.run(f"exec bash -c {_quoted(words)}", timeout=seconds)
        assert ended.rc == 0, ended
        return json.loads(ended.out)

    def run(self, *arguments: str, seconds: float = SECONDS) -> tuple[int, str, str]:
        """A command of the program in the guest: its status, output and error output."""
        status, out, err = self.ask({"command": list(arguments)}, seconds=seconds)
        return status, out, err

    def json(self, *arguments: str) -> Any:
        """What a command that succeeds prints with --json."""
        status, out, err = self.run(*arguments, "--json")
        assert status == 0, (arguments, status, out, err)
        return json.loads(out)

    def look(self) -> Document:
        """The daemon's process, mounts and units, as `guest.look`."""
        found: Document = self.ask({"look": True})
        return found

    def wait_for(self, is_true: Callable[[], bool], *, seconds: float = SECONDS, what: str = "it") -> None:
        """Look again and again until something is so; fails with the station's journal when it takes too long."""
        deadline = self._clock.steady_seconds() + seconds
        while not is_true():
            assert self._clock.steady_seconds() < deadline, f"{what} did not happen in {seconds} s\n{self.journal()}"
            self._pause.wait(0.1)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._pause.wait(seconds)

    # --- recorders ----------------------------------------------------------------------------------------------------

    def plug(self, bay: int, card: Card | Path, *, luns: tuple[Card, ...] = (), **options: Any) -> None:
        """Put a recorder into a bay; `options` as the tool's own (`serial`, `vid`, `pid`, `bps`, `bad`, `kind`).

        Without a `serial` it has its device number as one; the machine would invent another at every port.
        """
        if isinstance(card, Card):
            options.setdefault("serial", card.recorder)
        images = tuple(one.image for one in luns) if luns else (card.image if isinstance(card, Card) else card,)
        for image in images:
            if image.is_file():
                self._seen.setdefault(image, sha256_of(image))
        self._plugged[bay] = images
        places = {"luns": [os.fspath(image) for image in images]} if luns else {}
        self._lab.plug(bay, os.fspath(images[0]), **places, **options)

    def pull(self, bay: int) -> None:
        """Take a recorder out, whatever is being done with it."""
        self._lab.unplug(bay)
        del self._plugged[bay]

    def yank(self, bay: int, after_bytes: int) -> int:
        """Take a recorder out when so many more bytes of it have been read."""
        taken = int(self._lab.yank(bay, after_bytes))
        del self._plugged[bay]
        return taken

    def pull_all(self) -> None:
        """Empty all bays."""
        for bay in list(self._plugged):
            self.pull(bay)

    def changed_images(self) -> list[Path]:
        """Cards whose bytes are not those from before they were plugged in for the first time."""
        return [image for image, seen in self._seen.items() if sha256_of(image) != seen]

    # --- what became of them ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """What is waited for and shown from now on came from now on."""
        self._seen.clear()
        self._words_at = self.ask({"words": self._words_at})["next"]
        self._cursor = self.sh("journalctl --quiet --lines=0 --show-cursor").partition("cursor: ")[2].strip()

    def words(self, bay: int | None = None) -> list[tuple[float, Document]]:
        """What the station said of a bay (of all) since `begin`, each with the guest's steady seconds."""
        found = self.ask({"words": self._words_at})["words"]
        return [(at, word) for at, word in found if bay is None or word["bay"].startswith(bay_name(bay))]

    def mark(self) -> None:
        """Words from before are not listened to any more."""
        self._words_at = self.ask({"words": self._words_at})["next"]

    def wait_bay(self, bay: int, *states: str, is_so: Callable[[Document], bool] = lambda _: True) -> Document:
        """The first word of a bay with one of these states since `begin` or `mark`; `is_so` may ask for more."""
        found: list[Document] = []

        def is_said() -> bool:
            found.extend(word for _, word in self.words(bay) if word["state"] in states and is_so(word))
            return bool(found)

        self.wait_for(is_said, what=f"{bay_name(bay)} {' or '.join(states)}")
        return found[0]

    def wait_ended(self, bay: int) -> Document:
        """The word with which a docking ends. That a slow processor has not mounted a card yet is no end."""
        return self.wait_bay(bay, "done", "attention", is_so=lambda word: "mounted nowhere" not in word["message"])

    def wait_done(self, bay: int) -> None:
        """Wait until a bay says "done", and fail at once where it asks for a person instead."""
        said = self.wait_ended(bay)
        assert said["state"] == "done", f"{said['message']}\n{self.journal()}"

    def wait_copying(self, bay: int, bytes_done: int) -> None:
        """Wait until so many bytes of a card have been copied."""
        self.wait_bay(bay, "copying", "verifying", is_so=lambda word: word["bytes_done"] >= bytes_done)

    def dockings(self) -> list[Document]:
        """The latest dockings, the newest first, as `ingestd status --json` gives them."""
        found: list[Document] = self.json("status")["dockings"]
        return found

    def recordings(self, recorder: str) -> list[Document]:
        """As `ingestd list --json` gives them."""
        found: list[Document] = self.json("list", "--recorder", recorder)
        return found

    def held(self, recorder: str) -> dict[str, str]:
        """What the vault's files of a recorder really hold: SHA-256, computed without the program, by card path."""
        rows = self.recordings(recorder)
        places = {row["card_path"]: f"{STATE}/vault/{row['vault_path']}" for row in rows}
        hashes = self.ask({"hashes": list(places.values())})
        return {card_path: hashes[place] for card_path, place in places.items()}

    def journal(self) -> str:
        """What the station and its units wrote since `begin`."""
        words = f"journalctl --quiet --no-pager --output=short-monotonic --after-cursor={_quoted(self._cursor)}"
        # Without what would drown everything else: the tool's own commands, each read of a disk that is gone.
        drowning = "qemu-ga|access beyond end of device|Buffer I/O error|Condition check resulted in"
        return str(self._lab.run(f"{words} | grep -vE {_quoted(drowning)} | tail -n 300").out)

    # --- what must be so after everything -----------------------------------------------------------------------------

    def leaks(self) -> list[str]:
        """Mounts of cards and units of recorders that are still there; empty when all bays are as if never used."""
        found = self.look()
        own = (os.fspath(PLACE), STATE)
        mounts = [f"mount: {line}" for line in found["mounts"] if line.split()[1] not in own]
        folders = self._lab.run("ls -d /run/ingestd/mnt/* /run/ingestd/mtp/* 2>/dev/null").out.split()
        return [*mounts, *(f"unit: {unit}" for unit in found["units"]), *(f"folder: {folder}" for folder in folders)]

    def wait_clean(self) -> None:
        """Wait until nothing of the cards is left behind."""
        left: list[str] = []

        def is_clean() -> bool:
            left[:] = self.leaks()
            return not left

        try:
            self.wait_for(is_clean)
        except AssertionError:
            raise AssertionError(f"left behind: {left}\n{self.journal()}") from None

    def faults(self) -> list[str]:
        """What `ingestd verify` finds."""
        status, out, err = self.run("verify", "--json")
        if status not in (0, 6):
            return [f"verify ends with {status}: {out}{err}"]
        return [f"{one['what']} {one['path']}: {one['words']}" for one in json.loads(out)["faults"]]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


numbers = (f"{number:07}" for number in itertools.count(1000001))
"""Device numbers that no other card of this run has."""
