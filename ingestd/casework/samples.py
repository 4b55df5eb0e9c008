"""What people do with samples (抽检): lists frozen, items drawn, checks entered; each decided, then in the ledger."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import IntegrityError, NotFoundError
from ingestd.core.inspection_rules import InspectionRule
from ingestd.core.manifest import sha256_of
from ingestd.core.sample_acts import (
    Assign,
    Check,
    Close,
    Draw,
    Freeze,
    Request,
    Withdraw,
    assigned_act,
    checked_act,
    closed_act,
    drawn_act,
    frozen_act,
    list_document,
    listed_in,
    seeded_act,
    withdrawn_act,
)
from ingestd.core.samples import MOST_LISTED, Listed, Sample
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.durable import remove
from ingestd.stores.ledgerpages import LedgerPages
from ingestd.stores.samples import SampleBook
from ingestd.stores.vault import Vault

Document = dict[str, Any]
Rules = tuple[tuple[InspectionRule, ...], ZoneInfo]

FOLDER = "samples"


class SampleDesk:
    """The one counter of a station for samples. Safe from many threads.

    Args:
        rules: asked anew each time, because a reload may change the form of the regime.
    """

    def __init__(self, vault: Vault, chronicle: Chronicle, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._vault = vault
        self._chronicle = chronicle
        self._clock = clock
        self._rules = rules
        self._book = SampleBook(chronicle.engine)
        self._pages = LedgerPages(vault.ledger_folder)
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, one after the other; each stands in the ledger before the next is looked at.

        Returns for each `act`, `subject`, `state` of the sample and, of a check, its `outcome`.

        Raises:
            NotFoundError, RefusedError: one cannot be followed; those before it stand.
            StoreError: as of `Chronicle.enter`.
        """
        return [self._entered(request) for request in requests]

    def _entered(self, request: Request) -> Document:
        with self._lock:
            if isinstance(request, Freeze):
                act = self._freeze(request)
            else:
                act = self._decided(request, self._book.sample(request.number))
                self._chronicle.enter(act)
        answer = {"act": act.act, "subject": act.subject, "state": self._book.sample(str(act.subject)).state.value}
        return answer | ({"outcome": act.data["outcome"]} if act.act == "sample.checked" else {})

    def _decided(self, request: Draw | Assign | Check | Close | Withdraw, sample: Sample) -> Act:
        match request:
            case Draw():
                seq = sample.frozen_seq + 1
                return drawn_act(request, sample, self._listed(sample), seq, self._seed(sample, request))
            case Assign():
                return assigned_act(request, sample, self._book.items(sample.number))
            case Check():
                return checked_act(request, sample, self._book.item(sample.number, request.item))
            case Close():
                return closed_act(request, sample, self._book.items(sample.number))
            case Withdraw():
                return withdrawn_act(request, sample)

    # Freezing

    def _freeze(self, request: Freeze) -> Act:
        form, zone = self._rules()
        now = self._clock.now()
        kinds = [one.value for one in request.kinds]
        begins, ends = to_text(request.begins), to_text(request.ends)
        listed = self._book.footage(begins, ends, kinds=kinds, units=request.units, most=MOST_LISTED)
        number = self._book.next_number(now.astimezone(zone).year)
        document = list_document(request, number, listed, now)
        path = f"{FOLDER}/{number}/list.json"
        # Refused before anything is written: the digest is of no account for that.
        frozen_act(request, document, path, "", form)
        self._vault.make_folder(f"{FOLDER}/{number}")
        # A crash between list and act left a list of which nobody ever heard.
        with suppress(NotFoundError):
            self._vault.read_bytes(path)
            remove(self._vault.path(path))
        data = self._vault.write_document(path, document)
        act = frozen_act(request, document, path, sha256_of(data), form)
        self._chronicle.enter(act)
        return act

    def _listed(self, sample: Sample) -> list[Listed]:
        data = self._vault.read_bytes(sample.list_path)
        if sha256_of(data) != sample.list_sha256:
            raise IntegrityError(f"{sample.list_path} is not the list that was frozen", "restore it from a backup")
        return listed_in(self._vault.read_json(sample.list_path))

    # Drawing

    def _seed(self, sample: Sample, request: Draw) -> str:
        """The hash of the entry behind the frozen list. Where nothing was entered since, an act is entered for it."""
        entry = self._pages.entry(sample.frozen_seq + 1)
        if entry is None:
            self._chronicle.enter(seeded_act(sample.number, request.by))
            entry = self._pages.entry(sample.frozen_seq + 1)
        if entry is None:
            raise IntegrityError(f"the ledger has no entry {sample.frozen_seq + 1}", "see: ingestd verify")
        return str(entry.hash)
