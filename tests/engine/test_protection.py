"""What `protectData` does on the engine (docs/adr/0005)."""

from .door import Door


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
    assert sorted(door.resources()) == [
        ("file system", after["fileSystemId"]),
        ("volume", after["dataVolumeId"]),
    ], "without its preview destroy takes the host, but never the data"

    door.up()
    assert door.outputs()["dataVolumeId"] == before["dataVolumeId"]
    door.set(protectData="false")
    door.up()
    door.pulumi("destroy", "--yes")
    assert door.resources() == []
