"""Ambarella 4255:0001 by bulk frames in ASCII: `@Ver;8;00000000;#` and its kin.

Seen in the public project BigBadMuttuH/AmbaBodyCam; see docs/design/dialects.md.
"""

import datetime as dt
from typing import ClassVar, Final

from ingestd.core.errors import RefusedError, SourceError, SourceGoneError
from ingestd.devices.dialects.api import Capability, Outcome, Password, RecorderApi, ascii_password, refused_password
from ingestd.devices.dialects.info import DeviceInfo, device_number
from ingestd.devices.dialects.transfer import awaited, not_understood

OUT_ENDPOINT: Final = 0x01
IN_ENDPOINT: Final = 0x81
ANSWER_BYTES: Final = 64
PASSWORD_BYTES: Final = 8
FILLER: Final = "12345678"
"""What the known frames carry where nothing is told; what it means is not known."""

_NOT_IN_A_FIELD = frozenset(";#@")


def build_frame(*fields: str) -> bytes:
    """`@`, the fields each followed by `;`, `#`.

    Raises:
        ValueError: a field is empty, not printable ASCII, or holds a mark of the frame.
    """
    for one in fields:
        if not one or not one.isascii() or not one.isprintable() or _NOT_IN_A_FIELD & set(one) or " " in one:
            raise ValueError(f"{one!r} cannot stand in a frame")
    return ("@" + "".join(f"{one};" for one in fields) + "#").encode("ascii")


def parse_frame(data: bytes, what: str) -> tuple[str, ...]:
    """The fields of a frame, or of an answer, which may lack `@`, the last `;` and `#`.

    Raises:
        SourceError: it holds no field, or bytes that are not printable ASCII.
    """
    try:
        text = data.decode("ascii").strip("\0\r\n ")
    except UnicodeDecodeError as error:
        raise not_understood(what, data) from error
    fields = tuple(text.removeprefix("@").removesuffix("#").removesuffix(";").split(";"))
    if not text.isprintable() or not all(fields):
        raise not_understood(what, data)
    return fields


class AmbarellaAscii(RecorderApi):
    """Unlocks, tells its number, sets its clock, becomes a disk. Its clock cannot be read."""

    name: ClassVar[str] = "ambarella_ascii"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.INFO, Capability.SET_CLOCK, Capability.BECOME_DISK}
    )

    def _password_bytes(self, password: Password) -> bytes:
        raw = ascii_password(password, (PASSWORD_BYTES,))
        if not raw.isalnum():
            raise RefusedError("this dialect takes a password of letters and digits only, the file has others")
        return raw

    def _unlock(self, password: Password) -> Outcome:
        try:
            fields = self._exchange("Ver", "8", self._password_bytes(password).decode("ascii"))
        except SourceGoneError:
            return Outcome.LEFT
        if fields[0] != "Ver":
            raise not_understood("Ver", ";".join(fields).encode("ascii"))
        if fields[1:2] != ("OK",):
            raise refused_password()
        return Outcome.DONE

    def _read_info(self) -> DeviceInfo:
        fields = self._exchange("Gdv", "8", FILLER)
        raw = ";".join(fields).encode("ascii")
        if fields[0] != "Gdv" or len(fields) < 3:
            raise not_understood("Gdv", raw)
        return DeviceInfo(device_number=device_number(fields[2], "Gdv", raw))

    def _set_clock(self, local: dt.datetime) -> str:
        answers = (
            self._obeyed("Sdt", "8", f"{local:%Y%m%d}"),
            # Length 6 before eight digits, as the frame was seen.
            self._obeyed("Stm", "6", f"{local:%H%M%S}00"),
        )
        return " ".join(answers)

    def _become_disk(self) -> Outcome:
        try:
            self._transfer.bulk_out(OUT_ENDPOINT, build_frame("ATH", "8", FILLER))
        except SourceGoneError:
            return Outcome.LEFT
        try:
            self._transfer.bulk_in(IN_ENDPOINT, ANSWER_BYTES)
        except SourceGoneError:
            return Outcome.LEFT
        except SourceError:
            # A recorder on its way to become a disk need not answer.
            return Outcome.ASKED
        return Outcome.ASKED

    def _obeyed(self, *fields: str) -> str:
        """What a command was answered with. Only that it speaks of an error is known of such an answer."""
        answer = ";".join(self._exchange(*fields))
        if "ERROR" in answer.upper():
            raise RefusedError(f"the recorder refused {fields[0]}", "unlock it first")
        return answer

    def _exchange(self, *fields: str) -> tuple[str, ...]:
        self._transfer.bulk_out(OUT_ENDPOINT, build_frame(*fields))
        return parse_frame(awaited(lambda: self._transfer.bulk_in(IN_ENDPOINT, ANSWER_BYTES)), fields[0])
