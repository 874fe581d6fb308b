"""A deployed stack with workers: the group, its activities and the reports that AWS answers."""

from typing import Any

from .deployed import AFTER, NEW, Deployed, aws

GROUP = "geusemaker-0123456789ab-workers"
BUCKET = "settings-bucket"


def instance(number: int) -> str:
    return f"i-{number:017x}"


class Group:
    """What AWS answers of the workers, to be changed by a test."""

    def __init__(self, host: Deployed, size: int, most: int | None = None) -> None:
        self.host = host
        self.described: dict[str, Any] = {
            "AutoScalingGroupName": GROUP,
            "MinSize": size if most is None else 0,
            "MaxSize": size if most is None else most,
            "DesiredCapacity": size,
            "MixedInstancesPolicy": {
                "LaunchTemplate": {"Overrides": [{"InstanceType": "m6i.xlarge"}]},
                "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 100},
            },
            "Instances": [
                {
                    "InstanceId": instance(number),
                    "InstanceType": "m6i.xlarge",
                    "AvailabilityZone": "us-east-1a",
                    "LifecycleState": "InService",
                }
                for number in range(1, size + 1)
            ],
        }
        self.activities: list[dict[str, str]] = []
        outputs = dict(host.world._answers["output"])  # type: ignore[call-overload]
        host.world.answers(output={**outputs, "workersGroup": GROUP, "stackId": "0123456789ab"})
        pointer = f"sha256={NEW}\nbucket={BUCKET}\nkey=k"
        host.put("/geusemaker/0123456789ab/worker-settings", pointer)
        aws("s3").create_bucket(Bucket=BUCKET)
        host.answers |= {
            "describe_auto_scaling_groups": lambda **_: {"AutoScalingGroups": [self.described]},
            "describe_scaling_activities": lambda **_: {"Activities": self.activities},
        }

    def report(self, number: int, state: str = "ready", **fields: str) -> None:
        """What a worker reports from now on."""
        printed = {
            "state": state,
            "instance": instance(number),
            "boot": "boot-1",
            "time": AFTER,
            "running": NEW,
            "wanted": NEW,
            **fields,
        }
        aws("s3").put_object(
            Bucket=BUCKET,
            Key=f"reports/AROA0123456789ABCDEF:{instance(number)}",
            Body="\n".join(f"{key}={value}" for key, value in printed.items()).encode(),
        )

    def failed(self, message: str) -> None:
        """The last launch has failed so."""
        self.activities.insert(
            0,
            {
                "Description": "Launching a new EC2 instance",
                "StatusCode": "Failed",
                "StatusMessage": message,
            },
        )
