"""Stand-ins for what a config names and only the user's account has.

They let the program run. What they stand for is not checked, and `notes` says so.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from unittest import mock

import moto.route53.models as route53
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from geusemaker.config import DeploymentConfig
from geusemaker.cost.resources import MOUNT
from geusemaker.simulator.images import DLAMI_OWNER, recorded, root_device_of, root_gib_of
from pulumi_moto.account import Account
from pulumi_moto.backends import account_id, backend_of
from pulumi_moto.images import Image, publish
from pulumi_moto.state import STASH, State

_RANGE: Final = "10.0.0.0/16"
_OWNER: Final = "123456789012"
_IMAGE_ID: Final = "ami-00000000000000000"
_NOTHING: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "none:None", "Resource": "*"}],
    }
)
_RELEASED: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StandIns:
    """What a config adopts. Empty for what it does not."""

    vpc_id: str = ""
    subnet_ids: Sequence[str] = ()
    region: str = ""
    zone_id: str = ""
    domain: str = ""
    ami_id: str = ""
    ami_name: str = ""
    architecture: str = "x86_64"
    instance_type: str = ""
    policy_arns: Sequence[str] = ()
    kms_key_arn: str = ""
    worker_types: Sequence[str] = ()

    @classmethod
    def of_config(cls, config: DeploymentConfig, region: str) -> "StandIns":
        """Those that a config needs."""
        return cls(
            region=region,
            vpc_id=config.vpc_id or "",
            subnet_ids=config.subnet_ids,
            zone_id=config.hosted_zone_id or "",
            domain=config.domain or "",
            ami_id=config.ami_id or "",
            ami_name=config.ami_name or "",
            architecture=config.architecture,
            instance_type=config.instance_type,
            policy_arns=config.extra_policy_arns,
            kms_key_arn=config.kms_key_arn or "",
            worker_types=config.worker_types if config.has_workers else (),
        )

    def make(self, account: Account, state: State | None) -> None:
        """Puts them into the simulated account. The zones of subnets are those of the state."""
        if self.vpc_id:
            self._network(account, state)
        if self.zone_id:
            self._zone()
        if self.ami_id or self.ami_name:
            self._image(account.region)
        # The program refuses a key of another Region.
        if self.kms_key_arn.split(":")[3:4] == [account.region]:
            self._key(account.region)
        self._policies()

    def notes(self) -> tuple[str, ...]:
        """What was not checked, one sentence each."""
        found = []
        if self.vpc_id:
            found.append(
                f"geusemaker:vpcId and geusemaker:subnetIds: {self.vpc_id} and its subnets were "
                "taken to exist, in zones that offer the instance types and with a route to an "
                "internet gateway."
            )
        if self.zone_id:
            found.append(
                f"geusemaker:hostedZoneId: {self.zone_id} was taken to be the public zone of "
                f"{self.domain}."
            )
        if self._is_unknown_image:
            key, value = ("amiId", self.ami_id) if self.ami_id else ("amiName", self.ami_name)
            found.append(
                f"geusemaker:{key}: {value} is not among the images that this version knows, so "
                "its OS, size and architecture were taken to fit."
            )
        if self.kms_key_arn:
            found.append("geusemaker:kmsKeyArn: whether the key exists and may be used.")
        return tuple(found)

    @property
    def _is_unknown_image(self) -> bool:
        if not (self.ami_id or self.ami_name):
            return False
        known = recorded(self.region)
        return all(self.ami_id != one.id and self.ami_name != one.name for one in known)

    def _network(self, account: Account, state: State | None) -> None:
        backend = backend_of(account.region)
        with mock.patch("moto.ec2.models.vpcs.random_vpc_id", return_value=self.vpc_id):
            vpc = backend.create_vpc(_RANGE)
        account.ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsHostnames={"Value": True})
        gateway = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        account.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.id)
        here = [{"Name": "vpc-id", "Values": [vpc.id]}]
        (main,) = account.ec2.describe_route_tables(Filters=here)["RouteTables"]
        account.ec2.create_route(
            RouteTableId=main["RouteTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=gateway,
        )
        maps_public = not _kept(state, "geusemaker-network-needs-address", False)
        for index, (id_, zone) in enumerate(self._zones(account, state).items()):
            with mock.patch("moto.ec2.models.subnets.random_subnet_id", return_value=id_):
                backend.create_subnet(vpc.id, f"10.0.{index}.0/24", availability_zone=zone)
            account.ec2.modify_subnet_attribute(
                # Workers need no address of the host.
                SubnetId=id_,
                MapPublicIpOnLaunch={"Value": maps_public or index > 0},
            )

    def _zones(self, account: Account, state: State | None) -> dict[str, str]:
        """The zone of each subnet: as the state has it, else the next that offers the type."""
        known = _mounted(state)
        if zone := _kept(state, "geusemaker-network-zone-0", ""):
            known.setdefault(self.subnet_ids[0], zone)
        offered = _offered(account, self.instance_type)
        of_all = offered.intersection(*(_offered(account, one) for one in self.worker_types))
        free = sorted((of_all or offered) - set(known.values()))
        names = itertools.cycle(free or [f"{account.region}a"])
        return {id_: known.get(id_) or next(names) for id_ in self.subnet_ids}

    def _zone(self) -> None:
        zones = route53.route53_backends[account_id()]["aws"]
        identifier = route53.HostedZoneIdentifier
        with mock.patch.object(identifier, "generate", return_value=self.zone_id):
            zones.create_hosted_zone(f"{self.domain}.", private_zone=False)

    def _image(self, region: str) -> None:
        if not self._is_unknown_image:
            return
        name = self.ami_name or f"An image of its own ({self.ami_id})"
        publish(
            region,
            [
                Image(
                    id=self.ami_id or _IMAGE_ID,
                    name=name,
                    architecture=self.architecture,
                    created=_RELEASED,
                    root_device=root_device_of(name),
                    root_gib=root_gib_of(name),
                    owner=_OWNER if self.ami_id else DLAMI_OWNER,
                )
            ],
        )

    def _key(self, region: str) -> None:
        name = self.kms_key_arn.partition(":key/")[2]
        with mock.patch("moto.kms.models.generate_key_id", return_value=name):
            key = kms_backends[account_id()][region].create_key(
                None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None
            )
        key.arn = self.kms_key_arn  # of the account that it names

    def _policies(self) -> None:
        backend = iam_backends[account_id()]["aws"]
        for arn in self.policy_arns:
            if arn not in backend.managed_policies:
                _, _, path_and_name = arn.partition(":policy/")
                path, _, name = f"/{path_and_name}".rpartition("/")
                policy = backend.create_policy("", f"{path}/", _NOTHING, name, [])
                policy.account_id = arn.split(":")[4]
                backend.managed_policies[arn] = policy


def _offered(account: Account, instance_type: str) -> set[str]:
    """The zones that offer a type."""
    found = account.ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )
    return {one["Location"] for one in found["InstanceTypeOfferings"]}


def _kept(state: State | None, name: str, otherwise: Any) -> Any:
    """What a stack keeps under a name."""
    one = state.named(name, STASH) if state else None
    return otherwise if one is None else one.outputs.get("output", otherwise)


def _mounted(state: State | None) -> dict[str, str]:
    """The zones of subnets with a mount target, whose names in Pulumi end with the zone."""
    prefix = "geusemaker-storage-mount-"
    return {
        one.inputs["subnetId"]: one.name.removeprefix(prefix)
        for one in (state.resources.values() if state else ())
        if one.type == MOUNT and "subnetId" in one.inputs
    }
