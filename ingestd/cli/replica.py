"""`ingestd replica`: copies in other stores: what each store really does, what it holds, and what it lacks."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted, local_time, size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import ExitStatus, UnavailableError
from ingestd.core.replica_settings import ReplicaSettings
from ingestd.core.replicas import ReplicaCopy, copy_document
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.pipeline.replicate import chosen
from ingestd.stores.replicas import ReplicaBook
from ingestd.wiring import open_catalogue, open_parts, open_replicas, replica_stores, replicators, writer_lock

replica_app = typer.Typer(help="Copies in other stores · 副本.", no_args_is_help=True)

StoreArgument = Annotated[
    str | None, typer.Argument(metavar="STORE", help="Its name in [[replicas]]; else all of them.", show_default=False)
]

_FACTS = (
    ("is_reachable", "answers · 可达"),
    ("has_versioning", "keeps versions · 版本控制"),
    ("has_object_lock", "has Object Lock · 对象锁定"),
    ("is_early_delete_refused", "refuses an early delete · 拒绝提前删除"),
    ("is_shortening_refused", "refuses a shorter lock · 拒绝缩短锁定"),
    ("is_overwrite_refused", "refuses a second object at a key · 拒绝覆盖"),
    ("is_checksum_checked", "refuses a wrong checksum · 校验内容"),
    ("is_lock_honoured", "its locks count · 锁定有效"),
)


@replica_app.command("list")
def list_stores(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The stores of the settings: what each holds, is known to be, and lacks.

    Example: ingestd replica list --json
    """
    settings = configuration_of(config).settings
    book, now = open_replicas(settings), to_text(SystemClock().now())
    documents = [_store_document(book, replica, now) for replica in settings.replicas]
    known = {replica.name for replica in settings.replicas}
    unknown = [name for name in book.stores() if name not in known]
    if as_json:
        emit_json({"stores": documents, "not_in_settings": unknown})
        return
    rows = [
        (
            one["name"],
            one["kind"] if one["is_enabled"] else f"{one['kind']} (off · 停用)",
            one["objects"],
            size(one["bytes"]),
            one["lacking"],
            one["locked"],
            one["held"],
            one["faulty"],
            "–" if one["check"] is None else "yes · 有效" if one["check"]["is_lock_honoured"] else "no · 无效",
        )
        for one in documents
    ]
    columns = ["store", "kind", "copies", "size", "lacking", "locked", "held", "faulty", "locks count"]
    table(counted(len(rows), "store"), columns, rows, right=(2, 3, 4, 5, 6, 7))
    if unknown:
        words = f"copies stand in {', '.join(unknown)}, which the settings do not name · 配置中没有该副本库"
        console.print(words, markup=False, soft_wrap=True)


@replica_app.command("show")
def show_copies(
    recording: Annotated[str, typer.Argument(help="A recording, or the SHA-256 of a content.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where the copies of a recording stand, when each was last read back, and until when it is locked.

    Example: ingestd replica show 019a0c3e-… --json
    """
    settings = configuration_of(config).settings
    book, digest = open_replicas(settings), recording
    births: tuple[ReplicaCopy, ...] = ()
    if len(recording) != 64:
        row = open_catalogue(settings).recording(recording)
        digest, births = row["sha256"], book.births_of(row["recording_id"])
    copies = [*book.copies_of(digest), *births]
    if as_json:
        emit_json({"sha256": digest, "copies": [copy_document(one) for one in copies]})
        return
    zone, now = settings.station.zone_info, SystemClock().now()
    rows = []
    for one in copies:
        document = copy_document(one)
        lock = local_time(document["locked_until"], zone) if one.locked_until else "–"
        if one.locked_until and not one.is_lock_honoured:
            lock += " (does not count · 无效)"
        hold = "held · 长期保存" if one.has_legal_hold else "–"
        state = "locked · 已锁定" if one.is_locked(now) else "not locked · 未锁定"
        rows.append((one.store, one.kind, local_time(document["verified_at"], zone), state, lock, hold, one.key))
    table(counted(len(rows), "copy"), ["store", "what", "read back", "state", "locked until", "hold", "key"], rows)


@replica_app.command("check")
def check_stores(store: StoreArgument = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Try what each store really does: put a probe object, then try to delete it and to shorten its lock.

    Ends with status 4 when a store cannot be reached. Example: ingestd replica check --json
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    if is_station_running(settings):
        documents = ask(settings.socket_file, {"op": "replica_check", "store": store})
    else:
        with writer_lock(settings), open_parts(configuration, Stop()) as parts:
            stores = replica_stores(settings, parts.stop)
            found = chosen(replicators(lambda: parts, stores), store)
            documents = [asdict(one.check()) for one in found]
    if as_json:
        emit_json({"stores": [{**one, "problems": list(one["problems"])} for one in documents]})
    else:
        for one in documents:
            rows = [(words, "yes · 是" if one[name] else "no · 否") for name, words in _FACTS]
            table(f"Store {one['store']}", ["", ""], rows)
            for words in one["problems"]:
                console.print(f"  {words}", markup=False, soft_wrap=True)
    if not all(one["is_reachable"] for one in documents):
        raise typer.Exit(ExitStatus.UNAVAILABLE)


@replica_app.command("run")
def run_now(store: StoreArgument = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Bring stores up to date now: a running station is asked to look at once; else it is done here, to the end.

    Example: ingestd replica run
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    if is_station_running(settings):
        names = ask(settings.socket_file, {"op": "replica_run", "store": store})
        if as_json:
            emit_json({"asked": names})
        else:
            console.print(f"asked to look at once: {', '.join(names)} · 已通知采集站", markup=False)
        return
    documents = _run_here(configuration, store)
    if as_json:
        emit_json({"stores": documents})
    else:
        for one in documents:
            words = one["problem"] or f"{one['objects']} copies stand · 副本数"
            console.print(f"{one['name']}: {words}", markup=False, soft_wrap=True)
            for parked in one["parked"]:
                console.print(f"  {parked['path']}: {parked['words']}", markup=False, soft_wrap=True)
    if any(one["problem"] for one in documents):
        raise typer.Exit(ExitStatus.UNAVAILABLE)


def _run_here(configuration: Configuration, store: str | None) -> list[dict[str, Any]]:
    settings = configuration.settings
    documents = []
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        stores = replica_stores(settings, parts.stop)
        for one in chosen(replicators(lambda: parts, stores), store):
            problem = ""
            try:
                while one.step():
                    continue
            except UnavailableError as error:
                problem = error.message
            document = _store_document(one.book, one.settings, to_text(parts.clock.now()))
            parked = [{"path": path, "words": words} for path, words in one.standing.parked]
            documents.append(document | {"problem": problem, "parked": parked})
    return documents


def _store_document(book: ReplicaBook, replica: ReplicaSettings, now: str) -> dict[str, Any]:
    checked = book.check_of(replica.name)
    check = asdict(checked[1]) if checked is not None else None
    return {
        "name": replica.name,
        "kind": replica.kind,
        "is_enabled": replica.is_enabled,
        "counts_as": list(replica.counts_as),
        **book.counts(replica.name, now),
        "lacking": book.lacking(replica.name),
        "checked_at": checked[0] if checked is not None else None,
        "check": check and {**check, "problems": list(check["problems"])},
    }
