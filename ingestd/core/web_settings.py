"""Settings of the console and of the dock's screen."""

import datetime as dt
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ingestd.core.feed_rules import is_address
from ingestd.core.sign_in_rules import LockRule, SessionRule

ACCOUNT_PLACE: Final = "{account}"
"""Where the account's name comes to stand in `LdapSettings.user_dn` or `LdapSettings.filter`."""


class LdapSettings(BaseModel):
    """A directory that checks passwords: it knows a person by a name made of `user_dn`, or by what `filter` finds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    start_tls: bool = True
    ca_file: Path | None = None
    user_dn: str = ""
    base: str = ""
    filter: str = ""
    bind_dn: str = ""
    bind_password_file: Path | None = None
    timeout_seconds: int = Field(default=5, ge=1, le=60, description="for each step of the asking")

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, data: Any) -> Any:
        # Before the refusal of unknown keys, which would print the value.
        given = sorted({"password", "bind_password"}.intersection(data)) if isinstance(data, dict) else []
        if given:
            raise ValueError(
                f"{', '.join(given)}: secrets never stand in the settings; put it into a file of mode 0600 and name "
                "that by bind_password_file, then make a new one, because this one was readable"
            )
        return data

    @field_validator("url")
    @classmethod
    def _url_is_whole(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname or port == 0:
            raise ValueError("is no directory's address; write it as in ldaps://dc1.example.org")
        if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("holds more than host and port; give names by base, filter and bind_dn")
        return url

    @field_validator("user_dn", "filter")
    @classmethod
    def _account_has_its_place(cls, template: str) -> str:
        if template and template.count(ACCOUNT_PLACE) != 1:
            raise ValueError(f"does not say once where the name comes; write {ACCOUNT_PLACE} there")
        return template

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.user_dn) == bool(self.filter) or bool(self.base) != bool(self.filter):
            raise ValueError(
                f"user_dn = {self.user_dn!r}, base = {self.base!r}, filter = {self.filter!r}: not one way to find a "
                "person; write either user_dn, or base and filter"
            )
        if bool(self.bind_dn) != (self.bind_password_file is not None) or (self.bind_dn and self.user_dn):
            raise ValueError(
                f"bind_dn = {self.bind_dn!r}: who searches has a name and a password; write bind_dn and "
                "bind_password_file both, beside base and filter, or neither"
            )
        if not self.is_ldaps and not self.start_tls and not _is_loopback(self.host):
            raise ValueError(
                f"url = {self.url!r}, start_tls = false: passwords would go over the wire as they are; write "
                "start_tls = true, or an address that begins with ldaps://"
            )
        return self

    @property
    def host(self) -> str:
        """Whose certificate is asked for."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Where the directory listens."""
        return urlsplit(self.url).port or (636 if self.is_ldaps else 389)

    @property
    def is_ldaps(self) -> bool:
        """Whether TLS comes before LDAP."""
        return urlsplit(self.url).scheme == "ldaps"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private(url: str) -> bool:
    """Whether nobody on the way reads along: https, or http on this machine alone."""
    if not is_address(url):
        return False
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


class OidcSettings(BaseModel):
    """An identity provider that people may sign in by (OpenID Connect Core 1.0). Accounts and roles stay here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    client_id: str = Field(max_length=256, pattern=r"^[\x20-\x7e]+$")
    client_secret_file: Path
    claim: str = Field(default="preferred_username", min_length=1, description="of the ID token: names the account")
    required_claim: str = Field(default="", description="of the ID token: must hold required_value")
    required_value: str = ""
    scopes: tuple[str, ...] = ("openid", "profile")
    label: str = Field(default="", max_length=60, description="of the button; empty for the console's own words")
    address: str = Field(default="", description="of the console as browsers see it; empty for what they ask for")
    ca_file: Path | None = None
    timeout_seconds: float = Field(default=5.0, gt=0, le=30)

    @field_validator("issuer", "address")
    @classmethod
    def _address_is_private(cls, url: str, info: ValidationInfo) -> str:
        if not url and info.field_name == "address":
            return url
        if not is_private(url) or set(url) & set("?#"):
            raise ValueError("is no address of https (or of http on this machine); write https://host/path")
        return url

    @field_validator("scopes")
    @classmethod
    def _scopes_are_words(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes or not all(one.isascii() and one.isprintable() and one.split() == [one]
                                             for one in scopes):  # fmt: skip
            raise ValueError('is no list of scopes with "openid" in it; write ["openid", "profile"]')
        return scopes

    @model_validator(mode="after")
    def _claim_has_its_value(self) -> Self:
        if bool(self.required_claim) != bool(self.required_value):
            raise ValueError("required_claim and required_value are given both or not at all; give the other one too")
        return self


class WebSettings(BaseModel):
    """Console and dock screen, a process of their own (`ingestd web`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=9311, ge=0, le=65535)
    language: Literal["zh", "en"] = "zh"
    certificate: Path | None = None
    certificate_key: Path | None = None
    session_idle_minutes: int = Field(default=30, ge=1, le=24 * 60)
    session_hours: int = Field(default=12, ge=1, le=7 * 24)
    link_hours: int = Field(default=24, ge=1, le=7 * 24)
    lockout_free_tries: int = Field(default=5, ge=1, le=100)
    lockout_address_free_tries: int = Field(default=30, ge=1, le=10_000)
    lockout_first_seconds: float = Field(default=30.0, ge=1, le=3600)
    lockout_longest_minutes: float = Field(default=60.0, ge=1, le=24 * 60)
    dock_addresses: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.1"), IPv6Network("::1")),
        description="browsers that show /dock without an account",
    )
    oidc: OidcSettings | None = None
    ldap: LdapSettings | None = Field(default=None, description="a directory that checks passwords")

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key are given both or not at all")
        return self

    @property
    def session_rule(self) -> SessionRule:
        """When a session ends by itself."""
        return SessionRule(dt.timedelta(minutes=self.session_idle_minutes), dt.timedelta(hours=self.session_hours))

    def lock_rule(self, *, is_address: bool) -> LockRule:
        """When wrong tries shut an account out, or an address."""
        free = self.lockout_address_free_tries if is_address else self.lockout_free_tries
        return LockRule(free, self.lockout_first_seconds, self.lockout_longest_minutes * 60)

    def is_dock(self, address: str) -> bool:
        """Whether a browser at this address is the dock's own."""
        try:
            there = ip_address(address)
        except ValueError:
            return False
        return any(there in network for network in self.dock_addresses)
