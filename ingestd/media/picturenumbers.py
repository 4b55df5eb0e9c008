"""The numbers that H.264 pictures carry (`idr_pic_id`, `frame_num`), read from the first bytes of few samples."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingestd.media.boxes import ByteSource
from ingestd.media.inbandsets import are_other, carried_sets
from ingestd.media.parametersets import Record, sample_units
from ingestd.media.sampletables import Samples

_HEAD_BYTES = 768
"""Enough for parameter sets and words that stand before the first slice of a picture."""
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class SliceForm(NamedTuple):
    """What a sequence parameter set says of the heads of slices."""

    frame_bits: int
    is_frames_only: bool
    has_planes: bool


class SliceHead(NamedTuple):
    """`key_number` is null for a slice of no key picture."""

    frame_number: int
    key_number: int | None


class _Reader:
    """Bits from the left; asking beyond the end is a `ValueError`."""

    def __init__(self, data: bytes) -> None:
        self._left = len(data) * 8
        self._value = int.from_bytes(data, "big")

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("too short")
        self._left -= count
        taken = self._value >> self._left
        self._value &= (1 << self._left) - 1
        return taken

    def unsigned(self) -> int:
        """An Exp-Golomb code."""
        zeros = self._left - self._value.bit_length()
        return self.take(2 * zeros + 1) - 1


def slice_form(sps: bytes) -> SliceForm | None:
    """Read a sequence parameter set (ITU-T H.264, 7.3.2.1.1); null where it is of a form that is not walked."""
    reader = _Reader(sps[4:132].replace(b"\0\0\3", b"\0\0"))
    has_planes = False
    try:
        reader.unsigned()
        if sps[1] in _HIGH_PROFILES:
            has_planes = reader.unsigned() == 3 and bool(reader.take(1))
            reader.unsigned()
            reader.unsigned()
            reader.take(1)
            if reader.take(1):
                return None
        frame_bits = reader.unsigned() + 4
        order = reader.unsigned()
        if order == 0:
            reader.unsigned()
        elif order == 1 or frame_bits > 16:
            return None
        reader.unsigned()
        reader.take(1)
        reader.unsigned()
        reader.unsigned()
        return SliceForm(frame_bits, bool(reader.take(1)), has_planes)
    except (IndexError, ValueError):
        return None


def slice_head(unit: bytes, form: SliceForm) -> SliceHead | None:
    """The head of a slice (ITU-T H.264, 7.3.3); null for a unit that is none or too short."""
    kind = unit[0] & 0x1F if unit else 0
    if kind not in (1, 5):
        return None
    reader = _Reader(unit[1:33].replace(b"\0\0\3", b"\0\0"))
    try:
        for _ in range(3):
            reader.unsigned()
        if form.has_planes:
            reader.take(2)
        frame_number = reader.take(form.frame_bits)
        if not form.is_frames_only and reader.take(1):
            reader.take(1)
        return SliceHead(frame_number, reader.unsigned() if kind == 5 else None)
    except ValueError:
        return None


class SampleHeads:
    """Reads the first units of single samples of one H.264 or HEVC track, and tells the sets that they carry."""

    def __init__(self, source: ByteSource, samples: Samples, record: Record) -> None:
        self._source = source
        self._samples = samples
        self._codec = record.codec
        self._length_bytes = record.length_bytes
        self._last: tuple[int, list[bytes]] = (-1, [])
        self._first_sets = carried_sets(record.codec, record.units)

    def has_other_sets(self, number: int) -> bool:
        """Whether a sample carries parameter sets other than those of the file's own record."""
        return are_other(carried_sets(self._codec, self.units(number)), self._first_sets)

    def will_read(self, numbers: Iterable[int]) -> None:
        """Have the heads of these samples read ahead, all at once."""
        offsets, sizes = self._samples.offsets, self._samples.sizes
        self._source.will_read((offsets[number], min(sizes[number], _HEAD_BYTES)) for number in numbers)

    def units(self, number: int) -> list[bytes]:
        """The units at the start of a sample; the last one may be cut."""
        if self._last[0] != number:
            place, size = self._samples.offsets[number], self._samples.sizes[number]
            is_there = place + size <= self._source.size_bytes
            head = self._source.read(place, min(size, _HEAD_BYTES)) if is_there else b""
            self._last = (number, list(sample_units(head, self._length_bytes)))
        return self._last[1]


class PictureNumbers(SampleHeads):
    """Reads the heads of slices of single samples of one H.264 track. What cannot be read is null."""

    def __init__(self, source: ByteSource, samples: Samples, record: Record) -> None:
        super().__init__(source, samples, record)
        sets = [unit for unit in record.units if unit[0] & 0x1F == 7]
        self.form = slice_form(sets[0]) if sets else None

    @property
    def modulus(self) -> int:
        """Where picture numbers begin again; 1 where they cannot be read."""
        return 1 << self.form.frame_bits if self.form is not None else 1

    def head(self, number: int) -> SliceHead | None:
        """The head of the first slice of a sample."""
        if self.form is None:
            return None
        heads = (slice_head(unit, self.form) for unit in self.units(number))
        return next((head for head in heads if head is not None), None)


def jump_place(numbers: PictureNumbers, pictures: Sequence[int]) -> int | None:
    """The sample in a group at which picture numbers jump by more than one; null where none does."""
    before: int | None = None
    for number in pictures:
        head = numbers.head(number)
        if head is None:
            return None
        if before is not None and (head.frame_number - before) % numbers.modulus > 1:
            return number
        before = head.frame_number
    return None
