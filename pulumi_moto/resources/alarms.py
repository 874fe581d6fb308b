"""CloudWatch: alarms on metrics."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account, AwsError
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags

from .support import capitalised, choice_problem, first, given, not_empty, uncapitalised

_OPERATORS: Final = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
)
_MISSING: Final = ("breaching", "notBreaching", "ignore", "missing")
_PLAIN: Final = (
    *("ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator"),
    *("DatapointsToAlarm", "EvaluationPeriods", "InsufficientDataActions", "MetricName"),
    *("Namespace", "Period", "Statistic", "Threshold", "TreatMissingData", "Unit"),
)
"""AWS's names of what is sent and shown by the same name as the provider's."""
_DAY: Final = 86_400  # seconds


class MetricAlarm(Resource):
    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    service = "cloudwatch"
    label = "CloudWatch Metric Alarm"
    creating = "creating CloudWatch Metric Alarm ({name})"
    replace_on = names("name")
    defaults: ClassVar[Values] = {"actionsEnabled": True, "treatMissingData": "missing"}
    needed = ("comparisonOperator", "evaluationPeriods", "threshold")
    unordered = names("alarmActions okActions insufficientDataActions")
    simulated = frozenset(uncapitalised(name) for name in _PLAIN) | names(
        "dimensions metricQueries name okActions region tags tagsAll"
    )
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        yield from choice_problem("comparisonOperator", inputs["comparisonOperator"], _OPERATORS)
        yield from choice_problem("treatMissingData", inputs["treatMissingData"], _MISSING)
        queried = bool(inputs.get("metricQueries"))
        if queried == (inputs.get("metricName") is not None):
            yield Problem("metricName", "exactly one of metricName and metricQueries must be set")
        if not queried:
            for key in ("namespace", "period", "statistic"):
                if inputs.get(key) is None:
                    yield Problem(key, "must be set where metricName is")

    def _put(self, account: Account, inputs: Values, **more: Any) -> None:
        self._refuse(account, inputs)
        plain = {name: inputs.get(uncapitalised(name)) for name in _PLAIN}
        account.cloudwatch.put_metric_alarm(
            AlarmName=inputs["name"],
            **{name: value for name, value in plain.items() if value is not None},
            **given(
                OKActions=inputs.get("okActions"),
                Dimensions=_dimensions(inputs.get("dimensions")),
                Metrics=[_query(one) for one in inputs.get("metricQueries") or []],
            ),
            **more,
        )

    def _refuse(self, account: Account, inputs: Values) -> None:
        """Raises the refusals of PutMetricAlarm; moto takes any alarm."""

        def refuse(message: str) -> AwsError:
            return account.cloudwatch.refuse("PutMetricAlarm", "ValidationError", message)

        periods, period = inputs["evaluationPeriods"], inputs.get("period")
        if period is not None and period not in (10, 20, 30) and (period <= 0 or period % 60):
            raise refuse("Period must be 10, 20, 30 or a multiple of 60")
        if period is not None and periods * period > _DAY:
            raise refuse(
                "Metrics cannot be checked across more than a day "
                "(EvaluationPeriods * Period must be <= 86400)"
            )
        if (inputs.get("datapointsToAlarm") or 0) > periods:
            raise refuse("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
        for key in ("alarmActions", "okActions", "insufficientDataActions"):
            for arn in inputs.get(key) or []:
                if not arn.startswith("arn:"):
                    raise refuse(f"Invalid arn syntax: {arn}")
                if arn.split(":")[3] not in ("", account.region):
                    raise refuse(
                        f"Invalid region {arn.split(':')[3]} specified. "
                        f"Only {account.region} is supported."
                    )

    def create(self, account: Account, inputs: Values) -> str:
        self._put(account, inputs, **given(Tags=aws_tags(account, inputs)))
        return str(inputs["name"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        return first(account.cloudwatch.describe_alarms(AlarmNames=[id_])["MetricAlarms"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        dimensions = {one["Name"]: one["Value"] for one in shown.get("Dimensions") or []}
        found = {
            **{uncapitalised(name): shown.get(name) for name in _PLAIN},
            "dimensions": dimensions,
            "okActions": shown.get("OKActions", []),
            "metricQueries": [_shown(one) for one in shown.get("Metrics") or []],
        }
        own = {"name": shown["AlarmName"], "arn": shown["AlarmArn"]}
        return {**not_empty(found, state), **own}

    def update(self, account: Account, id_: str, change: Update) -> None:
        if change.paths - {"tags", "tagsAll"}:
            self._put(account, change.inputs)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        account.cloudwatch.delete_alarms(AlarmNames=[id_])

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        answer = account.cloudwatch.list_tags_for_resource(ResourceARN=shown["AlarmArn"])
        tags: list[dict[str, str]] = answer["Tags"]
        return tags

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.cloudwatch.tag_resource(ResourceARN=_arn(account, id_), Tags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.cloudwatch.untag_resource(ResourceARN=_arn(account, id_), TagKeys=keys)


def _arn(account: Account, name: str) -> str:
    return account.arn("cloudwatch", f"alarm:{name}")


def _dimensions(given_: Values | None) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in (given_ or {}).items()]


def _query(query: Values) -> dict[str, Any]:
    """One query as CloudWatch takes it."""
    sent = capitalised({key: value for key, value in query.items() if key != "metric"})
    if metric := query.get("metric"):
        sent["MetricStat"] = {
            "Metric": {
                "Namespace": metric.get("namespace"),
                "MetricName": metric["metricName"],
                "Dimensions": _dimensions(metric.get("dimensions")),
            },
            "Period": metric["period"],
            "Stat": metric["stat"],
            **given(Unit=metric.get("unit")),
        }
    return {"ReturnData": False, **sent}


def _shown(query: Values) -> dict[str, Any]:
    """One query as the provider has it."""
    plain = ("Expression", "Id", "Label", "Period", "ReturnData")
    found = {uncapitalised(name): query[name] for name in plain if query.get(name) is not None}
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions") or []}
        found["metric"] = {
            "namespace": metric["Namespace"],
            "metricName": metric["MetricName"],
            "period": stat["Period"],
            "stat": stat["Stat"],
            **given(dimensions=dimensions, unit=stat.get("Unit")),
        }
    return found
