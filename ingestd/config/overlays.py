"""Overlays of regimes: a bureau's own terms, read beside the regimes and laid on the one that each stands on."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingestd.config.problems import Problem, raise_for, shown
from ingestd.core.overlay import LocalRegime, Overlay, laid_over, overlay_faults
from ingestd.core.regime import Regime


def overlaid(overlays: Iterable[tuple[Path, Overlay]], regimes: Mapping[str, Regime]) -> dict[str, LocalRegime]:
    """Each overlay on its regime, by the overlay's id.

    Raises:
        ConfigError: one stands on nothing, or falls under its regime; all faults of all files together.
    """
    found: dict[str, LocalRegime] = {}
    problems: list[Problem] = []
    for file, overlay in overlays:
        base = regimes.get(overlay.based_on)
        if base is None:
            problems.append(_no_base(file, overlay, regimes))
            continue
        faults = overlay_faults(overlay, base)
        problems += [Problem(file, one.key, one.what, one.fix, one.value) for one in faults]
        if not faults:
            found[overlay.id] = laid_over(overlay, base)
    raise_for(problems)
    return found


def _no_base(file: Path, overlay: Overlay, regimes: Mapping[str, Regime]) -> Problem:
    nearest = difflib.get_close_matches(overlay.based_on, list(regimes), n=1)
    known = f"the regimes are {', '.join(sorted(regimes)) or 'none'}; an overlay stands on one of them"
    fix = f"write {nearest[0]}; {known}" if nearest else known
    return Problem(file, "based_on", "there is no such regime", fix, shown(overlay.based_on))
