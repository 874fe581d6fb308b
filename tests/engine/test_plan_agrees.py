"""`geusemaker plan --against` a saved state shows what `pulumi preview` shows: the engine decides.

Both run the same program with the same config against the same state, in accounts of their own.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from geusemaker.errors import ConfigError
from geusemaker.plan import stack_values
from geusemaker.plan.run import run
from geusemaker.plan.side import side
from pulumi_moto.planning import top
from pulumi_moto.steps import STASH, State

from .door import Door
from .test_previous_state import import_record

Change = Mapping[str, str | None]
"""Values by key; None removes it."""

Shown = tuple[str, set[str], set[str]]
"""An operation, the properties that differ, and those of them that replace."""

FIRST = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
OLDER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260619"
BOUNDARY = "arn:aws:iam::000000000000:policy/edge"
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ALL = "n8n,ollama,qdrant,crawl4ai,postgres"

CASES: list[tuple[str, Change]] = [
    ("stack-id", {}),
    ("stack-id", {"osType": "ubuntu-24.04"}),
    ("stack-id", {"architecture": "arm64"}),
    ("stack-id", {"amiType": "pytorch", "permissionsBoundaryArn": BOUNDARY}),
    ("stack-id", {"amiName": OLDER, "n8nReaches": "10.0.8.0/24"}),
    ("stack-id", {"instanceType": "m6i.2xlarge", "dataVolumeGib": "150"}),
    ("stack-id", {"allowedCidrs": "203.0.113.0/24,192.0.2.7/32", "apiKeys": "laptop,ci:2"}),
    ("stack-id", {"rootVolumeGib": "100", "backupRetentionDays": "0"}),
    ("stack-id", {"availabilityZoneCount": "3", "tags": '{"team": "ml"}'}),
    ("stack-id", {"availabilityZoneCount": "1", "services": "n8n,postgres"}),
    ("stack-id", {"domain": "ai.example.com", "webhookCidrs": "0.0.0.0/0"}),
    (
        "stack-id",
        {"protectData": "true", "extraPolicyArns": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    ("stack-id", {"serviceSettings": '{"n8n": {"GENERIC_TIMEZONE": "Europe/Berlin"}}'}),
    ("stack-id-public", {"osType": "ubuntu-22.04", "ownerEmail": "you@example.com"}),
    ("stack-id-public", {"domain": None, "allowedCidrs": None, "dataVolumeGib": "300"}),
    ("stack-id-public", {"allowedCidrs": "192.0.2.0/24", "webhookCidrs": "203.0.113.0/24"}),
    ("stack-id-public", {"instanceType": "g5.2xlarge", "services": ALL, "protectData": "false"}),
    ("pinned", {}),
    ("pinned", {"amiName": FIRST}),
    ("every-image-key", {"frameworkVersion": "2.12"}),
    ("every-image-key", {"architecture": "x86_64", "instanceType": "g5.xlarge"}),
]
"""A recorded stack, and the keys that change. """
NAMES = [f"{name} {','.join(keys) or 'unchanged'}" for name, keys in CASES]
REFUSED: list[tuple[str, Change]] = [
    ("stack-id", {"kmsKeyArn": KEY}),
    ("stack-id-public", {"vpcCidr": "10.77.0.0/16"}),
    ("stack-id", {"dataVolumeGib": "60"}),
]


class Both:
    """One stack, seen by the engine and by a plan."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._record = ""
        self._config = ""
        self.state: dict[str, Any] = {}

    def use(self, record: str) -> None:
        """Makes a recorded stack the current one."""
        if record != self._record:
            import_record(self.door, record)
            self.take(record)

    def take(self, name: str) -> None:
        """Takes the stack as it is."""
        self._record = name
        self._config = self.door.places.config.read_text(encoding="utf-8")
        # Without `--show-secrets`, as users save it.
        self.state = json.loads(self.door.pulumi("stack", "export").out)

    def change(self, keys: Change) -> None:
        """Writes the config of the stack with changed keys."""
        content = yaml.safe_load(self._config)
        for key, value in keys.items():
            content["config"].pop(f"geusemaker:{key}", None)
            if value is not None:
                content["config"][f"geusemaker:{key}"] = value
        self.door.places.config.write_text(yaml.safe_dump(content), encoding="utf-8")

    def of_engine(self) -> dict[str, Shown]:
        """What a preview shows."""
        digest = json.loads(self.door.pulumi("preview", "--json").out)
        found = {}
        for step in digest["steps"]:
            diff = step.get("detailedDiff") or {}
            replacing = [path for path, one in diff.items() if one["kind"].endswith("-replace")]
            if step["op"] != "same" and "pulumi:pulumi:Stack" not in step["urn"]:
                found[step["urn"]] = (step["op"], set(map(top, diff)), set(map(top, replacing)))
        return found

    def of_plan(self) -> dict[str, Shown]:
        """What a plan shows."""
        file = self.door.places.config
        values = stack_values.read(self.door.places.project, file)
        own = side(self.door.places.project, "dev", "us-east-1", values, values.given)
        ran = run(own.program, State.of_export(self.state), own.stand_ins)
        found: dict[str, Shown] = {}
        for step in ran.steps:
            # The engine shows no properties of its own type.
            changes = step.changes if step.type != STASH else ()
            replacing = [one.path for one in changes if one.replaces]
            if step.operation != "same":
                paths = {top(one.path) for one in changes}
                found[step.urn] = (step.operation, paths, set(map(top, replacing)))
        return found


@pytest.fixture(scope="module")
def both(door: Door) -> Both:
    return Both(door)


@pytest.mark.parametrize(
    ("record", "keys"),
    CASES,
    ids=[f"{name} {','.join(keys) or 'unchanged'}" for name, keys in CASES],
)
def test_a_plan_shows_what_a_preview_shows(both: Both, record: str, keys: Change) -> None:
    both.use(record)
    both.change(keys)
    expected = both.of_engine()
    assert expected
    assert both.of_plan() == expected


@pytest.mark.parametrize(("record", "keys"), REFUSED)
def test_both_refuse_a_change_with_the_same_words(both: Both, record: str, keys: Change) -> None:
    both.use(record)
    both.change(keys)
    with pytest.raises(ConfigError) as refused:
        both.of_plan()
    said = " ".join(both.door.pulumi("preview", code=None).out.split())
    assert str(refused.value) in said


def test_both_refuse_a_new_stack_with_a_key_of_another_region(both: Both) -> None:
    both.use("stack-id")
    both.change({"kmsKeyArn": KEY.replace("us-east-1", "eu-west-1")})
    both.door.pulumi("stack", "import", "--file", str(_empty(both)))
    both.take("empty")
    with pytest.raises(ConfigError) as refused:
        both.of_plan()
    said = " ".join(both.door.pulumi("preview", code=None).out.split())
    assert str(refused.value) in said


def test_protected_data_that_would_be_replaced_is_refused_by_both(both: Both) -> None:
    both.use("stack-id-public")
    both.change({})
    moved = [one for one in both.state["deployment"]["resources"] if "ebs/volume" in one["type"]]
    for one in (moved[0]["inputs"], moved[0]["outputs"]):
        one["availabilityZone"] = "us-east-1f"
    file = both.door.places.root / "moved.json"
    file.write_text(json.dumps(both.state), encoding="utf-8")
    both.door.pulumi("stack", "import", "--file", str(file))
    both.take("moved")
    ran = both.of_plan()
    assert {op for urn, (op, *_) in ran.items() if urn.endswith("geusemaker-storage-data")} == {
        "replace"
    }
    assert "is currently marked for protection" in both.door.preview_text(code=None)
    both.change({"protectData": "false"})
    assert both.of_plan() == both.of_engine()


def test_an_adopted_network_and_a_pinned_image(both: Both) -> None:
    ec2 = both.door.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = ec2.describe_route_tables(Filters=here)["RouteTables"]
    ec2.create_route(
        RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.50.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("cd")
    ]
    both.use("stack-id")
    both.change({"vpcId": vpc, "subnetIds": ",".join(subnets), "amiName": OLDER})
    both.door.pulumi("stack", "import", "--file", str(_empty(both)))
    both.door.up()
    both.take("adopted")
    for keys in (
        {"amiName": FIRST},
        {"amiName": None},
        {"allowedCidrs": "203.0.113.0/24", "instanceType": "m6i.2xlarge"},
        {"osType": "ubuntu-24.04", "amiName": None, "dataVolumeGib": "120"},
        {"subnetIds": subnets[0]},
    ):
        both.change(keys)
        assert both.of_plan() == both.of_engine(), keys


def _empty(both: Both) -> Path:
    """A state without resources, so that what is deployed next is new."""
    file = both.door.places.root / "empty.json"
    document = {**both.state, "deployment": {**both.state["deployment"], "resources": []}}
    file.write_text(json.dumps(document), encoding="utf-8")
    return file
