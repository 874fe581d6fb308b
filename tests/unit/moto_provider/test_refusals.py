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


def test_a_volume_has_one_attachment_in_its_zone(world: World) -> None:
    volume, first, second = world.volume(), world.instance(), world.instance()
    world.attach(volume, first)
    said = refusal(lambda: world.attach(volume, second))
    assert said == f"AttachVolume VolumeInUse: {volume.id} is already attached to an instance"
    assert refusal(lambda: world.delete(volume)).startswith("DeleteVolume VolumeInUse: ")
    other = world.volume(zone="b")
    said = refusal(lambda: world.attach(other, second))
    assert said.startswith(f"AttachVolume InvalidVolume.ZoneMismatch: The volume '{other.id}'")


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
    instance, volume = world.instance(), world.volume()
    root = {"deviceName": "/dev/sda1", "volumeId": volume.id, "instanceId": instance.id}
    said = refusal(lambda: world.make("VolumeAttachment", **root))
    assert said.startswith("AttachVolume InvalidParameterValue: Invalid value '/dev/sda1'")
    world.attach(world.volume(), instance)
    said = refusal(lambda: world.attach(volume, instance))
    assert said.startswith("AttachVolume InvalidParameterValue: Invalid value '/dev/sdf'")


def test_a_volume_is_detached_from_a_stopped_instance(world: World) -> None:
    instance, volume = world.instance(), world.volume()
    world.delete(world.attach(volume, instance, stopInstanceBeforeDetaching=True))
    assert (world.read(instance) or {})["instanceState"] == "stopped"
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
    subnet = world.subnet()
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
    rule = {"referencedSecurityGroupId": group.id, "ipProtocol": "-1"}
    target = {"fileSystemId": world.file_system().id, "subnetId": world.subnet().id}
    users: list[Callable[[], Thing]] = [
        lambda: world.instance(vpcSecurityGroupIds=[group.id]),
        lambda: world.make("MountTarget", securityGroups=[group.id], **target),
        lambda: world.make("SecurityGroupIngressRule", securityGroupId=other.id, **rule),
    ]
    for make in users:
        user = make()
        assert refusal(lambda: world.delete(group)) == (
            f"DeleteSecurityGroup DependencyViolation: resource {group.id} has a dependent object"
        )
        world.delete(user)
    world.make("SecurityGroupEgressRule", securityGroupId=group.id, **rule)
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
    shown = world.read(instance)
    assert shown is not None
    assert shown["publicIp"] == address.state["publicIp"]
    dashed = shown["publicIp"].replace(".", "-")
    assert shown["publicDns"] == f"ec2-{dashed}.compute-1.amazonaws.com"
    # Once a refresh has shown of the association, the real provider ends it itself.
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


def test_a_launch_that_ec2_refuses(world: World) -> None:
    offers = world.account.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["m6i.large"]}],
    )["InstanceTypeOfferings"]
    zone = min({*"abcdef"} - {offer["Location"][-1] for offer in offers})
    pending = world.image()
    backend_of("us-east-1").amis[pending.id].state = "pending"
    foreign = world.group(world.make("Vpc", cidrBlock="10.3.0.0/16"))
    wrong = "InvalidParameterValue"
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"ami": "ami-00000000000000000"},
            "InvalidAMIID.NotFound: The image id '[ami-00000000000000000]' does not exist",
        ),
        ({"ami": pending.id}, "InvalidAMIID.Unavailable: "),
        (
            {"ami": world.image("arm64").id},
            f"{wrong}: The architecture 'x86_64' of the specified instance type does not match "
            "the architecture 'arm64' of the specified AMI.",
        ),
        (
            {"instanceType": "m6i.gigantic"},
            f"{wrong}: Invalid value 'm6i.gigantic' for InstanceType.",
        ),
        (
            {"subnetId": world.subnet(zone=zone).id},
            "Unsupported: Your requested instance type (m6i.large) is not supported in your "
            f"requested Availability Zone (us-east-1{zone}).",
        ),
        ({"subnetId": "subnet-00000000000000000"}, "InvalidSubnetID.NotFound: "),
        ({"userDataBase64": _data(16385)}, f"{wrong}: User data is limited to 16384 bytes"),
        (
            {"vpcSecurityGroupIds": [foreign.id]},
            "InvalidGroup.NotFound: The security group does not exist",
        ),
        ({"iamInstanceProfile": "none"}, "NoSuchEntity: "),
        (
            {"ami": world.image(root_gib=75).id, "rootBlockDevice": {"volumeSize": 74}},
            "InvalidBlockDeviceMapping: Volume of size 74GB is smaller than snapshot ",
        ),
    ]
    for given, expected in cases:
        said = refusal(lambda given=given: world.instance(**given))  # type: ignore[misc]
        assert said.partition(" ")[2].startswith(expected), given
    assert said.endswith("expect size >= 75GB")


def _data(size: int) -> str:
    return base64.b64encode(b"#" * size).decode()


def test_a_launch_at_the_limits(world: World) -> None:
    made = world.instance(ami=world.image(root_gib=75).id, userDataBase64=_data(16384))
    assert made.state["rootBlockDevice"]["volumeSize"] == 75
    assert made.state["userDataBase64"] == _data(16384)


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
    (shown,) = world.account.client("ec2").describe_security_groups(GroupIds=[group.id])[
        "SecurityGroups"
    ]
    assert shown["IpPermissionsEgress"] == []


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
    shown = world.read(group)
    assert shown is not None
    (rule,) = shown["ingress"]
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


def test_a_volume_is_not_detached_from_a_host_that_was_terminated(world: World) -> None:
    made = world.attach(world.volume(), world.instance(), stopInstanceBeforeDetaching=True)
    host = made.inputs["instanceId"]
    world.account.client("ec2").terminate_instances(InstanceIds=[host])
    said = refusal(lambda: world.delete(made))
    assert said.startswith(f"StopInstances IncorrectInstanceState: This instance '{host}' is not")
    assert world.read(made) is None, "the next refresh sees it"


def test_what_was_detached_by_hand_is_not_detached_again(world: World) -> None:
    made = world.attach(world.volume(), world.instance())
    world.account.client("ec2").detach_volume(
        VolumeId=made.inputs["volumeId"], InstanceId=made.inputs["instanceId"]
    )
    error = _error(lambda: world.delete(made))
    assert error.code == "InvalidAttachment.NotFound"
    assert world.read(made) is None


def test_an_attachment_with_skip_destroy_is_kept(world: World) -> None:
    made = world.attach(world.volume(), world.instance(), skipDestroy=True)
    world.delete(made)
    assert world.read(made) is not None


def _error(call: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value


def test_an_address_that_is_no_longer_requested_replaces_nothing(world: World) -> None:
    """A stack of a release that asked for one: stopped and refreshed, it would have gone."""
    host = world.instance(associatePublicIpAddress=True)
    world.account.client("ec2").stop_instances(InstanceIds=[host.id])
    shown = world.read(host)
    assert shown is not None
    stopped = dataclasses.replace(host, state=shown)
    (change,) = world.changes(stopped, host.inputs)
    assert (change.path, change.replaces) == ("associatePublicIpAddress", True)
    for before in (host, stopped):
        assert world.update(before, associatePublicIpAddress=None).id == host.id


def test_a_restart_moves_the_public_address(world: World) -> None:
    kind, state = BY_NAME["Instance"], {"publicIp": "192.0.2.1", "publicDns": "x", "tags": {}}
    for key, unknown in (("instanceType", True), ("tags", False)):
        shown = kind.preview_update(world.account, state, {}, frozenset({key}))
        assert (shown["publicIp"] is UNKNOWN) is unknown


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
