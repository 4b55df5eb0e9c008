"""Which checks a statement of continuity rests on: applied to every recording, or it says to which not, and why."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ingestd.core.continuity import Check


class Evidence(NamedTuple):
    """What is there to be checked of one recording."""

    has_packet_times: bool
    """Its packets were read."""
    is_timed_by_recorder: bool
    """Its start stands in its name, container or positions, and not only in the file system."""
    has_number: bool
    """Its name carries a sequence number."""
    has_position_times: bool
    """It carries positions with satellite time."""
    has_sound: bool
    has_structure: bool
    """How its container is built was read."""


class _Kind(NamedTuple):
    id: str
    is_there: Callable[[Evidence], bool]
    en: str
    zh: str
    missing_en: str
    missing_zh: str


_KINDS = (
    _Kind(
        "packet_times",
        lambda one: one.has_packet_times,
        "times of all packets inside the files",
        "文件内全部数据包时间",
        "could not be read",
        "无法读取",
    ),
    _Kind(
        "neighbour_times",
        lambda one: one.is_timed_by_recorder,
        "start of each file against the end of the one before",
        "各分段起止时间衔接",
        "no start written by the recorder",
        "缺少记录仪写入的开始时间",
    ),
    _Kind(
        "sequence_numbers",
        lambda one: one.has_number,
        "sequence numbers of the files",
        "文件顺序号",
        "no number in the name",
        "文件名无顺序号",
    ),
    _Kind(
        "sound_against_picture",
        lambda one: one.has_sound,
        "sound against picture",
        "音频与视频对照",
        "no sound",
        "无音频",
    ),
    _Kind(
        "position_time",
        lambda one: one.has_position_times,
        "satellite time against the recorder's time",
        "卫星定位时间与记录仪时间对照",
        "no position track",
        "无定位轨迹",
    ),
    _Kind(
        "structure",
        lambda one: one.has_structure,
        "how the files are built (signs of editing; the more files of a recorder are held, the surer)",
        "文件结构（剪辑痕迹；同一记录仪的文件越多越可靠）",
        "not read",
        "未读取",
    ),
)

_BETWEEN = frozenset({"neighbour_times", "sequence_numbers"})
"""Checks that compare recordings with each other."""

_NOT_HERE = (
    Check(
        "stored_bytes",
        False,
        "stored bytes read again",
        "重新读取已存数据",
        "not by this statement: ingestd verify",
        "本说明不含；请运行 ingestd verify",
    ),
)


def checks_of(evidence: Sequence[Evidence]) -> tuple[Check, ...]:
    """The checks by what there was to check; one that could not be applied to every recording was not applied."""
    checks = []
    for kind in _KINDS:
        if len(evidence) == 1 and kind.id in _BETWEEN:
            alone = ("there is one recording only", "仅有一个文件")
            checks.append(Check(kind.id, False, kind.en, kind.zh, *alone))
            continue
        absent = sum(not kind.is_there(one) for one in evidence)
        is_applied = bool(evidence) and absent == 0
        how_many_en = f" in {absent} of {len(evidence)}" if 0 < absent < len(evidence) else ""
        how_many_zh = f"（{len(evidence)}个文件中的{absent}个）" if how_many_en else ""
        checks.append(
            Check(
                kind.id,
                is_applied,
                kind.en,
                kind.zh,
                "" if is_applied else kind.missing_en + how_many_en,
                "" if is_applied else kind.missing_zh + how_many_zh,
            )
        )
    return (*checks, *_NOT_HERE)
