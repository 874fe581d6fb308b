"""Auto Scaling groups on launch templates."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pulumi_moto import scaling
from pulumi_moto.account import Account, AwsError, UnfinishedError
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import UNKNOWN

from .launch import refuse_template
from .scaling import hook_problems, put_hook
from .support import (
    capitalised,
    choice_problem,
    first,
    given,
    items,
    members,
    not_empty,
    picked,
    uncapitalised,
)

_TEMPLATES: Final = ("launchTemplate", "mixedInstancesPolicy")
_APART: Final = names("enabledMetrics suspendedProcesses tags")
"""What the provider changes by calls of their own."""
_KEPT: Final = names(
    """
    forceDelete forceDeleteWarmPool ignoreFailedScalingActivities instanceRefresh region
    waitForCapacityTimeout
    """
)
"""What AWS does not know."""
_SET: Final = {
    "capacityRebalance": ("capacity_rebalance", False),
    "defaultCooldown": ("default_cooldown", 300),
    "defaultInstanceWarmup": ("default_instance_warmup", None),
    "maxInstanceLifetime": ("max_instance_lifetime", None),
    "terminationPolicies": ("termination_policies", ["Default"]),
    "healthCheckGracePeriod": ("health_check_grace_period", 300),
}
"""Inputs that moto's UpdateAutoScalingGroup leaves as they were: its attribute, and AWS's value of
an input that is not there."""
_STRATEGIES: Final = (
    *("lowest-price", "capacity-optimized", "capacity-optimized-prioritized"),
    "price-capacity-optimized",
)
_DURATION: Final = re.compile(r"0|(?=\d)(\d+h)?(\d+m)?(\d+s)?")


def _make_service_role(account: Account) -> None:
    """Makes the role that AWS makes with the first group of an account, and keeps."""
    name = "AWSServiceRoleForAutoScaling"
    try:
        account.iam.get_role(RoleName=name)
    except AwsError as error:
        if not error.is_gone:
            raise
        account.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")


class Group(Resource):
    token = "aws:autoscaling/group:Group"
    service = "autoscaling"
    label = "Auto Scaling Group"
    creating = "creating Auto Scaling Group ({name})"
    replace_on = names("name namePrefix initialLifecycleHooks")
    defaults: ClassVar[Values] = {
        "forceDelete": False,
        "forceDeleteWarmPool": False,
        "healthCheckGracePeriod": 300,
        "ignoreFailedScalingActivities": False,
        "metricsGranularity": "1Minute",
        "protectFromScaleIn": False,
        "waitForCapacityTimeout": "10m",
        "instanceRefresh": {
            "preferences": {
                "maxHealthyPercentage": 100,
                "minHealthyPercentage": 90,
                "scaleInProtectedInstances": "Ignore",
                "skipMatching": False,
                "standbyInstances": "Ignore",
            }
        },
    }
    optional_computed = names(
        """
        availabilityZones defaultCooldown desiredCapacity healthCheckType mixedInstancesPolicy
        serviceLinkedRoleArn vpcZoneIdentifiers
        """
    )
    only_given = names(
        """
        instanceRefresh.preferences instanceRefresh.preferences.autoRollback
        instanceRefresh.preferences.instanceWarmup instanceRefresh.triggers
        """
    )
    unordered = names(
        "enabledMetrics initialLifecycleHooks suspendedProcesses tags vpcZoneIdentifiers"
    )
    simulated = (
        frozenset(_SET)
        | _APART
        | _KEPT
        | names(
            """
            desiredCapacity healthCheckType initialLifecycleHooks instanceMaintenancePolicy
            launchTemplate maxSize metricsGranularity minSize mixedInstancesPolicy name
            protectFromScaleIn vpcZoneIdentifiers
            """
        )
    )
    needed = ("vpcZoneIdentifiers",)
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if sum(inputs.get(key) is not None for key in _TEMPLATES) != 1:
            yield Problem("launchTemplate", f"exactly one of {', '.join(_TEMPLATES)} must be set")
        template = members(inputs.get("launchTemplate"))
        if template or inputs.get("launchTemplate") == {}:
            yield from _named_once("launchTemplate", template, "id", "name")
        if inputs.get("healthCheckType") not in (None, "EC2", UNKNOWN):
            yield Problem("healthCheckType", "only EC2 is simulated")
        timeout = inputs["waitForCapacityTimeout"]
        if isinstance(timeout, str) and not _DURATION.fullmatch(timeout):
            yield Problem("waitForCapacityTimeout", 'expected a duration such as "10m"')
        hooks = [members(hook) for hook in items(inputs.get("initialLifecycleHooks"))]
        for number, hook in enumerate(hooks):
            yield from hook_problems(hook, f"initialLifecycleHooks[{number}].")
        called = [one["name"] for one in hooks if isinstance(one.get("name"), str)]
        if len(set(called)) < len(called):
            yield Problem("initialLifecycleHooks", f"each needs a name of its own: {called}")
        mixed = members(inputs.get("mixedInstancesPolicy"))
        strategy = members(mixed.get("instancesDistribution")).get("spotAllocationStrategy")
        yield from choice_problem("spotAllocationStrategy", strategy, _STRATEGIES)
        for one in items(members(mixed.get("launchTemplate")).get("overrides")):
            if isinstance(one, Mapping) and set(one) != {"instanceType"}:
                why = "only overrides that name an instanceType, and nothing more, are simulated"
                yield Problem("mixedInstancesPolicy.launchTemplate.overrides", why)

    # What AWS does. --------------------------------------------------------------------------

    def create(self, account: Account, inputs: Values) -> str:
        self._refuse(account, "CreateAutoScalingGroup", inputs)
        name = str(inputs["name"])
        sizes = {"MinSize": inputs["minSize"], "MaxSize": inputs["maxSize"]}
        sizes |= given(DesiredCapacity=inputs.get("desiredCapacity"))
        _make_service_role(account)
        account.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            NewInstancesProtectedFromScaleIn=inputs["protectFromScaleIn"],
            HealthCheckGracePeriod=inputs["healthCheckGracePeriod"],
            VPCZoneIdentifier=",".join(inputs["vpcZoneIdentifiers"]),
            **sizes,
            **_template(inputs),
            **given(Tags=_tags(name, inputs)),
        )
        self._set(account, name, inputs, frozenset(self.simulated or ()))
        for hook in inputs.get("initialLifecycleHooks") or []:
            put_hook(account, name, hook)
        least = inputs.get("desiredCapacity") or inputs["minSize"]
        self._wait(account, name, inputs, 0, least, exactly=False)
        self._change_apart(account, name, {}, inputs)
        return name

    def _refuse(self, account: Account, operation: str, inputs: Values) -> None:
        """Raises the error of a group that cannot launch from its template; moto takes any."""
        refuse_template(account, operation, _template(inputs), inputs["vpcZoneIdentifiers"])

    def _set(self, account: Account, name: str, inputs: Values, paths: frozenset[str]) -> None:
        group = scaling.backend_of(account.region).group(name)
        for key in _SET.keys() & paths:
            attribute, default = _SET[key]
            wanted = inputs.get(key)
            setattr(group, attribute, default if wanted in (None, []) else wanted)
        if "instanceMaintenancePolicy" in paths:
            policy = inputs.get("instanceMaintenancePolicy")
            group.instance_maintenance_policy = capitalised(policy) if policy else None

    def _wait(
        self, account: Account, id_: str, inputs: Values, since: int, size: int, *, exactly: bool
    ) -> None:
        """Raises the provider's error where the group does not get to its size."""
        seconds = _seconds(inputs["waitForCapacityTimeout"])
        if not seconds:
            return
        group = scaling.backend_of(account.region).group(id_)
        new = group.activities[: len(group.activities) - since]
        failed = [
            f"scaling activity ({one['ActivityId']}): Failed: {one['StatusMessage']}"
            for one in new
            if one["StatusCode"] == "Failed" and not inputs["ignoreFailedScalingActivities"]
        ]
        waiting = f"waiting for Auto Scaling Group ({id_}) capacity satisfied: "
        if failed:
            raise UnfinishedError(id_, waiting + "\n".join(failed))
        have = len(group.active_instances())
        if have < size or (exactly and have != size):
            want = f"want {'exactly' if exactly else 'at least'} {size} healthy instance(s)"
            raise UnfinishedError(
                id_,
                f"{waiting}timeout while waiting for state to become 'ok' (last state: '{want} in "
                f"Auto Scaling Group, have {have}', timeout: {_as_go_writes_it(seconds)})",
            )

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        answer = account.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[id_])
        return first(answer["AutoScalingGroups"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        policies = shown.get("TerminationPolicies", [])
        maintenance = shown.get("InstanceMaintenancePolicy")
        mixed, template = shown.get("MixedInstancesPolicy"), shown.get("LaunchTemplate")
        metrics = [one["Metric"] for one in shown.get("EnabledMetrics") or []]
        suspended = [one["ProcessName"] for one in shown.get("SuspendedProcesses") or []]
        given_or_not = {
            "capacityRebalance": bool(shown.get("CapacityRebalance")),
            "defaultInstanceWarmup": shown.get("DefaultInstanceWarmup") or 0,
            "maxInstanceLifetime": shown.get("MaxInstanceLifetime") or 0,
            "instanceMaintenancePolicy": _uncapitalised(maintenance),
            "enabledMetrics": sorted(metrics),
            "suspendedProcesses": sorted(suspended),
            "tags": [
                {"key": one["Key"], "value": one["Value"]}
                | {"propagateAtLaunch": one["PropagateAtLaunch"]}
                for one in shown.get("Tags") or []
            ],
        }
        return {
            **not_empty(given_or_not, state),
            **picked(
                shown,
                *("AvailabilityZones", "DefaultCooldown", "DesiredCapacity", "MaxSize", "MinSize"),
                *("HealthCheckGracePeriod", "HealthCheckType"),
            ),
            "name": id_,
            "arn": shown["AutoScalingGroupARN"],
            "launchTemplate": _shown_template(template) if template else None,
            "mixedInstancesPolicy": _uncapitalised(mixed),
            "protectFromScaleIn": bool(shown.get("NewInstancesProtectedFromScaleIn")),
            "serviceLinkedRoleArn": shown["ServiceLinkedRoleARN"],
            "vpcZoneIdentifiers": sorted(shown["VPCZoneIdentifier"].split(",")),
            "metricsGranularity": "1Minute",
            "terminationPolicies": None
            if policies == ["Default"] and not state.get("terminationPolicies")
            else policies,
            "predictedCapacity": 0,
            "warmPoolSize": 0,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        inputs, paths = change.inputs, change.paths
        since = len(scaling.backend_of(account.region).group(id_).activities)
        if paths - _APART:
            if paths & (set(_TEMPLATES) | {"vpcZoneIdentifiers"}):
                self._refuse(account, "UpdateAutoScalingGroup", inputs)
            account.autoscaling.update_auto_scaling_group(
                AutoScalingGroupName=id_,
                NewInstancesProtectedFromScaleIn=inputs["protectFromScaleIn"],
                **capitalised(
                    {key: inputs[key] for key in ("minSize", "maxSize") if key in paths}
                    | {key: inputs[key] for key in ("desiredCapacity",) if key in paths}
                ),
                **(_template(inputs) if paths & set(_TEMPLATES) else {}),
                **(
                    {"VPCZoneIdentifier": ",".join(inputs["vpcZoneIdentifiers"])}
                    if "vpcZoneIdentifiers" in paths
                    else {}
                ),
            )
            self._set(account, id_, inputs, paths)
        self._retag(account, id_, change)
        self._refresh(account, id_, change)
        if paths & {"desiredCapacity", "minSize"}:
            # Where the program leaves the size to the account, the provider waits for the size that
            # it has on record, which is that of the last refresh.
            recorded = inputs.get("desiredCapacity") or change.state["desiredCapacity"]
            size = max(inputs["minSize"], recorded)
            self._wait(account, id_, inputs, since, size, exactly=True)
        self._change_apart(account, id_, change.state, inputs)

    def _refresh(self, account: Account, id_: str, change: Update) -> None:
        """Start an instance refresh for another template, or a change that triggers one."""
        wanted = change.inputs.get("instanceRefresh")
        triggers = {"tags" if one == "tag" else one for one in (wanted or {}).get("triggers") or []}
        if wanted and change.paths & (set(_TEMPLATES) | triggers):
            preferences = wanted.get("preferences") or {}
            account.autoscaling.start_instance_refresh(
                AutoScalingGroupName=id_,
                Strategy=wanted["strategy"],
                Preferences={"SkipMatching": bool(preferences.get("skipMatching"))},
            )

    def _retag(self, account: Account, id_: str, change: Update) -> None:
        old, new = _tags(id_, change.state), _tags(id_, change.inputs)
        keys = {one["Key"] for one in new}
        if gone := [one for one in old if one["Key"] not in keys]:
            account.autoscaling.delete_tags(Tags=gone)
        if more := [one for one in new if one not in old]:
            account.autoscaling.create_or_update_tags(Tags=more)

    def _change_apart(self, account: Account, id_: str, old: Values, new: Values) -> None:
        if (metrics := new.get("enabledMetrics") or []) != (old.get("enabledMetrics") or []):
            # moto has no DisableMetricsCollection, and sets what it is given.
            account.autoscaling.enable_metrics_collection(
                AutoScalingGroupName=id_, Metrics=metrics, Granularity=new["metricsGranularity"]
            )
        before, now = (set(values.get("suspendedProcesses") or []) for values in (old, new))
        if gone := sorted(before - now):
            account.autoscaling.resume_processes(AutoScalingGroupName=id_, ScalingProcesses=gone)
        if more := sorted(now - before):
            account.autoscaling.suspend_processes(AutoScalingGroupName=id_, ScalingProcesses=more)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        shown = self.describe(account, id_, state)
        if shown is None:
            return
        protected = [i["InstanceId"] for i in shown["Instances"] if i["ProtectedFromScaleIn"]]
        if protected:  # the provider takes it off, or AWS deletes by force
            account.autoscaling.set_instance_protection(
                AutoScalingGroupName=id_, InstanceIds=protected, ProtectedFromScaleIn=False
            )
        account.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=id_, MinSize=0, MaxSize=0, DesiredCapacity=0
        )
        account.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=id_)


def _named_once(path: str, spec: Values, *keys: str) -> Iterator[Problem]:
    if sum(spec.get(key) is not None for key in keys) != 1:
        yield Problem(path, f"exactly one of {' and '.join(keys)} must be set")


def _template(inputs: Values) -> dict[str, Any]:
    """What the group launches, as Auto Scaling takes it."""
    if plain := inputs.get("launchTemplate"):
        sent = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}
        return {"LaunchTemplate": {sent[key]: value for key, value in plain.items() if value}}
    return {"MixedInstancesPolicy": _capitalised(inputs["mixedInstancesPolicy"])}


def _capitalised(value: Any) -> Any:
    if isinstance(value, Mapping):
        known = {key: _capitalised(item) for key, item in value.items() if item is not None}
        return capitalised(known)
    return [_capitalised(item) for item in value] if isinstance(value, list) else value


def _uncapitalised(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {uncapitalised(key): _uncapitalised(item) for key, item in value.items()}
    return [_uncapitalised(item) for item in value] if isinstance(value, list) else value


def _shown_template(shown: Values) -> dict[str, Any]:
    return {
        "id": shown["LaunchTemplateId"],
        "name": shown["LaunchTemplateName"],
        "version": shown.get("Version", ""),
    }


def _tags(name: str, values: Values) -> list[dict[str, Any]]:
    """Tags of the group as Auto Scaling takes them."""
    return [
        {"ResourceId": name, "ResourceType": "auto-scaling-group", **capitalised(one)}
        for one in values.get("tags") or []
    ]


def _seconds(duration: str) -> int:
    found = {unit: int(number) for number, unit in re.findall(r"(\d+)([hms])", duration)}
    return found.get("h", 0) * 3600 + found.get("m", 0) * 60 + found.get("s", 0)


def _as_go_writes_it(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
