"""An account to try things in: one call per thing that another thing stands on."""

import functools
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pulumi_moto.account import Account
from pulumi_moto.images import Image, derived_id, publish
from pulumi_moto.resource import Resource, Update
from pulumi_moto.seed import Seed
from pulumi_moto.state import Change
from pulumi_moto.table import TYPES

BY_NAME = {token.rpartition(":")[2]: kind for token, kind in TYPES.items()}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
ALLOW = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
)
OWNER = "111122223333"  # not this account
STANDARD, G_AND_VT = "L-1216C47A", "L-DB2E81BA"
SPOT_G_AND_VT = "L-3819A6DF"
SEED = Seed(vcpus={STANDARD: 256, G_AND_VT: 64, SPOT_G_AND_VT: 64})
"""Quotas of an account in use; the others are those of a new account."""
MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@dataclass(frozen=True)
class Thing:
    """One resource as the engine would remember it."""

    kind: Resource
    name: str
    id: str
    inputs: Mapping[str, Any]
    state: Mapping[str, Any]


class World:
    """Makes, reads, changes and removes things of one account as the provider does."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.made: list[Thing] = []
        self._count = itertools.count()

    def check(self, kind: str, **given: Any) -> tuple[dict[str, Any], list[str]]:
        """Checked inputs, and the problems as `path: reason`."""
        seed = str(next(self._count)).encode()
        inputs, problems = BY_NAME[kind].check(self.account, "thing", None, given, seed)
        return inputs, [f"{problem.path}: {problem.reason}" for problem in problems]

    def make(self, kind: str, **given: Any) -> Thing:
        """Check and create."""
        inputs, problems = self.check(kind, **given)
        assert not problems
        id_, state = BY_NAME[kind].made(self.account, inputs)
        self.made.append(Thing(BY_NAME[kind], "thing", id_, inputs, state))
        return self.made[-1]

    def read(self, thing: Thing) -> dict[str, Any] | None:
        """What a refresh would record."""
        return thing.kind.outputs(self.account, thing.id, thing.inputs, thing.state)

    def changes(self, thing: Thing, inputs: Mapping[str, Any]) -> list[Change]:
        """What Diff would tell about these new inputs."""
        return thing.kind.changes(self.account, thing.state, thing.inputs, inputs)

    def update(self, thing: Thing, **given: Any) -> Thing:
        """The thing after an update in place; a property given as None is left out."""
        wanted = {k: v for k, v in {**thing.inputs, **given}.items() if v is not None}
        wanted.pop("tagsAll", None)
        inputs, problems = thing.kind.check(self.account, thing.name, thing.inputs, wanted, b"")
        assert not problems
        found = self.changes(thing, inputs)
        assert found, "there is something to update"
        assert not any(change.replaces for change in found)
        changed = frozenset(change.path.split(".")[0].split("[")[0] for change in found)
        thing.kind.updated(self.account, thing.id, Update(thing.state, inputs, changed))
        state = thing.kind.outputs(self.account, thing.id, inputs, thing.state)
        assert state is not None
        return Thing(thing.kind, thing.name, thing.id, inputs, state)

    def put_back(self, thing: Thing) -> Thing:
        """The thing after an `up` of the same program: AWS has what the inputs say again."""
        paths = frozenset(change.path.split(".")[0] for change in self.changes(thing, thing.inputs))
        assert paths, "there is something to update"
        thing.kind.updated(self.account, thing.id, Update(thing.state, thing.inputs, paths))
        state = thing.kind.outputs(self.account, thing.id, thing.inputs, thing.state)
        assert state is not None
        return Thing(thing.kind, thing.name, thing.id, thing.inputs, state)

    def delete(self, thing: Thing) -> None:
        """Delete it."""
        thing.kind.deleted(self.account, thing.id, thing.state)

    # What things stand on. -----------------------------------------------------------------

    @functools.cached_property
    def vpc(self) -> Thing:
        return self.make("Vpc", cidrBlock="10.0.0.0/16", enableDnsHostnames=True)

    def subnet(self, zone: str = "a", vpc: Thing | None = None) -> Thing:
        return self.make(
            "Subnet",
            vpcId=(vpc or self.vpc).id,
            cidrBlock=self.free_cidr(),
            availabilityZone=f"{self.account.region}{zone}",
        )

    def free_cidr(self) -> str:
        """The next sixteen free addresses of the VPC."""
        number = next(self._count)
        return f"10.0.{number // 16}.{number % 16 * 16}/28"

    @functools.cached_property
    def home(self) -> Thing:
        """A subnet that stays, with room for many."""
        return self.make(
            "Subnet",
            vpcId=self.vpc.id,
            cidrBlock="10.0.240.0/20",
            availabilityZone=f"{self.account.region}a",
        )

    def gateway(self, vpc: Thing | None = None) -> Thing:
        return self.make("InternetGateway", vpcId=(vpc or self.vpc).id)

    def route_table(self) -> Thing:
        return self.make("RouteTable", vpcId=self.vpc.id)

    def group(self, vpc: Thing | None = None) -> Thing:
        return self.make("SecurityGroup", vpcId=(vpc or self.vpc).id)

    def role(self) -> Thing:
        return self.make("Role", assumeRolePolicy=TRUST)

    def profile(self) -> Thing:
        return self.make("InstanceProfile", role=self.role().id)

    @functools.cached_property
    def standing_profile(self) -> Thing:
        return self.profile()

    def bucket(self, **given: Any) -> Thing:
        return self.make("Bucket", **given)

    def vault(self) -> Thing:
        return self.make("Vault")

    def rule(self, **given: Any) -> dict[str, Any]:
        """A rule of a backup plan, with a vault of its own and the provider's defaults."""
        return {
            "ruleName": "nightly",
            "targetVaultName": given.get("targetVaultName") or self.vault().id,
            "schedule": "cron(0 5 ? * * *)",
            "scheduleExpressionTimezone": "Etc/UTC",
            "startWindow": 60,
            "completionWindow": 180,
            "lifecycle": {"deleteAfter": 35},
            **given,
        }

    def plan(self) -> Thing:
        return self.make("Plan", rules=[self.rule()])

    @functools.cached_property
    def backup_role(self) -> Thing:
        trust = TRUST.replace("ec2.amazonaws.com", "backup.amazonaws.com")
        return self.make("Role", assumeRolePolicy=trust)

    @functools.cached_property
    def zone(self) -> str:
        """Id of a hosted zone, made by AWS's API, as a user made it before the program."""
        made = self.account.route53.create_hosted_zone(Name="example.com", CallerReference="one")
        return str(made["HostedZone"]["Id"]).rpartition("/")[2]

    def free_name(self) -> str:
        """The next free name in the zone."""
        return f"n8n-{next(self._count)}.example.com"

    @functools.cached_property
    def standing_bucket(self) -> Thing:
        return self.bucket()

    def bucket_policy(self, bucket: Thing, **members: Any) -> str:
        """A policy by which users of the account may read the bucket's objects."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": self.account.id},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket.id}/*",
            **members,
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def file_system(self) -> Thing:
        return self.make("FileSystem", encrypted=True)

    def volume(self, zone: str = "a", size: int = 10) -> Thing:
        return self.make(
            "Volume", availabilityZone=f"{self.account.region}{zone}", size=size, type="gp3"
        )

    def attach(self, volume: Thing, instance: Thing, **given: Any) -> Thing:
        """The volume at the instance, as /dev/sdf."""
        wanted = {"deviceName": "/dev/sdf", "volumeId": volume.id, "instanceId": instance.id}
        return self.make("VolumeAttachment", **wanted, **given)

    def image(self, architecture: str = "x86_64", root_gib: int = 30) -> Image:
        """A new image of this account's Region."""
        name = f"An image {next(self._count)}"
        image = Image(
            id=derived_id(name, architecture, self.account.region),
            name=name,
            architecture=architecture,
            created=datetime(2025, 3, 1, 9, tzinfo=UTC),
            root_device="/dev/sda1",
            root_gib=root_gib,
            owner=OWNER,
        )
        publish(self.account.region, [image])
        return image

    @functools.cached_property
    def standing_image(self) -> Image:
        return self.image()

    def instance_inputs(self, **given: Any) -> dict[str, Any]:
        wanted = {
            "ami": self.standing_image.id,
            "instanceType": "m6i.large",
            "subnetId": self.home.id,
            "iamInstanceProfile": self.standing_profile.id,
            **given,
        }
        if "vpcSecurityGroupIds" not in wanted:
            wanted["vpcSecurityGroupIds"] = [self.group().id]
        return wanted

    def instance(self, **given: Any) -> Thing:
        return self.make("Instance", **self.instance_inputs(**given))

    def template_inputs(self, **given: Any) -> dict[str, Any]:
        return {
            "imageId": self.standing_image.id,
            "instanceType": "m6i.large",
            "iamInstanceProfile": {"arn": self.standing_profile.state["arn"]},
            "vpcSecurityGroupIds": [self.group().id],
            **given,
        }

    def template(self, **given: Any) -> Thing:
        return self.make("LaunchTemplate", **self.template_inputs(**given))

    @functools.cached_property
    def zones(self) -> list[str]:
        """Subnets of two zones, which stay."""
        wanted = {"a": "10.0.224.0/21", "b": "10.0.232.0/21"}
        made = [
            self.make(
                "Subnet",
                vpcId=self.vpc.id,
                cidrBlock=cidr,
                availabilityZone=f"{self.account.region}{zone}",
            )
            for zone, cidr in wanted.items()
        ]
        return sorted(one.id for one in made)

    def group_of_inputs(self, **given: Any) -> dict[str, Any]:
        """Inputs of an Auto Scaling group of one instance."""
        return {
            "minSize": 1,
            "maxSize": 3,
            "launchTemplate": {"id": self.template().id, "version": "$Latest"},
            "vpcZoneIdentifiers": self.zones,
            **given,
        }

    def instances(self, **given: Any) -> Thing:
        """An Auto Scaling group."""
        return self.make("Group", **self.group_of_inputs(**given))

    @functools.cached_property
    def workers(self) -> Thing:
        """An empty Auto Scaling group, which stays."""
        return self.instances(minSize=0)

    def running(self, group: Thing) -> list[Any]:
        """The running instances of an Auto Scaling group, as EC2 shows them."""
        own = [
            {"Name": "tag:aws:autoscaling:groupName", "Values": [group.id]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        answer = self.account.ec2.describe_instances(Filters=own)["Reservations"]
        return [one for reservation in answer for one in reservation["Instances"]]
