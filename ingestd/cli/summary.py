"""What a docking brought, for the person who stands there: every entry with its fate, and every finding."""

from collections import Counter
from typing import Any

from ingestd.answers.dockings import _findings_of, docking_document
from ingestd.answers.marks import words_of_admission
from ingestd.answers.recordings import file_names, keep_words
from ingestd.answers.texts import counted, size
from ingestd.cli.output import console, findings_table, table
from ingestd.core.fleet import HAND_OVER_WORDS
from ingestd.core.lifecycle import Fate
from ingestd.core.origin import Origin
from ingestd.core.settings import Settings
from ingestd.stores.search import Catalogue

FATE_WORDS = {
    Fate.PENDING: "not copied · 未采集",
    Fate.COPIED: "copied · 已采集",
    Fate.ALREADY_HELD: "already held · 此前已采集",
    Fate.QUARANTINED: "noted, not opened · 已隔离",
    Fate.EXCLUDED: "left by rule · 按规则排除",
    Fate.PARTIAL: "copied with holes · 部分采集",
    Fate.UNREADABLE: "unreadable · 无法读取",
}
_OUTCOME_WORDS = {
    "complete": "complete: the recorder may be removed · 采集完成，可以取走",
    "incomplete": "INCOMPLETE: not every file is secured · 采集不完整",
    "interrupted": "INTERRUPTED: dock the recorder again · 采集中断，请重新接入",
}
_MOST_ROWS = 60


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
    rows = _findings_of(docking_id, catalogue.sightings(docking_id), catalogue)
    names = file_names(rows, catalogue)
    worst_first = sorted(rows, key=lambda row: ("critical", "warning", "notice", "info").index(row["severity"]))
    if rows:
        described = [(row["document"], names[row["finding_id"]]) for row in worst_first[:_MOST_ROWS]]
        findings_table(counted(len(rows), "finding"), described, settings.station.zone_info)
    counts = Counter(entry["fate"] for entry in entries)
    words = ", ".join(f"{count} {FATE_WORDS[Fate(fate)]}" for fate, count in counts.items())
    console.print(f"{counted(len(entries), 'entry')}: {words}.", markup=False)
    console.print(_OUTCOME_WORDS[document["outcome"]], style="green" if document["outcome"] == "complete" else "yellow")
    if document["origin"] is not None:
        words = Origin.model_validate(document["origin"]).words
        console.print(f"Declared, and no recorder's · 其他来源: {words}", markup=False, soft_wrap=True)
    marked = words_of_admission(document["admission"])
    if marked:
        console.print(f"{marked}: {HAND_OVER_WORDS}", style="yellow", markup=False)


def _row(entry: dict[str, Any], settings: Settings) -> tuple[str, ...]:
    recording = entry["recording"]
    length = recording["duration_s"] if recording else None
    return (
        entry["card_path"],
        FATE_WORDS[Fate(entry["fate"])] + (f" ({entry['reason']})" if entry["fate"] == Fate.EXCLUDED else ""),
        (recording["kind"] or "–") if recording else entry["kind"],
        f"{length:.1f} s" if length else "–",
        size(entry["size_bytes"]),
        keep_words(recording, settings) if recording else "–",
    )
