"""The quota against what the stack needs, now and while the host is replaced."""

from typing import Any

import pytest
from moto_provider.world import World

from doctor.place import Answer, Somewhere, stubbed
from geusemaker.doctor.check import Check
from geusemaker.doctor.vcpus import Room, judge, vcpu_quota
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.quotas import G_AND_VT, STANDARD
from geusemaker.errors import PulumiError
from geusemaker.simulator.mocks import simulated_account
from pulumi_moto import quotas

NAME = "Running On-Demand G and VT instances (L-DB2E81BA)"
G5 = InstanceType("g5.xlarge", 4, 16.0, ("x86_64",), ("1 x NVIDIA A10G",))
NOTHING_RUNS: Answer = ("describe_instances", {"Reservations": []})


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def types(**vcpus: int) -> Answer:
    described = [
        {"InstanceType": name.replace("_", "."), "VCpuInfo": {"DefaultVCpus": count}}
        for name, count in vcpus.items()
    ]
    return ("describe_instance_types", {"InstanceTypes": described})


def look(
    place: Somewhere, instance_type: str = "g5.xlarge", host: InstanceType | None = None
) -> Check:
    return vcpu_quota(place, instance_type, host, is_logged_in=True, has_region=True)


def with_quota(*answers: Answer, ec2: tuple[Answer, ...] | None = None) -> Somewhere:
    return Somewhere(
        {
            "service-quotas": stubbed("service-quotas", *answers),
            "ec2": stubbed("ec2", *(ec2 or (NOTHING_RUNS, types(g5_xlarge=4)))),
        }
    )


@pytest.mark.parametrize(
    ("room", "state"),
    [
        (Room(limit=8, running=0, own=0, each=4), "ok"),
        (Room(limit=7, running=0, own=0, each=4), "warning"),
        (Room(limit=4, running=0, own=0, each=4), "warning"),
        (Room(limit=3, running=0, own=0, each=4), "failed"),
        (Room(limit=8, running=5, own=0, each=4), "failed"),
        (Room(limit=8, running=4, own=0, each=4), "warning"),
        (Room(limit=8, running=4, own=4, each=4), "ok"),
        (Room(limit=7, running=4, own=4, each=4), "warning"),
        (Room(limit=4, running=4, own=4, each=4), "warning"),
        (Room(limit=64, running=4, own=4, each=192), "failed"),
        (Room(limit=8, running=8, own=4, each=8), "failed"),
        (Room(limit=8, running=4, own=4, each=8), "warning"),
        (Room(limit=4, running=None, own=0, each=4), "warning"),
        (Room(limit=8, running=None, own=0, each=4), "ok"),
    ],
)
def test_the_numbers_decide_the_state(room: Room, state: str) -> None:
    assert judge(G_AND_VT, room, "g5.xlarge", "us-east-1").state == state


def test_the_requested_quota_covers_all_running_hosts_and_two_of_the_stack() -> None:
    others = Room(limit=8, running=6, own=0, each=4)
    assert "--desired-value 14 " in judge(G_AND_VT, others, "g5.xlarge", "us-east-1").fix
    with_own = Room(limit=10, running=8, own=4, each=4)
    assert "--desired-value 12 " in judge(G_AND_VT, with_own, "g5.xlarge", "us-east-1").fix


def test_a_quota_of_zero_fails_with_a_fix() -> None:
    check = look(with_quota(("get_service_quota", quota(0.0))))
    assert (check.name, check.state) == ("vCPU quota", "failed")
    assert check.detail == (
        f"{NAME}: 0 vCPUs, 0 in use; g5.xlarge has 4, too many for it; new accounts have 0"
    )
    assert (
        "`aws service-quotas request-service-quota-increase --service-code ec2 --quota-code "
        "L-DB2E81BA --desired-value 8 --region us-east-1`"
    ) in check.fix
    assert "Service Quotas in the console" in check.fix
    assert "`pulumi config set geusemaker:instanceType m6i.xlarge`" in check.fix


def test_enough_for_one_host_only_is_a_warning() -> None:
    check = look(with_quota(("get_service_quota", quota(4.0))))
    assert check.state == "warning"
    assert "not for two while it is replaced" in check.detail
    assert "before the first replacement" in check.fix
    assert "instanceType" not in check.fix


def test_a_quota_that_was_never_changed_has_its_default() -> None:
    check = look(
        with_quota(
            ("get_service_quota", "NoSuchResourceException"),
            ("get_aws_default_service_quota", quota(0.0)),
        )
    )
    assert check.state == "failed"
    assert ": 0 vCPUs" in check.detail


@pytest.mark.parametrize(
    "answers",
    [
        [("get_service_quota", "AccessDeniedException")],
        [
            ("get_service_quota", "NoSuchResourceException"),
            ("get_aws_default_service_quota", "AccessDeniedException"),
        ],
    ],
)
def test_a_missing_permission_is_unknown_and_named(answers: list[Answer]) -> None:
    check = look(with_quota(*answers))
    assert check.state == "unknown"
    assert "servicequotas:GetServiceQuota" in check.detail


def test_without_permission_the_vcpus_in_use_are_unknown() -> None:
    ec2 = (("describe_instances", "UnauthorizedOperation"), types(g5_xlarge=4))
    check = look(with_quota(("get_service_quota", quota(8.0)), ec2=ec2))
    assert check.state == "ok"
    assert "vCPUs in use are unknown" in check.detail


def test_without_permission_vcpus_follow_from_the_type_names() -> None:
    denied: Answer = ("describe_instance_types", "UnauthorizedOperation")
    by_size = with_quota(("get_service_quota", quota(4.0)), ec2=(NOTHING_RUNS, denied))
    assert "g5.xlarge has 4" in look(by_size).detail
    without = with_quota(("get_service_quota", quota(4.0)), ec2=(NOTHING_RUNS, denied))
    check = look(without, "t3.nano")
    assert (check.state, check.detail) == ("unknown", "the caller lacks ec2:DescribeInstanceTypes")


def test_a_described_type_is_not_requested_again() -> None:
    # The stub has no other answer, and fails any other call.
    alone = with_quota(("get_service_quota", quota(8.0)), ec2=(NOTHING_RUNS,))
    check = look(alone, host=G5)
    assert (check.state, "0 in use; g5.xlarge has 4" in check.detail) == ("ok", True)
    held = {"Reservations": [{"Instances": [{"InstanceType": "g5.2xlarge"}]}]}
    client = stubbed("ec2", ("describe_instances", held), types(g5_2xlarge=8))
    calls: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.ec2.DescribeInstanceTypes",
        lambda params, **_: calls.append(dict(params)),
    )
    place = with_quota(("get_service_quota", quota(64.0)))
    place.clients = {**place.clients, "ec2": client}
    assert "8 in use; g5.xlarge has 4" in look(place, host=G5).detail
    assert calls == [{"InstanceTypes": ["g5.2xlarge"]}]


@pytest.mark.parametrize(
    "answers",
    [
        (("describe_instances", "InternalError"),),
        (NOTHING_RUNS, ("describe_instance_types", "InternalError")),
    ],
)
def test_a_failed_call_leaves_the_quota_unknown(answers: tuple[Answer, ...]) -> None:
    check = look(with_quota(("get_service_quota", quota(4.0)), ec2=answers))
    assert (check.state, "AWS's own words" in check.detail) == ("unknown", True)
    check = look(with_quota(("get_service_quota", "InternalError")))
    assert check.state == "unknown"


def test_a_type_without_a_known_quota_is_unknown() -> None:
    check = look(Somewhere(), "mac2.metal")
    assert check.state == "unknown"
    assert "list-service-quotas" in check.fix


@pytest.mark.parametrize(
    ("is_logged_in", "has_region", "detail"),
    [(False, True, "no credentials"), (False, False, "no Region"), (True, False, "no Region")],
)
def test_without_credentials_or_region_the_quota_is_not_checked(
    is_logged_in: bool, has_region: bool, detail: str
) -> None:
    check = vcpu_quota(
        Somewhere(), "g5.xlarge", None, is_logged_in=is_logged_in, has_region=has_region
    )
    assert check == Check("vCPU quota", "unknown", f"not checked: {detail}")


def test_running_hosts_count() -> None:
    with simulated_account() as mocks:
        world = World(mocks.account)
        place = Somewhere({name: mocks.account.client(name) for name in ("service-quotas", "ec2")})
        assert look(place, "m6i.xlarge").state == "ok"
        assert look(place, "p5.48xlarge").state == "failed"
        world.instance(instanceType="g5.xlarge")
        world.instance(instanceType="m6i.xlarge", tags={"geusemaker:stack": "prod"})
        world.instance(instanceType="m6i.large", tags={"geusemaker:stack": "another"})
        quotas.of("us-east-1")[STANDARD.code] = 12
        check = look(place, "m6i.xlarge")
        assert check.state == "ok"
        assert ": 12 vCPUs, 6 in use; m6i.xlarge has 4" in check.detail
        place.stack = "another"
        check = look(place, "m6i.2xlarge")
        assert check.state == "warning"
        assert "--desired-value 20 " in check.fix
        place.stack = None
        check = look(place, "m6i.2xlarge")
        assert check.state == "failed"
        assert "--desired-value 22 " in check.fix


@pytest.mark.parametrize(
    ("stack_outputs", "own"),
    [
        ({"stackId": "abcdefghijkl"}, 4),
        ({}, 8),
        (PulumiError("The backend does not answer."), 8),
    ],
    ids=["by id", "by name", "unseen"],
)
def test_with_a_stack_id_another_projects_stack_of_the_same_name_is_not_own(
    stack_outputs: dict[str, Any] | PulumiError, own: int
) -> None:
    with simulated_account() as mocks:
        world = World(mocks.account)
        for id_ in ("abcdefghijkl", "mnopqrstuvwx"):
            tags = {"geusemaker:stack": "prod", "geusemaker:id": id_}
            world.instance(instanceType="m6i.xlarge", tags=tags)
        quotas.of("us-east-1")[STANDARD.code] = 8
        clients = {name: mocks.account.client(name) for name in ("service-quotas", "ec2")}
        check = look(Somewhere(clients, stack_outputs=stack_outputs), "m6i.xlarge")
    assert check.state == "warning"
    assert f"--desired-value {8 - own + 2 * 4} " in check.fix


def test_spot_hosts_have_quotas_of_their_own() -> None:
    host = {"InstanceType": "g5.xlarge", "InstanceLifecycle": "spot"}
    ec2 = (("describe_instances", {"Reservations": [{"Instances": [host]}]}), types(g5_xlarge=4))
    check = look(with_quota(("get_service_quota", quota(8.0)), ec2=ec2))
    assert (check.state, "0 in use" in check.detail) == ("ok", True)
