"""Tier1: a host with its network, its data and its image."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi import ResourceOptions
from pydantic import SecretStr

from geusemaker import bundle, dlami, remarks, userdata
from geusemaker.bundle.queue_containers import ports_for
from geusemaker.components import hosted_zone, instance_type, worker_checks
from geusemaker.components.api_keys import make_api_keys
from geusemaker.components.bundle_facts import bundle_facts, queue_of
from geusemaker.components.compute import Compute
from geusemaker.components.cost_remarks import log_costs
from geusemaker.components.identity import Identity
from geusemaker.components.kept import keep
from geusemaker.components.kept_image import keep_image, root_gib
from geusemaker.components.network import Network
from geusemaker.components.notes import notes_of
from geusemaker.components.partition import check_policies
from geusemaker.components.partition import look_up as look_up_partition
from geusemaker.components.region import look_up as look_up_region
from geusemaker.components.storage import Storage
from geusemaker.components.tagging import Tags, new_id
from geusemaker.components.worker_load import namespace
from geusemaker.config import DeploymentConfig, service_settings
from geusemaker.config.sources import camel
from geusemaker.dlami import compatibility
from geusemaker.run_errors import as_run_errors
from geusemaker.today import today as current_day


class Tier1Args(TypedDict):
    """The fields of `DeploymentConfig`, with the same defaults.

    Plain values: they decide which resources exist.
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
    extra_policy_arns: NotRequired[Sequence[str]]
    kms_key_arn: NotRequired[str | None]
    allowed_cidrs: NotRequired[Sequence[str]]
    webhook_cidrs: NotRequired[Sequence[str]]
    domain: NotRequired[str | None]
    hosted_zone_id: NotRequired[str | None]
    n8n_reaches: NotRequired[Sequence[str]]
    services: NotRequired[Sequence[str]]
    image_versions: NotRequired[Mapping[str, str]]
    service_settings: NotRequired[Mapping[str, Mapping[str, str | float | SecretStr]]]
    registry_logins: NotRequired[Mapping[str, str | SecretStr]]
    api_keys: NotRequired[Sequence[str]]
    ollama_models: NotRequired[Sequence[str]]
    owner_email: NotRequired[str | None]
    n8n_public_api: NotRequired[bool]
    backup_retention_days: NotRequired[int]
    protect_data: NotRequired[bool]
    budget_usd: NotRequired[int | None]
    tags: NotRequired[Mapping[str, str]]
    workers: NotRequired[int]
    workers_max: NotRequired[int | None]
    worker_instance_types: NotRequired[Sequence[str]]
    worker_market: NotRequired[str]
    worker_concurrency: NotRequired[int]
    worker_drain_seconds: NotRequired[int]


def tier1_args(config: DeploymentConfig) -> Tier1Args:
    """The arguments for a config. Leaves out keys that are not set."""
    return cast("Tier1Args", config.model_dump(exclude_unset=True))


class Tier1(pulumi.ComponentResource):
    """The whole stack. Its attributes are the stack's outputs."""

    stack_id: pulumi.Output[str]
    """Unique id of the stack, in the tag `geusemaker:id` of its resources. Never changes."""
    ami_id: pulumi.Output[str]
    """Image of the host. Kept when AWS releases newer ones, unless config says otherwise."""
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
    """URL of the services."""
    settings_parameter: pulumi.Output[str]
    """SSM parameter that points to the settings bundle."""
    status_parameter: pulumi.Output[str]
    """SSM parameter with the host's status report."""
    credentials_parameter: pulumi.Output[str]
    """Encrypted SSM parameter with the stack's passwords and keys."""
    connect_command: pulumi.Output[str]
    """Command that forwards local port 8443 to the host's port 443 through Session Manager."""

    @as_run_errors()
    def __init__(
        self,
        name: str,
        args: Tier1Args,
        opts: ResourceOptions | None = None,
        *,
        today: date | None = None,
    ) -> None:
        """Creates the stack.

        `today` decides which image lines AWS still patches. Default: `geusemaker.today`.
        """
        super().__init__("geusemaker:index:Tier1", name, {}, opts)
        config = DeploymentConfig.from_arguments("Tier1", args)
        today = today or current_day()
        invoke = pulumi.InvokeOptions(parent=self)
        region = look_up_region(invoke)

        query = (dlami.select_around_pin if config.pin_key else dlami.select)(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=today,
        )
        compatibility.by_name(query, config.instance_type, pin=config.pin_key)
        host = instance_type.look_up(config.instance_type, invoke)
        instance_type.log_remarks(compatibility.verdict(query, host, pin=config.pin_key))
        types = worker_checks.look_up(config, query, host, invoke) if config.has_workers else ()
        kept = keep_image(name, config, query, host, region, invoke, self, types)
        if config.hosted_zone_id and config.domain:
            hosted_zone.check(config.hosted_zone_id, config.domain, invoke)
        partition = look_up_partition(invoke)
        boundary = config.permissions_boundary_arn
        check_policies(
            {
                "permissionsBoundaryArn": [boundary] if boundary else [],
                "extraPolicyArns": config.extra_policy_arns,
            },
            partition,
        )
        for note in notes_of(config, host, today):
            remarks.note(note)
        if config.has_workers or config.budget_usd is not None:
            kept.apply(lambda image: log_costs(config, region, types, image, today))

        # Protected like the data: the names of its secrets contain the id.
        stack_id = keep(f"{name}-id", new_id(), self, protect=config.protect_data)
        tags = Tags(pulumi.get_stack(), stack_id, config.tags)
        network = Network(
            f"{name}-network",
            {
                "instance_type": config.instance_type,
                "zone_count": config.availability_zone_count,
                "vpc_cidr": config.vpc_cidr,
                "allowed_cidrs": config.allowed_cidrs,
                "webhook_cidrs": config.webhook_cidrs,
                "domain": config.domain,
                "vpc_id": config.vpc_id,
                "subnet_ids": config.subnet_ids,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        for_workers = network.for_workers() if config.has_workers else []
        storage = Storage(
            f"{name}-storage",
            {
                "zone": network.host_zone,
                "subnet_ids": network.subnets,
                "security_group_id": network.files_security_group_id,
                "data_volume_gib": config.data_volume_gib,
                "region": region,
                "partition": partition,
                "kms_key_arn": config.kms_key_arn,
                "protect": config.protect_data,
                "backup_retention_days": config.backup_retention_days,
                "permissions_boundary_arn": config.permissions_boundary_arn,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        identity = Identity(
            f"{name}-identity",
            {
                "file_system_arn": storage.file_system_arn,
                "access_point_arns": storage.access_point_arns,
                "partition": partition,
                "permissions_boundary_arn": config.permissions_boundary_arn,
                "extra_policy_arns": config.extra_policy_arns,
                "protect": config.protect_data,
                "kms_key_arn": storage.kms_key_arn,
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        access = bundle.Access(
            domain=config.domain,
            is_public=bool(config.allowed_cidrs or config.webhook_cidrs),
            needs_address=network.needs_address,
        )
        queue = queue_of(config, types)
        facts = bundle_facts(config, access, [host], queue=queue)
        secrets: dict[str, pulumi.Input[str]] = {
            **service_settings.secret_values(config.service_settings),
            **make_api_keys(name, config.api_keys, self),
        }
        if queue is not None:
            # Here, since it imports cryptography.
            from geusemaker.components.worker_settings import keep_queue_secrets, of_host

            shared = keep_queue_secrets(f"{name}-workers", config, stack_id, self, today)
            secrets |= of_host(shared)
        compute = Compute(
            f"{name}-compute",
            {
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
                "role_name": identity.role_name,
                "credentials_name": identity.credentials_name,
                "credentials_arn": identity.credentials_arn,
                "settings": {
                    **bundle.render(facts),
                    "host.sh": userdata.bundle_program(queue=queue is not None),
                },
                "registry_logins": config.registry_logins,
                "secrets": secrets,
                "access": access,
                "hosted_zone_id": config.hosted_zone_id,
                "public_address": network.public_address,
                "needs": [*network.egress, *storage.mounts, *identity.grants],
                "has_key": config.kms_key_arn is not None,
                "kms_key_arn": storage.kms_key_arn,
                "namespace": (
                    stack_id.apply(namespace) if config.workers_max is not None else None
                ),
                "tags": tags,
            },
            ResourceOptions(parent=self),
        )
        network.open_to_callers(after=compute.settings.pointer)
        self._workers_group: pulumi.Output[str] | None = None
        if queue is not None:
            from geusemaker.components.workers import Workers

            own = bundle_facts(config, access, types, queue=queue, role="worker")
            workers = Workers(
                f"{name}-workers",
                {
                    "config": config,
                    "region": region,
                    "partition": partition,
                    "stack_id": stack_id,
                    "image": worker_checks.check_zones(
                        config, types, kept, [zone for zone, _ in for_workers], invoke
                    ),
                    "types": types,
                    "subnet_ids": [subnet for _, subnet in for_workers],
                    "network": network,
                    "storage": storage,
                    "identity": identity,
                    "compute": compute,
                    "secrets": shared,
                    "settings": {
                        **bundle.render(own),
                        "host.sh": userdata.bundle_program("worker"),
                    },
                    "ports": ports_for(facts),
                    "access": access,
                    "tags": tags,
                },
                ResourceOptions(parent=self),
            )
            self._workers_group = workers.group_name

        self.stack_id = stack_id
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
        self.url = compute.url
        self.settings_parameter = compute.settings_name
        self.status_parameter = compute.status_name
        self.credentials_parameter = identity.credentials_name
        self.connect_command = compute.instance_id.apply(
            lambda instance_id: connect_command(instance_id, region)
        )
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs by name: each attribute that the class declares, in camelCase.

        With workers also `workersGroup`, their Auto Scaling group.
        """
        found = {camel(name): getattr(self, name) for name in Tier1.__annotations__}
        if self._workers_group is not None:
            found["workersGroup"] = self._workers_group
        return found


def connect_command(instance_id: str, region: str) -> str:
    """The command that forwards local port 8443 to the host's port 443."""
    return (
        f"aws ssm start-session --region {region} --target {instance_id} "
        "--document-name AWS-StartPortForwardingSession "
        "--parameters portNumber=443,localPortNumber=8443"
    )
