"""The stack's secrets: made once, and what is stored is a function of what was made."""

import base64
import gzip
from typing import Any

import bcrypt
import pytest

from geusemaker.bundle.secret_names import (
    N8N_OWNER_PASSWORD,
    N8N_OWNER_PASSWORD_HASH,
    SECRET_NAMES,
)
from geusemaker.components import credentials
from geusemaker.components.credentials import LENGTH, as_text, make_secrets, owner_hash
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy


def _read(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\n"))


def test_every_secret_is_new_long_and_needs_no_quoting() -> None:
    first, second = make_secrets(), make_secrets()
    assert first.keys() | {N8N_OWNER_PASSWORD_HASH} == set(SECRET_NAMES)
    assert not set(first.values()) & set(second.values())
    for value in first.values():
        assert len(value) == LENGTH
        assert value.isalnum()
        assert value.isascii()


def test_the_owners_hash_is_of_the_owners_password_and_the_same_each_time() -> None:
    for password in ("a", *make_secrets().values()):
        told = owner_hash(password)
        assert bcrypt.checkpw(password.encode(), told.encode())
        assert told == owner_hash(password), "another one would change the stack at each preview"
        assert not bcrypt.checkpw(f"{password}x".encode(), told.encode())


def test_what_is_stored_is_a_line_for_each_secret() -> None:
    made = make_secrets()
    text = as_text(made)
    assert _read(text) == {
        **made,
        N8N_OWNER_PASSWORD_HASH: owner_hash(made[N8N_OWNER_PASSWORD]),
    }
    assert not text.endswith("\n")
    assert len(text) < 4096, "more is no Standard parameter"


KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"

VARIANTS: list[dict[str, Any]] = [
    {},
    {"architecture": "arm64"},
    {"instance_type": "g5.2xlarge", "os_type": "ubuntu-24.04"},
    {"os_type": "amazon-linux-2023", "allowed_cidrs": ["0.0.0.0/0"]},
    {"os_type": "ubuntu-26.04", "architecture": "arm64", "domain": "ai.example.com"},
    {"kms_key_arn": KEY, "protect_data": False, "backup_retention_days": 0},
    *({"services": list(some)} for some in (("ollama",), ("qdrant", "crawl4ai"), ("postgres",))),
    {"services": ["n8n", "postgres"], "owner_email": "me@example.com"},
]


@pytest.mark.parametrize("args", VARIANTS, ids=str)
def test_the_secrets_are_in_their_parameter_and_nowhere_else(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch, args: dict[str, Any]
) -> None:
    planted = {name: f"MARKER{number}" * 5 for number, name in enumerate(make_secrets())}
    monkeypatch.setattr(credentials, "make_secrets", lambda: planted)
    deploy(**args)
    (stored,) = (
        made
        for made in account.of("aws:ssm/parameter:Parameter")
        if made.name.endswith("-credentials")
    )
    assert stored.inputs["type"] == "SecureString"
    assert stored.inputs.get("keyId") == args.get("kms_key_arn")
    assert stored.inputs["value"] == as_text(planted)
    told = _read(stored.inputs["value"]).values()
    (host,) = account.of("aws:ec2/instance:Instance")
    (settings,) = account.of("aws:s3/bucketObjectv2:BucketObjectv2")
    texts = {
        "user data": gzip.decompress(base64.b64decode(host.inputs["userDataBase64"])).decode(),
        "bundle": base64.b64decode(settings.inputs["contentBase64"]).decode(),
    }
    assert stored.inputs["name"] in texts["user data"], "the name is there"
    for made in account.made:
        if made is not stored and not made.name.endswith("-credentials"):
            texts[made.name] = repr(made.inputs)
    for what, text in texts.items():
        assert "MARKER" not in text, what
        assert not [value for value in told if value in text], what
