"""Auto Scaling: lifecycle hooks and scaling policies of groups."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem

from .support import capitalised, choice_problem, first, given, picked, uncapitalised

TRANSITIONS: Final = ("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING")
_RESULTS: Final = ("CONTINUE", "ABANDON")
_HEARTBEAT: Final = range(30, 7201)  # seconds, as AWS's API reference says


def hook_problems(hook: Values, path: str = "") -> Iterator[Problem]:
    """What AWS refuses of a hook; the path leads to it."""
    for key, choices in (("lifecycleTransition", TRANSITIONS), ("defaultResult", _RESULTS)):
        yield from choice_problem(f"{path}{key}", hook.get(key), choices)
    seconds = hook.get("heartbeatTimeout")
    if isinstance(seconds, int) and seconds not in _HEARTBEAT:
        why = f"expected heartbeatTimeout to be in the range (30 - 7200), got {seconds}"
        yield Problem(f"{path}heartbeatTimeout", why)


def put_hook(account: Account, group: str, hook: Values) -> None:
    """PutLifecycleHook, which also changes one."""
    account.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=group,
        LifecycleHookName=hook["name"],
        LifecycleTransition=hook["lifecycleTransition"],
        **given(
            HeartbeatTimeout=hook.get("heartbeatTimeout"), DefaultResult=hook.get("defaultResult")
        ),
    )


class LifecycleHook(Resource):
    """What an instance waits for while it comes or goes. Nothing waits here: a hook is kept."""

    token = "aws:autoscaling/lifecycleHook:LifecycleHook"
    service = "autoscaling"
    label = "Auto Scaling Lifecycle Hook"
    creating = "creating Auto Scaling Lifecycle Hook ({autoscalingGroupName}/{name})"
    replace_on = names("name")
    optional_computed = names("defaultResult")
    # AWS's 3600 would differ from an input that is not there in every plan of the real provider.
    needed = ("heartbeatTimeout",)
    simulated = names(
        "autoscalingGroupName defaultResult heartbeatTimeout lifecycleTransition name region"
    )
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        yield from hook_problems(inputs)

    def create(self, account: Account, inputs: Values) -> str:
        put_hook(account, inputs["autoscalingGroupName"], inputs)
        return str(inputs["name"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        answer = account.autoscaling.describe_lifecycle_hooks(
            AutoScalingGroupName=state["autoscalingGroupName"], LifecycleHookNames=[id_]
        )
        return first(answer["LifecycleHooks"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            **picked(shown, "LifecycleTransition", "HeartbeatTimeout", "DefaultResult"),
            "name": id_,
            "autoscalingGroupName": shown["AutoScalingGroupName"],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        """Another group gets the hook too; the provider leaves it with the first."""
        put_hook(account, change.inputs["autoscalingGroupName"], change.inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        account.autoscaling.delete_lifecycle_hook(
            AutoScalingGroupName=state["autoscalingGroupName"], LifecycleHookName=id_
        )


_STEP, _TARGET = "StepScaling", "TargetTrackingScaling"
_TUNING: Final = (
    *("AdjustmentType", "EstimatedInstanceWarmup", "MetricAggregationType"),
    "MinAdjustmentMagnitude",
)
_BOUNDS: Final = ("metricIntervalLowerBound", "metricIntervalUpperBound")
_CUSTOM: Final = "customizedMetricSpecification"


class Policy(Resource):
    """When a group grows and shrinks. No alarm goes off here: a policy is kept."""

    token = "aws:autoscaling/policy:Policy"
    service = "autoscaling"
    label = "Auto Scaling Policy"
    creating = "creating Auto Scaling Policy ({name})"
    replace_on = names("name autoscalingGroupName")
    defaults: ClassVar[Values] = {
        "policyType": "SimpleScaling",
        "enabled": True,
        "targetTrackingConfiguration": {"disableScaleIn": False},
    }
    optional_computed = names("metricAggregationType")
    only_given = names(
        f"""
        targetTrackingConfiguration.{_CUSTOM}.metricDimensions
        targetTrackingConfiguration.{_CUSTOM}.metricName
        targetTrackingConfiguration.{_CUSTOM}.metrics
        targetTrackingConfiguration.{_CUSTOM}.namespace
        targetTrackingConfiguration.{_CUSTOM}.statistic
        targetTrackingConfiguration.{_CUSTOM}.unit
        """
    )
    unordered = names("stepAdjustments")
    simulated = frozenset(uncapitalised(name) for name in _TUNING) | names(
        """
        autoscalingGroupName enabled name policyType region stepAdjustments
        targetTrackingConfiguration
        """
    )
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        kind = inputs["policyType"]
        if inputs["enabled"] is False:
            yield Problem("enabled", "only enabled policies are simulated")
        if isinstance(kind, str) and kind not in (_STEP, _TARGET):
            yield Problem("policyType", f"{_STEP} and {_TARGET} are simulated, not {kind}")
        wanted = {
            _STEP: ("adjustmentType", "stepAdjustments"),
            _TARGET: ("targetTrackingConfiguration",),
        }
        for of, keys in wanted.items():
            for key in keys:
                if (kind == of) != bool(inputs.get(key)) and kind in wanted:
                    yield Problem(key, f"must {'' if kind == of else 'not '}be set for {kind}")
        target = inputs.get("targetTrackingConfiguration")
        if isinstance(target, Mapping) and not isinstance(target.get(_CUSTOM), Mapping):
            why = f"simulated only with {_CUSTOM}"
            yield Problem("targetTrackingConfiguration", why)

    def _put(self, account: Account, inputs: Values) -> None:
        steps = [_step(one) for one in inputs.get("stepAdjustments") or []]
        if wrong := _fault(steps):  # moto takes any
            raise account.autoscaling.refuse("PutScalingPolicy", "ValidationError", wrong)
        target = inputs.get("targetTrackingConfiguration")
        tuning = {name: inputs.get(uncapitalised(name)) for name in _TUNING}
        account.autoscaling.put_scaling_policy(
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            PolicyName=inputs["name"],
            PolicyType=inputs["policyType"],
            StepAdjustments=steps,
            **given(TargetTrackingConfiguration=_sent(target) if target else None),
            **{name: value for name, value in tuning.items() if value is not None},
        )

    def create(self, account: Account, inputs: Values) -> str:
        self._put(account, inputs)
        return str(inputs["name"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        answer = account.autoscaling.describe_policies(
            AutoScalingGroupName=state["autoscalingGroupName"], PolicyNames=[id_]
        )
        return first(answer["ScalingPolicies"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        target = shown.get("TargetTrackingConfiguration")
        as_written = {_key(one): one for one in state.get("stepAdjustments") or []}
        steps = [
            as_written.get((one["ScalingAdjustment"], *_bounds(one))) or _shown_step(one)
            for one in shown.get("StepAdjustments") or []
        ]
        return {
            **{uncapitalised(name): shown.get(name) or None for name in _TUNING},
            **picked(shown, "PolicyType", "Enabled"),
            "name": id_,
            "arn": shown["PolicyARN"],
            "autoscalingGroupName": shown["AutoScalingGroupName"],
            "metricAggregationType": shown.get("MetricAggregationType") or "",
            "stepAdjustments": steps or None,
            "targetTrackingConfiguration": _shown(target) if target else None,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._put(account, change.inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if shown := self.describe(account, id_, state):
            account.autoscaling.delete_policy(
                AutoScalingGroupName=state["autoscalingGroupName"], PolicyName=shown["PolicyARN"]
            )


def _step(given_: Values) -> dict[str, Any]:
    """One step as Auto Scaling takes it; the provider has the bounds as text."""
    bounds = {key: float(given_[key]) for key in _BOUNDS if given_.get(key) not in (None, "")}
    return {"ScalingAdjustment": given_["scalingAdjustment"], **capitalised(bounds)}


def _bounds(step: Values) -> list[float | None]:
    return [step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")]


def _key(given_: Values) -> tuple[Any, ...]:
    return (given_["scalingAdjustment"], *_bounds(_step(given_)))


def _shown_step(step: Values) -> dict[str, Any]:
    bounds = zip(_BOUNDS, _bounds(step), strict=True)
    texts = {key: f"{value:g}" for key, value in bounds if value is not None}
    return {"scalingAdjustment": step["ScalingAdjustment"], **texts}


def _fault(steps: list[dict[str, Any]]) -> str | None:
    """AWS's error for steps that leave a gap, or overlap."""
    infinite = float("inf")
    spans = sorted(
        (
            step.get("MetricIntervalLowerBound", -infinite),
            step.get("MetricIntervalUpperBound", infinite),
        )
        for step in steps
    )
    for (_, end), (begin, _) in itertools.pairwise(spans):
        if end != begin:
            what = "overlap" if begin < end else "have a gap between them"
            return f"StepAdjustments {what}"
    return None


def _sent(value: Any) -> Any:
    """A target as Auto Scaling takes it."""
    if isinstance(value, Mapping):
        known = {key: _sent(item) for key, item in value.items() if item is not None}
        sent = capitalised(known)
        if "MetricDimensions" in sent:
            sent["Dimensions"] = sent.pop("MetricDimensions")
        return sent
    return [_sent(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any, outer: str = "") -> Any:
    """The reverse of `_sent`; what is empty is left out."""
    if isinstance(value, Mapping):
        found = {}
        for key, item in value.items():
            custom = (outer, key) == ("CustomizedMetricSpecification", "Dimensions")
            if item not in (None, "", []):
                found["metricDimensions" if custom else uncapitalised(key)] = _shown(item, key)
        return found
    return [_shown(item) for item in value] if isinstance(value, list) else value
