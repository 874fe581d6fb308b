"""The stack's secrets: made once, and what is stored is a function of what was made."""

import bcrypt

from geusemaker.bundle.secret_names import (
    N8N_OWNER_PASSWORD,
    N8N_OWNER_PASSWORD_HASH,
    SECRET_NAMES,
)
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


def test_the_stored_parameter_is_encrypted_protected_and_its_name_is_all_that_the_host_gets(
    account: SimulatedMocks,
) -> None:
    deploy()
    (stored,) = (
        made
        for made in account.of("aws:ssm/parameter:Parameter")
        if made.name.endswith("-credentials")
    )
    assert stored.inputs["type"] == "SecureString"
    told = _read(stored.inputs["value"])
    assert set(told) == set(SECRET_NAMES)
    (host,) = account.of("aws:ec2/instance:Instance")
    for other in account.made:
        if other is not stored and not other.token.startswith("pulumi:"):
            assert not [value for value in told.values() if value in repr(other.inputs)], other.name
    assert host.inputs["userDataBase64"]
