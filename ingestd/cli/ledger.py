"""`ingestd ledger`: the ledger's head, its signature, and the files by which others keep it."""

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import local_time
from ingestd.cli import ledger_requests
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built, login_name
from ingestd.cli.output import console, emit_json, table
from ingestd.cli.verify import KeysOption, existing_vault, public_keys
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import ConfigError, ExitStatus, IntegrityError, NotFoundError, RefusedError
from ingestd.core.head_acts import Countersign, NewKey, Sign
from ingestd.core.heads import (
    Countersignature,
    Doubt,
    Head,
    Standing,
    head_of,
    head_words,
    held_against,
    signature_doubts,
)
from ingestd.core.settings import Settings
from ingestd.pipeline.heads import export
from ingestd.stores.durable import replace_whole
from ingestd.stores.heads import FoundHead, HeadFolder, read_head_file
from ingestd.stores.ledger import last_entry, read_entries
from ingestd.stores.vault import Vault
from ingestd.wiring import open_ledger_book

ledger_app = typer.Typer(
    help="The ledger's head: signed, exported, countersigned, checked · 台账签名与校验.", no_args_is_help=True
)

STAMP_SUFFIX = ".tsr"
"""Of the answer of a time-stamping authority, beside the file that was stamped."""

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Signed heads, or countersigned ones.")]


@ledger_app.command("head")
def head(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Where the ledger ends now, by which key it is signed, and which head was signed last.

    Write number and hash down outside of the station. Example: ingestd ledger head
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    vault = existing_vault(settings)
    last, signed = last_entry(vault.ledger_folder), HeadFolder(vault).newest()
    document = {
        "vault": vault.read_json("vault.json").get("vault_id"),
        "station": settings.station.id,
        "seq": last.seq if last is not None else 0,
        "hash": last.hash if last is not None else None,
        "time": last.time if last is not None else None,
        "signed": signed.model_dump(mode="json") if signed is not None else None,
        "keys": sorted(HeadFolder(vault).key_files()),
        "export_dir": str(settings.ledger.export_dir) if settings.ledger.export_dir is not None else None,
        "key": _key_of(settings),
    }
    if as_json:
        emit_json(document)
        return
    zone = settings.station.zone_info
    signed_words = "none · 尚未签名"
    if signed is not None:
        signed_words = f"entry {signed.seq}, {local_time(signed.time, zone)}, key {signed.key}"
    ends = f"entry {last.seq}, {local_time(last.time, zone)}" if last is not None else "empty"
    rows = [
        ("ends with · 末条", ends),
        ("hash · 校验值", last.hash if last is not None else "–"),
        ("signed head · 最近签名", signed_words),
        ("signs with · 签名密钥", document["key"] or "none yet"),
        (
            "outside · 外部留存",
            document["export_dir"] or "nowhere: set ledger.export_dir, or: ingestd ledger export DIR",
        ),
    ]
    table("ledger · 台账", ["", ""], rows)


def _key_of(settings: Settings) -> str | None:
    try:
        known = open_ledger_book(settings).key()
    except NotFoundError:
        return None
    return str(known["key"]) if known is not None else None


@ledger_app.command("sign")
def sign(config: ConfigOption = None, as_json: JsonOption = False, by: ByOption = "") -> None:
    """Sign the ledger's head as it stands, in the vault and in ledger.export_dir.

    The station does so itself once a day and at its end. Example: ingestd ledger sign
    """
    signed = Head.model_validate(ledger_requests.perform(configuration_of(config), built(Sign, by)))
    _show_signed(signed, as_json)


@ledger_app.command("new-key")
def new_key(
    reason: Annotated[str, typer.Option(help="Why: what became of the old one.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
) -> None:
    """Have a new key made where the old one is lost or was moved away. Old public keys stay in the vault.

    Example: ingestd ledger new-key --reason 磁盘更换，密钥未备份
    """
    request = built(NewKey, by, reason=reason)
    _show_signed(Head.model_validate(ledger_requests.perform(configuration_of(config), request)), as_json)


def _show_signed(signed: Head, as_json: bool) -> None:
    if as_json:
        emit_json(signed.model_dump(mode="json"))
        return
    console.print(f"Signed with key {signed.key} · 已签名", style="green")
    console.print(head_words(signed.seq, signed.hash), markup=False, soft_wrap=True)


@ledger_app.command("export")
def export_head(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Else ledger.export_dir.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the newest signed head and all public keys into a folder outside of the station.

    Example: ingestd ledger export /media/usb
    """
    settings = configuration_of(config).settings
    to = folder or settings.ledger.export_dir
    if to is None:
        raise RefusedError("no folder is named", "ingestd ledger export DIR, or set ledger.export_dir")
    heads = HeadFolder(existing_vault(settings))
    newest = heads.newest()
    if newest is None:
        raise NotFoundError("no head is signed yet", "ingestd ledger sign")
    keys = heads.key_files()
    written = export(newest, keys, to)
    if as_json:
        emit_json({"head": str(written), "seq": newest.seq, "hash": newest.hash, "keys": sorted(keys)})
    else:
        console.print(f"{written} · 已导出", style="green", markup=False, soft_wrap=True)
        console.print(head_words(newest.seq, newest.hash), markup=False, soft_wrap=True)


@ledger_app.command("countersign")
def countersign(
    file: Annotated[Path, typer.Argument(help="A signed head of another station.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    key: Annotated[
        Path | None, typer.Option("--key", help="Your own private key (PEM, Ed25519); else this station signs.")
    ] = None,
    note: Annotated[str, typer.Option(help="For people.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; else beside FILE.")] = None,
) -> None:
    """Put a second signature under a head: this was shown to me, at this time. Keep the file anywhere.

    With --key no station is needed. Example: ingestd ledger countersign station-02-000000120.json --by 档案员
    """
    found = read_head_file(file, str(file))
    if not isinstance(found.document, Head):
        raise IntegrityError(f"{file} {found.fault or 'is countersigned already'}", "name a signed head")
    if key is not None:
        signed = _signed_by(key, found.document, by or login_name(), note)
    else:
        request = built(Countersign, by, head=found.document, note=note)
        signed = Countersignature.model_validate(ledger_requests.perform(configuration_of(config), request))
    to = out or file.with_name(f"{file.stem}.{signed.key}.json")
    if to.exists():
        raise RefusedError(f"{to} is there already", "name another file: --out")
    replace_whole(to, signed.document_bytes())
    if as_json:
        emit_json(signed.model_dump(mode="json") | {"file": str(to)})
    else:
        console.print(f"{to} · 已联署", style="green", markup=False, soft_wrap=True)


def _signed_by(key: Path, shown: Head, by: str, note: str) -> Countersignature:
    # Only here: what signs takes long to load, and the other commands of this group sign nothing.
    from ingestd.stores.signing import open_key  # noqa: PLC0415

    signer = open_key(key)
    now = to_text(SystemClock().now())
    bare = Countersignature(head=shown, by=by, note=note, time=now, key=signer.key_id)
    signature = base64.b64encode(signer.sign(bare.message())).decode("ascii")
    return bare.model_copy(update={"signature": signature})


@ledger_app.command("timestamp")
def timestamp(
    file: Annotated[Path, typer.Argument(help="A signed head, or a countersigned one.")],
    url: Annotated[str, typer.Option(help="Of an authority that stamps times by RFC 3161 over HTTP.")],
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; else FILE.tsr.")] = None,
    timeout: Annotated[float, typer.Option(min=1, max=600, help="Seconds to wait for it.")] = 30.0,
) -> None:
    """Have an outside authority say that a head was there by now (可信时间戳). Nothing but its hash leaves the machine.

    Needs the extra: pip install 'ingestd[timestamps]'. Example: ingestd ledger timestamp head.json --url https://tsa/
    """
    # Only here: the library is an extra, and nothing else needs it.
    from ingestd.stores.timestamps import ask_for  # noqa: PLC0415

    if not file.is_file():
        raise NotFoundError(f"there is no head at {file}")
    to = out or file.with_name(f"{file.name}{STAMP_SUFFIX}")
    if to.exists():
        raise RefusedError(f"{to} is there already", "name another file: --out")
    stamp = ask_for(url, file.read_bytes(), timeout_seconds=timeout)
    replace_whole(to, stamp)
    if as_json:
        emit_json({"file": str(to), "bytes": len(stamp)})
    else:
        console.print(f"{to} · 已取得时间戳", style="green", markup=False, soft_wrap=True)


@ledger_app.command("check")
def check(
    files: FilesArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    key: KeysOption = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Certificates (PEM) of the authority that stamped the times.")
    ] = None,
) -> None:
    """Check signed heads: their signatures and, where they are of this station's vault, that its ledger knows them.

    The whole chain is read, no original; `ingestd verify` reads all. Exit status 6 when one is not good.
    Example: ingestd ledger check /mnt/heads/*.json
    """
    for file in files:
        if not file.is_file():
            raise NotFoundError(f"there is no head at {file}")
    found = [read_head_file(file, str(file)) for file in files]
    further = public_keys(key or ())
    vault = _own_vault(config, is_needed=not further)
    results = _checked(found, vault, further)
    for file, one in zip(files, results, strict=True):
        _check_stamp(file, one, ca)
    if as_json:
        emit_json(results)
    else:
        for one in results:
            good = "good · 有效" if one["is_good"] else "NOT GOOD · 无效"
            place = f", entry {one['seq']}, {one['time']}" if one["seq"] is not None else ""
            console.print(f"{one['file']}: {good}{place}", markup=False, soft_wrap=True)
            for words in (*one["faults"], *one["notes"]):
                console.print(f"  {words}", markup=False, soft_wrap=True)
    if not all(one["is_good"] for one in results):
        raise typer.Exit(ExitStatus.INTEGRITY)


def _check_stamp(file: Path, result: dict[str, Any], ca: Path | None) -> None:
    """What a time-stamp beside a head says, added to the result; where there is none nothing is asked."""
    stamp = file.with_name(f"{file.name}{STAMP_SUFFIX}")
    result["stamped_at"] = None
    if not stamp.is_file():
        return
    if ca is None:
        result["notes"].append(f"{stamp.name} was not checked: name its authority's certificates (--ca)")
        return
    # Only here, as above.
    from ingestd.stores.signing import certificates_in  # noqa: PLC0415
    from ingestd.stores.timestamps import stamped_at  # noqa: PLC0415

    roots = certificates_in(ca.read_bytes(), str(ca))
    try:
        result["stamped_at"] = to_text(stamped_at(stamp.read_bytes(), file.read_bytes(), roots))
    except IntegrityError as error:
        result["faults"].append(f"{stamp.name} {error.message}")
        result["is_good"] = False


def _own_vault(config: Path | None, *, is_needed: bool) -> Vault | None:
    """This station's vault; null where there is none and public keys were named."""
    try:
        configuration: Configuration = configuration_of(config)
        return existing_vault(configuration.settings)
    except (NotFoundError, ConfigError):
        if is_needed:
            raise
        return None


def _checked(found: list[FoundHead], vault: Vault | None, further: dict[str, bytes]) -> list[dict[str, Any]]:
    # Only here, as above.
    from ingestd.stores.signing import keyring_of  # noqa: PLC0415

    keys, bad = keyring_of({**further, **(HeadFolder(vault).public_keys() if vault is not None else {})})
    if bad:
        name, words = next(iter(bad.items()))
        raise IntegrityError(f"{name} {words}", "name a public key in PEM")
    heads = [head_of(one.document) for one in found if one.document is not None]
    standing = _standing(vault, {one.seq for one in heads}) if vault is not None else None
    results = []
    for one in found:
        doubts = signature_doubts(one.document, keys) if one.document is not None else [Doubt("changed", one.fault)]
        notes = [doubt.words for doubt in doubts if doubt.kind == "unchecked"]
        faults = [doubt.words for doubt in doubts if doubt.kind != "unchecked"]
        shown = head_of(one.document) if one.document is not None else None
        if shown is not None and standing is not None:
            against = held_against(shown, standing)
            # A head of another vault may well be good; only its ledger is not here.
            if against is not None:
                (notes if against.kind == "foreign" else faults).append(against.words)
        elif shown is not None:
            notes.append("was not held against a ledger: no vault is here")
        results.append(
            {
                "file": one.path,
                "is_good": not faults,
                "station": shown.station if shown is not None else None,
                "seq": shown.seq if shown is not None else None,
                "hash": shown.hash if shown is not None else None,
                "time": shown.time if shown is not None else None,
                "key": shown.key if shown is not None else None,
                "countersigned_by": one.document.by if isinstance(one.document, Countersignature) else None,
                "faults": faults,
                "notes": notes,
            }
        )
    return results


def _standing(vault: Vault, wanted: set[int]) -> Standing:
    """The ledger as it stands.

    Raises:
        IntegrityError: it is no whole chain.
    """
    hashes, last = {}, 0
    for entry in read_entries(vault.ledger_folder):
        last = entry.seq
        if entry.seq in wanted:
            hashes[entry.seq] = str(entry.hash)
    return Standing(str(vault.read_json("vault.json").get("vault_id")), last, hashes)
