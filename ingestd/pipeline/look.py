"""The look at decoded content, once a recording is described: at lowest priority, and kept in the ledger."""

import os
from collections.abc import Sequence
from typing import Any

from ingestd.core.custody import Act
from ingestd.core.errors import IngestdError, MediaError
from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding
from ingestd.core.look import LookRule, look_findings
from ingestd.core.settings import LookSettings
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.parts import Parts
from ingestd.stores.attempts import count_attempt, forget_attempts
from ingestd.stores.search import Row, sealed_of

_KIND = "look"


def look_next(parts: Parts, media: MediaWorker) -> bool:
    """Look at the oldest recording that nobody looked at yet; false when none waits or the look is switched off.

    A recording that is described while the look is off goes on waiting, and is looked at when it is switched on.

    Raises:
        StoreError: the vault refuses; the recording goes on waiting.
        StoppedError: `media` was asked to stop; so does the recording.
    """
    if not parts.settings.look.is_enabled:
        return False
    rows = parts.catalogue.without_derived((_KIND,), limit=1)
    for row in rows:
        parts.chronicle.enter(_looked(row, parts, media))
    return bool(rows)


def look_at(
    descriptor: int, facts: MediaFacts, settings: LookSettings, media: MediaWorker, told: Sequence[Finding] = ()
) -> tuple[MediaFacts, tuple[Finding, ...]]:
    """Findings of the content of a file, of which `told` is said already.

    The facts have a problem more where nobody could look, or not to the end.

    Raises:
        StoppedError: `media` was asked to stop.
    """
    if not facts.kind.is_timed or not any(stream.packets for stream in facts.streams):
        return facts, ()
    rule = LookRule.of(settings)
    try:
        seen = media.look(descriptor, rule, settings.timeout_seconds)
    except MediaError as error:
        return _with_problem(facts, f"the content was not looked at: {error.message}"), ()
    if seen.until_s is not None:
        facts = _with_problem(facts, f"the content was looked at up to {seen.until_s} s only")
    return facts, look_findings(seen, rule, told)


def _with_problem(facts: MediaFacts, problem: str) -> MediaFacts:
    return facts.model_copy(update={"problems": (*facts.problems, problem[:200])[:100]})


def _looked(row: Row, parts: Parts, media: MediaWorker) -> Act:
    sealed = sealed_of(row)
    data: dict[str, Any] = {"docking_id": sealed.docking_id, "kind": _KIND}
    data |= {"path": None, "sha256": None, "size_bytes": None}
    engine, settings = parts.chronicle.engine, parts.settings.look
    attempt = count_attempt(engine, sealed.recording_id, _KIND)
    try:
        if attempt > parts.settings.media.attempts:
            raise MediaError("the station was killed while it looked at this file")
        if not parts.vault.has_file(sealed.vault_path, sealed.size_bytes):
            raise MediaError("the original is missing")
        rule = LookRule.of(settings)
        descriptor = parts.vault.open_for_reading(sealed.vault_path)
        try:
            facts = media.look(descriptor, rule, settings.timeout_seconds)
        finally:
            os.close(descriptor)
        told = [
            Finding.model_validate(one["document"]) for one in parts.catalogue.findings(recording=sealed.recording_id)
        ]
        found = look_findings(facts, rule, told)
        documents = [one.model_dump(mode="json") for one in found]
        data |= {"document": facts.model_dump(mode="json"), "findings": documents}
    except MediaError as error:
        data["document"] = {"reason": error.message}
    except IngestdError:
        # A stop or a failing disk is not the file's fault: this try does not count.
        forget_attempts(engine, [sealed.recording_id], _KIND)
        raise
    forget_attempts(engine, [sealed.recording_id], _KIND)
    return Act(act="derived.made", subject=sealed.recording_id, data=data)
