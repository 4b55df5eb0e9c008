"""What is true of a simulated card: every entry, and every finding that a perfect station would raise. JSON-able."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ingestd.core.naming import card_path


@dataclass(frozen=True)
class TruthFile:
    """One entry of the card.

    `path` is text as `core.naming.card_path` shows it, `raw_b64` its bytes wherever the text is not exactly them.
    `kind` is video, audio, photo, text, empty, unknown, link or fifo. Sizes and hashes are null for links and pipes.
    Times are UTC by the content; for torn files `end_utc` is what the recorder saw, `intact_until_s` what is left.
    """

    path: str
    kind: str
    raw_b64: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    start_utc: str | None = None
    end_utc: str | None = None
    take: int | None = None
    segment: int | None = None
    sequence: int | None = None
    is_important: bool = False
    is_pre_record: bool = False
    fault: str | None = None
    intact_until_s: float | None = None


@dataclass(frozen=True)
class ExpectedFinding:
    """What an injected fault (or an ordinary pre-record) should make the station say.

    Spans as in `core.findings.Finding`: seconds of the file; for sets from the end of the last segment before the
    hole, or from the start of the later of two overlapping segments. `code` is null where the file should simply be
    taken in. `absent` is the name that a missing segment would have.
    """

    fault: str
    code: str | None
    files: tuple[str, ...]
    start_s: float | None = None
    end_s: float | None = None
    start_utc: str | None = None
    end_utc: str | None = None
    bytes: tuple[tuple[int, int], ...] | None = None
    severity: str | None = None
    absent: str | None = None


@dataclass(frozen=True)
class CardTruth:
    """Everything about one simulated card."""

    seed: int
    device: str
    user: str
    zone: str
    format: str
    files: tuple[TruthFile, ...] = field(default=())
    expected: tuple[ExpectedFinding, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return asdict(self)

    def of_fault(self, fault: str) -> tuple[ExpectedFinding, ...]:
        """What is expected of one fault."""
        return tuple(one for one in self.expected if one.fault == fault)


def shown(relative: bytes) -> tuple[str, str | None]:
    """A path on the card as `path` and `raw_b64` of the truth."""
    path = card_path(relative)
    return path.text, path.raw_b64
