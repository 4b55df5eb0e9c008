"""The settings of one station: names, defaults, units. Read from TOML by `config`, which words the errors."""

import datetime as dt
import ipaddress
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ingestd.core.ais import is_vessel
from ingestd.core.feed_rules import check_fields, is_address
from ingestd.core.replica_settings import ReplicaSettings, check_names
from ingestd.core.vessels import VesselRules
from ingestd.core.web_settings import WebSettings

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


class LookSettings(_Section):
    """The look at decoded pictures and sound: black, stuck, silent, damaged. Lengths are the shortest that are told."""

    is_enabled: bool = Field(default=True, alias="enabled")
    timeout_seconds: float = Field(default=900.0, gt=0)
    black_seconds: float = Field(default=1.5, ge=0.5, le=3600)
    frozen_seconds: float = Field(default=1.5, ge=0.5, le=3600)
    silent_seconds: float = Field(default=1.5, ge=0.5, le=3600)
    dark_luma: float = Field(default=48.0, ge=4, le=128, description="brightest mean that counts as dark, 0 to 255")
    whole_seconds: float = Field(default=120.0, ge=0, description="files up to this length are decoded wholly")


class HttpSettings(_Section):
    """Where metrics and health are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=9310, ge=0, le=65535)


class CasePushSettings(_Section):
    """A case system that feeds the case register over HTTP. Off, and then nobody is answered."""

    is_enabled: bool = Field(default=False, alias="enabled")
    token_file: Path | None = None
    name: str = Field(default="case-system", min_length=1, max_length=100, description="as the ledger names it")
    max_bytes: int = Field(default=MIB, ge=1024, le=64 * MIB)

    @model_validator(mode="after")
    def _token_is_named(self) -> Self:
        if self.is_enabled and self.token_file is None:
            raise ValueError("enabled without token_file; name a file with the token, mode 0600")
        if self.name == "station":
            raise ValueError("name = 'station' is what the station signs itself; give the case system another name")
        return self

    @property
    def token_path(self) -> Path:
        """The file with the token; given wherever the push is on."""
        return self.token_file or Path("case-push-token")


class FeedSettings(_Section):
    """What a bureau's own platform is told, signed, over HTTP. Off, and then nothing leaves the station."""

    is_enabled: bool = Field(default=False, alias="enabled")
    url: str = ""
    secret_file: Path | None = None
    ca_file: Path | None = None
    batch_events: int = Field(default=100, ge=1, le=1000)
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    retry_seconds: float = Field(default=5.0, gt=0, le=3600)
    longest_retry_seconds: float = Field(default=900.0, gt=0, le=86400)
    events: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _url_is_whole(cls, url: str) -> str:
        if url and not is_address(url):
            raise ValueError(f"{url!r} is no address; write it as in https://platform.example/api/ingestd")
        return url

    @field_validator("events")
    @classmethod
    def _events_are_known(cls, events: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        check_fields(events)
        return events

    @model_validator(mode="after")
    def _feed_is_whole(self) -> Self:
        if self.is_enabled and not (self.url and self.secret_file is not None and self.events):
            raise ValueError("enabled without url, secret_file or events; name the three, or write enabled = false")
        return self

    @property
    def secret_path(self) -> Path:
        """The file with the secret; given wherever the feed is on."""
        return self.secret_file or Path("feed-secret")


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


class AisSettings(_Section):
    """Which vessels were near: what is listened to, how long it is kept, and what counts as near (`core.vessels`)."""

    feed: str = Field(default="", description="udp://HOST:PORT to listen at, tcp://HOST:PORT to connect to; empty: off")
    senders: tuple[str, ...] = Field(default=(), description="addresses that are heard by UDP; empty: all")
    own_mmsi: tuple[int, ...] = ()
    keep_days: float = Field(default=90.0, gt=0, le=36_500)
    max_bytes: int = Field(default=4096 * MIB, ge=MIB)
    max_lines_per_second: int = Field(default=1000, ge=1, le=100_000)
    tolerance_seconds: float = Field(default=300.0, gt=0, le=86_400)
    candidate_metres: float = Field(default=2000.0, gt=0, le=50_000)
    alongside_metres: float = Field(default=100.0, gt=0, le=2000)
    alongside_seconds: float = Field(default=30.0, gt=0, le=3600)
    alongside_knots: float = Field(default=2.0, gt=0, le=20)
    ambiguous_metres: float = Field(default=200.0, ge=0, le=5000)
    max_age_seconds: float = Field(default=240.0, gt=0, le=3600)
    interpolate_seconds: float = Field(default=60.0, gt=0, le=600)
    still_seconds: float = Field(default=400.0, gt=0, le=3600)
    still_metres: float = Field(default=50.0, gt=0, le=500)
    track_gap_seconds: float = Field(default=10.0, gt=0, le=600)

    @field_validator("feed")
    @classmethod
    def _feed_is_an_address(cls, feed: str) -> str:
        if feed and parsed_feed(feed) is None:
            raise ValueError(f"{feed!r}: write udp://0.0.0.0:10110 to listen, or tcp://192.168.1.20:10110 to connect")
        return feed

    @field_validator("senders")
    @classmethod
    def _senders_are_addresses(cls, senders: tuple[str, ...]) -> tuple[str, ...]:
        for sender in senders:
            try:
                ipaddress.ip_address(sender)
            except ValueError as error:
                raise ValueError(f"{sender!r} is no address; write it as in 192.168.1.20") from error
        return senders

    @field_validator("own_mmsi")
    @classmethod
    def _numbers_are_mmsi(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        for number in numbers:
            if not is_vessel(number):
                raise ValueError(f"{number} is no vessel's MMSI; write nine digits, as in 412345678")
        return numbers

    @property
    def rules(self) -> VesselRules:
        """What counts as near, alongside, close in time."""
        return VesselRules(**{field.name: getattr(self, field.name) for field in fields(VesselRules)})


class PositionSettings(_Section):
    """How positions are read."""

    has_exiftool: bool = Field(default=True, alias="exiftool", description="ask it where it is installed")


class AreasSettings(_Section):
    """Named places of the bureau: ports, markets, sea areas."""

    file: Path | None = None
    datum: Literal["WGS-84", "CGCS2000", "GCJ-02", "BD-09"] = "WGS-84"
    within_metres: float = Field(default=5000.0, gt=0, le=100_000, description="farther areas are not named")


Address = tuple[Literal["udp", "tcp"], str, int]
"""Kind, IP address and port of a feed."""


def parsed_feed(feed: str) -> Address | None:
    """The address of a feed; null where it is none. Names are not taken: looking one up can take long."""
    try:
        parts = urlsplit(feed)
        host, port = str(ipaddress.ip_address(parts.hostname or "")), parts.port
    except ValueError:
        return None
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("udp", "tcp") or port is None or not is_bare:
        return None
    return ("udp" if parts.scheme == "udp" else "tcp"), host, port


class ScrubSettings(_Section):
    """The rolling re-reading of everything that is held."""

    is_enabled: bool = Field(default=True, alias="enabled")
    period_days: float = Field(default=30.0, gt=0, le=3660, description="everything is read once within so long")

    @property
    def period(self) -> dt.timedelta:
        """The period."""
        return dt.timedelta(days=self.period_days)


class ReleaseSettings(_Section):
    """Erasing from recorders what is proved to be held. Off: recorders are kept as they are."""

    is_enabled: bool = Field(default=False, alias="enabled")
    copies_required: int = Field(default=2, ge=1, le=9, description="verified ones of each file, the vault's included")
    verified_within_days: float = Field(default=35.0, gt=0, le=3660, description="older readings do not count")
    automatic: bool = Field(default=False, description="without a person, as soon as the proof stands")


class DisposalSettings(_Section):
    """Disposal (销毁). Off: nothing is ever destroyed; it happens only where the bureau has set it."""

    is_enabled: bool = Field(default=False, alias="enabled")
    grace_days: int = Field(default=7, ge=0, le=365, description="between the last approval and the first deletion")
    window: str = Field(
        default="", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$", description="hours"
    )
    max_share_percent: float = Field(default=10.0, gt=0, le=100, description="of the store, that one plan may take")
    max_clock_step_days: float = Field(default=14.0, ge=1, le=366, description="a longer silence looks like a jump")


class HandOverSettings(_Section):
    """How hand-over records are printed."""

    font: Path | None = Field(default=None, description="a TrueType font with Chinese glyphs; none: one that is found")


class LedgerSettings(_Section):
    """The ledger's key, where its signed heads go, and when."""

    key_file: Path = Path("ledger-key.pem")
    export_dir: Path | None = None
    head_at: str = Field(default="02:30", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    clock_step_seconds: float = Field(default=5.0, ge=1, le=3600)

    @property
    def head_time(self) -> dt.time:
        """When the daily head is signed, in the bureau's zone."""
        return dt.time.fromisoformat(self.head_at)


class Settings(_Section):
    """All settings. `folder` is where the configuration was read from; relative paths start there or in state_dir."""

    folder: Path
    station: StationSettings = StationSettings()
    inbox: InboxSettings = InboxSettings()
    udev: UdevSettings = UdevSettings()
    copying: CopySettings = Field(default=CopySettings(), alias="copy")
    media: MediaSettings = MediaSettings()
    proxy: ProxySettings = ProxySettings()
    look: LookSettings = LookSettings()
    http: HttpSettings = HttpSettings()
    web: WebSettings = WebSettings()
    case_push: CasePushSettings = CasePushSettings()
    feed: FeedSettings = FeedSettings()
    log: LogSettings = LogSettings()
    roster: RosterSettings = RosterSettings()
    fleet: FleetSettings = FleetSettings()
    hand_over: HandOverSettings = HandOverSettings()
    disposal: DisposalSettings = DisposalSettings()
    scrub: ScrubSettings = ScrubSettings()
    release: ReleaseSettings = ReleaseSettings()
    bays: BaysSettings = BaysSettings()
    device_api: DeviceApiSettings = DeviceApiSettings()
    ledger: LedgerSettings = LedgerSettings()
    ais: AisSettings = AisSettings()
    position: PositionSettings = PositionSettings()
    areas: AreasSettings = AreasSettings()
    replicas: tuple[ReplicaSettings, ...] = ()

    @field_validator("replicas")
    @classmethod
    def _replicas_are_told_apart(cls, replicas: tuple[ReplicaSettings, ...]) -> tuple[ReplicaSettings, ...]:
        return check_names(replicas)

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
    def ais_file(self) -> Path:
        """The rolling store of AIS reports; no evidence, pruned by age and size."""
        return self.state_dir / "ais.sqlite3"

    @property
    def inbox_dir(self) -> Path:
        """The drop folder."""
        return self.state_dir / self.inbox.path

    @property
    def device_acts_dir(self) -> Path:
        """Where helpers that speak to recorders write down what they do, before they do it."""
        return self.state_dir / "device-acts"

    @property
    def scrub_file(self) -> Path:
        """How far the pass of the scrub that is under way came."""
        return self.state_dir / "scrub.json"

    @property
    def erase_dir(self) -> Path:
        """Where the helper that erases finds what it is asked for, and writes down what it does."""
        return self.state_dir / "erase"

    @property
    def feed_position_file(self) -> Path:
        """How far the feed came."""
        return self.state_dir / "feed-position.json"

    @property
    def ledger_key_file(self) -> Path:
        """The private key that signs heads of the ledger, where systemd handed none over."""
        return self.state_dir / self.ledger.key_file

    @property
    def verified_file(self) -> Path:
        """What the last `ingestd verify` found; no evidence, for metrics."""
        return self.state_dir / "last-verify.json"

    @property
    def secrets_file(self) -> Path:
        """The console's digests of passwords and sessions; in a folder that the console alone writes to."""
        return self.state_dir / "console" / "secrets.sqlite3"

    @property
    def socket_file(self) -> Path:
        """The daemon's Unix socket."""
        return self.state_dir / "ingestd.sock"

    @property
    def lock_file(self) -> Path:
        """Held by the one writer."""
        return self.state_dir / "ingestd.lock"
