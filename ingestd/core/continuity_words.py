"""The statement of continuity as a text to print, in Chinese, English or both. It says nothing that it cannot show."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from ingestd.core.clauses import Basis
from ingestd.core.clock import to_text
from ingestd.core.continuity import Cause, Interruption, Sign, Statement, Verdict
from ingestd.core.findings import REGISTER, Confidence
from ingestd.core.regime import ExplanationRule


class Language(StrEnum):
    """In which words a statement is printed."""

    ZH = "zh"
    EN = "en"
    BOTH = "both"


class Words:
    """Picks the language: `words(en, zh)`."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def __call__(self, en: str, zh: str) -> str:
        """The text in the chosen language, or in both."""
        match self._language:
            case Language.EN:
                return en
            case Language.ZH:
                return zh
            case Language.BOTH:
                return f"{zh} · {en}"


_VERDICTS = {
    Verdict.NONE_FOUND: ("recorded without a gap that this station can see", "未发现中断"),
    Verdict.IN_DOUBT: (
        "no missing span was found, but findings speak against one or more of the recordings",
        "未发现缺失时段，但部分记录存在疑点",
    ),
    Verdict.INTERRUPTED: ("interrupted", "记录有中断"),
    Verdict.NOTHING_HELD: ("this station holds no recording of this span", "本站未保存该时段的任何记录"),
}
_CONFIDENCE = {
    Confidence.CERTAIN: ("certain", "确定"),
    Confidence.LIKELY: ("likely", "很可能"),
    Confidence.PROVISIONAL: ("provisional", "待核实"),
}
_CAUSES = {
    Cause.ROLL_OVER: ("between two files, within the normal roll-over", "分段切换，属正常间隔"),
    Cause.NOT_RECORDED: (
        "no recording is held; nothing tells whether recording was off",
        "无记录；不能判断当时是否关闭了记录仪",
    ),
}


def verdict_words(verdict: Verdict, language: Language = Language.BOTH) -> str:
    """The verdict for people."""
    return Words(language)(*_VERDICTS[verdict])


def statement_lines(
    statement: Statement, *, title: str, bureau: str, zone: ZoneInfo, language: Language = Language.BOTH
) -> list[str]:
    """The statement as lines of text.

    Args:
        title: what it is about, such as the take or recording.
        bureau: whose.
        zone: in which local times are given.
    """
    say = Words(language)
    span = f"{local(statement.start, zone)} – {local(statement.end, zone)} ({zone.key})"
    lines = [
        say("Statement of continuity", "记录连续性说明"),
        ", ".join(filter(None, (bureau, title))),
        f"{say('span', '时段')}: {span}",
        f"      UTC {to_text(statement.start)} – {to_text(statement.end)}",
        "",
        f"{say('result', '结论')}: {say(*_VERDICTS[statement.verdict])}",
    ]
    lines += _totals(statement, say)
    lines += ["", f"{say('recordings', '记录文件')} ({len(statement.portions)}):"]
    for one in statement.portions:
        sound_only = "" if one.has_picture else f" ({say('sound only', '仅录音')})"
        lines.append(f"  {local(one.start, zone)} – {local(one.end, zone)}  {one.shown}{sound_only}")
    told = [one for one in statement.interruptions if one.cause is not Cause.ROLL_OVER]
    if told:
        lines += ["", f"{say('interruptions', '中断')} ({len(told)}):"]
        for number, interruption in enumerate(told, start=1):
            lines += _interruption_lines(number, interruption, zone, say)
    for heading, signs in (
        (("impaired", "画面或声音受损"), statement.impaired),
        (("doubts", "疑点"), statement.doubts),
    ):
        if signs:
            lines += ["", f"{say(*heading)} ({len(signs)}):"]
            lines += [line for sign in signs for line in _sign_lines(sign, say)]
    lines += ["", *_check_lines(statement, say)]
    return lines


def local(moment: dt.datetime, zone: ZoneInfo) -> str:
    """A moment in the bureau's zone, to the tenth of a second."""
    there = moment.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M:%S}.{there.microsecond // 100_000}"


def _totals(statement: Statement, say: Words) -> list[str]:
    rolled_s = statement.rolled_over.total_seconds()
    lines = [
        f"  {say('covered', '已记录')} {statement.covered.total_seconds():.3f} s, "
        f"{say('not covered', '未记录')} {statement.interrupted.total_seconds():.3f} s, "
        f"{say('in all', '合计')} {statement.span_s:.3f} s"
    ]
    if rolled_s:
        words = say("of this between files, within the normal roll-over", "其中分段切换的正常间隔")
        lines.append(f"  {words}: {rolled_s:.3f} s")
    return lines


def _interruption_lines(number: int, one: Interruption, zone: ZoneInfo, say: Words) -> list[str]:
    length = f"{one.seconds:.1f} s" if one.seconds else say("of unknown length", "时长不明")
    lines = [
        f"  {number}. {local(one.start, zone)} – {local(one.end, zone)}  ({length})",
        f"     UTC {to_text(one.start)} – {to_text(one.end)}",
    ]
    if not one.signs:
        return [*lines, f"     {say(*_CAUSES[one.cause])}"]
    return lines + [line for sign in one.signs for line in _sign_lines(sign, say)]


def _sign_lines(sign: Sign, say: Words) -> list[str]:
    info = REGISTER[sign.code]
    sure = say(*_CONFIDENCE[sign.confidence])
    sources = f"; {say('by', '依据')} {', '.join(sign.sources)}" if sign.sources else ""
    lines = [f"     {sign.code}: {say(info.en, info.zh)} ({sure}{sources}) [{sign.key}]"]
    given = sign.explanation
    if given is not None:
        reported = f", {say('reported', '报告')} {given.reported_at or '–'} {given.reported_to}".rstrip()
        lines.append(f"     {say('reason', '原因')}: {say(given.reason.en, given.reason.zh)}: {given.words}")
        lines.append(f"       {given.explained_by}, {given.explained_at}{reported if given.reported_at else ''}")
        if given.spoken_at_s is not None:
            lines.append(f"       {say('stated on the recording at', '语音说明位于')} {given.spoken_at_s:.1f} s")
    elif sign.asked_by:
        lines.append(f"     {say('reason: open', '原因：待说明')}")
    lines += [f"       {_asked_words(rule, sign, say)}" for rule in sign.asked_by]
    return lines


def _asked_words(rule: ExplanationRule, sign: Sign, say: Words) -> str:
    basis = say("law", "制度规定") if rule.basis is Basis.LAW else say("local policy", "本单位内部规定")
    words = f"{basis}: {rule.article or rule.note}"
    if sign.explanation is not None and rule.named_reasons and sign.explanation.reason not in rule.named_reasons:
        words += f"; {say('the clause does not name this reason', '该条未列明此原因')}"
    return words


def _check_lines(statement: Statement, say: Words) -> Sequence[str]:
    applied = [one for one in statement.checks if one.is_applied]
    left = [one for one in statement.checks if not one.is_applied]
    lines = [f"{say('checked', '已核查')}:"] + [f"  + {say(one.en, one.zh)}" for one in applied]
    lines += [f"{say('could not be checked', '未能核查')}:"]
    lines += [f"  - {say(one.en, one.zh)}: {say(one.why_not_en, one.why_not_zh)}" for one in left]
    limit_en = "What left no trace in these files and numbers cannot be seen here."
    limit_zh = "凡未在文件和编号中留下痕迹的情形，本站无法发现。"
    return [*lines, say(limit_en, limit_zh)]
