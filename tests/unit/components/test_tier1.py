"""Tier1 under mocks of the simulated account."""

import base64
import gzip
import json

import pytest

from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import ARM, DOMAIN, EDGE, EXTRA, KEY, PLAIN, STACKS, WHOLE, deploy, deployed

INSTANCE = "aws:ec2/instance:Instance"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SYSTEM = "aws:efs/fileSystem:FileSystem"
VOLUME = "aws:ebs/volume:Volume"


def test_the_host_boots_the_kept_image_with_secure_defaults() -> None:
    stack = deployed(PLAIN)
    host = stack.one(INSTANCE).inputs
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
        subnet.inputs["mapPublicIpOnLaunch"] for subnet in stack.of("aws:ec2/subnet:Subnet")
    ), "the host reaches the internet through a public address"
    assert "keyName" not in host, "users connect with Session Manager, not SSH"
    script = gzip.decompress(base64.b64decode(host["userDataBase64"])).decode()
    assert script.startswith("#!/bin/bash")
    assert stack.of("aws:efs/accessPoint:AccessPoint")[0].outputs["arn"].split("/")[1] in script


def test_a_deployment_calls_describe_images_once() -> None:
    assert deployed(PLAIN).asked.count("aws:ec2/getAmi:getAmi") == 1


def test_the_default_security_group_has_no_rules(account: SimulatedMocks) -> None:
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


@pytest.mark.parametrize(
    ("stack", "ports"),
    [
        ("plain", set()),
        ("domain", {(80, "0.0.0.0/0")}),
        (
            "whole",
            {(443, "203.0.113.0/24"), (443, "192.0.2.0/24"), (443, "198.51.100.0/24")},
        ),
    ],
)
def test_ports_are_open_only_by_the_keys_that_open_them(
    stack: str, ports: set[tuple[int, str]]
) -> None:
    made = deployed(STACKS[stack])
    rules = [rule.inputs for rule in made.of(INGRESS)]
    assert {(rule["fromPort"], rule.get("cidrIpv4") or rule.get("cidrIpv6")) for rule in rules} == {
        *ports,
        (2049, None),  # NFS, from the host's group to the mount targets
    }
    assert len(made.of("aws:ec2/eip:Eip")) == bool(ports), (
        "a host with an open port has an Elastic IP"
    )
    associations = made.of("aws:ec2/eipAssociation:EipAssociation")
    assert [one.inputs["allowReassociation"] for one in associations] == [True] * bool(ports)
    assert not made.of("aws:route53/record:Record")


def test_the_file_system_is_encrypted_and_mounted_by_roles_over_tls_only() -> None:
    stack = deployed(PLAIN)
    assert stack.one(SYSTEM).inputs["encrypted"] is True
    policy = json.loads(stack.one("aws:efs/fileSystemPolicy:FileSystemPolicy").inputs["policy"])
    allow, deny = policy["Statement"]
    assert allow["Principal"]["AWS"].endswith(":root"), "an anonymous client must not mount"
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_role_accesses_only_the_stacks_own_shares() -> None:
    stack = deployed(WHOLE)
    roles = stack.of("aws:iam/role:Role")
    assert {role.inputs["permissionsBoundary"] for role in roles} == {EDGE}
    policy = stack.policy("-files")
    system = stack.one(SYSTEM).outputs["arn"]
    assert {statement["Resource"] for statement in policy.values()} == {system}
    points = {made.outputs["arn"] for made in stack.of("aws:efs/accessPoint:AccessPoint")}
    condition = policy["MountOwnShares"]["Condition"]["StringEquals"]
    assert set(condition["elasticfilesystem:AccessPointArn"]) == points


def test_policies_of_the_account_are_attached_to_the_role_of_the_host_only() -> None:
    stack = deployed(WHOLE)
    attached = {
        made.name: (made.inputs["role"], made.inputs["policyArn"])
        for made in stack.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    role = stack.one("aws:iam/role:Role", "-role").outputs["name"]
    for arn in EXTRA:
        # By the policy: one more, or less, leaves the others as they are.
        name = f"geusemaker-identity-extra-{arn.removeprefix('arn:aws:iam::')}"
        assert attached.pop(name) == (role, arn)
    assert len(attached) == 3, "Session Manager's, and AWS Backup's two"


@pytest.mark.parametrize(("stack", "count"), [("arm", 1), ("plain", 2), ("whole", 3)])
def test_each_zone_has_one_subnet_and_one_mount_target(stack: str, count: int) -> None:
    made = deployed(STACKS[stack])
    subnets = made.of("aws:ec2/subnet:Subnet")
    assert len({subnet.inputs["availabilityZone"] for subnet in subnets}) == count
    assert len(made.of("aws:efs/mountTarget:MountTarget")) == count
    first = made.one("aws:ec2/subnet:Subnet", "subnet-0").inputs["availabilityZone"]
    assert made.one(VOLUME).inputs["availabilityZone"] == first


def test_every_taggable_resource_has_the_stacks_and_the_users_tags() -> None:
    stack = deployed(WHOLE)
    # Except an S3 object, which allows ten tags.
    untagged = "aws:s3/bucketObjectv2:BucketObjectv2"
    tagged = [m for m in stack.made if "tagsAll" in m.outputs and m.token != untagged]
    kept = stack.one("pulumi:index:Stash", "geusemaker-id").outputs["output"]
    assert len(tagged) >= 15
    for made in tagged:
        tags = made.inputs["tags"]
        assert tags.items() >= WHOLE["tags"].items(), made.name
        assert tags["geusemaker:stack"] == "test", made.name
        assert tags["geusemaker:id"] == kept, made.name
        assert tags["Name"].startswith("geusemaker-test-"), made.name
        assert len(tags) == 48, f"{made.name}: AWS takes 50"
    root = stack.one(INSTANCE).inputs["rootBlockDevice"]
    assert root["tags"]["geusemaker:id"] == kept, "the root volume"


def test_a_kms_key_encrypts_all_data_and_the_host_may_decrypt_its_secrets() -> None:
    stack = deployed(WHOLE)
    assert stack.one(INSTANCE).inputs["rootBlockDevice"]["kmsKeyId"] == KEY
    assert stack.one(VOLUME).inputs["kmsKeyId"] == KEY
    assert stack.one(SYSTEM).inputs["kmsKeyId"] == KEY
    assert stack.one("aws:backup/vault:Vault").inputs["kmsKeyArn"] == KEY
    grants = [(one["Action"], one.get("Resource")) for one in stack.policy("-settings").values()]
    assert ("kms:Decrypt", KEY) in grants


def _needed(args: dict[str, object], resource: str) -> set[str]:
    """The dependencies of a resource, by name. The simulated account accepts any order."""
    urns = deployed(args).requests[resource].dependencies
    return {urn.rpartition("::")[2] for urn in urns}


def test_resources_wait_for_what_they_need() -> None:
    assert _needed(PLAIN, f"{INSTANCE} geusemaker-compute-host") >= {
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
    stored = deployed(PLAIN).one("aws:s3/bucketObjectv2:BucketObjectv2").name
    pointer = "aws:ssm/parameter:Parameter geusemaker-compute-settings"
    assert stored in _needed(PLAIN, pointer)
    copies = "aws:backup/selection:Selection geusemaker-storage-backups"
    assert _needed(PLAIN, copies) >= {
        "geusemaker-storage-backups-backup",
        "geusemaker-storage-backups-restores",
    }


def test_the_bundle_is_stored_after_the_bucket_has_its_key() -> None:
    """S3 encrypts an object with the bucket's key at the time of its upload."""
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    stored = deployed(WHOLE).requests[f"{token} {deployed(WHOLE).one(token).name}"]
    assert any(":BucketServerSideEncryptionConfiguration::" in urn for urn in stored.dependencies)


@pytest.mark.parametrize("args", [PLAIN, WHOLE], ids=["guarded", "may go"])
def test_data_secrets_and_stack_id_are_protected_together(
    args: dict[str, object],
) -> None:
    stack = deployed(args)
    guarded = {name for name, request in stack.requests.items() if request.protect}
    data = {
        f"{SYSTEM} geusemaker-storage-files",
        f"{VOLUME} geusemaker-storage-data",
        "pulumi:index:Stash geusemaker-identity-credentials",
        "aws:ssm/parameter:Parameter geusemaker-identity-credentials",
        "pulumi:index:Stash geusemaker-id",
    }
    assert guarded >= data if args == PLAIN else not guarded
    # The vault goes with its copies only where the data may go.
    vault = stack.one("aws:backup/vault:Vault").inputs
    assert vault["forceDestroy"] is (args == WHOLE)


def test_the_outputs_keep_their_names() -> None:
    found = deployed(PLAIN).outputs
    assert set(found) == {
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
    assert found["amiName"].startswith("Deep Learning Base OSS Nvidia Driver GPU AMI")
    assert found["url"] == "https://localhost:8443"
    assert f"--target {found['instanceId']} " in found["connectCommand"]
    assert len(found["subnetIds"]) == 2
    assert found["publicIp"]
    for role in ("settings", "status", "credentials"):
        assert found[f"{role}Parameter"] == f"/geusemaker/{found['stackId']}/{role}"


@pytest.mark.parametrize(
    ("args", "mode"), [(DOMAIN, "unlimited"), (PLAIN, None)], ids=["burstable", "not"]
)
def test_burstable_types_have_a_credit_mode(args: dict[str, object], mode: str | None) -> None:
    host = deployed(args).one(INSTANCE)
    assert host.inputs.get("creditSpecification", {}).get("cpuCredits") == mode


def test_one_plan_backs_up_volume_and_file_system() -> None:
    stack = deployed(WHOLE)
    (rule,) = stack.one("aws:backup/plan:Plan").inputs["rules"]
    assert rule["lifecycle"]["deleteAfter"] == 14
    selection = stack.one("aws:backup/selection:Selection").inputs
    arns = [stack.one(token).outputs["arn"] for token in (VOLUME, SYSTEM)]
    assert selection["resources"] == arns
    (role,) = (
        one
        for one in stack.of("aws:iam/role:Role")
        if one.outputs["arn"] == selection["iamRoleArn"]
    )
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    attached = {
        one.inputs["policyArn"].rpartition("/")[2]
        for one in stack.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.inputs["role"] == role.outputs["name"]
    }
    assert attached == {
        "AWSBackupServiceRolePolicyForBackup",
        "AWSBackupServiceRolePolicyForRestores",
    }


def test_without_retention_there_is_no_plan_and_vault_and_role_stay() -> None:
    stack = deployed(ARM)
    assert not stack.of("aws:backup/plan:Plan")
    assert not stack.of("aws:backup/selection:Selection")
    assert len(stack.of("aws:backup/vault:Vault")) == 1, "it may hold copies"
    (role,) = (
        one
        for one in stack.of("aws:iam/role:Role")
        if "backup.amazonaws.com" in one.inputs["assumeRolePolicy"]
    )
    attached = [
        one
        for one in stack.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.inputs["role"] == role.outputs["name"]
    ]
    assert len(attached) == 2, "without its role AWS Backup deletes no copy at its date"


def test_callers_of_webhooks_are_admitted_after_the_settings_that_limit_their_paths() -> None:
    rule = f"{INGRESS} geusemaker-network-https-198.51.100.0-24"
    assert "geusemaker-compute-settings" in _needed(WHOLE, rule)
    both = f"{INGRESS} geusemaker-network-https-203.0.113.0-24"
    assert "geusemaker-compute-settings" not in _needed(WHOLE, both)
