"""The parent's side of the media room: one warm child process with limits, asked over a Unix socket."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from pydantic import ValidationError

from ingestd.core.clock import Clock, SystemClock
from ingestd.core.errors import MediaError, StoppedError
from ingestd.core.facts import Damage, MediaFacts
from ingestd.core.look import LookFacts, LookRule
from ingestd.core.segments import SharedContent
from ingestd.core.sidecars import SidecarRule
from ingestd.core.stop import Stop
from ingestd.media.confinement import Confinement

MAX_ANSWER_BYTES = 32 * 1024 * 1024
START_SECONDS = 60.0
CLOSE_SECONDS = 5.0
STOP_CHECK_SECONDS = 0.2
REQUESTS_OF_ONE_CHILD = 1000
WORKER_PROGRAM = ("-m", "ingestd.media.worker")

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(_PACKAGE_ROOT),
    # Pydantic would look through every installed package for plugins, which have no business with a parser of footage.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
_COMPLAINT_BYTES = 2000


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    line: socket.socket
    complaints: int
    """Reading end of the pipe that the child complains into; never waited for."""
    requests: int = 0
    has_greeted: bool = False


class MediaWorker:
    """A child process that parses files for us; whatever a file does to it, this process lives on.

    The child is started at the first request and again after it died; requests of several threads wait for each other.
    It ends with the thread that started it (`PR_SET_PDEATHSIG`), so that none is left behind; the next request then
    starts another.

    Args:
        memory_bytes: what the work on one file may take beyond the loaded libraries.
        nice: processor priority of the child, 0 to 19.
        output_bytes: largest file that may be written through a descriptor; 0 forbids writing.
        program: what the Python interpreter runs.
        clock: for deadlines.
        stop: once it is requested, a request under way ends with `StoppedError` and its child is killed.
    """

    def __init__(
        self,
        memory_bytes: int,
        nice: int = 19,
        *,
        output_bytes: int = 0,
        program: Sequence[str] = WORKER_PROGRAM,
        clock: Clock | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._nice = nice
        self._output_bytes = output_bytes
        self._program = tuple(program)
        self._clock = clock or SystemClock()
        self._stop = stop or Stop()
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id; null while there is none."""
        child = self._child
        return child.process.pid if child else None

    def warm_up(self) -> None:
        """Start the child now, without waiting, so that it has loaded its libraries by the first request.

        Raises:
            MediaError: it cannot be started.
        """
        with self._lock:
            self._living_child()

    def probe(
        self, fd: int, size_bytes: int, timeout_seconds: float, *, sidecar: SidecarRule | None = None
    ) -> MediaFacts:
        """The facts of the regular file behind a descriptor (its position is moved).

        Args:
            fd: open for reading.
            size_bytes: how much of it counts.
            timeout_seconds: after so long the child is killed.
            sidecar: how to read the positions of a text file, where a profile says it.

        Raises:
            MediaError: the child gave none: it died, took too long, or refused.
        """
        params = {"size_bytes": size_bytes, "sidecar": sidecar.model_dump(mode="json") if sidecar is not None else None}
        result = self.request("probe", (fd,), params, timeout_seconds)
        try:
            return MediaFacts.model_validate(result)
        except ValidationError as error:
            raise MediaError("the media process gave facts that are none") from error

    def damaged(
        self,
        fd: int,
        facts: MediaFacts,
        timeout_seconds: float,
        *,
        unreadable: Sequence[tuple[int, int]] = (),
    ) -> MediaFacts:
        """The same facts with the damage inside the media; where the child cannot tell, with a problem that says so.

        The look takes at most half of the time given, so that it ends by itself and tells how far it came.
        """
        if not facts.kind.is_timed:
            return facts
        params = {"size_bytes": facts.size_bytes, "unreadable": list(unreadable), "seconds": timeout_seconds / 2}
        try:
            result = self.request("damage", (fd,), params, timeout_seconds)
            found = tuple(Damage.model_validate(one) for one in result["damage"])
            problems = [str(text) for text in result["problems"]]
        except (MediaError, ValidationError, KeyError, TypeError) as error:
            found, problems = (), [f"damage was not looked for: {error}"[:200]]
        return facts.model_copy(update={"damage": found, "problems": (*facts.problems, *problems)[:100]})

    def salvage(
        self, sources: Sequence[int], sizes: Sequence[int], output: int | None, timeout_seconds: float
    ) -> dict[str, Any]:
        """Find what is whole in a torn file (`media.salvage`), and write a playable copy where one is wanted.

        Args:
            sources: descriptors of the torn file and, where there is one, of the reference.
            sizes: how much of each counts, in bytes.
            output: empty, open for writing; null to look only.
            timeout_seconds: the walk takes at most half of it.

        Raises:
            MediaError: nothing to salvage, or the child gave no answer.
        """
        params = {"sizes": list(sizes), "seconds": timeout_seconds / 2}
        fds = (*sources, *(() if output is None else (output,)))
        return self.request("salvage", fds, params, timeout_seconds)

    def overlap(
        self, fds: tuple[int, int], sizes: tuple[int, int], seconds: float, timeout_seconds: float
    ) -> SharedContent:
        """Whether one file begins with the packets that another ends with (`media.overlap`).

        Args:
            fds: descriptors of the earlier and of the later file.
            sizes: how much of each counts, in bytes.
            seconds: by how much they overlap by their times.
            timeout_seconds: after so long the child is killed.

        Raises:
            MediaError: they cannot be compared, or the child gave no answer.
        """
        result = self.request("overlap", fds, {"sizes": list(sizes), "seconds": seconds}, timeout_seconds)
        try:
            return SharedContent(float(result["seconds"]), int(result["packets"]), int(result["compared"]))
        except (KeyError, TypeError, ValueError) as error:
            raise MediaError("the media process gave an answer that is none") from error

    def look(self, fd: int, rule: LookRule, timeout_seconds: float) -> LookFacts:
        """What the decoded content shows (`media.look`), looked at for at most half of the time given.

        Raises:
            MediaError: the child gave no answer: it died, took too long, or refused.
        """
        params = {"rule": asdict(rule), "seconds": timeout_seconds / 2}
        result = self.request("look", (fd,), params, timeout_seconds)
        try:
            return LookFacts.model_validate(result)
        except ValidationError as error:
            raise MediaError("the media process saw what cannot be") from error

    def request(self, op: str, fds: Sequence[int], params: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Have one operation of the worker done.

        Args:
            op: its name in the worker's table.
            fds: descriptors that it works on; they stay ours.
            params: JSON.
            timeout_seconds: after so long the child is killed.

        Raises:
            MediaError: there is no answer, or the answer is an error; the message says what happened.
            StoppedError: asked to stop.
        """
        cpu_seconds = int(timeout_seconds * (os.cpu_count() or 1)) + 10
        raw = json.dumps({"op": op, "params": params, "cpu_seconds": cpu_seconds}).encode() + b"\n"
        with self._lock:
            self._stop.check()
            child = self._living_child()
            if not child.has_greeted:
                self._read_answer(child, START_SECONDS)
                child.has_greeted = True
            child.requests += 1
            try:
                sent = socket.send_fds(child.line, [raw], list(fds))
                if sent < len(raw):
                    child.line.sendall(raw[sent:])
            except OSError as error:
                self._fail(child, None, error)
            answer = self._read_answer(child, timeout_seconds)
            if answer.get("is_last") or child.requests >= REQUESTS_OF_ONE_CHILD:
                self._end(child, is_kind=True)
        if answer["ok"] is not True:
            raise MediaError(str(answer.get("error", "the media process gave no reason")))
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        """End the child, if there is one; a later request would start another."""
        with self._lock:
            if self._child is not None:
                # While the station stops, an idle child is not waited for: it has nothing to lose.
                self._end(self._child, is_kind=not self._stop.is_requested())

    def _living_child(self) -> _Child:
        if self._child is not None and self._child.process.poll() is not None:
            self._end(self._child)
        if self._child is None:
            self._child = self._start()
        return self._child

    def _start(self) -> _Child:
        ours, theirs = socket.socketpair()
        complaints, complain = os.pipe()
        # A child that complains a lot must not come to wait for us.
        os.set_blocking(complain, False)
        os.set_blocking(complaints, False)
        limits = Confinement(self._memory_bytes, self._nice, self._output_bytes, os.getpid())
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", *self._program, str(theirs.fileno()), json.dumps(asdict(limits))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complain,
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT,
                cwd="/",
                # An interrupt from the terminal is for the parent, which then ends the child in good order.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(complaints)
            raise MediaError(f"the media process cannot be started: {error}") from error
        finally:
            theirs.close()
            os.close(complain)
        return _Child(process, ours, complaints)

    def _read_answer(self, child: _Child, timeout_seconds: float) -> dict[str, Any]:
        deadline = self._clock.steady_seconds() + timeout_seconds
        raw = bytearray()
        while not raw.endswith(b"\n"):
            left = deadline - self._clock.steady_seconds()
            try:
                # A timeout of 0 would mean "do not wait" and not "too late".
                child.line.settimeout(min(max(left, 0.001), STOP_CHECK_SECONDS))
                block = child.line.recv(1024 * 1024)
            except TimeoutError as error:
                if self._stop.is_requested():
                    self._end(child)
                    raise StoppedError("the work was asked to stop") from error
                if left <= STOP_CHECK_SECONDS:
                    self._fail(child, f"took longer than {timeout_seconds:g} s", error)
                continue
            except OSError as error:
                self._fail(child, "broke the line", error)
            if not block:
                self._fail(child, None, None)
            raw += block
            if len(raw) > MAX_ANSWER_BYTES:
                self._fail(child, f"answered with more than {MAX_ANSWER_BYTES} bytes", None)
        try:
            answer = json.loads(raw)
        except ValueError as error:
            self._fail(child, "answered nonsense", error)
        if not isinstance(answer, dict) or (answer.get("ok") is True and not isinstance(answer.get("result"), dict)):
            self._fail(child, "answered nonsense", None)
        return answer | {"ok": answer.get("ok") is True}

    def _fail(self, child: _Child, what: str | None, cause: Exception | None) -> NoReturn:
        """Kill and bury the child, and raise; null for `what` means that it died by itself."""
        if what is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(CLOSE_SECONDS)
            code = child.process.poll()
            what = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
        complaint = _last_words(child.complaints)
        self._end(child)
        raise MediaError(f"the media process {what}" + (f": {complaint}" if complaint else "")) from cause

    def _end(self, child: _Child, *, is_kind: bool = False) -> None:
        """Close the line, which ends an idle child; kill it where it does not listen."""
        child.line.close()
        if is_kind:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(CLOSE_SECONDS)
        if child.process.poll() is None:
            child.process.kill()
            child.process.wait()
        os.close(child.complaints)
        self._child = None


def _last_words(complaints: int) -> str:
    """The last line that the child wrote to its standard error."""
    try:
        raw = os.read(complaints, 64 * 1024)[-_COMPLAINT_BYTES:]
    except OSError:
        return ""
    lines = raw.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
