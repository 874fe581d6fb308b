"""`geusemaker destroy`: what goes and what stays, its prompts, its refusals and its receipt."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from geusemaker.pulumi_cli.run import PulumiCli

from .deployed import refusal
from .world import World

TIER = "geusemaker:index:Tier1"
HOST, ROOT, ENI = "i-0123456789abcdef0", "vol-0000000000000root", "eni-of-mount"
VOLUME, FILES, VAULT, VPC = "vol-0123456789abcdef0", "fs-1", "vault-1", "vpc-1"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
ROLE = "role-1"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
FAILED = (
    "Diagnostics:",
    "  pulumi:pulumi:Stack (geusemaker-dev):",
    "    error: update failed",
    "",
    "  aws:ec2:Vpc (geusemaker-network-vpc):",
    "    error: 1 error occurred:",
    "    \t* deleting EC2 VPC (vpc-1): api error DependencyViolation: it has dependencies.",
    "",
    "Resources:",
    "    - 3 deleted",
)


def resource(
    type_: str, called: str, id_: str = "", parent: str = "", protect: bool = False, **outputs: Any
) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::geusemaker::{TIER}${type_}::geusemaker-{called}",
        "type": type_,
        "id": id_,
        "parent": f"urn:pulumi:dev::geusemaker::{TIER}::geusemaker-{parent}",
        "protect": protect,
        "outputs": outputs,
    }


def stack(protect: bool = True) -> list[dict[str, Any]]:
    """A stack with a resource of each kind that is treated in its own way."""
    stash = "pulumi:index:Stash"
    return [
        resource("pulumi:providers:aws", "default", "p-1") | {"inputs": {"region": "us-east-1"}},
        resource(TIER, ""),
        resource(stash, "image", "s-1"),
        resource(stash, "id", "s-2", protect=protect),
        resource(stash, "network-zone-0", "s-3", "network"),
        resource(stash, "storage-key", "s-4", "storage", output=KEY),
        resource(stash, "identity-credentials", "s-5", "identity", protect),
        resource(stash, "compute-user-data", "s-6", "compute"),
        resource(
            "aws:ec2/vpc:Vpc",
            "network-vpc",
            VPC,
            "network",
            mainRouteTableId="rtb-main",
            defaultSecurityGroupId="sg-0",
        ),
        resource(DEFAULT_GROUP, "network-default-group", "sg-0", "network"),
        resource("aws:ec2/subnet:Subnet", "network-subnet-0", "subnet-1", "network", vpcId=VPC),
        resource("aws:ec2/securityGroup:SecurityGroup", "network-host-group", "sg-1", "network"),
        resource("aws:iam/role:Role", "identity-role", ROLE, "identity"),
        resource(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "identity-session-manager",
            f"{ROLE}/own",
            "identity",
            role=ROLE,
            policyArn="arn:own",
        ),
        resource(
            "aws:iam/rolePolicy:RolePolicy",
            "identity-files",
            f"{ROLE}:files",
            "identity",
            role=ROLE,
            name="files",
        ),
        resource(
            "aws:ebs/volume:Volume",
            "storage-data",
            VOLUME,
            "storage",
            protect,
            size=100,
            type="gp3",
        ),
        resource("aws:efs/fileSystem:FileSystem", "storage-files", FILES, "storage", protect),
        resource("aws:efs/mountTarget:MountTarget", "storage-mount-0", "fsmt-1", "storage"),
        resource(
            "aws:backup/vault:Vault",
            "storage-backups",
            VAULT,
            "storage",
            protect,
            forceDestroy=not protect,
        ),
        resource("aws:backup/plan:Plan", "storage-backups", "plan-1", "storage"),
        resource(
            "aws:ssm/parameter:Parameter",
            "identity-credentials",
            "/geusemaker/x/credentials",
            "identity",
            protect,
        ),
        resource("aws:ssm/parameter:Parameter", "compute-status", "/geusemaker/x/status"),
        resource(
            "aws:ec2/instance:Instance",
            "compute-host",
            HOST,
            "compute",
            instanceType="m6i.xlarge",
            publicIp="192.0.2.1",
            rootBlockDevice={"volumeId": ROOT, "volumeSize": 75},
        ),
    ]


GOES = {HOST, ROOT, VPC, "subnet-1", "sg-1", ROLE, f"{ROLE}/own", f"{ROLE}:files", "fsmt-1"}
GOES |= {"/geusemaker/x/status", "sg-0", "rtb-main"}
DATA = {VOLUME, FILES, VAULT, "/geusemaker/x/credentials"}
STAYS = DATA | {"plan-1"}


def export(resources: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"deployment": {"resources": resources, **more}}


def without(ids: set[str], resources: list[dict[str, Any]]) -> dict[str, Any]:
    return export([one for one in resources if one["id"] not in ids])


class Aws:
    """What each call answers; the stack as it was deployed, unless a test changes an answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "get_caller_identity": {"Account": "123456789012", "Arn": "arn:me"},
            "describe_instances": {
                "Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]
            },
            "describe_instance_attribute": {},
            "describe_volumes": {"Volumes": [{"Attachments": [{"InstanceId": HOST}]}]},
            "describe_file_systems": {"FileSystems": [{"SizeInBytes": {"Value": 2 * 2**30}}]},
            "describe_mount_targets": {
                "MountTargets": [{"MountTargetId": "fsmt-1", "NetworkInterfaceId": ENI}]
            },
            "list_backup_vaults": {
                "BackupVaultList": [{"BackupVaultName": VAULT, "NumberOfRecoveryPoints": 0}]
            },
            "describe_parameters": {"Parameters": [{}]},
            "describe_network_interfaces": {
                "NetworkInterfaces": [
                    {"NetworkInterfaceId": ENI},
                    {"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": HOST}},
                ]
            },
            "describe_subnets": {"Subnets": [{"SubnetId": "subnet-1"}]},
            "describe_security_groups": {
                "SecurityGroups": [
                    {"GroupId": "sg-0", "GroupName": "default"},
                    {"GroupId": "sg-1", "GroupName": "host"},
                ]
            },
            "describe_route_tables": {
                "RouteTables": [{"RouteTableId": "rtb-main", "Associations": [{"Main": True}]}]
            },
            "describe_network_acls": {"NetworkAcls": [{"NetworkAclId": "acl", "IsDefault": True}]},
            "describe_vpc_endpoints": {
                "VpcEndpoints": [{"VpcEndpointId": "vpce-old", "State": "deleted"}]
            },
            "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": "arn:own"}]},
            "list_role_policies": {"PolicyNames": ["files"]},
        }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            if isinstance(answer := self.answers[name], Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, name: str) -> Any:
        pages = [self.answers[name]]
        return type("Pages", (), {"paginate": lambda _: pages})()


@pytest.fixture
def aws(world: World) -> Aws:
    """A deployed stack whose data is protected."""
    made = Aws()
    world.clients(lambda _: made)
    world.config('geusemaker:protectData: "true"')
    world.answers(state=export(stack()), state_after=without(GOES, stack()))
    return made


def destroys(world: World) -> list[list[str]]:
    return [one for one in world.pulumi() if one[0] == "destroy"]


def really(world: World) -> list[list[str]]:
    """The runs that delete."""
    return [one for one in destroys(world) if "--preview-only" not in one]


def excluded(command: list[str]) -> set[str]:
    return {
        command[n + 1].rpartition("geusemaker-")[2]
        for n, word in enumerate(command)
        if word == "--exclude"
    }


def receipt(world: World, *arguments: str, code: int = 0) -> Mapping[str, Any]:
    said = world.run("destroy", "--json", *arguments, code=code, notes=True)
    found: Mapping[str, Any] = json.loads(said.out)
    return found


def ids(found: Mapping[str, Any], outcome: str) -> set[str]:
    return {one["id"] for one in found["entries"] if one["outcome"] == outcome}


@pytest.mark.parametrize("word", ["down", "delete", "remove", "rm", "undeploy", "destory"])
def test_another_word_for_removal_is_an_error_that_names_destroy(word: str, world: World) -> None:
    said = " ".join(world.run(word, code=2).err.split())
    assert "Did you mean 'destroy'?" in said
    assert "'deploy'" not in said


@pytest.mark.parametrize("word", ["delpoy", "dploy", "stpo"])
def test_another_misspelt_command_is_not_taken_for_a_removal(word: str, world: World) -> None:
    assert "destroy" not in world.run(word, code=2).err


@pytest.mark.parametrize("protect", [True, False])
def test_the_host_goes_and_the_data_stays_whether_protected_or_not(
    world: World, aws: Aws, protect: bool
) -> None:
    world.answers(state=export(stack(protect)))
    before = world.file.read_bytes()
    world.terminal(True)
    said = world.run("destroy").out
    preview, run = destroys(world)
    kept = excluded(run)
    assert "--preview-only" in preview
    assert excluded(preview) == kept
    assert kept == {
        *("image", "id", "network-zone-0", "storage-key", "identity-credentials"),
        *("storage-data", "storage-files", "storage-backups"),
    }
    assert "--ignore-protect" not in run
    assert "    - 36 to delete\n" in said, "Pulumi's lines are shown"
    assert "    - 36 deleted\n" in said
    # 100 GiB at 0.08, 2 GiB at 0.30; a vault without copies and a parameter cost nothing.
    assert "Stays: the data, about 8.60 USD a month by list prices" in said
    assert f"Volume                     8.00  {VOLUME} (100 GiB)" in said
    assert f"Not of the stack, unchanged: KMS key {KEY}" in said
    assert said.endswith("Next: geusemaker deploy | geusemaker destroy --delete-data\n")
    assert world.file.read_bytes() == before


def test_the_receipt_has_every_id_as_deleted_or_kept(world: World, aws: Aws) -> None:
    found = receipt(world, "--yes")
    assert ids(found, "deleted") == GOES
    assert ids(found, "kept") == STAYS
    assert found["isComplete"] is True
    assert found["usdAMonth"] == 8.6
    costs = {one["id"]: one["usdAMonth"] for one in found["entries"]}
    assert (costs[VOLUME], costs[FILES], costs["plan-1"], costs[HOST]) == (8.0, 0.6, 0.0, 0.0)
    assert found["next"] == ["geusemaker deploy", "geusemaker destroy --delete-data"]
    assert found["account"] == "123456789012"


def test_the_receipt_names_what_the_account_no_longer_has_as_deleted(
    world: World, aws: Aws
) -> None:
    aws.answers["describe_file_systems"] = refusal("x", "FileSystemNotFound")
    found = receipt(world, "--yes")
    assert FILES in ids(found, "deleted")


def test_a_cost_that_is_unknown_stays_unknown(world: World, aws: Aws) -> None:
    aws.answers["describe_file_systems"] = refusal("x", "AccessDeniedException", "not for you")
    found = receipt(world, "--yes")
    (files,) = (one for one in found["entries"] if one["id"] == FILES)
    assert files["usdAMonth"] is None
    assert found["usdAMonth"] == 8.0
    assert found["isCostComplete"] is False
    (note,) = found["notes"]
    assert note.startswith("fs-1 was not checked: ")
    assert "not for you" in note


def test_data_goes_once_its_stacks_name_is_typed(world: World, aws: Aws) -> None:
    world.answers(state_after=export([]))
    world.terminal(True)
    world.patch.setattr("typer.prompt", lambda _: "dev")
    said = world.run("destroy", "--delete-data", "--yes").out
    (run,) = really(world)
    assert "--ignore-protect" in run
    assert excluded(run) == set()
    for one in DATA:
        assert one in said.partition("DATA, for good: ")[2].partition("\n")[0]
    assert "Kept" not in said
    assert said.endswith("Next: pulumi stack rm\n")
    assert not world.deployed(), "the vault has no copies"


def test_yes_alone_deletes_no_data_and_the_error_has_the_command_for_scripts(
    world: World, aws: Aws
) -> None:
    world.answers(state_after=export([]))
    said = world.run("destroy", "--delete-data", "--yes", "--stack", "dev", code=1)
    assert really(world) == []
    (command,) = [one for one in said.commands if one.startswith("geusemaker destroy")]
    world.run(*command.split()[1:])
    assert len(really(world)) == 1


@pytest.mark.parametrize("typed", ["", "prod", "DEV"])
def test_another_name_deletes_nothing(world: World, aws: Aws, typed: str) -> None:
    world.terminal(True)
    world.patch.setattr("typer.prompt", lambda _: typed)
    assert world.run("destroy", "--delete-data", code=1).out.endswith("Nothing was deleted.\n")
    said = world.run("destroy", "--delete-data", "--confirm", "prod", code=1).err
    assert said == "Nothing was deleted: --confirm is 'prod', but the stack is dev.\n"
    assert really(world) == []


@pytest.mark.parametrize("answer", [False, KeyboardInterrupt, None])
def test_without_consent_nothing_is_deleted(
    world: World, aws: Aws, answer: bool | type[BaseException] | None
) -> None:
    if answer is None:
        assert "Add --yes" in world.run("destroy", code=1, notes=True).err
    else:
        world.terminal(answer)
        world.run("destroy", code=1 if answer is False else 130)
    assert really(world) == []


@pytest.mark.parametrize(
    "flags", [["--confirm", "dev"], ["--json"], ["--json", "--yes", "--delete-data"]]
)
def test_flags_that_contradict_are_wrong_flags(world: World, flags: list[str]) -> None:
    world.run("destroy", *flags, code=2)
    assert not (world.clone.engine_dir / "calls.jsonl").exists()


OTHERS: dict[str, tuple[str, Any, str]] = {
    "termination protection": (
        "describe_instance_attribute",
        {"DisableApiTermination": {"Value": True}},
        f"aws ec2 modify-instance-attribute --instance-id {HOST} --no-disable-api-termination",
    ),
    "stop protection": (
        "describe_instance_attribute",
        {"DisableApiStop": {"Value": True}},
        f"aws ec2 modify-instance-attribute --instance-id {HOST} --no-disable-api-stop",
    ),
    "a root disk that stays": (
        "describe_instances",
        {
            "Reservations": [
                {
                    "Instances": [
                        {
                            "State": {"Name": "running"},
                            "RootDeviceName": "/dev/sda1",
                            "BlockDeviceMappings": [
                                {
                                    "DeviceName": "/dev/sda1",
                                    "Ebs": {"VolumeId": ROOT, "DeleteOnTermination": False},
                                },
                                {
                                    "DeviceName": "/dev/sdf",
                                    "Ebs": {"VolumeId": VOLUME, "DeleteOnTermination": False},
                                },
                            ],
                        }
                    ]
                }
            ]
        },
        f"aws ec2 modify-instance-attribute --instance-id {HOST} --block-device-mappings "
        "DeviceName=/dev/sda1,Ebs={DeleteOnTermination=true}",
    ),
    "the volume at another host": (
        "describe_volumes",
        {"Volumes": [{"Attachments": [{"InstanceId": "i-other"}]}]},
        f"aws ec2 detach-volume --volume-id {VOLUME}",
    ),
    "another mount target": (
        "describe_mount_targets",
        {"MountTargets": [{"MountTargetId": "fsmt-other", "NetworkInterfaceId": ENI}]},
        "aws efs delete-mount-target --mount-target-id fsmt-other",
    ),
    "a locked vault": (
        "list_backup_vaults",
        {
            "BackupVaultList": [
                {"BackupVaultName": VAULT, "NumberOfRecoveryPoints": 3, "Locked": True}
            ]
        },
        f"aws backup delete-backup-vault-lock-configuration --backup-vault-name {VAULT}",
    ),
    "another network interface": (
        "describe_network_interfaces",
        {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-other"}]},
        "aws ec2 describe-network-interfaces --network-interface-ids eni-other",
    ),
    "a network interface that outlives the host": (
        "describe_network_interfaces",
        {
            "NetworkInterfaces": [
                {
                    "NetworkInterfaceId": "eni-2",
                    "Attachment": {"InstanceId": HOST, "DeleteOnTermination": False},
                }
            ]
        },
        "aws ec2 describe-network-interfaces --network-interface-ids eni-2",
    ),
    "rules of another security group": (
        "describe_security_groups",
        {"SecurityGroups": [{"GroupId": "sg-default-of-others", "GroupName": "default"}]},
        "aws ec2 describe-security-groups --group-ids sg-default-of-others",
    ),
    "another subnet": (
        "describe_subnets",
        {"Subnets": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-other"}]},
        "aws ec2 delete-subnet --subnet-id subnet-other",
    ),
    "another security group": (
        "describe_security_groups",
        {"SecurityGroups": [{"GroupId": "sg-other", "GroupName": "other"}]},
        "aws ec2 delete-security-group --group-id sg-other",
    ),
    "another route table": (
        "describe_route_tables",
        {"RouteTables": [{"RouteTableId": "rtb-other", "Associations": []}]},
        "aws ec2 delete-route-table --route-table-id rtb-other",
    ),
    "another network ACL": (
        "describe_network_acls",
        {"NetworkAcls": [{"NetworkAclId": "acl-other", "IsDefault": False, "Associations": []}]},
        "aws ec2 delete-network-acl --network-acl-id acl-other",
    ),
    "a VPC endpoint": (
        "describe_vpc_endpoints",
        {"VpcEndpoints": [{"VpcEndpointId": "vpce-other", "State": "available"}]},
        "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids vpce-other",
    ),
    "another policy of the role": (
        "list_attached_role_policies",
        {"AttachedPolicies": [{"PolicyArn": "arn:other"}]},
        f"aws iam detach-role-policy --role-name {ROLE} --policy-arn arn:other",
    ),
    "another inline policy of the role": (
        "list_role_policies",
        {"PolicyNames": ["other"]},
        f"aws iam delete-role-policy --role-name {ROLE} --policy-name other",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_aws_would_refuse_in_the_middle_is_refused_before(
    world: World, aws: Aws, what: str
) -> None:
    operation, answer, command = OTHERS[what]
    aws.answers[operation] = answer
    said = world.run("destroy", "--delete-data", "--confirm", "dev", code=1).err
    assert said.startswith("Nothing was deleted: AWS would refuse in the middle, because ")
    assert f"`{command}" in said
    assert destroys(world) == []


def test_another_mount_target_in_the_subnets_is_refused_where_the_files_stay(
    world: World, aws: Aws
) -> None:
    mounts = aws.answers["describe_mount_targets"]["MountTargets"]
    mounts.append({"MountTargetId": "fsmt-other", "NetworkInterfaceId": "eni-other"})
    found = aws.answers["describe_network_interfaces"]["NetworkInterfaces"]
    found.append({"NetworkInterfaceId": "eni-other"})
    said = world.run("destroy", "--yes", code=1).err
    assert "the network interface eni-other," in said
    assert destroys(world) == []


def test_an_adopted_network_is_checked_by_the_security_groups(world: World, aws: Aws) -> None:
    """There the stack's groups may be used anywhere, and others' subnets are no obstacle."""
    adopted = without({VPC, "sg-0", "subnet-1"}, stack())
    world.answers(state=adopted)
    listed = aws.answers["describe_network_interfaces"]["NetworkInterfaces"]
    asked = []

    def interfaces(**query: Any) -> Any:
        asked.append(query["Filters"])
        return {"NetworkInterfaces": [*listed, {"NetworkInterfaceId": "eni-other"}]}

    world.patch.setattr(Aws, "describe_network_interfaces", staticmethod(interfaces), raising=False)
    assert "eni-other" in world.run("destroy", "--yes", code=1).err
    assert asked == [[{"Name": "group-id", "Values": ["sg-1"]}]]
    assert destroys(world) == []


@pytest.mark.parametrize("flags", [("--yes",), ("--delete-data", "--confirm", "dev")])
def test_credentials_of_another_account_delete_nothing(
    world: World, aws: Aws, flags: tuple[str, ...]
) -> None:
    """There everything seems gone, and Pulumi's refresh would empty the state."""
    listed = stack()
    host = next(one for one in listed if one["id"] == HOST)
    host["outputs"]["arn"] = f"arn:aws:ec2:us-east-1:210987654321:instance/{HOST}"
    world.answers(state=export(listed))
    aws.answers["describe_instances"] = refusal("x", "InvalidInstanceID.NotFound")
    said = world.run("destroy", *flags, code=1).err
    assert said.startswith("Nothing was deleted: these AWS credentials are of the account 12345")
    assert "is in 210987654321" in said
    assert destroys(world) == []


def test_a_stack_that_changes_during_the_prompt_is_not_deleted(world: World, aws: Aws) -> None:
    """Without data nothing is excluded: data that another run creates meanwhile would go."""
    aws.answers["describe_network_interfaces"] = {"NetworkInterfaces": []}
    world.answers(state=without(DATA | {HOST}, stack()), state_after=export([]))
    world.terminal(True)

    def confirm(text: str, default: bool) -> bool:
        world.answers(state=without({HOST}, stack()))
        return True

    world.patch.setattr("typer.confirm", confirm)
    said = world.run("destroy", code=1, notes=True).err
    assert "Nothing was deleted: stack dev has changed since the preview" in said
    assert really(world) == []


def test_what_stays_is_no_obstacle(world: World, aws: Aws) -> None:
    for what in ("a locked vault", "the volume at another host", "another mount target"):
        operation, answer, _ = OTHERS[what]
        aws.answers[operation] = answer
    aws.answers["describe_network_interfaces"] = {"NetworkInterfaces": []}
    world.run("destroy", "--yes")
    assert len(really(world)) == 1


def test_a_check_that_is_not_allowed_is_a_note(world: World, aws: Aws) -> None:
    denied: ClientError = refusal("x", "UnauthorizedOperation", "not for you")
    aws.answers["describe_instance_attribute"] = denied
    said = world.run("destroy", "--yes").out
    assert f"note: termination protection of {HOST} was not checked: " in said


def test_a_vault_with_copies_is_prepared_alone_and_the_file_stays_as_it_is(
    world: World, aws: Aws
) -> None:
    before = world.file.read_text()
    aws.answers["list_backup_vaults"] = {
        "BackupVaultList": [{"BackupVaultName": VAULT, "NumberOfRecoveryPoints": 3}]
    }
    world.answers(state_after=export([]))
    said = world.run("destroy", "--delete-data", "--confirm", "dev").out
    (up,) = (one for one in world.pulumi() if one[0] == "up")
    assert [up[n + 1] for n, word in enumerate(up) if word == "--target"] == [
        next(one["urn"] for one in stack() if one["id"] == VAULT),
    ]
    assert "--config-file" in up
    assert "Pulumi.dev.yaml stays as it is" in said
    assert world.file.read_text() == before
    order = [one[0] for one in world.pulumi() if one[0] in ("up", "destroy")]
    assert order == ["destroy", "up", "destroy"]

    # Where that step fails, nothing is deleted.
    (world.clone.engine_dir / "destroyed").unlink()
    world.answers(up_lines=["error: no image"], up_code=255, state_after=export(stack()))
    found = receipt(world, "--delete-data", "--confirm", "dev", code=1)
    assert ids(found, "deleted") == set()
    assert len(really(world)) == 1, "of before"


def test_a_host_that_aws_no_longer_has_takes_a_refresh(world: World, aws: Aws) -> None:
    ended = {"Reservations": [{"Instances": [{"State": {"Name": "terminated"}}]}]}
    aws.answers["describe_instances"] = ended
    world.run("destroy", "--yes")
    assert ["--refresh" in one for one in destroys(world)] == [True, True]


def test_a_failure_in_the_middle_ends_with_the_receipt_the_reason_and_the_next_command(
    world: World, aws: Aws
) -> None:
    left = without(GOES - {VPC}, stack())
    world.answers(state_after=left, destroy_code=255, destroy_lines=FAILED)
    said = world.run("destroy", "--yes", code=1)
    assert f"Not deleted: Vpc {VPC}\n" in said.out
    assert "    - 3 deleted\n" in said.out
    assert said.out.endswith("Next: geusemaker destroy\n")
    assert said.err == (
        "The removal has failed: deleting EC2 VPC (vpc-1): api error DependencyViolation: it has "
        "dependencies -- fix the cause, then run the same command again: it continues.\n"
    )
    (world.clone.engine_dir / "destroyed").unlink()
    found = receipt(world, "--yes", code=1)
    left_in_aws = {VPC, "sg-0", "rtb-main"}  # Pulumi's state has only the first
    assert ids(found, "kept") == STAYS | left_in_aws
    assert {one["id"] for one in found["entries"] if one["isLeft"]} == left_in_aws
    assert found["isComplete"] is False
    assert "DependencyViolation" in found["failure"]


def test_a_failure_is_told_also_where_the_state_cannot_be_read_after_it(
    world: World, aws: Aws
) -> None:
    world.answers(state_after="gone", destroy_code=255, destroy_lines=FAILED)
    said = world.run("destroy", "--yes", code=1).err
    assert said.startswith("The removal has failed: deleting EC2 VPC (vpc-1): ")
    assert "There is no receipt" in said


def test_an_interrupted_removal_ends_with_the_receipt_too(world: World, aws: Aws) -> None:
    world.answers(state_after=without({HOST}, stack()))
    run = PulumiCli.destroy_with_output

    def interrupted(cli: PulumiCli, say: Callable[[str], None], *options: str) -> None:
        run(cli, say, *options)
        if "--preview-only" not in options:
            raise KeyboardInterrupt

    world.patch.setattr(PulumiCli, "destroy_with_output", interrupted)
    found = receipt(world, "--yes", code=130)
    assert ids(found, "deleted") == {HOST, ROOT}
    assert found["failure"] == "It was interrupted."
    assert found["next"] == ["geusemaker destroy"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "error: get stack secrets manager: passphrase must be set with "
            "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
            "the passphrase of this stack is not set",
        ),
        (
            "error: get stack secrets manager: incorrect passphrase",
            "the passphrase of this stack is wrong",
        ),
        ("error: the stack is currently locked by 1 lock(s).", "`pulumi cancel`"),
        ("error: no such host", "Pulumi's preview of the removal has failed: no such host."),
    ],
)
def test_a_preview_that_fails_is_one_paragraph(
    world: World, aws: Aws, line: str, said: str
) -> None:
    world.answers(looked_lines=[line], looked_code=255)
    printed = world.run("destroy", "--yes", code=1)
    assert line in printed.out
    assert printed.err.startswith("Nothing was deleted: ")
    assert said in printed.err
    assert really(world) == []


def test_an_empty_stack_and_a_stack_of_data_alone_are_no_errors(world: World, aws: Aws) -> None:
    world.answers(state=export([]))
    said = world.run("destroy", "--yes").out.splitlines()
    assert said[-1].startswith("Stack dev has no resources: ")
    assert "`pulumi stack rm`" in said[-1]
    assert receipt(world, "--yes")["entries"] == []
    world.answers(state=without(GOES, stack()))
    text = world.run("destroy", "--yes").out
    assert "Nothing is left to delete but the data." in text
    assert "Deleted" not in text
    assert destroys(world) == []


def test_a_stack_without_data_goes_as_a_whole(world: World, aws: Aws) -> None:
    """As a first deployment leaves it that has failed early."""
    aws.answers["describe_network_interfaces"] = {"NetworkInterfaces": []}
    world.answers(state=without(DATA | {HOST}, stack()), state_after=export([]))
    world.run("destroy", "--yes")
    (run,) = really(world)
    assert excluded(run) == set()
    assert "--ignore-protect" in run


def test_the_region_is_that_of_the_resources_whatever_the_config_says(
    world: World, aws: Aws
) -> None:
    listed = stack()
    listed[0]["inputs"]["region"] = "eu-west-1"
    world.answers(state=export(listed))
    found = receipt(world, "--yes")
    assert found["region"] == "eu-west-1"


def test_what_was_being_created_is_named(world: World, aws: Aws) -> None:
    pending = [{"type": "creating", "resource": {"urn": "urn:a::b::c::geusemaker-compute-host"}}]
    world.answers(state=export(stack(), pending_operations=pending))
    (note,) = receipt(world, "--yes")["notes"]
    assert note.startswith("geusemaker-compute-host: its creation was interrupted")


def test_a_wrong_stack_is_one_paragraph(world: World, aws: Aws) -> None:
    said = world.run("destroy", "--stack", "dve", code=1).err
    assert "Use `--stack dev`" in said


def test_another_export_is_an_error_that_names_pulumi(world: World, aws: Aws) -> None:
    world.answers(state={"version": 9})
    assert "`pulumi destroy`" in world.run("destroy", code=1).err
