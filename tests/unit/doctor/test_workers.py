"""Whether the account can run a stack's workers."""

from typing import Any

import pytest

from doctor.place import Answer, Somewhere, stubbed
from geusemaker.config import DeploymentConfig
from geusemaker.doctor.check import Check
from geusemaker.doctor.vcpus import vcpu_quota
from geusemaker.doctor.workers import WorkerRoom, judge_workers, worker_checks
from geusemaker.ec2.quotas import STANDARD

from .test_vcpus import NOTHING_RUNS, quota, types

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"


def room(**changed: Any) -> WorkerRoom:
    facts = {"limit": 16, "others": 0, "host": 4, "each": 4, "least": 2, "most": 2, **changed}
    return WorkerRoom(**facts)


@pytest.mark.parametrize(
    ("known", "state", "fit"),
    [
        (room(), "ok", 3),
        (room(limit=12), "ok", 2),
        (room(limit=11), "failed", 1),
        (room(limit=12, others=1), "failed", 1),
        (room(limit=12, others=1, host=0), "ok", 2),
        (room(limit=12, others=None), "ok", 2),
        (room(limit=11, least=1), "warning", 1),
        (room(limit=8, least=0, most=4), "warning", 1),
        (room(limit=7, least=0, most=4), "failed", 0),
        (room(limit=0), "failed", 0),
    ],
)
def test_the_numbers_decide_the_state(known: WorkerRoom, state: str, fit: int) -> None:
    assert known.fit == fit
    assert judge_workers(STANDARD, known, "m6i.xlarge", "us-east-1").state == state


def test_the_requested_quota_covers_the_host_and_its_workers_twice() -> None:
    check = judge_workers(STANDARD, room(limit=4, others=3), "m6i.xlarge", "us-east-1")
    assert check.detail == (
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A): 4 vCPUs, 3 "
        "in use by others; the host has 4, m6i.xlarge has 4: 0 of 2 workers fit"
    )
    # 3 + 2 x (4 + 2 x 4)
    assert "--quota-code L-1216C47A --desired-value 27 --region us-east-1`" in check.fix
    assert "geusemaker:workerInstanceTypes" in check.fix


def running(*hosts: tuple[str, dict[str, str], str]) -> Answer:
    """Running hosts: type, tags and market."""
    instances = [
        {
            "InstanceType": kind,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            **({"InstanceLifecycle": "spot"} if market == "spot" else {}),
        }
        for kind, tags, market in hosts
    ]
    return ("describe_instances", {"Reservations": [{"Instances": instances}]})


OWN = {"geusemaker:id": "0123456789ab"}
WORKER = {**OWN, "aws:autoscaling:groupName": "geusemaker-0123456789ab-workers"}
FLEET = running(
    ("m6i.xlarge", OWN, "on-demand"),
    ("m6i.xlarge", WORKER, "on-demand"),
    ("m6i.xlarge", WORKER, "on-demand"),
    ("m6i.xlarge", {}, "on-demand"),
    ("m6i.xlarge", WORKER, "spot"),
    ("m6i.xlarge", {}, "spot"),
)


def look(ec2: tuple[Answer, ...], limit: Answer, **keys: Any) -> Check:
    place = Somewhere(
        {"service-quotas": stubbed("service-quotas", limit), "ec2": stubbed("ec2", *ec2)},
        stack_outputs={"stackId": "0123456789ab"},
    )
    config = DeploymentConfig.model_validate({"workers": 2, **keys})
    (found,) = worker_checks(place, config, None, is_logged_in=True, has_region=True)
    return found


def test_the_stacks_own_hosts_do_not_take_room_from_its_workers() -> None:
    ec2 = (FLEET, types(m6i_xlarge=4))
    check = look(ec2, ("get_service_quota", quota(16.0)))
    assert check.state == "ok"
    assert "16 vCPUs, 4 in use by others; the host has 4, m6i.xlarge has 4: 2 of 2" in check.detail


def test_spot_workers_count_for_the_quota_of_spot() -> None:
    ec2 = (FLEET, types(m6i_xlarge=4))
    check = look(ec2, ("get_service_quota", quota(8.0)), workerMarket="spot")
    assert check.state == "failed"
    assert "Spot Instance Requests (L-34B43A08): 8 vCPUs, 4 in use by others; m6i" in check.detail
    assert "1 of 2 workers fit" in check.detail


def test_workers_of_another_family_leave_the_host_out() -> None:
    ec2 = (NOTHING_RUNS, types(g5_xlarge=4, m6i_xlarge=4))
    check = look(ec2, ("get_service_quota", quota(8.0)), workerInstanceTypes=["g5.xlarge"])
    assert check.state == "ok"
    assert "L-DB2E81BA): 8 vCPUs, 0 in use by others; g5.xlarge has 4: 2 of 2" in check.detail


def test_the_check_of_the_host_does_not_count_workers_as_its_own() -> None:
    place = Somewhere(
        {
            "service-quotas": stubbed("service-quotas", ("get_service_quota", quota(8.0))),
            "ec2": stubbed(
                "ec2", running(("m6i.xlarge", WORKER, "on-demand")), types(m6i_xlarge=4)
            ),
        },
        stack_outputs={"stackId": "0123456789ab"},
    )
    check = vcpu_quota(place, "m6i.xlarge", None, is_logged_in=True, has_region=True)
    assert check.state == "warning", "4 of 8 are free: a second host does not fit"


def test_a_type_whose_quota_is_unknown_has_the_list() -> None:
    keys = {"workerMarket": "spot", "workerInstanceTypes": ["p5.48xlarge"]}
    place = Somewhere()
    config = DeploymentConfig.model_validate({"workers": 1, **keys})
    (check,) = worker_checks(place, config, None, is_logged_in=True, has_region=True)
    assert check.state == "unknown"
    assert "list-service-quotas" in check.fix


def test_a_stack_without_workers_has_no_check_of_them() -> None:
    config = DeploymentConfig.model_validate({"kmsKeyArn": KEY})
    assert not list(worker_checks(Somewhere(), config, None, is_logged_in=True, has_region=True))


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (("get_role", "NoSuchEntity"), "warning", "creates it now."),
        (("get_role", "AccessDenied"), "unknown", "create-service-linked-role"),
        (("get_role", "ServiceFailure"), "unknown", ""),
        (
            (
                "get_role",
                {
                    "Role": {
                        "Path": "/",
                        "RoleName": "AWSServiceRoleForAutoScaling",
                        "RoleId": "AROA0123456789ABCDEF",
                        "Arn": "arn:aws:iam::123456789012:role/AWSServiceRoleForAutoScaling",
                        "CreateDate": "2026-11-01T00:00:00Z",
                    }
                },
            ),
            "ok",
            "",
        ),
    ],
)
def test_with_a_key_auto_scaling_needs_its_role(answer: Answer, state: str, words: str) -> None:
    place = Somewhere(
        {
            "service-quotas": stubbed("service-quotas", ("get_service_quota", quota(16.0))),
            "ec2": stubbed("ec2", NOTHING_RUNS, types(m6i_xlarge=4)),
            "iam": stubbed("iam", answer),
        }
    )
    config = DeploymentConfig.model_validate({"workers": 1, "kmsKeyArn": KEY})
    of_quota, role = worker_checks(place, config, None, is_logged_in=True, has_region=True)
    assert (of_quota.state, role.name, role.state) == ("ok", "Auto Scaling", state)
    assert words in role.fix


def test_without_credentials_nothing_is_called() -> None:
    config = DeploymentConfig.model_validate({"workers": 1, "kmsKeyArn": KEY})
    for login, place in ((False, True), (True, False)):
        found = worker_checks(Somewhere(), config, None, is_logged_in=login, has_region=place)
        assert [one.state for one in found] == ["unknown", "unknown"]
