"""The settings of one station: names, defaults, units. Read from TOML by `config`, which words the errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

MIB = 1024 * 1024
MAX_BAY_NAME_CHARACTERS = 40


def check_bay_names(bays: Mapping[str, str]) -> None:
    """Refuse names of bays that no screen could show.

    Raises:
        ValueError: with the fix, as validators word it.
    """
    for port, name in bays.items():
        is_shown = port.strip() and name.strip() and port.isprintable() and name.isprintable()
        if not is_shown or len(name) > MAX_BAY_NAME_CHARACTERS:
            raise ValueError(
                f"{port!r} = {name!r} is no name of a bay; write 1 to {MAX_BAY_NAME_CHARACTERS} visible characters"
            )


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class StationSettings(_Section):
    """Who this station is and whose rules it follows."""

    id: str = Field(default="station-01", pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,31}$")
    name: str = "采集站"
    bureau: str = ""
    zone: str = "Asia/Shanghai"
    regime: str = "marine"
    state_dir: Path = Path("../var")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no such time zone; write it as in Asia/Shanghai") from error
        return zone

    @property
    def zone_info(self) -> ZoneInfo:
        """The bureau's zone, in which terms and dates are counted."""
        return ZoneInfo(self.zone)


class InboxSettings(_Section):
    """The drop folder: a folder put here is taken in like a recorder."""

    is_enabled: bool = Field(default=True, alias="enabled")
    path: Path = Path("inbox")
    settle_seconds: float = Field(default=5.0, gt=0, le=86400)
    done_marker: str = Field(default=".ingest-done", min_length=1)


class UdevSettings(_Section):
    """Recorders on USB. A volume is taken in only when one of the allow lists names it."""

    is_enabled: bool = Field(default=True, alias="enabled")
    allowed_usb_ids: tuple[str, ...] = ()
    allowed_labels: tuple[str, ...] = ()
    unknown_storage: Literal["ignore", "quarantine"] = Field(default="ignore", description="on no list, at a bay")
    bays: dict[str, str] = Field(default_factory=dict)

    @field_validator("allowed_usb_ids")
    @classmethod
    def _ids_are_vendor_and_product(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        for usb_id in ids:
            vendor, _, product = usb_id.partition(":")
            if len(vendor) != 4 or len(product) not in (4, 1) or not vendor.isalnum():
                raise ValueError(f"{usb_id!r}: write vendor:product as lsusb shows them, or vendor:* for a vendor")
        return ids

    @field_validator("bays")
    @classmethod
    def _bays_have_names(cls, bays: dict[str, str]) -> dict[str, str]:
        check_bay_names(bays)
        return bays


class CopySettings(_Section):
    """How originals are copied."""

    block_bytes: int = Field(default=MIB, ge=64 * 1024, le=16 * MIB)
    buffer_blocks: int = Field(default=32, ge=4, le=4096, description="blocks in memory for all bays together")
    keep_free_bytes: int = Field(default=64 * MIB, ge=0, description="room that copying never uses up")
    batch_files: int = Field(default=256, ge=1, le=10_000)
    batch_bytes: int = Field(default=64 * MIB, ge=1)
    digests: tuple[Literal["sm3", "sha512", "sha3_256", "blake2b"], ...] = ()
    read_source_twice: bool = False
    read_mtp_twice: bool = True
    trust_known_at_docks: bool = True
    retries: int = Field(default=2, ge=0, le=20)
    patience_seconds: float = Field(default=120.0, ge=0)
    silent_seconds: float = Field(default=30.0, gt=0, description="a bay that copies nothing for so long says so")
    exclude: tuple[str, ...] = Field(default=(), description="card paths (fnmatch) left on the recorder, by this rule")
    max_entries: int = Field(default=1_000_000, ge=1)
    max_depth: int = Field(default=32, ge=1, le=200)


class MediaSettings(_Section):
    """Limits of the child process that parses footage."""

    timeout_seconds: float = Field(default=60.0, gt=0)
    memory_bytes: int = Field(default=1024 * MIB, ge=256 * MIB)
    attempts: int = Field(default=2, ge=1, le=10)


class ProxySettings(_Section):
    """Smaller copies for viewing."""

    is_enabled: bool = Field(default=True, alias="enabled")
    height_pixels: int = Field(default=360, ge=120, le=2160)
    timeout_seconds: float = Field(default=3600.0, gt=0)
    memory_bytes: int = Field(default=3072 * MIB, ge=512 * MIB)


class HttpSettings(_Section):
    """Where metrics and health are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=9310, ge=0, le=65535)


class LogSettings(_Section):
    """Structured logs, one line an event."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class RosterSettings(_Section):
    """Which officer carries which recorder."""

    file: Path | None = None


class FleetSettings(_Section):
    """The register of recorders. Footage is taken in whatever it says."""

    unknown: Literal["take", "quarantine"] = Field(default="take", description="recorders that are not in it")


class BaysSettings(_Section):
    """What a bay shows, and to whom. Their names: `[udev.bays]`."""

    pulled_seconds: float = Field(
        default=900.0, gt=0, description="how long a bay tells of a recorder pulled too early"
    )
    hook: tuple[str, ...] = Field(default=(), description="program and arguments, called at each change of a bay")

    @field_validator("hook")
    @classmethod
    def _program_is_a_path(cls, hook: tuple[str, ...]) -> tuple[str, ...]:
        if hook and not hook[0].startswith("/"):
            raise ValueError("write the program with its whole path, as in /usr/local/bin/bay-led")
        if any("\0" in word for word in hook):
            raise ValueError("a word of a command cannot hold a NUL")
        return hook


class DeviceApiSettings(_Section):
    """Recorders that need a password. Off, and then nothing is ever sent to a recorder."""

    is_enabled: bool = Field(default=False, alias="enabled")
    dialects: dict[str, Literal["ambarella_a1", "ambarella_e1", "ambarella_ascii"]] = Field(default_factory=dict)
    password_file: Path | None = None
    role: Literal["user", "admin"] = "user"
    may_set_clock: bool = False
    timeout_seconds: float = Field(default=3.0, gt=0, le=60)

    @field_validator("dialects")
    @classmethod
    def _ids_are_whole(cls, dialects: dict[str, str]) -> dict[str, str]:
        for usb_id in dialects:
            parts = usb_id.split(":")
            if len(parts) != 2 or any(len(part) != 4 or set(part) - set("0123456789abcdef") for part in parts):
                raise ValueError(f"{usb_id!r}: write vendor:product as lsusb shows them, in small letters")
        return dialects


class Settings(_Section):
    """All settings. `folder` is where the configuration was read from; relative paths start there or in state_dir."""

    folder: Path
    station: StationSettings = StationSettings()
    inbox: InboxSettings = InboxSettings()
    udev: UdevSettings = UdevSettings()
    copying: CopySettings = Field(default=CopySettings(), alias="copy")
    media: MediaSettings = MediaSettings()
    proxy: ProxySettings = ProxySettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    roster: RosterSettings = RosterSettings()
    fleet: FleetSettings = FleetSettings()
    bays: BaysSettings = BaysSettings()
    device_api: DeviceApiSettings = DeviceApiSettings()

    @property
    def state_dir(self) -> Path:
        """Where the station keeps everything: vault, catalogue, socket, lock."""
        return (self.folder / self.station.state_dir).resolve()

    @property
    def vault_dir(self) -> Path:
        """Originals, derived objects, ledger: the truth."""
        return self.state_dir / "vault"

    @property
    def catalogue_file(self) -> Path:
        """The SQLite index of the vault; can be made again from it."""
        return self.state_dir / "catalogue.sqlite3"

    @property
    def inbox_dir(self) -> Path:
        """The drop folder."""
        return self.state_dir / self.inbox.path

    @property
    def device_acts_dir(self) -> Path:
        """Where helpers that speak to recorders write down what they do, before they do it."""
        return self.state_dir / "device-acts"

    @property
    def socket_file(self) -> Path:
        """The daemon's Unix socket."""
        return self.state_dir / "ingestd.sock"

    @property
    def lock_file(self) -> Path:
        """Held by the one writer."""
        return self.state_dir / "ingestd.lock"
