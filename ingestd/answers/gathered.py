"""Gathers what the catalogue knows of a take, a recording, a docking or an interval, for statements and pictures."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.config.load import Configuration
from ingestd.core.clock import from_text, to_text
from ingestd.core.continuity import Portion, Sign, Statement, statement_of
from ingestd.core.continuity_checks import Evidence, checks_of
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.explanation import rules_asking
from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.findings import Confidence, Severity
from ingestd.core.segments import RESOLUTION_S, TRUSTED_SOURCES
from ingestd.core.timeline import recorded_seconds
from ingestd.pipeline.sets import habits_of
from ingestd.stores.explanations import identity_of
from ingestd.stores.timelines import Row
from ingestd.wiring import open_catalogue, open_explanations, open_timelines


@dataclass(frozen=True, slots=True)
class Subject:
    """What a person asked about: `kind` is take, recording, docking or interval. `rows` are timed recordings in order;
    `without_time` more are of no length, or not described yet."""

    kind: str
    id: str
    rows: tuple[Row, ...]
    without_time: int = 0

    @property
    def title(self) -> str:
        """For people."""
        recorders = sorted({row["recorder_id"] or "unknown" for row in self.rows}) or ["–"]
        return " ".join(filter(None, (f"recorder {', '.join(recorders)},", self.kind, self.id)))

    @property
    def span(self) -> tuple[dt.datetime, dt.datetime]:
        """From the first start to the last end."""
        portions = [portion_of(row) for row in self.rows]
        return min(one.start for one in portions), max(one.end for one in portions)

    def takes(self) -> list[list[Row]]:
        """The recordings by take, in order of their starts."""
        takes: dict[str, list[Row]] = {}
        for row in self.rows:
            takes.setdefault(row["take_id"] or row["recording_id"], []).append(row)
        return list(takes.values())


class Gatherer:
    """Questions to the catalogue for one statement or picture."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        settings = configuration.settings
        self._catalogue = open_catalogue(settings)
        self._timelines = open_timelines(settings)
        self._explanations = open_explanations(settings)

    def subject(self, named: str, *, whole_take: bool = False) -> Subject:
        """What is named: a take or docking by its id or last digits, else a recording as in `ingestd show`.

        Args:
            whole_take: a recording stands for its take.

        Raises:
            NotFoundError: nothing, or more than one thing, answers.
            RefusedError: it is nothing that runs in time, or is not described yet.
        """
        take = self._timelines.take(named)
        if take:
            return Subject("take", take[0]["take_id"], tuple(take))
        docking = self._timelines.docking(named)
        if docking is not None:
            of_docking = self._timelines.of_docking(docking["docking_id"])
            if not of_docking:
                raise RefusedError(f"docking {docking['docking_id']} brought nothing that runs in time")
            entries = len(self._catalogue.recordings(docking=docking["docking_id"], limit=1_000_000))
            return Subject("docking", docking["docking_id"], tuple(of_docking), entries - len(of_docking))
        row = self._catalogue.recording(named)
        if row["recorded_start"] is None or row["kind"] not in ("video", "audio"):
            raise RefusedError(f"{row['card_path']} does not run in time, or is not described yet")
        if whole_take and row["take_id"] is not None:
            return Subject("take", row["take_id"], tuple(self._timelines.take(row["take_id"])))
        return Subject("recording", row["recording_id"], (row,))

    def between(self, subject: Subject, start: dt.datetime, end: dt.datetime) -> Subject:
        """Everything of the subject's recorder in an interval.

        Raises:
            RefusedError: the recorder is not known, so that nobody can say what else is its.
        """
        if not subject.rows:
            raise NotFoundError(f"nothing is known of {subject.title}")
        first = subject.rows[0]
        if first["recorder_id"] is None:
            raise RefusedError(
                "nobody could name the recorder; other recordings cannot be told to be its", "leave --from and --to out"
            )
        rows = self._timelines.of_recorder(first["recorder_key"], start=to_text(start), end=to_text(end))
        return Subject("interval", "", tuple(rows))

    def statement(self, rows: Sequence[Row], start: dt.datetime, end: dt.datetime) -> Statement:
        """The statement of a span for these recordings, by everything that stands about them."""
        habits = habits_of(Counter(row["profile_id"] for row in rows), self._configuration.profiles)
        return statement_of(
            start,
            end,
            [portion_of(row) for row in rows],
            self.signs(rows),
            roll_over_s=habits.roll_over_s + RESOLUTION_S,
            checks=checks_of([_evidence(row) for row in rows]),
        )

    def signs(self, rows: Sequence[Row]) -> list[Sign]:
        """Findings about these recordings, each with who asks for its reason and the reason given."""
        found = self._timelines.findings_about(
            {row["recording_id"] for row in rows}, {row["recorder_key"] for row in rows}
        )
        given = self._explanations.of(found)
        rules = self._configuration.regime.explain
        signs = []
        for row in found:
            document, identity = row["document"], identity_of(row)
            signs.append(
                Sign(
                    key=identity.key,
                    code=document["code"],
                    severity=Severity(document["severity"]),
                    confidence=Confidence(document["confidence"]),
                    about=identity.about,
                    start_s=document["start_s"],
                    end_s=document["end_s"],
                    start=_moment(document["start_utc"]),
                    end=_moment(document["end_utc"]),
                    sources=_sources(document["evidence"]),
                    asked_by=rules_asking(rules, document),
                    explanation=given.get(row["finding_id"]),
                )
            )
        return signs


def portion_of(row: Row) -> Portion:
    """A recording on the wall clock; without the jumps of a faulty clock, which are no recorded time."""
    start, end = from_text(row["recorded_start"]), from_text(row["recorded_end"])
    facts = MediaFacts.model_validate(row["facts"]) if row["facts"] is not None else None
    ran_s = recorded_seconds(facts) if facts is not None else None
    return Portion(
        key=row["recording_id"],
        shown=row["card_path"],
        start=start,
        end=max(start, end if ran_s is None else start + dt.timedelta(seconds=ran_s)),
        take=row["take_id"],
        has_picture=facts is None or bool(facts.streams_of(StreamKind.VIDEO)),
        is_timed_by_recorder=row["tags"]["times_source"] in TRUSTED_SOURCES,
    )


def _evidence(row: Row) -> Evidence:
    facts = MediaFacts.model_validate(row["facts"]) if row["facts"] is not None else None
    if facts is None:
        return Evidence(False, row["tags"]["times_source"] in TRUSTED_SOURCES, False, False, False, False)
    return Evidence(
        has_packet_times=any(stream.packets for stream in facts.streams),
        is_timed_by_recorder=row["tags"]["times_source"] in TRUSTED_SOURCES,
        has_number=row["tags"]["name"]["sequence"] is not None,
        has_position_times=any(fix.utc is not None and not fix.is_doubtful for fix in facts.fixes),
        has_sound=bool(facts.streams_of(StreamKind.AUDIO)),
        has_structure=facts.structure is not None,
    )


def _sources(evidence: dict[str, Any]) -> tuple[str, ...]:
    told = evidence.get("sources") or ([evidence["source"]] if evidence.get("source") else [])
    return tuple(str(one) for one in told) if isinstance(told, list) else (str(told),)


def _moment(text: str | None) -> dt.datetime | None:
    return from_text(text) if text is not None else None
