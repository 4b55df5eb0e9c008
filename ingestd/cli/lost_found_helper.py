"""What `ingestd-mount@.service` runs once a volume is mounted: looks whether its `lost+found` is empty, and ends.

As the owner of that folder and of nothing else: it has root's name without root's rights, and opens no file. It is
`python -I -m ingestd.cli.lost_found_helper KERNEL_NAME`. Why: docs/design/hardening.md.
"""

import re
import sys
from pathlib import Path

from ingestd.devices.lostfound import SEEN_DIR, note_empty
from ingestd.devices.mountinfo import medium_of, volume_presence


def main(kernel_name: str, mount_dir: Path = Path("/run/ingestd/mnt"), seen_dir: Path = SEEN_DIR) -> int:
    """Leave the mark where nothing is in the folder; 1 and one line for the journal where it is otherwise."""
    point = mount_dir / kernel_name
    number = medium_of(point)
    if not re.fullmatch(r"[a-z][a-z0-9]*", kernel_name) or not number.isdecimal():
        print(f"{kernel_name!r} is no mount of the station's", file=sys.stderr)
        return 1
    try:
        is_empty = note_empty(point, seen_dir, volume_presence(f"/dev/{kernel_name}", int(number)))
    except OSError as error:
        print(f"lost+found of {kernel_name} was not seen ({error.strerror})", file=sys.stderr)
        return 1
    print(f"lost+found of {kernel_name} is {'empty' if is_empty else 'not empty'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
