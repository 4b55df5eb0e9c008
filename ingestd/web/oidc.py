"""Signing in by an identity provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636, S256).

The only importer of Authlib (with its joserfc), which is an optional extra. The provider says who somebody is; which
account that opens, and what it may, stands here alone.
"""

import hashlib
import hmac
import secrets as randomness
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import structlog

from ingestd.config.problems import Problem, config_error
from ingestd.config.tokens import read_secret
from ingestd.core.clock import Clock
from ingestd.core.errors import ConfigError, RefusedError, UnavailableError
from ingestd.core.web_settings import OidcSettings, is_private
from ingestd.web.gate import NotVouchedError
from ingestd.web.oidc_wire import Document, Wire

try:
    from authlib.oauth2.auth import ClientAuth
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
    from authlib.oauth2.rfc7636 import create_s256_code_challenge
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry
except ImportError as _error:
    raise ConfigError("[web.oidc]: Authlib is not installed", "pip install 'ingestd[directory]'") from _error


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


AGAIN: Final = _("This way of signing in is over or was begun elsewhere. Begin again.")
NOT_THERE: Final = _("The identity provider did not sign you in.")
DOUBTFUL: Final = _("The answer of the identity provider cannot be trusted. Ask an administrator.")
NO_RIGHT: Final = _("The identity provider does not let you in here. Ask an administrator.")
AWAY: Final = _(
    "The identity provider does not answer as it should. Sign in with name and password, or try again later."
)

BEGUN_SECONDS: Final = 600
"""So long somebody may take at the provider."""
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
"""Signatures by a key that only the provider has; none by a secret that is shared, and never none."""
_KEPT_SECONDS: Final = 600.0
_SKEW_SECONDS: Final = 60
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MOST_ONWARDS: Final = 1000
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody goes to the provider: what the browser keeps until it is back, and where it goes."""

    kept: str
    address: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for, and on which page the person wants to go on."""

    name: str
    onwards: str


class Provider:
    """One identity provider. Safe from many threads.

    What the browser keeps is no secret of the protocol: state, nonce and PKCE verifier follow from it by a key that
    this process alone has, so that nobody comes back with what was begun in another browser, or elsewhere.

    Args:
        folder: where relative paths of files start.

    Raises:
        ConfigError: the file with the secret, or the one of authorities, cannot be used.
    """

    def __init__(self, settings: OidcSettings, folder: Path, clock: Clock) -> None:
        self.label = settings.label
        self.address = settings.address.rstrip("/")
        self._settings = settings
        self._clock = clock
        self._secret = _secret_of(settings, folder)
        self._wire = Wire(folder / settings.ca_file if settings.ca_file is not None else None, settings.timeout_seconds)
        self._key = randomness.token_bytes(32)
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}
        self._found: tuple[float, Document] | None = None

    def begin(self, onwards: str, back: str) -> Begun:
        """Send somebody to the provider.

        Args:
            onwards: the page on which the person wants to go on.
            back: where the provider sends the browser back to.

        Raises:
            UnavailableError: the provider does not answer as one.
        """
        with self._asking():
            found = self._discovered()
        onwards = onwards if len(onwards) <= _MOST_ONWARDS else "/"
        kept = f"{self._now()}.{randomness.token_urlsafe(24)}.{quote(onwards, safe='')}"
        address = prepare_grant_uri(
            found["authorization_endpoint"],
            self._settings.client_id,
            "code",
            back,
            list(self._settings.scopes),
            self._of("state", kept),
            nonce=self._of("nonce", kept),
            code_challenge=create_s256_code_challenge(self._of("verifier", kept)),
            code_challenge_method="S256",
        )
        return Begun(kept, str(address))

    def finish(self, kept: str, answer: Mapping[str, str], back: str) -> Vouched:
        """Whom the provider vouches for.

        Args:
            kept: what the browser kept since `begin`.
            answer: what stands in the address with which the provider sent the browser back.
            back: as of `begin`.

        Raises:
            NotVouchedError: its word cannot be trusted, or does not open this console.
            RefusedError: nobody was signed in there; or this browser did not begin it, or took too long.
            UnavailableError: the provider does not answer as one.
        """
        self._take(kept, answer.get("state", ""))
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise NotVouchedError(DOUBTFUL)
        code = answer.get("code", "")
        if "error" in answer or not code:
            raise RefusedError(NOT_THERE)
        with self._asking():
            found = self._discovered()
            token = self._id_token(found, code, self._of("verifier", kept), back)
            keys = self._wire.ask(found["jwks_uri"])
        claims = self._checked(token, keys, self._of("nonce", kept))
        return Vouched(self._name_in(claims), unquote(kept.split(".", 2)[2]))

    def _take(self, kept: str, state: str) -> None:
        """Look that this browser began what comes back, not long ago, and that it comes back once."""
        if not kept or not hmac.compare_digest(state.encode(), self._of("state", kept).encode()):
            raise RefusedError(AGAIN)
        # Nobody without the key could make a state for it: what it holds is what `begin` wrote.
        now, until = self._now(), int(kept.partition(".")[0]) + BEGUN_SECONDS
        with self._lock:
            self._used = {one: end for one, end in self._used.items() if end >= now}
            if now > until or state in self._used:
                raise RefusedError(AGAIN)
            self._used[state] = until

    def _id_token(self, found: Document, code: str, verifier: str, back: str) -> str:
        settings = self._settings
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        is_basic = not isinstance(methods, list) or "client_secret_basic" in methods
        auth = ClientAuth(settings.client_id, self._secret, f"client_secret_{'basic' if is_basic else 'post'}")
        body = prepare_token_request("authorization_code", "", back, code=code, code_verifier=verifier)
        url, headers, body = auth.prepare("POST", found["token_endpoint"], {"Content-Type": _FORM}, body)
        token = self._wire.ask(url, body, headers).get("id_token")
        if not isinstance(token, str):
            raise UnavailableError(f"{found['token_endpoint']} gave no ID token")
        return token

    def _checked(self, token: str, keys: Document, nonce: str) -> Mapping[str, Any]:
        settings = self._settings
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        options = {
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        try:
            # A set says itself which keys sign, and a secret that is shared has no place in one.
            signing = [one for one in keys["keys"] if one.get("use", "sig") == "sig" and one.get("kty") != "oct"]
            read = jwt.decode(token, KeySet.import_key_set({"keys": signing}), ALGORITHMS, registry)
            params = {"nonce": nonce, "client_id": settings.client_id}
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(self._now(), _SKEW_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            structlog.get_logger().warning("oidc.refused", why=f"{type(error).__name__}: {error}")
            raise NotVouchedError(DOUBTFUL) from error
        return dict(claims)

    def _name_in(self, claims: Mapping[str, Any]) -> str:
        settings = self._settings
        name = claims.get(settings.claim)
        if (
            not isinstance(name, str)
            or not name
            or (settings.claim == "email" and claims.get("email_verified") is not True)
        ):
            structlog.get_logger().warning("oidc.refused", why=f"the ID token has no {settings.claim} that names one")
            raise NotVouchedError(DOUBTFUL)
        if settings.required_claim:
            held = claims.get(settings.required_claim)
            if settings.required_value not in (held if isinstance(held, list) else [held]):
                raise NotVouchedError(NO_RIGHT, name)
        return name

    def _discovered(self) -> Document:
        """What the provider says of itself (OpenID Connect Discovery 1.0), kept for some minutes."""
        now, known, issuer = self._clock.steady_seconds(), self._found, self._settings.issuer
        if known is not None and now - known[0] < _KEPT_SECONDS:
            return known[1]
        found = self._wire.ask(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._settings.issuer:
            raise UnavailableError(
                f"web.oidc.issuer = {self._settings.issuer!r}: it calls itself {found.get('issuer')!r}"
            )
        for name in _ENDPOINTS:
            if not isinstance(found.get(name), str) or not is_private(found[name]):
                raise UnavailableError(f"{issuer}: its {name} is no address of https")
        self._found = (now, found)
        return found

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Ask the provider; what hinders it is for the log, and whoever signs in hears that it does."""
        try:
            with self._wire.turn():
                yield
        except UnavailableError as error:
            # What it said of itself may be out of date.
            self._found = None
            structlog.get_logger().warning("oidc.unavailable", why=error.message)
            raise UnavailableError(AWAY) from error

    def _of(self, what: str, kept: str) -> str:
        digest = hmac.digest(self._key, f"{what} {kept}".encode("utf-8", "surrogateescape"), hashlib.sha256)
        return urlsafe_b64encode(digest).decode("ascii").rstrip("=")

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _secret_of(settings: OidcSettings, folder: Path) -> str:
    key, fix = "web.oidc.client_secret_file", "put the secret of the client there, one line, mode 0600"
    path, raw = read_secret(settings.client_secret_file, folder, key, fix)
    lines = raw.decode("ascii", "replace").splitlines()
    if len(lines) != 1 or not lines[0].strip() or not lines[0].isascii() or not lines[0].isprintable():
        raise config_error([Problem(path, key, "does not hold one line of ASCII characters", fix)])
    return lines[0].strip()
