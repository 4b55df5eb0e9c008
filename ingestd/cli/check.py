"""`ingestd config check` and `ingestd doctor`: is the station told the right things, and can it do them here?"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import typer

from ingestd.answers.texts import size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ExitStatus, IngestdError, StoreError, UnavailableError
from ingestd.daemon.host import is_clock_synchronised
from ingestd.devices.dialects.secret import read_password
from ingestd.devices.mounts import may_mount
from ingestd.devices.udev import UdevWatch
from ingestd.ipc import ask
from ingestd.media.sandbox import MediaWorker
from ingestd.stores.vault import Vault
from ingestd.wiring import open_replicas, open_terms

config_app = typer.Typer(help="The configuration.", no_args_is_help=True)


@config_app.command("check")
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read the configuration, regimes, recorder profiles and roster, and name every fault with file, key and fix.

    Exit status 3 when something must be mended. Example: ingestd config check
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    document = {
        "files": [str(source) for source in configuration.sources],
        "station": settings.station.id,
        "regime": configuration.regime.id,
        "regimes": sorted(configuration.regimes),
        "profiles": [profile.id for profile in configuration.profiles],
        "roster_entries": len(configuration.roster.entries),
    }
    if as_json:
        emit_json(document)
        return
    for source in configuration.sources:
        console.print(f"  read {source}", markup=False)
    console.print(
        f"Station {settings.station.id} follows {configuration.regime.title} ({configuration.regime.id}); "
        f"{len(configuration.profiles)} recorder profiles, {len(configuration.roster.entries)} roster entries."
    )
    console.print("The configuration is in order · 配置正确", style="green")


@dataclass(frozen=True, slots=True)
class Checkup:
    """One thing looked at: `ok`, `note` (works, with a limit), or `fault`; and what to do."""

    name: str
    state: str
    words: str
    advice: str = ""


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at what breaks in the field, and say for each what to do.

    Exit status 1 when something is broken. Example: ingestd doctor --json
    """
    configuration = configuration_of(config)
    found = list(_checkups(configuration))
    if as_json:
        emit_json([asdict(one) for one in found])
    else:
        table(
            "Doctor",
            ["", "state", "what", "what to do"],
            [(one.name, one.state, one.words, one.advice) for one in found],
        )
    if any(one.state == "fault" for one in found):
        raise typer.Exit(ExitStatus.FAILED)


def _checkups(configuration: Configuration) -> Iterator[Checkup]:
    settings = configuration.settings
    yield Checkup("configuration", "ok", f"{len(configuration.sources)} files, regime {configuration.regime.id}")
    yield _clock()
    yield _room(configuration)
    yield _vault(Vault(settings.vault_dir))
    yield _station(configuration)
    if settings.catalogue_file.exists():
        yield _rules(configuration)
        yield from _replicas(configuration)
    yield _udev(configuration)
    yield _mounting()
    yield _media(configuration)
    if settings.device_api.is_enabled:
        yield _device_api(configuration)


def _clock() -> Checkup:
    if is_clock_synchronised():
        return Checkup("clock", "ok", "disciplined by NTP or PTP")
    return Checkup(
        "clock", "note", "not synchronised: times of sealing cannot be relied on", "set up chrony or timesyncd"
    )


def _room(configuration: Configuration) -> Checkup:
    settings = configuration.settings
    folder = settings.state_dir
    while not folder.exists():
        folder = folder.parent
    free = Vault(folder).free_bytes()
    state = "ok" if free > settings.copying.keep_free_bytes else "fault"
    return Checkup("room", state, f"{size(free)} free at {folder}", "" if state == "ok" else "add or free disk space")


def _vault(vault: Vault) -> Checkup:
    if not vault.exists():
        return Checkup("vault", "note", f"none yet at {vault.root}", "it is made at the first start")
    if not os.access(vault.root, os.W_OK):
        return Checkup("vault", "fault", f"{vault.root} cannot be written to", "give it to the station's user")
    return Checkup("vault", "ok", f"{vault.root}")


def _station(configuration: Configuration) -> Checkup:
    try:
        daemon = ask(configuration.settings.socket_file, {"op": "status"})
    except UnavailableError as error:
        return Checkup("station", "note", error.message, error.advice)
    return Checkup("station", "ok", f"runs as process {daemon['pid']}, version {daemon['version']}")


def _rules(configuration: Configuration) -> Checkup:
    rules = configuration.regime.term_rules
    try:
        left = open_terms(configuration.settings).left_behind(rules.sha256)
    except StoreError as error:
        # A catalogue of an older version, before the station's next start brings it up to date.
        return Checkup("rules", "note", error.message, error.advice)
    if left:
        words = f"recordings were decided under {', '.join(left)}, and stay so; the rules are {rules.shown}"
        return Checkup("rules", "note", words, "see: ingestd retention change plan --reason …")
    return Checkup("rules", "ok", f"terms are those of {rules.shown}")


def _replicas(configuration: Configuration) -> Iterator[Checkup]:
    """What each store of copies was found to be when it was tried last; it is not tried here."""
    settings = configuration.settings
    stores = [one for one in settings.replicas if one.is_enabled]
    for one in stores:
        name, advice = f"replica {one.name}", f"see: ingestd replica check {one.name}"
        try:
            found = open_replicas(settings).check_of(one.name)
        except StoreError as error:
            yield Checkup(name, "note", error.message, error.advice)
            continue
        if found is None:
            yield Checkup(name, "note", "was never tried", f"run: ingestd replica check {one.name}")
        elif not found[1].is_reachable:
            yield Checkup(name, "fault", "; ".join(found[1].problems) or "cannot be reached", advice)
        elif not found[1].is_lock_honoured:
            words = "its copies count as not locked: " + "; ".join(found[1].problems)
            yield Checkup(name, "note", words, advice)
        else:
            yield Checkup(name, "ok", f"refuses an early delete and a shorter lock, as tried at {found[0]}")


def _udev(configuration: Configuration) -> Checkup:
    settings = configuration.settings.udev
    if not settings.is_enabled:
        return Checkup("udev", "note", "switched off: recorders on USB are not noticed", "set udev.enabled = true")
    watch = UdevWatch(settings, lambda _: None, SystemClock())
    try:
        watch.start()
    except UnavailableError as error:
        return Checkup("udev", "note", error.message, error.advice)
    watch.stop()
    if not settings.allowed_usb_ids and not settings.allowed_labels:
        return Checkup("udev", "note", "no recorder is allowed yet", "set udev.allowed_usb_ids or udev.allowed_labels")
    return Checkup("udev", "ok", "listening works")


def _mounting() -> Checkup:
    if may_mount():
        return Checkup("mounting", "ok", "this process may mount by itself")
    return Checkup("mounting", "note", "no right to mount: recorders must be mounted read-only by the system", "")


def _device_api(configuration: Configuration) -> Checkup:
    settings = configuration.settings.device_api
    if settings.password_file is None or not settings.dialects:
        return Checkup(
            "device api", "fault", "no password file or no dialect", "complete [device_api], or switch it off"
        )
    try:
        read_password(settings.password_file, configuration.settings.folder)
    except IngestdError as error:
        return Checkup("device api", "fault", error.message, error.advice)
    words = f"{len(settings.dialects)} USB ids have a dialect; untested on hardware"
    return Checkup("device api", "note", words, "try it with a recorder that holds nothing of value")


def _media(configuration: Configuration) -> Checkup:
    try:
        with MediaWorker(memory_bytes=configuration.settings.media.memory_bytes) as media:
            limits = media.request("limits", (), {}, configuration.settings.media.timeout_seconds)
    except IngestdError as error:
        return Checkup("media reader", "fault", error.message, error.advice)
    missing = [name for name, is_applied in limits.items() if is_applied is False]
    words = f"missing: {', '.join(missing)}" if missing else "all limits applied"
    return Checkup("media reader", "note" if missing else "ok", words, "use a newer kernel" if missing else "")
