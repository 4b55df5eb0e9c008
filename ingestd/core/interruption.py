"""The reasons for which a recording may be interrupted, as regulations name them (江门 36; 海洋 27(四) is narrower)."""

from collections.abc import Mapping
from enum import StrEnum


class InterruptionReason(StrEnum):
    """Why a recording was interrupted, by the word of a person."""

    EQUIPMENT_FAULT = "equipment_fault"
    DAMAGE = "damage"
    BATTERY = "battery"
    STORAGE_FULL = "storage_full"
    WEATHER = "weather"
    OBSTRUCTION = "obstruction"
    OTHER = "other"

    @property
    def en(self) -> str:
        """In English."""
        return _WORDS[self][0]

    @property
    def zh(self) -> str:
        """In Chinese."""
        return _WORDS[self][1]

    @property
    def words(self) -> str:
        """For people, in both."""
        return f"{self.en} · {self.zh}"


_WORDS: Mapping[InterruptionReason, tuple[str, str]] = {
    InterruptionReason.EQUIPMENT_FAULT: ("equipment fault", "设备故障"),
    InterruptionReason.DAMAGE: ("damage", "设备损坏"),
    InterruptionReason.BATTERY: ("battery empty or power lost", "电量不足或断电"),
    InterruptionReason.STORAGE_FULL: ("storage full", "存储空间不足"),
    InterruptionReason.WEATHER: ("bad weather", "天气情况恶劣"),
    InterruptionReason.OBSTRUCTION: ("obstruction by people on the scene", "现场有关人员阻挠"),
    InterruptionReason.OTHER: ("another reason", "其他原因"),
}
