"""Compute: the host. It can be replaced at any time: no data is on it."""

from collections.abc import Mapping, Sequence
from typing import Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions
from pydantic import SecretStr

from geusemaker import userdata
from geusemaker.bundle import Access
from geusemaker.components.growth import Properties, grows_only
from geusemaker.components.instance_role import METADATA
from geusemaker.components.kept import keep_user_data
from geusemaker.components.settings import make_settings
from geusemaker.components.tagging import Tags
from geusemaker.ec2.instance_types import is_burstable
from geusemaker.run_errors import as_run_errors

CREDIT_MODE: Final = "unlimited"
"""For burstable types: AWS bills CPU beyond the credits and does not throttle it."""

DATA_DEVICE: Final = "/dev/sdf"
"""First name that AWS recommends for a data volume. Nitro hosts show it as an NVMe device."""


class ComputeArgs(TypedDict):
    """Arguments of `Compute`. "Plain" values decide which resources exist, so no Output fits."""

    region: str
    ami_id: pulumi.Input[str]
    instance_type: str
    root_volume_gib: pulumi.Input[int]
    subnet_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    instance_profile_name: pulumi.Input[str]
    file_system_id: pulumi.Input[str]
    access_point_ids: pulumi.Input[Mapping[str, str]]
    data_volume_id: pulumi.Input[str]
    role_name: pulumi.Input[str]
    """Role of the instance profile. It gets access to the settings."""
    credentials_name: pulumi.Input[str]
    credentials_arn: pulumi.Input[str]
    """SSM parameter with the stack's secrets."""
    settings: Mapping[str, str]
    """Files of the bundle that the host applies. Plain: their content names the bundle."""
    registry_logins: Mapping[str, SecretStr]
    """`user:password` by registry. Plain."""
    secrets: Mapping[str, pulumi.Input[str]]
    """Secrets of the services that change with config, by name. The names are plain."""
    access: Access
    """How users reach the host. Plain."""
    hosted_zone_id: str | None
    public_address: bool | None
    """False: no public IPv4 address. None: the default of the subnet. Never True."""
    needs: Sequence[pulumi.Resource]
    """Resources that must exist before the host boots."""
    tags: Tags
    has_key: bool
    """Whether there is a `kms_key_arn`. Plain."""
    kms_key_arn: NotRequired[pulumi.Input[str | None]]
    namespace: NotRequired[pulumi.Input[str] | None]
    """Where the host publishes metrics."""


class Compute(pulumi.ComponentResource):
    """One EC2 instance with its boot script, the data volume attached, and its address."""

    instance_id: pulumi.Output[str]
    """The host."""
    private_ip: pulumi.Output[str]
    """Its private IPv4 address. Another host has another one."""
    public_ip: pulumi.Output[str]
    """Its public IPv4 address. Empty behind a NAT gateway."""
    url: pulumi.Output[str]
    """URL of the services."""
    settings_name: pulumi.Output[str]
    """SSM parameter that points to the settings bundle."""
    status_name: pulumi.Output[str]
    """SSM parameter with the host's status report."""

    @as_run_errors()
    def __init__(self, name: str, args: ComputeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Compute", name, {}, opts)
        child = ResourceOptions(parent=self)
        tags, key, access = args["tags"], args.get("kms_key_arn"), args["access"]
        # Before the host: its settings contain the address.
        address = None
        if access.has_elastic_ip:
            address = aws.ec2.Eip(
                f"{name}-address", domain="vpc", tags=tags.named("address"), opts=child
            )
        # Otherwise the URL does not depend on the address and is known at preview.
        in_url = address.public_ip if address is not None and access.is_by_address else None
        self.address = in_url
        """The address in the URL, if it is not a name."""
        self.url = pulumi.Output.from_input(in_url).apply(access.url)
        settings = make_settings(
            name,
            files=args["settings"],
            registry_logins=args["registry_logins"],
            secrets=args["secrets"],
            access=access,
            address=in_url,
            role_name=args["role_name"],
            credentials_arn=args["credentials_arn"],
            kms_key_arn=key,
            has_key=args["has_key"],
            tags=tags,
            parent=self,
            namespace=args.get("namespace"),
        )
        self.settings = settings
        """What the host reads. It applies a deployment's settings after `pointer`."""
        self.settings_name = settings.pointer.id
        self.status_name = settings.status.id
        script = pulumi.Output.all(
            secrets_parameter=args["credentials_name"],
            settings_parameter=settings.pointer.id,
            status_parameter=settings.status.id,
            file_system_id=args["file_system_id"],
            access_points=args["access_point_ids"],
            data_volume_id=args["data_volume_id"],
        ).apply(
            as_run_errors()(
                lambda values: userdata.render(
                    userdata.HostFacts(region=args["region"], data_device=DATA_DEVICE, **values)
                )
            )
        )
        user_data = keep_user_data(name, script, self)
        instance = aws.ec2.Instance(
            f"{name}-host",
            ami=args["ami_id"],
            instance_type=args["instance_type"],
            subnet_id=args["subnet_id"],
            vpc_security_group_ids=[args["security_group_id"]],
            associate_public_ip_address=args["public_address"],
            iam_instance_profile=args["instance_profile_name"],
            metadata_options=METADATA,
            root_block_device={
                "volume_type": "gp3",
                "volume_size": args["root_volume_gib"],
                "encrypted": True,
                "kms_key_id": key,
                "delete_on_termination": True,
                "tags": tags.named("root"),
            },
            user_data_base64=user_data,
            # In mode "standard", a host without credits is throttled until its services fail their
            # health checks.
            credit_specification=(
                {"cpu_credits": CREDIT_MODE} if is_burstable(args["instance_type"]) else None
            ),
            # A change in place would restart the host without running the new script.
            user_data_replace_on_change=True,
            tags=tags.named("host"),
            opts=ResourceOptions(
                parent=self,
                depends_on=[*args["needs"], *settings.needs],
                hooks=grows_only(f"{name}-root", "rootVolumeGib", _root_size),
            ),
        )
        self.attachment = aws.ec2.VolumeAttachment(
            f"{name}-data",
            device_name=DATA_DEVICE,
            instance_id=instance.id,
            volume_id=args["data_volume_id"],
            # Stops the old host first, so that its databases close their files.
            stop_instance_before_detaching=True,
            # A volume has one attachment: otherwise a replacement fails with VolumeInUse.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.instance_id = instance.id
        self.private_ip = instance.private_ip
        self.public_ip = instance.public_ip
        if address is not None:
            aws.ec2.EipAssociation(
                f"{name}-address",
                allocation_id=address.allocation_id,
                instance_id=instance.id,
                allow_reassociation=True,  # moves from the old host to the new one
                opts=child,
            )
            self.public_ip = address.public_ip
            if args["hosted_zone_id"]:
                aws.route53.Record(
                    f"{name}-name",
                    zone_id=args["hosted_zone_id"],
                    name=access.domain,
                    type="A",
                    ttl=60,  # seconds; clients see a new address soon
                    records=[address.public_ip],
                    opts=child,
                )
        self.register_outputs(
            {
                "instanceId": self.instance_id,
                "publicIp": self.public_ip,
                "url": self.url,
                "settingsParameter": self.settings_name,
                "statusParameter": self.status_name,
            }
        )


def _root_size(host: Properties) -> object:
    return (host.get("rootBlockDevice") or {}).get("volumeSize")
