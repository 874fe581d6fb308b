"""AWS's managed policies in the simulated account."""

import functools
import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from .backends import account_id


@functools.cache
def _recorded() -> dict[str, dict[str, Any]]:
    recorded: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return recorded


def seed() -> None:
    """Put the managed policies that moto has on record into the account.

    moto's own switch for this reads them for every partition and at every reset, a second each.
    """
    backend = iam_backends[account_id()]["aws"]
    for name, data in _recorded().items():
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
        backend.managed_policies[policy.arn] = policy
