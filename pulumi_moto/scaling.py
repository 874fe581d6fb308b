"""Auto Scaling in the simulated account, where moto's differs from AWS's.

moto launches all instances of a group in one subnet, from the default version of its template and
without their profile, whatever the quotas are. Here each is launched from the version that the
group names, in the zone with the fewest. A launch that fails is a failed activity of the group.
A group reaches its size, and ends an instance refresh, within the call that asks for it.
"""

from typing import Any

from moto.autoscaling import urls
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import (
    AutoScalingBackend,
    FakeAutoScalingGroup,
    FakeScalingPolicy,
    InstanceState,
    LifecycleHook,
    autoscaling_backends,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.moto_api._internal import mock_random

from . import launching, quotas
from .backends import account_id

NOT_FOUND = "AutoScalingGroup name not found - null"


class Launched(InstanceState):  # type: ignore[misc]
    """An instance of a group, with what it was launched from: moto shows the group's template."""

    def __init__(self, instance: Any, version: LaunchTemplateVersion, protected: bool) -> None:
        super().__init__(instance, protected_from_scale_in=protected)
        self.version = version

    @property
    def launch_template(self) -> dict[str, str]:
        return {
            "LaunchTemplateId": self.version.template.id,
            "LaunchTemplateName": self.version.template.name,
            "Version": str(self.version.number),
        }


class SimulatedGroup(FakeAutoScalingGroup):  # type: ignore[misc]
    """A group that launches its instances as AWS does."""

    min_size: int
    max_size: int
    default_instance_warmup: int | None = None
    max_instance_lifetime: int | None = None
    instance_maintenance_policy: dict[str, int] | None = None

    def __init__(self, **given: Any) -> None:
        self.activities: list[dict[str, Any]] = []
        self.refreshes: list[dict[str, Any]] = []
        super().__init__(**given)

    @property
    def launch_template(self) -> dict[str, Any] | None:
        """None where the policy of types names it."""
        if self.mixed_instances_policy:
            return None
        shown: dict[str, Any] | None = super().launch_template
        return shown

    # What it launches. ----------------------------------------------------------------------

    def version(self) -> LaunchTemplateVersion:
        """The version of the launch template that the group names."""
        templates = self.ec2_backend.launch_templates
        template = self.ec2_launch_template
        if template is None or template.id not in templates:
            raise ValidationError("The launch template that the group names does not exist.")
        return template.get_version(self.launch_template_version)

    def types(self, version: LaunchTemplateVersion) -> list[str]:
        """The instance types to try, in order."""
        policy = (self.mixed_instances_policy or {}).get("LaunchTemplate", {})
        named = [one["InstanceType"] for one in policy.get("Overrides") or []]
        return named or [version.instance_type]

    def _is_spot(self, version: LaunchTemplateVersion) -> bool:
        """Whether the next instance is a Spot one, by the group's distribution."""
        policy = self.mixed_instances_policy
        if not policy:
            options: dict[str, str] = version.data.get("InstanceMarketOptions") or {}
            return options.get("MarketType") == "spot"
        wanted = policy.get("InstancesDistribution") or {}
        base = int(wanted.get("OnDemandBaseCapacity") or 0)
        share = int(wanted.get("OnDemandPercentageAboveBaseCapacity", 100))
        dear = sum(one.instance.lifecycle != "spot" for one in self.instance_states)
        above = len(self.instance_states) + 1 - base
        return bool(dear >= base and (dear - base + 1) * 100 > share * above)

    def _launch(self) -> bool:
        """Launch one more instance; False, and a failed activity, where none can be launched."""
        try:
            version = self.version()
        except (AutoscalingClientError, EC2ClientError) as wrong:
            self._record(str(wrong.message))
            return False
        spot, why = self._is_spot(version), ""
        for subnet in self._subnets():
            for type_ in self.types(version):
                refused = self._refusal(type_, subnet, spot)
                if refused is None:
                    self._run(version, type_, subnet.id, spot)
                    return True
                why = why or refused
        self._record(why)
        return False

    def _subnets(self) -> list[Any]:
        """The subnets of the group, the one with the fewest instances first."""
        ids = (self.vpc_zone_identifier or "").split(",")
        filled = [one.instance.subnet_id for one in self.instance_states]
        ordered = sorted(ids, key=lambda id_: (filled.count(id_), ids.index(id_)))
        return [self.ec2_backend.get_subnet(id_) for id_ in ordered]

    def _refusal(self, type_: str, subnet: Any, spot: bool) -> str | None:
        zone = subnet.availability_zone
        offered = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(self.region, [])
        if not any((one["InstanceType"], one["Location"]) == (type_, zone) for one in offered):
            return (
                f"Your requested instance type ({type_}) is not supported in "
                f"your requested Availability Zone ({zone})."
            )
        if not int(subnet.available_ip_address_count):
            return (
                f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the "
                "requested number of instances."
            )
        return quotas.over(self.region, type_, spot=spot)

    def _run(self, version: LaunchTemplateVersion, type_: str, subnet: str, spot: bool) -> None:
        tags = {**self.get_propagated_tags(), "aws:autoscaling:groupName": self.name}
        instance = launching.run(self.ec2_backend, version, type_, subnet, tags, spot)
        instance.autoscaling_group = self
        protected = bool(self.new_instances_protected_from_scale_in)
        self.instance_states.append(Launched(instance, version, protected))
        self._record(None, f"Launching a new EC2 instance: {instance.id}")

    def _record(self, why: str | None, what: str = "Launching a new EC2 instance") -> None:
        now = utcnow()
        failed = {"StatusMessage": f"{why} Launching EC2 instance failed."} if why else {}
        activity = {
            "ActivityId": str(mock_random.uuid4()),
            "AutoScalingGroupName": self.name,
            "Description": what,
            "Cause": f"At {now:%Y-%m-%dT%H:%M:%SZ} the group was brought to its size.",
            "StartTime": now,
            "EndTime": now,
            "StatusCode": "Failed" if why else "Successful",
            "Progress": 100,
            **failed,
        }
        self.activities.insert(0, activity)  # AWS shows the newest first

    # How it gets to its size. ----------------------------------------------------------------

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        self.desired_capacity = self.min_size if new_capacity is None else int(new_capacity)
        self.reach()

    def reach(self) -> None:
        """Launch and terminate until the group has its size, or cannot have it."""
        wanted = self.desired_capacity or 0
        while len(self.active_instances()) < wanted and self._launch():
            pass
        surplus = len(self.active_instances()) - wanted
        free = [one for one in self.active_instances() if not one.protected_from_scale_in]
        for one in free[: max(0, surplus)]:  # the oldest first
            self._end(one)

    def _end(self, state: InstanceState) -> None:
        self.instance_states.remove(state)
        self.ec2_backend.terminate_instances([state.instance.id])
        self._record(None, f"Terminating EC2 instance: {state.instance.id}")

    def replace_autoscaling_group_instances(self, count_needed: int, _: Any) -> None:
        """Launch for what was terminated by its id; moto calls this."""
        self.reach()

    def update(self, **given: Any) -> None:
        """UpdateAutoScalingGroup: what is not given stays; moto drops the policy of types."""
        low, high = given["min_size"], given["max_size"]
        low = self.min_size if low is None else low
        high = self.max_size if high is None else high
        wanted = given["desired_capacity"]
        check_sizes(low, high, wanted)
        if given["vpc_zone_identifier"]:
            self._set_azs_and_vpcs([], given["vpc_zone_identifier"], update=True)
        if given["launch_template"] or given["mixed_instances_policy"]:
            self.mixed_instances_policy = given["mixed_instances_policy"]
            self._set_launch_configuration(
                "", given["launch_template"], self.mixed_instances_policy
            )
            self.version()
        self.min_size, self.max_size = low, high
        for moto, sent in (
            ("health_check_grace_period", "health_check_period"),
            ("health_check_type", "health_check_type"),
            ("new_instances_protected_from_scale_in", "new_instances_protected_from_scale_in"),
        ):
            if given.get(sent) is not None:
                setattr(self, moto, given[sent])
        now = self.desired_capacity if wanted is None else wanted
        self.set_desired_capacity(min(max(now, low), high))

    def refresh(self, skip_matching: bool) -> None:
        """Replace the instances, one after the other; those that match, only if not skipped."""
        version, begun = self.version(), utcnow()
        status = {"Status": "Successful", "PercentageComplete": 100, "InstancesToUpdate": 0}
        for done, state in enumerate(list(self.active_instances())):
            same = state.version is version
            if skip_matching and same and state.instance_type in self.types(version):
                continue
            self._end(state)
            self.reach()
            if len(self.active_instances()) < (self.desired_capacity or 0):
                share = 100 * done // len(self.instance_states or [state])
                status = {"Status": "Failed", "PercentageComplete": share}
                status["StatusReason"] = self.activities[0].get("StatusMessage", "")
                break
        self.refreshes.insert(
            0,
            {
                "InstanceRefreshId": str(mock_random.uuid4()),
                "AutoScalingGroupName": self.name,
                "StartTime": begun,
                "EndTime": utcnow(),
                **status,
            },
        )


def check_sizes(low: int, high: int, wanted: int | None) -> None:
    """Raises AWS's error for sizes that do not fit each other; moto takes them."""
    if low > high:
        raise ValidationError(
            f"Max bound, {high}, must be greater than or equal to min bound, {low}"
        )
    if wanted is not None and not low <= wanted <= high:
        raise ValidationError(
            f"Desired capacity:{wanted} must be between the specified min size:{low} "
            f"and max size:{high}"
        )


class SimulatedAutoScaling(AutoScalingBackend):  # type: ignore[misc]
    """moto's Auto Scaling of one Region, with groups, hooks and policies as AWS has them."""

    @property
    def _url_module(self) -> Any:
        # moto looks for it next to the module of the class.
        return urls

    def group(self, name: str) -> SimulatedGroup:
        """The group of that name."""
        if name not in self.autoscaling_groups:
            raise ValidationError(NOT_FOUND)
        found: SimulatedGroup = self.autoscaling_groups[name]
        return found

    def create_auto_scaling_group(self, name: str, **given: Any) -> SimulatedGroup:
        if name in self.autoscaling_groups:
            raise AutoscalingClientError(
                "AlreadyExists",
                "AutoScalingGroup by this name already exists - "
                f"A group with the name {name} already exists",
            )
        check_sizes(given["min_size"], given["max_size"], given["desired_capacity"])
        given.pop("instance_id", None)
        group = SimulatedGroup(
            name=name, autoscaling_backend=self, ec2_backend=self.ec2_backend, **given
        )
        self.autoscaling_groups[name] = group
        return group

    def update_auto_scaling_group(self, name: str, **given: Any) -> SimulatedGroup:
        group = self.group(name)
        group.update(**given)
        return group

    def set_desired_capacity(self, group_name: str, desired_capacity: int | None) -> None:
        group = self.group(group_name)
        check_sizes(group.min_size, group.max_size, desired_capacity)
        group.set_desired_capacity(desired_capacity)

    def delete_auto_scaling_group(self, group_name: str) -> None:
        """With it go its hooks and policies, which moto keeps."""
        self.group(group_name).set_desired_capacity(0)
        del self.autoscaling_groups[group_name]
        for table in (self.lifecycle_hooks, self.policies):
            for key in [k for k, v in table.items() if v.auto_scaling_group_name == group_name]:
                del table[key]

    def create_lifecycle_hook(self, name: str, as_name: str, *given: Any, **more: Any) -> Any:
        if as_name not in self.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup name not found - no such group: {as_name}")
        hook: LifecycleHook = super().create_lifecycle_hook(name, as_name, *given, **more)
        hook.role_arn = hook.notification_target_arn = None  # moto makes both up
        return hook

    def put_scaling_policy(self, name: str, **given: Any) -> FakeScalingPolicy:
        """A policy belongs to its group: moto knows it by its name alone."""
        self.group(given["as_name"])
        policy = super().put_scaling_policy(name, **given)
        del self.policies[name]
        policy.enabled = True
        policy.predictive_scaling_configuration = None
        self.policies[policy.arn] = policy
        return policy

    def delete_policy(self, group_name: str) -> None:
        """Remove the policy of that ARN."""
        self.policies.pop(group_name, None)


def backend_of(region: str) -> SimulatedAutoScaling:
    """Auto Scaling in one Region of the simulated account."""
    found: SimulatedAutoScaling = autoscaling_backends[account_id()][region]
    return found


# Operations that moto has none for, or answers with nothing. ----------------------------------


def _describe_scaling_activities(response: Any) -> ActionResult:
    name = response._get_param("AutoScalingGroupName")
    groups = response.autoscaling_backend.describe_auto_scaling_groups([name] if name else [])
    found = [one for group in groups for one in getattr(group, "activities", [])]
    return ActionResult({"Activities": found})


def _describe_instance_refreshes(response: Any) -> ActionResult:
    group = response.autoscaling_backend.group(response._get_param("AutoScalingGroupName"))
    return ActionResult({"InstanceRefreshes": group.refreshes})


def _start_instance_refresh(response: Any) -> ActionResult:
    group = response.autoscaling_backend.group(response._get_param("AutoScalingGroupName"))
    group.refresh(bool((response._get_param("Preferences") or {}).get("SkipMatching")))
    return ActionResult({"InstanceRefreshId": group.refreshes[0]["InstanceRefreshId"]})


def _no_lifecycle_action(response: Any) -> ActionResult:
    """Nothing waits here for a hook, so that none can be completed or kept waiting."""
    group = response.autoscaling_backend.group(response._get_param("AutoScalingGroupName"))
    name = response._get_param("LifecycleHookName")
    if not response.autoscaling_backend.describe_lifecycle_hooks(group.name, [name]):
        raise ValidationError(f"No such lifecycle hook: {name}")
    id_ = response._get_param("InstanceId")
    raise ValidationError(f"No active Lifecycle Action found with instance ID {id_}")


def seed() -> None:
    """Give the account this Auto Scaling, in every Region."""
    regions = autoscaling_backends[account_id()]
    regions.backend = SimulatedAutoScaling
    regions.clear()
    # moto finds operations by the methods of this class.
    AutoScalingResponse.describe_scaling_activities = _describe_scaling_activities
    AutoScalingResponse.describe_instance_refreshes = _describe_instance_refreshes
    AutoScalingResponse.start_instance_refresh = _start_instance_refresh
    AutoScalingResponse.complete_lifecycle_action = _no_lifecycle_action
    AutoScalingResponse.record_lifecycle_action_heartbeat = _no_lifecycle_action
