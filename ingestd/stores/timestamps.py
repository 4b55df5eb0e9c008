"""Time-stamps of an outside authority (RFC 3161). The only importer of rfc3161_client, which is an optional extra."""

import datetime as dt
import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any, Final

from ingestd.core.errors import IntegrityError, RefusedError, UnavailableError

try:
    import rfc3161_client
except ImportError as _error:
    raise UnavailableError("rfc3161-client is not installed", "pip install 'ingestd[timestamps]'") from _error

_MOST_BYTES: Final = 256 * 1024


def ask_for(url: str, data: bytes, *, timeout_seconds: float) -> bytes:
    """The authority's answer for these bytes, in DER. Only their SHA-256 is sent.

    Its signature is not checked here: that takes the authority's certificates, and is `stamped_at`.

    Raises:
        RefusedError: the address is none.
        UnavailableError: the authority does not answer, or refuses.
        IntegrityError: its answer is none for these bytes.
    """
    if not url.startswith(("http://", "https://")):
        raise RefusedError(f"{url!r} is no address", "write it as in https://tsa.example/")
    wanted = (
        rfc3161_client.TimestampRequestBuilder().data(data).nonce(nonce=True).cert_request(cert_request=True).build()
    )
    request = urllib.request.Request(
        url, data=wanted.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
            stamp: bytes = answer.read(_MOST_BYTES)
    except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
        advice = "the head is signed all the same; try again later"
        raise UnavailableError(f"the authority at {url} does not answer: {error}", advice) from error
    told = _decoded(stamp)
    if told.status != 0:
        raise UnavailableError(f"the authority at {url} refuses: status {told.status}")
    info = told.tst_info
    if info.nonce != wanted.nonce or info.message_imprint.message != wanted.message_imprint.message:
        raise IntegrityError("the authority's answer is for something else")
    return stamp


def stamped_at(stamp: bytes, data: bytes, roots: Sequence[Any]) -> dt.datetime:
    """When these bytes were there at the latest, by an authority's signed word.

    Args:
        roots: certificates that are trusted, of `stores.signing.certificates_in`.

    Raises:
        IntegrityError: it is no such word for these bytes.
    """
    told = _decoded(stamp)
    builder = rfc3161_client.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(told, data)
    except (rfc3161_client.VerificationError, ValueError) as error:
        raise IntegrityError(f"is no time-stamp of this authority over this file: {error}") from error
    return told.tst_info.gen_time


def _decoded(stamp: bytes) -> rfc3161_client.TimeStampResponse:
    try:
        return rfc3161_client.decode_timestamp_response(stamp)
    except ValueError as error:
        raise IntegrityError(f"is no answer of a time-stamping authority: {error}") from error
