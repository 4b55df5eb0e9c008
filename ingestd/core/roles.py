"""Who may do what at the screens: roles of people, and the rights that each gives. Pure data, read by nobody else."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """An office that a person holds at the station or in the bureau."""

    OFFICER = "officer"
    CUSTODIAN = "custodian"
    ARCHIVIST = "archivist"
    HEAD = "head"
    AUDITOR = "auditor"
    INSPECTOR = "inspector"
    ADMIN = "admin"

    @property
    def zh(self) -> str:
        """In Chinese."""
        return _ROLES_ZH[self]


_ROLES_ZH: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.OFFICER: "执法人员",
        Role.CUSTODIAN: "专职人员",
        Role.ARCHIVIST: "档案管理员",
        Role.HEAD: "负责人",
        Role.AUDITOR: "审计人员",
        Role.INSPECTOR: "外部检查人员",
        Role.ADMIN: "系统管理员",
    }
)


class Right(StrEnum):
    """One kind of thing that can be done at the screens; a page or an act asks for exactly one."""

    SIGNED_IN = "signed_in"
    """Anybody with an account: the own account, the language, signing out."""
    DOCK = "dock"
    """The dock's screen from elsewhere than the dock."""
    SEE = "see"
    """Lists, search and what is known of recordings and cases, within the own scope; not their pictures."""
    PLAY = "play"
    """Pictures and sound, where the regime asks for no approval; with one, whoever holds it needs no more than SEE."""
    ASK_ACCESS = "ask_access"
    APPROVE_ACCESS = "approve_access"
    SETTLE = "settle"
    """Whose recorder, what registration: the custodian's work lists."""
    EXPLAIN = "explain"
    CASES = "cases"
    HOLD = "hold"
    RELEASE_HOLD = "release_hold"
    DISPOSAL = "disposal"
    APPROVE_DISPOSAL = "approve_disposal"
    INSPECT = "inspect"
    """Samples (抽检): check what was drawn."""
    DRAW = "draw"
    """Samples: freeze a list, draw from it, close it."""
    REGISTERS = "registers"
    """Complaints, requests for disclosure, periodic reports."""
    STATISTICS = "statistics"
    VIEWS = "views"
    """The register of views, its periodic report, and requests of others."""
    AUDIT = "audit"
    """Ledger, views, who did what."""
    ADMIN = "admin"
    """Accounts and tokens. Gives no footage."""


_SEEING: Final = frozenset({Right.SIGNED_IN, Right.DOCK, Right.SEE, Right.ASK_ACCESS})

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.OFFICER: _SEEING | {Right.EXPLAIN, Right.CASES},
        Role.CUSTODIAN: _SEEING | {Right.SETTLE, Right.EXPLAIN, Right.CASES, Right.STATISTICS},
        Role.ARCHIVIST: _SEEING
        | {
            Right.PLAY,
            Right.SETTLE,
            Right.EXPLAIN,
            Right.CASES,
            Right.HOLD,
            Right.RELEASE_HOLD,
            Right.DISPOSAL,
            Right.APPROVE_DISPOSAL,
            Right.INSPECT,
            Right.DRAW,
            Right.REGISTERS,
            Right.VIEWS,
            Right.STATISTICS,
        },
        Role.HEAD: _SEEING
        | {Right.PLAY, Right.APPROVE_ACCESS, Right.VIEWS, Right.RELEASE_HOLD, Right.APPROVE_DISPOSAL, Right.STATISTICS},
        Role.AUDITOR: frozenset(
            {Right.SIGNED_IN, Right.SEE, Right.ASK_ACCESS, Right.STATISTICS, Right.VIEWS, Right.AUDIT}
        ),
        Role.INSPECTOR: frozenset({Right.SIGNED_IN, Right.INSPECT}),
        Role.ADMIN: frozenset({Right.SIGNED_IN, Right.DOCK, Right.ADMIN}),
    }
)
"""What each role may do. A person with several roles may do what any of them may."""


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """What somebody with these roles may do."""
    return frozenset(right for role in roles for right in RIGHTS[role])
