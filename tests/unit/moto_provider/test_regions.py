"""Providers of one program in several Regions, and resources in a Region of their own."""

from collections.abc import Iterator
from typing import Any

import pulumi.runtime
import pytest
from pulumi.runtime.proto import provider_pb2

from moto_provider.engine import Engine, engines, urn
from moto_provider.world import OWNER, World
from pulumi_moto import wire
from pulumi_moto.account import Account
from pulumi_moto.mocks import simulated_account
from pulumi_moto.table import TYPES

VPC = "aws:ec2/vpc:Vpc"
AMI, ZONES = "aws:ec2/getAmi:getAmi", "aws:index/getAvailabilityZones:getAvailabilityZones"
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")


@pytest.fixture
def two() -> Iterator[tuple[Engine, Engine]]:
    """The connections of two providers, each configured."""
    with engines() as connect:
        home, away = connect(), connect()
        home.configure(region="us-east-1", defaultTags={"tags": {"of": "home"}})
        away.configure(region="eu-west-1")
        yield home, away


def regions(ids: list[str]) -> dict[str, str]:
    """Regions of VPCs by their ids, as AWS shows them."""
    shown = {
        vpc["VpcId"]: region
        for region in REGIONS
        for vpc in Account(region).client("ec2").describe_vpcs()["Vpcs"]
    }
    return {id_: shown[id_] for id_ in ids if id_ in shown}


def ask(engine: Engine, **arguments: Any) -> Any:
    """The answer to a look-up of the one image of a Region."""
    given = wire.encode({"owners": [OWNER], **arguments})
    return engine.stub.Invoke(provider_pb2.InvokeRequest(tok=AMI, args=given))


def image(engine: Engine, **arguments: Any) -> tuple[str, str]:
    """Id and Region of that image."""
    answer = wire.decode(getattr(ask(engine, **arguments), "return")).values
    return answer["id"], answer["region"]


def make(engine: Engine, **given: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A new VPC: its id, inputs and state."""
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16", **given)
    made = engine.create(VPC, inputs)
    return made.id, inputs, wire.decode(made.properties).values


def test_each_provider_works_in_its_own_region_with_its_own_tags(
    two: tuple[Engine, Engine],
) -> None:
    home, away = two
    made = [make(engine) for engine in (home, away, home)]
    ids = [id_ for id_, _, _ in made]
    assert list(regions(ids).values()) == ["us-east-1", "eu-west-1", "us-east-1"]
    assert [state["region"] for _, _, state in made] == ["us-east-1", "eu-west-1", "us-east-1"]
    assert [state["tagsAll"] for _, _, state in made] == [{"of": "home"}, {}, {"of": "home"}]


def test_each_provider_and_look_up_reads_its_own_region(two: tuple[Engine, Engine]) -> None:
    home, away = two
    for region in REGIONS:
        make(home, region=region)  # the first use seeds a Region: later images are added to it
    ids = [World(Account(region)).image().id for region in REGIONS]
    found = [image(home), image(away), image(home, region=REGIONS[2])]
    assert found == list(zip(ids, REGIONS, strict=True))


def test_a_resource_lives_in_the_region_that_it_names(two: tuple[Engine, Engine]) -> None:
    engine, _ = two
    id_, inputs, state = make(engine, region="ap-northeast-1")
    assert (regions([id_]), state["region"]) == ({id_: "ap-northeast-1"}, "ap-northeast-1")
    preview = wire.decode(engine.create(VPC, inputs, preview=True).properties).values
    assert preview["region"] == "ap-northeast-1"

    moved = engine.diff(VPC, inputs, state, {**inputs, "region": "eu-west-1"})
    assert list(moved.replaces) == ["region"]
    left_out = {key: value for key, value in inputs.items() if key != "region"}
    assert not engine.diff(VPC, inputs, state, left_out).diffs, "it stays where it is"

    # The rest of its life, with the Region in the state alone.
    request = provider_pb2.ReadRequest(
        id=id_, urn=urn(VPC), inputs=wire.encode(left_out), properties=wire.encode(state)
    )
    assert wire.decode(engine.stub.Read(request).properties).values == state
    tagged = {**left_out, "tagsAll": {"of": "home", "new": "tag"}, "tags": {"new": "tag"}}
    updated = engine.stub.Update(
        provider_pb2.UpdateRequest(
            id=id_,
            urn=urn(VPC),
            olds=wire.encode(state),
            old_inputs=wire.encode(left_out),
            news=wire.encode(tagged),
        )
    )
    assert wire.decode(updated.properties).values["region"] == "ap-northeast-1"
    engine.stub.Delete(
        provider_pb2.DeleteRequest(id=id_, urn=urn(VPC), properties=updated.properties)
    )
    assert regions([id_]) == {}


def test_a_region_that_does_not_exist_is_a_problem_of_the_property(
    two: tuple[Engine, Engine],
) -> None:
    engine, _ = two
    checked = engine.check(VPC, cidrBlock="10.0.0.0/16", region="us-esat-1")
    for failures in (checked.failures, ask(engine, region="us-esat-1").failures):
        (failure,) = failures
        assert failure.property == "region"
        assert failure.reason == "the simulated account has no Region 'us-esat-1'"


def test_a_provider_whose_region_is_not_known_yet_is_accepted(two: tuple[Engine, Engine]) -> None:
    config = wire.encode({"region": wire.UNKNOWN})
    assert not two[0].stub.CheckConfig(provider_pb2.CheckRequest(news=config)).failures


def test_no_type_forgets_to_take_a_region() -> None:
    with_region = [kind for kind in TYPES.values() if "region" in kind.declared.types]
    for kind in with_region:
        assert kind.simulated is None or "region" in kind.simulated, kind.token
    assert len(with_region) > len(TYPES) / 2


def test_mocks_follow_the_provider_and_the_region_of_a_resource() -> None:
    with simulated_account() as mocks:

        def vpc(provider: str = "", **inputs: Any) -> str:
            args = pulumi.runtime.MockResourceArgs(
                typ=VPC,
                name="net",
                inputs={"cidrBlock": "10.0.0.0/16", **inputs},
                provider=provider,
            )
            id_, _ = mocks.new_resource(args)
            assert id_ is not None
            return id_

        def zone(provider: str = "", **arguments: Any) -> str:
            answer = mocks.call(pulumi.runtime.MockCallArgs(ZONES, arguments, provider))
            return str(answer["names"][0])

        ids = [
            mocks.new_resource(
                pulumi.runtime.MockResourceArgs(
                    typ="pulumi:providers:aws", name="own", inputs={"region": region}
                )
            )[0]
            for region in ("eu-west-1", "ap-northeast-1")
        ]
        europe, japan = (f"urn:pulumi:dev::p::pulumi:providers:aws::own::{id_}" for id_ in ids)
        default = "urn:pulumi:dev::p::pulumi:providers:aws::default_7_51_1::1"
        made = [vpc(), vpc(europe), vpc(japan), vpc(default), vpc(europe, region="us-east-1")]
        wanted = ["us-east-1", "eu-west-1", "ap-northeast-1", "us-east-1", "us-east-1"]
        assert list(regions(made).values()) == wanted
        assert [zone(), zone(europe), zone(region="ap-northeast-1")] == [
            *("us-east-1a", "eu-west-1a", "ap-northeast-1a"),
        ]
