"""Systems Manager in the simulated account: hosts do not boot, so no agent is registered.

Plain moto reports success for any command on any host, which would mislead the user.
"""

import functools
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException
from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from pulumi_moto.backends import account_id


def seed(region: str) -> None:
    """Makes a Region's hosts have no agent. Other moto accounts do not change."""
    _patch_moto()
    ssm_backends[account_id()][region].has_no_agents = True  # until moto's next reset


def _patch_moto() -> None:
    plain = SimpleSystemManagerBackend.send_command
    if getattr(plain, "__wrapped__", None) is not None:
        return

    @functools.wraps(plain)
    def send_command(backend: Any, **request: Any) -> Any:
        if not getattr(backend, "has_no_agents", False):
            return plain(backend, **request)
        ids = ", ".join(request["instance_ids"])
        raise SSMException(
            "InvalidInstanceId",
            f"Instances [[{ids}]] not in a valid state for account {backend.account_id}",
        )

    SimpleSystemManagerBackend.send_command = send_command
    # moto dispatches to methods of this class by name, and lacks these two.
    SimpleSystemManagerResponse.start_session = _start_session
    SimpleSystemManagerResponse.describe_instance_information = _describe_instance_information


def _start_session(response: Any) -> Any:
    target = response._get_param("Target")
    raise SSMException("TargetNotConnected", f"{target} is not connected.")


def _describe_instance_information(response: Any) -> Any:  # noqa: ARG001  # moto calls it so
    return ActionResult({"InstanceInformationList": []})
