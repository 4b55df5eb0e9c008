"""Every error that ingestd raises on purpose: a code, an exit status, and whether trying again can help.

Outside libraries' exceptions are translated into these in the room that uses the library; only `cli` maps them to
exit statuses. A fault of the *material* (a gap, a torn file, a name that lies) is a finding, not an exception.
"""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a finished command tells the shell; documented in docs/reference/exit-status.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    UNAVAILABLE = 4
    NOT_FOUND = 5
    INTEGRITY = 6
    INCOMPLETE = 7


class IngestdError(Exception):
    """Something that prevents the work from going on.

    Args:
        message: what happened, in plain words.
        advice: the one thing to do about it; empty where nothing can be done by a person.
    """

    code = "failed"
    exit_status = ExitStatus.FAILED
    is_retryable = False

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class ConfigError(IngestdError):
    """A setting that cannot be used; the message names file, key and value, the advice the fix."""

    code = "config"
    exit_status = ExitStatus.CONFIG


class NotFoundError(IngestdError):
    """The thing asked for is not known here."""

    code = "not_found"
    exit_status = ExitStatus.NOT_FOUND


class UnavailableError(IngestdError):
    """Something needed is not there now (a socket, a lock, a port, a right)."""

    code = "unavailable"
    exit_status = ExitStatus.UNAVAILABLE
    is_retryable = True


class RefusedError(IngestdError):
    """The act is not allowed in this state or for this person."""

    code = "refused"


class StillLockedError(RefusedError):
    """A copy in another store cannot be removed yet: its lock, or a legal hold, stands there.

    Args:
        locked_until: UTC text; null for a legal hold, or where the store did not say.
    """

    code = "still_locked"

    def __init__(self, message: str, advice: str = "", *, locked_until: str | None = None) -> None:
        super().__init__(message, advice)
        self.locked_until = locked_until


class SourceError(IngestdError):
    """A file or directory of the recorder cannot be read."""

    code = "source"
    is_retryable = True


class SourceGoneError(SourceError):
    """The recorder itself is gone (pulled, powered off)."""

    code = "source_gone"


class SourceChangedError(SourceError):
    """The file is not what the listing saw, or changed while it was read."""

    code = "source_changed"


class StoreError(IngestdError):
    """The vault or the catalogue refused a read or a write."""

    code = "store"


class StoreFullError(StoreError):
    """No room (ENOSPC) or no quota (EDQUOT) for a write; resumes by itself once there is room."""

    code = "store_full"
    is_retryable = True


class IntegrityError(IngestdError):
    """Stored bytes are not the bytes that were promised."""

    code = "integrity"
    exit_status = ExitStatus.INTEGRITY


class MediaError(IngestdError):
    """The media child process gave no answer for a file (limits, crash, refusal)."""

    code = "media"


class StoppedError(IngestdError):
    """The work was asked to stop; what was promised so far holds."""

    code = "stopped"
    is_retryable = True
