"""The hand-over record on paper: A4 pages as PDF, Chinese font embedded. The only importer of reportlab."""

from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from ingestd.core.clock import from_text
from ingestd.core.errors import UnavailableError
from ingestd.core.findings import REGISTER
from ingestd.core.handover_record import ROLE_WORDS
from ingestd.core.heads import head_words
from ingestd.core.lifecycle import Fate

FONTS: Final = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
    Path("/usr/share/fonts/wqy-microhei/wqy-microhei.ttc"),
    Path("/usr/share/fonts/google-droid-sans-fonts/DroidSansFallbackFull.ttf"),
)
"""Chinese fonts with TrueType outlines whose licences let them be embedded, where distributions put them."""

FATE_WORDS: Final[Mapping[str, str]] = {
    Fate.PENDING: "待处理 pending",
    Fate.COPIED: "已采集 copied",
    Fate.ALREADY_HELD: "此前已采集 already held",
    Fate.QUARANTINED: "已隔离 quarantined",
    Fate.EXCLUDED: "按规则未采集 excluded",
    Fate.PARTIAL: "部分可读 partial",
    Fate.UNREADABLE: "无法读取 unreadable",
}
_OUTCOME_WORDS: Final = {
    "complete": "完整 complete",
    "incomplete": "不完整 incomplete",
    "interrupted": "中断 interrupted",
}
_STATE_WORDS: Final = {
    "met": "按时 in time",
    "late": "逾期 late",
    "excused": "返回后按时 in time after the return",
    "none": "无时限 no deadline",
    "due": "未到期 due",
}
_SEVERITY_WORDS: Final = {"info": "提示", "notice": "注意", "warning": "警告", "critical": "严重"}

_FONT = "record"
_MARGIN = 16 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_ROWS_TOGETHER = 400
"""Rows of one table: laying out a longer one takes time that grows faster than its length."""

Document = Mapping[str, Any]


def find_font(chosen: Path | None) -> Path:
    """The font to embed: the chosen one, else the first that is installed.

    Raises:
        UnavailableError: there is none.
    """
    candidates = FONTS if chosen is None else (chosen,)
    for font in candidates:
        if font.is_file():
            return font
    what = f"the font {chosen} is not there" if chosen is not None else "no Chinese font is installed"
    advice = "apt install fonts-wqy-microhei, or set hand_over.font to a TrueType font; --json needs none"
    raise UnavailableError(f"{what}; the record cannot be printed", advice)


def sheet(record: Document, *, zone: ZoneInfo, font: Path) -> bytes:
    """The record as PDF.

    Args:
        record: of `core.handover_record.record_document`.
        zone: the bureau's, in which times are shown.
        font: with Chinese glyphs and TrueType outlines.

    Raises:
        UnavailableError: the font cannot be used.
    """
    try:
        pdfmetrics.registerFont(TTFont(_FONT, str(font)))
    except (TTFError, OSError) as error:
        raise UnavailableError(
            f"the font {font} cannot be embedded: {error}", "take one with TrueType outlines: fonts-wqy-microhei"
        ) from error
    page = BytesIO()
    title = f"交接记录 {record['number']}"
    document = SimpleDocTemplate(
        page,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN + 6 * mm,
        bottomMargin=_MARGIN + 4 * mm,
        title=title,
        author=record["station"],
        invariant=1,
    )
    reprint = f"重印 reprint {record['prints'] - 1}" if record["prints"] > 1 else ""
    document.build(_story(record, zone), canvasmaker=_numbered(str(record["number"]), reprint))
    return page.getvalue()


def _numbered(number: str, reprint: str) -> type[Canvas]:
    """A canvas that puts the record's number and "page i of n" on each page; n is known at the end only."""

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            # Else the page begins in Helvetica, which is then named in the file and not embedded.
            super().__init__(*args, **options | {"initialFontName": _FONT})
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for position, state in enumerate(self._pages, 1):
                self.__dict__.update(state)
                self._frame(position, len(self._pages))
                super().showPage()
            super().save()

        def _frame(self, position: int, total: int) -> None:
            self.setFont(_FONT, 8)
            top, bottom = A4[1] - _MARGIN, _MARGIN - 2 * mm
            self.drawString(_MARGIN, top, f"交接记录 Hand-over record  编号 No. {number}")
            self.drawRightString(A4[0] - _MARGIN, top, reprint)
            self.setLineWidth(0.4)
            self.line(_MARGIN, top - 3, A4[0] - _MARGIN, top - 3)
            self.drawString(_MARGIN, bottom, f"编号 No. {number}")
            self.drawRightString(
                A4[0] - _MARGIN, bottom, f"第 {position} 页 共 {total} 页 · page {position} of {total}"
            )

    return Numbered


def _style(size: float, *, space: float = 0, is_centred: bool = False) -> ParagraphStyle:
    return ParagraphStyle(
        f"s{size}",
        fontName=_FONT,
        bulletFontName=_FONT,
        fontSize=size,
        leading=size * 1.35,
        wordWrap="CJK",
        spaceBefore=space,
        spaceAfter=space / 2,
        alignment=1 if is_centred else 0,
    )


def _said(text: Any, size: float = 8.5) -> Paragraph:
    return Paragraph(escape(str(text)), _style(size))


def _story(record: Document, zone: ZoneInfo) -> list[Flowable]:
    parts: list[Flowable] = [
        Paragraph("执法音像记录交接记录", _style(16, is_centred=True)),
        Paragraph("Hand-over record of law-enforcement recordings", _style(9, space=2, is_centred=True)),
        Spacer(1, 4),
        _facts(_head(record, zone)),
        *_warning(record),
        *_missing(record),
        *_files(record),
        *_addendum(record, zone),
        KeepTogether(_signatures(record, zone)),
    ]
    return parts


def _head(record: Document, zone: ZoneInfo) -> list[tuple[str, str]]:
    docking, recorder, regime = record["docking"], record["recorder"], record["regime"]
    settled = "（经人工认定 settled by a person）" if recorder["is_settled_by_person"] else ""
    rows = [
        ("编号 Number", record["number"]),
        ("单位 Bureau", regime["bureau"]),
        ("依据 Basis", regime["article"] or "本单位规定 local policy"),
        ("执法记录设备编号 Recorder", f"{recorder['number'] or '未知 unknown'}{settled} {recorder['model']}".strip()),
        ("移交人 Handed over by", "；".join(_person(one) for one in record["givers"]) or "________________"),
        ("接入时间 Docked", _time(docking["opened_at"], zone)),
        ("采集完成 Secured", _time(docking["closed_at"], zone)),
        ("采集站、仓位 Station, bay", f"{record['station']}，{docking['bay']}"),
        ("接入编号 Docking", docking["docking_id"]),
        ("结果 Outcome", _OUTCOME_WORDS.get(docking["outcome"], docking["outcome"])),
        ("文件 Files", f"{record['files_total']} 个，{record['bytes']:,} 字节 bytes"),
        ("文件清单校验值 SHA-256 of the list", record["files_sha256"]),
        ("制单时间 Made", _time(record["made_at"], zone)),
        *_ledger_head(record),
    ]
    return [(name, str(value)) for name, value in rows]


def _ledger_head(record: Document) -> list[tuple[str, str]]:
    """Where the ledger ended when this was printed; none in a record of a program that did not say it."""
    head = record.get("ledger")
    return [("台账末条 Ledger head", head_words(head["seq"], head["hash"]))] if head is not None else []


def _person(one: Document) -> str:
    more = [one["certificate"] and f"证号 {one['certificate']}", one["unit"]]
    shown = "，".join(filter(None, more))
    return f"{one['officer']}（{shown}）" if shown else str(one["officer"])


def _facts(rows: Sequence[tuple[str, str]]) -> Table:
    cells = [[_said(name), _said(value)] for name, value in rows]
    table = Table(cells, colWidths=[46 * mm, _WIDTH - 46 * mm])
    table.setStyle(_lines([("BACKGROUND", (0, 0), (0, -1), colors.whitesmoke)]))
    return table


def _lines(more: Sequence[tuple[Any, ...]] = ()) -> list[tuple[Any, ...]]:
    return [
        # Cells draw themselves; without this the table chooses a font of its own for them, which is not embedded.
        ("FONTNAME", (0, 0), (-1, -1), _FONT),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        *more,
    ]


def _title(words: str) -> Paragraph:
    return Paragraph(escape(words), _style(11, space=7))


def _warning(record: Document) -> list[Flowable]:
    if record["are_files_as_sealed"]:
        return []
    words = "注意：文件清单与制单时不一致。Warning: the list below is not the one that this receipt was made for."
    return [Spacer(1, 4), _said(words, 10)]


def _missing(record: Document) -> list[Flowable]:
    words = "按文件名编号缺少（以文件名为准，待分析核实） · Missing by number, as names count; analysis will tell"
    if not record["missing"]:
        return [_title("按文件名编号无缺号 · No number is missing by the names")]
    rows = [["前一号 after", "后一号 before", "缺少的编号 missing numbers"]]
    rows += [[one["after"], one["before"], "、".join(map(str, one["numbers"]))] for one in record["missing"]]
    return [_title(words), *_table(rows, (26 * mm, 26 * mm, _WIDTH - 52 * mm))]


def _files(record: Document) -> list[Flowable]:
    rows = [["序号", "文件 File", "字节 Bytes", "处理 Fate", "SHA-256"]]
    for one in record["files"]:
        fate = FATE_WORDS.get(one["fate"], one["fate"])
        reason = f"：{one['reason']}" if one["reason"] else ""
        rows.append(
            [one["ordinal"] + 1, one["path"], f"{one['size_bytes']:,}", f"{fate}{reason}", one["sha256"] or "–"]
        )
    widths = (11 * mm, 58 * mm, 25 * mm, 32 * mm, _WIDTH - 126 * mm)
    return [_title(f"一、文件 · 1. Files ({record['files_total']})"), *_table(rows, widths)]


def _table(rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> list[Flowable]:
    """Tables that go on over pages, the head row on each."""
    head, body = [_said(cell, 7) for cell in rows[0]], rows[1:]
    tables: list[Flowable] = []
    for start in range(0, len(body), _ROWS_TOGETHER):
        cells = [[_said(cell, 6.5) for cell in row] for row in body[start : start + _ROWS_TOGETHER]]
        table = LongTable([head, *cells], colWidths=list(widths), repeatRows=1)
        table.setStyle(_lines([("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)]))
        tables.append(table)
    return tables


def _addendum(record: Document, zone: ZoneInfo) -> list[Flowable]:
    addendum = record["addendum"]
    if addendum is None:
        return [_title("二、分析结果 · 2. Analysis"), _said("尚未完成，完成后补充。Not finished; an addendum follows.")]
    states = "，".join(f"{_STATE_WORDS[state]} {count}" for state, count in addendum["hand_over"].items()) or "–"
    offsets = [one.get("offset_s") for one in addendum["clock"] if one.get("offset_s") is not None]
    clock = "，".join(f"{offset:+g} 秒 s" for offset in offsets) or "未记录偏差 none recorded"
    facts = [
        ("分析完成 Analysed", _time(addendum["made_at"], zone)),
        ("新增记录 New recordings", f"{addendum['recordings']}，{addendum['seconds']:,.0f} 秒 s"),
        ("移交时限 Hand-over time", states),
        ("记录仪时钟偏差 Clock offset", clock),
        ("发现 Findings", str(addendum["findings_total"])),
    ]
    found: list[Flowable] = [_title("二、分析结果（补充） · 2. Analysis (addendum)"), _facts(facts)]
    if addendum["findings"]:
        rows = [["代码 Code", "程度", "说明 What", "文件 File", "位置 Where"]]
        rows += [_finding(one, zone) for one in addendum["findings"]]
        widths = (30 * mm, 11 * mm, 52 * mm, 50 * mm, _WIDTH - 143 * mm)
        found += [Spacer(1, 4), *_table(rows, widths)]
    return found


def _finding(one: Document, zone: ZoneInfo) -> list[str]:
    info = REGISTER.get(one["code"])
    where = ""
    if one["start_s"] is not None:
        where = f"{one['start_s']:.1f}–{one['end_s']:.1f} s" if one["end_s"] is not None else f"{one['start_s']:.1f} s"
    elif one["start_utc"]:
        where = _time(one["start_utc"], zone)
    words = f"{info.zh} {info.en}" if info is not None else ""
    paths = " → ".join(path.rsplit("/", 1)[-1] for path in one["paths"][:4])
    return [one["code"], _SEVERITY_WORDS.get(one["severity"], one["severity"]), words, paths or "–", where or "–"]


def _signatures(record: Document, zone: ZoneInfo) -> list[Flowable]:
    rows = []
    for role, words in ROLE_WORDS.items():
        english, chinese = words.split(" · ")
        said = [one for one in record["confirmations"] if one["role"] == role]
        confirmed = "；".join(f"{one['name']} 已确认 confirmed {_time(one['at'], zone)}" for one in said)
        rows.append(
            [_said(f"{chinese}（签名） {english}"), _said(confirmed), _said("时间 time：")],
        )
    table = Table(rows, colWidths=[46 * mm, _WIDTH - 96 * mm, 50 * mm], rowHeights=[14 * mm] * len(rows))
    table.setStyle(_lines())
    return [_title("三、签名 · 3. Signatures"), table]


def _time(text: str | None, zone: ZoneInfo) -> str:
    return from_text(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if text else "–"
