"""Settings of the console and of the dock's screen."""

import datetime as dt
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingestd.core.sign_in_rules import LockRule, SessionRule


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
