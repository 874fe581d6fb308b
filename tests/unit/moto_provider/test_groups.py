"""Launch templates and Auto Scaling groups: versions, sizes, refreshes, and what AWS refuses."""

import base64
import dataclasses
from functools import partial
from typing import Any

import pytest

from moto_provider.test_refusals import refusal
from moto_provider.world import G_AND_VT, OWNER, SPOT_G_AND_VT, Thing, World
from pulumi_moto import quotas
from pulumi_moto.account import UnfinishedError
from pulumi_moto.inventory import alive
from pulumi_moto.wire import UNKNOWN

SCRIPT = base64.b64encode(b"#!/bin/sh\n").decode()
DRAIN = {
    "name": "drain",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeatTimeout": 120,
}
ROLLING = {"strategy": "Rolling"}


def versions(world: World, group: Thing) -> list[str]:
    """The template versions that the instances of a group run, in the order of their launch."""
    answer = world.account.autoscaling.describe_auto_scaling_groups(
        AutoScalingGroupNames=[group.id]
    )
    instances = answer["AutoScalingGroups"][0]["Instances"]
    return [one["LaunchTemplate"]["Version"] for one in instances]


def failures(world: World, group: str) -> list[str]:
    """What its activities say of launches that failed."""
    answer = world.account.autoscaling.describe_scaling_activities(AutoScalingGroupName=group)
    return [one["StatusMessage"] for one in answer["Activities"] if one["StatusCode"] == "Failed"]


# Templates. ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "change", "made", "unknown"),
    [
        # Measured: a description makes a version that a preview does not announce, and tags
        # announce one that they do not make.
        ({}, {"description": "other"}, 2, set()),
        ({}, {"tags": {"a": "b"}}, 1, {"latestVersion"}),
        ({}, {"instanceType": "m6i.xlarge"}, 2, {"latestVersion"}),
        ({}, {"updateDefaultVersion": True}, 1, {"defaultVersion"}),
        (
            {"updateDefaultVersion": True},
            {"instanceType": "m6i.xlarge"},
            2,
            {"latestVersion", "defaultVersion"},
        ),
    ],
)
def test_a_change_of_what_is_launched_is_a_version(
    world: World, given: dict[str, Any], change: dict[str, Any], made: int, unknown: set[str]
) -> None:
    template = world.template(**given)
    paths = frozenset({*change, "tagsAll"} if "tags" in change else change)
    planned = template.kind.preview_update(
        world.account, template.state, {**template.inputs, **change}, paths
    )
    numbers = ("latestVersion", "defaultVersion")
    assert {key for key in numbers if planned[key] is UNKNOWN} == unknown
    state = world.update(template, **change).state
    default = made if given or "updateDefaultVersion" in change else 1
    assert (state["latestVersion"], state["defaultVersion"]) == (made, default)


def test_the_default_version_goes_where_the_program_says(world: World) -> None:
    template = world.update(world.template(), instanceType="m6i.xlarge")
    assert template.state["defaultVersion"] == 1
    assert world.update(template, defaultVersion=2).state["defaultVersion"] == 2
    said = refusal(lambda: world.update(template, defaultVersion=9))
    assert said.startswith("ModifyLaunchTemplate InvalidLaunchTemplateId.VersionNotFound")


@pytest.mark.parametrize(
    "without",
    [
        {"blockDeviceMappings": [{"deviceName": "/dev/sda1", "ebs": {"volumeSize": 40}}]},
        {"networkInterfaces": [{"deviceIndex": 0}]},
    ],
)
def test_a_field_that_leaves_the_program_leaves_the_template(
    world: World, without: dict[str, Any]
) -> None:
    group = world.group().id
    full = {
        "blockDeviceMappings": [
            {"deviceName": "/dev/sda1", "ebs": {"volumeSize": 40, "encrypted": "true"}}
        ],
        "networkInterfaces": [
            {"deviceIndex": 0, "associatePublicIpAddress": "true", "securityGroups": [group]}
        ],
    }
    template = world.make(
        "LaunchTemplate", **{**world.template_inputs(), "vpcSecurityGroupIds": None, **full}
    )
    assert world.read(template) == template.state
    changed = world.update(template, **without)
    (key,) = without
    assert changed.state[key] == without[key]
    assert world.changes(changed, changed.inputs) == []


def test_credits_are_left_out_for_types_that_do_not_burst(world: World) -> None:
    bursts = {"cpuCredits": "standard"}
    assert (
        world.template(instanceType="t3.large", creditSpecification=bursts).state[
            "creditSpecification"
        ]
        == bursts
    )
    client = world.account.client("ec2")
    plain = world.template(creditSpecification=bursts)
    (version,) = client.describe_launch_template_versions(LaunchTemplateId=plain.id)[
        "LaunchTemplateVersions"
    ]
    assert "CreditSpecification" not in version["LaunchTemplateData"]


# What a group launches. ----------------------------------------------------------------------


def test_a_group_launches_what_its_template_says_over_its_zones(world: World) -> None:
    other = world.group()
    template = world.template(
        instanceType="m6i.xlarge",
        vpcSecurityGroupIds=[other.id],
        userData=SCRIPT,
        metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 2},
        blockDeviceMappings=[{"deviceName": "/dev/sda1", "ebs": {"volumeSize": 55}}],
        tagSpecifications=[
            {"resourceType": "instance", "tags": {"of": "template"}},
            {"resourceType": "volume", "tags": {"Use": "root"}},
        ],
    )
    group = world.instances(
        minSize=2,
        launchTemplate={"id": template.id, "version": "1"},
        tags=[
            {"key": "Name", "value": "worker", "propagateAtLaunch": True},
            {"key": "own", "value": "group", "propagateAtLaunch": False},
        ],
    )
    running = world.running(group)
    assert {one["SubnetId"] for one in running} == set(world.zones)
    client = world.account.client("ec2")
    for one in running:
        assert (one["InstanceType"], one["ImageId"]) == ("m6i.xlarge", world.standing_image.id)
        assert [sg["GroupId"] for sg in one["NetworkInterfaces"][0]["Groups"]] == [other.id]
        assert one["IamInstanceProfile"]["Arn"] == world.standing_profile.state["arn"]
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        data = client.describe_instance_attribute(
            InstanceId=one["InstanceId"], Attribute="userData"
        )
        assert data["UserData"]["Value"] == SCRIPT
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert (tags["Name"], tags["of"]) == ("worker", "template")
        assert "own" not in tags
        assert tags["aws:ec2launchtemplate:version"] == "1"
        disk = one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        (volume,) = client.describe_volumes(VolumeIds=[disk])["Volumes"]
        assert (volume["Size"], volume["Tags"]) == (55, [{"Key": "Use", "Value": "root"}])
    assert refusal(lambda: world.delete(other)).startswith("DeleteSecurityGroup DependencyViol")
    world.delete(group)
    assert world.running(group) == []
    world.delete(other)


def test_a_new_version_is_for_new_instances_until_a_refresh(world: World) -> None:
    template = world.template()
    named = {"id": template.id, "version": str(template.state["latestVersion"])}
    group = world.instances(minSize=2, launchTemplate=named)
    world.update(template, instanceType="m6i.xlarge")
    second = {**named, "version": "2"}
    moved = world.update(group, launchTemplate=second)
    assert versions(world, group) == ["1", "1"]
    grown = world.update(moved, minSize=3)
    assert versions(world, group) == ["1", "1", "2"]
    smaller = world.update(grown, desiredCapacity=2, minSize=2)
    assert versions(world, group) == ["1", "2"], "the oldest instance goes first"

    world.update(template, instanceType="m6i.2xlarge")
    refreshing = world.update(smaller, instanceRefresh=ROLLING)
    assert versions(world, group) == ["1", "2"], "a refresh by itself replaces nothing"
    world.update(refreshing, launchTemplate={**named, "version": "3"})
    assert versions(world, group) == ["3", "3"]
    assert {one["InstanceType"] for one in world.running(group)} == {"m6i.2xlarge"}
    (refresh,) = world.account.autoscaling.describe_instance_refreshes(
        AutoScalingGroupName=group.id
    )["InstanceRefreshes"]
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100)


@pytest.mark.parametrize("triggers", [[], ["tag"]])
def test_a_refresh_skips_what_matches_and_is_triggered(world: World, triggers: list[str]) -> None:
    refresh = {**ROLLING, "triggers": triggers, "preferences": {"skipMatching": not triggers}}
    group = world.instances(instanceRefresh=refresh)
    before = [one["InstanceId"] for one in world.running(group)]
    tags = [{"key": "a", "value": "b", "propagateAtLaunch": True}]
    tagged = world.update(group, tags=tags)
    assert (before == [one["InstanceId"] for one in world.running(group)]) == (not triggers)
    named = {**group.inputs["launchTemplate"], "version": "1"}
    before = [one["InstanceId"] for one in world.running(group)]
    world.update(tagged, launchTemplate=named)  # the version that runs already
    assert (before == [one["InstanceId"] for one in world.running(group)]) == (not triggers)


def test_a_policy_of_types_and_markets(world: World) -> None:
    template = world.template()

    def policy(**distribution: Any) -> dict[str, Any]:
        return {
            "launchTemplate": {
                "launchTemplateSpecification": {"launchTemplateId": template.id, "version": "1"},
                "overrides": [{"instanceType": "g6.xlarge"}, {"instanceType": "g4dn.xlarge"}],
            },
            "instancesDistribution": distribution,
        }

    given = world.group_of_inputs(minSize=3, maxSize=5)
    del given["launchTemplate"]
    mixed = policy(onDemandBaseCapacity=1, onDemandPercentageAboveBaseCapacity=0)
    group = world.make("Group", **given, mixedInstancesPolicy=mixed)
    assert world.read(group) == group.state
    assert "launchTemplate" not in group.state
    markets = [one.get("InstanceLifecycle", "on-demand") for one in world.running(group)]
    assert markets == ["on-demand", "spot", "spot"]
    assert {one["InstanceType"] for one in world.running(group)} == {"g6.xlarge"}
    quota = next(one for one in quotas.QUOTAS if one.code == G_AND_VT)
    assert quotas.running(world.account.region, quota) == 4, "Spot has a quota of its own"
    (spot,) = (one for one in quotas.SPOT_QUOTAS if one.code == SPOT_G_AND_VT)
    assert quotas.running(world.account.region, spot) == 8
    quotas.of(world.account.region)[SPOT_G_AND_VT] = 8
    with pytest.raises(UnfinishedError, match="Failed: Max spot instance count exceeded"):
        world.update(group, minSize=4)
    quotas.of(world.account.region)[SPOT_G_AND_VT] = 64

    dear = policy(onDemandPercentageAboveBaseCapacity=100)
    world.update(group, mixedInstancesPolicy=dear, minSize=4)
    assert [one.get("InstanceLifecycle") for one in world.running(group)].count("spot") == 2
    plain = {"id": template.id, "version": "1"}
    changed = world.update(group, mixedInstancesPolicy=None, launchTemplate=plain)
    assert "mixedInstancesPolicy" not in (world.read(changed) or {})
    world.delete(changed)


# Its size. -----------------------------------------------------------------------------------


def test_a_size_that_the_program_does_not_name_is_left_to_the_account(world: World) -> None:
    group = world.instances(minSize=0, waitForCapacityTimeout="0")
    client = world.account.client("autoscaling")
    client.set_desired_capacity(AutoScalingGroupName=group.id, DesiredCapacity=2)
    tagged = world.update(group, tags=[{"key": "a", "value": "b", "propagateAtLaunch": False}])
    assert tagged.state["desiredCapacity"] == len(world.running(group)) == 2
    assert world.changes(tagged, tagged.inputs) == []
    raised = world.update(tagged, minSize=1)
    assert raised.state["desiredCapacity"] == 2
    capped = world.update(raised, maxSize=1)
    assert capped.state["desiredCapacity"] == len(world.running(group)) == 1


def test_the_provider_waits_for_the_size_on_record(world: World) -> None:
    """A trap of the real provider: the size is the account's, and what it waits for is not."""
    group = world.instances(minSize=0)
    client = world.account.client("autoscaling")
    client.set_desired_capacity(AutoScalingGroupName=group.id, DesiredCapacity=3)
    with pytest.raises(UnfinishedError) as unmet:
        world.update(group, minSize=1)
    assert str(unmet.value) == (
        f"1 error occurred:\n\t* waiting for Auto Scaling Group ({group.id}) capacity satisfied: "
        "timeout while waiting for state to become 'ok' (last state: 'want exactly 1 healthy "
        "instance(s) in Auto Scaling Group, have 3', timeout: 10m0s)\n\n"
    )
    shown = world.read(group)
    assert shown is not None
    refreshed = dataclasses.replace(group, state={**shown, "minSize": 0})
    assert world.update(refreshed, minSize=1).state["desiredCapacity"] == 3


def test_a_launch_beyond_the_quota_is_a_failed_activity(world: World) -> None:
    template = world.template(instanceType="inf2.xlarge")
    wanted = world.group_of_inputs(launchTemplate={"id": template.id}, name="over-the-quota")
    with pytest.raises(UnfinishedError) as unmet:
        world.make("Group", **wanted)
    assert unmet.value.id == "over-the-quota"
    (why,) = failures(world, "over-the-quota")
    assert why.startswith("You have requested more vCPU capacity than your current vCPU limit of 0")
    assert why.endswith(" Launching EC2 instance failed.")
    assert f"): Failed: {why}\n\n" in str(unmet.value)
    said = refusal(lambda: world.make("Group", **wanted))
    assert said.startswith("CreateAutoScalingGroup AlreadyExists: "), "AWS has made it"

    for patience in ({"waitForCapacityTimeout": "0"}, {"ignoreFailedScalingActivities": True}):
        other = {**wanted, **patience, "name": None}
        if "waitForCapacityTimeout" in patience:
            assert world.running(world.make("Group", **other)) == []
        else:
            with pytest.raises(UnfinishedError, match="want at least 1 healthy"):
                world.make("Group", **other)


def test_a_launch_goes_to_the_zone_that_offers_the_type(world: World) -> None:
    offered = world.account.ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["g6.xlarge"]}],
    )["InstanceTypeOfferings"]
    zones = {one["Location"][-1] for one in offered}
    missing = next(zone for zone in "abcdef" if zone not in zones)
    without, having = world.subnet(missing), world.subnet(min(zones))
    template = world.template(instanceType="g6.xlarge")
    given = {"launchTemplate": {"id": template.id}, "minSize": 2}
    group = world.instances(**given, vpcZoneIdentifiers=[without.id, having.id])
    assert {one["SubnetId"] for one in world.running(group)} == {having.id}
    with pytest.raises(UnfinishedError, match="is not supported in your requested Avail"):
        world.instances(**given, vpcZoneIdentifiers=[without.id])


def test_a_full_subnet_holds_no_more_until_an_instance_ends(world: World) -> None:
    subnet = world.subnet()  # eleven free addresses
    group = world.instances(
        minSize=12,
        maxSize=12,
        vpcZoneIdentifiers=[subnet.id],
        waitForCapacityTimeout="0",
        instanceRefresh=ROLLING,
    )
    assert len(world.running(group)) == 11
    (why,) = failures(world, group.id)
    assert why.startswith(f"There are not enough free addresses in subnet '{subnet.id}' to")
    smaller = world.update(group, minSize=11, desiredCapacity=11)
    before = {one["InstanceId"] for one in world.running(group)}
    world.update(smaller, launchTemplate={**group.inputs["launchTemplate"], "version": "1"})
    after = {one["InstanceId"] for one in world.running(group)}
    assert (len(after), before & after) == (11, set())
    world.delete(group)


@pytest.mark.parametrize("public", ["true", "false", None])
def test_a_public_address_is_as_the_template_says_or_else_the_subnet(
    world: World, public: str | None
) -> None:
    own = world.group().id
    interface: dict[str, Any] = {"deviceIndex": 0, "securityGroups": [own]}
    if public:
        interface["associatePublicIpAddress"] = public
    inputs = world.template_inputs(networkInterfaces=[interface])
    del inputs["vpcSecurityGroupIds"]
    template = world.make("LaunchTemplate", **inputs)
    for open_subnet in (True, False):
        given = {"mapPublicIpOnLaunch": open_subnet, "cidrBlock": world.free_cidr()}
        given["availabilityZone"] = "us-east-1a"
        subnet = world.make("Subnet", vpcId=world.vpc.id, **given)
        group = world.instances(launchTemplate={"id": template.id}, vpcZoneIdentifiers=[subnet.id])
        (one,) = world.running(group)
        expected = public == "true" if public else open_subnet
        assert bool(one.get("PublicIpAddress")) == expected
        assert one["NetworkInterfaces"][0]["Groups"][0]["GroupId"] == own


def test_aws_makes_its_role_with_the_first_group_and_keeps_it(world: World) -> None:
    def roles() -> list[str]:
        found = world.account.iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]
        return [one["RoleName"] for one in found]

    for _ in range(2):
        world.delete(world.instances())
        assert roles() == ["AWSServiceRoleForAutoScaling"]
    assert "AWSServiceRoleForAutoScaling" not in [one["id"] for one in alive(world.account)]


def test_what_is_terminated_by_hand_is_launched_again(world: World) -> None:
    group = world.instances()
    (before,) = world.running(group)
    world.account.client("ec2").terminate_instances(InstanceIds=[before["InstanceId"]])
    (after,) = world.running(group)
    assert after["InstanceId"] != before["InstanceId"]
    world.delete(group)
    assert world.running(group) == []


def test_hooks_come_and_go_with_the_group(world: World) -> None:
    group = world.instances(initialLifecycleHooks=[DRAIN], protectFromScaleIn=True)
    client = world.account.client("autoscaling")

    def hooks() -> list[str]:
        answer = client.describe_lifecycle_hooks(AutoScalingGroupName=group.id)
        return [one["LifecycleHookName"] for one in answer["LifecycleHooks"]]

    assert hooks() == ["drain"]
    world.delete(group)
    assert hooks() == []
    assert world.running(group) == [], "the provider takes the protection off"


@pytest.mark.parametrize(
    ("key", "value"), [("name", "other"), ("initialLifecycleHooks", [{**DRAIN, "name": "x"}])]
)
def test_what_replaces_a_group(world: World, key: str, value: Any) -> None:
    group = world.instances(initialLifecycleHooks=[DRAIN], minSize=0)
    found = world.changes(group, {**group.inputs, key: value})
    assert found
    assert all(change.replaces for change in found)


def test_a_template_may_go_before_its_group_which_then_launches_no_more(world: World) -> None:
    template = world.template()
    group = world.instances(launchTemplate={"id": template.id}, waitForCapacityTimeout="0")
    world.delete(template)
    world.account.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=group.id, DesiredCapacity=2
    )
    assert len(world.running(group)) == 1
    assert failures(world, group.id)[0].startswith("The launch template that the group names")
    world.delete(group)


# Refusals. -----------------------------------------------------------------------------------

BROKEN = "ValidationError: You must use a valid fully-formed launch template. "


def test_a_template_that_nothing_can_be_launched_from(world: World) -> None:
    arm = world.image("arm64").id
    other = world.group(world.make("Vpc", cidrBlock="10.2.0.0/16")).id
    small = [{"deviceName": "/dev/sda1", "ebs": {"volumeSize": 8}}]
    nobody = {"name": "nobody"}
    for given, said in (
        ({"imageId": arm}, "The architecture 'x86_64' of the specified instance type does not"),
        ({"instanceType": "m6i.huge"}, "Invalid value 'm6i.huge' for InstanceType."),
        ({"instanceType": None}, "The request must contain the parameter InstanceType"),
        ({"imageId": None}, "The request must contain the parameter ImageId"),
        ({"imageId": f"ami-{OWNER}"}, "The image id '[ami-111122223333]' does not exist"),
        ({"vpcSecurityGroupIds": [other]}, "The security group does not exist in VPC"),
        ({"blockDeviceMappings": small}, "Volume of size 8GB is smaller than snapshot"),
        (
            {"iamInstanceProfile": nobody},
            "Value (nobody) for parameter iamInstanceProfile.name is inv",
        ),
        ({"userData": base64.b64encode(b"x" * 16385).decode()}, "User data is limited to 16384"),
    ):
        template = world.template(**given)
        made = refusal(partial(world.instances, launchTemplate={"id": template.id}))
        assert made.startswith(f"CreateAutoScalingGroup {BROKEN}{said}"), made
        update = {"launchTemplate": {"id": template.id}}
        assert refusal(partial(world.update, world.workers, **update)).startswith(
            f"UpdateAutoScalingGroup {BROKEN}{said}"
        )


def test_an_instance_needs_no_profile(world: World) -> None:
    template = world.template(iamInstanceProfile=None)
    (instance,) = world.running(world.instances(launchTemplate={"id": template.id, "version": "1"}))
    assert not instance.get("IamInstanceProfile")


def test_a_policy_of_markets_takes_no_template_of_the_spot_market(world: World) -> None:
    template = world.template(instanceMarketOptions={"marketType": "spot"})
    (one,) = world.running(world.instances(launchTemplate={"id": template.id}))
    assert one["InstanceLifecycle"] == "spot"
    given = world.group_of_inputs()
    del given["launchTemplate"]
    spec = {"launchTemplateSpecification": {"launchTemplateId": template.id}}
    policy = {"launchTemplate": spec}
    said = refusal(lambda: world.make("Group", **given, mixedInstancesPolicy=policy))
    assert said.startswith(
        "CreateAutoScalingGroup ValidationError: Incompatible launch template: You cannot use"
    )


def test_no_instance_waits_for_a_hook(world: World) -> None:
    group = world.instances(initialLifecycleHooks=[DRAIN])
    (one,) = world.running(group)
    wanted = {"AutoScalingGroupName": group.id, "InstanceId": one["InstanceId"]}
    for name, why in (
        ("drain", f"No active Lifecycle Action found with instance ID {one['InstanceId']}"),
        ("other", "No such lifecycle hook: other"),
    ):
        for call, more in (
            ("complete_lifecycle_action", {"LifecycleActionResult": "CONTINUE"}),
            ("record_lifecycle_action_heartbeat", {}),
        ):
            operation = getattr(world.account.autoscaling, call)
            said = refusal(partial(operation, LifecycleHookName=name, **wanted, **more))
            assert said.endswith(f" ValidationError: {why}")


def test_what_a_group_names_must_exist(world: World) -> None:
    template = world.template()
    for named in ({"id": template.id, "version": "7"}, {"id": "lt-0123456789abcdef0"}):
        said = refusal(partial(world.instances, launchTemplate=named))
        assert said.startswith(f"CreateAutoScalingGroup {BROKEN}")
    said = refusal(lambda: world.instances(vpcZoneIdentifiers=["subnet-1"]))
    assert said == (
        "CreateAutoScalingGroup ValidationError: The subnet ID 'subnet-1' does not exist"
    )


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((2, 1, None), "Max bound, 1, must be greater than or equal to min bound, 2"),
        ((1, 2, 3), "Desired capacity:3 must be between the specified min size:1 and max size:2"),
    ],
)
def test_sizes_that_do_not_fit(world: World, sizes: tuple[int, int, int | None], said: str) -> None:
    least, most, wanted = sizes
    given = {"minSize": least, "maxSize": most, "desiredCapacity": wanted}
    made = refusal(lambda: world.instances(**given))
    assert made == f"CreateAutoScalingGroup ValidationError: {said}"
    group = world.instances(minSize=0, waitForCapacityTimeout="0")
    changed = refusal(lambda: world.update(group, **given))
    assert changed == f"UpdateAutoScalingGroup ValidationError: {said}"
    assert world.read(group) == group.state


def test_a_group_that_is_gone_is_forgotten_and_no_error(world: World) -> None:
    group = world.instances(minSize=0)
    world.account.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=group.id)
    assert world.read(group) is None
    world.delete(group)
