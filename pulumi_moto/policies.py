"""AWS's managed policies in the simulated account."""

import copy
import functools
import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from .backends import account_id


@functools.cache
def _recorded(account: str) -> tuple[AWSManagedPolicy, ...]:
    """The managed policies that moto has on record, in an account; read and made once."""
    recorded: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return tuple(
        AWSManagedPolicy.from_data(name, account, "aws", data) for name, data in recorded.items()
    )


def seed() -> None:
    """Put AWS's managed policies into the account.

    moto's own switch for this reads them for every partition and at every reset, a second each.
    """
    backend = iam_backends[account_id()]["aws"]
    # Copies: each account counts its own attachments.
    backend.managed_policies.update(
        (policy.arn, copy.copy(policy)) for policy in _recorded(backend.account_id)
    )
