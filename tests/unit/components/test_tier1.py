"""Tier1 under Pulumi mocks that stand on the simulated account's table."""

import base64
import gzip
import json
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from geusemaker.components.tier1 import Tier1
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import TODAY, deploy, in_pulumi


def _one(account: SimulatedMocks, token: str, name: str = "") -> dict[str, Any]:
    (made,) = (made for made in account.of(token) if made.name.endswith(name))
    return dict(made.inputs)


def test_the_host_boots_the_kept_image_with_what_the_design_asks(account: SimulatedMocks) -> None:
    deploy()
    host = _one(account, "aws:ec2/instance:Instance")
    assert host["ami"] == "ami-0391c53a255869d46"
    assert host["instanceType"] == "m6i.xlarge"
    assert host["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert host["rootBlockDevice"]["encrypted"] is True
    assert host["rootBlockDevice"]["volumeSize"] == 75
    assert host["userDataReplaceOnChange"] is True
    assert "associatePublicIpAddress" not in host, "a stopped host would be replaced for it"
    assert all(
        subnet.inputs["mapPublicIpOnLaunch"] for subnet in account.of("aws:ec2/subnet:Subnet")
    ), "its way out is a public address"
    assert "keyName" not in host, "the way in is Session Manager, not SSH"
    script = gzip.decompress(base64.b64decode(host["userDataBase64"])).decode()
    assert script.startswith("#!/bin/bash")
    assert account.of("aws:efs/accessPoint:AccessPoint")[0].outputs["arn"].split("/")[1] in script


def test_one_describe_images_is_asked_on_the_good_path(account: SimulatedMocks) -> None:
    deploy()
    asked = [token for token, _ in account.asked if token == "aws:ec2/getAmi:getAmi"]
    assert len(asked) == 1


def test_nobody_can_come_in_by_default(account: SimulatedMocks) -> None:
    deploy()
    rules = account.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert [(rule.inputs["fromPort"], rule.inputs.get("cidrIpv4")) for rule in rules] == [
        (2049, None)
    ], "the only way in is NFS, from the host's group to the mount targets"
    assert not account.of("aws:ec2/eip:Eip")


def test_the_default_group_of_the_vpc_lets_nothing_in_or_out(account: SimulatedMocks) -> None:
    deploy()
    (vpc,) = account.of("aws:ec2/vpc:Vpc")
    (group,) = account.of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert group.outputs["name"] == "default"
    assert group.outputs["vpcId"] == vpc.outputs["arn"].rpartition("/")[2]
    filters = [
        {"Name": "vpc-id", "Values": [group.outputs["vpcId"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    ec2 = account.account.client("ec2")
    (held,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert (held["IpPermissions"], held["IpPermissionsEgress"]) == ([], [])


def test_allowed_cidrs_open_443_and_give_a_lasting_address(account: SimulatedMocks) -> None:
    deploy(allowed_cidrs=["203.0.113.0/24", "2001:db8::/48"])
    rules = account.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    https = [rule.inputs for rule in rules if rule.inputs["fromPort"] == 443]
    assert {rule.get("cidrIpv4") or rule.get("cidrIpv6") for rule in https} == {
        "203.0.113.0/24",
        "2001:db8::/48",
    }
    assert len(account.of("aws:ec2/eip:Eip")) == 1
    assert _one(account, "aws:ec2/eipAssociation:EipAssociation")["allowReassociation"] is True


def test_the_file_system_is_encrypted_and_mounted_by_roles_over_tls_only(
    account: SimulatedMocks,
) -> None:
    deploy()
    assert _one(account, "aws:efs/fileSystem:FileSystem")["encrypted"] is True
    policy = json.loads(_one(account, "aws:efs/fileSystemPolicy:FileSystemPolicy")["policy"])
    allow, deny = policy["Statement"]
    assert allow["Principal"]["AWS"].endswith(":root"), "an anonymous client must not mount"
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_role_reaches_its_own_shares_and_nothing_else(account: SimulatedMocks) -> None:
    deploy(permissions_boundary_arn="arn:aws:iam::000000000000:policy/edge")
    roles = account.of("aws:iam/role:Role")
    assert {role.inputs["permissionsBoundary"].rpartition(":")[2] for role in roles} == {
        "policy/edge"
    }
    policy = json.loads(_one(account, "aws:iam/rolePolicy:RolePolicy", "-files")["policy"])
    (system,) = account.of("aws:efs/fileSystem:FileSystem")
    assert {statement["Resource"] for statement in policy["Statement"]} == {system.outputs["arn"]}
    points = {made.outputs["arn"] for made in account.of("aws:efs/accessPoint:AccessPoint")}
    condition = policy["Statement"][0]["Condition"]["StringEquals"]
    assert set(condition["elasticfilesystem:AccessPointArn"]) == points


def test_policies_of_the_account_are_attached_to_the_role_of_the_host_only(
    account: SimulatedMocks,
) -> None:
    names = ("AmazonEC2ReadOnlyAccess", "CloudWatchAgentServerPolicy")
    policies = [f"arn:aws:iam::aws:policy/{name}" for name in names]
    deploy(extra_policy_arns=policies)
    attached = {
        made.name: (made.inputs["role"], made.inputs["policyArn"])
        for made in account.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    (role,) = (one.outputs["name"] for one in account.of("aws:iam/role:Role") if "role" in one.name)
    for arn in policies:
        # By the policy: one more, or less, leaves the others as they are.
        name = f"geusemaker-identity-extra-{arn.removeprefix('arn:aws:iam::')}"
        assert attached.pop(name) == (role, arn)
    assert len(attached) == 3, "Session Manager's, and AWS Backup's two"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_there_is_one_subnet_and_one_mount_target_a_zone(
    account: SimulatedMocks, count: int
) -> None:
    deploy(availability_zone_count=count)
    subnets = account.of("aws:ec2/subnet:Subnet")
    assert len({subnet.inputs["availabilityZone"] for subnet in subnets}) == count
    assert len(account.of("aws:efs/mountTarget:MountTarget")) == count
    (first,) = [subnet for subnet in subnets if subnet.name.endswith("subnet-0")]
    volume = _one(account, "aws:ebs/volume:Volume")
    assert volume["availabilityZone"] == first.inputs["availabilityZone"]


def test_everything_that_can_be_tagged_carries_the_stack_and_the_users_tags(
    account: SimulatedMocks,
) -> None:
    deploy(tags={"owner": "ml"})
    # But an object in S3, which takes ten tags at most.
    untagged = "aws:s3/bucketObjectv2:BucketObjectv2"
    tagged = [m for m in account.made if "tagsAll" in m.outputs and m.token != untagged]
    (kept,) = (m for m in account.of("pulumi:index:Stash") if m.name == "geusemaker-id")
    assert len(tagged) >= 15
    for made in tagged:
        assert made.inputs["tags"]["owner"] == "ml", made.name
        assert made.inputs["tags"]["geusemaker:stack"] == "test", made.name
        assert made.inputs["tags"]["geusemaker:id"] == kept.outputs["output"], made.name
        assert made.inputs["tags"]["Name"].startswith("geusemaker-test-"), made.name
    root = _one(account, "aws:ec2/instance:Instance")["rootBlockDevice"]
    assert root["tags"]["geusemaker:id"] == kept.outputs["output"], "the root volume"


def test_as_many_tags_as_config_takes_leave_room_for_the_stacks_own(
    account: SimulatedMocks,
) -> None:
    deploy(tags={f"team-{number}": "ml" for number in range(45)})
    (volume,) = account.of("aws:ebs/volume:Volume")
    assert len(volume.inputs["tags"]) == 48, "AWS takes 50"


def test_a_key_encrypts_all_that_holds_data_and_the_host_may_read_its_secrets_with_it(
    account: SimulatedMocks,
) -> None:
    key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    deploy(kms_key_arn=key)
    assert _one(account, "aws:ec2/instance:Instance")["rootBlockDevice"]["kmsKeyId"] == key
    assert _one(account, "aws:ebs/volume:Volume")["kmsKeyId"] == key
    assert _one(account, "aws:efs/fileSystem:FileSystem")["kmsKeyId"] == key
    assert _one(account, "aws:backup/vault:Vault")["kmsKeyArn"] == key
    policy = json.loads(_one(account, "aws:iam/rolePolicy:RolePolicy", "-settings")["policy"])
    assert {"kms:Decrypt": key}.items() <= {
        one["Action"]: one["Resource"]
        for one in policy["Statement"]
        if isinstance(one["Action"], str)
    }.items()


def test_what_needs_another_thing_comes_after_it(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulated account does not mind the order; AWS and the host do."""
    after: dict[str, set[str]] = {}
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        kind = request.type.rpartition(":")[2]
        needed = {urn.split("$")[-1].rpartition(":")[2] for urn in request.dependencies}
        after[f"{kind} {request.name}"] = needed
        return register(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", noting)
    deploy()
    host = after["Instance geusemaker-compute-host"]
    assert host >= {
        "geusemaker-network-default-route",
        "geusemaker-network-subnet-0-routes",
        "geusemaker-network-host-out",
        "geusemaker-network-files-in",
        "geusemaker-storage-files-policy",
        "geusemaker-storage-mount-0",
        "geusemaker-identity-session-manager",
        "geusemaker-identity-files",
        "geusemaker-identity-credentials",
        "geusemaker-compute-settings",
    }
    (stored,) = (one for one in after if one.startswith("BucketObjectv2 "))
    assert stored.partition(" ")[2] in after["Parameter geusemaker-compute-settings"]
    assert after["Selection geusemaker-storage-backups"] >= {
        "geusemaker-storage-backups-backup",
        "geusemaker-storage-backups-restores",
    }


@pytest.mark.parametrize("protect", [True, False])
def test_the_id_is_guarded_as_the_secrets_that_it_names_are(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch, protect: bool
) -> None:
    guarded: dict[str, bool] = {}
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        guarded[request.name] = request.protect
        return register(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", noting)
    deploy(protect_data=protect)
    assert guarded["geusemaker-id"] is guarded["geusemaker-identity-credentials"] is protect


def test_the_bundle_is_stored_after_the_bucket_has_the_stacks_key(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 encrypts an object by the key that the bucket has when it comes, and never again."""
    after: dict[str, str] = {}
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        after[request.type] = " ".join(request.dependencies)
        return register(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", noting)
    deploy(
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"
    )
    stored = after["aws:s3/bucketObjectv2:BucketObjectv2"]
    assert ":BucketServerSideEncryptionConfiguration::" in stored


@in_pulumi
def test_the_outputs_have_the_names_that_others_rely_on(account: SimulatedMocks) -> Any:
    stack = Tier1("geusemaker", {}, today=TODAY)
    assert set(stack.outputs) == {
        "stackId",
        "amiId",
        "amiName",
        "architecture",
        "osType",
        "instanceId",
        "instanceType",
        "publicIp",
        "vpcId",
        "subnetIds",
        "securityGroupId",
        "fileSystemId",
        "dataVolumeId",
        "url",
        "connectCommand",
        "settingsParameter",
        "statusParameter",
        "credentialsParameter",
    }

    def check(values: dict[str, Any]) -> None:
        assert values["amiName"].startswith("Deep Learning Base OSS Nvidia Driver GPU AMI")
        assert values["url"] == "https://localhost:8443"
        assert f"--target {values['instanceId']} " in values["connectCommand"]
        assert len(values["subnetIds"]) == 2
        assert values["publicIp"]
        for role in ("settings", "status", "credentials"):
            assert values[f"{role}Parameter"] == f"/geusemaker/{values['stackId']}/{role}"

    return pulumi.Output.all(**stack.outputs).apply(check)
