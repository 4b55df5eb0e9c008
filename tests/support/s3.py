"""S3 servers over HTTP: moto in this process for ordinary semantics. It honours no lock; for those: `radosgw`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.config
from moto.server import ThreadedMotoServer

from tests.support.radosgw import ACCESS_KEY, SECRET_KEY

MIB = 1024 * 1024


@contextmanager
def moto_server() -> Iterator[str]:
    """A server on a free port while the block lasts; gives its address. What it holds goes with it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(endpoint_url: str) -> Any:
    """boto3 itself, to see what a server really holds."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=botocore.config.Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def make_bucket(endpoint_url: str, name: str, *, has_lock: bool = True) -> str:
    """A bucket with versioning and Object Lock, or without both; gives its name."""
    client(endpoint_url).create_bucket(Bucket=name, ObjectLockEnabledForBucket=has_lock)
    return name


def versions_in(endpoint_url: str, bucket: str, prefix: str = "") -> list[tuple[str, str]]:
    """Key and version of every object, probes left out."""
    pages = client(endpoint_url).get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    found = [(one["Key"], one["VersionId"]) for page in pages for one in page.get("Versions", ())]
    return sorted(one for one in found if "probe/" not in one[0])


def uploads_in(endpoint_url: str, bucket: str) -> list[str]:
    """Keys of uploads that were begun and not ended."""
    return [one["Key"] for one in client(endpoint_url).list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def write_credentials(file: Path) -> Path:
    """The file that `credentials_file` names."""
    file.write_text(f'access_key_id = "{ACCESS_KEY}"\nsecret_access_key = "{SECRET_KEY}"\n', "utf-8")
    file.chmod(0o600)
    return file


def add_bucket(config_file: Path, endpoint_url: str, bucket: str, *, name: str = "central", more: str = "") -> None:
    """Give a station a bucket as a store of copies."""
    write_credentials(config_file.with_name(f"{name}-credentials.toml"))
    table = f"""
[[replicas]]
name = "{name}"
kind = "s3"
endpoint_url = "{endpoint_url}"
bucket = "{bucket}"
credentials_file = "{name}-credentials.toml"
part_bytes = {5 * MIB}
timeout_seconds = 20
{more}
"""
    with config_file.open("a", encoding="utf-8") as file:
        file.write(table)


def add_folder(config_file: Path, folder: Path, *, name: str = "second-disk") -> None:
    """Give a station a folder as a store of copies; on whatever disk the test has."""
    table = f'\n[[replicas]]\nname = "{name}"\nkind = "folder"\npath = "{folder}"\nother_disk = false\n'
    with config_file.open("a", encoding="utf-8") as file:
        file.write(table)
