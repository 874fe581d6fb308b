"""What `protectData` does on the engine (docs/adr/0005)."""

from .door import Door


def test_another_key_is_refused_before_the_data_would_be_made_anew(door: Door) -> None:
    door.up()
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
    door.set(protectData="false")
    door.up()
    door.pulumi("destroy", "--yes")
    assert door.resources() == []
