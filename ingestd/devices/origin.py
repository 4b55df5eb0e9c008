"""Where dropped material comes from: the declaration at the top of a folder, and what it makes of the identity."""

import os
from dataclasses import dataclass, replace

from ingestd.core.errors import SourceError
from ingestd.core.findings import Finding, finding
from ingestd.core.model import EntryKind, Inlet, RecorderIdentity
from ingestd.core.origin import DECLARATION_NAME, MOST_BYTES, Declaration, Origin, read_declaration
from ingestd.devices.card import CardListing, open_source

_DECLARING = (Inlet.INBOX, Inlet.COMMAND)
"""What people put there by hand. On a recorder such a file is a file like any other: footage of the bureau must not be
passed off as somebody else's by whoever had the card."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of a docking, and what must be said of that."""

    origin: Origin | None = None
    findings: tuple[Finding, ...] = ()


def declared_origin(root_fd: int, listing: CardListing, inlet: Inlet, told: Origin | None) -> Declared:
    """The origin that a docking is declared to have. Never raises for what stands in a file.

    Args:
        told: by the person who gave the command; stands before a file that says otherwise.
    """
    entry = next((one for one in listing.entries if one.path.text == DECLARATION_NAME), None)
    if entry is None or inlet not in _DECLARING:
        return Declared(told)
    if entry.kind is not EntryKind.FILE:
        read = Declaration(fault="no ordinary file")
    else:
        try:
            with os.fdopen(open_source(root_fd, entry.path), "rb") as file:
                read = read_declaration(file.read(MOST_BYTES + 1))
        except SourceError as error:
            read = Declaration(fault=error.message)
        except OSError as error:
            read = Declaration(fault=f"cannot be read ({error.strerror})")
    if read.origin is None:
        return Declared(told, (_unclear(read.fault, told),))
    if told is not None and (told.kind, told.source) != (read.origin.kind, read.origin.source):
        return Declared(told, (_unclear(f"it says {read.origin.kind.value}, from {read.origin.source}", told),))
    return Declared(told or read.origin)


def of_no_recorder(identity: RecorderIdentity, origin: Origin) -> RecorderIdentity:
    """The identity of what is declared to come from elsewhere: no recorder's, whatever its file names say.

    What names and medium say stays in the evidence. Equal bytes are compared within what came by the same way and is
    declared to be the same.
    """
    return replace(
        identity,
        recorder_id=None,
        key=f"origin:{origin.kind.value}:{origin.source}:{identity.key}",
        evidence=(*identity.evidence, ("origin", origin.words)),
        findings=tuple(one for one in identity.findings if not one.code.startswith("identity.")),
    )


def _unclear(words: str, used: Origin | None) -> Finding:
    evidence = {"words": words, "used": used.document() if used is not None else None}
    return finding("origin.unclear", file=DECLARATION_NAME, evidence=evidence)
