"""Footage that may not be of duty, noted by one person and looked at by a second.

民宗 24(四): 严禁利用设备记录与执勤执法无关的活动.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What the second look found."""

    NON_DUTY = "non_duty"
    DUTY = "duty"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _WORDS[self]


_WORDS: Final = {Verdict.NON_DUTY: "not of duty · 与执勤执法无关", Verdict.DUTY: "of duty · 属于执勤执法"}


@dataclass(frozen=True, slots=True)
class NonDutyNote:
    """One note about a recording. Moments are UTC texts; `verdict` is null until somebody else looked.

    A note moves no term and hides nothing: what follows from it is the bureau's to decide.
    """

    note_id: int
    recording_id: str
    noted_by: str
    noted_at: str
    reason: str
    verdict: Verdict | None = None
    settled_by: str = ""
    settled_at: str | None = None
    words: str = ""
