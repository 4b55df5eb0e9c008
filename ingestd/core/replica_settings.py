"""The settings of one store of copies: a table of `[[replicas]]`. Secrets never stand in it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingestd.core.replicas import LockRule

_MIB = 1024 * 1024
_OF_S3 = ("endpoint_url", "bucket", "credentials_file")


_SECRETS = {"access_key", "access_key_id", "secret", "secret_key", "secret_access_key", "session_token", "password"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an s3 store lets the station in with. The secrets are never shown."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class ReplicaSettings(BaseModel):
    """One store. `kind` says which of the other keys mean something; those that do not are refused where given."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_\-]{0,31}$", description="as the ledger names it, for ever")
    kind: Literal["s3", "folder"]
    is_enabled: bool = Field(default=True, alias="enabled")
    counts_as: tuple[Literal["copy", "cloud", "removable_media"], ...] = Field(
        default=("copy",), description="what duties its copies fulfil"
    )
    endpoint_url: str = ""
    bucket: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])?$")
    region: str = Field(default="us-east-1", min_length=1)
    prefix: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._\-/]{0,199}/)?$")
    path_style: bool = True
    ca_file: Path | None = None
    credentials_file: Path | None = None
    lock_mode: Literal["compliance", "governance", "none"] = "compliance"
    lock_days: int = Field(default=90, ge=1, le=3650)
    renew_days: int = Field(default=60, ge=1, le=3650, description="locks with less left are set anew")
    part_bytes: int = Field(default=16 * _MIB, ge=5 * _MIB, le=512 * _MIB)
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    path: Path | None = None
    other_disk: bool = Field(
        default=True, description="refuse a folder on the vault's disk, or where nothing is mounted"
    )

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, data: Any) -> Any:
        # Before the refusal of unknown keys, which would print the value.
        given = sorted(_SECRETS.intersection(data)) if isinstance(data, dict) else []
        if given:
            raise ValueError(
                f"{', '.join(given)}: secrets never stand in the settings; put them into a file of mode 0600 and name "
                "it by credentials_file, then make new ones, because these were readable"
            )
        return data

    @field_validator("endpoint_url")
    @classmethod
    def _url_is_whole(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address; write it as in https://s3.example:9000")
        if parts.username or parts.password or parts.query:
            raise ValueError("an address here holds no name, password or key; put them into credentials_file")
        return url

    @field_validator("path")
    @classmethod
    def _path_is_whole(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_absolute():
            raise ValueError(f"{str(path)!r} does not begin at /; write the whole path, as in /mnt/nas/ingestd")
        return path

    @model_validator(mode="after")
    def _store_is_whole(self) -> Self:
        given = self.model_fields_set
        if self.kind == "s3":
            missing = [key for key in _OF_S3 if not getattr(self, key)]
            if missing:
                raise ValueError(f"an s3 store without {', '.join(missing)}; name them, or take the table out")
            if self.path is not None:
                raise ValueError("path is a key of kind folder; take it out")
        else:
            if self.path is None:
                raise ValueError("a folder store without path; write the folder where the disk is mounted")
            foreign = sorted(given & {*_OF_S3, "region", "prefix", "ca_file", "lock_mode", "lock_days", "renew_days"})
            if foreign:
                raise ValueError(f"{', '.join(foreign)} are keys of kind s3; take them out: a folder has no locks")
        if self.renew_days >= self.lock_days:
            raise ValueError(
                f"renew_days = {self.renew_days} is not below lock_days = {self.lock_days}; write two thirds of it"
            )
        return self

    @property
    def lock_rule(self) -> LockRule | None:
        """How its copies are locked; null for a store without locks."""
        if self.kind != "s3" or self.lock_mode == "none":
            return None
        return LockRule(self.lock_days, self.renew_days)


def check_names(replicas: tuple[ReplicaSettings, ...]) -> tuple[ReplicaSettings, ...]:
    """Refuse two stores of one name.

    Raises:
        ValueError: with the fix, as validators word it.
    """
    names = [one.name for one in replicas]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two stores have the name {name!r}; give each its own")
    return replicas
