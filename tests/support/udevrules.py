"""Reads a file of udev rules (udev(7)) and says what it would do with a device: as much of the language as we use.

What is not understood is an error and not passed over, so that a rule which this cannot judge fails its test.
"""

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path

_TERM = re.compile(r'\s*(?P<key>[A-Z]+)(?:\{(?P<name>\w+)\})?(?P<op>==|!=|\+=|=)"(?P<value>[^"]*)"\s*(?:,|$)')
_MATCHES = {"ACTION", "SUBSYSTEM", "ENV", "ATTR"}


class RuleError(Exception):
    """A line that is no rule, or one that is not understood here."""


@dataclass(frozen=True)
class Term:
    """One comparison or assignment of a rule."""

    key: str
    name: str
    op: str
    value: str


@dataclass
class Outcome:
    """What the rules gave a device: properties set, units wanted, tags, commands run."""

    properties: dict[str, str] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)


def parse(text: str) -> list[list[Term]]:
    """The rules of a file; every jump must have its label further down."""
    rules = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        terms, at = [], 0
        while at < len(line):
            match = _TERM.match(line, at)
            if match is None:
                raise RuleError(f"not understood: {line[at:]}")
            terms.append(Term(match["key"], match["name"] or "", match["op"], match["value"]))
            at = match.end()
        rules.append(terms)
    for number, terms in enumerate(rules):
        for goal in (term.value for term in terms if term.key == "GOTO"):
            if not any(term.key == "LABEL" and term.value == goal for rule in rules[number:] for term in rule):
                raise RuleError(f"nothing further down is labelled {goal}")
    return rules


def apply(file: Path, properties: dict[str, str], *, action: str = "add", **attributes: str) -> Outcome:
    """Run a device through the rules of a file.

    Args:
        file: the rules.
        properties: what udev has gathered of the device before them.
        action: of the event.
        attributes: of its folder in sysfs.
    """
    outcome, goal = Outcome(), ""
    known = properties | {"ACTION": action}
    for terms in parse(file.read_text("utf-8")):
        if goal:
            if not any(term.key == "LABEL" and term.value == goal for term in terms):
                continue
            goal = ""
        if all(_holds(term, known | outcome.properties, attributes) for term in terms):
            for term in terms:
                goal = _assigned(term, known, outcome) or goal
    return outcome


def _holds(term: Term, known: dict[str, str], attributes: dict[str, str]) -> bool:
    if term.op not in ("==", "!="):
        return True
    if term.key not in _MATCHES:
        raise RuleError(f"{term.key} is not understood")
    source = {"ENV": known.get(term.name, ""), "ATTR": attributes.get(term.name, "")}
    actual = source.get(term.key, known.get(term.key, ""))
    return fnmatch.fnmatchcase(actual, term.value) == (term.op == "==")


def _assigned(term: Term, known: dict[str, str], outcome: Outcome) -> str:
    """Do what an assignment says; the label to jump to, if it is a jump."""
    kernel = known.get("DEVPATH", "").rpartition("/")[2]
    value = re.sub(r"\$env\{(\w+)\}", lambda match: known.get(match[1], ""), term.value.replace("%k", kernel))
    match (term.key, term.name, term.op):
        case ("GOTO", _, "="):
            return value
        case ("LABEL", _, "=") | (_, _, "==" | "!="):
            pass
        case ("TAG", "", "+="):
            outcome.tags.append(value)
        case ("RUN", "", "+="):
            outcome.run.append(value)
        case ("ENV", "SYSTEMD_WANTS", "+="):
            outcome.wanted.append(value)
        case ("ENV", name, "="):
            outcome.properties[name] = value
        case _:
            raise RuleError(f"{term} is not understood")
    return ""
