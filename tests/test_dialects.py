"""One contract for every dialect over simulated recorders, and what a hostile or dying recorder is met with."""

import datetime as dt
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from ingestd.core.errors import (
    ConfigError,
    IngestdError,
    NotFoundError,
    RefusedError,
    SourceError,
    SourceGoneError,
    StoreError,
    UnavailableError,
)
from ingestd.core.findings import Confidence
from ingestd.core.settings import DeviceApiSettings
from ingestd.devices.dialects import ambarella_a1, ambarella_ascii, ambarella_e1, talk
from ingestd.devices.dialects.api import Capability, Outcome, Password, RecorderApi, Visit
from ingestd.devices.dialects.clock import ClockReading, StoredOffset, offset_of, store_offset, take_reading
from ingestd.devices.dialects.info import DeviceInfo, field_text, unpack_info
from ingestd.devices.dialects.known import KINDS, opener_of
from ingestd.devices.dialects.secret import read_password
from ingestd.devices.dialects.transfer import NoAnswerError
from ingestd.devices.dialects.usb_transport import UsbAddress, open_usb, parse_address
from ingestd.sim.gat_device import A1Firmware, AsciiFirmware, DeviceFault, E1Firmware, Firmware, SimulatedRecorder
from tests.support.usb_backend import SimulatedBus

ZONE = ZoneInfo("Asia/Shanghai")
CLOCK = SystemClock()
FIRMWARES: list[type[Firmware]] = [A1Firmware, E1Firmware, AsciiFirmware]
PASSWORDS = {"ambarella_a1": "000000", "ambarella_e1": "000000", "ambarella_ascii": "00000000"}
ADDRESS = UsbAddress(1, 4)
quickly = settings(max_examples=50, deadline=None)


class Talk:
    """A dialect over its firmware, with everything that was written down, in order with what was sent."""

    def __init__(self, firmware: type[Firmware], **recorder: Any) -> None:
        dialect = str(firmware.dialect)
        self.password = Password(PASSWORDS[dialect])
        made: dict[str, Any] = {"password": PASSWORDS[dialect], "zone": ZONE} | recorder
        self.recorder = SimulatedRecorder(CLOCK, **made)
        self.device = firmware(self.recorder)
        self.acts: list[dict[str, Any]] = []
        self.history: list[str] = self.recorder.commands
        visit = Visit("0190-visit", "001-004", "4255:0001", dialect)
        self.api: RecorderApi = opener_of(dialect, DeviceApiSettings())(self.device, visit, CLOCK, self.journal)

    def journal(self, act: dict[str, Any]) -> None:
        self.acts.append(act)
        self.history.append(act["act"])

    def clock_visit(self, **options: Any) -> dict[str, Any]:
        options = {"is_station_synchronised": True, "is_to_be_set": False} | options
        return talk.clock_visit(
            self.api, self.password, clock=CLOCK, zone=ZONE, journal=self.journal,
            ask=lambda _: self.recorder.display() + "\n", **options,
        )  # fmt: skip


@pytest.fixture(params=FIRMWARES, ids=lambda one: one.dialect)
def firmware(request: pytest.FixtureRequest) -> type[Firmware]:
    kind: type[Firmware] = request.param
    return kind


class TestEveryDialect:
    """What every dialect keeps to, whatever its frames."""

    def test_the_right_password_unlocks(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        assert opened.api.unlock(opened.password) is Outcome.DONE
        assert opened.recorder.is_unlocked

    def test_a_wrong_password_is_tried_once_and_refused(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, password="x" * 8)
        with pytest.raises(RefusedError, match="refused the password"):
            opened.api.unlock(opened.password)
        assert opened.recorder.wrong_passwords == 1

    def test_a_recorder_that_locked_itself_is_a_refusal(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, locks_after=0)
        with pytest.raises(RefusedError, match="refused the password"):
            opened.api.unlock(opened.password)

    @pytest.mark.parametrize("text", ["", "x" * 17, "密码密码密码", "a\nbcde"])
    def test_a_password_that_no_frame_carries_is_never_sent(self, firmware: type[Firmware], text: str) -> None:
        opened = Talk(firmware)
        with pytest.raises(RefusedError) as caught:
            opened.api.unlock(Password(text))
        assert opened.history == []
        assert not text or text not in caught.value.message

    def test_what_changes_a_recorder_is_written_down_first(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        talk.open_up(opened.api, opened.password)
        for act, command in (("device.unlock_asked", "unlock"), ("device.disk_asked", "become_disk")):
            assert opened.history.index(act) + 1 == opened.history.index(command)

    def test_what_cannot_be_written_down_is_not_done(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)

        def full(_: dict[str, Any]) -> None:
            raise StoreError("no room")

        api = KINDS[opened.api.name](opened.device, opened.api.visit, CLOCK, full)
        with pytest.raises(StoreError):
            api.unlock(opened.password)
        with pytest.raises(StoreError):
            api.become_disk()
        assert opened.recorder.commands == []

    def test_neither_act_nor_document_holds_the_password(self, firmware: type[Firmware]) -> None:
        secret = "Zq7Zq7Zq"[: len(PASSWORDS[str(firmware.dialect)])]
        opened = Talk(firmware, password=secret)
        opened.password = Password(secret)
        document = talk.open_up(opened.api, opened.password)
        assert secret not in repr((document, opened.acts, opened.password, opened.api.__dict__))

    def test_it_becomes_a_disk(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        document = talk.open_up(opened.api, opened.password)
        assert document["disk"] is Outcome.LEFT
        assert opened.recorder.is_disk

    def test_one_that_leaves_when_unlocked_is_asked_nothing_more(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, fault=DeviceFault.RETURNS_AS_DISK)
        document = talk.open_up(opened.api, opened.password)
        assert (document["unlock"], document["disk"], document["info"]) == (Outcome.LEFT, None, None)
        assert opened.recorder.commands == ["device.unlock_asked", "unlock"]

    def test_a_late_answer_is_waited_for_and_the_command_sent_once(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, fault=DeviceFault.LATE)
        assert opened.api.unlock(opened.password) is Outcome.DONE
        assert opened.recorder.commands.count("unlock") == 1

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (DeviceFault.SHORT, SourceError),
            (DeviceFault.SILENT, NoAnswerError),
            (DeviceFault.STALLED, SourceError),
        ],
    )
    def test_a_failing_recorder_is_never_called_unlocked(
        self, firmware: type[Firmware], fault: DeviceFault, error: type[IngestdError]
    ) -> None:
        opened = Talk(firmware, fault=fault)
        with pytest.raises(error):
            opened.api.unlock(opened.password)

    def test_garbage_is_never_called_unlocked(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, fault=DeviceFault.GARBAGE)
        with pytest.raises((SourceError, RefusedError)):
            opened.api.unlock(opened.password)

    def test_one_that_vanishes_is_said_to_have_left(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, fault=DeviceFault.GONE)
        assert opened.api.unlock(opened.password) is Outcome.LEFT

    @pytest.mark.parametrize("fault", [DeviceFault.GARBAGE, DeviceFault.SHORT, DeviceFault.SILENT, DeviceFault.STALLED])
    def test_no_number_is_made_of_a_bad_answer(self, firmware: type[Firmware], fault: DeviceFault) -> None:
        opened = Talk(firmware)
        opened.api.unlock(opened.password)
        opened.recorder.fault = fault
        with pytest.raises((SourceError, RefusedError)):
            opened.api.read_info()

    def test_a_recorder_that_dies_while_read_is_gone(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        opened.api.unlock(opened.password)
        opened.recorder.fault = DeviceFault.GONE
        error = SourceGoneError if Capability.INFO in opened.api.capabilities else RefusedError
        with pytest.raises(error):
            opened.api.read_info()

    def test_what_it_cannot_do_it_says_and_sends_nothing(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        proof = store_offset(_offset(), {"visit_id": "0190-visit"}, lambda _: None)
        calls: dict[Capability, Callable[[], object]] = {
            Capability.INFO: opened.api.read_info,
            Capability.BATTERY: opened.api.read_battery_percent,
            Capability.READ_CLOCK: opened.api.read_clock,
            Capability.SET_CLOCK: lambda: opened.api.set_clock(proof, ZONE),
            Capability.BECOME_DISK: opened.api.become_disk,
        }
        for capability in set(calls) - opened.api.capabilities:
            with pytest.raises(RefusedError, match="no command of the dialect"):
                calls[capability]()
        assert opened.history == []

    def test_over_usb_it_is_the_same(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        bus = SimulatedBus(opened.device)
        with open_usb(ADDRESS, timeout_seconds=1, backend=bus) as (transfer, usb_id):
            api = KINDS[opened.api.name](transfer, opened.api.visit, CLOCK, opened.journal)
            document = talk.open_up(api, opened.password)
        assert usb_id == "4255:0001"
        assert document["unlock"] is Outcome.DONE
        assert opened.recorder.is_disk
        assert (bus.claimed, bus.is_open) == ([], False)


SETTERS = [E1Firmware, AsciiFirmware]


@pytest.mark.parametrize("firmware", SETTERS, ids=lambda one: one.dialect)
class TestClocks:
    """Setting destroys the evidence of the error, so the error is written down first."""

    def test_three_days_off_are_measured_written_down_and_then_set(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, clock_offset=dt.timedelta(days=3))
        document = opened.clock_visit(is_to_be_set=True)
        assert abs(document["clock"]["offset_s"] - 3 * 86400) <= document["clock"]["uncertainty_s"]
        assert abs(opened.recorder.clock_offset) <= dt.timedelta(seconds=2)
        first_write = next(place for place, one in enumerate(opened.history) if one in ("set_clock", "set_date"))
        who = ("read_info", "device.info_read")
        assert [one for one in opened.history[:first_write] if one not in who] == [
            "device.unlock_asked", "unlock", "device.clock_read", "device.clock_set_asked",
        ]  # fmt: skip
        assert opened.history[:first_write].count("device.info_read") == (Capability.INFO in opened.api.capabilities)

    def test_measuring_alone_sets_nothing(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, clock_offset=dt.timedelta(days=3))
        document = opened.clock_visit()
        assert document["findings"][0]["code"] == "clock.offset"
        assert opened.recorder.clock_offset == dt.timedelta(days=3)

    def test_an_undisciplined_station_sets_no_recorder(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        with pytest.raises(RefusedError, match="not synchronised"):
            opened.clock_visit(is_station_synchronised=False, is_to_be_set=True)
        assert opened.history == []

    def test_an_offset_that_could_not_be_stored_leaves_the_clock_alone(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware, clock_offset=dt.timedelta(days=3))

        def full_for_offsets(act: dict[str, Any]) -> None:
            if act["act"] == "device.clock_read":
                raise StoreError("no room")

        with pytest.raises(StoreError):
            talk.clock_visit(
                opened.api, opened.password, clock=CLOCK, zone=ZONE, journal=full_for_offsets,
                ask=lambda _: opened.recorder.display(), is_station_synchronised=True, is_to_be_set=True,
            )  # fmt: skip
        assert opened.recorder.clock_offset == dt.timedelta(days=3)

    def test_the_proof_of_another_visit_is_refused(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        proof = store_offset(_offset(), {"visit_id": "another"}, lambda _: None)
        with pytest.raises(RefusedError, match="another visit"):
            opened.api.set_clock(proof, ZONE)
        assert opened.history == []

    def test_the_dialect_itself_reads_no_clock_and_nothing_is_sent_to_find_out(self, firmware: type[Firmware]) -> None:
        opened = Talk(firmware)
        with pytest.raises(RefusedError, match="reads the recorder's clock"):
            talk.clock_visit(
                opened.api, opened.password, clock=CLOCK, zone=ZONE, journal=opened.journal, ask=None,
                is_station_synchronised=True, is_to_be_set=False,
            )  # fmt: skip
        assert opened.history == []


# --- what is told ----------------------------------------------------------------------------------------------------


def test_names_in_gbk_are_read_whole() -> None:
    name, unit = "张三", "上海海事局执法支队一二三四五六七"
    opened = Talk(E1Firmware, user_name=name.encode("gbk"), unit_name=unit.encode("gbk"), battery_percent=42)
    document = talk.look(opened.api, opened.password)
    assert document["info"] == {
        "device_number": "7012345",
        "user_number": "012345",
        "user_name": name,
        "unit_number": "310000000000",
        "unit_name": unit,
        "undecoded": {},
        "is_factory_number": False,
    }
    assert document["battery_percent"] == 42


def test_a_name_that_is_no_gbk_is_kept_as_bytes_and_the_number_stands() -> None:
    opened = Talk(E1Firmware, user_name=b"\xd5\xc5\xff\xff")
    opened.api.unlock(opened.password)
    info = opened.api.read_info()
    assert (info.device_number, info.user_name, info.undecoded) == ("7012345", None, {"user_name": "d5c5ffff"})


def test_the_number_that_all_leave_the_factory_with_is_marked() -> None:
    opened = Talk(AsciiFirmware, device_number="0000000")
    opened.api.unlock(opened.password)
    assert opened.api.read_info() == DeviceInfo(device_number="0000000")
    assert opened.api.read_info().is_factory_number


def test_a_battery_beyond_100_is_no_charge() -> None:
    opened = Talk(E1Firmware, battery_percent=101)
    opened.api.unlock(opened.password)
    with pytest.raises(SourceError):
        opened.api.read_battery_percent()


def test_an_answer_to_an_earlier_command_is_not_taken_for_this_ones() -> None:
    stale = bytes.fromhex("a1b2c3d400e180" + "1100" + "2a")
    with pytest.raises(SourceError):
        ambarella_e1.parse_answer(ambarella_e1.Command.READ_BATTERY, stale)


@pytest.mark.parametrize("usb_id", ["4255:1", "4255:*", "4255", "ABCD:0001", "4255:0001:1"])
def test_a_dialect_is_given_to_one_whole_usb_id(usb_id: str) -> None:
    with pytest.raises(ValueError, match="vendor:product"):
        DeviceApiSettings(dialects={usb_id: "ambarella_e1"})


def test_the_settings_offer_the_dialects_that_there_are() -> None:
    annotation = DeviceApiSettings.model_fields["dialects"].annotation
    assert set(get_args(get_args(annotation)[1])) == set(KINDS)


# --- clocks ----------------------------------------------------------------------------------------------------------


def _offset(uncertain_s: float = 0.5) -> Any:
    now = CLOCK.now()
    shown = now.astimezone(ZONE).replace(tzinfo=None)
    reading = ClockReading(shown, 2 * uncertain_s, now, now, "display")
    return offset_of(reading, ZONE, is_station_synchronised=True)


moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC))


@quickly
@given(
    at=moments,
    true_offset=st.floats(-1e7, 1e7),
    before=st.floats(0, 100),
    after=st.floats(0, 100),
    resolution=st.sampled_from([1, 60]),
)
def test_the_true_offset_lies_within_what_is_claimed(
    at: dt.datetime, true_offset: float, before: float, after: float, resolution: int
) -> None:
    local = (at + dt.timedelta(seconds=true_offset)).astimezone(ZONE).replace(tzinfo=None)
    shown = local.replace(microsecond=0, second=0 if resolution == 60 else local.second)
    span = (at - dt.timedelta(seconds=before), at + dt.timedelta(seconds=after))
    offset = offset_of(ClockReading(shown, resolution, *span, "display"), ZONE, is_station_synchronised=True)
    assert abs(offset.offset_s - true_offset) <= offset.uncertainty_s + 0.001


def test_a_proof_is_made_by_storing_alone() -> None:
    stored = store_offset(_offset(), {"visit_id": "v"}, lambda _: None)
    with pytest.raises(RefusedError, match="made by storing"):
        StoredOffset("v", stored.offset, stored.finding, object())


def test_an_undisciplined_station_is_less_than_certain_of_an_offset() -> None:
    opened = Talk(E1Firmware)
    document = opened.clock_visit(is_station_synchronised=False)
    assert document["findings"][0]["confidence"] == Confidence.LIKELY


def test_a_station_whose_clock_is_set_meanwhile_claims_nothing() -> None:
    class Stepping(SystemClock):
        def __init__(self) -> None:
            self.step = dt.timedelta()

        def now(self) -> dt.datetime:
            return super().now() + self.step

    clock = Stepping()

    def read() -> tuple[dt.datetime, float]:
        clock.step = dt.timedelta(hours=1)
        return dt.datetime(2026, 3, 2), 1.0

    with pytest.raises(UnavailableError, match="was set"):
        take_reading(read, "display", clock)


@pytest.mark.parametrize(
    ("typed", "resolution"),
    [("2026-03-02 09:00:00\n", 1.0), (" 2026/03/02 09:00:00 ", 1.0), ("2026-03-02 09:00", 60.0)],
)
def test_a_display_is_read_to_what_it_shows(typed: str, resolution: float) -> None:
    assert talk.parse_display(typed) == (dt.datetime(2026, 3, 2, 9), resolution)


@quickly
@given(st.text())
def test_whatever_is_typed_is_a_time_or_refused(typed: str) -> None:
    try:
        talk.parse_display(typed)
    except RefusedError:
        return


# --- frames ----------------------------------------------------------------------------------------------------------


def test_the_frames_are_the_ones_that_were_seen() -> None:
    assert ambarella_a1.build_frame(ambarella_a1.LOG_IN, b"000000").hex() == f"{'a1120012303030303030':0<128}"
    assert ambarella_a1.build_frame(ambarella_a1.DISK).hex() == f"{'a1230023':0<128}"
    assert ambarella_e1.build_request(ambarella_e1.Command.READ_BATTERY).hex() == "a1b2c3d400e100700000"
    assert ambarella_ascii.build_frame("Ver", "8", "00000000") == b"@Ver;8;00000000;#"
    assert ambarella_ascii.build_frame("ATH", "8", ambarella_ascii.FILLER) == b"@ATH;8;12345678;#"


field_texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=";#@"), min_size=1)


@quickly
@given(st.lists(field_texts, min_size=1, max_size=5))
def test_an_ascii_frame_is_read_as_it_was_built(fields: list[str]) -> None:
    assert ambarella_ascii.parse_frame(ambarella_ascii.build_frame(*fields), "x") == tuple(fields)


@quickly
@given(st.sampled_from(ambarella_e1.Command), st.data())
def test_an_e1_answer_carries_what_was_put_in(command: ambarella_e1.Command, data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=command.payload_bytes, max_size=command.payload_bytes))
    request = ambarella_e1.build_request(command, payload)
    answer = request[:6] + b"\x80" + request[7:]
    assert ambarella_e1.parse_answer(command, answer) == payload
    assert ambarella_e1.parse_answer(command, request) is None


@quickly
@given(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)).map(lambda one: one.replace(microsecond=0)))
def test_a_time_is_read_as_it_was_packed(local: dt.datetime) -> None:
    assert ambarella_e1.unpack_time(ambarella_e1.pack_time(local)) == local


@quickly
@given(st.text(st.characters(categories=["Lo"], codec="gbk"), max_size=16))
def test_a_name_is_read_as_it_was_stored(name: str) -> None:
    assert field_text(name.encode("gbk").ljust(32, b"\0")) == name


E1_READERS = [lambda raw, one=one: ambarella_e1.parse_answer(one, raw) for one in ambarella_e1.Command]
READERS: list[Callable[[bytes], object]] = [
    ambarella_a1.is_taken,
    ambarella_e1.unpack_time,
    lambda raw: ambarella_ascii.parse_frame(raw, "x"),
    lambda raw: unpack_info(raw, ambarella_e1.INFO_FIELDS, "x"),
    *E1_READERS,
]


@pytest.mark.parametrize("read", READERS)
@quickly
@given(raw=st.binary(max_size=130))
def test_any_bytes_are_read_or_refused_in_words(read: Callable[[bytes], object], raw: bytes) -> None:
    try:
        read(raw)
    except SourceError as error:
        assert error.message


class _Parrot(Firmware):
    """Answers every command with the same bytes."""

    dialect = "any"
    answer = b""

    def control_command(self, request: int, value: int, data: bytes) -> bytes:
        return self.answer

    def bulk_command(self, endpoint: int, data: bytes) -> bytes:
        return self.answer

    def is_control_read(self, request: int, value: int) -> bool:
        return True

    def is_bulk_read(self, endpoint: int) -> bool:
        return True


@quickly
@given(answer=st.binary(max_size=130), kind=st.sampled_from(sorted(KINDS)))
def test_no_answer_breaks_a_dialect(answer: bytes, kind: str) -> None:
    parrot = _Parrot(SimulatedRecorder(CLOCK))
    parrot.answer = answer
    api = KINDS[kind](parrot, Visit("v", "001-004", "4255:0001", kind), CLOCK, lambda _: None)
    for change in (lambda: api.unlock(Password(PASSWORDS[kind])), api.read_info, api.read_battery_percent,
                   api.become_disk):  # fmt: skip
        try:
            change()
        except (SourceError, RefusedError):
            continue


# --- the wire --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["001-004", "1-4", "001/004", "/dev/bus/usb/001/004"])
def test_a_place_on_usb_is_read(text: str) -> None:
    assert parse_address(text) == ADDRESS


@pytest.mark.parametrize("text", ["", "1", "000-004", "1-0", "/dev/bus/usb/1/4", "/dev/sda", "001-004\n", "١-٤"])
def test_what_is_no_place_on_usb_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place on USB"):
        parse_address(text)


def test_a_device_that_the_kernel_uses_is_left_alone() -> None:
    bus = SimulatedBus(E1Firmware(SimulatedRecorder(CLOCK)), has_kernel_driver=True)
    with pytest.raises(RefusedError, match="as a disk"), open_usb(ADDRESS, timeout_seconds=1, backend=bus):
        pass
    assert (bus.claimed, bus.is_open) == ([], False)


def test_only_the_device_at_the_place_is_opened() -> None:
    bus = SimulatedBus(E1Firmware(SimulatedRecorder(CLOCK)))
    with pytest.raises(NotFoundError), open_usb(UsbAddress(1, 5), timeout_seconds=1, backend=bus):
        pass
    assert not bus.is_open


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ETIMEDOUT, NoAnswerError),
        (errno.ENODEV, SourceGoneError),
        (errno.ESHUTDOWN, SourceGoneError),
        (errno.EPIPE, SourceError),
        (errno.EIO, SourceError),
        (errno.EBUSY, UnavailableError),
        (errno.EACCES, UnavailableError),
    ],
)
def test_faults_of_the_wire_are_errors_in_words(number: int, error: type[IngestdError]) -> None:
    bus = SimulatedBus(E1Firmware(SimulatedRecorder(CLOCK)), failure=number)
    with open_usb(ADDRESS, timeout_seconds=1, backend=bus) as (transfer, _):
        for call in (lambda: transfer.control_out(85, 0, b"x"), lambda: transfer.bulk_in(0x81, 64)):
            with pytest.raises(error) as caught:
                call()
            assert type(caught.value) is error
            assert caught.value.advice


def test_an_endpoint_that_is_not_there_is_an_error_in_words() -> None:
    bus = SimulatedBus(E1Firmware(SimulatedRecorder(CLOCK)))
    with open_usb(ADDRESS, timeout_seconds=1, backend=bus) as (transfer, _), pytest.raises(SourceError):
        transfer.bulk_out(0x02, b"x")


def test_a_command_that_was_taken_in_part_is_an_error() -> None:
    bus = SimulatedBus(AsciiFirmware(SimulatedRecorder(CLOCK)), short=3)
    with (
        open_usb(ADDRESS, timeout_seconds=1, backend=bus) as (transfer, _),
        pytest.raises(SourceError, match="of 17 bytes"),
    ):
        transfer.bulk_out(0x01, b"@Ver;8;00000000;#")


# --- the password ----------------------------------------------------------------------------------------------------


def secret_file(folder: Path, words: bytes = b"000000\n", mode: int = 0o600) -> Path:
    file = folder / "device-password"
    file.write_bytes(words)
    file.chmod(mode)
    return file


def test_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    secret_file(tmp_path)
    assert read_password(Path("device-password"), tmp_path, {}).reveal() == "000000"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    secret_file(tmp_path, mode=mode)
    with pytest.raises(ConfigError, match="may be read by others") as caught:
        read_password(Path("device-password"), tmp_path, {})
    assert "000000" not in caught.value.message + caught.value.advice


@pytest.mark.parametrize("words", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"x" * 300])
def test_a_file_that_holds_no_one_line_is_refused(tmp_path: Path, words: bytes) -> None:
    secret_file(tmp_path, words)
    with pytest.raises(ConfigError):
        read_password(Path("device-password"), tmp_path, {})


@pytest.mark.parametrize("kind", ["missing", "link", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "given"
    if kind == "link":
        path.symlink_to(secret_file(tmp_path))
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(ConfigError):
        read_password(path, tmp_path, {})


@pytest.fixture
def credentials(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "credentials"
    folder.mkdir()
    yield folder


def test_a_credential_of_systemd_goes_before_a_file(tmp_path: Path, credentials: Path) -> None:
    secret_file(tmp_path, b"file\n")
    secret_file(credentials, b"credential\n", mode=0o440)
    environment = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert read_password(Path("device-password"), tmp_path, environment).reveal() == "credential"
    assert read_password(tmp_path / "device-password", tmp_path, environment).reveal() == "file"
