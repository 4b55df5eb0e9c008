"""One request as a page sees it, and what a page may answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ingestd.core.errors import RefusedError
from ingestd.core.roles import Right
from ingestd.web.console import Console
from ingestd.web.languages import Language, translations
from ingestd.web.visitors import Visitor

Endpoint = Callable[["Visit"], Response]

SAID_COOKIE: Final = "said"
_MOST_SAID: Final = 300


@dataclass(frozen=True, slots=True)
class Page:
    """A path of the console, what it answers, and who may come.

    Args:
        path: as Starlette has it: `/recordings/{recording}`.
        endpoint: called in a thread of its own; may block.
        right: that somebody must hold; null for everybody, signed in or not.
        methods: one of GET and POST, or both. What changes something is a POST.
        is_at_dock: the dock's own browser may come without an account as well.
    """

    path: str
    endpoint: Endpoint
    right: Right | None
    methods: tuple[str, ...] = ("GET",)
    is_at_dock: bool = False


@dataclass(eq=False)
class Visit:
    """One request.

    Args:
        visitor: null for somebody who is not signed in, and at the dock.
        form: what was sent; empty for a GET. Its token was checked before.
        is_dock: the request comes from the dock's own screen.
    """

    request: Request
    console: Console
    environment: Environment
    language: Language
    someone: Visitor | None = None
    form: FormData = field(default_factory=FormData)
    is_dock: bool = False

    @property
    def visitor(self) -> Visitor:
        """Who is signed in.

        Raises:
            RefusedError: nobody is.
        """
        if self.someone is None:
            raise RefusedError("nobody is signed in")
        return self.someone

    @property
    def query(self) -> QueryParams:
        """What stands behind the question mark."""
        return self.request.query_params

    @property
    def path(self) -> Mapping[str, Any]:
        """The named parts of the path."""
        return self.request.path_params

    @cached_property
    def t(self) -> Callable[[str], str]:
        """Words in the language of whoever asks; the English ones are what they are looked up by."""
        return translations(self.language).gettext

    @property
    def said(self) -> str:
        """The word about an act that the page before this one did; empty for none."""
        return unquote(self.request.cookies.get(SAID_COOKIE, ""))

    def may(self, right: Right) -> bool:
        """Whether whoever asks holds a right."""
        return self.someone is not None and self.someone.may(right)

    def text(self, name: str, default: str = "") -> str:
        """A field of the form, without blanks around it."""
        value = self.form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """Every value of a field that may stand in a form several times."""
        return [value.strip() for value in self.form.getlist(name) if isinstance(value, str) and value.strip()]

    def page(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page from its template. `visit` and `t` are there in every one."""
        words = self.environment.get_template(template).render(
            visit=self, visitor=self.someone, Right=Right, _=self.t, language=self.language, **context
        )
        answer = HTMLResponse(words, status)
        if SAID_COOKIE in self.request.cookies:
            answer.delete_cookie(SAID_COOKIE)
        return answer

    def go(self, path: str, said: str = "", **query: str) -> RedirectResponse:
        """On to another page of the console after an act, with a word about it."""
        answer = RedirectResponse(path + (f"?{urlencode(query, quote_via=quote)}" if query else ""), 303)
        if said:
            # Not in the address: a link of somebody else's could make the console seem to have said anything.
            is_secure = self.console.settings.web.certificate is not None
            answer.set_cookie(SAID_COOKIE, quote(said[:_MOST_SAID]), httponly=True, samesite="strict", secure=is_secure)
        return answer
