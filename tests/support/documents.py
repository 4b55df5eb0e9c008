"""Reading the project's Markdown: tables, sections, code, links, and transcripts that are to be played."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Block(NamedTuple):
    """A fenced block of code, without the indentation that it has in a list."""

    language: str
    lines: list[str]


def fenced(text: str) -> list[Block]:
    """All fenced blocks in their order."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [Block(language, [line[len(indent) :] for line in body.splitlines()]) for indent, language, body in found]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code_lines(text: str) -> Iterator[str]:
    """Everything that is set as code: lines of blocks, and what stands in back quotes."""
    for block in fenced(text):
        yield from block.lines
    yield from re.findall(r"`([^`\n]+)`", prose(text))


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next of the same rank; empty where there is none."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if found is None:
        return ""
    following = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(text, found.end())
    return text[found.end() : following.start() if following else None]


def keyed_rows(text: str, first_column: str) -> dict[str, list[str]]:
    """The rows of all tables whose first column has this title: first cell (without back quotes) → other cells."""
    rows: dict[str, list[str]] = {}
    is_inside = False
    for line in prose(text).splitlines():
        if not line.startswith("|"):
            is_inside = False
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if set("".join(cells)) <= set("-: ") and "".join(cells):
            continue
        if not is_inside and cells[0] == first_column:
            is_inside = True
        elif is_inside:
            rows[cells[0].strip("`")] = cells[1:]
    return rows


def links(text: str) -> list[str]:
    """Targets of links inside the project."""
    found: list[str] = re.findall(r"\]\(([^)\s]+)\)", prose(text))
    return [target for target in found if "://" not in target]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def console_steps(text: str) -> list[tuple[str, list[str]]]:
    """Commands behind `$` in blocks marked `console`, each with the output that is promised.

    Lines that begin with `#` are for root and left out.
    """
    steps: list[tuple[str, list[str]]] = []
    for block in fenced(text):
        is_ours = False
        for line in block.lines if block.language == "console" else ():
            if line.startswith("$ "):
                steps.append((line[2:], []))
                is_ours = True
            elif line.startswith("# "):
                is_ours = False
            elif is_ours:
                steps[-1][1].append(line)
    return steps


def transcript_faults(expected: list[str], output: str) -> list[str]:
    """Promised lines that are not in the output; `…` stands for anything, widths and order do not count.

    Order does not, because findings of equal severity come as they were found.
    """
    seen = [" ".join(line.split()) for line in output.splitlines()]
    faults = []
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in " ".join(line.split()).split("…"))
        if not any(re.fullmatch(pattern, one) for one in seen):
            faults.append(f"not in the output: {line}")
    return faults


def scratch_environment(folder: Path, config: Path) -> dict[str, str]:
    """Make a folder look like the project's to a person who begins: `config/` in it, the commands on the path."""
    shutil.copytree(config, folder / "config")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("INGESTD_", "COLUMNS"))}
    commands = Path(sys.executable).parent
    return environment | {"PATH": f"{commands}:{environment.get('PATH', '')}", "LC_ALL": "C.UTF-8"}
