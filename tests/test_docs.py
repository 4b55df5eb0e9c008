"""The documents cannot drift: what they name is there, and what is there they name.

A checker takes a page's text and returns its faults in words; an empty list is a page that is true. Each is first shown
a page that lies.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ingestd.config.load import load_profiles, load_regimes
from ingestd.core import backfilled, clockresets, errors, mismatch, recorderclock, seams, segments, tamper, vanished
from ingestd.core.findings import REGISTER
from ingestd.core.hold_rules import CarrierRule, HoldRule
from ingestd.core.look import LookRule
from ingestd.core.profile import NAME_GROUPS, RecorderProfile
from ingestd.core.regime import Regime
from ingestd.core.settings import Settings
from ingestd.core.timeline import GapRule
from tests.support.codefacts import PROJECT, commands, default_keys, entered_acts, python_files, raised_codes
from tests.support.commands import command_server
from tests.support.documents import (
    anchors,
    code_lines,
    console_steps,
    fenced,
    keyed_rows,
    links,
    scratch_environment,
    section,
    transcript_faults,
)
from tests.support.exposition import exposed_metrics

DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])

Faults = list[str]
Checker = Callable[[str], Faults]


def differences(what: str, named: dict[str, Any], existing: dict[str, Any]) -> Faults:
    """What only one side has, and what the two sides say differently."""
    faults = [f"{what} {key} does not exist" for key in named.keys() - existing.keys()]
    faults += [f"{what} {key} is not in the page" for key in existing.keys() - named.keys()]
    for key in named.keys() & existing.keys():
        if named[key] != existing[key]:
            faults.append(f"{what} {key}: the page says {named[key]!r}, the code {existing[key]!r}")
    return sorted(faults)


# Checkers


def toml_literal(cell: str) -> Any:
    """The value in a table's cell: a TOML literal in back quotes, `none`, or nothing for a key that must be given."""
    if cell in ("", "none"):
        return ... if cell == "" else None
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


def findings_faults(text: str) -> Faults:
    raised = raised_codes()
    existing = {
        code: [info.severity, info.scope, "yes" if code in raised else "no", f"{info.en} · {info.zh}", info.innocent_en]
        for code, info in REGISTER.items()
    }
    return differences("finding", keyed_rows(text, "code"), existing)


def configuration_faults(text: str) -> Faults:
    named = {key: toml_literal(cells[0]) for key, cells in keyed_rows(text, "key").items()}
    existing = default_keys(Settings)
    del existing["folder"]
    return differences("key", named, existing)


def profile_faults(text: str) -> Faults:
    named = {key: toml_literal(cells[0]) for key, cells in keyed_rows(text, "key").items()}
    faults = differences("key", named, default_keys(RecorderProfile))
    faults += differences("group", dict.fromkeys(keyed_rows(text, "group")), dict.fromkeys(NAME_GROUPS))
    shipped = dict.fromkeys(profile.id for profile in load_profiles(PROJECT / "config" / "recorders"))
    del shipped["generic"]
    return faults + differences("profile", dict.fromkeys(keyed_rows(text, "id")), shipped)


def cli_faults(text: str) -> Faults:
    named = {}
    for title in re.findall(r"^## `(ingestd .+)`$", text, re.MULTILINE):
        options = re.findall(r"`(-{1,2}[a-z][a-z0-9-]*)`", section(text, f"`{title}`"))
        named[title] = set(options)
    return differences("command", named, commands())


def command_faults(text: str) -> Faults:
    """Commands and options in code, in any page."""
    faults = []
    known = commands()
    for line in code_lines(text):
        for call in re.findall(r"(?:^|[$&|;(]) *ingestd +([a-z][^#|&>;)]*)", line):
            words = call.split()
            paths = (f"ingestd {' '.join(words[:count])}" for count in (3, 2, 1))
            name = next((path for path in paths if path in known), "")
            if not name:
                faults.append(f"no such command: ingestd {call}")
                continue
            options = {word.split("=")[0] for word in words if word.startswith("-")}
            faults += [f"{name} has no option {option}" for option in sorted(options - known[name])]
    return faults


def exit_status_faults(text: str) -> Faults:
    existing = {str(one.value): one.name for one in errors.ExitStatus} | {"130": ""}
    named = {status: cells[0] for status, cells in keyed_rows(text, "status").items()}

    def all_kinds(kind: type[errors.IngestdError]) -> Iterator[type[errors.IngestdError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from all_kinds(child)

    kinds = [kind for kind in all_kinds(errors.IngestdError) if kind.__module__ == errors.__name__]
    codes = {kind.code: [str(kind.exit_status.value), "yes" if kind.is_retryable else "no"] for kind in kinds}
    named_codes = {code: cells[:2] for code, cells in keyed_rows(text, "code").items()}
    return differences("status", named, existing) + differences("code", named_codes, codes)


def regime_faults(text: str, regime: Regime) -> Faults:
    part = section(text, f"`{regime.id}`: {regime.bureau}")
    if not part:
        return [f"regime {regime.id} is not in the page"]
    rows = keyed_rows(part, "rule")
    faults = differences("rule", dict.fromkeys(rows), dict.fromkeys(rule.id for rule in regime.retention))
    for rule in regime.retention:
        speaks, kept, source = rows.get(rule.id, ["", "", ""])
        wanted = [f"{rule.article}: {rule.words}" if rule.article else "silent", rule.note or ""]
        faults += [f"{rule.id} does not say: {words}" for words in wanted if words not in source]
        if speaks != ", ".join(rule.applies):
            faults.append(f"{rule.id} speaks of {speaks}")
        numbers = [str(number) for number in (rule.years, rule.months) if number]
        if re.findall(r"\d+", kept) != numbers or ("shipped default" in kept) != rule.is_shipped_default:
            faults.append(f"{rule.id} is kept: {kept}")
    explained = keyed_rows(part, "explained")
    faults += differences("explained", dict.fromkeys(explained), dict.fromkeys(one.id for one in regime.explain))
    for one in regime.explain:
        codes, named, source = explained.get(one.id, ["", "", ""])
        if tuple(re.findall(r"`([\w.]+)`", codes)) != one.codes or re.findall(r"`(\w+)`", named) != list(
            one.named_reasons
        ):
            faults.append(f"{one.id} speaks of {codes}, {named}")
        wanted = [one.basis.value, f"{one.article}: {one.words}" if one.article else "", one.note or ""]
        faults += [f"{one.id} does not say: {words}" for words in wanted if words not in source]
    faults += _hold_faults(part, regime)
    clock = regime.hand_over
    if clock is not None:
        wanted = [f"{clock.hours} hours", clock.basis.value, clock.words or clock.note or ""]
        if clock.field_work is not None:
            wanted += [clock.field_work.words or "", *(f"`{one.id}`" for one in clock.field_work.reasons)]
        faults += [f"{regime.id} hand-over does not say: {words}" for words in wanted if words not in part]
    return faults


def _hold_faults(part: str, regime: Regime) -> Faults:
    """Version, reasons of holds and carriers of a regime's section."""
    faults = [] if f", version {regime.version}." in part else [f"{regime.id} is not of version {regime.version}"]
    held, carried = keyed_rows(part, "hold"), keyed_rows(part, "carrier")
    faults += differences("hold", dict.fromkeys(held), dict.fromkeys(one.reason.value for one in regime.holds))
    faults += differences("carrier", dict.fromkeys(carried), dict.fromkeys(one.id for one in regime.carriers))
    told: list[tuple[HoldRule | CarrierRule, str, str]]
    told = [(one, " ".join(held.get(one.reason.value, ())), "") for one in regime.holds]
    told += [(one, " ".join(carried.get(one.id, ())), ", ".join((*one.applies, *one.kinds))) for one in regime.carriers]
    for one, source, words in told:
        wanted = [f"{one.article}: {one.words}" if one.article else one.basis.value, one.note or "", *words.split(", ")]
        faults += [f"{regime.id} does not say: {each}" for each in wanted if each not in source]
    return faults


def act_faults(text: str) -> Faults:
    return differences("act", dict.fromkeys(keyed_rows(text, "act")), dict.fromkeys(entered_acts()))


def number_faults(text: str) -> Faults:
    named = {key: cells[0] for key, cells in keyed_rows(text, "`GapRule`").items()}
    rule = GapRule()
    faults = differences("number", named, {field.name: str(getattr(rule, field.name)) for field in fields(rule)})
    named = {key: cells[0] for key, cells in keyed_rows(text, "`LookRule`").items()}
    look = LookRule()
    faults += differences("number", named, {field.name: str(getattr(look, field.name)) for field in fields(look)})
    named = {key: cells[0] for key, cells in keyed_rows(text, "number").items()}
    constants = {
        f"segments.{name}": str(value) for name, value in vars(segments).items() if isinstance(value, float | int)
    }
    for module in (backfilled, clockresets, mismatch, recorderclock, seams, tamper, vanished):
        shown = {name: value for name, value in vars(module).items() if name.isupper() and not name.startswith("_")}
        room = module.__name__.rsplit(".", 1)[-1]
        constants |= {f"{room}.{key}": str(value) for key, value in shown.items() if isinstance(value, float | int)}
    return faults + differences("number", named, constants)


def link_faults(text: str, page: Path) -> Faults:
    faults = []
    for target in links(text):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            faults.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(file.read_text("utf-8")):
            faults.append(f"{target}: there is no such section")
    return faults


def make_targets() -> set[str]:
    return {f"make {name}" for name in re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text("utf-8"), re.M)}


def make_faults(text: str) -> Faults:
    named = [call for line in code_lines(text) for call in re.findall(r"^(?:\$ )?(make [a-z-]+)", line)]
    return [f"{call} does not exist" for call in named if call not in make_targets()]


def target_faults(text: str) -> Faults:
    return differences("target", dict.fromkeys(keyed_rows(text, "target")), dict.fromkeys(make_targets()))


def room_faults(text: str) -> Faults:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["id"] == "floors")
    existing = dict.fromkeys(room for layer in layers for room in re.split(r"\s*\|\s*", layer))
    staircase = "\n".join(line for block in fenced(text)[:1] for line in block.lines)
    return [f"room {room} is not on the stairs" for room in existing if not re.search(rf"\b{room}\b", staircase)]


# Each checker against its page, after it was shown a page that lies

LIES: list[tuple[Checker, str, str, str, str]] = [
    (findings_faults, "reference/findings", "`gap.audio` |", "`gap.sound` |", "gap.sound does not exist"),
    (findings_faults, "reference/findings", "`set.gap` | warning", "`set.gap` | info", "set.gap: the page says"),
    (findings_faults, "reference/findings", "docking | yes |", "docking | no |", "identity.unknown: the page"),
    (configuration_faults, "reference/configuration", "`http.port`", "`http.prt`", "http.port is not in the page"),
    (configuration_faults, "reference/configuration", "`9310`", "`9311`", "http.port: the page says 9311"),
    (profile_faults, "reference/recorder-profiles", "| `dcam` |", "| `dkam` |", "dkam does not exist"),
    (profile_faults, "reference/recorder-profiles", "`60.0`", "`61.0`", "pre_record_s: the page says 61.0"),
    (cli_faults, "reference/cli", "## `ingestd doctor`", "## `ingestd medic`", "ingestd doctor is not in the page"),
    (cli_faults, "reference/cli", "`--watch`", "`--look`", "ingestd status: the page says"),
    (exit_status_faults, "reference/exit-status", "| 6 | INTEGRITY", "| 9 | INTEGRITY", "status 9 does not exist"),
    (exit_status_faults, "reference/exit-status", "| `media` | 1 |", "| `media` | 4 |", "code media: the page says"),
    (act_faults, "design/vault-format", "`derived.made`", "`derived.gone`", "derived.made is not in the page"),
    (number_faults, "design/detection", "`even_spread` | 0.8", "`even_spread` | 0.9", "even_spread: the page says"),
    (number_faults, "design/detection", "_MOST_ABSENT` | 200", "_MOST_ABSENT` | 2", "_MOST_ABSENT: the page says"),
    (target_faults, "guide/develop", "| `make bench`", "| `make bank`", "target make bank does not exist"),
    (room_faults, "design/house", "pipeline | retention ", "pipeline ", "room retention is not on the stairs"),
]


def text_of(page: str) -> str:
    return (DOCS / f"{page}.md").read_text("utf-8")


@pytest.mark.parametrize(("checker", "page", "truth", "lie", "words"), LIES)
def test_a_page_that_lies_is_caught(checker: Checker, page: str, truth: str, lie: str, words: str) -> None:
    assert truth in text_of(page), "nothing to falsify"
    assert any(words in fault for fault in checker(text_of(page).replace(truth, lie)))


@pytest.mark.parametrize(("checker", "page"), list(dict.fromkeys((checker, page) for checker, page, *_ in LIES)))
def test_a_page_says_what_the_code_has(checker: Checker, page: str) -> None:
    assert checker(text_of(page)) == []


@pytest.mark.parametrize("regime", load_regimes(PROJECT / "config" / "regimes").values(), ids=lambda one: str(one.id))
def test_the_regimes_are_written_down_as_shipped(regime: Regime) -> None:
    text = text_of("reference/regimes")
    rule = regime.retention[0]
    assert regime_faults(text.replace(f"`{rule.id}`", "`rule_x`"), regime) != []
    assert regime_faults(text.replace(" 24 hours from", " 25 hours from"), regime) != []
    assert regime_faults(text.replace("`mass_event`", "`mass`"), regime) != []
    assert regime_faults(text.replace(f", version {regime.version}.", ", version 99."), regime) != []
    assert regime_faults(text.replace(rule.words or rule.note or "", "…"), regime) != []
    assert regime_faults(text, regime) == []


def test_a_broken_link_a_wrong_command_and_a_wrong_target_are_caught() -> None:
    page = PROJECT / "README.md"
    assert link_faults("[x](docs/nowhere.md) [y](docs/guide/develop.md#nothing) [z](https://example.org)", page) == [
        "docs/nowhere.md: there is no such file",
        "docs/guide/develop.md#nothing: there is no such section",
    ]
    assert command_faults("`ingestd lst`") == ["no such command: ingestd lst"]
    assert command_faults("```sh\ningestd sim card x --torn # --no\n```") == ["ingestd sim card has no option --torn"]
    assert command_faults("`ingestd COMMAND --help`, `ingestd.toml`, `another ingestd works`, ingestd prose") == []
    assert make_faults("`make bank`, `apt install make git`") == ["make bank does not exist"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_commands_and_targets_of_every_page_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    assert link_faults(text, page) + command_faults(text) + make_faults(text) == []


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_page_can_be_reached_from_the_readme(readme: str) -> None:
    targets = {(PROJECT / link.split("#")[0]).resolve() for link in links((PROJECT / readme).read_text("utf-8"))}
    assert set(DOCS.rglob("*.md")) - targets == set()


def test_pages_and_sections_that_the_code_names_exist() -> None:
    pattern = re.compile(r'(docs/\w+/[\w-]+\.md)(?:, "([^"]+)")?')
    named = [(file, *found) for file in python_files() for found in pattern.findall(file.read_text("utf-8"))]
    assert len(named) >= 5
    for file, page, quoted in named:
        assert (PROJECT / page).is_file(), f"{file} names {page}"
        assert not quoted or section((PROJECT / page).read_text("utf-8"), quoted), f"{file} names {quoted} of {page}"


# Against a station that has worked


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a station that took one small card in."""
    folder = tmp_path_factory.mktemp("station")
    environment = scratch_environment(folder, PROJECT / "config")
    card = "ingestd sim card card --takes 1 --segments 1 --seconds 1 --fault link"
    issue = ("ingestd fleet add 7012345", "ingestd fleet issue 7012345 --to x")
    for command in (card, "ingestd ingest card --json", *issue):
        ended = command_server().run(command.split()[1:], folder=folder, environment=environment, seconds=60)
        assert ended[0] == 0, ended
    return folder / "var"


def test_metrics_are_the_ones_written_down_with_type_and_labels(station: Path) -> None:
    exposed = exposed_metrics(station)

    def faults(text: str) -> Faults:
        rows = keyed_rows(text, "metric")
        named = {name: (cells[0], frozenset(re.findall(r"`(\w+)`", cells[1]))) for name, cells in rows.items()}
        return differences("metric", named, exposed)

    text = text_of("reference/metrics")
    assert faults(text.replace("`ingestd_queue_depth`", "`ingestd_queue_length`"))
    assert faults(text.replace("| `code`, `severity` |", "| `code` |"))
    assert faults(text.replace("ingestd_errors_total` | counter", "ingestd_errors_total` | gauge"))
    assert faults(text) == []
    unknown = {name for name in re.findall(r"\bingestd_\w+", text) if name not in exposed}
    assert unknown == set(), "a query names a metric that does not exist"


def test_every_key_of_a_birth_sidecar_is_described(station: Path) -> None:
    text = section(text_of("design/vault-format"), "Birth sidecar (`ingestd-birth/1`)")
    sidecar = next((station / "vault" / "originals").rglob("*.birth.json"))

    def missing(document: dict[str, Any]) -> Faults:
        return [
            f"{key}.{inner}"
            for key, value in document.items()
            for inner in (value if isinstance(value, dict) else [""])
            if not re.search(rf"`{key}(\.|`)", text) or (inner and f".{inner}`" not in text)
        ]

    document = json.loads(sidecar.read_text("utf-8"))
    assert missing(document | {"sealed_by": "x", "proof": {"luck": 1}}) == ["proof.luck", "sealed_by."]
    assert missing(document) == []


def test_the_printed_program_checks_the_chain_and_catches_every_edit(station: Path, tmp_path: Path) -> None:
    blocks = [block for block in fenced(text_of("design/vault-format")) if block.language == "python"]
    program = tmp_path / "chain.py"
    program.write_text("\n".join(blocks[0].lines), encoding="utf-8")
    lines = (station / "vault" / "ledger" / "000001.jsonl").read_bytes().splitlines(keepends=True)

    def check(ledger: list[bytes]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([sys.executable, program], input=b"".join(ledger), capture_output=True, timeout=30)

    edited = [lines[0], lines[1].replace(b'"actor":"station"', b'"actor":"nobody"'), *lines[2:]]
    assert b"line 2 was changed" in check(edited).stderr
    assert b"a line is missing before 3" in check([lines[0], *lines[2:]]).stderr
    assert check([lines[1], lines[0], *lines[2:]]).returncode != 0
    doubled = [lines[0].replace(b'{"act"', b'{"act":"nothing.done","act"', 1), *lines[1:]]
    assert b"line 1 is not in its canonical form" in check(doubled).stderr
    head = json.loads(lines[-1])["hash"]
    assert check(lines).stdout.decode() == f"{len(lines)} acts, head {head}\n"


def test_a_transcript_that_lies_is_caught() -> None:
    text = "```console\n# apt install x\n$ echo one; echo two\none\ntw…\n```\n```sh\nfalse\n```"
    ((command, expected),) = console_steps(text)
    assert (command, expected) == ("echo one; echo two", ["one", "tw…"])
    assert transcript_faults(expected, "one\n two   words\n") == []
    assert transcript_faults(["thr…ee"], "one\n") == ["not in the output: thr…ee"]
    assert transcript_faults(["one"], "one more\n") == ["not in the output: one"]


def test_the_first_steps_lead_where_they_say(tmp_path: Path) -> None:
    environment = scratch_environment(tmp_path, PROJECT / "config")
    steps = console_steps(text_of("guide/first-steps"))
    assert len(steps) >= 10
    for command, expected in steps:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        assert transcript_faults(expected, done.stdout) == [], f"{command}\n{done.stdout}"
