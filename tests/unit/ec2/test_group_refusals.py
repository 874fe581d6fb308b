"""Each reason for which a group starts no worker is explained, with commands."""

from collections.abc import Sequence

import pytest

from geusemaker.ec2.group_refusals import explain
from geusemaker.ec2.quotas import Market

END = "Launching EC2 instance failed."


def explained(said: str, types: Sequence[str] = ("m6i.xlarge",), market: Market = "spot") -> str:
    return explain(said, group="workers", types=types, market=market, region="us-east-1")


@pytest.mark.parametrize(
    ("said", "market", "words"),
    [
        (
            "You have requested more vCPU capacity than your current vCPU limit of 16 allows for "
            f"the instance bucket that the specified instance type belongs to. {END}",
            "on-demand",
            "(L-1216C47A) in us-east-1 is full at 16 vCPUs.",
        ),
        (f"Max spot instance count exceeded. {END}", "spot", "--quota-code L-34B43A08"),
        (
            "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance "
            f"count exceeded. {END}",
            "spot",
            "'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests'",
        ),
        (
            "We currently do not have sufficient m7i.large capacity in the Availability Zone you "
            f"requested (us-east-1c). Our system will be working on it. {END}",
            "on-demand",
            "AWS has no free capacity for m7i.large in us-east-1c now.",
        ),
        (
            "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity "
            f"due to your request configuration. {END}",
            "spot",
            "`pulumi config set geusemaker:workerMarket on-demand && pulumi up`",
        ),
        (
            f"There is no Spot capacity available that matches your request. {END}",
            "spot",
            "workerInstanceTypes m6i.xlarge,m6i.2xlarge && pulumi up`",
        ),
        (
            "Could not launch On-Demand Instances. InvalidFleetConfiguration - Your requested "
            "instance type (g6.xlarge) is not supported in your requested Availability Zone "
            f"(us-east-1e). {END}",
            "on-demand",
            "the zone us-east-1e does not offer g6.xlarge.",
        ),
        (
            "Instance became unhealthy while waiting for instance to be in InService state. "
            "Termination Reason: Client.InternalError: Client error on launch",
            "on-demand",
            "geusemaker:kmsKeyArn",
        ),
        (
            f"There are not enough free addresses in subnet 'subnet-1'. {END}",
            "on-demand",
            "a subnet of the stack has no free address.",
        ),
        (
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted - The provided credentials do not "
            f"have permission to create the service-linked role for EC2 Spot Instances. {END}",
            "spot",
            "create-service-linked-role --aws-service-name spot.amazonaws.com",
        ),
    ],
)
def test_a_known_reason_has_its_fix(said: str, market: Market, words: str) -> None:
    text = explained(said, market=market)
    assert text.startswith("AWS did not start a worker: ")
    assert words in text
    assert text.endswith("The group tries again by itself.")


def test_an_unknown_reason_is_quoted_with_the_command_that_shows_more() -> None:
    assert explained(f"Something\n new. {END}") == (
        f"AWS did not start a worker: Something new. {END[:-1]}. `aws autoscaling "
        "describe-scaling-activities --auto-scaling-group-name workers --region us-east-1` shows "
        "each try."
    )


@pytest.mark.parametrize(
    ("kind", "code"), [("g6.xlarge", "L-3819A6DF"), ("p4d.24xlarge", "L-7212CCBC")]
)
def test_spot_has_quotas_of_its_own(kind: str, code: str) -> None:
    assert code in explained("Max spot instance count exceeded.", (kind,))


def test_a_type_with_an_unknown_quota_has_the_list() -> None:
    text = explained("Max spot instance count exceeded.", ("p5.48xlarge",))
    assert "list-service-quotas --service-code ec2 --region us-east-1" in text
