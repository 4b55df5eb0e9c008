"""Stores of copies in the configuration: what cannot be used is refused with its fix, and secrets never stand there."""

import os
from pathlib import Path

import pytest

from ingestd.config.credentials import read_credentials
from ingestd.config.load import load_settings
from ingestd.config.reload import taken_over
from ingestd.core.errors import ConfigError
from ingestd.core.replica_settings import ReplicaSettings
from ingestd.core.replicas import LockRule

S3 = """name = "central"
kind = "s3"
endpoint_url = "https://s3.example"
bucket = "evidence"
credentials_file = "key"
"""
FOLDER = 'name = "disk"\nkind = "folder"\npath = "/mnt/disk"\n'


def settings_of(tmp_path: Path, *tables: str) -> tuple[ReplicaSettings, ...]:
    file = tmp_path / "ingestd.toml"
    file.write_text("".join(f"[[replicas]]\n{table}" for table in tables), "utf-8")
    return load_settings(file).replicas


def test_a_bucket_and_a_folder_are_read_with_their_defaults(tmp_path: Path) -> None:
    bucket, folder = settings_of(tmp_path, S3, FOLDER)
    assert bucket.lock_rule == LockRule(90, 60)
    assert folder.lock_rule is None
    assert folder.other_disk


@pytest.mark.parametrize(
    ("table", "words", "fix"),
    [
        (
            'name = "a"\nkind = "s3"\n',
            "replicas[0]: an s3 store without endpoint_url, bucket, credentials_file",
            "name",
        ),
        (S3 + 'path = "/x"\n', "path is a key of kind folder", "take it out"),
        (FOLDER + "lock_days = 9\nrenew_days = 3\n", "lock_days, renew_days are keys of kind s3", "no locks"),
        ('name = "a"\nkind = "folder"\n', "a folder store without path", "mounted"),
        ('name = "a"\nkind = "folder"\npath = "mnt"\n', "does not begin at /", "whole path"),
        (S3 + "lock_days = 60\n", "renew_days = 60 is not below lock_days = 60", "two thirds"),
        (S3.replace("https://s3.example", "s3.example"), "is no address", "https://"),
        (
            S3.replace("https://s3.example", "https://me:secret@s3.example"),
            "holds no name, password",
            "credentials_file",
        ),
        (S3 + 'prefix = "no-slash"\n', "prefix", "match"),
        (S3 + "lock_day = 9\n", "there is no such key", "lock_days"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_fix(tmp_path: Path, table: str, words: str, fix: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_of(tmp_path, table)
    assert words in refused.value.message
    assert "ingestd.toml" in refused.value.message
    assert fix in refused.value.advice


@pytest.mark.parametrize("key", ["secret_access_key", "access_key_id", "password", "session_token"])
def test_a_secret_in_the_settings_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_of(tmp_path, S3 + f'{key} = "hunter2hunter2"\n')
    assert "secrets never stand in the settings" in refused.value.message
    assert "credentials_file" in refused.value.advice
    assert "hunter2" not in refused.value.message + refused.value.advice


def test_two_stores_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two stores have the name 'disk'"):
        settings_of(tmp_path, FOLDER, FOLDER)


def test_changed_stores_wait_for_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "ingestd.toml"
    file.write_text(f"[[replicas]]\n{FOLDER}", "utf-8")
    running = load_settings(file)
    file.write_text(f"[[replicas]]\n{S3}", "utf-8")
    settings, waiting = taken_over(running, load_settings(file))
    assert settings.replicas == running.replicas
    assert waiting == ("replicas",)


# Credentials


GOOD = 'access_key_id = "me"\nsecret_access_key = "hunter2"\n'


def credentials_in(tmp_path: Path, text: str, mode: int = 0o600) -> None:
    (tmp_path / "key").write_text(text, "utf-8")
    (tmp_path / "key").chmod(mode)


def test_credentials_are_read_from_their_file_and_never_shown(tmp_path: Path) -> None:
    (bucket,) = settings_of(tmp_path, S3)
    credentials_in(tmp_path, GOOD)
    found = read_credentials(bucket, tmp_path)
    assert found is not None
    assert (found.access_key_id, found.secret_access_key) == ("me", "hunter2")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (GOOD, 0o640, "may be read by others"),
        ("access_key_id = hunter2", 0o600, "is not TOML"),
        ('access_key_id = "hunter2"\n', 0o600, "does not hold"),
        (GOOD + 'more = "hunter2"\n', 0o600, "does not hold"),
        ('access_key_id = "me"\nsecret_access_key = 2\n', 0o600, "does not hold"),
    ],
)
def test_a_file_of_credentials_that_cannot_be_used_is_named_and_not_quoted(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    (bucket,) = settings_of(tmp_path, S3)
    credentials_in(tmp_path, text, mode)
    with pytest.raises(ConfigError) as refused:
        read_credentials(bucket, tmp_path)
    assert words in refused.value.message
    assert "replicas.central.credentials_file" in refused.value.message
    assert "hunter2" not in refused.value.message + refused.value.advice


def test_a_credential_that_systemd_handed_over_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = tmp_path / "handed"
    handed.mkdir()
    credentials_in(handed, GOOD.replace("me", "handed"))
    credentials_in(tmp_path, GOOD)
    monkeypatch.setitem(os.environ, "CREDENTIALS_DIRECTORY", str(handed))
    (bucket,) = settings_of(tmp_path, S3)
    found = read_credentials(bucket, tmp_path)
    assert found is not None
    assert found.access_key_id == "handed"
