"""Passwords and keys of a stack: made once, kept as long as its data, never in user data.

New ones over old data would be a dead stack: PostgreSQL keeps the password of its first start, and
what n8n has encrypted can be read with the first key only.
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
from geusemaker.components.kept import output_of
from geusemaker.components.tagging import Tags

LENGTH: Final = 40
"""Characters of each, about 238 bits: nobody types them."""

_ALPHABET = string.ascii_letters + string.digits  # nothing that a shell or a URL would change
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_BCRYPT_BASE64 = str.maketrans(f"{_LETTERS}+/", f"./{_LETTERS}")
_BCRYPT_ROUNDS = 10  # the password is random: the work factor guards nothing that can be guessed


def make_secrets() -> dict[str, str]:
    """A new value for every secret that is not made of another one."""
    return {
        name: "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
        for name in sorted(SECRET_NAMES)
        if name != N8N_OWNER_PASSWORD_HASH
    }


def owner_hash(password: str) -> str:
    """Hash of the owner's password, as n8n takes it.

    The same password gives the same hash in every run, or each deployment would change it. A salt
    made of the password hides only that two stacks have the same one, which random ones have not.
    """
    digest = hashlib.sha256(password.encode()).digest()[:16]
    # 16 bytes are 22 characters of bcrypt's base64, which has an order of its own.
    salt = base64.b64encode(digest).decode().rstrip("=").translate(_BCRYPT_BASE64)
    return bcrypt.hashpw(password.encode(), f"$2b${_BCRYPT_ROUNDS:02d}${salt}".encode()).decode()


def as_text(values: Mapping[str, str]) -> str:
    """What is stored: a line `name=value` each, which a shell reads without any parser."""
    told = {**values, N8N_OWNER_PASSWORD_HASH: owner_hash(values[N8N_OWNER_PASSWORD])}
    return "\n".join(f"{name}={told[name]}" for name in sorted(told))


def make_credentials(
    name: str,
    *,
    protect: bool,
    kms_key_arn: pulumi.Input[str | None],
    tags: Tags,
    parent: pulumi.Resource,
) -> aws.ssm.Parameter:
    """The stack's secrets in one encrypted SSM parameter."""
    stash = pulumi.Stash(
        name,
        input=pulumi.Output.secret(make_secrets()),
        opts=ResourceOptions(parent=parent, protect=protect, ignore_changes=["input"]),
    )
    return aws.ssm.Parameter(
        name,
        name=tags.parameter_name("credentials"),
        description="Passwords and keys of a GeuseMaker stack; its data cannot be read without",
        type="SecureString",
        key_id=kms_key_arn,
        value=pulumi.Output.secret(output_of(stash)).apply(_stored),
        tags=tags.named("credentials"),
        # An older stack has another name there, and would lose the parameter for this one.
        opts=ResourceOptions(parent=parent, protect=protect, ignore_changes=["name"]),
    )


def _stored(kept: Any) -> str:
    return as_text(kept)
