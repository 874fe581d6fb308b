"""What the provider refuses before it calls AWS, and what is not simulated."""

from typing import Any

import pytest

from moto_provider.cases import CASES
from moto_provider.world import BY_NAME, MANAGED, TRUST, World
from pulumi_moto.wire import UNKNOWN

ENCRYPTION = "BucketServerSideEncryptionConfiguration"
LIFECYCLE = "BucketLifecycleConfiguration"
PARAMETER = {"type": "String", "value": "x"}
RECORD = {"zoneId": "Z1", "name": "a", "type": "A", "ttl": 60, "records": ["203.0.113.5"]}
OF = {"autoscalingGroupName": "group"}
GROUP = {"minSize": 0, "maxSize": 1, "vpcZoneIdentifiers": ["s"], "launchTemplate": {"id": "lt-1"}}
HOOK = {"name": "one", "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}
MIXED = {
    "launchTemplate": {
        "launchTemplateSpecification": {"launchTemplateId": "lt-1"},
        "overrides": [{"instanceType": "m6i.large", "weightedCapacity": "2"}],
    }
}
DISTRIBUTED = {
    "launchTemplate": {"launchTemplateSpecification": {"launchTemplateId": "lt-1"}},
    "instancesDistribution": {"spotAllocationStrategy": "price-capacity-optimised"},
}
STEPS = {
    "policyType": "StepScaling",
    "adjustmentType": "ExactCapacity",
    "stepAdjustments": [{"scalingAdjustment": 1}],
}
ALARM = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "waiting",
    "namespace": "Queue",
    "period": 60,
    "statistic": "Sum",
    "threshold": 0,
}
GRANT = {"keyId": "key", "granteePrincipal": "ec2.amazonaws.com", "operations": ["Encrypt"]}
RULE = {"ruleName": "nightly", "targetVaultName": "vault", "schedule": "cron(0 5 ? * * *)"}


def encryption(sse: str = "aws:kms", **members: Any) -> dict[str, Any]:
    rule = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": sse}, **members}
    return {"bucket": "b", "rules": [rule]}


def lifecycle(**members: Any) -> dict[str, Any]:
    rule = {"id": "one", "status": "Enabled", "filter": {"prefix": "a/"}, "expiration": {"days": 7}}
    return {"bucket": "b", "rules": [{**rule, **members}]}


REFUSED = [
    ("Vpc", {}, "cidrBlock: simulated only where it is set"),
    ("Subnet", {"vpcId": "vpc-1"}, "cidrBlock: simulated only where it is set"),
    ("Volume", {"availabilityZone": "us-east-1a"}, "size: simulated only where it is set"),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 1, "throughput": 125},
        "throughput: 'throughput' must not be set when 'type' is not gp3",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 1, "type": "gp2", "iops": 100},
        "iops: 'iops' must not be set when 'type' is 'gp2'",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 4, "type": "io2"},
        "iops: 'iops' must be set when 'type' is 'io2'",
    ),
    (
        "Volume",
        {"availabilityZone": "us-east-1a", "size": 4, "multiAttachEnabled": True},
        "multiAttachEnabled: must not be set when 'type' is ''",
    ),
    (
        "FileSystem",
        {"kmsKeyId": "arn:aws:kms:us-east-1:1:key/1"},
        "kmsKeyId: encrypted must be set to true when kms_key_id is specified",
    ),
    ("FileSystem", {"throughputMode": "fast"}, "throughputMode: bursting and elastic"),
    ("FileSystemPolicy", {"fileSystemId": "fs-1", "policy": "{"}, "policy: contains an invalid"),
    ("RolePolicy", {"role": "r", "policy": "{}"}, "policy: contains an invalid JSON policy: no"),
    ("Role", {"assumeRolePolicy": "text"}, "assumeRolePolicy: contains an invalid JSON policy"),
    ("Role", {"assumeRolePolicy": TRUST, "name": "n" * 65}, "name: expected length of name"),
    (
        "Role",
        {"assumeRolePolicy": TRUST, "managedPolicyArns": [MANAGED]},
        "managedPolicyArns: not simulated: use separate policy resources",
    ),
    ("Role", {"assumeRolePolicy": TRUST, "namePrefix": "n"}, "namePrefix: not simulated"),
    ("SecurityGroup", {"name": "sg-mine"}, 'name: invalid value for name (cannot begin with "sg-"'),
    ("Eip", {"instance": "i-1"}, "instance: not simulated: use ec2.EipAssociation"),
    ("EipAssociation", {"instanceId": "i-1"}, "allocationId: simulated only where it is set"),
    ("RouteTable", {"vpcId": "vpc-1", "routes": [{"cidrBlock": "::/0"}]}, "routes: not simulated"),
    ("Route", {"routeTableId": "rtb-1"}, "destinationCidrBlock: only IPv4 routes"),
    ("RouteTableAssociation", {"routeTableId": "rtb-1"}, "subnetId: exactly one of"),
    (
        "SecurityGroupIngressRule",
        {"securityGroupId": "sg-1", "ipProtocol": "-1"},
        "cidrIpv4: exactly one of",
    ),
    ("Instance", {"ami": "ami-1"}, "instanceType: simulated only where it is set"),
    ("Instance", {"userDataBase64": "#!"}, "userDataBase64: expected valid base64"),
    ("Instance", {"vpcSecurityGroupIds": []}, "vpcSecurityGroupIds: an instance needs at least"),
    ("Instance", {"keyName": "mine"}, "keyName: declared by AWS, but not simulated yet"),
    ("Parameter", {"type": "String"}, "value: exactly one of"),
    ("Parameter", {**PARAMETER, "insecureValue": "x"}, "value: exactly one of"),
    ("Parameter", {**PARAMETER, "type": "Strnig"}, "type: expected type"),
    ("Parameter", {"type": "SecureString", "insecureValue": "x"}, "insecureValue: cannot"),
    ("Parameter", {**PARAMETER, "tier": "Intelligent-Tiering"}, "tier: Standard and"),
    ("Parameter", {**PARAMETER, "valueWo": "x"}, "valueWo: not simulated"),
    ("Bucket", {"bucket": "With_Others"}, "bucket: invalid bucket name"),
    ("Bucket", {"versioning": {"enabled": True}}, "versioning: not simulated"),
    ("BucketPolicy", {"bucket": "abc", "policy": "{"}, "policy: contains an invalid JSON"),
    (ENCRYPTION, {"bucket": "b", "rules": []}, "rules: S3 takes exactly one, got 0"),
    (
        ENCRYPTION,
        {"bucket": "b", "rules": [{"bucketKeyEnabled": True}]},
        "rules[0]: simulated only",
    ),
    (ENCRYPTION, encryption(sse="DES"), "rules[0]: expected sseAlgorithm to be one of"),
    (ENCRYPTION, encryption(blockedEncryptionTypes=["SSE-C"]), "rules[0]: not simulated: blocked"),
    (LIFECYCLE, {"bucket": "b"}, "rules: at least one is required"),
    (LIFECYCLE, lifecycle(status="On"), "status: expected status to be one of"),
    (LIFECYCLE, lifecycle(prefix="a/"), "rules[0].prefix: declared by AWS, but not simulated"),
    (LIFECYCLE, lifecycle(filter={}), "rules[0].filter: simulated only with prefix alone"),
    (LIFECYCLE, lifecycle(expiration=None), "rules[0].expiration: simulated only with days"),
    ("Grant", {**GRANT, "operations": ["Use"]}, "operations: expected operations to be one of"),
    ("Grant", {**GRANT, "granteePrincipal": "me"}, "granteePrincipal: (me) is an invalid ARN"),
    ("Grant", {**GRANT, "name": "a name"}, "name: 1 to 256 letters"),
    ("Grant", {**GRANT, "constraints": [{}]}, "constraints: not simulated"),
    ("BucketObjectv2", {"bucket": "abc", "contentBase64": "x"}, "contentBase64: expected"),
    (
        "BucketObjectv2",
        {"bucket": "abc", "content": "x", "contentBase64": "eA=="},
        "contentBase64: conflicts with content",
    ),
    ("BucketObjectv2", {"bucket": "abc", "acl": "private"}, "acl: declared by AWS"),
    ("LaunchTemplate", {"name": "lt"}, "name: expected length of name to be in the range (3 -"),
    ("LaunchTemplate", {"userData": "#!"}, "userData: expected valid base64"),
    ("LaunchTemplate", {"keyName": "mine"}, "keyName: declared by AWS, but not simulated yet"),
    (
        "LaunchTemplate",
        {"defaultVersion": 1, "updateDefaultVersion": True},
        "defaultVersion: conflicts with updateDefaultVersion",
    ),
    (
        "LaunchTemplate",
        {"vpcSecurityGroupIds": ["a"], "networkInterfaces": [{"securityGroups": ["a"]}]},
        "vpcSecurityGroupIds: name the groups here or in networkInterfaces",
    ),
    ("Group", {**GROUP, "launchTemplate": None}, "launchTemplate: exactly one of"),
    ("Group", {**GROUP, "launchTemplate": {}}, "launchTemplate: exactly one of id and name"),
    ("Group", {**GROUP, "vpcZoneIdentifiers": None}, "vpcZoneIdentifiers: simulated only"),
    ("Group", {**GROUP, "healthCheckType": "ELB"}, "healthCheckType: only EC2"),
    ("Group", {**GROUP, "waitForCapacityTimeout": "long"}, "waitForCapacityTimeout: expected a"),
    ("Group", {**GROUP, "initialLifecycleHooks": [HOOK, HOOK]}, "initialLifecycleHooks: each"),
    (
        "Group",
        {**GROUP, "mixedInstancesPolicy": MIXED, "launchTemplate": None},
        "mixedInstancesPolicy.launchTemplate.overrides: only",
    ),
    (
        "Group",
        {**GROUP, "mixedInstancesPolicy": DISTRIBUTED, "launchTemplate": None},
        "spotAllocationStrategy: expected spotAllocationStrategy to be one of",
    ),
    ("LifecycleHook", {**OF, **HOOK, "defaultResult": "STOP"}, "defaultResult: expected"),
    ("LifecycleHook", {**OF, "lifecycleTransition": "ending"}, "lifecycleTransition: expected"),
    ("LifecycleHook", {**OF, **HOOK, "heartbeatTimeout": 29}, "heartbeatTimeout: expected heart"),
    (
        "Group",
        {**GROUP, "initialLifecycleHooks": [{**HOOK, "heartbeatTimeout": 7201}]},
        "initialLifecycleHooks[0].heartbeatTimeout: expected heartbeatTimeout to be in the range",
    ),
    ("LifecycleHook", {**OF, **HOOK}, "heartbeatTimeout: simulated only where it is set"),
    ("Policy", {**OF}, "policyType: StepScaling and TargetTrackingScaling are simulated, not Sim"),
    ("Policy", {**OF, "policyType": "StepScaling"}, "stepAdjustments: must be set for StepScal"),
    ("Policy", {**OF, **STEPS, "enabled": False}, "enabled: only enabled policies"),
    (
        "Policy",
        {**OF, "policyType": "TargetTrackingScaling"},
        "targetTrackingConfiguration: must be set for TargetTrackingScaling",
    ),
    (
        "Policy",
        {**OF, **STEPS, "targetTrackingConfiguration": {"targetValue": 1}},
        "targetTrackingConfiguration: must not be set for StepScaling",
    ),
    ("MetricAlarm", {**ALARM, "metricName": None}, "metricName: exactly one of metricName and"),
    ("MetricAlarm", {**ALARM, "period": None}, "period: must be set where metricName is"),
    ("MetricAlarm", {**ALARM, "treatMissingData": "ok"}, "treatMissingData: expected"),
    ("MetricAlarm", {**ALARM, "threshold": None}, "threshold: simulated only where it is set"),
    ("Zone", {"name": "a.example", "delegationSetId": "N1"}, "delegationSetId: not simulated"),
    ("Vault", {"name": "with spaces"}, "name: invalid value"),
    ("Plan", {"rules": []}, "rules: at least one"),
    ("Plan", {"rules": [{**RULE, "schedule": None}]}, "rules[0].schedule: simulated only"),
    ("Plan", {"rules": [{**RULE, "ruleName": "a b"}]}, "name: invalid value"),
    ("Plan", {"rules": [{**RULE, "copyActions": [{}]}]}, "rules[0].copyActions[0].dest"),
    (
        "Plan",
        {"rules": [{**RULE, "copyActions": [{"destinationVaultArn": "arn:aws:backup"}]}]},
        "rules[0].copyActions: declared by AWS",
    ),
    ("Plan", {"rules": [RULE], "scanSettings": [{}]}, "scanSettings"),
    ("Selection", {"planId": "x", "iamRoleArn": "x", "name": "a b"}, "name: invalid value"),
    ("Record", {**RECORD, "ttl": None}, "ttl: simulated only"),
    ("Record", {**RECORD, "type": "MX"}, "type: A, AAAA"),
    ("Record", {**RECORD, "setIdentifier": "x"}, "setIdentifier: declared by AWS"),
    (
        "Instance",
        {"creditSpecification": {"cpuCredits": "much"}},
        "creditSpecification.cpuCredits: expected",
    ),
]


@pytest.mark.parametrize(("kind", "given", "expected"), REFUSED)
def test_it_is_refused_before_anything_is_made(
    world: World, kind: str, given: dict[str, Any], expected: str
) -> None:
    _, problems = world.check(kind, **given)
    assert any(problem.startswith(expected) for problem in problems), problems


def test_an_unknown_value_is_not_refused(world: World) -> None:
    for kind, given in (
        ("Volume", {"availabilityZone": UNKNOWN, "size": 1, "type": UNKNOWN, "throughput": 1}),
        ("FileSystem", {"throughputMode": UNKNOWN, "kmsKeyId": UNKNOWN, "encrypted": UNKNOWN}),
        ("RolePolicy", {"role": UNKNOWN, "policy": UNKNOWN}),
        ("Role", {"assumeRolePolicy": UNKNOWN, "name": UNKNOWN}),
    ):
        assert world.check(kind, **given)[1] == []


@pytest.mark.parametrize("kind", CASES)
def test_any_input_may_be_unknown_in_a_preview(world: World, kind: str) -> None:
    given = CASES[kind].inputs(world)
    for key in given:
        inputs, problems = world.check(kind, **{**given, key: UNKNOWN})
        assert problems == [], key
        assert BY_NAME[kind].preview_create(world.account, inputs)[key] is UNKNOWN
