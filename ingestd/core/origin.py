"""Material that comes from elsewhere than a recorder of the bureau: what it is declared to be, and by whom. Pure.

民宗 5 and 6 (reception video), 民宗 4 (cameras, voice recorders), 卫健 3 and 30 (data of terminals), 江门 38 (people on
the scene may film): all of it is taken in like footage, and marked for what it is. Nothing depends on the declaration;
one that cannot be used is said, and the material is taken in without it.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from ingestd.core.errors import RefusedError

DECLARATION_NAME: Final = "ingestd-origin.toml"
"""Of the file at the top of a dropped folder that says where the folder comes from."""

MOST_BYTES: Final = 16 * 1024

_KEYS: Final = ("kind", "from", "note")
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PRINTABLE)]
_Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=_PRINTABLE)]


class OriginKind(StrEnum):
    """What material is declared to be."""

    CAMERA = "camera"
    CAMCORDER = "camcorder"
    VOICE_RECORDER = "voice_recorder"
    RECEPTION_VIDEO = "reception_video"
    """Of the place where applications are received."""
    PETITION_VIDEO = "petition_video"
    """Of the place where complaints and reports are received."""
    MOBILE_TERMINAL = "mobile_terminal"
    THIRD_PARTY = "third_party"
    """Made by parties or other people on the scene."""
    OTHER = "other"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _WORDS[self]


def is_of_officers(kind: str | None) -> bool:
    """Whether officers made it at their work, so that hand-over is theirs to do; what nobody declared is."""
    return kind not in (
        OriginKind.RECEPTION_VIDEO,
        OriginKind.PETITION_VIDEO,
        OriginKind.THIRD_PARTY,
        OriginKind.OTHER,
    )


_WORDS: Final = {
    OriginKind.CAMERA: "camera · 照相机",
    OriginKind.CAMCORDER: "camcorder · 摄像机",
    OriginKind.VOICE_RECORDER: "voice recorder · 录音笔",
    OriginKind.RECEPTION_VIDEO: "video of the reception · 受理地点视频监控",
    OriginKind.PETITION_VIDEO: "video of the complaints desk · 接待地点录音录像",
    OriginKind.MOBILE_TERMINAL: "data of a mobile terminal · 移动执法终端电子数据",
    OriginKind.THIRD_PARTY: "made by others · 当事人或第三人拍摄",
    OriginKind.OTHER: "another source · 其他来源",
}

KIND_NAMES: Final = tuple(kind.value for kind in OriginKind)


class Origin(BaseModel):
    """A declaration: what the material is, who handed it over, and what else is to be said of it.

    `declared_by` says who declared it: the person of a command, or the file that was found in the folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kind: OriginKind
    source: _Words = Field(alias="from")
    note: _Note = ""
    declared_by: _Words = f"file {DECLARATION_NAME}"

    @field_validator("kind", mode="before")
    @classmethod
    def _kind_is_known(cls, kind: Any) -> Any:
        if not isinstance(kind, str) or kind not in KIND_NAMES:
            raise ValueError(f"there is no such kind; the kinds are {', '.join(KIND_NAMES)}")
        return kind

    def document(self) -> dict[str, str]:
        """As listings and sidecars keep it: `kind`, `from`, `note`, `declared_by`."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def words(self) -> str:
        """For people, in one line."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.kind.words}, from {self.source}{note}; declared by {self.declared_by}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What was declared: an origin, or nothing and why what stands there cannot be used. `fault` is in words."""

    origin: Origin | None = None
    fault: str = ""


def read_declaration(data: bytes) -> Declaration:
    """The declaration that a file makes. Never raises, whatever the bytes.

    Args:
        data: the file, one byte more than `MOST_BYTES` where it is longer.
    """
    if len(data) > MOST_BYTES:
        return Declaration(fault=f"longer than {MOST_BYTES} bytes")
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Declaration(fault="not UTF-8")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Declaration(fault=f"not TOML: {error}" if str(error) else "not TOML")
    except ValueError as error:
        # A number with too many digits, or a date that no calendar has.
        return Declaration(fault=f"not TOML: {error}")
    unknown = sorted(document.keys() - set(_KEYS))
    if unknown:
        return Declaration(fault=f"there is no key {unknown[0][:60]!r}; the keys are {', '.join(_KEYS)}")
    try:
        return Declaration(Origin.model_validate(document))
    except ValidationError as error:
        return Declaration(fault=_fault_of(error))


def origin_of(document: Any) -> Origin:
    """The origin that a person declared in a command.

    Raises:
        RefusedError: it is none; says why.
    """
    try:
        return Origin.model_validate(document)
    except ValidationError as error:
        raise RefusedError(f"the declared origin cannot be used: {_fault_of(error)}") from error


def _fault_of(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])[:60]
    match first["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"there is no key {key}"
        case _:
            return f"{key}: {first['msg'].removeprefix('Value error, ')}"[:300]
