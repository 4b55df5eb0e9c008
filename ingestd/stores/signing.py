"""Keys and signatures: Ed25519 (RFC 8032). The only importer of cryptography.

Imported only where something is signed or checked: the library takes memory that a station at rest need not hold.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificates

from ingestd.core.errors import ConfigError, IntegrityError, NotFoundError
from ingestd.stores.durable import make_directory, sync_directory, translated, write_all

_MOST_BYTES: Final = 16 * 1024


class SigningKey:
    """A private key, held as long as something is signed with it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_pem = _pem(key.public_key())
        self.key_id = _id_of(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The raw signature, 64 bytes."""
        return self._key.sign(message)


class Keyring:
    """Public keys by their ids."""

    def __init__(self, pems: Iterable[bytes] = ()) -> None:
        keys = [_public(pem) for pem in pems]
        self._keys = {_id_of(key): key for key in keys}

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Which keys are at hand."""
        return tuple(self._keys)

    def has(self, key_id: str) -> bool:
        """Whether this key is at hand."""
        return key_id in self._keys

    def is_signed(self, key_id: str, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's, over exactly this message; false where the key is not at hand."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def key_id_of(pem: bytes) -> str:
    """The id of a public key: `openssl pkey -pubin -in KEY.pem -outform DER | sha256sum`, its first 16 digits.

    Raises:
        IntegrityError: it is no public key of this kind.
    """
    return _id_of(_public(pem))


def open_key(path: Path) -> SigningKey:
    """The private key in a file: PEM, unencrypted, nobody else's to read.

    Raises:
        NotFoundError: it is not there.
        ConfigError: it is no such key, or others may read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no key at {path}") from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        # A credential of a unit is root's and carries an access list for its user, which shows as rights of a group.
        is_handed_over = status.st_uid == 0 and os.geteuid() != 0
        forbidden = stat.S_IRWXO if is_handed_over else stat.S_IRWXG | stat.S_IRWXO
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, "is no regular file")
        if status.st_mode & forbidden:
            raise _refused(path, f"may be read by others (mode {stat.S_IMODE(status.st_mode):04o})")
        if status.st_uid not in (0, os.geteuid()):
            raise _refused(path, f"belongs to user {status.st_uid}")
        data = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _refused(path, "is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _refused(path, "is a key of another kind than Ed25519")
    return SigningKey(key)


def make_key(path: Path) -> SigningKey:
    """A new key, in a file of its own that only this user reads (0600), durable when this returns.

    Raises:
        StoreError: it cannot be written, or something stands there.
    """
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    make_directory(path.parent)
    # Never over another key: a new name first, which must be free.
    with translated("create", path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data, path)
        with translated("sync", path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)
    return SigningKey(key)


def keyring_of(files: Mapping[str, bytes]) -> tuple[Keyring, dict[str, str]]:
    """The keys in files, by name, and the names of those that hold none with what is wrong with each."""
    good: list[bytes] = []
    bad: dict[str, str] = {}
    for name, data in files.items():
        try:
            _public(data)
            good.append(data)
        except IntegrityError as error:
            bad[name] = error.message
    return Keyring(good), bad


def certificates_in(pem: bytes, name: str) -> list[Certificate]:
    """X.509 certificates, PEM.

    Raises:
        IntegrityError: there is none.
    """
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise IntegrityError(f"{name} holds no certificate in PEM") from error


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IntegrityError("is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise IntegrityError("is a key of another kind than Ed25519")
    return key


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _id_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def _refused(path: Path, what: str) -> ConfigError:
    advice = f"give it to the station's user alone (chmod 0600 {path}), or make one: openssl genpkey -algorithm ed25519"
    return ConfigError(f"the station's key {path} {what}", advice)
