"""Packing of the script: size, round trip and fingerprint."""

import base64
import gzip
import importlib
import os
from dataclasses import replace

import pytest

from geusemaker.errors import UserDataError
from geusemaker.userdata import LIMIT_BYTES, HostFacts, decode, encode, fingerprint, render

# By name: the package exports a function with the name of the module.
MODULE = importlib.import_module("geusemaker.userdata.render")
FACTS = HostFacts(
    region="us-west-2",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0", "backups": "fsap-0123456789abcdef1"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="/geusemaker/dev/settings-1a2b3c4",
    secrets_parameter="/geusemaker/dev/secrets-1a2b3c4",
    status_parameter="/geusemaker/dev/status-1a2b3c4",
)


def packed_size(text: str) -> int:
    return len(base64.b64decode(encode(text)))


def test_the_script_round_trips() -> None:
    script = render(FACTS)
    assert decode(encode(script)) == script


def test_packed_data_is_base64_of_gzip_without_a_time() -> None:
    packed = base64.b64decode(encode("#!/bin/bash\n"), validate=True)
    assert packed[:2] == b"\x1f\x8b"
    assert packed[4:8] == b"\0\0\0\0"


def test_packing_is_deterministic() -> None:
    script = render(FACTS)
    assert encode(script) == encode(script)


def _largest(access_points: int) -> HostFacts:
    """Long random names and ids, which compress badly."""
    return replace(
        FACTS,
        region="ap-southeast-99",
        access_points={
            f"{'m' * 30}{n:02}": f"fsap-{os.urandom(9).hex()[:17]}" for n in range(access_points)
        },
        settings_parameter=f"settings-{os.urandom(20).hex()}",
        secrets_parameter=f"secrets-{os.urandom(20).hex()}",
        status_parameter=f"status-{os.urandom(20).hex()}",
    )


def test_the_script_uses_about_half_of_the_limit() -> None:
    assert packed_size(render(FACTS)) < LIMIT_BYTES // 2
    # The size of random names varies, and zlib builds differ by some bytes.
    assert packed_size(render(_largest(2))) < LIMIT_BYTES * 0.52


def test_twenty_access_points_leave_a_third_of_the_limit() -> None:
    assert packed_size(render(_largest(20))) < LIMIT_BYTES * 2 // 3


def test_a_script_over_the_limit_is_refused_with_size_and_limit() -> None:
    text = base64.b64encode(os.urandom(LIMIT_BYTES * 2)).decode()
    with pytest.raises(UserDataError, match=r"has \d\d,\d{3} bytes .* 16,384"):
        encode(text)


def test_the_limit_counts_the_packed_bytes_before_base64(monkeypatch: pytest.MonkeyPatch) -> None:
    size = packed_size("text")
    monkeypatch.setattr(MODULE, "LIMIT_BYTES", size)
    assert packed_size("text") == size
    monkeypatch.setattr(MODULE, "LIMIT_BYTES", size - 1)
    with pytest.raises(UserDataError, match=f"has {size} bytes"):
        encode("text")


def test_other_packing_has_the_same_text_and_fingerprint() -> None:
    script = render(FACTS)
    elsewhere = base64.b64encode(gzip.compress(script.encode(), compresslevel=1, mtime=7)).decode()
    assert elsewhere != encode(script)
    assert fingerprint(decode(elsewhere)) == fingerprint(script)


def test_the_fingerprint_is_the_sha_256_of_the_text_and_changes_with_it() -> None:
    assert fingerprint("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert fingerprint(render(FACTS)) != fingerprint(render(replace(FACTS, region="eu-west-1")))


@pytest.mark.parametrize(
    "encoded",
    [
        "not base64!",
        f"{encode('text')}!",
        base64.b64encode(b"plain").decode(),
        base64.b64encode(gzip.compress(b"text", mtime=0)[:-4]).decode(),
        base64.b64encode(gzip.compress(b"\xff", mtime=0)).decode(),
        base64.b64encode(gzip.compress(b"text", mtime=0)[:12] + b"\xff" * 20).decode(),
    ],
)
def test_data_that_encode_did_not_make_is_refused(encoded: str) -> None:
    with pytest.raises(UserDataError, match="not base64 of a gzipped script"):
        decode(encoded)
