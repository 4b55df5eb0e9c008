"""What a docking brought, for the person who stands there: every entry with its fate, and every finding."""

from collections import Counter
from typing import Any

from ingestd.cli.output import console, findings_table, size, table
from ingestd.cli.query import file_names, finding_document, keep_words, recording_document
from ingestd.core.lifecycle import Fate
from ingestd.core.settings import Settings
from ingestd.stores.search import Catalogue

_FATE_WORDS = {
    Fate.PENDING: "not copied · 未采集",
    Fate.COPIED: "copied · 已采集",
    Fate.ALREADY_HELD: "already held · 此前已采集",
    Fate.QUARANTINED: "noted, not opened · 已隔离",
    Fate.EXCLUDED: "left by rule · 按规则排除",
    Fate.UNREADABLE: "unreadable · 无法读取",
}
_OUTCOME_WORDS = {
    "complete": "complete: the recorder may be removed · 采集完成，可以取走",
    "incomplete": "INCOMPLETE: not every file is secured · 采集不完整",
    "interrupted": "INTERRUPTED: dock the recorder again · 采集中断，请重新接入",
}
_MOST_ROWS = 60


def docking_document(docking_id: str, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    """One docking as `ingest --json` gives it."""
    docking = catalogue.docking(docking_id)
    rows = {row["recording_id"]: row for row in catalogue.recordings(docking=docking_id, limit=1_000_000)}
    return {
        "docking_id": docking_id,
        "outcome": docking["outcome"],
        "recorder_id": docking["recorder_id"],
        "bay": docking["bay"],
        "folder": docking["folder"],
        "accounting": docking["document"].get("accounting"),
        "entries": [
            {key: row[key] for key in ("card_path", "kind", "size_bytes", "fate", "reason", "recording_id")}
            | {"recording": recording_document(rows[row["recording_id"]], catalogue, settings)
               if row["recording_id"] in rows else None}
            for row in catalogue.sightings(docking_id)
        ],
        "findings": [finding_document(row) for row in catalogue.findings(docking=docking_id)],
    }  # fmt: skip


def print_docking(docking_id: str, catalogue: Catalogue, settings: Settings) -> None:
    """Tables for people; long dockings show what needs a look first and count the rest."""
    document = docking_document(docking_id, catalogue, settings)
    entries = sorted(document["entries"], key=lambda entry: entry["fate"] in (Fate.COPIED, Fate.ALREADY_HELD))
    shown = entries if len(entries) <= _MOST_ROWS else entries[:_MOST_ROWS]
    shown = sorted(shown, key=lambda entry: str(entry["card_path"]))
    recorder = document["recorder_id"] or "unknown recorder"
    table(
        f"Docking {docking_id[-12:]} of {recorder}",
        ["file", "what became of it", "kind", "length", "size", "keep until"],
        [_row(entry, settings) for entry in shown],
        right=(3, 4),
    )
    if len(entries) > len(shown):
        console.print(f"… and {len(entries) - len(shown)} more: ingestd list --docking {docking_id}")
    rows = catalogue.findings(docking=docking_id)
    names = file_names(rows, catalogue)
    worst_first = sorted(rows, key=lambda row: ("critical", "warning", "notice", "info").index(row["severity"]))
    if rows:
        described = [(row["document"], names[row["finding_id"]]) for row in worst_first[:_MOST_ROWS]]
        findings_table(f"{len(rows)} findings", described, settings.station.zone_info)
    counts = Counter(entry["fate"] for entry in entries)
    words = ", ".join(f"{count} {_FATE_WORDS[Fate(fate)]}" for fate, count in counts.items())
    console.print(f"{len(entries)} entries: {words}.", markup=False)
    console.print(_OUTCOME_WORDS[document["outcome"]], style="green" if document["outcome"] == "complete" else "yellow")


def _row(entry: dict[str, Any], settings: Settings) -> tuple[str, ...]:
    recording = entry["recording"]
    length = recording["duration_s"] if recording else None
    return (
        entry["card_path"],
        _FATE_WORDS[Fate(entry["fate"])] + (f" ({entry['reason']})" if entry["fate"] == Fate.EXCLUDED else ""),
        (recording["kind"] or "–") if recording else entry["kind"],
        f"{length:.1f} s" if length else "–",
        size(entry["size_bytes"]),
        keep_words(recording, settings) if recording else "–",
    )
