"""A file object over a descriptor with a position of its own, so that a writer and a reader can share one file."""

import os


class PositionedFile:
    """What PyAV and Pillow need of a file; closing it leaves the descriptor to its owner."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0

    def read(self, size: int) -> bytes:
        """At most so many bytes from the position on."""
        data = os.pread(self._fd, size, self._position)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """All of the bytes at the position.

        Raises:
            OSError: the file system refused.
        """
        rest = memoryview(data).cast("B")
        count = len(rest)
        while rest:
            written = os.pwrite(self._fd, rest, self._position)
            self._position += written
            rest = rest[written:]
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; nothing is checked against the size."""
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += os.fstat(self._fd).st_size
        self._position = offset
        return offset

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is owned."""
