"""Tier1: one host with its network and data, on the right image."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi import ResourceOptions

from geusemaker import dlami
from geusemaker.components import host_type
from geusemaker.components.compute import Compute
from geusemaker.components.identity import Identity
from geusemaker.components.kept import output_of
from geusemaker.components.network import Network
from geusemaker.components.region import look_up as look_up_region
from geusemaker.components.storage import Storage
from geusemaker.components.tagging import Tags
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery, lookup
from geusemaker.dlami.hosts import check_facts, check_host, check_image
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.news import newer_image
from geusemaker.errors import ConfigError, NoImageError
from geusemaker.host_type import HostType

MISSING = "missing"
"""Key of a record that says why there is no image, in place of one."""

SMALLEST_ROOT_GIB = 75
"""Room for container images beside what an image brings."""

LOCAL_URL = "https://localhost:8443"
"""Where `connectCommand` brings port 443 of a host that nobody else can reach."""


class Tier1Args(TypedDict):
    """The fields of `DeploymentConfig`; each has the default that it has there.

    Plain values all of them: they decide which resources there are.
    """

    os_type: NotRequired[str]
    architecture: NotRequired[str]
    ami_type: NotRequired[str]
    framework_version: NotRequired[str | None]
    ami_id: NotRequired[str | None]
    ami_name: NotRequired[str | None]
    ami_policy: NotRequired[str]
    instance_type: NotRequired[str]
    root_volume_gib: NotRequired[int | None]
    data_volume_gib: NotRequired[int]
    vpc_cidr: NotRequired[str]
    availability_zone_count: NotRequired[int]
    vpc_id: NotRequired[str | None]
    subnet_ids: NotRequired[Sequence[str]]
    permissions_boundary_arn: NotRequired[str | None]
    kms_key_arn: NotRequired[str | None]
    allowed_cidrs: NotRequired[Sequence[str]]
    protect_data: NotRequired[bool]
    tags: NotRequired[Mapping[str, str]]


def tier1_args(config: DeploymentConfig) -> Tier1Args:
    """The args of a config: what was set, so that what was not keeps its meaning."""
    return cast("Tier1Args", config.model_dump(exclude_unset=True))


class Tier1(pulumi.ComponentResource):
    """The whole stack. Its attributes are the stack's outputs."""

    ami_id: pulumi.Output[str]
    """The image that the host runs: the kept one, whatever AWS released since."""
    ami_name: pulumi.Output[str]
    architecture: pulumi.Output[str]
    os_type: pulumi.Output[str]
    instance_id: pulumi.Output[str]
    instance_type: pulumi.Output[str]
    public_ip: pulumi.Output[str]
    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[Sequence[str]]
    security_group_id: pulumi.Output[str]
    file_system_id: pulumi.Output[str]
    data_volume_id: pulumi.Output[str]
    url: pulumi.Output[str]
    """Where the stack is reached, once its services run."""
    connect_command: pulumi.Output[str]
    """Forwards local port 8443 to the host's 443 through Session Manager."""

    def __init__(
        self,
        name: str,
        args: Tier1Args,
        opts: ResourceOptions | None = None,
        *,
        today: date | None = None,
    ) -> None:
        """Make the stack. `today` decides which lines AWS still patches; the current day in UTC."""
        super().__init__("geusemaker:index:Tier1", name, {}, opts)
        config = DeploymentConfig.model_validate(args)
        today = today or datetime.now(UTC).date()
        asking = pulumi.InvokeOptions(parent=self)
        stack = pulumi.get_stack()
        tags = Tags(stack, config.tags)
        region = look_up_region(asking)

        # A pinned image may be of another line: what runs on it is known once it is found.
        pinned = _pin(config) is not None
        query = (dlami.select_around_pin if pinned else dlami.select)(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=today,
        )
        if not pinned:
            host_type.tell(check_host(query, config.instance_type))
        host = host_type.look_up(config.instance_type, asking)
        host_type.check(host, config.architecture)
        if not pinned:
            host_type.tell(check_facts(query, host))
        kept = self._keep(name, config, query, host, region, asking)

        network = Network(
            f"{name}-network",
            {
                "instance_type": config.instance_type,
                "zone_count": config.availability_zone_count,
                "vpc_cidr": config.vpc_cidr,
                "allowed_cidrs": config.allowed_cidrs,
                "vpc_id": config.vpc_id,
                "subnet_ids": config.subnet_ids,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        storage = Storage(
            f"{name}-storage",
            {
                "zone": network.host_zone,
                "subnet_ids": network.subnets,
                "security_group_id": network.files_security_group_id,
                "data_volume_gib": config.data_volume_gib,
                "region": region,
                "kms_key_arn": config.kms_key_arn,
                "protect": config.protect_data,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        identity = Identity(
            f"{name}-identity",
            {
                "file_system_arn": storage.file_system_arn,
                "access_point_arns": storage.access_point_arns,
                "permissions_boundary_arn": config.permissions_boundary_arn,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        compute = Compute(
            f"{name}-compute",
            {
                "stack": stack,
                "region": region,
                "ami_id": kept.apply(lambda image: image.id),
                "instance_type": config.instance_type,
                "root_volume_gib": kept.apply(
                    lambda image: root_gib(config.root_volume_gib, image)
                ),
                "subnet_id": network.host_subnet_id,
                "security_group_id": network.host_security_group_id,
                "instance_profile_name": identity.instance_profile_name,
                "file_system_id": storage.file_system_id,
                "access_point_ids": storage.access_point_ids,
                "data_volume_id": storage.data_volume_id,
                "public_address": network.public_address,
                "is_reachable": bool(config.allowed_cidrs),
                "needs": [*network.ways_out, *storage.mounts, *identity.grants],
                "kms_key_arn": config.kms_key_arn,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )

        self.ami_id = kept.apply(lambda image: image.id)
        self.ami_name = kept.apply(lambda image: image.name)
        self.architecture = kept.apply(lambda image: image.architecture)
        self.os_type = pulumi.Output.from_input(query.os_type)
        self.instance_id = compute.instance_id
        self.instance_type = pulumi.Output.from_input(config.instance_type)
        self.public_ip = compute.public_ip
        self.vpc_id = network.vpc_id
        self.subnet_ids = network.subnet_ids
        self.security_group_id = network.host_security_group_id
        self.file_system_id = storage.file_system_id
        self.data_volume_id = storage.data_volume_id
        self.url = (
            compute.public_ip.apply(lambda address: f"https://{address}")
            if config.allowed_cidrs
            else pulumi.Output.from_input(LOCAL_URL)
        )
        self.connect_command = compute.instance_id.apply(
            lambda instance_id: connect_command(instance_id, region)
        )
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs by the names that others rely on."""
        return {
            "amiId": self.ami_id,
            "amiName": self.ami_name,
            "architecture": self.architecture,
            "osType": self.os_type,
            "instanceId": self.instance_id,
            "instanceType": self.instance_type,
            "publicIp": self.public_ip,
            "vpcId": self.vpc_id,
            "subnetIds": self.subnet_ids,
            "securityGroupId": self.security_group_id,
            "fileSystemId": self.file_system_id,
            "dataVolumeId": self.data_volume_id,
            "url": self.url,
            "connectCommand": self.connect_command,
        }

    def _keep(
        self,
        name: str,
        config: DeploymentConfig,
        query: ImageQuery,
        host: HostType,
        region: str,
        asking: pulumi.InvokeOptions,
    ) -> pulumi.Output[FoundImage]:
        """The image that the stack keeps, so that a newer one never replaces a host by itself.

        Its trigger is the wish: another OS, architecture, type or version is looked up anew. While
        the policy is `keep` and nothing is pinned, what the search finds later is ignored, even
        that it finds nothing: a line that AWS has withdrawn does not stop a running stack.
        """
        floats = config.ami_policy == "latest"
        pinned = _pin(config) is not None
        wish = [config.os_type, config.architecture, config.ami_type, config.framework_version]
        found, missing = None, None
        try:
            found = _find(config, query, host, region, asking)
        except NoImageError as error:
            if floats or pinned:
                raise
            missing = error
        stash = pulumi.Stash(
            f"{name}-image",
            input=found.to_record() if found else {MISSING: str(missing)},
            opts=ResourceOptions(
                parent=self,
                ignore_changes=None if floats or pinned else ["input"],
                replace_on_changes=["input"] if floats or pinned else None,
                replacement_trigger=[part or "" for part in wish],
            ),
        )
        kept: pulumi.Output[FoundImage] = output_of(stash).apply(_image_of)
        if not (floats or pinned):
            kept.apply(lambda image: _tell(image, found))
        if not pinned:
            kept = kept.apply(lambda image: _checked(image, host, found))
        return kept


def _image_of(record: dict[str, Any]) -> FoundImage:
    if MISSING in record:
        raise NoImageError(
            f"{record[MISSING]} (Where a first deployment has failed on this: `pulumi destroy` "
            "clears what it left.)"
        )
    return FoundImage.from_record(record)


def _pin(config: DeploymentConfig) -> str | None:
    """The key that pins an image, if one does."""
    if config.ami_id is not None:
        return "amiId"
    return None if config.ami_name is None else "amiName"


def _checked(kept: FoundImage, host: HostType, found: FoundImage | None) -> FoundImage:
    """The image, once it is known to have the driver that the host needs."""
    check_image(host.name, kept, newest=found)
    return kept


def _tell(kept: FoundImage, found: FoundImage | None) -> None:
    if news := newer_image(kept, found):
        pulumi.log.info(news)


def _find(
    config: DeploymentConfig,
    query: ImageQuery,
    host: HostType,
    region: str,
    asking: pulumi.InvokeOptions,
) -> FoundImage:
    """The pinned image, if it runs on the host, else the newest of the query.

    The query's warnings are shown.
    """
    if (pin := _pin(config)) is not None:
        image = lookup.find_pinned(
            config.ami_id,
            config.ami_name,
            os_type=config.os_type,
            architecture=config.architecture,
            ami_type=config.ami_type,
            framework_version=config.framework_version,
            opts=asking,
            region=region,
        )
        host_type.check_pinned(query, host, image, pin)
        return image
    for warning in query.warnings:
        pulumi.log.warn(warning)
    return lookup.find_image(query, asking, region)


def root_gib(wanted: int | None, image: FoundImage) -> int:
    """Size of the root volume: as asked, else the image's own or 75 GiB, whichever is more.

    `ConfigError` for less than the image's own: EC2 would refuse to start it.
    """
    if wanted is None:
        return max(image.root_volume_gib, SMALLEST_ROOT_GIB)
    if wanted < image.root_volume_gib:
        raise ConfigError(
            f"geusemaker:rootVolumeGib is {wanted}, but the image {image.name!r} needs "
            f"{image.root_volume_gib} GiB, and EC2 starts no host on less. "
            f"`pulumi config set geusemaker:rootVolumeGib {image.root_volume_gib}` is the least; "
            "`pulumi config rm geusemaker:rootVolumeGib` takes what fits."
        )
    return wanted


def connect_command(instance_id: str, region: str) -> str:
    """The command that brings the host's port 443 to local port 8443."""
    return (
        f"aws ssm start-session --region {region} --target {instance_id} "
        "--document-name AWS-StartPortForwardingSession "
        "--parameters portNumber=443,localPortNumber=8443"
    )
