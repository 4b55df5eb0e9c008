"""What a recorder writes about itself: read as the profile says, bounded, and never a reason to fail."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.core.family import DeviceInfoFile
from ingestd.core.profile import RecorderProfile
from ingestd.devices.card import list_card
from ingestd.devices.deviceinfo import MOST_BYTES, DeviceInfo, parse_device_info, read_device_info


def rules(**given: str) -> DeviceInfoFile:
    return DeviceInfoFile.model_validate({"path": "MISC/device.*", "format": "ini", "device": "serial"} | given)


def read(card: Path, data: bytes, **given: str) -> DeviceInfo:
    (card / "MISC").mkdir()
    (card / "MISC" / "device.txt").write_bytes(data)
    return read_all(card, **given)[0]


def read_all(card: Path, **given: str) -> tuple[DeviceInfo, ...]:
    profile = RecorderProfile(id="x", title="", device_info=rules(**given))
    root_fd = os.open(card, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listing = list_card(root_fd, max_entries=100, max_depth=5, still_there=lambda: True)
        return read_device_info(root_fd, listing, profile)
    finally:
        os.close(root_fd)


SAYING = [
    ("ini", b"[device]\r\nserial = 0000012\r\nuser=000345\r\n; x=1\r\n"),
    ("ini", b"\xef\xbb\xbfserial=0000012\nUSER: 000345"),
    ("key_value", b"model: X1\nSerial: \"0000012\"\nuser: '000345'\n"),
    ("json", b'{"device": {"serial": "0000012"}, "user": "000345"}'),
    ("json", b'[{"serial": "0000012", "user": "000345"}]'),
    ("xml", b'<?xml version="1.0" encoding="gbk"?><a:device serial="0000012"><user>000345</user></a:device>'),
    ("xml", b"<info><device><serial> 0000012 </serial></device><user>000345</user></info>"),
]


@pytest.mark.parametrize(("format_", "data"), SAYING)
def test_each_format_is_read(tmp_path: Path, format_: str, data: bytes) -> None:
    info = read(tmp_path, data, format=format_, user="user")
    assert (info.device, info.user, info.problem) == ("0000012", "000345", "")


def test_expressions_read_what_has_no_format(tmp_path: Path) -> None:
    keys = {"device": r"^Serial no\.? (\w+)", "firmware": r"v(?P<value>[0-9.]+) \((beta)?\)"}
    info = read(tmp_path, b"Camera v1.22 ()\nserial NO 0000012\n", format="regex", **keys)
    assert (info.device, info.firmware) == ("0000012", "1.22")


def test_a_key_may_name_its_section() -> None:
    data = b"[network]\nserial=99\n[device]\nserial=12\n"
    assert parse_device_info(data, rules(device="device.serial")) == ({"device": "12"}, "")


def test_gbk_is_read_as_the_profile_says(tmp_path: Path) -> None:
    data = "设备编号=0000012\n单位=海洋执法支队\n".encode("gbk")
    info = read(tmp_path, data, encoding="gbk", device="设备编号", unit="单位")
    assert (info.device, info.unit, info.problem) == ("0000012", "海洋执法支队", "")
    assert info.words() == "MISC/device.txt: device 0000012, unit 海洋执法支队"


def test_gbk_read_as_utf8_says_so_and_keeps_what_is_readable() -> None:
    told, problem = parse_device_info("serial=12\nunit=海洋\n".encode("gbk"), rules(unit="unit"))
    assert told["device"] == "12"
    assert problem == "not utf-8 throughout"


@pytest.mark.parametrize(
    ("format_", "data", "words"),
    [
        ("json", b"{", "not readable as json"),
        ("json", b"[" * 60_000, "not readable as json"),
        ("json", b'{"a":' * 40 + b"1" + b"}" * 40, "levels deep"),
        ("xml", b"<a>" * 40, "levels deep"),
        ("xml", b"<a><b></a>", "not readable as xml"),
        ("xml", b"\x00", "not readable as xml"),
        ("xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "declares a document type"),
    ],
)
def test_a_bad_file_says_what_is_wrong_with_it(format_: str, data: bytes, words: str) -> None:
    told, problem = parse_device_info(data, rules(format=format_))
    assert told == {}
    assert words in problem


def test_only_the_head_of_a_large_file_is_read(tmp_path: Path) -> None:
    info = read(tmp_path, b"serial=12\n".ljust(MOST_BYTES, b" ") + b"\nuser=9", user="user")
    assert (info.device, info.user) == ("12", None)
    assert "only the first 65536 bytes" in info.problem


def test_a_value_is_made_safe_for_screens_and_cut(tmp_path: Path) -> None:
    info = read(tmp_path, b"serial=1\x1b[31m2\x00" + b"9" * 500)
    assert info.device == "1 [31m2 " + "9" * 56


def test_a_link_is_not_followed_and_a_file_that_says_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "MISC").mkdir()
    (tmp_path / "MISC" / "device.a").symlink_to("/etc/passwd")
    (tmp_path / "MISC" / "device.b").write_bytes(b"")
    assert [info.words() for info in read_all(tmp_path)] == ["MISC/device.b: nothing that the profile names"]


def test_a_file_that_went_away_is_evidence_too(tmp_path: Path) -> None:
    (tmp_path / "MISC").mkdir()
    (tmp_path / "MISC" / "device.a").write_bytes(b"serial=1")
    profile = RecorderProfile(id="x", title="", device_info=rules())
    root_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    listing = list_card(root_fd, max_entries=9, max_depth=5, still_there=lambda: True)
    (tmp_path / "MISC" / "device.a").unlink()
    (info,) = read_device_info(root_fd, listing, profile)
    os.close(root_fd)
    assert info.device is None
    assert "cannot be opened" in info.problem


def test_at_most_four_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "MISC").mkdir()
    for number in range(9):
        (tmp_path / "MISC" / f"device.{number}").write_bytes(b"serial=1")
    assert len(read_all(tmp_path)) == 4


@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8"))),
    st.sampled_from(["ini", "json", "xml", "key_value", "regex"]),
    st.sampled_from(["utf-8", "gbk"]),
)
@example(b'{"serial": 1e999}', "json", "utf-8")
@example(b'{"serial": ' + b"9" * 5000 + b"}", "json", "utf-8")
@example(b'{"": {"": "serial"}, "serial": "\\ud800"}', "json", "utf-8")
@example(b'<a serial="&#0;"/>', "xml", "gbk")
def test_no_bytes_break_the_reading(data: bytes, format_: str, encoding: str) -> None:
    key = "serial(.*)" if format_ == "regex" else "serial"
    told, problem = parse_device_info(data, rules(format=format_, encoding=encoding, device=key))
    assert all(value.isprintable() for value in told.values())
    assert isinstance(problem, str)
