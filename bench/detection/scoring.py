"""The scorer: what was injected against what was reported, finding by finding. Pure."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Reported = Mapping[str, Any]
"""A finding as `ingestd analyse --json` prints it."""

_QUIET = "info"
_SLACK_S = 1e-6


@dataclass(frozen=True)
class Label:
    """One finding that a perfect detector makes.

    Attributes:
        file: the end of the file's path; null for findings of sets.
        start_s: seconds in the file; null where the finding is about the whole file, or the code has no such span.
        start_utc: wall clock, for sets and cut ends.
        tolerance_s: how far each edge may be off.
        hidden: why nothing in these files can show it to this detector; null where it can be found.
        weaker: codes that tell less but nothing wrong; they are neither right nor false, unless they are `certain`.
    """

    code: str
    file: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    start_utc: dt.datetime | None = None
    end_utc: dt.datetime | None = None
    tolerance_s: float = 0.2
    hidden: str | None = None
    weaker: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What was said about one set of files. `place` names the set, `fault` what was done to it."""

    place: str
    fault: str
    labels: tuple[Label, ...]
    reported: tuple[Reported, ...]


@dataclass
class CodeScore:
    """Counts of one code. `found` includes `located`; `hidden_found` are hidden labels that were found all the same."""

    labels: int = 0
    found: int = 0
    located: int = 0
    false: int = 0
    hidden: int = 0
    hidden_found: int = 0
    by_confidence: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def shares(self) -> dict[str, float | int | None]:
        """Precision over all that was said, recall over what can be found, localisation over what was found."""
        right = self.found + self.hidden_found
        return {
            "labels": self.labels,
            "precision": _share(right, right + self.false),
            "recall": _share(self.found, self.labels),
            "localisation": _share(self.located, right),
            "missed": self.labels - self.found,
            "misplaced": right - self.located,
            "false": self.false,
            "undetectable": self.hidden,
            "undetectable_found": self.hidden_found,
        }


@dataclass
class Score:
    """Everything counted. Lists are lines for people: set, fault, and what was said."""

    codes: dict[str, CodeScore] = field(default_factory=dict)
    faults: dict[str, Counter[str]] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    quiet_sets: int = 0
    disturbed_sets: int = 0

    def of(self, code: str) -> CodeScore:
        """The counts of a code."""
        return self.codes.setdefault(code, CodeScore())

    def by_confidence(self) -> dict[str, dict[str, float | int | None]]:
        """Of each confidence: how many findings, and the share that is right."""
        sums: Counter[tuple[str, bool]] = Counter()
        for score in self.codes.values():
            sums.update(score.by_confidence)
        classes = {confidence for confidence, _ in sums}
        return {
            name: {
                "findings": sums[name, True] + sums[name, False],
                "precision": _share(sums[name, True], sums[name, True] + sums[name, False]),
            }
            for name in sorted(classes)
        }


def score(outcomes: Iterable[Outcome]) -> Score:
    """Count. What is only information is never false and never finds anything."""
    total = Score()
    for outcome in outcomes:
        _count(outcome, total)
    return total


def is_located(label: Label, reported: Reported) -> bool:
    """Whether every edge that both name agrees within the tolerance; a label without a span is about the whole file."""
    pairs = [
        (label.start_s, reported.get("start_s")),
        (label.end_s, reported.get("end_s")),
        (_timestamp(label.start_utc), _timestamp(reported.get("start_utc"))),
        (_timestamp(label.end_utc), _timestamp(reported.get("end_utc"))),
    ]
    wanted = [one for one, _ in pairs if one is not None]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not wanted:
        return True
    return bool(both) and all(abs(one - other) <= label.tolerance_s + _SLACK_S for one, other in both)


def _count(outcome: Outcome, total: Score) -> None:
    loud = [one for one in outcome.reported if one["severity"] != _QUIET]
    claims: dict[int, Reported] = {}
    for number, label in enumerate(outcome.labels):
        fitting = [one for one in loud if _is_about(label, one) and all(one is not claim for claim in claims.values())]
        if fitting:
            claims[number] = min(fitting, key=lambda one: not is_located(label, one))
    rest = [one for one in loud if all(one is not claim for claim in claims.values())]
    false = [one for one in rest if not any(_is_weaker(label, one) for label in outcome.labels)]
    for number, label in enumerate(outcome.labels):
        _count_label(outcome, label, claims.get(number), loud, total)
    for one in false:
        own = total.of(one["code"])
        own.false += 1
        own.by_confidence[one["confidence"], False] += 1
        total.false.append(f"{outcome.place}, {outcome.fault}: {_in_words(one)}")
    if not outcome.labels:
        total.quiet_sets += 1
        total.disturbed_sets += bool(false)
    tally = total.faults.setdefault(outcome.fault, Counter())
    tally["false"] += len(false)
    tally["sets"] += 1


def _count_label(
    outcome: Outcome, label: Label, claim: Reported | None, loud: Sequence[Reported], total: Score
) -> None:
    own, tally = total.of(label.code), total.faults.setdefault(outcome.fault, Counter())
    if label.hidden is None:
        own.labels += 1
        tally["labels"] += 1
    else:
        own.hidden += 1
        tally["undetectable"] += 1
    if claim is None:
        if label.hidden is None:
            said = "; ".join(_in_words(one) for one in loud) or "nothing"
            total.missed.append(f"{outcome.place}, {outcome.fault}: no {label.code}, but {said}")
        return
    own.by_confidence[claim["confidence"], True] += 1
    if label.hidden is None:
        own.found += 1
        tally["found"] += 1
    else:
        own.hidden_found += 1
        tally["undetectable_found"] += 1
    if is_located(label, claim):
        own.located += 1
    else:
        total.misplaced.append(f"{outcome.place}, {outcome.fault}: {_in_words(claim)}, but truly {_truth(label)}")


def _is_about(label: Label, reported: Reported) -> bool:
    if label.code != reported["code"]:
        return False
    return label.file is None or str(reported.get("file") or "").endswith(label.file)


def _is_weaker(label: Label, reported: Reported) -> bool:
    is_same_file = label.file is None or str(reported.get("file") or "").endswith(label.file)
    return reported["code"] in label.weaker and is_same_file and reported["confidence"] != "certain"


def _timestamp(moment: dt.datetime | str | None) -> float | None:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    return None if moment is None else moment.timestamp()


def _in_words(one: Reported) -> str:
    span = f" {one.get('start_s')} to {one.get('end_s')} s" if one.get("start_s") is not None else ""
    file = f" in {one['file'].rsplit('/', 1)[-1]}" if one.get("file") else ""
    return f"{one['code']}{span}{file} ({one['confidence']}, {one['severity']})"


def _truth(label: Label) -> str:
    if label.start_utc is not None:
        return f"{label.start_s} to {label.end_s} s, {label.start_utc} to {label.end_utc}"
    return f"{label.start_s} to {label.end_s} s"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
