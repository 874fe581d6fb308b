"""No agent runs on a simulated host, and Systems Manager says so as AWS does."""

from typing import Any

import boto3
import moto
import pytest
from botocore.exceptions import ClientError
from moto_provider.world import World

from geusemaker.simulator import agents


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_a_command_reaches_no_host(empty_world: World) -> None:
    ssm, instance = empty_world.account.client("ssm"), empty_world.instance()
    assert refused(
        ssm.send_command, DocumentName="AWS-RunShellScript", InstanceIds=[instance.id, "i-1"]
    ) == (
        f"InvalidInstanceId: Instances [[{instance.id}, i-1]] not in a valid state for account "
        f"{empty_world.account.id}"
    )
    assert ssm.list_commands()["Commands"] == []


def test_a_session_reaches_no_host(empty_world: World) -> None:
    ssm, instance = empty_world.account.client("ssm"), empty_world.instance()
    said = refused(ssm.start_session, Target=instance.id)
    assert said == f"TargetNotConnected: {instance.id} is not connected."


def test_no_agent_has_reported(empty_world: World) -> None:
    empty_world.instance()
    ssm = empty_world.account.client("ssm")
    assert ssm.describe_instance_information()["InstanceInformationList"] == []


def test_plain_moto_stays_as_it_is() -> None:
    with moto.mock_aws():
        agents.seed("eu-west-1")
        make: Any = boto3.client
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        ssm = make("ssm", region_name="us-east-1", **keys)
        sent = ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=["i-1"])
        assert sent["Command"]["InstanceIds"] == ["i-1"]
