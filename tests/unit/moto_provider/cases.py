"""One of every resource type: how to make it, and what of it changes in place."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto_provider.world import ALLOW, MANAGED, TRUST, World

TAGS = {"owner": "me"}
OTHER_TAGS = {"owner": "you", "more": "yes"}


HOOK = {
    "name": "drain",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeatTimeout": 120,
    "defaultResult": "CONTINUE",
}


@dataclass(frozen=True)
class Case:
    """How to make one, and which properties change in place, to what."""

    inputs: Callable[[World], Mapping[str, Any]]
    in_place: Callable[[World], Mapping[str, Any]] = field(default=lambda _: {})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _with(document: str, **members: Any) -> str:
    return json.dumps({**json.loads(document), **members}, indent=2)


def _encryption(key: str) -> Mapping[str, Any]:
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": f"arn:aws:kms:us-east-1:1:key/{key}"}
    return {"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}


def _expiring(days: int, **members: Any) -> Mapping[str, Any]:
    filtered = {"filter": {"prefix": "reports/"}, "expiration": {"days": days}}
    return {"id": "reports", "status": "Enabled", **filtered, **members}


def _association(world: World) -> Mapping[str, Any]:
    return {"routeTableId": world.route_table().id, "subnetId": world.subnet().id}


def _eip_association(world: World) -> Mapping[str, Any]:
    address = world.make("Eip", domain="vpc")
    return {
        "allocationId": address.id,
        "instanceId": world.instance().id,
        "allowReassociation": True,
    }


CASES = {
    "Vpc": Case(
        lambda _: {"cidrBlock": "10.9.0.0/16", "tags": TAGS},
        lambda _: {"enableDnsHostnames": True, "enableDnsSupport": False, "tags": OTHER_TAGS},
    ),
    "Subnet": Case(
        lambda w: {"vpcId": w.vpc.id, "cidrBlock": w.free_cidr(), "tags": TAGS},
        lambda _: {"mapPublicIpOnLaunch": True, "tags": OTHER_TAGS},
    ),
    "InternetGateway": Case(
        lambda w: {"vpcId": w.make("Vpc", cidrBlock="10.8.0.0/16").id, "tags": TAGS},
        lambda w: {"vpcId": w.make("Vpc", cidrBlock="10.7.0.0/16").id, "tags": OTHER_TAGS},
    ),
    "RouteTable": Case(lambda w: {"vpcId": w.vpc.id, "tags": TAGS}, lambda _: {"tags": OTHER_TAGS}),
    "Route": Case(
        lambda w: {
            "routeTableId": w.route_table().id,
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": w.gateway(w.make("Vpc", cidrBlock="10.6.0.0/16")).id,
        },
        lambda w: {"gatewayId": w.gateway(w.make("Vpc", cidrBlock="10.5.0.0/16")).id},
    ),
    "RouteTableAssociation": Case(_association, lambda w: {"routeTableId": w.route_table().id}),
    "SecurityGroup": Case(
        lambda w: {"vpcId": w.vpc.id, "description": "of a test", "tags": TAGS},
        lambda _: {"revokeRulesOnDelete": True, "tags": OTHER_TAGS},
    ),
    "DefaultSecurityGroup": Case(
        lambda w: {"vpcId": w.make("Vpc", cidrBlock="10.4.0.0/16").id, "tags": TAGS},
        lambda _: {"revokeRulesOnDelete": True, "tags": OTHER_TAGS},
    ),
    "SecurityGroupIngressRule": Case(
        lambda w: {
            "securityGroupId": w.group().id,
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrIpv4": "203.0.113.0/24",
            "description": "https",
            "tags": TAGS,
        },
        lambda _: {
            "fromPort": 80,
            "cidrIpv4": "198.51.100.0/24",
            "ipProtocol": "udp",
            "description": "other",
            "tags": OTHER_TAGS,
        },
    ),
    "SecurityGroupEgressRule": Case(
        lambda w: {"securityGroupId": w.group().id, "ipProtocol": "-1", "cidrIpv6": "::/0"},
        lambda _: {"cidrIpv6": "2001:db8::/32", "tags": OTHER_TAGS},
    ),
    "Eip": Case(lambda _: {"domain": "vpc", "tags": TAGS}, lambda _: {"tags": OTHER_TAGS}),
    "EipAssociation": Case(_eip_association),
    "Role": Case(
        lambda _: {"assumeRolePolicy": TRUST, "description": "of a test", "tags": TAGS},
        lambda _: {
            "assumeRolePolicy": _with(TRUST, Id="other"),
            "description": "other",
            "maxSessionDuration": 7200,
            "permissionsBoundary": MANAGED,
            "forceDetachPolicies": True,
            "tags": OTHER_TAGS,
        },
    ),
    "RolePolicy": Case(
        lambda w: {"role": w.role().id, "policy": ALLOW},
        lambda _: {"policy": _with(ALLOW, Id="other")},
    ),
    "RolePolicyAttachment": Case(lambda w: {"role": w.role().id, "policyArn": MANAGED}),
    "InstanceProfile": Case(
        lambda w: {"role": w.role().id, "tags": TAGS},
        lambda w: {"role": w.role().id, "tags": OTHER_TAGS},
    ),
    "FileSystem": Case(
        lambda _: {
            "encrypted": True,
            "availabilityZoneName": "us-east-1a",
            "lifecyclePolicies": [{"transitionToIa": "AFTER_30_DAYS"}],
            "tags": TAGS,
        },
        lambda _: {
            "throughputMode": "elastic",
            "lifecyclePolicies": [{"transitionToIa": "AFTER_7_DAYS"}],
            "tags": OTHER_TAGS,
        },
    ),
    "MountTarget": Case(
        lambda w: {
            "fileSystemId": w.file_system().id,
            "subnetId": w.subnet().id,
            "securityGroups": [w.group().id, w.group().id],
        },
        lambda w: {"securityGroups": [w.group().id]},
    ),
    "AccessPoint": Case(
        lambda w: {
            "fileSystemId": w.file_system().id,
            "posixUser": {"uid": 1000, "gid": 1000, "secondaryGids": [5]},
            "rootDirectory": {
                "path": "/n8n",
                "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0750"},
            },
            "tags": TAGS,
        },
        lambda _: {"tags": OTHER_TAGS},
    ),
    "FileSystemPolicy": Case(
        lambda w: {"fileSystemId": w.file_system().id, "policy": ALLOW},
        lambda _: {"policy": _with(ALLOW, Id="other"), "bypassPolicyLockoutSafetyCheck": True},
    ),
    "Volume": Case(
        lambda _: {
            "availabilityZone": "us-east-1a",
            "size": 10,
            "type": "gp3",
            "encrypted": True,
            "tags": TAGS,
        },
        lambda _: {"size": 20, "iops": 4000, "throughput": 250, "tags": OTHER_TAGS},
    ),
    "VolumeAttachment": Case(
        lambda w: {
            "deviceName": "/dev/sdf",
            "instanceId": w.instance().id,
            "volumeId": w.volume().id,
        },
        lambda _: {"stopInstanceBeforeDetaching": True, "forceDetach": True},
    ),
    "Instance": Case(
        lambda w: w.instance_inputs(
            associatePublicIpAddress=True,
            userDataBase64=_base64("#!/bin/sh\n"),
            metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1},
            rootBlockDevice={"volumeSize": 40, "encrypted": True, "tags": {"Name": "root"}},
            vpcSecurityGroupIds=[w.group().id, w.group().id],
            tags=TAGS,
        ),
        lambda w: {
            "instanceType": "m6i.xlarge",
            "userDataBase64": _base64("#!/bin/bash\n"),
            "metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 2},
            "rootBlockDevice": {
                "volumeSize": 50,
                "encrypted": True,
                "iops": 4000,
                "throughput": 250,
                "tags": {"Use": "root"},
            },
            "vpcSecurityGroupIds": [w.group().id],
            "iamInstanceProfile": w.profile().id,
            "sourceDestCheck": False,
            "monitoring": True,
            "userDataReplaceOnChange": True,
            "tags": OTHER_TAGS,
        },
    ),
    "Parameter": Case(
        lambda _: {
            "type": "SecureString",
            "value": "one",
            "description": "of a test",
            "tags": TAGS,
        },
        lambda _: {
            "value": "two",
            "type": "String",
            "description": "other",
            "keyId": "alias/mine",
            "allowedPattern": "^[a-z]+$",
            "tier": "Advanced",
            "overwrite": True,
            "tags": OTHER_TAGS,
        },
    ),
    "Bucket": Case(
        lambda _: {"tags": TAGS},
        lambda _: {"forceDestroy": True, "tags": OTHER_TAGS},
    ),
    "BucketPublicAccessBlock": Case(
        lambda w: {"bucket": w.bucket().id, "blockPublicAcls": True, "blockPublicPolicy": True},
        lambda _: {
            "blockPublicAcls": False,
            "blockPublicPolicy": False,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    ),
    "BucketPolicy": Case(
        lambda w: {
            "bucket": w.standing_bucket.id,
            "policy": w.bucket_policy(w.standing_bucket),
        },
        lambda w: {"policy": w.bucket_policy(w.standing_bucket, Sid="Other")},
    ),
    "BucketServerSideEncryptionConfiguration": Case(
        lambda w: {"bucket": w.bucket().id, "rules": [_encryption("one")]},
        lambda _: {"rules": [_encryption("two")]},
    ),
    "BucketObjectv2": Case(
        lambda w: {
            "bucket": w.bucket().id,
            "key": "bundles/1.tar",
            "contentBase64": _base64("one"),
            "contentType": "application/x-tar",
            "metadata": {"made": "here"},
            "tags": TAGS,
        },
        lambda _: {
            "contentBase64": _base64("two"),
            "contentType": "text/plain",
            "cacheControl": "no-store",
            "sourceHash": "other",
            "forceDestroy": True,
            "metadata": {"made": "there"},
            "tags": OTHER_TAGS,
        },
    ),
    "Vault": Case(lambda _: {"tags": TAGS}, lambda _: {"forceDestroy": True, "tags": OTHER_TAGS}),
    "Plan": Case(
        lambda w: {"rules": [w.rule(recoveryPointTags=TAGS)], "tags": TAGS},
        lambda w: {
            "rules": [
                w.rule(startWindow=90, lifecycle={"deleteAfter": 7}),
                w.rule(ruleName="weekly", schedule="cron(0 5 ? * SUN *)"),
            ],
            "tags": OTHER_TAGS,
        },
    ),
    "Selection": Case(
        lambda w: {
            "planId": w.plan().id,
            "iamRoleArn": w.backup_role.state["arn"],
            "resources": [w.file_system().state["arn"], w.file_system().state["arn"]],
            "selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}],
        }
    ),
    "Record": Case(
        lambda w: {
            "zoneId": w.zone,
            "name": w.free_name(),
            "type": "A",
            "ttl": 300,
            "records": ["203.0.113.5", "203.0.113.6"],
        },
        lambda _: {"ttl": 60, "records": ["203.0.113.7"], "type": "TXT", "allowOverwrite": True},
    ),
    "Zone": Case(
        lambda w: {"name": w.free_name(), "vpcs": [{"vpcId": w.vpc.id}], "tags": TAGS},
        lambda w: {
            "comment": "other",
            "forceDestroy": True,
            "vpcs": [{"vpcId": w.vpc.id}, {"vpcId": w.make("Vpc", cidrBlock="10.3.0.0/16").id}],
            "tags": OTHER_TAGS,
        },
    ),
    "LaunchTemplate": Case(
        lambda w: w.template_inputs(
            description="of a test",
            ebsOptimized="true",
            metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 2},
            monitoring={"enabled": True},
            blockDeviceMappings=[
                {
                    "deviceName": "/dev/sda1",
                    "ebs": {"volumeSize": 40, "volumeType": "gp3", "encrypted": "true"},
                }
            ],
            tagSpecifications=[{"resourceType": "instance", "tags": TAGS}],
            userData=_base64("#!/bin/sh\n"),
            updateDefaultVersion=True,
            tags=TAGS,
        ),
        lambda w: {
            "description": "other",
            "ebsOptimized": "false",
            "imageId": w.image().id,
            "instanceType": "m6i.xlarge",
            "instanceInitiatedShutdownBehavior": "terminate",
            "instanceMarketOptions": {"marketType": "spot"},
            "iamInstanceProfile": {"name": w.profile().id},
            "metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 1},
            "monitoring": {"enabled": False},
            "blockDeviceMappings": [
                {
                    "deviceName": "/dev/sda1",
                    "ebs": {"volumeSize": 50, "deleteOnTermination": "false"},
                }
            ],
            "tagSpecifications": [
                {"resourceType": "instance", "tags": OTHER_TAGS},
                {"resourceType": "volume", "tags": TAGS},
            ],
            "userData": _base64("#!/bin/bash\n"),
            "vpcSecurityGroupIds": [w.group().id],
            "disableApiStop": True,
            "disableApiTermination": True,
            "tags": OTHER_TAGS,
        },
    ),
    "Group": Case(
        lambda w: {
            **w.group_of_inputs(),
            "tags": [{"key": "Name", "value": "worker", "propagateAtLaunch": True}],
            "initialLifecycleHooks": [HOOK],
            "instanceMaintenancePolicy": {"minHealthyPercentage": 90, "maxHealthyPercentage": 120},
            "terminationPolicies": ["OldestInstance"],
            "enabledMetrics": ["GroupInServiceInstances"],
            "suspendedProcesses": ["AZRebalance"],
        },
        lambda w: {
            "minSize": 2,
            "maxSize": 4,
            "desiredCapacity": 2,
            "capacityRebalance": True,
            "defaultCooldown": 60,
            "defaultInstanceWarmup": 90,
            "enabledMetrics": ["GroupDesiredCapacity"],
            "forceDelete": True,
            "healthCheckGracePeriod": 100,
            "ignoreFailedScalingActivities": True,
            "instanceMaintenancePolicy": {"minHealthyPercentage": 50, "maxHealthyPercentage": 100},
            "instanceRefresh": {"strategy": "Rolling", "preferences": {"minHealthyPercentage": 50}},
            "launchTemplate": {"id": w.template().id, "version": "1"},
            "maxInstanceLifetime": 86400,
            "protectFromScaleIn": True,
            "suspendedProcesses": ["HealthCheck"],
            "tags": [{"key": "Name", "value": "other", "propagateAtLaunch": False}],
            "terminationPolicies": ["NewestInstance"],
            "vpcZoneIdentifiers": [w.subnet("b").id, w.subnet("c").id],
            "waitForCapacityTimeout": "5m",
        },
    ),
    "Grant": Case(
        lambda w: {
            "keyId": w.account.kms.create_key()["KeyMetadata"]["Arn"],
            "granteePrincipal": w.role().state["arn"],
            "operations": ["Encrypt", "Decrypt"],
        }
    ),
    "BucketLifecycleConfiguration": Case(
        lambda w: {"bucket": w.bucket().id, "rules": [_expiring(7)]},
        lambda _: {
            "rules": [
                _expiring(8),
                _expiring(
                    1,
                    id="other",
                    status="Disabled",
                    abortIncompleteMultipartUpload={"daysAfterInitiation": 3},
                ),
            ]
        },
    ),
    "LifecycleHook": Case(
        lambda w: {"autoscalingGroupName": w.workers.id, **HOOK, "name": w.free_name()},
        lambda _: {
            "defaultResult": "ABANDON",
            "heartbeatTimeout": 300,
            "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        },
    ),
    "Policy": Case(
        lambda w: {
            "autoscalingGroupName": w.workers.id,
            "policyType": "StepScaling",
            "adjustmentType": "ExactCapacity",
            "metricAggregationType": "Maximum",
            "stepAdjustments": [{"scalingAdjustment": 1, "metricIntervalLowerBound": "0"}],
        },
        lambda _: {
            "adjustmentType": "ChangeInCapacity",
            "estimatedInstanceWarmup": 60,
            "metricAggregationType": "Average",
            "stepAdjustments": [
                {"scalingAdjustment": 1, "metricIntervalUpperBound": "2.5"},
                {"scalingAdjustment": 2, "metricIntervalLowerBound": "2.5"},
            ],
        },
    ),
    "MetricAlarm": Case(
        lambda _: {
            "comparisonOperator": "GreaterThanOrEqualToThreshold",
            "evaluationPeriods": 2,
            "metricName": "waiting",
            "namespace": "Queue",
            "period": 60,
            "statistic": "Maximum",
            "threshold": 1,
            "dimensions": {"Stack": "one"},
            "tags": TAGS,
        },
        lambda w: {
            "actionsEnabled": False,
            "alarmActions": [f"arn:aws:sns:{w.account.region}:{w.account.id}:one"],
            "okActions": [f"arn:aws:sns:{w.account.region}:{w.account.id}:two"],
            "insufficientDataActions": [f"arn:aws:sns:{w.account.region}:{w.account.id}:three"],
            "alarmDescription": "other",
            "comparisonOperator": "LessThanThreshold",
            "datapointsToAlarm": 1,
            "dimensions": {"Stack": "two"},
            "evaluationPeriods": 3,
            "metricName": "running",
            "namespace": "Other",
            "period": 120,
            "statistic": "Sum",
            "threshold": 2,
            "treatMissingData": "notBreaching",
            "unit": "Count",
            "tags": OTHER_TAGS,
        },
    ),
}
