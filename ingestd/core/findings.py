"""Coded findings: the shape of one, and the register of all codes with their words.

Codes are stable, because archives outlive programs. What an exact detector says for each, with tolerances, is in
docs/reference/findings.md.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Severity(StrEnum):
    """How much a finding matters; `info` never asks anything of anybody."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info up to 3 for critical."""
        return list(Severity).index(self)


class Scope(StrEnum):
    """What a finding is about."""

    FILE = "file"
    SET = "set"
    RECORDER = "recorder"
    DOCKING = "docking"


class Confidence(StrEnum):
    """How sure the station is; doubt is stored, not decided in silence."""

    CERTAIN = "certain"
    LIKELY = "likely"
    PROVISIONAL = "provisional"


class CodeInfo(NamedTuple):
    """The words for one code."""

    severity: Severity
    scope: Scope
    en: str
    zh: str
    innocent_en: str


_I, _N, _W, _C = Severity.INFO, Severity.NOTICE, Severity.WARNING, Severity.CRITICAL
_F, _S, _R, _D = Scope.FILE, Scope.SET, Scope.RECORDER, Scope.DOCKING

REGISTER: Mapping[str, CodeInfo] = {
    "gap.video": CodeInfo(_W, _F, "video is missing inside the file", "文件内视频缺失", "the recorder dropped frames under load or at a worn card"),
    "gap.audio": CodeInfo(_W, _F, "audio is missing while video runs", "视频进行中音频缺失", "a loose microphone or a muted recorder"),
    "time.jump": CodeInfo(_N, _F, "all streams jump in time together", "各流时间同时跳变", "the recorder's clock was set while it recorded"),
    "file.truncated": CodeInfo(_W, _F, "the file ends before its content", "文件不完整（被截断）", "power loss or a pulled battery while recording"),
    "file.empty": CodeInfo(_N, _F, "the file has no bytes", "空文件", "the recorder lost power before it wrote anything"),
    "file.unknown_type": CodeInfo(_I, _F, "a type of file that this station does not know", "未知文件类型", "a sidecar of the vendor"),
    "file.link": CodeInfo(_W, _F, "a symbolic link; it was not followed", "符号链接，未跟随", "somebody used the card in a computer"),
    "file.special": CodeInfo(_W, _F, "a pipe, socket or device; it was not opened", "特殊文件（管道、套接字或设备），未打开", "somebody used the card in a computer"),
    "file.changed_while_read": CodeInfo(_W, _F, "the file changed while it was copied", "复制过程中文件发生变化", "the recorder was still writing; dock it again"),
    "read.error": CodeInfo(_C, _F, "the medium refused to give some or all bytes", "介质读取错误", "a worn or badly seated card"),
    "read.unstable": CodeInfo(_C, _F, "the medium gave other bytes on a second reading", "两次读取内容不一致", "a failing card or cable"),
    "read.over_mtp": CodeInfo(_I, _D, "the recorder's own program handed out the files; its medium was not read", "文件经MTP协议由记录仪程序提供，未直接读取存储介质", "a recorder built on Android"),
    "stream.audio_absent": CodeInfo(_W, _F, "siblings carry audio, this file does not", "同组文件有音频，本文件无音频", "the microphone was switched off by setting"),
    "data.corrupt": CodeInfo(_W, _F, "the media data is damaged", "媒体数据损坏", "a worn card"),
    "set.missing": CodeInfo(_W, _S, "a segment of a take is absent", "连续记录中缺少分段", "the segment was taken in earlier elsewhere, or lost by the recorder"),
    "set.gap": CodeInfo(_W, _S, "the next segment starts late", "后一分段开始过晚", "recording was stopped and started again"),
    "set.overlap": CodeInfo(_N, _S, "two segments hold the same moments", "两个分段时间重叠", "pre-record: the recorder keeps the seconds before the button"),
    "set.vanished": CodeInfo(_C, _S, "a file seen earlier was never secured and is gone", "曾见到但未采集的文件已消失", "the recorder overwrote its oldest file"),
    "splice.removed": CodeInfo(_C, _F, "a piece was cut out", "片段被剪除", "none is known"),
    "splice.insert": CodeInfo(_C, _F, "foreign material stands inside", "插入了其他画面", "none is known"),
    "trim.head": CodeInfo(_C, _F, "the start was cut off", "开头被剪除", "the recorder's clock was set just then"),
    "trim.tail": CodeInfo(_C, _F, "the end was cut off", "结尾被剪除", "the recorder's clock was set just then"),
    "edit.reencoded": CodeInfo(_C, _F, "the picture was encoded again", "画面被重新编码", "a firmware update of the recorder"),
    "structure.changed": CodeInfo(_C, _F, "the container is not built as this recorder builds it", "文件结构与该记录仪不符", "a firmware update of the recorder"),
    "name.mismatch": CodeInfo(_W, _F, "the name says another time, number or device than the content", "文件名与内容不符", "the recorder's clock was reset"),
    "clock.offset": CodeInfo(_I, _R, "the recorder's clock differs from the station's", "记录仪时钟偏差", "clocks drift about two seconds a day"),
    "clock.mismatch": CodeInfo(_W, _F, "the times of one file contradict each other", "文件内各时间互相矛盾", "a zone setting of the recorder"),
    "content.black": CodeInfo(_N, _F, "the picture is black or the lens covered", "画面全黑或镜头被遮挡", "the recorder was in a pocket"),
    "content.frozen": CodeInfo(_N, _F, "the same picture is repeated while time runs on", "画面冻结", "a fault of the encoder"),
    "content.silent": CodeInfo(_N, _F, "audio is there but digitally silent", "音频为静音", "the microphone was switched off by setting"),
    "identity.unknown": CodeInfo(_N, _D, "no recorder could be named", "无法识别记录仪", "a new recorder, or names without a number"),
    "identity.conflict": CodeInfo(_W, _D, "the sources of the recorder's or the officer's identity disagree", "记录仪或执法人员身份信息互相矛盾", "a card moved between recorders"),
    "origin.unclear": CodeInfo(_N, _D, "the declaration of where this comes from cannot be used, or contradicts the command", "来源声明无法使用或与指令不符", "a slip of the pen in the declaration"),
    "listing.incomplete": CodeInfo(_C, _D, "a part of the card could not be listed", "存储卡部分内容未能列出", "a limit of the configuration, or another file system mounted inside"),
    "listing.seen_empty": CodeInfo(_I, _D, "a folder that the file system keeps for itself was seen to be empty, not listed by the station", "文件系统自用目录经核查为空", "every ext file system has one"),
    "device.foreign_class": CodeInfo(_W, _D, "a device of a class that no recorder has", "非记录仪类设备", "somebody charged a phone in the bay"),
    "device.not_allowed": CodeInfo(_N, _D, "a device that is let in under quarantine only", "仅允许隔离采集的设备", "a new kind of recorder that nobody put on the allow list yet"),
    "device.not_in_register": CodeInfo(_N, _D, "the fleet register does not know this recorder", "登记册中没有该记录仪", "a new recorder that nobody entered yet"),
    "device.blocked": CodeInfo(_W, _D, "by the fleet register this recorder is not in use", "登记册显示该记录仪已停用、挂失、送修或报废", "it came back and nobody changed the register"),
    "position.doubtful": CodeInfo(_I, _F, "the position cannot be relied on", "定位信息存疑", "no satellite fix yet"),
    "fixity.failed": CodeInfo(_C, _F, "stored bytes are no longer the bytes that were sealed", "固化校验失败", "a failing disk"),
    "job.parked": CodeInfo(_N, _F, "a background job was given up for this file", "后台任务已搁置", "a file that its decoder cannot bear"),
    "time.backfilled": CodeInfo(_W, _F, "made or changed after the fact", "疑似事后补录", "the recorder's clock was reset"),
}  # fmt: skip


class Finding(BaseModel):
    """One thing that the station noticed. What does not apply is null.

    `start_s`/`end_s` are seconds in the file; for sets they count from the end of the last segment before the hole,
    or from the start of the later of two overlapping segments. `start_utc`/`end_utc` give the wall clock.
    `bytes` lists half-open ranges `[from, to]` of the original. `evidence` holds numbers and where they came from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Severity
    scope: Scope
    file: str | None = None
    files: tuple[str, ...] | None = None
    start_s: float | None = None
    end_s: float | None = None
    start_utc: str | None = None
    end_utc: str | None = None
    bytes: tuple[tuple[int, int], ...] | None = None
    confidence: Confidence = Confidence.CERTAIN
    evidence: dict[str, Any] = Field(default_factory=dict)
    innocent_explanation: str | None = None

    @field_validator("code")
    @classmethod
    def _code_is_registered(cls, code: str) -> str:
        if code not in REGISTER:
            raise ValueError(f"{code!r} is not in the register of findings")
        return code


def finding(code: str, *, severity: Severity | None = None, **fields: Any) -> Finding:
    """A finding with the register's scope, severity and innocent explanation where none are given.

    Raises:
        KeyError: the code is not registered.
    """
    info = REGISTER[code]
    fields.setdefault("innocent_explanation", info.innocent_en)
    return Finding(code=code, severity=severity or info.severity, scope=info.scope, **fields)
