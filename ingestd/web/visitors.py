"""Who stands before a page: the account behind a session, and what it may do."""

from dataclasses import dataclass

from ingestd.core.roles import Right, Role, rights_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in.

    Args:
        account: the sign-in name, unique and never given again.
        person: the name as acts in the ledger have it.
        roles: of the account.
        unit: whose footage the person sees, with the units below it; null for the whole bureau.
        certificate: number of the enforcement certificate, which ties an officer to recordings; empty for none.
        csrf: what each form of this session must bring.
        only: what an API token is limited to; null for all that the roles give.
    """

    account: str
    person: str
    roles: frozenset[Role]
    unit: str | None = None
    certificate: str = ""
    csrf: str = ""
    only: frozenset[Right] | None = None

    def may(self, right: Right) -> bool:
        """Whether one of the roles gives this right, and the token, where there is one, does not keep it back."""
        return right in rights_of(self.roles) and (self.only is None or right in self.only)
