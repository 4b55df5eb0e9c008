"""`ingestd run`: the daemon; with `--simulate` it plugs in a simulated recorder and shows what happens."""

import datetime as dt
import queue
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Annotated

import typer

from ingestd.cli.bays import BayView
from ingestd.cli.context import ConfigOption, configuration_of
from ingestd.cli.output import console
from ingestd.cli.summary import print_docking
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.daemon.http import HttpServer
from ingestd.daemon.logs import configure
from ingestd.daemon.service import Service, running_service
from ingestd.devices.mounts import FolderMounter
from ingestd.sim.card import write_card
from ingestd.sim.plan import demo_plan
from ingestd.stores.durable import make_directory

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
    """Run the station until Ctrl-C or SIGTERM.

    Example: ingestd run --simulate
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.request())
    if not simulate:
        configure(settings.log)
        with running_service(configuration, stop):
            while not stop.wait(3600):
                continue
        return
    make_directory(settings.state_dir)
    log_file = settings.state_dir / "ingestd.log"
    with log_file.open("a", encoding="utf-8") as stream:
        configure(settings.log, stream)
        with running_service(configuration, stop) as (service, http):
            console.print(f"Station [bold]{settings.station.id}[/] is running. Log: {log_file}")
            _demonstrate(service, stop)
            _print_addresses(service, http)
            _follow(service, stop)
            console.print("Stopping …")
    console.print("Stopped cleanly · 已正常停止")


def _demonstrate(service: Service, stop: Stop) -> None:
    folder = service.parts.settings.state_dir / "simulated-recorder"
    if not folder.exists():
        console.print("Writing a simulated recorder's card (real H.264 and AAC, a few seconds) …")
        zone = service.parts.settings.station.zone_info
        start = (service.parts.clock.now() - _DEMONSTRATED_AGE).astimezone(zone).replace(tzinfo=None)
        # Under another name until it is whole: a card that was half-written when somebody pressed Ctrl-C is no card.
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_card(replace(demo_plan(start=start), zone=zone.key), unfinished)
        unfinished.rename(folder)
    with _showing(service) as (words, view):
        future = service.intake.plug(_SIMULATED_BAY, FolderMounter(folder), Inlet.SIMULATOR)
        while not (future.done() and words.empty()) and not stop.is_requested():
            _show_next(words, view)
    if not stop.is_requested():
        _summarise(service, stop, future.result().docking_id)


def _follow(service: Service, stop: Stop) -> None:
    """Show every further docking until the stop."""
    while not stop.is_requested():
        with service.live.listening() as words:
            progress = _next(words)
            if progress is None:
                continue
            view = BayView()
            with view:
                while progress is None or progress.state not in (BayState.DONE, BayState.ATTENTION, BayState.FREE):
                    if progress is not None:
                        view.show(asdict(progress))
                    if stop.is_requested():
                        return
                    progress = _next(words)
                view.show(asdict(progress))
        if progress.docking_id is not None:
            _summarise(service, stop, progress.docking_id)


def _summarise(service: Service, stop: Stop, docking_id: str) -> None:
    console.print("Analysing what was taken in …")
    while not service.is_settled():
        if stop.wait(_SETTLE_CHECK_SECONDS):
            return
    print_docking(docking_id, service.parts.catalogue, service.parts.settings)


def _print_addresses(service: Service, http: HttpServer) -> None:
    settings = service.parts.settings
    console.print(f"Metrics  {http.address}/metrics")
    console.print(f"Health   {http.address}/healthz  {http.address}/readyz")
    if settings.inbox.is_enabled:
        console.print(f"Inbox    {settings.inbox_dir}  (drop a folder here; it is taken in once it stops changing)")
    console.print(f"Vault    {settings.vault_dir}")
    console.print("Ctrl-C stops the station · 按 Ctrl-C 停止")


@contextmanager
def _showing(service: Service) -> Iterator[tuple["queue.Queue[Progress]", BayView]]:
    with service.live.listening() as words, BayView() as view:
        yield words, view


def _next(words: "queue.Queue[Progress]") -> Progress | None:
    try:
        return words.get(timeout=_SETTLE_CHECK_SECONDS)
    except queue.Empty:
        return None


def _show_next(words: "queue.Queue[Progress]", view: BayView) -> None:
    progress = _next(words)
    if progress is not None:
        view.show(asdict(progress))
