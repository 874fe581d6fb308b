"""The role of workers: what it allows, what it denies, and that every action is needed.

The account of the simulator does not evaluate policies. `allows` does, as far as these use it.
"""

import copy
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from geusemaker.components.worker_policy import (
    Reach,
    group_name,
    worker_policy,
    worker_statements,
)

PARAMETER = "arn:aws:ssm:us-east-1:000000000000:parameter"
BUCKET = "arn:aws:s3:::geusemaker-compute-settings-1a2b3c4"
FILES = "arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-0123456789abcdef0"
POINT = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-"
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
GROUP = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:uuid:autoScalingGroupName/"
STACK = f"{PARAMETER}/geusemaker/abcdefghijkl"
ME, OTHER = "AROAWORKERS:i-0123456789abcdef0", "AROAWORKERS:i-0fedcba9876543210"

REACH = Reach(
    partition="aws",
    parameters=[f"{STACK}/worker-settings", f"{PARAMETER}/workers-secrets-1a2b3c4"],
    bucket=BUCKET,
    file_system=FILES,
    home=f"{POINT}home",
    files=f"{POINT}files",
    group=group_name("abcdefghijkl"),
    key=KEY,
)

# Those of AmazonSSMManagedInstanceCore that concern parameters.
OF_AWS = {
    "Sid": "AmazonSSMManagedInstanceCore",
    "Effect": "Allow",
    "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:UpdateInstanceInformation"],
    "Resource": "*",
}


@dataclass(frozen=True)
class Request:
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def point(name: str) -> dict[str, str]:
    return {"elasticfilesystem:AccessPointArn": f"{POINT}{name}"}


def via(service: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}


NEEDED = {
    "the pointer to the settings": Request("ssm:GetParameter", REACH.parameters[0]),
    "the secrets": Request("ssm:GetParameter", REACH.parameters[1]),
    "the settings": Request("s3:GetObject", f"{BUCKET}/worker-bundles/ab.tar"),
    "the own report": Request("s3:PutObject", f"{BUCKET}/reports/{ME}"),
    "a mount of n8n's home": Request("elasticfilesystem:ClientMount", FILES, point("home")),
    "a mount of the files": Request("elasticfilesystem:ClientMount", FILES, point("files")),
    "writing a file": Request("elasticfilesystem:ClientWrite", FILES, point("files")),
    "a mount without DNS": Request("elasticfilesystem:DescribeMountTargets", FILES),
    "the end of the own hook": Request(
        "autoscaling:CompleteLifecycleAction", f"{GROUP}{REACH.group}"
    ),
    "decrypted secrets": Request("kms:Decrypt", KEY, via("ssm")),
    "decrypted settings": Request("kms:Decrypt", KEY, via("s3")),
    "an encrypted report": Request("kms:GenerateDataKey", KEY, via("s3")),
    "AWS's agent": Request("ssm:GetParameter", f"{PARAMETER}/aws/service/ami"),
}
FORBIDDEN = {
    "the secrets of the stack": Request("ssm:GetParameter", f"{STACK}/credentials"),
    "several secrets": Request("ssm:GetParameters", f"{STACK}/credentials"),
    "the settings of the host": Request("ssm:GetParameter", f"{STACK}/settings"),
    "a parameter of the account": Request("ssm:GetParameter", f"{PARAMETER}/database"),
    "the report of the host": Request("ssm:PutParameter", f"{STACK}/status"),
    "the own pointer": Request("ssm:PutParameter", REACH.parameters[0]),
    "the bundle of the host": Request("s3:GetObject", f"{BUCKET}/bundles/ab.tar"),
    "its own bundle": Request("s3:PutObject", f"{BUCKET}/worker-bundles/ab.tar"),
    "the report of another worker": Request("s3:PutObject", f"{BUCKET}/reports/{OTHER}"),
    "reading a report": Request("s3:GetObject", f"{BUCKET}/reports/{OTHER}"),
    "a list of the bucket": Request("s3:ListBucket", BUCKET),
    "another bucket": Request("s3:GetObject", "arn:aws:s3:::other/worker-bundles/ab.tar"),
    "writing to n8n's home": Request("elasticfilesystem:ClientWrite", FILES, point("home")),
    "a mount of the dumps": Request("elasticfilesystem:ClientMount", FILES, point("backups")),
    "a mount without an access point": Request("elasticfilesystem:ClientMount", FILES),
    "root on the file system": Request("elasticfilesystem:ClientRootAccess", FILES, point("files")),
    "a hook of another group": Request("autoscaling:CompleteLifecycleAction", f"{GROUP}other"),
    "another size of the group": Request("autoscaling:SetDesiredCapacity", f"{GROUP}{REACH.group}"),
    "the key by itself": Request("kms:Decrypt", KEY),
    "the key for a volume": Request("kms:GenerateDataKey", KEY, via("ec2")),
    "metrics": Request("cloudwatch:PutMetricData", "*"),
}


SAME: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringLike": fnmatchcase,
}


def allows(statements: Sequence[Mapping[str, Any]], request: Request) -> bool:
    """As IAM: what a statement allows and none denies."""
    effects = {one["Effect"] for one in statements if _fits(one, request)}
    return effects == {"Allow"}


def _fits(statement: Mapping[str, Any], request: Request) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "NotResource", "Condition"}
    if request.action not in statement["Action"]:
        return False
    named = any(
        _like(request.resource, one)
        for one in _list(statement.get("Resource", statement.get("NotResource")))
    )
    if named == ("NotResource" in statement):
        return False
    for kind, conditions in statement.get("Condition", {}).items():
        same = SAME[kind]
        for name, values in conditions.items():
            found = request.context.get(name)
            if found is None or not any(same(found, value) for value in _list(values)):
                return False
    return True


def _like(resource: str, pattern: str) -> bool:
    parts = re.split(r"(\*)", pattern.replace("${aws:userid}", ME))
    return bool(
        re.fullmatch("".join(".*" if one == "*" else re.escape(one) for one in parts), resource)
    )


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


STATEMENTS = [OF_AWS, *worker_statements(REACH)]


@pytest.mark.parametrize("what", NEEDED)
def test_a_worker_may(what: str) -> None:
    assert allows(STATEMENTS, NEEDED[what])


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_worker_may_not(what: str) -> None:
    assert not allows(STATEMENTS, FORBIDDEN[what])


@pytest.mark.parametrize(
    ("sid", "action"),
    [(one["Sid"], action) for one in worker_statements(REACH) for action in one["Action"]],
)
def test_every_action_is_needed(sid: str, action: str) -> None:
    fewer = copy.deepcopy(STATEMENTS)
    # AWS's own policy reads parameters too; a worker must not depend on that.
    fewer = [one for one in fewer if one is not fewer[0] or sid == "NoParametersOfOthers"]
    (statement,) = [one for one in fewer if one["Sid"] == sid]
    statement["Action"].remove(action)
    lost = [what for what, one in NEEDED.items() if not allows(fewer, one)]
    gained = [what for what, one in FORBIDDEN.items() if allows(fewer, one)]
    if statement["Effect"] == "Deny":
        assert gained
    else:
        assert set(lost) - {"AWS's agent"}


def test_without_a_key_there_is_nothing_of_kms() -> None:
    text = worker_policy(replace(REACH, key=None))
    assert "kms" not in text
    assert json.loads(text)["Version"] == "2012-10-17"
    # IAM's limit of all inline policies of a role.
    assert len(worker_policy(REACH)) < 10_240


def test_the_logins_of_registries_are_readable_only_if_there_are_any() -> None:
    logins = Request("ssm:GetParameter", f"{STACK}/registries")
    assert not allows(STATEMENTS, logins)
    reach = replace(REACH, parameters=[*REACH.parameters, logins.resource])
    assert allows([OF_AWS, *worker_statements(reach)], logins)
