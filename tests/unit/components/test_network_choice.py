"""Which zones and which network a stack is in. Pure parts, no Pulumi."""

import pytest

from geusemaker.components import adopted, kept, zones
from geusemaker.components.adopted import AdoptedSubnet, AdoptedVpc
from geusemaker.components.network import subnet_cidrs
from geusemaker.errors import ConfigError, NetworkError

VPC = AdoptedVpc("vpc-1", ("10.50.0.0/16",), dns_support=True, dns_hostnames=True)
HOST = AdoptedSubnet("subnet-1", "vpc-1", "us-east-1a", "igw-1")
OTHER = AdoptedSubnet("subnet-2", "vpc-1", "us-east-1b", None)
OFFERING = ["us-east-1a", "us-east-1b"]
FIX = "The closest type is m5.xlarge."


def test_zones_are_picked_by_name_and_never_twice() -> None:
    candidates = ["us-east-1c", "us-east-1a", "us-east-1b"]
    first = zones.pick(candidates, [])
    assert first == "us-east-1a"
    assert zones.pick(candidates, [first]) == "us-east-1b"


def test_a_kept_zone_stays_out_of_the_next_pick() -> None:
    """The kept host zone may not offer the type any more. The next zone must be another one."""
    assert zones.pick(["us-east-1a", "us-east-1b"], ["us-east-1b"]) == "us-east-1a"


def test_too_few_zones_are_refused_with_their_number() -> None:
    zones.check_enough(["us-east-1a", "us-east-1b"], 2, "p5.48xlarge", lambda: FIX)
    with pytest.raises(NetworkError, match="availabilityZoneCount 1`") as refused:
        zones.check_enough(["us-east-1a"], 2, "p5.48xlarge", lambda: FIX)
    assert "only 1 of the Region's zones offer p5.48xlarge: us-east-1a" in str(refused.value)


def test_a_type_that_no_zone_offers_is_refused_by_name() -> None:
    with pytest.raises(NetworkError, match=r"offers geusemaker:instanceType p5\.48xlarge"):
        zones.check_enough([], 2, "p5.48xlarge", lambda: FIX)


def test_a_type_that_the_data_volumes_zone_lacks_is_refused() -> None:
    assert zones.check_kept_zone("us-east-1a", OFFERING, "m6i.xlarge", str) == "us-east-1a"
    with pytest.raises(NetworkError, match="not in us-east-1c, where this stack's data volume is"):
        zones.check_kept_zone("us-east-1c", OFFERING, "g5g.xlarge", lambda _: FIX)


def test_a_third_zone_moves_neither_of_the_first_two() -> None:
    two, three = subnet_cidrs("10.42.0.0/16", 2), subnet_cidrs("10.42.0.0/16", 3)
    assert three[:2] == two == ["10.42.0.0/18", "10.42.64.0/18"]


def test_a_host_in_an_adopted_network_is_public_behind_an_internet_gateway() -> None:
    assert adopted.check(VPC, [HOST, OTHER], OFFERING, "m6i.xlarge") is True
    behind_nat = AdoptedSubnet("subnet-1", "vpc-1", "us-east-1a", "nat-1")
    assert adopted.check(VPC, [behind_nat], OFFERING, "m6i.xlarge") is False


@pytest.mark.parametrize(
    ("vpc", "subnets", "message"),
    [
        (AdoptedVpc("vpc-1", ("10.50.0.0/16",), True, False), [HOST], "DNS hostnames are off"),
        (AdoptedVpc("vpc-1", ("10.50.0.0/16",), False, True), [HOST], "DNS support is off"),
        (
            AdoptedVpc("vpc-1", ("172.16.0.0/12",), True, True),
            [HOST],
            "overlaps 172.17.0.0/16, the default range of Docker's bridge",
        ),
        (
            AdoptedVpc("vpc-1", ("10.50.0.0/16", "198.18.0.0/16"), True, True),
            [HOST],
            "overlaps 198.18.42.0/23, the range of the containers",
        ),
        (VPC, [AdoptedSubnet("subnet-9", "vpc-2", "us-east-1a", "igw-1")], "belongs to vpc-2"),
        (
            VPC,
            [HOST, AdoptedSubnet("subnet-3", "vpc-1", "us-east-1a", None)],
            "subnet-1 and subnet-3, both in us-east-1a",
        ),
        (VPC, [OTHER], "no route for 0.0.0.0/0"),
        (
            VPC,
            [AdoptedSubnet("subnet-1", "vpc-1", "us-east-1f", "igw-1")],
            "in us-east-1f, where AWS does not offer m6i.xlarge",
        ),
    ],
)
def test_an_adopted_network_that_would_fail_later_is_refused_now(
    vpc: AdoptedVpc, subnets: list[AdoptedSubnet], message: str
) -> None:
    with pytest.raises(NetworkError) as refused:
        adopted.check(vpc, subnets, OFFERING, "m6i.xlarge")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("was", "wanted", "command"),
    [
        ("10.42.0.0/16", "10.99.0.0/16", "`pulumi config set geusemaker:vpcCidr 10.42.0.0/16`"),
        (
            "10.42.0.0/16",
            "vpc-1",
            "`pulumi config rm geusemaker:vpcId && pulumi config rm geusemaker:subnetIds && pulumi "
            "config set geusemaker:vpcCidr 10.42.0.0/16`",
        ),
        ("vpc-1", "10.42.0.0/16", "`pulumi config set geusemaker:vpcId vpc-1`"),
        ("vpc-1", "vpc-2", "`pulumi config set geusemaker:vpcId vpc-1`"),
    ],
)
def test_another_network_of_a_running_stack_is_refused_with_a_command(
    was: str, wanted: str, command: str
) -> None:
    assert adopted.check_same_network(was, was) == was
    with pytest.raises(NetworkError) as refused:
        adopted.check_same_network(was, wanted)
    assert command in str(refused.value)


def test_a_first_subnet_in_another_zone_is_refused() -> None:
    assert adopted.check_same_zone("us-east-1a", HOST) == "us-east-1a"
    with pytest.raises(NetworkError, match="data volume is in us-east-1b"):
        adopted.check_same_zone("us-east-1b", HOST)


def test_a_port_that_no_client_can_reach_is_refused() -> None:
    behind_nat = AdoptedSubnet("subnet-1", "vpc-1", "us-east-1a", "nat-1")
    for key, port in (("allowedCidrs", 443), ("webhookCidrs", 443), ("domain", 80)):
        text = str(adopted.unreachable(behind_nat, key))
        assert f"geusemaker:{key} opens port {port}" in text
        assert "default route through nat-1" in text
        assert f"`pulumi config rm geusemaker:{key}`" in text


def test_another_region_or_key_of_a_running_stack_is_refused_with_a_command() -> None:
    assert kept.check_same_region("us-east-1", "us-east-1") == "us-east-1"
    with pytest.raises(NetworkError, match="`pulumi config set aws:region us-east-1`"):
        kept.check_same_region("us-east-1", "eu-west-1")
    assert kept.check_same_key("", "") is None
    assert kept.check_same_key("arn:1", "arn:1") == "arn:1"
    with pytest.raises(ConfigError, match="`pulumi config rm geusemaker:kmsKeyArn`"):
        kept.check_same_key("", "arn:1")
    with pytest.raises(ConfigError, match="`pulumi config set geusemaker:kmsKeyArn arn:1`"):
        kept.check_same_key("arn:1", "")
