"""How listings tell whether a finding is open or explained."""

from collections.abc import Callable
from typing import Any

from ingestd.config.load import Configuration
from ingestd.core.explanation import Explanation, ExplanationState, bind, rules_asking, state_of
from ingestd.core.regime import ExplanationRule
from ingestd.stores.explanations import Row, identity_of, place_of
from ingestd.wiring import open_explanations, open_timelines

GONE = "gone"
"""State of an explanation whose finding does not stand any more."""

_TOGETHER = 100
_MOST_LOOKED_AT = 2000
_PLACE = ("start_s", "end_s", "start_utc", "end_utc")


class Explained:
    """Findings beside what was said of them, under the station's regime."""

    def __init__(self, configuration: Configuration) -> None:
        self._rules = configuration.regime.explain
        self._explanations = open_explanations(configuration.settings)
        self._timelines = open_timelines(configuration.settings)

    def marks(self, findings: list[Row]) -> dict[str, dict[str, Any]]:
        """For each of these findings, by id: `finding_key`, `explanation_state`, `explanation` (null for none)."""
        given = self._explanations.of(findings)
        return {
            row["finding_id"]: {
                "finding_key": identity_of(row).key,
                "explanation_state": state_of(self._rules, row["document"], given.get(row["finding_id"])).value,
                "explanation": explanation_document(given.get(row["finding_id"])),
            }
            for row in findings
        }

    def documents(self) -> list[dict[str, Any]]:
        """Every finding that is asked about or explained, in order of noting, then words whose finding is gone."""
        rows = self._explanations.standing_findings()
        given, gone = bind({row["finding_id"]: identity_of(row) for row in rows}, self._explanations.all())
        wanted = [row for row in rows if row["finding_id"] in given or rules_asking(self._rules, row["document"])]
        documents = [self._of_finding(row, given.get(row["finding_id"])) for row in wanted]
        return self._with_recordings([*documents, *(_of_gone(one) for one in gone)])

    def waiting(
        self, is_seen: Callable[[dict[str, Any]], bool], *, after: str = "", limit: int
    ) -> tuple[list[dict[str, Any]], str]:
        """Findings that wait for their explanation, the newest first, and what asks for the next page; empty for none.

        Args:
            is_seen: whether one belongs into the list.
            after: as the page before it told. A page ends early, and may be empty, where much has to be looked at.
        """
        codes = frozenset(code for rule in self._rules for code in rule.codes)
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_LOOKED_AT // _TOGETHER):
            rows = self._explanations.newest_findings(codes, after=after, limit=_TOGETHER)
            if not rows:
                return found, ""
            given = self._explanations.near(rows)
            states = [state_of(self._rules, row["document"], given.get(row["finding_id"])) for row in rows]
            is_open = [state is ExplanationState.OPEN for state in states]
            documents = iter(
                self._with_recordings(
                    [self._of_finding(row, None) for row, said in zip(rows, is_open, strict=True) if said]
                )
            )
            for row, said in zip(rows, is_open, strict=True):
                if said and is_seen(document := next(documents)):
                    if len(found) == limit:
                        return found, after
                    found.append(document)
                after = place_of(row)
        return found, after

    def _of_finding(self, row: Row, given: Explanation | None) -> dict[str, Any]:
        document = row["document"]
        return {
            "finding_key": identity_of(row).key,
            "finding_id": row["finding_id"],
            "code": document["code"],
            "severity": document["severity"],
            "confidence": document["confidence"],
            "about": list(identity_of(row).about),
            **{key: document[key] for key in _PLACE},
            "scope": document["scope"],
            "docking_id": row["docking_id"],
            "state": state_of(self._rules, document, given).value,
            "asked_by": [rule_document(rule) for rule in rules_asking(self._rules, document)],
            "explanation": explanation_document(given),
        }

    def _with_recordings(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What is known of the files that each finding is about: paths, dockings, officers."""
        known = self._timelines.recordings(sorted({one for document in documents for one in document["about"]}))
        for document in documents:
            rows = [known[one] for one in document["about"] if one in known]
            named = [one for row in rows for one in (row["tags"] or {}).get("officers", ())]
            officers = {(one["officer"], one["certificate"]): one for one in named}
            dockings = {row["docking_id"] for row in rows} | {document["docking_id"]} - {None}
            document["card_paths"] = [row["card_path"] for row in rows]
            document["dockings"] = sorted(dockings)
            document["officers"] = list(officers.values())
        return documents


def _of_gone(given: Explanation) -> dict[str, Any]:
    identity = given.finding
    return {
        "finding_key": identity.key,
        "finding_id": None,
        "code": identity.code,
        "severity": None,
        "confidence": None,
        "about": list(identity.about),
        "start_s": identity.start_s,
        "end_s": identity.end_s,
        "start_utc": None,
        "end_utc": None,
        "scope": None,
        "docking_id": None,
        "state": GONE,
        "asked_by": [],
        "explanation": explanation_document(given),
    }


def rule_document(rule: ExplanationRule) -> dict[str, Any]:
    """A rule that asks, as JSON has it."""
    return rule.model_dump(mode="json", exclude={"codes"})


def explanation_document(given: Explanation | None) -> dict[str, Any] | None:
    """What was said, as JSON has it; null for nothing."""
    if given is None:
        return None
    spoken = {"recording_id": given.spoken_in, "at_s": given.spoken_at_s} if given.spoken_at_s is not None else None
    return {
        "explanation_id": given.explanation_id,
        "reason": given.reason.value,
        "words": given.words,
        "reported_at": given.reported_at,
        "reported_to": given.reported_to,
        "spoken": spoken,
        "attachment": given.attachment,
        "attachment_sha256": given.attachment_sha256,
        "reference": given.reference,
        "explained_at": given.explained_at,
        "explained_by": given.explained_by,
    }


def words_of_state(mark: dict[str, Any]) -> str:
    """The mark in a table; empty where nothing is asked."""
    return ExplanationState(mark["explanation_state"]).words
