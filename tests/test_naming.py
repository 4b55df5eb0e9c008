"""Names from cards are kept as evidence, and become harmless names in the vault."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.core.ids import DockingId, RecordingId
from ingestd.core.naming import (
    card_path,
    derived_path,
    docking_folder,
    original_file_name,
    raw_card_path,
    safe_component,
    sidecar_name,
)

RECORDING = RecordingId("019502d8-7a52-7b1e-9a53-0f6f0f4a3c11")
DOCKING = DockingId("019502d8-7a52-7b1e-9a53-aabbccddeeff")

card_bytes = st.one_of(st.binary(max_size=255), st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))


@given(card_bytes)
@example(b"DCIM/\xd6\xb4\xb7\xa8.mp4")
@example(b"a\nb\x1b[31m\x00\\x41")
@example("\u202egpj.exe".encode())
@example(b"\xff\xfe")
@example(b"\\xff")
def test_the_bytes_of_a_name_can_always_be_had_again(raw: bytes) -> None:
    assert raw_card_path(card_path(raw)) == raw


@given(card_bytes)
@example("a\u2028b\u202ec\ufeffd".encode())
def test_the_text_of_a_name_never_steers_a_screen(raw: bytes) -> None:
    text = card_path(raw).text
    assert not [character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    text.encode("utf-8")


@given(card_bytes)
def test_bytes_are_kept_wherever_the_text_is_not_exactly_them(raw: bytes) -> None:
    path = card_path(raw)
    assert (path.raw_b64 is None) == (path.encoding == "utf-8")


def test_a_chinese_name_of_a_fat_card_is_readable() -> None:
    path = card_path("DCIM/执法.mp4".encode("gb18030"))
    assert (path.text, path.encoding, path.name) == ("DCIM/执法.mp4", "gb18030", "执法.mp4")


def is_harmless(component: str) -> bool:
    """Whether a path component can stand on every file system that a vault may lie on or be copied to."""
    return (
        component not in ("", ".", "..")
        and not component.startswith(".")
        and not component.endswith((".", " "))
        and not set(component) & set('/\\:*?"<>|\x7f')
        and all(character.isprintable() and character != " " for character in component)
        and len(component.encode("utf-8")) <= 255
        and component.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    )


@pytest.mark.parametrize("component", ["", "..", "a/b", "a\\b", "a:b", "con.mp4", "a.", "a\n", "界" * 90, ".hidden"])
def test_the_check_of_harmless_names_finds_a_harmful_one(component: str) -> None:
    assert not is_harmless(component)


@given(st.text(max_size=30))
@example("..")
@example("../../etc/passwd")
@example("CON.mp4")
@example("_._con")
@example("界" * 300)
@example("x" * 79 + ".")
@example("𠮷" * 100)
def test_any_text_becomes_a_harmless_component(text: str) -> None:
    assert is_harmless(safe_component(text))


def test_a_component_cut_for_its_bytes_does_not_end_with_a_dot() -> None:
    assert is_harmless(safe_component("界" * 39 + "." + "界" * 20))


def test_a_component_does_not_begin_with_a_dash() -> None:
    assert not safe_component("-rf").startswith("-")


@given(st.text(max_size=300))
@example("a." + "x" * 8)
@example("con.mp4")
@example(".mp4")
@example("界" * 90 + ".mp4")
@example("a.²")
@example("a.ⅷ")
def test_any_card_name_becomes_a_harmless_original_with_a_sidecar(card_name: str) -> None:
    original = original_file_name(card_name, RECORDING)
    assert is_harmless(original)
    assert is_harmless(sidecar_name(original))
    assert is_harmless(f"{original}.proxy.mp4")


@given(st.text(max_size=60), st.uuids(version=4), st.uuids(version=4))
def test_two_recordings_of_one_name_do_not_meet_even_where_case_is_folded(
    card_name: str, first: object, second: object
) -> None:
    names = {original_file_name(card_name, RecordingId(str(identity))).casefold() for identity in (first, second)}
    assert len(names) == len({str(first)[-12:], str(second)[-12:]})


def test_an_original_keeps_its_name_and_extension_for_people() -> None:
    assert original_file_name("0000012_00034520240221082923_0001_IMP.mp4", RECORDING) == (
        "0000012_00034520240221082923_0001_IMP.0f6f0f4a3c11.mp4"
    )


def test_the_folder_of_a_docking_tells_date_and_recorder() -> None:
    assert docking_folder("2026-11-21", "0000012", DOCKING) == "originals/2026/2026-11-21/0000012-aabbccddeeff"
    assert docking_folder("2026-11-21", None, DOCKING) == "originals/2026/2026-11-21/unknown-aabbccddeeff"


@given(st.text(max_size=100))
@example("../..")
def test_no_recorder_number_leads_out_of_the_folder_of_its_day(recorder: str) -> None:
    folder = docking_folder("2026-11-21", recorder, DOCKING)
    assert folder.startswith("originals/2026/2026-11-21/")
    assert folder.count("/") == 3


def test_a_derived_object_lies_at_the_path_of_its_original() -> None:
    assert derived_path("originals/2026/a.mp4", ".proxy.mp4") == "derived/2026/a.mp4.proxy.mp4"
