"""Workers: further hosts that execute n8n's queue, in an Auto Scaling group. They keep no data."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker import userdata
from geusemaker.bundle import Access
from geusemaker.components.authority import head_name, zone_name
from geusemaker.components.compute import CREDIT_MODE, Compute
from geusemaker.components.growing import WARMUP_SECONDS, make_growing
from geusemaker.components.identity import Identity
from geusemaker.components.instance_role import METADATA
from geusemaker.components.kept import keep_user_data
from geusemaker.components.network import Network
from geusemaker.components.storage import Storage
from geusemaker.components.tagging import Tags
from geusemaker.components.worker_access import make_members, make_names
from geusemaker.components.worker_disk import disk_gib
from geusemaker.components.worker_identity import make_grant, make_role, make_shares
from geusemaker.components.worker_load import GROUP_METRICS
from geusemaker.components.worker_policy import HOOK, group_name
from geusemaker.components.worker_settings import Secrets, make_worker_settings, of_workers
from geusemaker.config import DeploymentConfig
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType, is_burstable
from geusemaker.run_errors import as_run_errors

_MARGIN_SECONDS: Final = 60


class WorkersArgs(TypedDict):
    """Arguments of `Workers`."""

    config: DeploymentConfig
    region: str
    partition: str
    stack_id: pulumi.Input[str]
    image: pulumi.Output[FoundImage]
    """The image of the host."""
    types: Sequence[InstanceType]
    """Its types, as the Region has them."""
    subnet_ids: Sequence[pulumi.Input[str]]
    network: Network
    storage: Storage
    identity: Identity
    compute: Compute
    """The host."""
    secrets: Secrets
    """Those of the queue, by name."""
    settings: Mapping[str, str]
    """Files of the workers' bundle."""
    ports: Mapping[str, Sequence[int]]
    """The host's ports that workers connect to, by service."""
    access: Access
    tags: Tags


class Workers(pulumi.ComponentResource):
    """The group of workers, and what they reach. Nothing of the host depends on the group."""

    group_name: pulumi.Output[str]
    """The Auto Scaling group."""

    @as_run_errors()
    def __init__(self, name: str, args: WorkersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Workers", name, {}, opts)
        child = ResourceOptions(parent=self)
        config, tags = args["config"], args["tags"]
        network, storage, compute = args["network"], args["storage"], args["compute"]
        stack_id = pulumi.Output.from_input(args["stack_id"])
        named = stack_id.apply(group_name)

        members = make_members(name, ports=args["ports"], network=network, tags=tags, parent=self)
        names = make_names(
            name,
            # The queue is for n8n itself, which uses the name of the host.
            services=[service for service in args["ports"] if service != "valkey"],
            stack_id=stack_id,
            vpc_id=network.vpc_id,
            address=compute.private_ip,
            after=compute.attachment,
            tags=tags,
            parent=self,
        )
        settings = make_worker_settings(
            name,
            files=args["settings"],
            secrets=of_workers(args["secrets"], args["identity"].secrets),
            access=args["access"],
            address=compute.address,
            host=compute.settings,
            names={
                "head": stack_id.apply(head_name),
                "zone": stack_id.apply(zone_name),
                "group": named,
            },
            kms_key_arn=storage.kms_key_arn,
            tags=tags,
            parent=self,
        )
        shares = make_shares(name, storage, tags, self)
        registries = compute.settings.registries
        role = make_role(
            name,
            reach={
                "parameters": pulumi.Output.all(
                    settings.pointer.arn,
                    settings.secrets.arn,
                    *([registries.arn] if registries else []),
                ),
                "bucket": compute.settings.bucket.arn,
                "file_system": storage.file_system_arn,
                "home": shares.points["n8n-home"].arn,
                "files": shares.points["n8n-files"].arn,
                "group": named,
                "key": storage.kms_key_arn,
            },
            partition=args["partition"],
            permissions_boundary_arn=config.permissions_boundary_arn,
            tags=tags,
            parent=self,
        )
        script = pulumi.Output.all(
            secrets_parameter=settings.secrets.id,
            settings_parameter=settings.pointer.id,
            file_system_id=storage.file_system_id,
            access_points=shares.ids,
            reports=compute.settings.bucket.id,
        ).apply(
            as_run_errors()(
                lambda values: userdata.render(userdata.HostFacts(region=args["region"], **values))
            )
        )
        user_data = keep_user_data(name, script, self)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            image_id=args["image"].apply(lambda image: image.id),
            update_default_version=True,
            iam_instance_profile={"arn": role.profile_arn},
            vpc_security_group_ids=None if network.hides_workers else [members.group.id],
            network_interfaces=(
                [
                    {
                        "associate_public_ip_address": "false",
                        "security_groups": [members.group.id],
                        "delete_on_termination": "true",
                    }
                ]
                if network.hides_workers
                else None
            ),
            metadata_options=METADATA,
            block_device_mappings=[
                {
                    "device_name": args["image"].apply(lambda image: image.root_device_name),
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": args["image"].apply(
                            lambda image: disk_gib(config, args["types"], image)
                        ),
                        "encrypted": "true",
                        "kms_key_id": storage.kms_key_arn,
                        "delete_on_termination": "true",
                    },
                }
            ],
            credit_specification=(
                {"cpu_credits": CREDIT_MODE}
                # EC2 refuses it for the other types.
                if all(is_burstable(one) for one in config.worker_types)
                else None
            ),
            # A worker that is shut down from inside would stay and be billed.
            instance_initiated_shutdown_behavior="terminate",
            user_data=user_data,
            tag_specifications=[
                {"resource_type": kind, "tags": tags.named("worker")}
                for kind in ("instance", "volume")
            ],
            tags=tags.named("workers"),
            opts=child,
        )
        grows = config.workers_max is not None
        is_spot = config.worker_market == "spot"
        drain = config.worker_drain_seconds + _MARGIN_SECONDS
        group = aws.autoscaling.Group(
            f"{name}-group-of-hosts",
            name=named,
            vpc_zone_identifiers=args["subnet_ids"],
            min_size=config.workers,
            max_size=config.most_workers,
            # Otherwise its policies decide, and each update would reset it.
            desired_capacity=None if grows else config.workers,
            capacity_rebalance=is_spot,
            health_check_type="EC2",
            default_instance_warmup=WARMUP_SECONDS,
            # An update does not fail where AWS has no capacity now.
            wait_for_capacity_timeout="0",
            enabled_metrics=list(GROUP_METRICS) if grows else None,
            mixed_instances_policy={
                "launch_template": {
                    "launch_template_specification": {
                        "launch_template_id": template.id,
                        # The number: a change of the template is a change of the group.
                        "version": template.latest_version.apply(str),
                    },
                    "overrides": [{"instance_type": one} for one in config.worker_types],
                },
                "instances_distribution": {
                    "on_demand_percentage_above_base_capacity": 0 if is_spot else 100,
                    "spot_allocation_strategy": "price-capacity-optimized",
                    "on_demand_allocation_strategy": "prioritized",
                },
            },
            # New workers start before old ones end.
            instance_refresh={
                "strategy": "Rolling",
                "preferences": {
                    "min_healthy_percentage": 100,
                    "max_healthy_percentage": 200,
                    "instance_warmup": str(WARMUP_SECONDS),
                    "skip_matching": True,
                },
            },
            termination_policies=["OldestLaunchTemplate", "Default"],
            # The template has those of workers.
            tags=[
                {"key": key, "value": value, "propagate_at_launch": False}
                for key, value in tags.named("workers").items()
            ],
            opts=ResourceOptions(
                parent=self,
                depends_on=[
                    *network.egress,
                    *storage.mounts,
                    *members.rules,
                    *names,
                    *settings.needs,
                    *role.grants,
                ],
                custom_timeouts=pulumi.CustomTimeouts(delete=f"{drain + 900}s"),
            ),
        )
        if config.kms_key_arn:
            make_grant(name, storage.kms_key_arn, role.arn, group, self)
        aws.autoscaling.LifecycleHook(
            f"{name}-leave",
            name=HOOK,
            autoscaling_group_name=group.name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            default_result="CONTINUE",
            heartbeat_timeout=drain,
            # Without it, the group would end its workers at once when it is deleted.
            opts=ResourceOptions(parent=self, deleted_with=group),
        )
        if grows:
            make_growing(
                name,
                stack_id=stack_id,
                group=group.name,
                concurrency=config.worker_concurrency,
                from_zero=config.workers == 0,
                role_name=args["identity"].role_name,
                tags=tags,
                parent=self,
            )
        self.group_name = group.name
        self.register_outputs({"groupName": self.group_name})
