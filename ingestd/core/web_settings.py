"""Settings of the console and of the dock's screen."""

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class WebSettings(BaseModel):
    """Console and dock screen, a process of their own (`ingestd web`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=9311, ge=0, le=65535)
    language: Literal["zh", "en"] = "zh"
    certificate: Path | None = None
    certificate_key: Path | None = None
    dock_addresses: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.1"), IPv6Network("::1")),
        description="browsers that show /dock without an account",
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key are given both or not at all")
        return self

    def is_dock(self, address: str) -> bool:
        """Whether a browser at this address is the dock's own."""
        try:
            there = ip_address(address)
        except ValueError:
            return False
        return any(there in network for network in self.dock_addresses)
