"""Disposing of recordings: condemned in the ledger first, then their bytes, then the word that they are gone.

The order of the durable steps, and what a crash between any two leaves: docs/design/retention.md, "Disposal". Bytes in
the vault go while nothing can be entered in the ledger, so that a hold comes either before, and wins, or after.
"""

import json
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ingestd.core.clock import Clock
from ingestd.core.custody import Act, Entry
from ingestd.core.disposal import ItemState, PlanState, SparedWhy, basis_of
from ingestd.core.disposal_acts import CONDEMNED, DISPOSED
from ingestd.core.errors import NotFoundError, RefusedError, StillLockedError, StoreError, UnavailableError
from ingestd.core.lifecycle import State
from ingestd.core.replicas import ReplicaCopy
from ingestd.core.stop import Stop
from ingestd.retention.plan import ApprovedPlan, spared_because, still_needed_by
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.durable import translated
from ingestd.stores.vault import Vault

Row = Mapping[str, Any]

_TOGETHER: Final = 20
"""Recordings that are condemned in one breath; others wait so long with what they want to enter."""
_CHANGE_OF_MIND: Final = "a hold was placed before the last copy went"


class Remover(Protocol):
    """All that disposal may do to another store."""

    def remove(self, copy: ReplicaCopy) -> None:
        """As of `core.replicas.ReplicaStore`."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What disposal works with; put together by `wiring`.

    Args:
        deciding, holds_of, stale_among: see `pipeline.redecide`: the lock under which recordings are decided; the holds
            that stand on recordings now, in words; those that would be decided otherwise than is stored.
        clock_doubt: why the clock cannot be trusted now; null where it can.
        copies_of: replicas of a content that may still be there.
        forgotten: the act by which a replica that was removed leaves the books.
        on_given_back: told of recordings that are kept after all: what was learnt meanwhile is decided then.
    """

    vault: Vault
    chronicle: Chronicle
    book: DisposalBook
    clock: Clock
    stop: Stop
    deciding: threading.Lock
    holds_of: Callable[[Iterable[str]], Mapping[str, Sequence[str]]]
    stale_among: Callable[[Sequence[str]], Collection[str]]
    clock_doubt: Callable[[], str | None]
    copies_of: Callable[[str], Sequence[ReplicaCopy]] = lambda _: ()
    stores: Mapping[str, Remover] = field(default_factory=dict)
    forgotten: Callable[[ReplicaCopy], Sequence[Act]] = lambda _: ()
    on_given_back: Callable[[Iterable[str]], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A condemned recording that cannot be finished yet, and why, in words."""

    number: str
    recording_id: str
    words: str


def dispose(plan: ApprovedPlan, means: Means) -> list[Waiting]:
    """Dispose of what an approved plan still has, as far as nothing speaks against it at this moment.

    Returns: what is condemned and waits for another store. Once nothing waits the certificate can be made.

    Raises:
        RefusedError: the clock cannot be trusted any more; what was condemned before stays so.
        StoreError: the vault refuses; the next run goes on.
        StoppedError: asked to stop between two batches.
    """
    decisions = dict(plan.items)
    waiting = [one for one in means.book.ids(plan.number, ItemState.PLANNED) if one in decisions]
    for start in range(0, len(waiting), _TOGETHER):
        means.stop.check()
        _condemn(plan, {one: decisions[one] for one in waiting[start : start + _TOGETHER]}, means)
    return finish(means)


def finish(means: Means) -> list[Waiting]:
    """Bring to its end what is condemned: after a crash, and when a lock in another store has run out.

    Raises:
        StoreError: the vault refuses; the next run goes on.
        StoppedError: asked to stop between two batches.
    """
    waiting: list[Waiting] = []
    after = ("", -1)
    while rows := means.book.condemned(limit=_TOGETHER, after=after):
        means.stop.check()
        after = (rows[-1]["number"], rows[-1]["position"])
        _remove_here(rows, means)
        facts = means.book.facts_of(row["recording_id"] for row in rows)
        done = []
        for row in rows:
            if facts[row["recording_id"]]["state"] != State.CONDEMNED:
                continue
            left = _standing_here(row, means) or _remove_elsewhere(row, means)
            if left is None:
                done.append(row)
            elif left.words == _CHANGE_OF_MIND:
                means.on_given_back([row["recording_id"]])
            else:
                waiting.append(left)
        if done:
            means.chronicle.enter(*(_disposed(row, means) for row in done))
        kept = [one for one, row in facts.items() if row["state"] != State.CONDEMNED]
        if kept:
            means.on_given_back(kept)
    for sha256 in means.book.gone_with_copies():
        # One that was just being put when its disposal began; what cannot be removed yet is asked for again.
        for copy in means.copies_of(sha256):
            _removed(copy, means)
    return waiting


def _condemn(plan: ApprovedPlan, decisions: Mapping[str, str], means: Means) -> None:
    """Condemn some recordings and unlink their bytes; nobody can enter, seal or decide anything in between."""

    def decide() -> list[Act]:
        doubt = means.clock_doubt()
        if doubt is not None:
            raise RefusedError(f"disposal stops: {doubt}", "see that the clock is right: timedatectl")
        if means.book.plan(plan.number).state is not PlanState.APPROVED:
            raise RefusedError(f"plan {plan.number} was ended meanwhile", "see: ingestd retention plans")
        still = set(means.book.ids(plan.number, ItemState.PLANNED))
        return _decided(plan, {one: digest for one, digest in decisions.items() if one in still}, means)

    def unlink(entries: Sequence[Entry]) -> None:
        _unlink([entry.data for entry in entries if entry.act == CONDEMNED], means)

    with means.deciding, means.vault.sealing:
        means.chronicle.enter_decided(decide, unlink)


def _decided(plan: ApprovedPlan, decisions: Mapping[str, str], means: Means) -> list[Act]:
    book, now = means.book, means.clock.now()
    facts = book.facts_of(decisions)
    sharers = book.sharers(row["sha256"] for row in facts.values())
    holds = means.holds_of(one for some in sharers.values() for one, _ in some)
    stale, arriving = means.stale_among(list(decisions)), _arriving(means.vault)
    acts, spared, going = [], [], set[str]()
    for recording, decision in decisions.items():
        row = facts.get(recording)
        around = sharers[row["sha256"]] if row is not None else []
        needed_by = still_needed_by(recording, around, frozenset(going))
        # A hold on another recording of these bytes counts where they would go with this one.
        touched = [recording] if needed_by else [one for one, _ in around]
        reason = spared_because(
            row,
            decision,
            now,
            holds=[words for one in touched for words in holds.get(one, ())],
            is_stale=recording in stale,
            is_arriving=row is not None and row["sha256"] in arriving,
        )
        if reason is not None:
            why, words = reason
            spared.append({"recording_id": recording, "why": why.value, "words": words})
        elif row is not None:
            acts.append(_condemned(plan, row, needed_by, means))
            going.add(recording)
    if spared:
        acts.append(Act(act="disposal.spared", subject=plan.number, data={"recordings": spared}))
    return acts


def _condemned(plan: ApprovedPlan, row: Row, shared_with: Sequence[str], means: Means) -> Act:
    is_going = not shared_with
    path = row["vault_path"]
    derived: list[str] = []
    if is_going:
        all_of_it = [one for one, _ in means.book.sharers([row["sha256"]])[row["sha256"]]]
        derived = sorted({*means.book.derived_paths(all_of_it), *means.vault.traces_of(path)})
    copies = means.copies_of(row["sha256"]) if is_going else ()
    data = {
        "docking_id": row["docking_id"],
        "number": plan.number,
        "plan_sha256": plan.plan_sha256,
        "sha256": row["sha256"],
        "size_bytes": row["size_bytes"],
        "path": path if is_going else None,
        "derived": derived,
        "shared_with": list(shared_with),
        "replicas": [{"store": one.store, "key": one.key, "version_id": one.version_id} for one in copies],
        "basis": basis_of(row["retention"]) | {"keep_until": row["keep_until"]},
    }
    return Act(act=CONDEMNED, subject=row["recording_id"], data=data)


def _arriving(vault: Vault) -> set[str]:
    """Digests of what stands proved in staging: a crash, or a full disk, left it, and it counts on standing bytes."""
    found = set()
    for staged in vault.staging_folder.glob("*.birth.json"):
        with translated("read", staged):
            data = staged.read_bytes()
        try:
            found.add(json.loads(data)["content"]["sha256"])
        except (ValueError, KeyError, TypeError):
            # Torn before it was synced: nothing was promised by it.
            continue
    return found


def _unlink(condemned: Sequence[Mapping[str, Any]], means: Means) -> None:
    """Unlink originals, then what was made of them: while an original stands all of it can be given back."""
    going = [one for one in condemned if one["path"] is not None and not means.book.is_path_held(one["path"])]
    standing = means.vault.destroy(one["path"] for one in going)
    means.vault.destroy(path for one in going if one["path"] not in standing for path in one["derived"])


def _remove_here(rows: Sequence[Row], means: Means) -> None:
    """What a crash left of condemned recordings in the vault goes; what is held by now, and still stands, is kept."""

    def decide() -> list[Act]:
        acts = []
        for row in rows:
            held = _holds_on(row, means)
            back_to = _can_be_kept_as(row, means) if held else None
            if back_to is not None:
                acts.append(_given_back(row, held, back_to))
        return acts

    def unlink(entries: Sequence[Entry]) -> None:
        kept = {one["recording_id"] for entry in entries for one in entry.data["recordings"]}
        _unlink([row["condemned"] for row in rows if row["recording_id"] not in kept], means)

    with means.deciding, means.vault.sealing:
        means.chronicle.enter_decided(decide, unlink)


def _holds_on(row: Row, means: Means) -> list[str]:
    data = row["condemned"]
    touched = [row["recording_id"]]
    if data["path"] is not None:
        touched = [one for one, _ in means.book.sharers([data["sha256"]])[data["sha256"]]]
    return [words for some in means.holds_of(touched).values() for words in some]


def _can_be_kept_as(row: Row, means: Means) -> State | None:
    """In which state a condemned recording can be kept after all; null where no byte of it is left."""
    data = row["condemned"]
    facts = _facts(row, means)
    # Where its bytes stayed for another recording, they may have gone with that one since.
    path = data["path"] or facts["vault_path"]
    if facts["condemned_seq"] is None or means.vault.has_file(path, data["size_bytes"]):
        return State.CATALOGUED
    return State.EVICTED if means.copies_of(data["sha256"]) else None


def _facts(row: Row, means: Means) -> Row:
    return means.book.facts_of([row["recording_id"]])[row["recording_id"]]


def _given_back(row: Row, held: Sequence[str], state: State) -> Act:
    one = {
        "recording_id": row["recording_id"],
        "why": SparedWhy.HELD.value,
        "words": f"{_CHANGE_OF_MIND}: {', '.join(held)}",
        "back_to": state.value,
    }
    return Act(act="disposal.spared", subject=row["number"], data={"recordings": [one]})


def _remove_elsewhere(row: Row, means: Means) -> Waiting | None:
    """Remove the replicas of a condemned recording; null when none is left, else why it waits."""
    data = row["condemned"]
    if data["path"] is None:
        return None
    for copy in means.copies_of(data["sha256"]):
        means.stop.check()
        if _facts(row, means)["condemned_seq"] is None:
            # The same bytes came in again meanwhile: the replicas are that recording's now.
            return None
        held = _holds_on(row, means)
        if held:
            means.chronicle.enter(_given_back(row, held, State.EVICTED))
            return Waiting(row["number"], row["recording_id"], _CHANGE_OF_MIND)
        words = _removed(copy, means)
        if words is not None:
            return Waiting(row["number"], row["recording_id"], words)
    return None


def _standing_here(row: Row, means: Means) -> Waiting | None:
    """Why a condemned recording still stands in the vault; null where it does not, or is another recording's."""
    data = row["condemned"]
    paths = [] if data["path"] is None or means.book.is_path_held(data["path"]) else [data["path"], *data["derived"]]
    if not any(os.path.lexists(means.vault.path(path)) for path in paths):
        return None
    words = "its immutable flag stands; ingestd-protect takes it off at its next run · 等待解除防篡改标志"
    return Waiting(row["number"], row["recording_id"], words)


def _removed(copy: ReplicaCopy, means: Means) -> str | None:
    store = means.stores.get(copy.store)
    if store is None:
        return f"the store {copy.store}, which holds a copy, is in no [[replicas]] of the settings"
    try:
        store.remove(copy)
    except StillLockedError as error:
        until = f" until {error.locked_until}" if error.locked_until else ""
        return f"{copy.store}: {error.message}{until}"
    except NotFoundError:
        pass
    except (UnavailableError, StoreError) as error:
        return f"{copy.store}: {error.message}"
    acts = means.forgotten(copy)
    if acts:
        means.chronicle.enter(*acts)
    return None


def _disposed(row: Row, means: Means) -> Act:
    data = row["condemned"]
    going = data["path"] is not None
    return Act(
        act=DISPOSED,
        subject=row["recording_id"],
        data={
            "docking_id": data["docking_id"],
            "number": row["number"],
            "sha256": data["sha256"],
            "size_bytes": data["size_bytes"],
            "removed": [data["path"], *data["derived"]] if going else [],
            "replicas_removed": data["replicas"],
            "has_bytes_elsewhere": not going or _facts(row, means)["condemned_seq"] is None,
        },
    )
