"""What AWS refuses, and gives unasked, of parameters, buckets and credits."""

import base64
import dataclasses
import json
from typing import Any

import pytest

from moto_provider.test_refusals import refusal
from moto_provider.world import BY_NAME, SEED, Thing, World
from pulumi_moto.caches import method_names
from pulumi_moto.mocks import simulated_account
from pulumi_moto.resources.objects import MOST_TAGS
from pulumi_moto.wire import UNKNOWN


def _parameter(world: World, **given: Any) -> Thing:
    return world.make("Parameter", **{"type": "String", "value": "one", **given})


# Parameters. -------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier", "room"), [("Standard", 4096), ("Advanced", 8192)])
def test_a_parameter_has_the_room_of_its_tier(world: World, tier: str, room: int) -> None:
    full = _parameter(world, type="SecureString", value="x" * room, tier=tier)
    said = f"PutParameter ValidationException: {tier} tier parameters support a maximum parameter "
    said += f"value of {room} characters. "
    over = "x" * (room - 1) + "é"  # as many characters, and one byte more
    assert refusal(lambda: world.update(full, value=over)).startswith(said)
    assert refusal(lambda: _parameter(world, value=over, tier=tier)).startswith(said)
    assert world.read(full) == full.state


def test_a_parameter_goes_up_but_never_down(world: World) -> None:
    made = _parameter(world, tier="Standard")
    raised = world.update(made, tier="Advanced", value="x" * 5000)
    assert raised.state["tier"] == "Advanced"
    (change,) = world.changes(raised, {**raised.inputs, "tier": "Standard"})
    assert (change.path, change.replaces) == ("tier", True)


def test_a_name_has_one_parameter(world: World) -> None:
    made = _parameter(world, name="/twice")
    said = refusal(lambda: _parameter(world, name="/twice"))
    assert said.startswith("PutParameter ParameterAlreadyExists: The parameter already exists.")
    over = _parameter(world, name="/twice", value="two", overwrite=True, tags={"a": "b"})
    shown = world.read(made)
    assert shown is not None
    assert (shown["value"], shown["version"], shown["tags"]) == ("two", 2, {"a": "b"})
    assert over.state["tags"] == {"a": "b"}


def test_an_insecure_value_is_read_back_as_such(world: World) -> None:
    made = world.make("Parameter", type="String", insecureValue="one")
    assert made.state["insecureValue"] == "one"
    assert "value" not in made.state
    assert "insecureValue" not in BY_NAME["Parameter"].secret
    assert "value" in BY_NAME["Parameter"].secret
    updated = world.update(made, insecureValue="two")
    assert world.read(updated) == updated.state
    assert updated.state["version"] == 2


def test_a_new_value_has_a_version_that_a_preview_does_not_know(world: World) -> None:
    made, kind = _parameter(world), BY_NAME["Parameter"]
    changed = kind.preview_update(
        world.account, made.state, {**made.inputs, "value": "two"}, frozenset({"value"})
    )
    assert changed["version"] is UNKNOWN
    retagged = kind.preview_update(world.account, made.state, made.inputs, frozenset({"tags"}))
    assert retagged["version"] == 1


def test_what_left_the_program_leaves_the_parameter(world: World) -> None:
    made = _parameter(world, description="of a test", allowedPattern="^[a-z]+$")
    updated = world.update(made, description=None, allowedPattern=None, value="two")
    assert not {"description", "allowedPattern"} & updated.state.keys()
    assert world.read(updated) == updated.state


def test_what_the_host_wrote_is_read_and_then_no_change(world: World) -> None:
    """As a status parameter lives: the program ignores its value, and the engine hands back the
    one that it has on record."""
    made = _parameter(world, value="state=unknown")
    world.account.client("ssm").put_parameter(
        Name=made.id, Type="String", Value="state=ready", Overwrite=True
    )
    shown = world.read(made)
    assert shown is not None
    assert (shown["value"], shown["version"]) == ("state=ready", 2)
    kept = {key: made.kind.kept(key, value, shown[key]) for key, value in made.inputs.items()}
    assert kept["value"] == "state=ready"
    assert made.kind.changes(world.account, shown, kept, kept) == []


def test_a_new_value_is_encrypted_by_the_key_of_aws_until_the_next_update(world: World) -> None:
    """The provider sends the key only when it changed, as its source has it."""
    made = _parameter(world, type="SecureString", keyId="alias/mine")
    assert made.state["keyId"] == "alias/mine"
    world.account.client("ssm").put_parameter(
        Name=made.id, Type="SecureString", Value="of somebody", Overwrite=True, KeyId="alias/mine"
    )
    shown = world.read(made)
    assert shown is not None
    restored = world.put_back(dataclasses.replace(made, state=shown))
    assert restored.state["value"] == made.state["value"]
    assert restored.state["keyId"] == "alias/aws/ssm"
    assert [change.path for change in world.changes(restored, restored.inputs)] == ["keyId"]
    again = world.put_back(restored)
    assert again.state["keyId"] == "alias/mine"
    assert world.changes(again, again.inputs) == []


# Buckets. ----------------------------------------------------------------------------------


def test_a_bucket_is_emptied_only_when_it_may_be(world: World) -> None:
    bucket = world.bucket(forceDestroy=False)
    s3 = world.account.client("s3")
    s3.put_bucket_versioning(Bucket=bucket.id, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket.id, Key="of a host", Body=body)
    s3.delete_object(Bucket=bucket.id, Key="of a host")
    said = refusal(lambda: world.delete(bucket))
    assert said == "DeleteBucket BucketNotEmpty: The bucket you tried to delete is not empty"
    world.delete(world.update(bucket, forceDestroy=True))
    assert world.read(bucket) is None


def test_a_new_bucket_is_closed_and_encrypted(world: World) -> None:
    bucket, s3 = world.bucket(), world.account.client("s3")
    blocked = s3.get_public_access_block(Bucket=bucket.id)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert len(blocked) == 4
    owner = s3.get_bucket_ownership_controls(Bucket=bucket.id)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rule = bucket.state["serverSideEncryptionConfiguration"]["rule"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_a_bucket_encrypts_by_a_key_and_goes_back_to_that_of_s3(world: World) -> None:
    bucket, s3 = world.bucket(), world.account.client("s3")
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    rule = {"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}
    kind = "BucketServerSideEncryptionConfiguration"
    made = world.make(kind, bucket=bucket.id, rules=[rule])
    stored = world.make("BucketObjectv2", bucket=bucket.id, key="a", content="b")
    assert stored.state["serverSideEncryption"] == "aws:kms"
    assert stored.state["kmsKeyId"] == key
    assert world.changes(stored, stored.inputs) == [], "the key that it got is no difference"
    world.delete(made)
    shown = s3.get_bucket_encryption(Bucket=bucket.id)["ServerSideEncryptionConfiguration"]
    assert shown["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    # The object keeps the key by which it was stored.
    assert s3.head_object(Bucket=bucket.id, Key="a")["SSEKMSKeyId"] == key

    wrong = {"applyServerSideEncryptionByDefault": {**default, "sseAlgorithm": "AES256"}}
    said = refusal(lambda: world.make(kind, bucket=bucket.id, rules=[wrong]))
    assert said.startswith("PutBucketEncryption InvalidArgument: a KMSMasterKeyID is not")


def test_a_bucket_is_created_once(world: World) -> None:
    bucket = world.bucket()
    said = refusal(lambda: world.bucket(bucket=bucket.id))
    assert said.startswith("CreateBucket BucketAlreadyOwnedByYou: ")


def test_a_bucket_has_a_name_that_dns_takes(world: World) -> None:
    inputs, problems = BY_NAME["Bucket"].check(world.account, "Bundles", None, {}, b"1")
    assert problems == []
    assert inputs["bucket"].startswith("bundles-")
    assert not BY_NAME["Bucket"].delete_first("Bundles", inputs)
    assert BY_NAME["Bucket"].delete_first("Bundles", {"bucket": "bundles"})


def test_a_bucket_outside_us_east_1() -> None:
    with simulated_account("eu-central-1", seed=SEED) as mocks:
        bucket = World(mocks.account).bucket()
        assert bucket.state["bucketRegion"] == "eu-central-1"
        domain = f"{bucket.id}.s3.eu-central-1.amazonaws.com"
        assert bucket.state["bucketRegionalDomainName"] == domain


def test_a_bucket_loses_its_tags(world: World) -> None:
    bucket = world.update(world.bucket(tags={"a": "b"}), tags=None)
    assert bucket.state["tags"] == {}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Principal": "*"}, "AccessDenied: User: arn:aws:iam::"),
        ({"Principal": {"AWS": ["*"]}}, "AccessDenied: User: arn:aws:iam::"),
        ({"Resource": "arn:aws:s3:::another/*"}, "MalformedPolicy: Policy has invalid resource"),
    ],
)
def test_a_policy_that_s3_refuses(world: World, members: dict[str, Any], said: str) -> None:
    bucket = world.bucket()
    policy = world.bucket_policy(bucket, **members)
    made = refusal(lambda: world.make("BucketPolicy", bucket=bucket.id, policy=policy))
    assert made.startswith(f"PutBucketPolicy {said}")


def test_a_policy_names_its_principal(world: World) -> None:
    bucket = world.bucket()
    policy = json.loads(world.bucket_policy(bucket))
    del policy["Statement"][0]["Principal"]
    said = refusal(lambda: world.make("BucketPolicy", bucket=bucket.id, policy=json.dumps(policy)))
    assert said == "PutBucketPolicy MalformedPolicy: Missing required field Principal"


def test_a_policy_may_deny_everyone_or_be_public_where_that_is_allowed(world: World) -> None:
    bucket = world.bucket()
    denied = world.bucket_policy(bucket, Effect="Deny", Principal="*")
    world.delete(world.make("BucketPolicy", bucket=bucket.id, policy=denied))
    narrowed = world.bucket_policy(
        bucket, Principal="*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    )
    world.delete(world.make("BucketPolicy", bucket=bucket.id, policy=narrowed))
    world.make("BucketPublicAccessBlock", bucket=bucket.id)
    public = world.bucket_policy(bucket, Principal="*")
    world.make("BucketPolicy", bucket=bucket.id, policy=public)


def test_a_policy_is_stored_and_not_evaluated(world: World) -> None:
    bucket = world.bucket()
    policy = world.bucket_policy(
        bucket,
        Effect="Deny",
        Principal="*",
        Action="s3:*",
        Condition={"Bool": {"aws:SecureTransport": "false"}},
    )
    world.make("BucketPolicy", bucket=bucket.id, policy=policy)
    made = world.make("BucketObjectv2", bucket=bucket.id, content="x")
    assert world.read(made) == made.state
    world.delete(made)


def test_what_is_in_a_bucket_goes_with_it(world: World) -> None:
    bucket = world.bucket(forceDestroy=True)
    things = [
        world.make("BucketPublicAccessBlock", bucket=bucket.id),
        world.make("BucketPolicy", bucket=bucket.id, policy=world.bucket_policy(bucket)),
        world.make("BucketObjectv2", bucket=bucket.id, content="one"),
    ]
    world.delete(bucket)
    for thing in things:
        assert world.read(thing) is None
        world.delete(thing)


def test_a_block_may_stay(world: World) -> None:
    bucket = world.bucket()
    block = world.make("BucketPublicAccessBlock", bucket=bucket.id, skipDestroy=True)
    world.delete(block)
    assert world.read(block) is not None


def test_objects_expire_after_a_day_at_the_earliest(world: World) -> None:
    rule = {"id": "one", "status": "Enabled", "filter": {"prefix": "a/"}, "expiration": {"days": 0}}
    bucket = world.bucket().id
    said = refusal(lambda: world.make("BucketLifecycleConfiguration", bucket=bucket, rules=[rule]))
    assert said.startswith("PutBucketLifecycleConfiguration InvalidArgument: 'Days'")


def test_a_grant_needs_a_key_and_a_role_that_exist(world: World) -> None:
    def grant(key: str, grantee: str) -> Thing:
        given = {"keyId": key, "granteePrincipal": grantee, "operations": ["CreateGrant"]}
        return world.make("Grant", **given)

    key = world.account.kms.create_key()["KeyMetadata"]["Arn"]
    role = "AWSServiceRoleForAutoScaling"
    of_service = f"role/aws-service-role/autoscaling.amazonaws.com/{role}"
    arn = f"arn:aws:iam::{world.account.id}:{of_service}"
    assert refusal(lambda: grant(key, arn)).startswith("CreateGrant InvalidArnException: ARN does")
    world.account.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    made = grant(key, arn)
    assert made.id == f"{key}:{made.state['grantId']}"
    unknown = key.replace(key[-4:], "ffff")
    assert refusal(lambda: grant(unknown, arn)).startswith("CreateGrant NotFoundException:")


def test_objects_need_a_bucket(world: World) -> None:
    said = refusal(lambda: world.make("BucketObjectv2", bucket="nobodys-bucket", content="x"))
    assert said == "PutObject NoSuchBucket: The specified bucket does not exist"


def test_an_object_holds_the_bytes_that_it_is_given(world: World) -> None:
    bucket, s3 = world.bucket(), world.account.client("s3")
    data = bytes(range(256))
    made = world.make(
        "BucketObjectv2", bucket=bucket.id, contentBase64=base64.b64encode(data).decode()
    )
    assert made.inputs["key"] == "thing"
    assert made.id == f"{bucket.id}/thing"
    assert s3.get_object(Bucket=bucket.id, Key="thing")["Body"].read() == data
    text = world.make("BucketObjectv2", bucket=bucket.id, key="a/b", content="é")
    assert s3.get_object(Bucket=bucket.id, Key="a/b")["Body"].read() == "é".encode()
    # A key that another one begins with is left alone.
    longer = world.make("BucketObjectv2", bucket=bucket.id, key="a/bc", content="é")
    world.delete(text)
    assert world.read(longer) == longer.state


def test_an_object_loses_its_tags(world: World) -> None:
    made = world.make("BucketObjectv2", bucket=world.bucket().id, content="x", tags={"a": "b"})
    assert world.update(made, tags=None).state["tags"] == {}


def test_a_new_content_has_a_mark_that_a_preview_does_not_know(world: World) -> None:
    kind = BY_NAME["BucketObjectv2"]
    assert "etag" in kind.unknown_after_update(frozenset({"content"}))
    assert kind.unknown_after_update(frozenset({"tags", "forceDestroy"})) == frozenset()


# Credits. ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "credits"), [("t3.large", "unlimited"), ("t2.large", "standard"), ("m6i.large", None)]
)
def test_a_burstable_host_has_credits(world: World, kind: str, credits: str | None) -> None:
    made = world.instance(instanceType=kind)
    shown = {"cpuCredits": credits} if credits else None
    assert made.state.get("creditSpecification") == shown


def test_credits_change_in_place(world: World) -> None:
    made = world.instance(instanceType="t3.large", creditSpecification={"cpuCredits": "standard"})
    assert made.state["creditSpecification"] == {"cpuCredits": "standard"}
    changed = world.update(made, creditSpecification={"cpuCredits": "unlimited"})
    assert world.read(changed) == changed.state
    assert changed.state["creditSpecification"] == {"cpuCredits": "unlimited"}


def test_an_object_takes_ten_tags_and_may_override_those_of_the_provider(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"tag-{number}": "x" for number in range(MOST_TAGS + 1)}
    monkeypatch.setattr(world.account, "default_tags", many)
    wanted = {"bucket": world.bucket().id, "key": "one", "content": "text"}
    said = refusal(lambda: world.make("BucketObjectv2", **wanted))
    assert said == "PutObject BadRequest: Object tags cannot be greater than 10"
    made = world.make("BucketObjectv2", **wanted, overrideProvider={"defaultTags": {"tags": {}}})
    assert made.state["tagsAll"] == {}
    assert world.read(made) == made.state
    own = world.update(made, tags={"own": "one"})
    assert own.state["tagsAll"] == {"own": "one"}
    _, problems = world.check(
        "BucketObjectv2", **wanted, overrideProvider={"defaultTags": {"tags": {"a": "b"}}}
    )
    assert problems == ["overrideProvider.defaultTags.tags: only an empty map is supported"]


def test_a_call_that_is_added_to_a_service_that_has_answered_is_found() -> None:
    """As the simulated account adds calls that moto lacks, in a process that had another one."""

    class Service:
        def list_things(self) -> None:
            pass

    class Larger(Service):
        pass

    assert method_names(Larger) == ["list_things"]
    Service.start_session = Service.list_things  # type: ignore[attr-defined]
    assert method_names(Larger) == ["list_things", "start_session"]
