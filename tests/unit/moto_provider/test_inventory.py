"""The inventory is complete: what a program leaves behind is in it."""

from moto_provider.cases import CASES
from moto_provider.world import BY_NAME, World
from pulumi_moto import inventory

PARTS = {
    *("Route", "RouteTableAssociation", "EipAssociation", "VolumeAttachment", "MountTarget"),
    *("SecurityGroupIngressRule", "SecurityGroupEgressRule", "DefaultSecurityGroup", "Record"),
    *("RolePolicy", "RolePolicyAttachment", "AccessPoint", "FileSystemPolicy", "BucketObjectv2"),
    *(
        "LifecycleHook",
        "Policy",
        "BucketPublicAccessBlock",
        "BucketPolicy",
        "BucketServerSideEncryptionConfiguration",
        "BucketLifecycleConfiguration",
        "Grant",
    ),
}
"""What the inventory shows by what it is in, or by another id."""


def test_all_types_in_one_account_from_the_first_to_the_last(empty_world: World) -> None:
    """What is made later changes nothing before it, and the inventory is empty after the last."""
    world = empty_world
    zone = {"type": "hosted zone", "id": world.zone}
    made = [world.make(kind, **case.inputs(world)) for kind, case in CASES.items()]
    for thing in made:
        shown = world.read(thing)
        assert shown is not None
        for key, value in thing.inputs.items():
            assert thing.kind.kept(key, value, shown[key]) == value, (thing.kind.token, key)
    kinds = {kind.token: name for name, kind in BY_NAME.items()}
    own = {thing.id for thing in made if kinds[thing.kind.token] not in PARTS}
    assert own <= {item["id"] for item in inventory.alive(world.account)}
    for thing in reversed(world.made):
        world.delete(thing)
    assert inventory.alive(world.account) == [zone]
