"""What Systems Manager says of the simulated account's hosts: none of them ever boots, so no agent
on one has ever reported.

moto would run any command on any host and call it a success, which nobody should see here.
"""

import functools
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException
from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from pulumi_moto.backends import account_id


def seed(region: str) -> None:
    """Let a Region's hosts be without an agent. Plain moto stays as it is."""
    _teach()
    ssm_backends[account_id()][region].has_no_agents = True  # gone with moto's next reset


def _teach() -> None:
    plain = SimpleSystemManagerBackend.send_command
    if getattr(plain, "__wrapped__", None) is not None:
        return

    @functools.wraps(plain)
    def send_command(backend: Any, **wanted: Any) -> Any:
        if not getattr(backend, "has_no_agents", False):
            return plain(backend, **wanted)
        ids = ", ".join(wanted["instance_ids"])
        raise SSMException(
            "InvalidInstanceId",
            f"Instances [[{ids}]] not in a valid state for account {backend.account_id}",
        )

    SimpleSystemManagerBackend.send_command = send_command
    # moto finds operations by the methods of this class, and has none for these two.
    SimpleSystemManagerResponse.start_session = _start_session
    SimpleSystemManagerResponse.describe_instance_information = _describe_instance_information


def _start_session(response: Any) -> Any:
    target = response._get_param("Target")
    raise SSMException("TargetNotConnected", f"{target} is not connected.")


def _describe_instance_information(response: Any) -> Any:  # noqa: ARG001  # moto calls it so
    return ActionResult({"InstanceInformationList": []})
