"""The life of a stack, on the genuine engine, and what `protectData` does (docs/adr/0005)."""

from .door import MADE, Door


def test_a_stack_comes_up_stays_as_it_is_and_goes_without_a_trace(door: Door) -> None:
    # As a user and the commands run it: the program in a Python of its own.
    with door.plain():
        preview = door.preview_text()
        assert f"{MADE} to create" in preview
        assert "error" not in preview
        door.up()
        door.pulumi("preview", "--expect-no-changes")
    outputs = door.outputs()
    assert outputs["amiName"] == (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
    )
    assert outputs["url"] == "https://localhost:8443"

    (host,) = [
        instance
        for reservation in door.client("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]
    assert host["InstanceId"] == outputs["instanceId"], "boto3 sees the same account"
    assert host["State"]["Name"] == "running"
    assert len(door.resources()) > 10

    door.refresh()
    door.pulumi("preview", "--expect-no-changes")

    with door.plain():
        door.pulumi("destroy", "--yes")
    assert door.resources() == []


def test_another_network_is_refused_at_preview_and_the_old_one_goes_on(door: Door) -> None:
    door.up()
    before = sorted(door.resources())
    door.set(vpcCidr="10.99.0.0/16")
    refused = door.pulumi("preview", code=1).out
    assert "`pulumi config set geusemaker:vpcCidr 10.42.0.0/16`" in refused
    door.pulumi("up", "--yes", "--skip-preview", code=1)
    assert sorted(door.resources()) == before
    door.unset("vpcCidr")
    door.pulumi("preview", "--expect-no-changes")


def test_a_third_zone_adds_to_the_two_and_changes_nothing_else(door: Door) -> None:
    door.set(availabilityZoneCount="3")
    steps = door.steps()
    assert set(steps.values()) == {"create"}, steps
    door.up()
    assert len(door.outputs()["subnetIds"]) == 3
    door.unset("availabilityZoneCount")
    assert set(door.steps().values()) == {"delete"}
    door.up()


def test_a_smaller_disk_is_refused_at_preview_and_the_printed_command_restores_it(
    door: Door,
) -> None:
    door.set(rootVolumeGib="120")
    door.up()
    for key, smaller, size in (("dataVolumeGib", "60", 100), ("rootVolumeGib", "90", 120)):
        door.set(**{key: smaller})
        refused = door.run("geusemaker", "deploy", "--yes")
        assert refused.code == 1
        command = f"pulumi config set geusemaker:{key} {size}"
        assert refused.out.splitlines()[-1] == (
            f"geusemaker:{key} makes the volume {smaller} GiB, but it has {size} GiB, and AWS "
            f"shrinks no volume. Restore its size: `{command}`."
        )
        assert door.run(*command.split()).code == 0
    door.pulumi("preview", "--expect-no-changes")


def test_another_key_is_refused_before_the_data_would_be_made_anew(door: Door) -> None:
    alive = sorted(door.resources())
    key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    door.set(kmsKeyArn=key, protectData="false")
    assert "both would be replaced by empty ones" in door.pulumi("preview", code=1).out
    door.pulumi("up", "--yes", "--skip-preview", code=1)
    assert sorted(door.resources()) == alive
    door.unset("kmsKeyArn")
    door.pulumi("config", "set", "aws:region", "eu-west-1")
    assert "This stack is in the Region us-east-1" in door.pulumi("preview", code=1).out
    door.pulumi("config", "set", "aws:region", "us-east-1")
    door.pulumi("preview", "--expect-no-changes")


def test_a_protected_stack_refuses_destroy_at_preview_and_still_replaces_its_host(
    door: Door,
) -> None:
    door.set(protectData="true")
    door.up()
    before = door.outputs()
    alive = sorted(door.resources())

    refused = door.pulumi("destroy", "--yes", code=None)
    assert refused.code != 0
    assert "geusemaker-storage-data" in refused.out
    assert "protected" in refused.out
    assert sorted(door.resources()) == alive, "nothing is deleted"

    door.set(osType="amazon-linux-2023")
    door.up()
    after = door.outputs()
    assert after["instanceId"] != before["instanceId"]
    assert after["dataVolumeId"] == before["dataVolumeId"]

    assert door.pulumi("destroy", "--yes", "--skip-preview", code=None).code != 0
    left = sorted(door.resources())
    (vault,) = (name for kind, name in left if kind == "backup vault")
    assert left == [
        ("backup vault", vault),
        ("file system", after["fileSystemId"]),
        ("parameter", after["credentialsParameter"]),
        ("volume", after["dataVolumeId"]),
    ], "without its preview destroy takes the host, but never the data, its copies and its keys"

    door.up()
    again = door.outputs()
    for kept in ("dataVolumeId", "fileSystemId", "credentialsParameter"):
        assert again[kept] == before[kept]

    removed = door.run("geusemaker", "destroy", "--delete-data", "--confirm", "dev")
    assert removed.code == 0, str(removed)
    assert door.resources() == []
