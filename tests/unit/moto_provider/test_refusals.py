"""AWS's refusals, with the text of the real provider."""

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from moto_provider.world import ALLOW, BY_NAME, MANAGED, TRUST, Thing, World
from pulumi_moto.account import AwsError, gone_is_fine
from pulumi_moto.backends import backend_of
from pulumi_moto.wire import UNKNOWN

FORM = re.compile(
    r"1 error occurred:\n\t\* (?P<action>.+): operation error (?P<service>[\w ]+): "
    r"(?P<operation>\w+), https response error StatusCode: (?P<status>\d{3}), "
    r"RequestID: simulated, api error (?P<code>[\w.]+): (?P<message>.+)\n\n",
    re.DOTALL,
)


def refusal(call: Callable[[], Any]) -> str:
    """`Operation Code: message` of a refused call, whose text has the real provider's form."""
    with pytest.raises(AwsError) as caught:
        call()
    match = FORM.fullmatch(str(caught.value))
    assert match, str(caught.value)
    assert caught.value.code == match["code"]
    assert caught.value.message == match["message"]
    assert match["action"][0].islower()
    return f"{match['operation']} {match['code']}: {match['message']}"


def test_a_volume_has_one_attachment_at_a_time(world: World) -> None:
    volume, first, second = world.volume(), world.instance(), world.instance()
    wanted = {"deviceName": "/dev/sdf", "volumeId": volume.id}
    world.make("VolumeAttachment", instanceId=first.id, **wanted)
    said = refusal(lambda: world.make("VolumeAttachment", instanceId=second.id, **wanted))
    assert said == f"AttachVolume VolumeInUse: {volume.id} is already attached to an instance"
    assert refusal(lambda: world.delete(volume)).startswith("DeleteVolume VolumeInUse: ")


def test_a_volume_stays_in_its_zone(world: World) -> None:
    volume, instance = world.volume(zone="b"), world.instance()
    said = refusal(
        lambda: world.make(
            "VolumeAttachment", deviceName="/dev/sdf", volumeId=volume.id, instanceId=instance.id
        )
    )
    assert said.startswith(f"AttachVolume InvalidVolume.ZoneMismatch: The volume '{volume.id}'")


@pytest.mark.parametrize(
    "description", ["the certificate's challenge", "in -> out", "é", "x" * 256]
)
def test_a_rule_is_described_in_the_characters_that_ec2_takes(
    world: World, description: str
) -> None:
    wanted = {"securityGroupId": world.group().id, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}
    said = refusal(
        lambda: world.make("SecurityGroupIngressRule", **wanted, description=description)
    )
    assert said.startswith(
        "AuthorizeSecurityGroupIngress InvalidParameterValue: Invalid rule description. "
    )
    rule = world.make(
        "SecurityGroupIngressRule", **wanted, description="a-Z 0.9 _:/()#,@[]+=&;{}!$*"
    )
    said = refusal(lambda: world.update(rule, description=description))
    assert said.startswith("ModifySecurityGroupRules InvalidParameterValue: ")


def test_a_device_name_is_used_once(world: World) -> None:
    instance = world.instance()
    for device in ("/dev/sda1", "/dev/sdf"):
        volume = world.volume()
        if device == "/dev/sdf":
            world.make(
                "VolumeAttachment",
                deviceName=device,
                volumeId=world.volume().id,
                instanceId=instance.id,
            )
        said = refusal(
            lambda volume=volume, device=device: world.make(  # type: ignore[misc]
                "VolumeAttachment",
                deviceName=device,
                volumeId=volume.id,
                instanceId=instance.id,
            )
        )
        assert said.startswith(f"AttachVolume InvalidParameterValue: Invalid value '{device}'")


def test_a_volume_is_detached_from_a_stopped_instance(world: World) -> None:
    instance, volume = world.instance(), world.volume()
    attachment = world.make(
        "VolumeAttachment",
        deviceName="/dev/sdf",
        volumeId=volume.id,
        instanceId=instance.id,
        stopInstanceBeforeDetaching=True,
    )
    world.delete(attachment)
    state = world.read(instance)
    assert state is not None
    assert state["instanceState"] == "stopped"
    world.delete(volume)


@pytest.mark.parametrize("kind", ["Volume", "Instance"])
def test_volumes_do_not_shrink(world: World, kind: str) -> None:
    if kind == "Volume":
        made = world.volume(size=20)
        smaller: dict[str, Any] = {"size": 10}
    else:
        made = world.instance(rootBlockDevice={"volumeSize": 40})
        smaller = {"rootBlockDevice": {"volumeSize": 35}}
    said = refusal(lambda: world.update(made, **smaller))
    assert said.startswith("ModifyVolume InvalidParameterValue: New size cannot be smaller")
    assert world.read(made) == made.state


def test_a_subnet_outlives_what_is_in_it(world: World) -> None:
    subnet = world.make(
        "Subnet",
        vpcId=world.vpc.id,
        cidrBlock=world.free_cidr(),
        availabilityZone="us-east-1a",
    )
    said = f"DeleteSubnet DependencyViolation: The subnet '{subnet.id}' has dependencies"
    instance = world.instance(subnetId=subnet.id)
    assert refusal(lambda: world.delete(subnet)).startswith(said)
    world.delete(instance)
    target = world.make("MountTarget", fileSystemId=world.file_system().id, subnetId=subnet.id)
    assert refusal(lambda: world.delete(subnet)).startswith(said)
    world.delete(target)
    world.delete(subnet)
    assert world.read(subnet) is None


def test_a_security_group_outlives_who_uses_it(world: World) -> None:
    group, other = world.group(), world.group()
    users: list[Callable[[], Thing]] = [
        lambda: world.instance(vpcSecurityGroupIds=[group.id]),
        lambda: world.make(
            "MountTarget",
            fileSystemId=world.file_system().id,
            subnetId=world.subnet().id,
            securityGroups=[group.id],
        ),
        lambda: world.make(
            "SecurityGroupIngressRule",
            securityGroupId=other.id,
            referencedSecurityGroupId=group.id,
            ipProtocol="tcp",
            fromPort=2049,
            toPort=2049,
        ),
    ]
    for make in users:
        user = make()
        assert refusal(lambda: world.delete(group)) == (
            f"DeleteSecurityGroup DependencyViolation: resource {group.id} has a dependent object"
        )
        world.delete(user)
    world.make(
        "SecurityGroupEgressRule",
        securityGroupId=group.id,
        referencedSecurityGroupId=group.id,
        ipProtocol="-1",
    )
    world.delete(group)
    assert world.read(group) is None


def test_a_vpc_outlives_what_is_in_it(world: World) -> None:
    vpc = world.make("Vpc", cidrBlock="10.0.0.0/16")
    for make in (world.group, world.gateway):
        thing = make(vpc)
        assert "DeleteVpc DependencyViolation: " in refusal(lambda: world.delete(vpc))
        world.delete(thing)
    subnet = world.subnet(vpc=vpc)
    assert "DeleteVpc DependencyViolation: " in refusal(lambda: world.delete(vpc))
    world.delete(subnet)
    world.delete(vpc)


def test_a_gateway_outlives_the_addresses_behind_it(world: World) -> None:
    vpc = world.make("Vpc", cidrBlock="10.0.0.0/16")
    gateway, subnet, group = world.gateway(vpc), world.subnet(vpc=vpc), world.group(vpc)
    place = {"subnetId": subnet.id, "vpcSecurityGroupIds": [group.id]}
    said = f"DetachInternetGateway DependencyViolation: Network {vpc.id} has some mapped public"
    public = world.instance(associatePublicIpAddress=True, **place)
    assert public.state["publicIp"]
    assert refusal(lambda: world.delete(gateway)).startswith(said)
    world.delete(public)
    private = world.instance(**place)
    address = world.make("Eip", domain="vpc")
    held = world.make("EipAssociation", allocationId=address.id, instanceId=private.id)
    assert refusal(lambda: world.delete(gateway)).startswith(said)
    other = world.make("Vpc", cidrBlock="10.0.0.0/16")
    assert refusal(lambda: world.update(gateway, vpcId=other.id)).startswith(said)
    world.delete(held)
    world.delete(gateway)


def test_a_gateway_needs_no_vpc(world: World) -> None:
    gateway = world.make("InternetGateway")
    assert gateway.state["vpcId"] == ""
    attached = world.update(gateway, vpcId=world.make("Vpc", cidrBlock="10.1.0.0/16").id)
    world.delete(attached)


def test_an_address_in_use_is_not_released(world: World) -> None:
    address, instance = world.make("Eip", domain="vpc"), world.instance()
    held = world.make("EipAssociation", allocationId=address.id, instanceId=instance.id)
    assert refusal(lambda: world.delete(address)) == (
        f"ReleaseAddress InvalidIPAddress.InUse: Address {address.state['publicIp']} is in use."
    )
    told = world.read(instance)
    assert told is not None
    assert told["publicIp"] == address.state["publicIp"]
    dashed = told["publicIp"].replace(".", "-")
    assert told["publicDns"] == f"ec2-{dashed}.compute-1.amazonaws.com"
    # Once a refresh has told of the association, the real provider ends it itself.
    refreshed = dataclasses.replace(address, state=world.read(address) or {})
    assert refreshed.state["instance"] == instance.id
    world.delete(refreshed)
    assert world.read(address) is None
    assert world.read(held) is None


def test_an_address_moves_only_when_it_may(world: World) -> None:
    address, first, second = world.make("Eip"), world.instance(), world.instance()
    world.make("EipAssociation", allocationId=address.id, instanceId=first.id)
    wanted = {"allocationId": address.id, "instanceId": second.id}
    assert "Resource.AlreadyAssociated" in refusal(lambda: world.make("EipAssociation", **wanted))
    world.make("EipAssociation", allowReassociation=True, **wanted)


def test_a_subnet_has_one_route_table(world: World) -> None:
    subnet = world.subnet()
    world.make("RouteTableAssociation", routeTableId=world.route_table().id, subnetId=subnet.id)
    other = world.route_table()
    said = refusal(
        lambda: world.make("RouteTableAssociation", routeTableId=other.id, subnetId=subnet.id)
    )
    assert said.startswith("AssociateRouteTable Resource.AlreadyAssociated: the specified")


def test_a_route_table_goes_with_its_associations(world: World) -> None:
    table, subnet = world.route_table(), world.subnet()
    held = world.make("RouteTableAssociation", routeTableId=table.id, subnetId=subnet.id)
    world.delete(table)
    assert world.read(table) is None
    assert world.read(held) is None


def test_a_destination_has_one_route(world: World) -> None:
    table, gateway = world.route_table(), world.gateway(world.make("Vpc", cidrBlock="10.2.0.0/16"))
    wanted = {
        "routeTableId": table.id,
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": gateway.id,
    }
    route = world.make("Route", **wanted)
    assert refusal(lambda: world.make("Route", **wanted)).startswith("CreateRoute RouteAlready")
    world.delete(table)
    assert world.read(route) is None
    world.delete(route)


def _launch(**given: Any) -> Callable[[World], str]:
    return lambda world: refusal(lambda: world.instance(**given))


def test_an_instance_needs_an_existing_image(world: World) -> None:
    said = _launch(ami="ami-00000000000000000")(world)
    assert "InvalidAMIID.NotFound: The image id '[ami-00000000000000000]' does not exist" in said
    image = world.image()
    backend_of("us-east-1").amis[image.id].state = "pending"
    said = _launch(ami=image.id)(world)
    assert said.startswith("RunInstances InvalidAMIID.Unavailable: ")


def test_image_and_type_have_one_architecture(world: World) -> None:
    said = _launch(ami=world.image("arm64").id)(world)
    assert said.startswith(
        "RunInstances InvalidParameterValue: The architecture 'x86_64' of the specified instance "
        "type does not match the architecture 'arm64' of the specified AMI."
    )


def test_an_instance_needs_an_existing_type(world: World) -> None:
    assert _launch(instanceType="m6i.gigantic")(world) == (
        "RunInstances InvalidParameterValue: Invalid value 'm6i.gigantic' for InstanceType."
    )


def test_a_type_is_not_offered_in_every_zone(world: World) -> None:
    offers = world.account.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["m6i.large"]}],
    )["InstanceTypeOfferings"]
    without = {*"abcdef"} - {offer["Location"][-1] for offer in offers}
    assert without, "us-east-1e has no m6i"
    zone = min(without)
    said = _launch(subnetId=world.subnet(zone=zone).id)(world)
    assert said.startswith("RunInstances Unsupported: Your requested instance type (m6i.large)")
    assert f"(us-east-1{zone})" in said


def test_a_root_volume_holds_the_snapshot(world: World) -> None:
    image = world.image(root_gib=75)
    said = _launch(ami=image.id, rootBlockDevice={"volumeSize": 74})(world)
    assert said.startswith("RunInstances InvalidBlockDeviceMapping: Volume of size 74GB is smaller")
    assert said.endswith("expect size >= 75GB")
    made = world.instance(ami=image.id)
    assert made.state["rootBlockDevice"]["volumeSize"] == 75


def test_user_data_has_16_kib(world: World) -> None:
    def data(size: int) -> str:
        return base64.b64encode(b"#" * size).decode()

    said = _launch(userDataBase64=data(16385))(world)
    assert said == "RunInstances InvalidParameterValue: User data is limited to 16384 bytes"
    assert world.instance(userDataBase64=data(16384)).state["userDataBase64"] == data(16384)


def test_an_instance_needs_groups_of_its_vpc_and_a_profile(world: World) -> None:
    other = world.make("Vpc", cidrBlock="10.3.0.0/16")
    said = _launch(vpcSecurityGroupIds=[world.group(other).id])(world)
    assert said.startswith("RunInstances InvalidGroup.NotFound: The security group does not exist")
    assert "NoSuchEntity" in _launch(iamInstanceProfile="nobody")(world)
    assert "InvalidSubnetID.NotFound" in _launch(subnetId="subnet-00000000000000000")(world)


def test_an_access_point_needs_a_file_system(world: World) -> None:
    said = refusal(lambda: world.make("AccessPoint", fileSystemId="fs-00000000"))
    assert said == (
        "CreateAccessPoint FileSystemNotFound: File system 'fs-00000000' does not exist."
    )


def test_two_access_points_may_be_alike(world: World) -> None:
    system = world.file_system()
    wanted = {"fileSystemId": system.id, "rootDirectory": {"path": "/n8n"}}
    first, second = world.make("AccessPoint", **wanted), world.make("AccessPoint", **wanted)
    assert first.id != second.id
    assert world.make("AccessPoint", fileSystemId=system.id).state["rootDirectory"] == {"path": "/"}


def test_a_file_system_outlives_its_mount_targets(world: World) -> None:
    system = world.file_system()
    target = world.make("MountTarget", fileSystemId=system.id, subnetId=world.subnet().id)
    (group,) = target.state["securityGroups"]
    assert group == world.vpc.state["defaultSecurityGroupId"]
    assert "FileSystemInUse" in refusal(lambda: world.delete(system))
    again = world.subnet()
    said = refusal(lambda: world.make("MountTarget", fileSystemId=system.id, subnetId=again.id))
    assert "MountTargetConflict" in said


def test_a_mount_target_takes_the_address_that_it_is_given(world: World) -> None:
    subnet = world.subnet()
    address = subnet.inputs["cidrBlock"].replace("/28", "")
    wanted = address.rpartition(".")[0] + f".{int(address.rpartition('.')[2]) + 9}"
    target = world.make(
        "MountTarget", fileSystemId=world.file_system().id, subnetId=subnet.id, ipAddress=wanted
    )
    assert target.state["ipAddress"] == wanted


def test_a_role_leaves_its_profiles_but_not_its_policies(world: World) -> None:
    role = world.role()
    world.make("InstanceProfile", role=role.id)
    world.make("RolePolicyAttachment", role=role.id, policyArn=MANAGED)
    world.make("RolePolicy", role=role.id, policy=ALLOW)
    assert "DeleteConflict" in refusal(lambda: world.delete(role))
    forced = world.update(role, forceDetachPolicies=True)
    world.delete(forced)
    assert world.read(role) is None


def test_the_policies_of_a_role_are_deleted_with_it(world: World) -> None:
    role = world.role()
    things = [
        world.make("RolePolicyAttachment", role=role.id, policyArn=MANAGED),
        world.make("RolePolicy", role=role.id, policy=ALLOW),
    ]
    world.delete(world.update(role, forceDetachPolicies=True))
    for thing in things:
        assert world.read(thing) is None
        world.delete(thing)


def test_a_profile_may_lose_its_role_and_get_one(world: World) -> None:
    profile = world.profile()
    emptied = world.update(profile, role=None)
    assert emptied.state["role"] == ""
    filled = world.update(emptied, role=world.role().id)
    world.delete(filled)
    bare = world.make("InstanceProfile")
    world.delete(bare)


def test_a_boundary_is_taken_off(world: World) -> None:
    role = world.make("Role", assumeRolePolicy=TRUST, permissionsBoundary=MANAGED)
    assert role.state["permissionsBoundary"] == MANAGED
    freed = world.update(role, permissionsBoundary=None)
    assert "permissionsBoundary" not in freed.state


def test_a_group_without_a_vpc_is_in_the_default_one(world: World) -> None:
    group = world.make("SecurityGroup")
    vpc = world.account.client("ec2").describe_vpcs(VpcIds=[group.state["vpcId"]])["Vpcs"][0]
    assert vpc["IsDefault"]


def test_a_new_group_has_no_egress_rule(world: World) -> None:
    group = world.group()
    (told,) = world.account.client("ec2").describe_security_groups(GroupIds=[group.id])[
        "SecurityGroups"
    ]
    assert told["IpPermissionsEgress"] == []


def test_the_default_group_of_a_vpc_is_adopted_without_its_rules_and_goes_with_it(
    world: World,
) -> None:
    vpc = world.make("Vpc", cidrBlock="10.3.0.0/16")
    group = world.make("DefaultSecurityGroup", vpcId=vpc.id, tags={"a": "b"})
    assert group.id == vpc.state["defaultSecurityGroupId"]
    assert (group.state["ingress"], group.state["egress"]) == ([], [])
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    world.account.client("ec2").authorize_security_group_ingress(
        GroupId=group.id, IpPermissions=[{**permission, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    told = world.read(group)
    assert told is not None
    (rule,) = told["ingress"]
    assert (rule["fromPort"], rule["cidrBlocks"]) == (22, ["0.0.0.0/0"]), "a refresh shows it"
    world.delete(group)
    assert world.read(group) is not None
    world.delete(vpc)
    assert world.read(group) is None


def test_rules_change_their_source_in_place_only_within_its_kind(world: World) -> None:
    def rule(**source: Any) -> dict[str, Any]:
        return {
            "securityGroupId": group.id,
            "ipProtocol": "tcp",
            "fromPort": 1,
            "toPort": 1,
            **source,
        }

    group, first, second = world.group(), world.group(), world.group()
    made = world.make("SecurityGroupIngressRule", **rule(referencedSecurityGroupId=first.id))
    moved = world.update(made, referencedSecurityGroupId=second.id)
    assert moved.state["referencedSecurityGroupId"] == second.id
    assert world.read(moved) == moved.state
    other = {**rule(cidrIpv4="192.0.2.0/24"), "tagsAll": {}}
    found = {(c.path, c.replaces) for c in world.changes(moved, other)}
    assert found == {("cidrIpv4", True), ("referencedSecurityGroupId", True)}
    prefixes = world.make("SecurityGroupEgressRule", **rule(prefixListId="pl-1"))
    assert world.update(prefixes, prefixListId="pl-2").state["prefixListId"] == "pl-2"


PLAN_TIME = [
    ("Vpc", {}, "cidrBlock: simulated only where it is set"),
    ("Subnet", {"vpcId": "vpc-1"}, "cidrBlock: simulated only where it is set"),
    ("Volume", {"availabilityZone": "us-east-1a"}, "size: simulated only where it is set"),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 1, "throughput": 125},
        "throughput: 'throughput' must not be set when 'type' is not gp3",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 1, "type": "gp2", "iops": 100},
        "iops: 'iops' must not be set when 'type' is 'gp2'",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 4, "type": "io2"},
        "iops: 'iops' must be set when 'type' is 'io2'",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 4, "multiAttachEnabled": True},
        "multiAttachEnabled: must not be set when 'type' is ''",
    ),
    (
        "FileSystem",
        {"kmsKeyId": "arn:aws:kms:us-east-1:1:key/1"},
        "kmsKeyId: encrypted must be set to true when kms_key_id is specified",
    ),
    ("FileSystem", {"throughputMode": "fast"}, "throughputMode: bursting and elastic"),
    ("FileSystemPolicy", {"fileSystemId": "fs-1", "policy": "{"}, "policy: contains an invalid"),
    ("RolePolicy", {"role": "r", "policy": "{}"}, "policy: contains an invalid JSON policy: no"),
    ("Role", {"assumeRolePolicy": "text"}, "assumeRolePolicy: contains an invalid JSON policy"),
    ("Role", {"assumeRolePolicy": TRUST, "name": "n" * 65}, "name: expected length of name"),
    (
        "Role",
        {"assumeRolePolicy": TRUST, "managedPolicyArns": [MANAGED]},
        "managedPolicyArns: not simulated: use separate policy resources",
    ),
    ("Role", {"assumeRolePolicy": TRUST, "namePrefix": "n"}, "namePrefix: not simulated"),
    ("SecurityGroup", {"name": "sg-mine"}, 'name: invalid value for name (cannot begin with "sg-"'),
    ("Eip", {"instance": "i-1"}, "instance: not simulated: use ec2.EipAssociation"),
    ("EipAssociation", {"instanceId": "i-1"}, "allocationId: simulated only where it is set"),
    ("RouteTable", {"vpcId": "vpc-1", "routes": [{"cidrBlock": "::/0"}]}, "routes: not simulated"),
    ("Route", {"routeTableId": "rtb-1"}, "destinationCidrBlock: only IPv4 routes"),
    ("RouteTableAssociation", {"routeTableId": "rtb-1"}, "subnetId: exactly one of"),
    (
        "SecurityGroupIngressRule",
        {"securityGroupId": "sg-1", "ipProtocol": "-1"},
        "cidrIpv4: exactly one of",
    ),
    ("Instance", {"ami": "ami-1"}, "instanceType: simulated only where it is set"),
    ("Instance", {"userDataBase64": "#!"}, "userDataBase64: expected valid base64"),
    ("Instance", {"vpcSecurityGroupIds": []}, "vpcSecurityGroupIds: an instance needs at least"),
    ("Instance", {"keyName": "mine"}, "keyName: declared by AWS, but not simulated yet"),
]


@pytest.mark.parametrize(("kind", "given", "expected"), PLAN_TIME)
def test_refused_before_anything_is_made(
    world: World, kind: str, given: dict[str, Any], expected: str
) -> None:
    _, problems = world.check(kind, **given)
    assert any(problem.startswith(expected) for problem in problems), problems


def test_an_unknown_value_is_not_refused(world: World) -> None:
    for kind, given in (
        ("Volume", {"availabilityZone": UNKNOWN, "size": 1, "type": UNKNOWN, "throughput": 1}),
        ("FileSystem", {"throughputMode": UNKNOWN, "kmsKeyId": UNKNOWN, "encrypted": UNKNOWN}),
        ("RolePolicy", {"role": UNKNOWN, "policy": UNKNOWN}),
        ("Role", {"assumeRolePolicy": UNKNOWN, "name": UNKNOWN}),
    ):
        assert world.check(kind, **given)[1] == []


def test_a_type_change_replaces_only_without_a_common_architecture(world: World) -> None:
    made = world.instance()
    for new, replaces in (("m7g.large", True), ("m7i.large", False), (UNKNOWN, False)):
        (change,) = world.changes(made, {**made.inputs, "instanceType": new})
        assert (change.path, change.replaces) == ("instanceType", replaces)


def test_user_data_replaces_only_when_the_flag_for_it_is_set(world: World) -> None:
    data = base64.b64encode(b"#!/bin/sh").decode()
    for replaces in (True, False):
        made = world.instance(userDataReplaceOnChange=replaces)
        (change,) = world.changes(made, {**made.inputs, "userDataBase64": data})
        assert (change.path, change.replaces) == ("userDataBase64", replaces)


def _attached(world: World, **given: Any) -> Thing:
    wanted = {"deviceName": "/dev/sdf", "volumeId": world.volume().id, **given}
    return world.make("VolumeAttachment", instanceId=world.instance().id, **wanted)


def test_a_volume_is_not_detached_from_a_host_that_was_terminated(world: World) -> None:
    made = _attached(world, stopInstanceBeforeDetaching=True)
    host = made.inputs["instanceId"]
    world.account.client("ec2").terminate_instances(InstanceIds=[host])
    said = refusal(lambda: world.delete(made))
    assert said.startswith(f"StopInstances IncorrectInstanceState: This instance '{host}' is not")
    assert world.read(made) is None, "the next refresh sees it"


def test_what_was_detached_by_hand_is_not_detached_again(world: World) -> None:
    made = _attached(world)
    world.account.client("ec2").detach_volume(
        VolumeId=made.inputs["volumeId"], InstanceId=made.inputs["instanceId"]
    )
    error = _error(lambda: world.delete(made))
    assert error.code == "InvalidAttachment.NotFound"
    assert world.read(made) is None


def test_an_attachment_with_skip_destroy_is_kept(world: World) -> None:
    made = _attached(world, skipDestroy=True)
    world.delete(made)
    assert world.read(made) is not None


def _error(call: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value


def test_an_address_that_was_asked_for_and_is_not_any_more_replaces_nothing(world: World) -> None:
    """A stack of a release that asked for one: stopped and refreshed, it would have gone."""
    host = world.instance(associatePublicIpAddress=True)
    world.account.client("ec2").stop_instances(InstanceIds=[host.id])
    told = world.read(host)
    assert told is not None
    stopped = dataclasses.replace(host, state=told)
    (change,) = world.changes(stopped, host.inputs)
    assert (change.path, change.replaces) == ("associatePublicIpAddress", True)
    for before in (host, stopped):
        assert world.update(before, associatePublicIpAddress=None).id == host.id


def test_a_restart_moves_the_public_address(world: World) -> None:
    kind, state = BY_NAME["Instance"], {"publicIp": "192.0.2.1", "publicDns": "x", "tags": {}}
    for key, unknown in (("instanceType", True), ("tags", False)):
        told = kind.preview_update(world.account, state, {}, frozenset({key}))
        assert (told["publicIp"] is UNKNOWN) is unknown


def test_only_a_missing_thing_may_be_deleted_again(world: World) -> None:
    def refused(code: str) -> None:
        raise world.account.ec2.refuse("DeleteIt", code, "no")

    for code in ("Denied", "DependencyViolation", "NotFoundAnything"):
        with pytest.raises(AwsError, match=code), gone_is_fine():
            refused(code)
    for code in ("InvalidVpcID.NotFound", "NoSuchEntity", "ResourceNotFoundException", "404"):
        with gone_is_fine():
            refused(code)


def test_policies_are_compared_as_documents(world: World) -> None:
    made = world.make("RolePolicy", role=world.role().id, policy=ALLOW)
    spaced = json.dumps(json.loads(ALLOW), indent=4)
    assert world.changes(made, {**made.inputs, "policy": spaced}) == []


def test_iops_and_type_of_volumes(world: World) -> None:
    fast = world.make("Volume", availabilityZone="us-east-1a", size=10, type="io2", iops=500)
    assert fast.state["iops"] == 500
    plain = world.make("Volume", availabilityZone="us-east-1a", size=10)
    assert plain.state["type"] == "gp2"
    assert "throughput" not in plain.state
    moved = world.update(plain, type="gp3")
    assert (moved.state["type"], moved.state["throughput"]) == ("gp3", 125)
    grown = world.update(moved, type=None, size=20)
    assert (grown.state["type"], grown.state["size"]) == ("gp3", 20), "what is left out stays"
