"""`edit.reencoded`: the picture was encoded again, by its encoder's own words and against how its siblings encode."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.siblings import Sibling, built, compared, picture_rate, recording_class, usual, weight
from ingestd.core.structure import StructureFacts, TrackStructure, container_words

_SOFTWARE_ENCODER = re.compile(r"x264|x265|Lavc|XviD|DivX|SVT-AV1|libvpx|HandBrake|libx26[45]|libaom|MainConcept", re.I)
_CAMERA = re.compile(
    r"GoPro|Core ?Media|DJI|Ambarella|SStar|SigmaStar|Novatek|NVT-IM|Hikvision|Hytera|Axon|Axis|Dahua|Transcend|Garmin"
    r"|com\.apple\.quicktime\.(?:make|model)|com\.android|\xa9mak|\xa9mod|smta|smrd",
    re.I,
)

KEY_DISTANCE_SHARE = 0.2
"""Distances of key pictures that differ by more than this share of the usual one are another rhythm."""


class _Sign(NamedTuple):
    """One way in which a file is encoded otherwise than so many references.

    `is_directed`: the sign shows by itself which of the two was encoded again.
    """

    name: str
    usual: Any
    found: Any
    references: int
    is_directed: bool = False


def reencoding_findings(siblings: Sequence[Sibling]) -> tuple[Finding, ...]:
    """What the files of one docking or call, beside the recorder's earlier ones, say of pictures encoded again.

    A recorder whose files all carry the same encoder's words has that habit, and nothing is said.
    """
    whole = compared(siblings)
    classes: dict[Hashable, list[Sibling]] = defaultdict(list)
    recorders: dict[Hashable, list[Sibling]] = defaultdict(list)
    for one in whole:
        classes[recording_class(one)].append(one)
        # Where no recorder is known, only files of the same class may come from the same one.
        recorders[one.recorder_key if one.is_recorder_known else recording_class(one)].append(one)
    found: list[Finding] = []
    for of_recorder in recorders.values():
        habit = _encoder_habit(of_recorder)
        for one in of_recorder:
            if one.is_reference:
                continue
            signs = [*_word_signs(one, of_recorder, habit), *_picture_signs(one, classes[recording_class(one)])]
            found.extend(_told(one, signs, len(of_recorder) - 1))
    return tuple(found)


def encoder_words(facts: StructureFacts) -> tuple[str, ...]:
    """Words of known software encoders inside the picture, with their options."""
    texts = {
        word.text
        for word in facts.words
        if word.source in ("picture", "compressor") and _SOFTWARE_ENCODER.search(word.text)
    }
    return tuple(sorted(texts))


def camera_words(facts: StructureFacts) -> tuple[str, ...]:
    """Names and keys by which makers of cameras sign: beside a software encoder's words the two contradict."""
    texts = [track.handler_name for track in facts.tracks] + list(facts.item_keys)
    texts += [path.rsplit("/", 1)[-1] for path in facts.vendor]
    return tuple(sorted({text for text in texts if text and _CAMERA.search(text)}))


def _encoder_habit(siblings: Sequence[Sibling]) -> tuple[tuple[str, ...], int] | None:
    return usual(encoder_words(built(one)) for one in siblings)


def _word_signs(
    one: Sibling, siblings: Sequence[Sibling], habit: tuple[tuple[str, ...], int] | None
) -> Iterator[_Sign]:
    """A camera's own chip leaves no such words: they tell, unless most files of the recorder carry them."""
    own = encoder_words(built(one))
    without = sum(not encoder_words(built(other)) for other in siblings)
    if own and 2 * without > len(siblings):
        yield _Sign("encoder words", [], list(own), without, is_directed=True)
    elif habit is not None and habit[0] and habit[0] != own:
        yield _Sign("encoder options" if own else "encoder words absent", list(habit[0]), list(own), habit[1])


def _picture(one: Sibling) -> TrackStructure | None:
    return next((track for track in built(one).tracks if track.kind == "video"), None)


def _picture_signs(one: Sibling, siblings: Sequence[Sibling]) -> Iterator[_Sign]:
    """Parameter sets, rhythm of key pictures and order of pictures against files of the same class."""
    own = _picture(one)
    pictures = [picture for picture in map(_picture, siblings) if picture is not None]
    if own is None or len(pictures) < 2:
        return
    sets = usual(picture.parameter_sets or (picture.config_sha256,) for picture in pictures)
    if sets is not None and any(sets[0]) and sets[0] != (own.parameter_sets or (own.config_sha256,)):
        heads = usual(_head(picture) for picture in pictures)
        rate = usual(picture_rate(other) for other in siblings)
        is_same_rate = rate is not None and rate[0] == picture_rate(one)
        # Another rate writes other sets; then only what has nothing to do with the rate counts.
        if is_same_rate or (heads is not None and heads[0] != _head(own)):
            was = {"sets": list(sets[0]), "profile and reference frames": heads and list(heads[0])}
            now = {"sets": list(own.parameter_sets), "profile and reference frames": list(_head(own))}
            yield _Sign("parameter sets", was, now, sets[1])
    rhythm = usual(picture.key_distance if picture.key_spread == 0 else None for picture in pictures)
    if rhythm is not None and rhythm[0] and _is_other_rhythm(own, rhythm[0]):
        yield _Sign("distance of key pictures", rhythm[0], own.key_distance, rhythm[1])
    order = usual(bool(picture.has_b_frames) for picture in pictures)
    if order is not None and not order[0] and own.has_b_frames:
        yield _Sign("pictures stored out of order", False, True, order[1])


def _head(picture: TrackStructure) -> tuple[int | None, int | None]:
    return picture.profile, picture.reference_frames


def _is_other_rhythm(own: TrackStructure, usual_distance: float) -> bool:
    """Only clockwork is compared: an encoder that sets key pictures at changes of scene has no distance of its own."""
    if own.key_distance is None or own.key_spread != 0:
        return False
    return abs(own.key_distance - usual_distance) > KEY_DISTANCE_SHARE * usual_distance


def _told(one: Sibling, signs: Sequence[_Sign], others: int) -> Iterator[Finding]:
    facts = built(one)
    evidence: dict[str, Any] = {
        "source": "picture and its headers",
        "encoder_words": list(encoder_words(facts)),
        "container_words": list(container_words(facts)),
        "signs": [{"sign": sign.name, "usual": sign.usual, "here": sign.found} for sign in signs],
    }
    if signs:
        references = max(sign.references for sign in signs)
        confidence, severity = weight(
            one, references, is_plain=len(signs) > 1 or any(sign.is_directed for sign in signs)
        )
        if not any(sign.is_directed for sign in signs) and len(signs) == 1 and severity is None:
            # Another setting of the recorder may write other parameter sets, or another rhythm.
            severity = Severity.WARNING
        yield finding(
            "edit.reencoded",
            file=one.key,
            severity=severity,
            confidence=confidence,
            evidence=evidence | {"references": references},
        )
        return
    words, cameras = encoder_words(facts), camera_words(facts)
    if words and cameras:
        yield finding(
            "edit.reencoded",
            file=one.key,
            severity=Severity.WARNING,
            confidence=Confidence.PROVISIONAL,
            evidence=evidence | {"references": 0, "words_of_a_camera": list(cameras)},
        )
    elif words and not others:
        yield finding(
            "edit.reencoded",
            file=one.key,
            severity=Severity.INFO,
            confidence=Confidence.PROVISIONAL,
            evidence=evidence | {"references": 0},
        )
