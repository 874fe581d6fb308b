"""Passwords and keys of a stack: generated once, kept as long as its data, never in user data.

New values would break a stack with data: PostgreSQL keeps the password of its first start, and n8n
decrypts its data only with the first key.
"""

import base64
import hashlib
import secrets
import string
from collections.abc import Mapping
from typing import Any, Final

import bcrypt
import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.bundle.secret_names import N8N_OWNER_PASSWORD, N8N_OWNER_PASSWORD_HASH, SECRET_NAMES
from geusemaker.components.kept import keep_secret
from geusemaker.components.tagging import Tags

LENGTH: Final = 40
"""Characters of each value, about 238 bits."""

_ALPHABET = string.ascii_letters + string.digits  # needs no quoting in a shell or a URL
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_BCRYPT_BASE64 = str.maketrans(f"{_LETTERS}+/", f"./{_LETTERS}")
_BCRYPT_ROUNDS = 10  # low is enough: a random password cannot be guessed


def make_secrets() -> dict[str, str]:
    """Generates every secret that is not derived from another one."""
    return {name: make_secret() for name in sorted(SECRET_NAMES) if name != N8N_OWNER_PASSWORD_HASH}


def make_secret() -> str:
    """Generates one secret."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def owner_hash(password: str) -> str:
    """bcrypt hash of the owner's password, for n8n.

    Deterministic, so that a deployment does not change it: the salt is derived from the password. A
    random salt would only hide equal passwords, which random passwords are not.
    """
    digest = hashlib.sha256(password.encode()).digest()[:16]
    # 16 bytes are 22 characters of bcrypt's base64, which has its own alphabet.
    salt = base64.b64encode(digest).decode().rstrip("=").translate(_BCRYPT_BASE64)
    return bcrypt.hashpw(password.encode(), f"$2b${_BCRYPT_ROUNDS:02d}${salt}".encode()).decode()


def as_text(values: Mapping[str, str]) -> str:
    """The stored text: lines of `name=value`, which a shell reads without a parser."""
    stored = {**values, N8N_OWNER_PASSWORD_HASH: owner_hash(values[N8N_OWNER_PASSWORD])}
    return "\n".join(f"{name}={stored[name]}" for name in sorted(stored))


def make_credentials(
    name: str,
    *,
    protect: bool,
    kms_key_arn: pulumi.Input[str | None],
    tags: Tags,
    parent: pulumi.Resource,
) -> tuple[aws.ssm.Parameter, pulumi.Output[Mapping[str, str]]]:
    """Creates the encrypted SSM parameter with the stack's secrets.

    Returns the generated secrets too.
    """
    kept: pulumi.Output[Mapping[str, str]] = keep_secret(
        name, make_secrets(), parent, protect=protect
    )
    parameter = aws.ssm.Parameter(
        name,
        name=tags.parameter_name("credentials"),
        description="Passwords and keys of a GeuseMaker stack; its data cannot be read without",
        type="SecureString",
        key_id=kms_key_arn,
        value=kept.apply(_stored),
        tags=tags.named("credentials"),
        # Older stacks have another name, and a change of it would replace the parameter.
        opts=ResourceOptions(parent=parent, protect=protect, ignore_changes=["name"]),
    )
    return parameter, kept


def _stored(kept: Any) -> str:
    return as_text(kept)
