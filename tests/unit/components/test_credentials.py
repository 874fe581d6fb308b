"""The stack's secrets: generated once and stored in one text."""

import base64
import gzip
from typing import Any

import bcrypt
import pytest

from geusemaker.bundle.secret_names import N8N_OWNER_PASSWORD, N8N_OWNER_PASSWORD_HASH, SECRET_NAMES
from geusemaker.components.credentials import LENGTH, as_text, make_secrets, owner_hash

from .rendering import STACKS, deployed


def _read(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\n"))


def test_secrets_are_unique_long_and_need_no_quoting() -> None:
    first, second = make_secrets(), make_secrets()
    assert first.keys() | {N8N_OWNER_PASSWORD_HASH} == set(SECRET_NAMES)
    assert not set(first.values()) & set(second.values())
    for value in first.values():
        assert len(value) == LENGTH
        assert value.isalnum()
        assert value.isascii()


def test_the_owners_hash_matches_the_password_and_is_deterministic() -> None:
    for password in ("a", make_secrets()[N8N_OWNER_PASSWORD]):
        found = owner_hash(password)
        assert bcrypt.checkpw(password.encode(), found.encode())
        assert found == owner_hash(password), "another hash would change the stack at each preview"
        assert not bcrypt.checkpw(f"{password}x".encode(), found.encode())


def test_the_stored_text_has_a_line_for_each_secret() -> None:
    made = make_secrets()
    text = as_text(made)
    assert _read(text) == {
        **made,
        N8N_OWNER_PASSWORD_HASH: owner_hash(made[N8N_OWNER_PASSWORD]),
    }
    assert not text.endswith("\n")
    assert len(text) < 4096, "the limit of a Standard parameter"


@pytest.mark.parametrize("args", STACKS.values(), ids=STACKS)
def test_secrets_are_only_in_their_parameter(args: dict[str, Any]) -> None:
    stack = deployed(args)
    stored = stack.one("aws:ssm/parameter:Parameter", "-credentials")
    assert stored.inputs["type"] == "SecureString"
    assert stored.inputs.get("keyId") == args.get("kms_key_arn")
    kept = stack.one("pulumi:index:Stash", "-credentials").outputs["output"]
    assert stored.inputs["value"] == as_text(kept)
    found = _read(stored.inputs["value"]).values()
    host = stack.one("aws:ec2/instance:Instance")
    texts = {
        "user data": gzip.decompress(base64.b64decode(host.inputs["userDataBase64"])).decode(),
        "bundle": stack.bundle,
    }
    assert stored.inputs["name"] in texts["user data"], "the name is there"
    for made in stack.made:
        if made is not stored and not made.name.endswith("-credentials"):
            texts[made.name] = repr(made.inputs)
    for what, text in texts.items():
        assert not [value for value in found if value in text], what
