"""`geusemaker destroy` on the genuine engine: its receipt agrees with the account."""

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest

from geusemaker.cli.main import main
from geusemaker.cli.obstacles import Account
from geusemaker.cli.removal import Shown

from .door import Door


def destroy(door: Door, *arguments: str, code: int = 0) -> Mapping[str, Any]:
    """The receipt of a removal."""
    ran = door.run("geusemaker", "destroy", "--json", *arguments)
    assert ran.code == code, str(ran)
    found: Mapping[str, Any]
    found, _ = json.JSONDecoder().raw_decode(ran.out, ran.out.index('{\n  "version"'))
    return found


def ids(found: Mapping[str, Any], outcome: str) -> set[str]:
    return {one["id"] for one in found["entries"] if one["outcome"] == outcome}


def alive(door: Door) -> set[str]:
    # The account names a record as DNS does, and Pulumi by its zone too.
    return {id_ for kind, id_ in door.resources() if kind != "dns record"}


def destroy_here(
    door: Door, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> str:
    """What a removal in this process prints on stdout."""
    with (
        door.attached() as variables,
        mock.patch.dict(os.environ, variables),
        contextlib.chdir(door.places.project),
        pytest.raises(SystemExit) as ended,
    ):
        main(["destroy", *arguments])
    said = capsys.readouterr()
    assert (ended.value.code or 0) == code, said
    return said.out


def test_the_host_goes_the_data_stays_and_a_deployment_puts_both_together_again(
    door: Door,
) -> None:
    door.set(protectData="true", allowedCidrs="198.51.100.0/24", workers="2")
    door.up()
    file, before, outputs = door.places.config.read_bytes(), alive(door), door.outputs()
    found = destroy(door, "--yes")
    left = alive(door)
    assert ids(found, "deleted") | ids(found, "kept") >= before
    assert ids(found, "kept") & before == left
    assert ids(found, "deleted") & left == set()
    assert {outputs["dataVolumeId"], outputs["fileSystemId"]} < left
    assert outputs["instanceId"] in ids(found, "deleted")
    assert not any(kind in ("instance", "elastic ip", "vpc") for kind, _ in door.resources())
    assert (found["isComplete"], found["usdAMonth"]) == (True, 8.0)
    assert door.places.config.read_bytes() == file

    steps = door.steps()
    assert set(steps.values()) == {"create"}, steps
    door.up()
    door.pulumi("preview", "--expect-no-changes")
    again = door.outputs()
    for kept in ("dataVolumeId", "fileSystemId", "credentialsParameter", "amiId", "stackId"):
        assert again[kept] == outputs[kept]


def test_a_removal_that_fails_in_the_middle_has_a_true_receipt_and_continues(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS keeps the network, because of a route table that others make after the check."""
    door.set(protectData="true")
    door.up()
    ec2, before = door.client("ec2"), alive(door)
    (table,) = (
        ec2.create_route_table(VpcId=id_)["RouteTable"]["RouteTableId"]
        for kind, id_ in door.resources()
        if kind == "vpc"
    )
    ec2.terminate_instances(InstanceIds=[door.outputs()["instanceId"]])
    with monkeypatch.context() as patched:
        patched.setattr(Account, "obstacles", lambda *_: [])
        said = destroy_here(door, capsys, "--delete-data", "--confirm", "dev", "--json", code=1)
    found = json.loads(said)
    assert "DependencyViolation" in found["failure"]
    assert ids(found, "kept") & before == alive(door) - {table}
    assert any(one["type"] == "aws:ec2/vpc:Vpc" for one in found["entries"] if one["isLeft"])
    assert found["next"] == ["geusemaker destroy --delete-data"]

    refused = door.run("geusemaker", "destroy", "--delete-data", "--confirm", "dev")
    assert f"aws ec2 delete-route-table --route-table-id {table}" in str(refused)
    ec2.delete_route_table(RouteTableId=table)
    assert destroy(door, "--delete-data", "--confirm", "dev")["isComplete"] is True
    assert door.resources() == []


def test_a_vault_with_copies_is_unprotected_alone_before_its_stack_is_removed(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: the simulated account makes no copies."""
    door.set(protectData="true", osType="amazon-linux-2023")
    door.up()
    # This would replace the host in a deployment of everything.
    door.set(osType="ubuntu-24.04")
    file = door.places.config.read_bytes()
    monkeypatch.setattr(Account, "_vault", lambda *_: Shown(exists=True, used=2))
    said = destroy_here(door, capsys, "--delete-data", "--confirm", "dev")
    assert "geusemaker-storage-backups updated" in said
    assert "~ 1 updated" in said
    assert door.resources() == []
    assert door.places.config.read_bytes() == file
