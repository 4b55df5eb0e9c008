"""How listings show that material does not come from a recorder of the bureau."""

from typing import Any

from ingestd.core.origin import Origin, OriginKind
from ingestd.core.regime import Regime


def origin_mark(kind: str | None) -> str:
    """Behind the kind of a file in a table; empty for what nobody declared."""
    return f", {OriginKind(kind).words}" if kind is not None else ""


def origin_rows(declared: dict[str, str] | None, regime: Regime) -> list[tuple[str, Any]]:
    """What was declared of a recording, and what the regime says of such material; nothing for other recordings."""
    if declared is None:
        return []
    origin = Origin.model_validate(declared)
    clauses = [rule for rule in regime.origins if origin.kind in rule.kinds]
    return [("declared · 来源", origin.words), *(("the regime", f"{one.article}: {one.words}") for one in clauses)]
