"""A frozen machine on which the station runs already: it is resumed in seconds, where a start would take a minute.

The tool keeps images as folders `image/NAME` with `vmlinuz`, `initrd.img`, `root.qcow2` and, of a frozen machine,
`booted.qcow2`, `booted.state` and `booted.for`. This makes one more of them, from the tool's own.
"""

import os
import shutil
from pathlib import Path

from tests.lab import docklab
from tests.lab.software import digest, software_image
from tests.lab.station_vm import StationVm

_PREFIX = "ingestd-"
_HERE = Path(__file__).parent


def station_image() -> str:
    """The name of the tool's image with the station as its sources are now; made once for each state of them.

    Only the newest one is kept: it has half a gigabyte.
    """
    docklab.build_guest()
    software = software_image()
    parts = [_HERE / name for name in ("guest.py", "install.py", "frozen.py", "station_vm.py")]
    name = f"{_PREFIX}{software.stem.removeprefix('software-')}-{digest(parts)}"
    with docklab.building():
        images = Path(docklab.load().Lab("build").image_dir).parent
        if not (images / name / "booted.state").exists():
            for old in images.glob(f"{_PREFIX}*"):
                shutil.rmtree(old)
            _build(images / "default", images / name)
    return name


def _build(plain: Path, image: Path) -> None:
    vm = StationVm(f"build-{os.getpid()}")
    try:
        vm.lab.boot()
        vm.make_station()
        image.mkdir()
        vm.freeze(image / "state")
        shutil.move(Path(vm.lab.dir) / "root.qcow2", image / "booted.qcow2")
    finally:
        vm.stop()
    for name in ("vmlinuz", "initrd.img", "root.qcow2"):
        (image / name).symlink_to(plain / name)
    shutil.copy(plain / "booted.for", image / "booted.for")
    # Last: with it the image is whole.
    (image / "state").rename(image / "booted.state")
