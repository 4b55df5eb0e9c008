"""A way to a card, with what its recorder told of itself before it was a disk."""

from collections.abc import Callable, Mapping

from ingestd.devices.mounts import Mounted, Mounter


class ToldMounter:
    """Mounts as another one does, and adds to what is known of the volume.

    Args:
        mounter: the way to the card.
        told: asked once the card is mounted: keys and texts as of `Mounted.volume`. Must not raise.
    """

    def __init__(self, mounter: Mounter, told: Callable[[], Mapping[str, str]]) -> None:
        self._mounter = mounter
        self._told = told

    def mount(self) -> Mounted:
        """As `Mounter.mount`."""
        mounted = self._mounter.mount()
        mounted.volume = {**mounted.volume, **self._told()}
        return mounted
