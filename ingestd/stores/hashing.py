"""Digests of passwords, PINs and card numbers: argon2id (RFC 9106). The only importer of argon2."""

import functools
import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import Type, hash_secret_raw

_LOOKUP_BYTES: Final = 32


class Hasher:
    """Makes and compares digests. Safe from many threads; few work at once, so that memory does not run out.

    Args:
        passes: over the memory.
        memory_kib: of one digest.
        at_once: digests that are worked on at the same time.
    """

    def __init__(self, passes: int = 3, memory_kib: int = 64 * 1024, at_once: int = 2) -> None:
        self._passes, self._memory_kib = passes, memory_kib
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turns = threading.BoundedSemaphore(at_once)

    def digest(self, secret: str) -> str:
        """A digest that holds its own salt and parameters."""
        with self._turns:
            return self._hasher.hash(secret)

    def is_right(self, digest: str | None, secret: str) -> bool:
        """Whether a secret is the one of a digest. Null takes as long as any and is never right."""
        known = self._nobody if digest is None else digest
        with self._turns:
            try:
                self._hasher.verify(known, secret)
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                return False
        return digest is not None

    def is_outdated(self, digest: str) -> bool:
        """Whether a digest was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(digest)

    def lookup(self, secret: str, salt: bytes) -> str:
        """A digest by which a secret can be looked up: the same for the same salt."""
        with self._turns:
            raw = hash_secret_raw(
                secret.encode("utf-8"), salt, self._passes, self._memory_kib, 1, _LOOKUP_BYTES, Type.ID
            )
        return raw.hex()

    @functools.cached_property
    def _nobody(self) -> str:
        """What a secret is compared with where there is none, so that the time says nothing."""
        return self.digest("nobody")
