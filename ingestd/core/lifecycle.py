"""The states of a recording, each a promise, and the moves between them."""

from enum import StrEnum


class State(StrEnum):
    """What the station promises about a recording. Each state includes the promises of those before it."""

    SEALED = "sealed"
    """Its bytes stand in the vault, re-read from the medium and equal to what the recorder gave; birth sidecar and
    ledger entry exist. The recorder may be removed; erasing needs a proof of its own."""

    ANALYSED = "analysed"
    """Facts and findings of the file are in the ledger, or the finding that says why there are none."""

    TAGGED = "tagged"
    """Who, when, where and which device are written down, each with its source."""

    CATALOGUED = "catalogued"
    """Until when it is kept at least, and why, is decided and stored."""

    EVICTED = "evicted"
    """The local bytes are gone; at least one named replica holds them, verified."""

    CONDEMNED = "condemned"
    """Its disposal was approved and has begun: its bytes may be gone, here or anywhere, and nothing is made of them. A
    hold that comes before the last copy went takes it back."""

    DISPOSED = "disposed"
    """The bytes are gone everywhere on a basis that the ledger names, or kept only for another recording that has the
    same; this row and its certificate stay for ever."""

    @property
    def has_local_bytes(self) -> bool:
        """Whether the vault of this station must hold the content."""
        return self not in (State.EVICTED, State.CONDEMNED, State.DISPOSED)


ALLOWED_MOVES: dict[State, frozenset[State]] = {
    State.SEALED: frozenset({State.ANALYSED}),
    State.ANALYSED: frozenset({State.TAGGED}),
    State.TAGGED: frozenset({State.CATALOGUED}),
    State.CATALOGUED: frozenset({State.EVICTED, State.CONDEMNED}),
    State.EVICTED: frozenset({State.CATALOGUED, State.CONDEMNED}),
    State.CONDEMNED: frozenset({State.CATALOGUED, State.EVICTED, State.DISPOSED}),
    State.DISPOSED: frozenset(),
}


class Fate(StrEnum):
    """What became of one entry of a card at one docking. Their sum is the accounting of the docking."""

    PENDING = "pending"
    """Listed; nothing of it is ours yet."""

    COPIED = "copied"
    """A new recording was sealed from it."""

    ALREADY_HELD = "already_held"
    """Read in full; its bytes equal a recording of this recorder that the vault holds."""

    QUARANTINED = "quarantined"
    """Not an ordinary file (link, device, pipe): noted with its finding, never followed or opened."""

    EXCLUDED = "excluded"
    """Left on the recorder by a rule of the configuration; the rule is named."""

    PARTIAL = "partial"
    """Sealed with what could be read: ranges that the medium refused are zeros, mapped in a finding and in the birth
    sidecar. The docking is not complete."""

    UNREADABLE = "unreadable"
    """The recorder would give nothing of it, or not even its description; the finding says what failed."""

    @property
    def is_secured(self) -> bool:
        """Whether every byte of the entry stands in the vault."""
        return self in (Fate.COPIED, Fate.ALREADY_HELD)

    @property
    def is_settled(self) -> bool:
        """Whether a docking with this fate can be complete."""
        return self not in (Fate.PENDING, Fate.PARTIAL, Fate.UNREADABLE)


class BayState(StrEnum):
    """What a bay shows to the person in front of it."""

    FREE = "free"
    READING = "reading"
    COPYING = "copying"
    VERIFYING = "verifying"
    DONE = "done"
    """All is sealed and accounted for: the recorder may be removed."""
    ATTENTION = "attention"
    """Something needs a person; the bay's message says what."""
