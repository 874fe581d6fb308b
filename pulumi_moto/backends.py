"""moto's own state of the simulated account."""

import os
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2 import ec2_backends


def account_id() -> str:
    """Account number that moto answers for, as it decides it itself."""
    return os.environ.get("MOTO_ACCOUNT_ID", str(DEFAULT_ACCOUNT_ID))


def backend_of(region: str) -> Any:
    """moto's EC2 state of one Region of the simulated account."""
    return ec2_backends[account_id()][region]


def has_region(region: str) -> bool:
    """Whether moto has it: fewer than AWS, where AWS's newest are missing."""
    return region in ec2_backends[account_id()].regions
