"""What a look at the decoded content tells: dark, stuck, silent and damaged spans, and the findings from them.

`media.look` decodes and measures with the numbers of `LookRule`; here nothing is decoded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from ingestd.core.findings import Confidence, Finding, Severity, finding

if TYPE_CHECKING:
    from ingestd.core.settings import LookSettings

MAX_SPANS = 200
"""Spans that one look keeps; content that alternates more often is a habit of the recorder."""


_EXPLAINS_DAMAGE = ("data.", "file.truncated", "gap.", "splice.", "time.", "read.")
"""Where a stream was cut, torn or joined, decoders stumble too."""


@dataclass(frozen=True, slots=True)
class LookRule:
    """The numbers behind the look. Grey levels count from 0 (black) to 255, whatever range the file uses.

    The picture without its upper and lower edge, where recorders write clock and number, is cut into about 80 tiles
    across. A tile's *detail* is its distance from its four neighbours: sensor noise loses half of it each time the
    tiles double, edges and objects of a scene keep it, and a single lamp stands far above the rest.
    """

    black_seconds: float = 1.5
    """The shortest span of black that is told; below it lie fades and a hand that passes."""
    frozen_seconds: float = 1.5
    silent_seconds: float = 1.5
    dark_luma: float = 48.0
    """The brightest mean that can be called dark. Covered lens and night scene lie alike far below it."""

    uniform_levels: int = 2
    """Differences up to this within a dark picture: black, not covered."""
    coarse_detail: float = 0.9
    """Detail of tiles four times as large that is no structure …"""
    coarse_share: float = 0.36
    """… and its share in the fine detail up to which it is noise."""
    peak_levels: float = 6.0
    """Detail of one tile from which it may be a lamp …"""
    peak_share: float = 7.0
    """… if it stands so many times above the fine detail of the whole."""

    start_up_seconds: float = 3.0
    """A file may begin black for so long: sensors and encoders warm up. Then it is information."""

    sample_seconds: float = 0.4
    """Key pictures that follow closer are not looked at."""
    key_seconds: float = 2.5
    """Where key pictures lie farther apart, the pictures between them are decoded too."""

    held_levels: float = 0.025
    """Median difference of neighbouring pictures, in grey levels, up to which nothing moves, no sensor's noise either.
    Pictures that hold so still for `core_seconds` are the core of a stuck span."""
    core_seconds: float = 0.5
    held_upper_levels: float = 0.2
    """The same for the smaller three fifths of the differences: encoders go on refining a stuck picture."""
    refresh_levels: float = 4.0
    """Mean difference that a key picture of the same content may show …"""
    refresh_tile_levels: float = 5.0
    """… and the largest mean difference of one of its tiles of 16 by 16."""
    motion_share: float = 0.3
    """A core grows over what encoders refine in a stuck picture: differences up to this share of the motion beside."""
    motion_levels: float = 1.0
    """The least difference of neighbouring pictures that counts as motion there."""
    around_seconds: float = 1.5
    """How much on either side of a stuck span is compared with it."""
    equal_share: float = 0.25
    """Share of pictures that equal the one before to the last bit, below which a sensor's noise is believed."""
    noise_levels: float = 0.03
    """Median difference around it from which a sensor is at work there."""

    whole_seconds: float = 120.0
    """Files up to this length are decoded wholly, for damage that only a decoder sees."""
    near_seconds: float = 1.0
    """What does not decode so near to what is told of the file already needs no second word."""
    refused_share: float = 0.2
    """Of all packets: a decoder that refuses more does not understand the recorder."""

    gate_spans: int = 4
    """So many silent spans in one file: the recorder itself shuts its microphone in quiet moments."""

    @classmethod
    def of(cls, settings: "LookSettings") -> Self:
        """The rule with a station's settings."""
        return cls(
            black_seconds=settings.black_seconds,
            frozen_seconds=settings.frozen_seconds,
            silent_seconds=settings.silent_seconds,
            dark_luma=settings.dark_luma,
            whole_seconds=settings.whole_seconds,
        )

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """The rule that crossed into the child process."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})


class Detail(NamedTuple):
    """One picture in numbers: mean luma, spread between darkest and brightest, and detail (see `LookRule`)."""

    mean: float
    levels: float
    fine: float
    coarse: float
    peak: float


class Darkness(StrEnum):
    """How a picture is dark; a night scene is none of these."""

    UNIFORM = "uniform"
    COVERED = "covered"


def darkness_of(detail: Detail, rule: LookRule) -> Darkness | None:
    """Whether a picture is black, a covered lens, or neither."""
    if detail.mean > rule.dark_luma:
        return None
    if detail.levels <= rule.uniform_levels:
        return Darkness.UNIFORM
    has_lamp = detail.peak > max(rule.peak_levels, rule.peak_share * detail.fine)
    has_structure = detail.coarse > max(rule.coarse_detail, rule.coarse_share * detail.fine)
    return None if has_lamp or has_structure else Darkness.COVERED


class SpanKind(StrEnum):
    """What a span shows."""

    BLACK = "black"
    FROZEN = "frozen"
    SILENT = "silent"
    DAMAGED = "damaged"


class LookSpan(BaseModel):
    """A span on the file's own time line, in seconds, with the numbers that were measured in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: SpanKind
    start_s: float
    end_s: float
    numbers: dict[str, float | int | bool | str | None] = Field(default_factory=dict, max_length=32)


class LookFacts(BaseModel):
    """What was looked at and seen. `until_s` is set where the time given ran out: behind it nobody looked."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pictures: int = 0
    sound_s: float = 0.0
    spans: tuple[LookSpan, ...] = Field(default=(), max_length=4 * MAX_SPANS)
    until_s: float | None = None
    problems: tuple[str, ...] = Field(default=(), max_length=20)


def look_findings(facts: LookFacts, rule: LookRule, told: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """`content.black`, `content.frozen`, `content.silent` and `data.corrupt`, in order of time. `file` stays null.

    Args:
        facts: what was seen.
        rule: the numbers that it was seen with.
        told: what is said of the file already; damage at the same place is not said twice.
    """
    found = [*_black(facts, rule), *_frozen(facts, rule), *_silent(facts, rule), *_damaged(facts, rule, told)]
    return tuple(sorted(found, key=lambda one: (one.start_s or 0.0, one.code)))


def _spans(facts: LookFacts, kind: SpanKind, least_s: float) -> list[LookSpan]:
    # Pictures last from one time to the next: a span of just the least length must not fall to rounding.
    return [span for span in facts.spans if span.kind is kind and span.end_s - span.start_s >= least_s - 1e-3]


def _black(facts: LookFacts, rule: LookRule) -> Iterator[Finding]:
    for span in _spans(facts, SpanKind.BLACK, rule.black_seconds):
        is_uniform = span.numbers.get("darkness") == Darkness.UNIFORM
        is_start_up = span.numbers.get("is_at_start") and span.end_s - span.start_s < rule.start_up_seconds
        yield finding(
            "content.black",
            severity=Severity.INFO if is_start_up else None,
            start_s=span.start_s,
            end_s=span.end_s,
            confidence=Confidence.CERTAIN if is_uniform else Confidence.LIKELY,
            evidence={"source": "decoded pictures", **span.numbers},
        )


def _frozen(facts: LookFacts, rule: LookRule) -> Iterator[Finding]:
    dark = _spans(facts, SpanKind.BLACK, rule.black_seconds)
    for span in _spans(facts, SpanKind.FROZEN, rule.frozen_seconds):
        covered_s = sum(max(0.0, min(span.end_s, one.end_s) - max(span.start_s, one.start_s)) for one in dark)
        if covered_s > 0.5 * (span.end_s - span.start_s):
            # A black picture is the same picture all the time: that is said once, as black.
            continue
        confidence = _frozen_confidence(span, rule)
        evidence: dict[str, Any] = {"source": "decoded pictures", **span.numbers}
        if confidence is Confidence.PROVISIONAL:
            evidence["note"] = "a still scene from which the encoder took the noise looks the same"
        yield finding(
            "content.frozen",
            severity=Severity.INFO if confidence is Confidence.PROVISIONAL else None,
            start_s=span.start_s,
            end_s=span.end_s,
            confidence=confidence,
            evidence=evidence,
        )


def _frozen_confidence(span: LookSpan, rule: LookRule) -> Confidence:
    """Key pictures are encoded from the source alone: where two of them are equal, the source stood still.

    Without such a pair the edges tell: a stuck picture stops at once, from full motion or from a sensor's noise, and
    what follows it jumps; a camera that is laid down comes to rest, and its pictures are seldom equal to the last bit.
    """
    if span.numbers.get("equal_keys"):
        return Confidence.CERTAIN
    edges = [span.numbers[name] for name in ("begins_abruptly", "ends_abruptly") if span.numbers.get(name) is not None]
    equal, pictures = float(span.numbers.get("equal_pictures") or 0), float(span.numbers.get("pictures") or 1)
    is_stuck = bool(edges) and all(edges) and equal >= rule.equal_share * pictures
    return Confidence.LIKELY if is_stuck else Confidence.PROVISIONAL


def _damaged(facts: LookFacts, rule: LookRule, told: Sequence[Finding]) -> Iterator[Finding]:
    known = [one for one in told if one.severity is not Severity.INFO and one.code.startswith(_EXPLAINS_DAMAGE)]
    for span in _spans(facts, SpanKind.DAMAGED, 0.0):
        if any(_is_near(one, span, rule.near_seconds) for one in known):
            continue
        evidence: dict[str, Any] = {"source": "decoded pictures and sound", **span.numbers}
        is_understood = float(span.numbers.get("share_of_file") or 0) <= rule.refused_share
        if not is_understood:
            evidence["note"] = "so much is refused that the decoder may not understand this recorder"
        yield finding(
            "data.corrupt",
            severity=None if is_understood else Severity.INFO,
            start_s=span.start_s,
            end_s=span.end_s,
            confidence=Confidence.LIKELY if is_understood else Confidence.PROVISIONAL,
            evidence=evidence,
        )


def _is_near(told: Finding, span: LookSpan, near_s: float) -> bool:
    if told.start_s is None and told.end_s is None:
        return True
    begins_s = told.start_s if told.start_s is not None else 0.0
    # A torn file: behind its last intact second nothing decodes.
    ends_s = told.end_s if told.end_s is not None and told.code != "file.truncated" else float("inf")
    return span.start_s <= ends_s + near_s and span.end_s >= begins_s - near_s


def _silent(facts: LookFacts, rule: LookRule) -> Iterator[Finding]:
    spans = _spans(facts, SpanKind.SILENT, rule.silent_seconds)
    is_gated = len(spans) >= rule.gate_spans
    for span in spans:
        evidence: dict[str, Any] = {"source": "decoded sound", **span.numbers}
        confidence = Confidence.LIKELY if span.numbers.get("is_coarse") else Confidence.CERTAIN
        if is_gated:
            confidence = Confidence.PROVISIONAL
            evidence["silent_spans"] = len(spans)
            evidence["note"] = "so many silent spans: the recorder shuts its microphone in quiet moments"
        yield finding(
            "content.silent",
            severity=Severity.INFO if is_gated else None,
            start_s=span.start_s,
            end_s=span.end_s,
            confidence=confidence,
            evidence=evidence,
        )
