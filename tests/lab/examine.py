"""Looks at many disks as losses of power left them, and docks the card again on each, in processes side by side."""

import gc
import json
import multiprocessing
import os
import queue
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.lab.block_log import FileSystem, Remains
from tests.lab.power_cut import (
    STATION,
    Entry,
    PowerCut,
    Rebuilder,
    Recorded,
    acknowledged,
    losses_of,
    resumed_at,
)
from tests.support.commands import command_server
from tests.support.station import Station, faults_of, sha256_of_file

WORKERS = 2


class Seen(NamedTuple):
    """What was found behind one loss of power.

    `promised` acts and `sealed` recordings had been acknowledged; `resumed` files were gone on with when docked again.
    """

    cut: PowerCut
    remains: Remains
    promised: int
    sealed: int
    faults: tuple[str, ...]
    resumed: int = 0

    def __str__(self) -> str:
        return f"{self.cut}: {'; '.join(self.faults)}"


@contextmanager
def fast_folder() -> Iterator[Path]:
    """For images: in memory where there is some, because a disk would really flush at every flush."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="ingestd-lab.", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def examine(
    recorded: Recorded, card: Path, cuts: Sequence[PowerCut], folder: Path, *, is_docked_again: bool = True
) -> list[Seen]:
    """What is found behind each of these losses of power.

    Args:
        cuts: in ascending order of their instants.
        is_docked_again: where nothing is lost, also let the program mend the station and take the card in again.
    """
    rebuilder = Rebuilder(recorded, folder)
    digests = frozenset(sha256_of_file(path) for path in card.rglob("*") if path.is_file())
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    workers = 1 if recorded.system.is_alone else WORKERS
    for number in range(workers):
        free.put(folder / f"disk-{number}")
    found: list[Future[Seen]] = []
    # Processes of their own: in threads, a child just started by one would hold open files of the other's disk.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for cut in cuts:
            image = free.get()
            remains = rebuilder.rebuild(cut, image)
            promised = acknowledged(recorded, cut.instant)
            look = partial(
                _look, recorded.system, cut, remains, image, promised, digests, card if is_docked_again else None
            )
            found.append(pool.submit(look))
            found[-1].add_done_callback(partial(_set_free, free, image))
    return [one.result() for one in found]


def _set_free(free: "queue.SimpleQueue[Path]", image: Path, _: Future[Seen]) -> None:
    image.unlink()
    free.put(image)


def _look(
    system: FileSystem,
    cut: PowerCut,
    remains: Remains,
    image: Path,
    promised: list[Entry],
    digests: frozenset[str],
    card: Path | None,
) -> Seen:
    sealed = [entry["recording_id"] for entry in promised if entry["event"] == "recording.sealed"]
    seen = Seen(cut, remains, len(promised), len(sealed), ())
    with system.mounted(image, image.with_suffix(".mounted")) as root:
        station = Station(root / STATION)
        faults = losses_of(station.vault.root, promised, digests)
        if card is not None and not faults:
            faults = [
                *_docked_again(station, card),
                *losses_of(station.vault.root, promised, digests),
                *_not_in_catalogue(station, sealed),
            ]
            seen = seen._replace(resumed=len(resumed_at(station.vault.root)))
        # The judge leaves its connection to the collector; an open file would keep the disk from being unmounted.
        gc.collect()
    faults += system.inconsistency_of(image)
    return seen._replace(faults=tuple(faults))


def _docked_again(station: Station, card: Path) -> list[str]:
    """The next start of the program, with the same card: it must mend everything, and be complete."""
    status, out, err = command_server().run(
        ["ingest", os.fspath(card), "--json"],
        folder=station.root,
        environment=station.environment | {"PYTHONIOENCODING": "utf-8:strict"},
        seconds=300,
    )
    if status != 0 or json.loads(out)["outcome"] != "complete":
        words = (out + err).decode("utf-8", "replace")
        return [f"docking again ends with status {status}: {words[-2000:]}"]
    return faults_of(station, card)


def _not_in_catalogue(station: Station, recordings: Sequence[str]) -> list[str]:
    with closing(sqlite3.connect(f"file:{station.catalogue_file}?mode=ro", uri=True)) as connection:
        held = {row[0] for row in connection.execute("SELECT recording_id FROM recordings")}
    return [f"not in the catalogue: {recording}" for recording in recordings if recording not in held]


def told(seen: Sequence[Seen]) -> str:
    """The figures, a line for each way to keep."""
    lines = []
    for keep in dict.fromkeys(one.cut.keep for one in seen):
        some = [one for one in seen if one.cut.keep == keep]
        lines.append(
            f"kept of the unflushed blocks: {keep}. {len(some)} losses of power; "
            f"{sum(one.remains.kept for one in some)} such blocks kept, {sum(one.remains.lost for one in some)} lost, "
            f"at {sum(sum(one.remains) > 0 for one in some)} instants; "
            f"promised before: {sum(one.promised for one in some)} acts, {sum(one.sealed for one in some)} seals; "
            f"files gone on with: {sum(one.resumed for one in some)}; "
            f"with faults: {sum(one.faults != () for one in some)}"
        )
    return "\n".join(lines)
