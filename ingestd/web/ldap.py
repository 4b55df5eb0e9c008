"""Passwords that a directory checks: LDAP (RFC 4511), as of OpenLDAP and Active Directory.

The only importer of ldap3, which is an optional extra.
"""

import contextlib
import secrets as randomness
import ssl
import threading
from pathlib import Path
from typing import Any, Final

import structlog

from ingestd.config.problems import Problem, config_error, shown
from ingestd.config.tokens import read_secret
from ingestd.core.errors import ConfigError, UnavailableError
from ingestd.core.web_settings import ACCOUNT_PLACE, LdapSettings

try:
    from ldap3 import DEREF_NEVER, NO_ATTRIBUTES, NONE, SIMPLE, SUBTREE, Connection, Server, Tls
    from ldap3.core.exceptions import LDAPException
    from ldap3.operation.search import parse_filter
    from ldap3.utils.dn import parse_dn
except ImportError as _error:
    _FIX = "pip install 'ingestd[directory]', or take [web.ldap] out of ingestd.toml"
    raise ConfigError("web.ldap: ldap3 is not installed, without which no directory can be asked", _FIX) from _error

_SUCCESS: Final = 0
_MORE_THAN_ASKED: Final = 4
_WRONG: Final = (32, 48, 49)
"""noSuchObject, inappropriateAuthentication (an entry without a password), and invalidCredentials (RFC 4511, appendix
A)."""
_AT_ONCE: Final = 8
"""So many ask at the same time: a directory that hangs must not hold every thread of the console."""
_MOST_PASSWORD_BYTES: Final = 4096

_log = structlog.get_logger()


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


AWAY: Final = _("The directory that checks passwords does not answer. Your password was not refused; try again later.")


class Directory:
    """One directory. Safe from many threads: each question is a connection of its own.

    Args:
        folder: where relative paths of the settings start.

    Raises:
        ConfigError: a file of the settings cannot be used, or a name or filter in them is none.
    """

    def __init__(self, settings: LdapSettings, folder: Path) -> None:
        self._settings = settings
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._bind_password = _password_of(settings, folder)
        _check_templates(settings, folder)
        self._tls = _tls(settings, folder)
        self._is_secured = settings.is_ldaps or settings.start_tls

    def is_right(self, account: str | None, password: str) -> bool:
        """Whether a password is the one of an account at the directory. An empty one is never sent.

        Args:
            account: null for nobody: the directory is asked as long for a name that is nobody's.

        Raises:
            UnavailableError: the directory does not answer, or not to this question.
        """
        sent = password.encode("utf-8", "surrogatepass")
        if not sent:
            # A server takes an empty one for no authentication at all, and says that it went well (RFC 4513, 5.1.2).
            return False
        if account is None or b"\0" in sent:
            account, sent = f"nobody-{randomness.token_hex(8)}", _nobodys_password()
        if not self._turns.acquire(timeout=self._settings.timeout_seconds):
            raise _away("too many questions at once")
        try:
            return self._is_proved(escaped(account), sent)
        except (LDAPException, OSError) as error:
            raise _away(f"{type(error).__name__}: {error}") from error
        finally:
            self._turns.release()

    def _is_proved(self, name: str, password: bytes) -> bool:
        # A new one for each question: it remembers an address that did not answer, and asks it no more.
        server = Server(
            self._settings.host,
            self._settings.port,
            use_ssl=self._settings.is_ldaps,
            tls=self._tls,
            get_info=NONE,
            connect_timeout=self._settings.timeout_seconds,
        )
        connection = Connection(
            server,
            authentication=SIMPLE,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=self._settings.timeout_seconds,
        )
        try:
            connection.open(read_server_info=False)
            if self._settings.start_tls and not self._settings.is_ldaps:
                connection.start_tls(read_server_info=False)
            if self._is_secured and not isinstance(connection.socket, ssl.SSLSocket):
                raise _away("the connection is not encrypted")
            entry = self._entry(connection, name)
            if entry is None:
                # One question more, as for somebody who is there: the time does not tell who is.
                entry, password = f"cn=nobody-{name},{self._settings.base}", _nobodys_password()
                self._is_bound(connection, entry, password)
                return False
            return self._is_bound(connection, entry, password)
        finally:
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()

    def _entry(self, connection: Any, name: str) -> str | None:
        """The distinguished name of a person's entry; null unless exactly one is the person's."""
        settings = self._settings
        if settings.user_dn:
            return settings.user_dn.replace(ACCOUNT_PLACE, name)
        if settings.bind_dn and not self._is_bound(connection, settings.bind_dn, self._bind_password):
            raise _away("the directory refuses web.ldap.bind_dn with the password of web.ldap.bind_password_file")
        connection.search(
            settings.base,
            settings.filter.replace(ACCOUNT_PLACE, name),
            SUBTREE,
            dereference_aliases=DEREF_NEVER,
            attributes=[NO_ATTRIBUTES],
            size_limit=2,
            time_limit=settings.timeout_seconds,
        )
        code = connection.result["result"]
        if code not in (_SUCCESS, _MORE_THAN_ASKED):
            raise _away(f"the search below web.ldap.base: {connection.result['description']}")
        # What refers to other servers is left out: no password follows it there.
        found = [one["dn"] for one in connection.response or () if one["type"] == "searchResEntry"]
        if len(found) > 1:
            _log.warning("directory.entries_not_one", account=name)
        return found[0] if len(found) == 1 and code == _SUCCESS else None

    def _is_bound(self, connection: Any, entry: str, password: bytes) -> bool:
        connection.rebind(entry, password, authentication=SIMPLE, read_server_info=False)
        code = connection.result["result"]
        if code == _SUCCESS:
            return True
        if code in _WRONG:
            return False
        raise _away(f"the bind: {connection.result['description']}")


class _Tls(Tls):  # type: ignore[misc]
    """TLS with Python's own checks of certificate and host: ldap3's take a function that newer Pythons have no more."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Encrypt what is connected; `do_handshake` is ldap3's, and it is always done."""
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)


def escaped(name: str) -> str:
    r"""A name as it may stand in a distinguished name (RFC 4514) and in a filter (RFC 4515): letters and digits as they
    are, every byte of other characters as `\xx`, which both of them read alike.
    """
    return "".join(
        one if one.isalnum() else "".join(f"\\{byte:02x}" for byte in one.encode("utf-8", "surrogatepass"))
        for one in name
    )


def _nobodys_password() -> bytes:
    return randomness.token_urlsafe(16).encode("ascii")


def _away(reason: str) -> UnavailableError:
    """What the person is told; whoever keeps the station finds the reason in the journal."""
    _log.warning("directory.unavailable", reason=reason)
    return UnavailableError(AWAY)


def _tls(settings: LdapSettings, folder: Path) -> "_Tls":
    ca_file = folder / settings.ca_file if settings.ca_file is not None else None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        fix = "give a file with the certificate of whoever signed the directory's, in PEM"
        problem = Problem(folder / "ingestd.toml", "web.ldap.ca_file", str(error), fix, shown(str(settings.ca_file)))
        raise config_error([problem]) from error
    return _Tls(context)


def _password_of(settings: LdapSettings, folder: Path) -> bytes:
    """Of whoever searches; empty where nobody needs one."""
    if settings.bind_password_file is None:
        return b""
    key, fix = "web.ldap.bind_password_file", "put the password there, one line, mode 0600"
    path, raw = read_secret(settings.bind_password_file, folder, key, fix, most_bytes=_MOST_PASSWORD_BYTES)
    password = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not password or b"\n" in password or len(raw) > _MOST_PASSWORD_BYTES:
        raise config_error([Problem(path, key, "does not hold one line", fix)])
    return password


def _check_templates(settings: LdapSettings, folder: Path) -> None:
    """Refuse a name or filter that no question could be made of."""
    for key, template in (("user_dn", settings.user_dn), ("base", settings.base), ("filter", settings.filter)):
        filled = template.replace(ACCOUNT_PLACE, "x")
        try:
            if key == "filter" and filled:
                parse_filter(filled, None, True, True, None, False)
            elif filled:
                parse_dn(filled)
        except LDAPException as error:
            fix = (
                'write it as in "(sAMAccountName={account})"' if key == "filter" else 'write it as in "ou=people,dc=…"'
            )
            problem = Problem(
                folder / "ingestd.toml", f"web.ldap.{key}", f"cannot be read: {error}", fix, shown(template)
            )
            raise config_error([problem]) from error
