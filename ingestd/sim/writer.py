"""Writes the entries of a simulated card, one after the other, and notes what is true of each."""

import datetime as dt
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from ingestd.core.clock import to_text
from ingestd.core.errors import RefusedError
from ingestd.core.facts import StreamKind
from ingestd.core.manifest import sha256_of
from ingestd.core.stop import Stop
from ingestd.media.clipspec import ClipSpec, Cut, Jump
from ingestd.media.footage import encode_clip, translated
from ingestd.media.scene import Scene
from ingestd.media.stills import write_photo, write_sound
from ingestd.sim.damage import tear_behind_index, tear_without_index, zero_block
from ingestd.sim.faults import AT_END, IN_SET, Fault
from ingestd.sim.plan import CardPlan, Slot
from ingestd.sim.truth import CardTruth, ExpectedFinding, TruthFile, shown

NORMAL_FOLDER = "DCIM/100ANDRO"
IMPORTANT_FOLDER = "DCIM/101ANDRO"

_HOLE_SECONDS = 2
_JUMP_SECONDS = 30.0
_SOUND_SECONDS = 3

_HOSTILE_STEMS = (b"two\nlines", "现场".encode("gb18030"), b".", b"n" * 250)
"""With their extension: a newline, no UTF-8, two dots in front, 250 characters."""


@dataclass
class CardWriter:
    """One card on its way to the disk."""

    plan: CardPlan
    slots: tuple[Slot, ...]
    root: Path
    progress: Callable[[str, int, int], None] | None
    stop: Stop
    _files: list[TruthFile] = field(default_factory=list)
    _expected: list[ExpectedFinding] = field(default_factory=list)
    _log: list[tuple[dt.datetime, str]] = field(default_factory=list)

    def write(self) -> CardTruth:
        """Write everything.

        Raises:
            RefusedError: the folder holds something.
            MediaError, StoreFullError: a file could not be written.
            StoppedError: the work was asked to stop.
        """
        self._make_folders()
        plan = self.plan
        for slot in self.slots:
            if slot.fault is not Fault.MISSING_SEGMENT:
                self._write_segment(slot)
        self._expect_between()
        after = self.slots[-1].next_utc
        number = self.slots[-1].sequence
        self._write_photo(after + dt.timedelta(seconds=60), number + 1)
        self._write_sound(after + dt.timedelta(seconds=120), number + 2)
        with translated(self.root):
            self._write_beside(after + dt.timedelta(seconds=180))
            self._write_texts()
        return CardTruth(
            seed=plan.seed,
            device=plan.device,
            user=plan.user,
            zone=plan.zone,
            format=plan.format.value,
            files=tuple(sorted(self._files, key=lambda file: file.path)),
            expected=tuple(self._expected),
        )

    def _make_folders(self) -> None:
        root = self.root
        with translated(root):
            if root.exists() and (not root.is_dir() or any(root.iterdir())):
                raise RefusedError(f"{root} is not an empty folder", "name a new folder: nothing is ever overwritten")
            for folder in (NORMAL_FOLDER, IMPORTANT_FOLDER, "LOGS"):
                (root / folder).mkdir(parents=True, exist_ok=True)

    def _write_segment(self, slot: Slot) -> None:
        plan = self.plan
        relative = self._segment_name(slot)
        path = self._next(relative)
        spec = self._spec(slot.start_utc, slot.seconds, slot.fault)
        intact_s: float | None = None
        if slot.fault is Fault.EMPTY:
            with translated(path):
                path.touch()
            self._expect(slot.fault, relative)
        else:
            holes = encode_clip(spec, path).holes
            with translated(path):
                intact_s = self._damage(slot.fault, path, relative, holes)
        kind = "empty" if slot.fault is Fault.EMPTY else "video"
        truth = self._add(relative.encode("ascii"), kind, slot.start_utc, spec.end_utc, slot.sequence, slot.fault)
        self._files[-1] = replace(
            truth,
            take=slot.take,
            segment=slot.segment,
            is_important=slot.is_important,
            is_pre_record=slot.is_pre_record,
            intact_until_s=intact_s,
        )
        if slot.segment == 0:
            self._log.append((slot.start_utc, f"REC START {slot.sequence:04d}"))
        if slot.is_important:
            self._log.append((slot.start_utc, f"IMP MARK {slot.sequence:04d}"))
        if slot.segment == plan.segments - 1:
            self._log.append((spec.end_utc, f"REC STOP {slot.sequence:04d}"))

    def _spec(self, start_utc: dt.datetime, seconds: int, fault: Fault | None = None) -> ClipSpec:
        plan = self.plan
        cut_of = {Fault.DROPPED_GOP: StreamKind.VIDEO, Fault.AUDIO_HOLE: StreamKind.AUDIO}
        kind = cut_of.get(fault) if fault is not None else None
        hole_s = seconds // 2 - 1
        return ClipSpec(
            start_utc=start_utc,
            zone=plan.zone,
            seconds=seconds,
            format=plan.format,
            seed=plan.seed,
            caption=f"{plan.device} {plan.user} SIM",
            width=plan.width,
            height=plan.height,
            fps=plan.fps,
            gop_seconds=plan.gop_seconds,
            lost_frames=plan.lost_frames,
            has_audio=fault is not Fault.NO_AUDIO,
            is_index_first=fault is Fault.TORN_FRONT,
            cuts=(Cut(kind, hole_s, hole_s + _HOLE_SECONDS),) if kind is not None else (),
            jump=Jump(float(seconds // 2), _JUMP_SECONDS) if fault is Fault.TIME_JUMP else None,
        )

    def _damage(self, fault: Fault | None, path: Path, relative: str, holes: tuple[Cut, ...]) -> float | None:
        """Edit the finished clip where its fault wants that; note what is expected; give the last intact second."""
        if fault in (Fault.DROPPED_GOP, Fault.AUDIO_HOLE, Fault.TIME_JUMP):
            (hole,) = holes
            self._expect(fault, relative, start_s=hole.start_s, end_s=hole.end_s)
        elif fault is Fault.NO_AUDIO:
            self._expect(fault, relative)
        elif fault in (Fault.TORN, Fault.TORN_FRONT):
            intact_s = tear_without_index(path) if fault is Fault.TORN else tear_behind_index(path)
            self._expect(fault, relative, start_s=intact_s)
            return intact_s
        elif fault is Fault.ZEROED:
            block = zero_block(path)
            span = ((block.from_byte, block.to_byte),)
            self._expect(fault, relative, start_s=block.start_s, end_s=block.end_s, span=span)
        return None

    def _expect(
        self,
        fault: Fault,
        *files: str,
        start_s: float | None = None,
        end_s: float | None = None,
        span: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        self._expected.append(ExpectedFinding(fault.value, fault.code, files, start_s, end_s, bytes=span))

    def _expect_between(self) -> None:
        """What the set faults and the pre-records should make the station say, by the true times."""
        for number, (before, slot) in enumerate(pairwise(self.slots)):
            if before.fault is Fault.MISSING_SEGMENT:
                continue
            after = self.slots[number + 2] if slot.fault is Fault.MISSING_SEGMENT else slot
            fault = slot.fault if slot.fault in IN_SET else None
            is_pre_record = slot.is_pre_record
            if fault is None and not is_pre_record:
                continue
            if fault is not Fault.MISSING_SEGMENT and (before.fault in AT_END or after.fault is Fault.EMPTY):
                # What would lie between them cannot be told any more.
                continue
            first, last = sorted((before.end_utc, after.start_utc))
            self._expected.append(
                ExpectedFinding(
                    fault=fault.value if fault is not None else "pre-record",
                    code=fault.code if fault is not None else Fault.OVERLAP.code,
                    files=(self._segment_name(before), self._segment_name(after)),
                    start_s=0.0,
                    end_s=round((last - first).total_seconds(), 6),
                    start_utc=to_text(first),
                    end_utc=to_text(last),
                    severity="info" if is_pre_record else None,
                    absent=self._segment_name(slot) if fault is Fault.MISSING_SEGMENT else None,
                )
            )

    def _write_photo(self, at_utc: dt.datetime, sequence: int) -> None:
        relative = self._name(at_utc, sequence, ".jpg")
        scene = Scene(self.plan.seed, self.plan.zone, f"{self.plan.device} {self.plan.user} SIM", 640, 360)
        write_photo(self._next(relative), scene=scene, at_utc=at_utc)
        self._add(relative.encode("ascii"), "photo", at_utc, at_utc, sequence)
        self._log.append((at_utc, f"PHOTO {sequence:04d}"))

    def _write_sound(self, start_utc: dt.datetime, sequence: int) -> None:
        relative = self._name(start_utc, sequence, ".wav")
        end_utc = start_utc + dt.timedelta(seconds=_SOUND_SECONDS)
        write_sound(self._next(relative), seed=self.plan.seed, start_utc=start_utc, seconds=_SOUND_SECONDS)
        self._add(relative.encode("ascii"), "audio", start_utc, end_utc, sequence)
        self._log.append((start_utc, f"AUDIO {sequence:04d}"))

    def _write_beside(self, start_utc: dt.datetime) -> None:
        """Entries that belong to no take: links, pipes, odd names, unknown types."""
        for fault in self.plan.beside:
            if fault is Fault.HOSTILE_NAMES:
                self._write_hostile_names(start_utc)
                continue
            name = {Fault.LINK: "passwd.mp4", Fault.FIFO: "live.mp4"}.get(fault, "STATUS.DAT")
            relative = f"{NORMAL_FOLDER}/{name}"
            path = self._next(relative)
            if fault is Fault.LINK:
                path.symlink_to("/etc/passwd")
            elif fault is Fault.FIFO:
                os.mkfifo(path)
            else:
                path.write_bytes(random.Random(f"{self.plan.seed}:dat").randbytes(4096))
            kind = {Fault.LINK: "link", Fault.FIFO: "fifo"}.get(fault, "unknown")
            self._add(relative.encode("ascii"), kind, None, start_utc, fault=fault)
            self._expect(fault, relative)

    def _write_hostile_names(self, start_utc: dt.datetime) -> None:
        extension = self.plan.format.extension.encode("ascii")
        files: list[str] = []
        for number, stem in enumerate(_HOSTILE_STEMS):
            moment = start_utc + dt.timedelta(seconds=60 * number)
            relative = NORMAL_FOLDER.encode("ascii") + b"/" + stem[: 250 - len(extension)] + extension
            spec = self._spec(moment, 2)
            # Encoders take names as UTF-8 only: the clip gets its real name once it is whole.
            made = self.root / NORMAL_FOLDER / f"hostile-{number}{self.plan.format.extension}"
            self._next(shown(relative)[0])
            encode_clip(spec, made)
            made.rename(self.root / os.fsdecode(relative))
            self._add(relative, "video", moment, spec.end_utc, fault=Fault.HOSTILE_NAMES)
            files.append(shown(relative)[0])
        self._expect(Fault.HOSTILE_NAMES, *files)

    def _write_texts(self) -> None:
        plan = self.plan
        local = plan.start_local
        made = local.replace(tzinfo=plan.zone_info).astimezone(dt.UTC)
        info = (
            f"DeviceNo={plan.device}\r\nUserNo={plan.user}\r\nUserName=模拟警员\r\nUnitName=模拟执法大队\r\n"
            "Model=SIMULATED\r\nFirmware=1.0.0\r\n"
        )
        self._write_text("DEVINFO.TXT", info.encode("gb18030"), made)
        lines = [
            f"{moment.astimezone(plan.zone_info):%Y-%m-%d %H:%M:%S} {words}\r\n"
            for moment, words in sorted([(made, "POWER ON"), *self._log])
        ]
        self._write_text(f"LOGS/{local:%Y%m%d}.log", "".join(lines).encode("ascii"), max(self._log)[0])

    def _write_text(self, relative: str, data: bytes, at_utc: dt.datetime) -> None:
        self._next(relative).write_bytes(data)
        self._add(relative.encode("ascii"), "text", None, at_utc)

    def _add(
        self,
        relative: bytes,
        kind: str,
        start_utc: dt.datetime | None,
        end_utc: dt.datetime,
        sequence: int | None = None,
        fault: Fault | None = None,
    ) -> TruthFile:
        """Give a finished entry its modification time and put it on the list. Only recordings have a true start."""
        path = self.root / os.fsdecode(relative)
        with translated(path):
            is_plain = kind not in ("link", "fifo")
            data = path.read_bytes() if is_plain else b""
            mtime_ns = int(end_utc.timestamp()) // 2 * 2 * 1_000_000_000
            os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)
        text, raw_b64 = shown(relative)
        truth = TruthFile(
            path=text,
            kind=kind,
            raw_b64=raw_b64,
            size_bytes=len(data) if is_plain else None,
            sha256=sha256_of(data) if is_plain else None,
            start_utc=to_text(start_utc) if start_utc is not None else None,
            end_utc=to_text(end_utc) if start_utc is not None else None,
            sequence=sequence,
            fault=fault.value if fault is not None else None,
        )
        self._files.append(truth)
        return truth

    def _next(self, relative: str) -> Path:
        self.stop.check()
        if self.progress is not None:
            self.progress(relative, len(self._files), self._total)
        return self.root / relative

    @property
    def _total(self) -> int:
        """Segments, photo, sound, information and log, then what the faults bring."""
        segments = sum(slot.fault is not Fault.MISSING_SEGMENT for slot in self.slots)
        hostile = len(_HOSTILE_STEMS) - 1 if Fault.HOSTILE_NAMES in self.plan.beside else 0
        return segments + 4 + len(self.plan.beside) + hostile

    def _segment_name(self, slot: Slot) -> str:
        return self._name(slot.start_utc, slot.sequence, self.plan.format.extension, is_important=slot.is_important)

    def _name(self, start_utc: dt.datetime, sequence: int, extension: str, *, is_important: bool = False) -> str:
        """A path of the GA/T style: device 7, user 6 with local time 14, sequence 4, mark."""
        local = start_utc.astimezone(self.plan.zone_info)
        stem = f"{self.plan.device}_{self.plan.user}{local:%Y%m%d%H%M%S}_{sequence % 10_000:04d}"
        folder, mark = (IMPORTANT_FOLDER, "_IMP") if is_important else (NORMAL_FOLDER, "")
        return f"{folder}/{stem}{mark}{extension}"
