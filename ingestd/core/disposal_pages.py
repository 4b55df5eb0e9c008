"""The list of a disposal (销毁清册) and its certificate (销毁证明) as pages for printing: HTML, nothing fetched.

Made out of the documents in the vault, which alone count; the page names their SHA-256.
"""

import datetime as dt
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text
from ingestd.core.disposal import ItemState, SparedWhy

Document = Mapping[str, Any]

STYLE: Final = (
    "@page{size:A4 landscape;margin:14mm}body{font-family:sans-serif;font-size:10pt}h1{font-size:15pt;margin:0 0 4mm}"
    "table{border-collapse:collapse;width:100%;margin:3mm 0}td,th{border:1px solid #555;padding:1mm 1.5mm;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}thead{display:table-header-group}tr{break-inside:avoid}"
    ".mono{font-family:monospace;font-size:8pt}.sign td{height:14mm}"
)
"""All style that a page has: whoever serves one may allow just this."""
_KEPT, _BASIS = "保存至 · kept until", "依据 · basis"


def plan_page(document: Document, sha256: str, zone: ZoneInfo) -> str:
    """A plan for its approvers: what is to be destroyed, on which basis, and where they sign."""
    totals = document["totals"]
    head = _facts(
        ("编号 · number", document["number"]),
        ("单位 · bureau", _station(document)),
        ("制度 · regime", f"{document['regime']['title']} ({document['regime']['version']})"),
        ("拟制 · planned", f"{document['made_by']}, {_local(document['made_at'], zone)}"),
        ("事由 · reason", document["reason"] or "–"),
        ("数量 · recordings", f"{totals['recordings']}"),
        ("删除内容 · contents removed", f"{totals['contents_removed']} ({totals['bytes_removed']} bytes)"),
        ("恢复期 · days in which recordings can be taken out", f"{document['grace_days']}"),
        ("SHA-256", sha256),
    )
    body = _table(
        (
            "序号",
            "记录 · recording",
            "文件 · file",
            "记录仪",
            "拍摄 · recorded",
            "保存至 · kept until",
            "依据 · basis",
            "SHA-256",
        ),
        [
            (
                position,
                one["recording_id"],
                one["card_path"],
                one["recorder_id"] or "–",
                _local(one["recorded_start"], zone),
                _last_day(one["keep_until"], zone),
                f"{one['basis'] + 1}" + (" 相同内容另有记录，内容保留 · bytes stay" if one["shared_with"] else ""),
                one["sha256"],
            )
            for position, one in enumerate(document["recordings"], 1)
        ],
    )
    spared = _spared(document["spared"], "到期但不予销毁 · due, and kept")
    chain = document["approvals"]
    signs = _signs(f"审批 · approval ({chain['who']}, {chain['persons']})", chain["persons"])
    return _page(
        "执法音视频资料销毁清册 · List of recordings to be destroyed", head, _bases(document), body, spared, signs
    )


def certificate_page(document: Document, sha256: str, zone: ZoneInfo) -> str:
    """A certificate: what was destroyed, by whom it was approved, what was kept, and why."""
    totals = document["totals"]
    approvals = "；".join(f"{one['by']} {_local(one['at'], zone)}" for one in document["approvals"])
    head = _facts(
        ("编号 · number", document["number"]),
        ("单位 · bureau", _station(document)),
        ("拟制 · planned", f"{document['planned_by']}, {_local(document['planned_at'], zone)}"),
        ("审批 · approved", approvals),
        ("恢复期止 · grace period ended", _local(document["grace_until"], zone)),
        ("销毁 · destroyed", f"{totals['destroyed']} / {totals['planned']}"),
        ("删除内容 · contents removed", f"{totals['contents_removed']} ({totals['bytes_removed']} bytes)"),
        ("出具 · certified", _local(document["certified_at"], zone)),
        ("销毁清册 · plan", document["plan_sha256"]),
        ("SHA-256", sha256),
    )
    body = _table(
        (
            "序号",
            "记录 · recording",
            "文件 · file",
            "保存至 · kept until",
            "依据 · basis",
            "销毁 · destroyed",
            "说明",
            "SHA-256",
        ),
        [
            (
                position,
                one["recording_id"],
                one["card_path"],
                _last_day(one["keep_until"], zone),
                one["basis"] + 1,
                _local(one["disposed_at"], zone),
                "相同内容另有记录，内容保留 · bytes stay for another recording" if one["has_bytes_elsewhere"] else "–",
                one["sha256"],
            )
            for position, one in enumerate(document["destroyed"], 1)
        ],
    )
    kept = _table(
        ("记录 · recording", "", "说明 · why", ""),
        [(one["recording_id"], ItemState(one["became"]).words, _why(one), one["by"]) for one in document["kept"]],
        caption="保留 · kept",
    )
    return _page(
        "执法音视频资料销毁证明 · Certificate of destruction",
        head,
        _bases(document),
        body,
        kept,
        _signs("签字 · signed", 2),
    )


def _why(one: Document) -> str:
    why = f"{SparedWhy(one['why']).words}: " if one["why"] else ""
    return f"{why}{one['words']}"


def _station(document: Document) -> str:
    station = document["station"]
    return " ".join(filter(None, (station["bureau"], station["name"], station["id"])))


def _bases(document: Document) -> str:
    rows = [
        (
            position,
            f"{one['regime']} {one['regime_version']}",
            one["article"] or "系统默认 · shipped default",
            one["words"] or one["note"],
        )
        for position, one in enumerate(document["bases"], 1)
    ]
    return _table(
        ("依据 · basis", "制度 · regime", "条款 · clause", "原文 · words"),
        rows,
        caption="保存依据 · why they were kept",
    )


def _spared(rows: Sequence[Document], caption: str) -> str:
    told = [(one["recording_id"], SparedWhy(one["why"]).words, one["words"]) for one in rows]
    return _table(("记录 · recording", "", "说明 · why"), told, caption=caption)


def _signs(caption: str, persons: int) -> str:
    rows = [("", "", "") for _ in range(persons)]
    return _table(("姓名 · name", "签字 · signature", "日期 · date"), rows, caption=caption, kind="sign")


def _facts(*facts: tuple[str, object]) -> str:
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in facts)
    return f"<table>{rows}</table>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "", kind: str = "") -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>\n" for row in rows)
    if not cells:
        return ""
    heads = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    above = f"<h2>{html.escape(caption)}</h2>" if caption else ""
    return f'{above}<table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>'


def _page(title: str, *parts: str) -> str:
    shown = html.escape(title)
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{shown}</title><style>{STYLE}</style>'
        f"</head><body><h1>{shown}</h1>{''.join(parts)}</body></html>\n"
    )


def _local(text: str | None, zone: ZoneInfo) -> str:
    return f"{from_text(text).astimezone(zone):%Y-%m-%d %H:%M}" if text else "–"


def _last_day(keep_until: str, zone: ZoneInfo) -> str:
    return f"{(from_text(keep_until) - dt.timedelta(seconds=1)).astimezone(zone):%Y-%m-%d}"
