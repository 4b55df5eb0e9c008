"""The ledger beside a running station: what it says of configuration and clock, and its signed heads."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import structlog
from pydantic import ValidationError

from ingestd.config.load import Configuration
from ingestd.core.clock import seconds_since_boot
from ingestd.core.configfacts import configuration_changes
from ingestd.core.custody import Act
from ingestd.core.errors import IngestdError, RefusedError, StoreError
from ingestd.core.head_acts import REQUEST, Why, clock_act, clock_behind, configuration_act
from ingestd.core.settings import Settings
from ingestd.ipc import Document, Operation
from ingestd.pipeline.heads import HeadDesk
from ingestd.pipeline.parts import Parts
from ingestd.stores.heads import LedgerBook
from ingestd.wiring import effective_configuration, head_desk


class LedgerWork:
    """Enters what changed in configuration and clock; has the head signed once a day and at the end.

    A head that cannot be signed is said and counted; it stops nothing.

    Args:
        steady: seconds of a clock that nobody can set, sleep of the machine included.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        on_error: Callable[[str, str], None],
        steady: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._parts = parts
        self._on_error = on_error
        self._steady = steady
        self._desk: HeadDesk = head_desk(parts)
        self.book = LedgerBook(parts().chronicle.engine)
        self._problem = ""
        self._clock_at: tuple[dt.datetime, float] | None = None

    def begin(self, configuration: Configuration) -> None:
        """At the start: the clock against the ledger's last entry, the configuration, and the first head of a day."""
        parts = self._parts()
        tolerance = parts.settings.ledger.clock_step_seconds
        act = clock_behind(parts.chronicle.last_time, parts.clock.now(), tolerance)
        if act is not None:
            self._enter(act)
        self.check_clock()
        self.take_configuration(configuration, parts.settings, "start")
        self.sign_daily()

    def take_configuration(
        self, configuration: Configuration, settings: Settings, at: Literal["start", "reload"]
    ) -> None:
        """Enter what differs from what was in force; nothing where nothing does."""
        try:
            facts = effective_configuration(configuration, settings)
        except StoreError as error:
            structlog.get_logger().error("ledger.not_entered", act="config.changed", words=error.message)
            return
        changed = configuration_changes(self.book.configuration() or {}, facts)
        if changed:
            self._enter(configuration_act(changed, facts, at))

    def check_clock(self) -> None:
        """Enter it where the wall clock went another way than the steady one since it was looked at last."""
        parts = self._parts()
        now, steady = parts.clock.now(), self._steady()
        if self._clock_at is not None:
            before, then = self._clock_at
            expected = before + dt.timedelta(seconds=steady - then)
            if abs((now - expected).total_seconds()) > parts.settings.ledger.clock_step_seconds:
                self._enter(clock_act("steady", expected, now))
        self._clock_at = now, steady

    def _enter(self, act: Act) -> None:
        """Enter an act that nobody waits for: a full disk must not keep the station from starting."""
        try:
            self._parts().chronicle.enter(act)
        except StoreError as error:
            structlog.get_logger().error("ledger.not_entered", act=act.act, words=error.message)
            self._on_error(error.code, error.message)

    def sign_daily(self) -> None:
        """Sign the head where none was signed on this day of the bureau's zone."""
        if self._desk.is_due(self._parts().settings.station.zone_info):
            self._sign("daily")

    def sign_at_close(self) -> None:
        """Sign what was entered since the last head, as the last act of the station."""
        self._sign("close")

    def _sign(self, why: Why) -> None:
        log = structlog.get_logger()
        try:
            head = self._desk.sign(why)
        except IngestdError as error:
            self._problem = f"the ledger's head is not signed: {error.message}"
            log.error("ledger.not_signed", words=error.message, advice=error.advice)
            self._on_error(error.code, error.message)
            return
        self._problem = self._desk.export_problem
        if self._problem:
            log.warning("ledger.not_exported", words=self._problem)
        log.info("ledger.head", acts=head.seq, hash=head.hash, why=why)

    def problems(self) -> dict[str, str]:
        """What a person should mend, in words."""
        return {"ledger": self._problem} if self._problem else {}

    def operations(self) -> Mapping[str, Operation]:
        """The operation `ledger`: `{"op": "ledger", "request": {…}}` (`core.head_acts`); gives what was signed."""

        def ledger(document: Document) -> Iterator[Document]:
            try:
                request = REQUEST.validate_python(document.get("request"))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                place = ".".join(str(part) for part in first["loc"])
                raise RefusedError(f"not a request about the ledger: {place}: {first['msg']}") from error
            result: dict[str, Any] = self._desk.enter(request)
            self._problem = self._desk.export_problem
            yield {"result": result}

        return {"ledger": ledger}
