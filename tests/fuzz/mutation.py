"""How bytes are spoiled: by chance, from a seed, so that every input can be made again from two numbers."""

import random
from collections.abc import Sequence

_ABSURD = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_WORDS = (
    b"moov", b"trak", b"mdat", b"moof", b"traf", b"trun", b"tfhd", b"stbl", b"stsd", b"stsz", b"stsc", b"stts", b"ctts",
    b"stss", b"co64", b"stco", b"elst", b"edts", b"avcC", b"hvcC", b"esds", b"mp4a", b"free", b"udta", b"meta", b"uuid",
    b"RIFF", b"LIST", b"movi", b"idx1", b"indx", b"strh", b"strf", b"00dc", b"01wb", b"\xff\xd8\xff", b"\xff\xd9",
    b"\0\0\1", b"\0\0\0\1", b"\x47", b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"$G:", b"\r\n", b"-N", b"{", b"<",
)  # fmt: skip


def mutated(inputs: Sequence[bytes], seed: int) -> bytes:
    """One of the inputs with 1 to 12 changes."""
    chance = random.Random(seed)
    data = bytearray(chance.choice(inputs))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 12))):
        at = chance.randrange(len(data) + 1)
        change = chance.randrange(9)
        if change == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
        elif change == 1:
            wide = chance.choice((1, 2, 4, 8))
            value = chance.choice(_ABSURD) % (1 << 8 * wide)
            data[at : at + wide] = value.to_bytes(wide, chance.choice(("big", "little")))
        elif change == 2:
            word = chance.choice(_WORDS)
            data[at : at + len(word)] = word
        elif change == 3:
            del data[at : at + chance.choice((1, 2, 4, 8, 100, 1000))]
        elif change == 4:
            data[at:at] = chance.randbytes(chance.choice((1, 2, 4, 8, 188)))
        elif change == 5:
            piece = bytes(data[at : at + chance.choice((8, 16, 64, 512))])
            place = chance.randrange(len(data) + 1)
            data[place:place] = piece * chance.choice((1, 1, 2, 30))
        elif change == 6:
            data[at : at + chance.choice((1, 16, 512, 4096))] = bytes(chance.choice((1, 16, 512, 4096)))
        elif change == 7:
            del data[at:]
        else:
            other = chance.choice(inputs)
            begin = chance.randrange(len(other) + 1)
            data[at:at] = other[begin : begin + chance.choice((16, 256, 4096))]
        del data[MOST_BYTES:]
    return bytes(data)


MOST_BYTES = 256 * 1024
