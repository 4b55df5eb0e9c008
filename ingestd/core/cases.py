"""Cases (案件): what a bureau's case register holds, and what was done in each case, when, where and by whom.

The words of stages follow 海洋 4, 民政 4, 江门 3, 卫健 3; those of activities 海洋 14 to 21, 民政 12 to 27, 民宗 5
to 16, 江门 8 to 32, 卫健 7 to 24. Which of them must be filmed is a regime's data (`core.coverage`).
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How far a case has come."""

    OPENED = "opened"
    INVESTIGATION = "investigation"
    DECISION = "decision"
    SERVICE = "service"
    FILED = "filed"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STAGE_WORDS[self]


_STAGE_WORDS = {
    Stage.OPENED: "opened · 启动",
    Stage.INVESTIGATION: "investigation · 调查取证",
    Stage.DECISION: "review and decision · 审查决定",
    Stage.SERVICE: "service and execution · 送达执行",
    Stage.FILED: "filed · 归档",
}


class CaseFlag(StrEnum):
    """What is special about a case."""

    MAJOR = "major"
    """Major or complex (民政 5¶2)."""
    UNINTERRUPTED = "uninterrupted"
    """It touches liberty, life, health or major property (江门 32): each activity is filmed without interruption."""
    STATE_SECRET = "state_secret"
    COMMERCIAL_SECRET = "commercial_secret"
    PRIVACY = "privacy"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _FLAG_WORDS[self]


_FLAG_WORDS = {
    CaseFlag.MAJOR: "major or complex · 重大复杂",
    CaseFlag.UNINTERRUPTED: "uninterrupted recording · 全过程无间断",
    CaseFlag.STATE_SECRET: "state secret · 国家秘密",
    CaseFlag.COMMERCIAL_SECRET: "commercial secret · 商业秘密",
    CaseFlag.PRIVACY: "privacy · 个人隐私",
}


class ActivityKind(StrEnum):
    """What is done in a case."""

    APPLICATION = "application"
    RECEPTION = "reception"
    INQUIRY = "inquiry"
    DOCUMENTS = "documents"
    INSPECTION = "inspection"
    RANDOM_CHECK = "random_check"
    SAMPLING = "sampling"
    STATEMENT = "statement"
    HEARING = "hearing"
    APPRAISAL = "appraisal"
    PRESERVATION = "preservation"
    SEALING = "sealing"
    SEIZURE = "seizure"
    RESTRAINT = "restraint"
    FREEZING = "freezing"
    ENFORCEMENT = "enforcement"
    PROPERTY_HANDLING = "property_handling"
    CASE_PREMISES = "case_premises"
    SUMMARY = "summary"
    SUMMARY_DISPUTED = "summary_disputed"
    DIRECT_SERVICE = "direct_service"
    LEFT_SERVICE = "left_service"
    PUBLIC_NOTICE = "public_notice"
    ELECTRONIC_SERVICE = "electronic_service"
    POSTAL_SERVICE = "postal_service"
    RECTIFICATION = "rectification"
    OTHER = "other"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _ACTIVITY_WORDS[self]


_ACTIVITY_WORDS = {
    ActivityKind.APPLICATION: "receipt of an application · 受理申请",
    ActivityKind.RECEPTION: "reception of a complaint · 投诉接待",
    ActivityKind.INQUIRY: "questioning · 询问",
    ActivityKind.DOCUMENTS: "taking of documents and objects · 调取书证物证",
    ActivityKind.INSPECTION: "inspection on site · 现场检查（勘验）",
    ActivityKind.RANDOM_CHECK: "random check · 随机抽查",
    ActivityKind.SAMPLING: "sampling · 抽样",
    ActivityKind.STATEMENT: "statement and defence · 陈述申辩",
    ActivityKind.HEARING: "hearing · 听证",
    ActivityKind.APPRAISAL: "appraisal, test · 鉴定、检验检测检疫",
    ActivityKind.PRESERVATION: "preservation of evidence · 证据保全",
    ActivityKind.SEALING: "sealing · 查封",
    ActivityKind.SEIZURE: "seizure · 扣押",
    ActivityKind.RESTRAINT: "restraint of liberty · 限制人身自由",
    ActivityKind.FREEZING: "freezing of deposits · 冻结",
    ActivityKind.ENFORCEMENT: "other coercive measure · 其他行政强制",
    ActivityKind.PROPERTY_HANDLING: "handling of property in the case · 处理涉案物品",
    ActivityKind.CASE_PREMISES: "at the case premises · 执法办案场所",
    ActivityKind.SUMMARY: "summary procedure · 简易程序",
    ActivityKind.SUMMARY_DISPUTED: "summary procedure, likely to be disputed · 易引起争议的简易程序",
    ActivityKind.DIRECT_SERVICE: "service in person · 直接送达",
    ActivityKind.LEFT_SERVICE: "service by leaving · 留置送达",
    ActivityKind.PUBLIC_NOTICE: "service by public notice · 公告送达",
    ActivityKind.ELECTRONIC_SERVICE: "electronic service · 电子送达",
    ActivityKind.POSTAL_SERVICE: "service by post · 邮寄送达",
    ActivityKind.RECTIFICATION: "check of rectification · 责令改正核查",
    ActivityKind.OTHER: "other · 其他",
}


class AbsenceGround(StrEnum):
    """Why an activity has no footage, as a regulation allows it or a person claims it."""

    UNSUITABLE = "unsuitable"
    """不适宜音像记录 (海洋 15, 江门 14, 卫健 13)."""
    WRITTEN_SUFFICES = "written_suffices"
    """文字记录能够全面有效记录 (海洋 26¶1)."""
    SECRECY = "secrecy"
    """涉及国家秘密、商业秘密或者个人隐私 (海洋 26¶3)."""
    WITNESSED = "witnessed"
    """Service by leaving before witnesses, who sign (民宗 15, 江门 23: 见证人签名或者盖章)."""
    OTHER = "other"
    """What no regulation names; it is kept, and excuses nothing."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _GROUND_WORDS[self]


_GROUND_WORDS = {
    AbsenceGround.UNSUITABLE: "unsuitable for recording · 不适宜音像记录",
    AbsenceGround.WRITTEN_SUFFICES: "the written record suffices · 文字记录能够全面有效记录",
    AbsenceGround.SECRECY: "secrecy or privacy · 涉及国家秘密、商业秘密或者个人隐私",
    AbsenceGround.WITNESSED: "left before witnesses who signed · 见证人签名留置",
    AbsenceGround.OTHER: "other · 其他",
}


@dataclass(frozen=True, slots=True)
class CaseOfficer:
    """An officer as the case names him. `certificate` is the number of the 执法证, empty where not given."""

    name: str
    certificate: str = ""

    @property
    def shown(self) -> str:
        """Name and number for people."""
        return f"{self.name} {self.certificate}".strip()


@dataclass(frozen=True, slots=True)
class Absence:
    """A person's word why an activity has no footage. `words` may be empty only where the regime asks for no reason."""

    ground: AbsenceGround
    words: str
    entered_by: str
    entered_at: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing done in a case. Moments are UTC and aware, null where nobody said.

    `is_uninterrupted`: a person says that this one must be filmed without interruption (江门 32), whatever its kind.
    """

    activity_id: str
    kind: ActivityKind
    place: str = ""
    began_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    officers: tuple[CaseOfficer, ...] = ()
    is_uninterrupted: bool = False
    note: str = ""
    absence: Absence | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case. Days are the bureau's own.

    Args:
        category: of the regime's vocabulary (执法类别), empty where not given.
        unit: that handles it, by its name; empty where not given.
        concluded_on: the day on which the act of enforcement ended (终结之日), from which filing is counted.
        closed_on: the day on which the case file was filed (归档); null while the case is open.
        term_until: last day of the case file's term (案卷保存期限); null where nobody said, or it has no end.
        filing_due_on: last day for filing that another law names for this case; `filing_basis` is that law.
        entered_activities: how many were ever entered, so that no number is given twice.
    """

    number: str
    cause: str = ""
    category: str = ""
    stage: Stage = Stage.OPENED
    parties: tuple[str, ...] = ()
    place: str = ""
    officers: tuple[CaseOfficer, ...] = ()
    unit: str = ""
    opened_on: dt.date | None = None
    concluded_on: dt.date | None = None
    closed_on: dt.date | None = None
    term_until: dt.date | None = None
    filing_due_on: dt.date | None = None
    filing_basis: str = ""
    flags: frozenset[CaseFlag] = frozenset()
    note: str = ""
    activities: tuple[Activity, ...] = ()
    entered_activities: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the case file is not filed yet."""
        return self.closed_on is None

    @property
    def all_officers(self) -> tuple[CaseOfficer, ...]:
        """Those of the case and of its activities, each once."""
        named = [*self.officers, *(one for activity in self.activities for one in activity.officers)]
        return tuple(dict.fromkeys(named))

    def activity(self, activity_id: str) -> Activity | None:
        """The activity of this id; null for none."""
        return next((one for one in self.activities if one.activity_id == activity_id), None)


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A recording that belongs to a case, or to one activity of it. `linked_at` is UTC text.

    `via` says what the person named: the recording itself, its take or its docking.
    """

    case_number: str
    recording_id: str
    activity_id: str | None
    is_evidence: bool
    linked_by: str
    linked_at: str
    via: str = "recording"


@dataclass(frozen=True, slots=True)
class Complaint:
    """An entry of the complaint register (投诉、举报、上访: 海洋 11, 民政 9¶3, 民宗 6, 江门 10, 卫健 9).

    `happened_from`/`happened_until` is when the thing complained of happened, null where not said. `outcome` is what
    became of it in words; where no case is opened, the regulations ask for a written note of that.
    """

    number: str
    received_on: dt.date
    complainant: str = ""
    about: str = ""
    place: str = ""
    officers: tuple[CaseOfficer, ...] = ()
    happened_from: dt.datetime | None = None
    happened_until: dt.datetime | None = None
    case_number: str | None = None
    unit: str = ""
    outcome: str = ""
    settled_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the bureau, or an organisation entrusted by it (海洋 2, 卫健 7, 34, 35, 江门 50).

    `parent` is the unit above it by name, empty for the bureau itself. `basis` names the paper of the entrustment.
    """

    name: str
    parent: str = ""
    is_entrusted: bool = False
    basis: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    note: str = ""
