"""A small identity provider over real HTTP: OpenID Connect by code with PKCE, for one person, with faults on demand."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ingestd.core.clock import SystemClock
from tests.support.process import wait_until

CLIENT, SECRET = "console", "of-the-client-7"


def encoded(data: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass
class IdentityProvider:
    """A provider. What a test sets on it holds for the next sign-in.

    Args:
        person: what it says of whoever signs in.
        claims: instead of what an ID token says otherwise; null leaves one out.
        algorithm: RS256, HS256 (signed with the public key as the secret) or none.
        is_forged: signed by another key than the provider's.
        asks: the person presses a button there.
    """

    issuer: str = ""
    person: Mapping[str, Any] = field(default_factory=lambda: {"preferred_username": "head"})
    claims: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = "RS256"
    is_forged: bool = False
    asks: bool = False
    is_too_long: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def discovery(self, request: Request) -> Response:
        """What the provider says of itself."""
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        told = {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in paths.items()}
        return JSONResponse(told | dict(self.document))

    def keys(self, request: Request) -> Response:
        """Its public key."""
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "one", "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)}
        return JSONResponse({"keys": [key], "more": "x" * 300_000 if self.is_too_long else ""})

    def authorize(self, request: Request) -> Response:
        """Sign the person in, and send the browser back with a code."""
        asked = dict(request.query_params)
        if self.asks and "pressed" not in asked:
            fields = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in asked.items())
            return HTMLResponse(f'<form>{fields}<button name="pressed" value="1">Sign in there</button></form>')
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]} | dict(self.answer)
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        """An ID token for a code: once, to the client, and to whoever began."""
        form = await request.form()
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(str(form.get("code")), None)
        challenge = encoded(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if (
            asked is None
            or request.headers.get("authorization") != expected
            or (challenge, form.get("redirect_uri")) != (asked["code_challenge"], asked["redirect_uri"])
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])})

    def id_token(self, nonce: str) -> str:
        """What is said of the person, signed."""
        now = int(SystemClock().now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {
            name: one for name, one in (claims | dict(self.person) | dict(self.claims)).items() if one is not None
        }
        head = {"alg": self.algorithm, "typ": "JWT", "kid": "one"}
        signed = ".".join(encoded(json.dumps(one).encode()) for one in (head, claims))
        return f"{signed}.{encoded(self._signature(signed.encode()))}"

    def _signature(self, signed: bytes) -> bytes:
        if self.algorithm == "none":
            return b""
        if self.algorithm == "HS256":
            pem = self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return hmac.digest(pem, signed, "sha256")
        key = rsa.generate_private_key(65537, 2048) if self.is_forged else self.key
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A provider that answers on a free port."""
    provider = IdentityProvider()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/keys", provider.keys),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the provider")
        port = server.servers[0].sockets[0].getsockname()[1]
        provider.issuer = f"http://127.0.0.1:{port}"
        yield provider
    finally:
        server.should_exit = True
        thread.join(30)
