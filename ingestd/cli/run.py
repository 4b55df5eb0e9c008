"""`ingestd run`: the daemon; with `--simulate` it plugs in a simulated recorder and shows what happens."""

import contextlib
import datetime as dt
import queue
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.bays import BayView
from ingestd.cli.context import ConfigOption, configuration_of
from ingestd.cli.output import console
from ingestd.cli.summary import print_docking
from ingestd.core.errors import StoppedError
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.devices.mounts import FolderMounter
from ingestd.sim.card import write_card
from ingestd.sim.plan import demo_plan
from ingestd.stores.durable import make_directory

if TYPE_CHECKING:
    from ingestd.daemon.http import HttpServer
    from ingestd.daemon.reload import Reloader
    from ingestd.daemon.service import Service

_SIMULATED_BAY = "sim-1"
_DEMONSTRATED_AGE = dt.timedelta(hours=2)
"""The simulated recorder was at work this long ago, so that the hand-over clock shows an ordinary day."""
_SETTLE_CHECK_SECONDS = 0.3


def run(
    config: ConfigOption = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Plug in a simulated recorder and show the bays in this terminal.")
    ] = False,
) -> None:
    """Run the station until Ctrl-C or SIGTERM; SIGHUP has it read its configuration again.

    Example: ingestd run --simulate
    """
    # Only here: what the daemon alone needs would slow down the start of every other command.
    from ingestd.daemon.logs import configure  # noqa: PLC0415
    from ingestd.daemon.service import running_service  # noqa: PLC0415

    configuration = configuration_of(config)
    settings = configuration.settings
    stop = Stop()
    # A demonstration ends with its terminal; a daemon is told something else by the same signal.
    for number in (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if simulate else ())):
        signal.signal(number, lambda *_: stop.request())
    if not simulate:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        configure(settings.log)
        with running_service(configuration, stop, _reload_on_hangup):
            _listen_for_signals(stop)
        return
    make_directory(settings.state_dir)
    log_file = settings.state_dir / "ingestd.log"
    with log_file.open("a", encoding="utf-8") as stream:
        configure(settings.log, stream)
        with contextlib.ExitStack() as stack, running_service(configuration, stop) as (service, http):
            console.print(f"Station {settings.station.id} is running. Log: {log_file}", markup=False, soft_wrap=True)
            # Listened to from the start, so that a folder that settles meanwhile is shown as well.
            with service.live.listening() as words:
                _plug_simulated(service, stop)
                is_first, last = True, None
                while not stop.is_requested():
                    docking_id = _show_docking(service, words, stop)
                    # A bay may say more than one word about a docking that has ended.
                    if docking_id is not None and docking_id != last:
                        last = docking_id
                        _summarise(service, stop, docking_id)
                    if is_first and not stop.is_requested():
                        _print_addresses(service, http)
                        stack.enter_context(_console(config))
                        is_first = False
            console.print("Stopping …")
    console.print("Stopped cleanly · 已正常停止")


def _listen_for_signals(stop: Stop) -> None:
    """Sleep until the stop.

    A signal may reach the process just before this thread falls asleep, or in another thread; then only a byte in a
    pipe wakes it, and what the signal asks for would otherwise wait for the next one.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            while not stop.is_requested():
                ours.recv(64)
        finally:
            signal.set_wakeup_fd(-1)


def _reload_on_hangup(reloader: "Reloader") -> None:
    signal.signal(signal.SIGHUP, lambda *_: reloader.ask())


def _plug_simulated(service: "Service", stop: Stop) -> None:
    """Put the simulated recorder into its bay; its card is written where there is none yet."""
    folder = service.parts.settings.state_dir / "simulated-recorder"
    if not folder.exists():
        console.print("Writing a simulated recorder's card (real H.264 and AAC, a few seconds) …")
        zone = service.parts.settings.station.zone_info
        start = (service.parts.clock.now() - _DEMONSTRATED_AGE).astimezone(zone).replace(tzinfo=None)
        # Under another name until it is whole: a card that was half-written when somebody pressed Ctrl-C is no card.
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            write_card(replace(demo_plan(start=start), zone=zone.key), unfinished, stop=stop)
        except StoppedError:
            return
        unfinished.rename(folder)
    service.intake.plug(_SIMULATED_BAY, FolderMounter(folder), Inlet.SIMULATOR)


def _show_docking(service: "Service", words: "queue.Queue[Progress | None]", stop: Stop) -> str | None:
    """Show what the bays do until the docking of one has ended; its id, null where none was opened."""
    progress = _next(words, stop)
    with BayView() as view:
        while progress is not None:
            view.show(asdict(progress))
            if progress.state is BayState.DONE or progress.state is BayState.FREE:
                return progress.docking_id
            # A bay that waits for room wants attention, too, and goes on by itself.
            if progress.state is BayState.ATTENTION and (
                progress.docking_id is None
                or service.parts.catalogue.docking(progress.docking_id)["closed_at"] is not None
            ):
                return progress.docking_id
            progress = _next(words, stop)
    return None


def _summarise(service: "Service", stop: Stop, docking_id: str) -> None:
    console.print("Analysing what was taken in …")
    while not service.parts.catalogue.is_described(docking_id):
        if stop.wait(_SETTLE_CHECK_SECONDS):
            return
    print_docking(docking_id, service.parts.catalogue, service.parts.settings)


def _print_addresses(service: "Service", http: "HttpServer") -> None:
    settings = service.parts.settings
    console.print(f"Metrics  {http.address}/metrics", markup=False, soft_wrap=True)
    console.print(f"Health   {http.address}/healthz  {http.address}/readyz", markup=False, soft_wrap=True)
    if settings.inbox.is_enabled:
        console.print(
            f"Inbox    {settings.inbox_dir}  (drop a folder here; it is taken in once it stops changing)",
            markup=False,
            soft_wrap=True,
        )
    console.print(f"Vault    {settings.vault_dir}", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops the station · 按 Ctrl-C 停止")


@contextmanager
def _console(config: Path | None) -> Iterator[None]:
    """The console beside the demonstration, a process of its own, which says itself where it listens."""
    named = ["--config", str(config)] if config is not None else []
    with subprocess.Popen([sys.executable, "-m", "ingestd", "web", *named]) as process:
        try:
            yield
        finally:
            process.terminate()


def _next(words: "queue.Queue[Progress | None]", stop: Stop) -> Progress | None:
    """The next word of a bay; null once the stop was requested."""
    while not stop.is_requested():
        with contextlib.suppress(queue.Empty):
            return words.get(timeout=_SETTLE_CHECK_SECONDS)
    return None
