"""What of a configuration stands in the ledger: what changed, both sides, never a secret; a clock that is behind."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clock import to_text
from ingestd.core.configfacts import WITHHELD, configuration_changes, configuration_facts
from ingestd.core.head_acts import clock_behind
from ingestd.core.settings import Settings

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)

FACTS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 3), max_size=6)


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"a": {"b": 1, "c": [1, 2]}}, {"a.b": 1, "a.c": [1, 2]}),
        ({"push": {"token": "abc", "token_file": "x"}}, {"push.token": WITHHELD, "push.token_file": "x"}),
        ({"s3": {"secret_access_key": "k", "secret": ""}}, {"s3.secret_access_key": WITHHELD, "s3.secret": ""}),
        ({"feed": {"url": "https://me:word@host/x"}}, {"feed.url": "https://host/x"}),
        ({"replicas": [{"password": "p", "url": "s3://u:p@h"}]}, {"replicas": [{"password": WITHHELD, "url": "s3://h"}]}),
        ({"bays": {}}, {"bays": {}}),
    ],
    ids=["dotted", "token", "access key", "user in an address", "in a list", "empty table"],
)  # fmt: skip
def test_settings_stand_by_dotted_keys_without_secrets(settings: dict[str, Any], facts: dict[str, Any]) -> None:
    assert configuration_facts(settings, {}) == facts


def test_other_files_stand_by_their_hash() -> None:
    assert configuration_facts({}, {"regimes/marine.toml": "ab"}) == {"file:regimes/marine.toml": "ab"}


@given(FACTS, FACTS)
def test_changes_applied_to_what_was_give_what_is(before: dict[str, int], after: dict[str, int]) -> None:
    changes = configuration_changes(before, after)
    made = {key: value for key, value in before.items() if key not in changes}
    made |= {key: sides["after"] for key, sides in changes.items() if "after" in sides}
    assert made == after
    assert all(sides.get("before") == before.get(key) for key, sides in changes.items())


def test_no_setting_of_the_station_holds_a_secret_itself() -> None:
    # Secrets are files. A key that is withheld here would be one that is written into ingestd.toml.
    facts = configuration_facts(Settings(folder="/x").model_dump(mode="json", by_alias=True), {})
    assert WITHHELD not in facts.values()


@pytest.mark.parametrize(("last", "is_noted"), [(None, False), (-60, False), (4, False), (6, True), (86_400, True)])
def test_a_clock_is_behind_only_beyond_the_tolerance(last: int | None, is_noted: bool) -> None:
    moment = to_text(NOW + dt.timedelta(seconds=last)) if last is not None else None
    act = clock_behind(moment, NOW, 5.0)
    assert (act is not None) is is_noted
    assert act is None or act.data["step_seconds"] == -float(last or 0)
