"""The provider as the engine talks to it: over gRPC, with the generated stubs."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2

from moto_provider.engine import Engine, engines, urn
from pulumi_moto import invokes, wire
from pulumi_moto.account import Account, AwsError, UnfinishedError
from pulumi_moto.resource import Resource
from pulumi_moto.resources.block import Volume
from pulumi_moto.resources.network import Vpc
from pulumi_moto.resources.security import IngressRule
from pulumi_moto.wire import UNKNOWN

KINDS = provider_pb2.PropertyDiff
VPC, GROUP = "aws:ec2/vpc:Vpc", "aws:ec2/securityGroup:SecurityGroup"
VOLUME = "aws:ebs/volume:Volume"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with engines() as connect:
        made = connect()
        with pytest.raises(grpc.RpcError, match="has not configured the provider"):
            made.create(VPC, {"cidrBlock": "10.0.0.0/16"})
        yield made


@pytest.fixture(autouse=True)
def _configured(engine: Engine) -> None:
    engine.configure(region="us-east-1")


def text_of(call: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    text = str(caught.value.details())
    assert "Traceback" not in text
    return text


def test_the_engine_can_attach(engine: Engine) -> None:
    hello = engine.stub.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert hello.accept_secrets
    empty = empty_pb2.Empty()
    assert engine.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1")) == empty
    assert engine.stub.Cancel(empty) == empty
    assert engine.stub.GetPluginInfo(empty).version == "7.51.1"
    assert json.loads(engine.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema) == {}
    config = wire.encode({"region": "us-east-1"})
    checked = engine.stub.CheckConfig(provider_pb2.CheckRequest(news=config))
    assert checked.inputs == config
    shown = engine.stub.DiffConfig(provider_pb2.DiffRequest(old_inputs=config, news=config))
    assert shown.changes == provider_pb2.DiffResponse.DIFF_NONE
    elsewhere = wire.encode({"region": "eu-west-1"})
    shown = engine.stub.DiffConfig(provider_pb2.DiffRequest(old_inputs=config, news=elsewhere))
    assert shown.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(shown.diffs) == ["region"]
    assert not shown.replaces


def test_a_region_without_hosts_fails_as_the_real_provider_does(engine: Engine) -> None:
    for name, fails in (("us-esat-1", True), ("us-east-1", False)):
        request = provider_pb2.CheckRequest(news=wire.encode({"region": name}))
        reasons = [one.reason for one in engine.stub.CheckConfig(request).failures]
        assert bool(reasons) is fails
    (reason,) = [
        one.reason
        for one in engine.stub.CheckConfig(
            provider_pb2.CheckRequest(news=wire.encode({"region": "us-esat-1"}))
        ).failures
    ]
    assert reason.startswith("unable to validate AWS credentials.\nDetails: ")
    assert "lookup sts.us-esat-1.amazonaws.com: no such host" in reason
    assert text_of(lambda: engine.configure(region="us-esat-1")).count("no such host") == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_default_tags_are_on_everything(engine: Engine, as_text: bool) -> None:
    tags: Any = {"tags": {"stack": "dev", "owner": "all"}}
    engine.configure(region="us-east-1", defaultTags=json.dumps(tags) if as_text else tags)
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16", tags={"owner": "me"})
    assert inputs["tagsAll"] == {"stack": "dev", "owner": "me"}
    made = engine.create(VPC, inputs)
    state = wire.decode(made.properties).values
    assert state["tagsAll"] == {"stack": "dev", "owner": "me"}
    assert state["tags"] == {"owner": "me"}
    engine.configure(region="us-east-1", defaultTags={"tags": {"stack": "new"}})
    after = engine.inputs(VPC, cidrBlock="10.0.0.0/16", tags={"owner": "me"})
    shown = engine.diff(VPC, inputs, state, after)
    assert list(shown.detailedDiff) == ["tagsAll.stack"]
    unknown = engine.inputs(VPC, cidrBlock="10.0.0.0/16", tags={"owner": UNKNOWN})
    assert unknown["tagsAll"] is UNKNOWN


def test_check_fills_in_defaults_and_a_lasting_name(engine: Engine) -> None:
    first = engine.inputs(GROUP, vpcId="vpc-1")
    assert first["description"] == "Managed by Pulumi"
    assert first["name"].startswith("thing-")
    assert len(first["name"]) == len("thing-") + 7
    kept = wire.decode(engine.check(GROUP, olds=first, seed=b"2", vpcId="vpc-1").inputs).values
    assert kept["name"] == first["name"]
    other = wire.decode(engine.check(GROUP, seed=b"2", vpcId="vpc-1").inputs).values
    assert other["name"] != first["name"]
    failed = engine.check(GROUP, vpcid="vpc-1")
    assert [(f.property, f.reason) for f in failed.failures] == [
        ("vpcid", "the aws provider declares no such property")
    ]
    hidden = wire.decode(engine.check(GROUP, secrets=("vpcId",), vpcId="vpc-1").inputs)
    assert hidden.secrets == {"vpcId"}


def test_diff_shows_what_changes_and_how(engine: Engine) -> None:
    old = {"availabilityZone": "us-east-1a", "size": 1, "tags": {"a": "1", "b": "2"}, "iops": 3}
    new = {"availabilityZone": "us-east-1b", "size": 1, "tags": {"a": "2", "c": "3"}}
    shown = engine.diff(VOLUME, {**old, "outpostArn": "x"}, {**old, "outpostArn": "x"}, new)
    assert shown.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert shown.hasDetailedDiff
    assert {path: diff.kind for path, diff in shown.detailedDiff.items()} == {
        "availabilityZone": KINDS.UPDATE_REPLACE,
        "outpostArn": KINDS.DELETE,
        "tags.a": KINDS.UPDATE,
        "tags.b": KINDS.DELETE,
        "tags.c": KINDS.ADD,
    }
    assert list(shown.replaces) == ["availabilityZone"]
    assert list(shown.diffs) == ["availabilityZone", "outpostArn", "tags"]
    same = engine.diff(VOLUME, old, old, old)
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    unknown = engine.diff(VOLUME, old, old, {**old, "availabilityZone": UNKNOWN})
    assert unknown.detailedDiff["availabilityZone"].kind == KINDS.UPDATE_REPLACE
    added = engine.diff(VOLUME, {"size": 1}, {"size": 1}, {"size": 1, "kmsKeyId": "k"})
    assert added.detailedDiff["kmsKeyId"].kind == KINDS.ADD_REPLACE


def test_diff_leaves_out_what_is_ignored_and_nothing_more(engine: Engine) -> None:
    old = {"tags": {"a": "1", "ab": "1"}, "size": 1}
    new = {"tags": {"a": "2", "ab": "2"}, "size": 2}
    shown = engine.diff(VOLUME, old, old, new, ignore=("tags.a",))
    assert set(shown.detailedDiff) == {"tags.ab", "size"}
    assert set(engine.diff(VOLUME, old, old, new, ignore=("tags",)).detailedDiff) == {"size"}


def test_lists_are_compared_by_place_or_as_sets(engine: Engine) -> None:
    system = "aws:efs/fileSystem:FileSystem"
    old = {"lifecyclePolicies": [{"transitionToIa": "A"}, {"transitionToArchive": "B"}]}
    new = {"lifecyclePolicies": [{"transitionToIa": "C"}]}
    shown = engine.diff(system, old, old, new)
    assert {path: diff.kind for path, diff in shown.detailedDiff.items()} == {
        "lifecyclePolicies[0].transitionToIa": KINDS.UPDATE,
        "lifecyclePolicies[1]": KINDS.DELETE,
    }
    back = engine.diff(system, new, {"lifecyclePolicies": []}, old)
    assert back.detailedDiff["lifecyclePolicies[1]"].kind == KINDS.ADD
    target = "aws:efs/mountTarget:MountTarget"
    groups = {"securityGroups": ["a", "b"]}
    assert not engine.diff(target, groups, groups, {"securityGroups": ["b", "a"]}).detailedDiff
    partly = engine.diff(target, groups, groups, {"securityGroups": ["a", UNKNOWN]})
    assert set(partly.detailedDiff) == {"securityGroups[1]"}


@pytest.mark.parametrize(
    ("token", "old", "key", "first"),
    [
        (GROUP, {"name": "thing-0123abc", "vpcId": "a"}, "vpcId", False),
        (GROUP, {"name": "mine", "vpcId": "a"}, "vpcId", True),
        (GROUP, {"name": "thing-mine", "vpcId": "a"}, "vpcId", True),
        (GROUP, {"name": "mine", "tags": {"a": "b"}}, "tags", False),
        (VOLUME, {"availabilityZone": "a"}, "availabilityZone", False),
        ("aws:efs/mountTarget:MountTarget", {"subnetId": "a"}, "subnetId", True),
    ],
)
def test_a_resource_whose_name_is_taken_is_deleted_before_its_replacement(
    engine: Engine, token: str, old: dict[str, Any], key: str, first: bool
) -> None:
    new = {**old, key: {"a": "c"} if key == "tags" else "b"}
    assert engine.diff(token, old, old, new).deleteBeforeReplace is first


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId"),
        (ENCRYPTION, "bucket"),
        (ENCRYPTION, "expectedBucketOwner"),
    ],
)
def test_a_type_that_was_not_measured_is_replaced_by_its_parents_key(
    engine: Engine, token: str, key: str
) -> None:
    old, new = {key: "a"}, {key: "b"}
    assert list(engine.diff(token, old, old, new).replaces) == [key]


def test_from_preview_to_the_end(engine: Engine) -> None:
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16", tags={"a": "1"})
    promised = engine.create(VPC, inputs, preview=True)
    assert promised.id == ""
    assert wire.decode(promised.properties).values["arn"] is UNKNOWN
    made = engine.create(VPC, inputs)
    state = wire.decode(made.properties).values
    assert state["arn"].endswith(f"vpc/{made.id}")

    def read() -> Any:
        return engine.stub.Read(
            provider_pb2.ReadRequest(
                id=made.id,
                urn=urn(VPC),
                properties=wire.encode(state),
                inputs=wire.encode(inputs, ["cidrBlock"]),
            )
        )

    again = read()
    assert again.id == made.id
    assert wire.decode(again.properties).values == state
    assert wire.decode(again.inputs) == wire.Properties(inputs, frozenset({"cidrBlock"}))

    def update(preview: bool) -> dict[str, Any]:
        new = {**inputs, "enableDnsHostnames": True}
        answer = engine.stub.Update(
            provider_pb2.UpdateRequest(
                id=made.id,
                urn=urn(VPC),
                olds=wire.encode(state),
                old_inputs=wire.encode(inputs),
                news=wire.encode(new),
                preview=preview,
            )
        )
        return wire.decode(answer.properties).values

    assert update(preview=True)["enableDnsHostnames"] is True
    assert wire.decode(read().properties).values == state, "a preview changes nothing"
    assert update(preview=False) == {**state, "enableDnsHostnames": True}
    assert wire.decode(read().properties).values["enableDnsHostnames"] is True
    gone = provider_pb2.DeleteRequest(id=made.id, urn=urn(VPC), properties=wire.encode(state))
    engine.stub.Delete(gone)
    assert read().id == ""
    engine.stub.Delete(gone)


def test_a_refresh_shows_what_others_changed(engine: Engine) -> None:
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16", tags={"a": "1"})
    made = engine.create(VPC, inputs)
    shown = engine.stub.Read(
        provider_pb2.ReadRequest(
            id=made.id,
            urn=urn(VPC),
            properties=made.properties,
            inputs=wire.encode({**inputs, "tags": {"a": "2"}, "enableDnsSupport": False}),
        )
    )
    known = wire.decode(shown.inputs).values
    assert known["tags"] == {"a": "1"}
    assert known["enableDnsSupport"] is True


def test_look_ups(engine: Engine) -> None:
    def ask(token: str, **arguments: Any) -> Any:
        return engine.stub.Invoke(
            provider_pb2.InvokeRequest(tok=token, args=wire.encode(arguments))
        )

    shown = ask("aws:index/getRegion:getRegion")
    assert wire.decode(getattr(shown, "return")).values["region"] == "us-east-1"
    failed = ask("aws:ec2/getAmi:getAmi", owner="me")
    assert [f.property for f in failed.failures] == ["owner"]
    assert text_of(lambda: ask("aws:ec2/getAmi:getAmi", owners=["self"])) == (
        "1 error occurred:\n\t* Your query returned no results. Please change your search "
        "criteria and try again.\n\n"
    )
    assert text_of(lambda: ask("aws:ec2/getEip:getEip")).startswith("the simulated account does")


def test_a_failure_is_reported_in_plain_words(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = text_of(lambda: engine.check("aws:sqs/queue:Queue"))
    assert said.startswith("the simulated account does not know the resource type aws:sqs/queue")
    refused = text_of(lambda: engine.create(VPC, engine.inputs(VPC, cidrBlock="10.0.0.0/8")))
    assert refused.startswith("1 error occurred:\n\t* creating EC2 VPC: operation error EC2: Crea")

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("by zero")

    monkeypatch.setitem(invokes.INVOKES, "aws:index/getRegion:getRegion", broken)
    request = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion")
    assert text_of(lambda: engine.stub.Invoke(request)) == (
        "the simulated provider is broken: ZeroDivisionError: by zero"
    )


@pytest.mark.parametrize(
    ("shown", "said"),
    [(None, "is gone right after it was made"), ({"nmae": "x"}, "no such outputs: ['nmae']")],
)
def test_an_impossible_answer_is_a_fault(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, shown: Any, said: str
) -> None:
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16")
    monkeypatch.setattr(Vpc, "read", lambda *_: shown)
    assert said in text_of(lambda: engine.create(VPC, inputs))


def recorded(error: grpc.RpcError) -> Any:
    """What the engine keeps of a resource whose request failed."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    (packed,) = status_pb2.Status.FromString(details).details
    failed = provider_pb2.ErrorResourceInitFailed()
    assert packed.Unpack(failed)
    return failed


def test_what_is_made_and_not_finished_is_recorded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = engine.inputs(VPC, cidrBlock="10.0.0.0/16")
    create = Vpc.create

    def made_in_vain(self: Vpc, account: Account, given: Any) -> str:
        raise UnfinishedError(create(self, account, given), "waiting for VPC: timeout")

    monkeypatch.setattr(Vpc, "create", made_in_vain)
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(VPC, inputs)
    failed = recorded(caught.value)
    assert failed.id.startswith("vpc-")
    kept = wire.decode(failed.properties).values
    assert (kept["cidrBlock"], kept["arn"].rpartition("/")[2]) == ("10.0.0.0/16", failed.id)
    assert list(failed.reasons) == [
        f"creating {urn(VPC)}: 1 error occurred:\n\t* waiting for VPC: timeout\n\n"
    ]


def test_an_update_that_aws_refuses_is_recorded_unless_the_provider_would_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the bridge answers: the error, with the id and what was planned in its details."""
    refused = AwsError("updating", "EC2", "StartInstances", "VcpuLimitExceeded", "no room")

    def update(token: str, cls: type[Resource]) -> grpc.RpcError:
        def refuse(*_: Any) -> None:
            raise refused

        monkeypatch.setattr(cls, "update", refuse)
        with pytest.raises(grpc.RpcError) as caught:
            engine.stub.Update(
                provider_pb2.UpdateRequest(
                    id="one",
                    urn=urn(token),
                    olds=wire.encode({"arn": "known", "type": "old", "gone": "soon"}),
                    old_inputs=wire.encode({"type": "old", "gone": "soon"}),
                    news=wire.encode({"type": "new"}),
                )
            )
        return caught.value

    error = update(VOLUME, Volume)
    assert "VcpuLimitExceeded" in str(error.details())
    failed = recorded(error)
    assert failed.id == "one"
    assert wire.decode(failed.properties).values == {"arn": "known", "type": "new"}
    assert "VcpuLimitExceeded" in failed.reasons[0]
    assert failed.reasons[0].startswith(f"updating {urn(VOLUME)}: ")

    rule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    assert "grpc-status-details-bin" not in dict(update(rule, IngressRule).trailing_metadata())
