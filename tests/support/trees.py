"""Trees of cards that nobody would think of: names in raw bytes, links, pipes, what may not be read, all nested."""

import contextlib
import ctypes
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

_CAPABILITY_VERSION = 0x20080522
_OVERRIDES = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, in the first 32 bits of the effective set."""

BLOCK_BYTES = 64 * 1024
"""The least that a station may read at a time: small files then lie over several blocks."""


# --- what may stand on a card -----------------------------------------------------------------------------------------


class File(NamedTuple):
    """A file; `mode` as chmod takes it."""

    data: bytes
    mode: int = 0o644


class Other(NamedTuple):
    """A `link`, `pipe` or `socket`; a link leads to `target`."""

    kind: str
    target: bytes = b""


class Folder(NamedTuple):
    """A folder and what lies in it."""

    inside: "Mapping[bytes, Node]"
    mode: int = 0o755


Node = File | Other | Folder
Tree = Mapping[bytes, Node]

LIKE_OURS = (
    b"SHA256SUMS",
    b"listing.json",
    b"record.json",
    b"x.birth.json",
    b"vault.json",
    b".staging",
    b".ingest-done",
)
ALIKE = tuple(
    name.encode()
    for name in (
        "a.mp4", "A.mp4", "a.MP4", "é.mp4", "e\u0301.mp4", "É.mp4", "\u212a.txt", "k.txt", "K.txt", "ß.log", "SS.log",
        "\u212b.jpg", "\u00c5.jpg", "A\u030a.jpg", "ﬁ.log", "fi.log", "执法.mp4", "\\xff.mp4", "a.\u212a", "a.k",
    )
)  # fmt: skip
HOSTILE = (
    b"CON", b"con.mp4", b"nul.", b"LPT9.x", b"COM1", b"aux ", b"a.", b"a..", b"a ", b" a", b"...", b".. ", b"-rf",
    b"--", b"\n", b"\x1b[2J", b"\x7f", b"a\\b", b"\\", b'"$(x)`', b"*?<>|:", b"%n%s", b"~", b"\xff.mp4", b"\xc3",
    b"\xed\xa0\x80", "执法.mp4".encode("gb18030"), "\u202egpj.exe".encode(), "\ufeff".encode(), "\u2028".encode(),
    "\U000e0001".encode(), b"x.tmp", b"n" * 255, b"n" * 251 + b".mp4", "法".encode() * 85, b"\xd6" * 255, b"\x01" * 255,
    b"a." + b"x" * 253, "com¹.mp4".encode(),
)  # fmt: skip


def names() -> st.SearchStrategy[bytes]:
    """Names of entries: any bytes that a file system takes, and more often those that somebody will stumble over."""
    free = st.one_of(
        st.text(min_size=1, max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text(st.characters(codec="gb18030"), min_size=1, max_size=60).map(lambda text: text.encode("gb18030")),
        st.binary(min_size=1, max_size=255),
        st.binary(min_size=1, max_size=3),
    )
    cleaned = free.map(lambda raw: raw.replace(b"/", b"-").replace(b"\0", b"0")[:255])
    return st.one_of(st.sampled_from(LIKE_OURS + ALIKE + HOSTILE), cleaned).filter(lambda raw: raw not in (b".", b".."))


def contents() -> st.SearchStrategy[bytes]:
    """Bytes of files: few kinds, so that equal ones meet; around the borders of blocks, and empty."""
    sizes = (0, 0, 1, 2, 4095, 4096, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 7)
    return st.builds(noise, st.integers(0, 2), st.sampled_from(sizes))


class Noise(bytes):
    """Bytes that look like nothing and are always the same for the same seed; shown by what they were made from."""

    _words: str

    def __new__(cls, seed: int, size_bytes: int) -> "Noise":
        made = super().__new__(cls, hashlib.shake_128(b"%d" % seed).digest(size_bytes))
        made._words = f"noise({seed}, {size_bytes})"
        return made

    def __repr__(self) -> str:
        return self._words


def noise(seed: int, size_bytes: int) -> bytes:
    """The same bytes for the same seed; a longer one begins like a shorter one."""
    return Noise(seed, size_bytes)


def trees() -> st.SearchStrategy[Tree]:
    """Whole cards."""
    modes = st.sampled_from((0o644, 0o644, 0o644, 0o000, 0o200))
    folder_modes = st.sampled_from((0o755, 0o755, 0o755, 0o000, 0o444, 0o111))
    targets = st.sampled_from((b"a.mp4", b"..", b"/etc/passwd", b"nowhere", b"\xff", b"."))
    leaves: st.SearchStrategy[Node] = st.one_of(
        st.builds(File, contents(), modes),
        st.builds(File, contents(), modes),
        st.builds(Other, st.just("link"), targets),
        st.builds(Other, st.sampled_from(("pipe", "socket"))),
    )
    nodes: st.SearchStrategy[Node] = st.recursive(
        leaves,
        lambda inside: st.builds(Folder, st.dictionaries(names(), inside, max_size=4), folder_modes),
        max_leaves=8,
    )
    deep = st.builds(_chain, st.integers(1, 12), leaves)
    return st.dictionaries(st.one_of(names(), st.just(b"LOGS")), st.one_of(nodes, nodes, deep), max_size=8)


def _chain(depth: int, leaf: Node) -> Node:
    for _ in range(depth):
        leaf = Folder({b"d": leaf})
    return leaf


def plant(root: Path, tree: Tree) -> None:
    """Write a tree below a folder, which is made. Modes come last, so that what is closed holds something."""
    root.mkdir()
    for name, node in tree.items():
        path = root / os.fsdecode(name)
        match node:
            case Folder(inside, mode):
                plant(path, inside)
                path.chmod(mode)
            case File(data, mode):
                path.write_bytes(data)
                path.chmod(mode)
            case Other("link", target):
                path.symlink_to(os.fsdecode(target))
            case Other("pipe", _):
                os.mkfifo(path)
            case Other():
                os.mknod(path, stat.S_IFSOCK | 0o644)


@contextlib.contextmanager
def bound_by_modes() -> Iterator[None]:
    """As somebody whom modes bind: root's right to read and write everything is put down in this thread meanwhile.

    Threads that begin meanwhile begin without it too.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    rights = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    effective = rights[0]
    rights[0] &= ~_OVERRIDES
    assert libc.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = effective
        assert libc.capset(header, rights) == 0
