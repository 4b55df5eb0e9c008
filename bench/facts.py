"""Facts of long recordings from their index, in one warm worker, against ffprobe with all packets as JSON; cold."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from bench.paired import Measured, Watch, Way, in_turn
from ingestd.media.sandbox import MediaWorker

FILES = int(os.environ.get("BENCH_FACTS_FILES", "50"))
FILE_BYTES = int(os.environ.get("BENCH_FACTS_BYTES", str(450_000_000)))
FILE_SECONDS = int(os.environ.get("BENCH_FACTS_SECONDS", "600"))
ROUNDS = int(os.environ.get("BENCH_FACTS_ROUNDS", "1"))

BASE = "ffprobe -show_packets -of json"
WARM = "one warm worker: probe"
RATE, SOUND_HZ, SOUND_SAMPLES = 30, 48_000, 1024
_PROBE = ("ffprobe", "-v", "error", "-show_packets", "-of", "json")
_MEMORY_BYTES = 192 * 1024 * 1024
_TIMEOUT_SECONDS = 120.0


def main() -> Measured:
    """Write one long file under many names, then read the facts of each in turn by every way."""
    if shutil.which("ffprobe") is None:
        sys.exit("ffprobe is not here; it comes with the package ffmpeg")
    with (
        tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch,
        MediaWorker(_MEMORY_BYTES) as media,
    ):
        first = Path(scratch) / "0000.mp4"
        write_long(first)
        files = [first]
        for number in range(1, FILES):
            # One file on the disk: its pages are let go of before each reading, whatever its name.
            files.append(first.with_name(f"{number:04d}.mp4"))
            os.link(first, files[-1])
        media.request("limits", (), {}, _TIMEOUT_SECONDS)
        read: dict[str, list[float]] = {"share of the file read, worker": []}

        def warm(watch: Watch) -> None:
            for path in files:
                with watch.halted():
                    forget(path)
                    before = bytes_read(media.pid or 0)
                descriptor = os.open(path, os.O_RDONLY)
                facts = media.probe(descriptor, path.stat().st_size, _TIMEOUT_SECONDS)
                os.close(descriptor)
                with watch.halted():
                    read["share of the file read, worker"].append(
                        (bytes_read(media.pid or 0) - before) / path.stat().st_size
                    )
                    assert [one.packets for one in facts.streams] == packets_of_each_stream(), facts.streams

        def by_ffprobe(watch: Watch) -> None:
            for path in files:
                with watch.halted():
                    forget(path)
                done = subprocess.run([*_PROBE, str(path)], check=True, capture_output=True)
                # Who wants facts has to read what was printed.
                packets = json.loads(done.stdout)["packets"]
                with watch.halted():
                    assert len(packets) == sum(packets_of_each_stream())

        ways: dict[str, Way] = {BASE: by_ffprobe, WARM: warm}
        seconds = in_turn(ways, ROUNDS, each_round=lambda _: None, before=lambda: None, after=lambda _: None)
        times = [base / own for base, own in zip(seconds[BASE], seconds[WARM], strict=True)]
        share = max(read["share of the file read, worker"])
        return Measured(
            f"facts: {FILES} files of {FILE_SECONDS} s and {first.stat().st_size / 1e6:.0f} MB, cold, {ROUNDS} rounds",
            BASE,
            seconds,
            {
                "times faster than ffprobe": times,
                "seconds_a_file": {name: [one / FILES for one in runs] for name, runs in seconds.items()},
                "largest share of a file read": share,
                "peak memory of the worker, MB": peak_bytes(media.pid or 0) / 1e6,
            },
        )


def packets_of_each_stream() -> list[int]:
    """Pictures and sounds of the long file."""
    return [FILE_SECONDS * RATE, FILE_SECONDS * SOUND_HZ // SOUND_SAMPLES]


def write_long(path: Path) -> None:
    """H.264 and AAC in MP4 as long and large as is wanted: a short clip again and again, with lawful filler."""
    pictures, sounds = packets_of_each_stream()
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": str(RATE)})
        voice = container.add_stream("aac", rate=SOUND_HZ, layout="mono")
        assert isinstance(video, VideoStream) and isinstance(voice, AudioStream)
        video.width, video.height, video.pix_fmt = 1280, 720, "yuv420p"
        group = _encoded_pictures(video)
        frame = _encoded_sound(voice)
        filler_bytes = max(
            8, FILE_BYTES // pictures - sum(map(len, group)) // len(group) - sounds * len(frame) // pictures
        )
        filler = b"\0\0\0\1\x0c" + b"\xff" * filler_bytes + b"\x80"
        heard = 0
        for number in range(pictures):
            place = number % len(group)
            _mux(container, video, group[place] + filler, number, Fraction(1, RATE), is_key=place == 0)
            while heard < sounds and heard * SOUND_SAMPLES * RATE <= number * SOUND_HZ:
                _mux(container, voice, frame, heard * SOUND_SAMPLES, Fraction(1, SOUND_HZ), is_key=True)
                heard += 1
        for rest in range(heard, sounds):
            _mux(container, voice, frame, rest * SOUND_SAMPLES, Fraction(1, SOUND_HZ), is_key=True)


def _encoded_pictures(stream: VideoStream) -> list[bytes]:
    found: list[bytes] = []
    for number in range(RATE):
        frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([(number * 3 + 90) % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        found.extend(bytes(packet) for packet in stream.encode(frame))
    found.extend(bytes(packet) for packet in stream.encode(None))
    return found


def _encoded_sound(stream: AudioStream) -> bytes:
    packets: list[bytes] = []
    for number in range(4):
        frame = av.AudioFrame("s16", "mono", SOUND_SAMPLES)
        frame.planes[0].update(os.urandom(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, number * SOUND_SAMPLES, Fraction(1, SOUND_HZ)
        packets.extend(bytes(packet) for packet in stream.encode(frame))
    return packets[-1]


def _mux(
    container: av.container.OutputContainer,
    stream: VideoStream | AudioStream,
    data: bytes,
    at: int,
    base: Fraction,
    *,
    is_key: bool,
) -> None:
    packet = av.Packet(data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, base, is_key
    packet.pts = packet.dts = at
    packet.duration = 1 if isinstance(stream, VideoStream) else SOUND_SAMPLES
    container.mux(packet)


def forget(path: Path) -> None:
    """Let the kernel forget the pages of one file, and of no other: a bench may run beside other work."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def bytes_read(pid: int) -> int:
    """What a process has asked files for, in bytes, since it began."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar")))


def peak_bytes(pid: int) -> int:
    """The most memory that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
