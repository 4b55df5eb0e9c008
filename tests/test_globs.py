"""Patterns of paths on a card: what each fits, and which fit nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.globs import checked, fits

FITTING = [
    ("*.mp4", "DCIM/100ANDRO/a.MP4"),
    ("*.mp4", "a.mp4"),
    ("SEGTEMP/", "SEGTEMP/a.mp4"),
    ("SEGTEMP/", "sd/segtemp/x/a.mp4"),
    ("DCIM/100ANDRO/", "DCIM/100ANDRO/x/a.mp4"),
    ("DCIM/*/", "DCIM/240221/a.mp4"),
    ("**/LOGS/*.txt", "LOGS/a.txt"),
    ("**/LOGS/*.txt", "a/b/LOGS/c.txt"),
    ("DCIM/**", "DCIM/a/b.mp4"),
    ("/autorun.inf", "autorun.inf"),
    ("a?c.txt", "x/abc.txt"),
    ("[x].txt", "[x].txt"),
]

NOT_FITTING = [
    ("*.mp4", "a.mp4x"),
    ("SEGTEMP/", "SEGTEMP"),
    ("DCIM/100ANDRO/", "sd/DCIM/100ANDRO/a.mp4"),
    ("DCIM/*/", "DCIM/a.mp4"),
    ("DCIM/*.mp4", "DCIM/x/a.mp4"),
    ("/autorun.inf", "x/autorun.inf"),
    ("a?c.txt", "a/c.txt"),
    ("[x].txt", "x.txt"),
]


@pytest.mark.parametrize(("pattern", "path"), FITTING)
def test_a_pattern_fits(pattern: str, path: str) -> None:
    assert fits(path, (pattern,))


@pytest.mark.parametrize(("pattern", "path"), NOT_FITTING)
def test_a_pattern_does_not_fit(pattern: str, path: str) -> None:
    assert not fits(path, (pattern,))


def test_no_pattern_fits_nothing() -> None:
    assert not fits("a.mp4", ())


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("", "is no path"), ("/", "is no path"), ("../x", "is no path"), ("a//b", "is no path"), (r"DCIM\x", "write /")],
)
def test_a_pattern_that_can_fit_nothing_is_refused_with_the_fix(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked((pattern,))


@given(st.text(), st.text(min_size=1, max_size=20))
def test_no_path_and_no_accepted_pattern_break_the_matching(path: str, pattern: str) -> None:
    try:
        checked((pattern,))
    except ValueError:
        return
    fits(path, (pattern,))
