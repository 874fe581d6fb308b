"""The workers of a stack: each resource, what they reach, and what they share with the host."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from pulumi.runtime.rpc import _special_sig_key

from geusemaker.bundle.queue import HEAD_SECRETS, SECRETS_BYTES, WORKER_SECRETS
from geusemaker.components.worker_policy import Reach, worker_policy

from .rendering import OWN_KEY, WHOLE, Deployed, deployed

GROUP = "aws:autoscaling/group:Group"
HOOK = "aws:autoscaling/lifecycleHook:LifecycleHook"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
INSTANCE = "aws:ec2/instance:Instance"
PARAMETER = "aws:ssm/parameter:Parameter"
POINT = "aws:efs/accessPoint:AccessPoint"
POLICY = "aws:iam/rolePolicy:RolePolicy"
RECORD = "aws:route53/record:Record"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

TWO: dict[str, Any] = {"workers": 2}
GROWING: dict[str, Any] = {
    **WHOLE,
    "kms_key_arn": OWN_KEY,
    "workers_max": 6,
    "worker_market": "spot",
    "worker_instance_types": ["g6.xlarge", "g5.2xlarge"],
    "worker_concurrency": 7,
    "worker_drain_seconds": 60,
}
"""From none, on Spot, with GPUs, and with a key, a boundary, logins and the most tags."""
BOTH = pytest.mark.parametrize("args", [TWO, GROWING], ids=["two", "growing"])


def template(stack: Deployed) -> Mapping[str, Any]:
    return stack.one(TEMPLATE).inputs


def script(stack: Deployed) -> str:
    return gzip.decompress(base64.b64decode(template(stack)["userData"])).decode()


def names_in(urns: set[str]) -> set[str]:
    return {urn.rpartition("::")[2] for urn in urns}


def test_a_fixed_number_of_workers_is_a_group_of_that_size_in_all_zones() -> None:
    stack = deployed(TWO)
    group = stack.one(GROUP)
    assert group.inputs["name"] == f"geusemaker-{stack.outputs['stackId']}-workers"
    sizes = [group.inputs.get(key) for key in ("minSize", "maxSize", "desiredCapacity")]
    assert sizes == [2, 2, 2]
    assert group.inputs["vpcZoneIdentifiers"] == stack.outputs["subnetIds"]
    assert "enabledMetrics" not in group.inputs
    assert not group.inputs["capacityRebalance"]
    mixed = group.inputs["mixedInstancesPolicy"]
    assert mixed["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 100
    assert [one["instanceType"] for one in mixed["launchTemplate"]["overrides"]] == ["m6i.xlarge"]
    account = stack.outputs["workersGroup"]
    assert account == group.inputs["name"]


def test_a_number_that_follows_the_load_is_left_to_the_policies() -> None:
    group = deployed(GROWING).one(GROUP).inputs
    assert (group["minSize"], group["maxSize"]) == (0, 6)
    assert "desiredCapacity" not in group, "each update would set it back"
    assert set(group["enabledMetrics"]) == {"GroupDesiredCapacity", "GroupInServiceInstances"}
    assert group["capacityRebalance"] is True
    mixed = group["mixedInstancesPolicy"]
    assert mixed["instancesDistribution"] == {
        "onDemandPercentageAboveBaseCapacity": 0,
        "spotAllocationStrategy": "price-capacity-optimized",
        "onDemandAllocationStrategy": "prioritized",
    }
    types = [one["instanceType"] for one in mixed["launchTemplate"]["overrides"]]
    assert types == GROWING["worker_instance_types"]


@BOTH
def test_a_change_of_the_template_replaces_workers_one_after_the_other_new_ones_first(
    args: dict[str, Any],
) -> None:
    stack = deployed(args)
    group = stack.one(GROUP).inputs
    specification = group["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"]
    assert specification == {"launchTemplateId": stack.one(TEMPLATE).id, "version": "1"}
    assert group["instanceRefresh"]["strategy"] == "Rolling"
    preferences = group["instanceRefresh"]["preferences"]
    assert preferences["minHealthyPercentage"] == 100
    assert preferences["maxHealthyPercentage"] == 200
    assert preferences["skipMatching"] is True
    assert group["waitForCapacityTimeout"] == "0", "an update must not fail without capacity"
    assert "initialLifecycleHooks" not in group


@BOTH
def test_a_worker_boots_the_kept_image_with_secure_defaults(args: dict[str, Any]) -> None:
    stack = deployed(args)
    found = template(stack)
    host = stack.one(INSTANCE).inputs
    assert found["imageId"] == host["ami"] == stack.outputs["amiId"]
    assert found["metadataOptions"] == host["metadataOptions"]
    assert "keyName" not in found
    assert "instanceType" not in found, "the group names the types"
    assert "instanceMarketOptions" not in found, "the group names the market"
    assert found["instanceInitiatedShutdownBehavior"] == "terminate"
    (disk,) = found["blockDeviceMappings"]
    assert disk["ebs"]["encrypted"] == "true"
    assert disk["ebs"]["deleteOnTermination"] == "true"
    assert disk["ebs"].get("kmsKeyId") == args.get("kms_key_arn")
    assert disk["deviceName"] == "/dev/sda1"
    profile = stack.one("aws:iam/instanceProfile:InstanceProfile", "-workers-profile")
    assert found["iamInstanceProfile"] == {"arn": profile.outputs["arn"]}
    for one in found["tagSpecifications"]:
        assert one["tags"]["geusemaker:id"] == stack.outputs["stackId"]
        assert args.get("tags", {}).items() <= one["tags"].items()
    assert {one["resourceType"] for one in found["tagSpecifications"]} == {"instance", "volume"}


@pytest.mark.parametrize(
    ("types", "mode"),
    [
        (["t3.2xlarge"], {"cpuCredits": "unlimited"}),
        (["m6i.xlarge"], None),
        # EC2 would refuse it for the second one.
        (["t3.2xlarge", "m6i.2xlarge"], None),
    ],
    ids=["burstable", "other", "mixed"],
)
def test_burstable_workers_are_not_slowed_down(types: list[str], mode: Any) -> None:
    stack = deployed({**TWO, "worker_instance_types": types})
    assert template(stack).get("creditSpecification") == mode


@BOTH
def test_the_boot_script_of_a_worker_is_of_its_own_role_and_has_no_secret(
    args: dict[str, Any],
) -> None:
    stack = deployed(args)
    text = script(stack)
    bucket = stack.one("aws:s3/bucket:Bucket").outputs["bucket"]
    points = {one.name.rpartition("-")[2]: one.id for one in stack.of(POINT)}
    assert f"readonly REPORTS={bucket}" in text
    assert stack.one(PARAMETER, "-workers-settings").inputs["name"] in text
    assert str(stack.one(PARAMETER, "-workers-secrets").id) in text
    assert str(points["home"]) in text
    assert str(points["files"]) in text
    assert str(points["n8n"]) not in text, "the host writes by it"
    assert stack.outputs["credentialsParameter"] not in text
    assert stack.outputs["dataVolumeId"] not in text
    for value in secrets_of(stack).values():
        assert value not in text


def secrets_of(stack: Deployed) -> dict[str, str]:
    """All secrets of the stack, the workers' too."""
    return {
        **stack.lines("-identity-credentials"),
        **stack.lines("-compute-secrets"),
        **stack.lines("-workers-secrets"),
    }


@BOTH
def test_nothing_may_connect_to_a_worker_and_a_worker_only_to_ports_of_services(
    args: dict[str, Any],
) -> None:
    stack = deployed(args)
    group = stack.one("aws:ec2/securityGroup:SecurityGroup", "-workers-group")
    host = stack.one("aws:ec2/securityGroup:SecurityGroup", "-host-group")
    files = stack.one("aws:ec2/securityGroup:SecurityGroup", "-files-group")
    assert template(stack)["vpcSecurityGroupIds"] == [group.id]
    rules = [rule.inputs for rule in stack.of(INGRESS)]
    assert group.id not in [rule["securityGroupId"] for rule in rules]
    assert not {"ingress", "egress"} & set(group.inputs)
    admitted = {
        (rule["securityGroupId"], rule["fromPort"], rule["toPort"])
        for rule in rules
        if rule.get("referencedSecurityGroupId") == group.id
    }
    # Without a GPU, models run on the host.
    models = set() if args is GROWING else {11434}
    ports = {5432, 6379, 6333, 6334, 11235} | models
    assert admitted == {*((host.id, port, port) for port in ports), (files.id, 2049, 2049)}
    published = re.findall(
        r"GEUSEMAKER_ADDRESS:\?\}:(\d+):(\d+)", stack.files("compute")["compose.yaml"]
    )
    assert {(int(a), int(b)) for a, b in published} == {(port, port) for port in ports}


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (TWO, {"head", "postgres", "qdrant", "crawl4ai", "ollama"}),
        (GROWING, {"head", "postgres", "qdrant", "crawl4ai"}),
        ({**TWO, "services": ["n8n", "postgres"]}, {"head", "postgres"}),
    ],
    ids=["all", "own models", "few"],
)
def test_the_host_and_its_services_have_names_in_a_private_zone(
    args: dict[str, Any], names: set[str]
) -> None:
    stack = deployed(args)
    zone = stack.one("aws:route53/zone:Zone")
    domain = f"{stack.outputs['stackId']}.geusemaker.internal"
    assert zone.inputs["name"] == domain
    assert zone.inputs["vpcs"] == [{"vpcId": stack.outputs["vpcId"]}]
    found = {record.inputs["name"]: record for record in stack.of(RECORD)}
    assert set(found) == {f"{name}.{domain}" for name in names}
    address = stack.one(INSTANCE).outputs["privateIp"]
    for record in found.values():
        assert record.inputs["records"] == [address]
        assert record.inputs["ttl"] == 10
        assert record.inputs["zoneId"] == zone.outputs["zoneId"]
        waits = stack.requests[f"{RECORD} {record.name}"].dependencies
        assert "geusemaker-compute-data" in names_in(set(waits)), (
            "a name leads to another host once it has the data"
        )


@BOTH
def test_the_role_of_workers_has_the_stated_policy_and_aws_s_for_sessions(
    args: dict[str, Any],
) -> None:
    stack = deployed(args)
    points = {one.name.rpartition("-")[2]: one.outputs["arn"] for one in stack.of(POINT)}
    parameters = ["-workers-settings", "-workers-secrets"]
    if "registry_logins" in args:
        parameters.append("-compute-registries")
    reach = Reach(
        partition="aws",
        parameters=[stack.one(PARAMETER, name).outputs["arn"] for name in parameters],
        bucket=stack.one("aws:s3/bucket:Bucket").outputs["arn"],
        file_system=stack.one("aws:efs/fileSystem:FileSystem").outputs["arn"],
        home=points["home"],
        files=points["files"],
        group=stack.outputs["workersGroup"],
        key=args.get("kms_key_arn"),
    )
    role = stack.one("aws:iam/role:Role", "-workers-role")
    assert role.inputs.get("permissionsBoundary") == args.get("permissions_boundary_arn")
    (own,) = [one for one in stack.of(POLICY) if one.inputs["role"] == role.outputs["name"]]
    assert json.loads(own.inputs["policy"]) == json.loads(worker_policy(reach))
    attached = [
        one.inputs["policyArn"]
        for one in stack.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.inputs["role"] == role.outputs["name"]
    ]
    assert attached == ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]


@BOTH
def test_workers_mount_points_of_their_own_with_the_user_of_n8n(args: dict[str, Any]) -> None:
    stack = deployed(args)
    own = {one.name: one.inputs for one in stack.of(POINT) if "-workers-" in one.name}
    paths = {name.rpartition("-")[2]: one["rootDirectory"]["path"] for name, one in own.items()}
    assert paths == {"home": "/n8n", "files": "/n8n/files"}
    assert all(one["posixUser"] == {"uid": 1000, "gid": 1000} for one in own.values())
    host = stack.policy("-identity-files")["MountOwnShares"]["Condition"]["StringEquals"]
    of_workers = {one.outputs["arn"] for one in stack.of(POINT) if "-workers-" in one.name}
    assert not of_workers & set(host["elasticfilesystem:AccessPointArn"])


@BOTH
def test_workers_read_their_own_secrets_and_nothing_more(args: dict[str, Any]) -> None:
    stack = deployed(args)
    found = stack.lines("-workers-secrets")
    assert set(found) == {file.name for file in WORKER_SECRETS}
    credentials, of_host = stack.lines("-identity-credentials"), stack.lines("-compute-secrets")
    for name in ("postgres-password", "n8n-encryption-key"):
        assert found[name] == credentials[name]
    for name in ("valkey-password", "workers-authority"):
        assert found[name] == of_host[name]
    assert found["workers-runners-token"] not in {**credentials, **of_host}.values()
    assert found["workers-authority"] != of_host["workers-certificate"]
    assert {file.name for file in HEAD_SECRETS} <= set(of_host)
    assert "workers-runners-token" not in of_host
    assert not {"workers-key", "workers-certificate"} & set(found)
    parameter = stack.one(PARAMETER, "-workers-secrets").inputs
    assert parameter["type"] == "SecureString"
    assert parameter.get("keyId") == args.get("kms_key_arn")
    assert "name" not in parameter, "one that is created again has another name"


def test_the_secrets_of_the_queue_leave_the_stated_room_in_their_parameter() -> None:
    value = deployed(TWO).one(PARAMETER, "-compute-secrets").inputs["value"]
    # Signatures differ by a few bytes.
    assert SECRETS_BYTES - 60 < len(value) <= SECRETS_BYTES - 8


@pytest.mark.parametrize("owner", ["compute", "workers"])
@BOTH
def test_each_secret_that_a_host_asks_for_is_in_a_parameter_that_it_reads(
    args: dict[str, Any], owner: str
) -> None:
    stack = deployed(args)
    files = stack.files(owner)
    own = ["-workers-secrets"]
    if owner == "compute":
        own = ["-identity-credentials", "-compute-secrets"]
    values = {name for parameter in own for name in stack.lines(parameter)}
    asked = re.findall(r"^secret \S+ (\S+) \d+$", files["manifest"], re.MULTILINE)
    assert asked
    assert set(asked) <= values
    for name, service in yaml.safe_load(files["compose.yaml"])["services"].items():
        mounted = {one["target"] for one in service.get("secrets", [])}
        named = set(re.findall(r"/run/secrets/([A-Za-z0-9_-]+)", str(service)))
        # A word of a loop over several files, not a name.
        assert named - {"workers-"} <= mounted, name


def test_a_worker_pulls_models_only_for_its_own_ollama() -> None:
    models = {**TWO, "ollama_models": ["llama3.2:3b"]}
    assert "model llama3.2:3b\n" in deployed(models).files("compute")["manifest"]
    assert "model llama3.2:3b\n" not in deployed(models).files("workers")["manifest"]
    assert "model llama3.2:3b\n" in deployed(GROWING).files("workers")["manifest"]


@BOTH
def test_the_secrets_of_workers_are_secrets_in_the_state_too(args: dict[str, Any]) -> None:
    stack = deployed(args)
    of_state = [
        f"{PARAMETER} geusemaker-workers-secrets",
        "pulumi:index:Stash geusemaker-workers-authority",
        "pulumi:index:Stash geusemaker-workers-secrets-kept",
    ]
    for key in of_state:
        request = stack.requests[key]
        field = "value" if key.startswith(PARAMETER) else "input"
        assert _special_sig_key in request.object[field], f"{key} is in plain text in the state"
    for key in of_state[1:]:
        assert list(stack.requests[key].ignoreChanges) == ["input"], "kept"
    values = set(secrets_of(stack).values())
    for key, request in stack.requests.items():
        text = str(request.object)
        if _special_sig_key not in text:
            assert not any(value in text for value in values), f"{key} has a secret in plain text"


@BOTH
def test_the_settings_name_what_workers_and_the_host_need_to_know(args: dict[str, Any]) -> None:
    stack = deployed(args)
    pointer, of_host = stack.lines("-workers-settings"), stack.pointer
    stack_id = stack.outputs["stackId"]
    own = {
        "sha256": pointer["sha256"],
        "bucket": of_host["bucket"],
        "key": f"worker-bundles/{pointer['sha256']}.tar",
        "url": of_host["url"],
        "sites": of_host["sites"],
        "head": f"head.{stack_id}.geusemaker.internal",
        "zone": f"{stack_id}.geusemaker.internal",
        "group": stack.outputs["workersGroup"],
    }
    if "registry_logins" in args:
        own["registries"] = of_host["registries"]
    assert pointer == own
    space = f"GeuseMaker/{stack_id}" if args is GROWING else None
    assert of_host.get("namespace") == space
    assert not {"head", "zone", "group"} & set(of_host)
    name = stack.one(PARAMETER, "-workers-settings").inputs["name"]
    assert name == f"/geusemaker/{stack_id}/worker-settings"


@BOTH
def test_the_host_and_its_workers_run_one_n8n(args: dict[str, Any]) -> None:
    stack = deployed(args)
    host, worker = (
        yaml.safe_load(stack.files(one)["compose.yaml"])["services"]
        for one in ("compute", "workers")
    )
    for name in ("n8n", "n8n-runners"):
        assert worker[name]["image"] == host[name]["image"]
    assert set(worker) == {"n8n", "n8n-runners", *(["ollama"] if args is GROWING else [])}
    assert host["n8n"]["environment"]["EXECUTIONS_MODE"] == "queue"
    concurrency = args.get("worker_concurrency", 5)
    assert f"n8n worker --concurrency={concurrency}" in worker["n8n"]["entrypoint"][-1]
    assert stack.files("workers")["host.sh"] != stack.files("compute")["host.sh"]
    assert "drain 60\n" in stack.files("workers")["workers"] or args is TWO


@pytest.mark.parametrize(("args", "seconds"), [(TWO, 160), (GROWING, 120)], ids=["two", "growing"])
def test_a_worker_ends_after_its_executions_also_when_the_group_is_deleted(
    args: dict[str, Any], seconds: int
) -> None:
    stack = deployed(args)
    hook = stack.one(HOOK)
    assert hook.inputs == {
        "name": "geusemaker-leave",
        "autoscalingGroupName": stack.outputs["workersGroup"],
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "defaultResult": "CONTINUE",
        "heartbeatTimeout": seconds,
    }
    request = stack.requests[f"{HOOK} geusemaker-workers-leave"]
    assert request.deletedWith.endswith("::geusemaker-workers-group-of-hosts")
    timeouts = stack.requests[f"{GROUP} geusemaker-workers-group-of-hosts"].customTimeouts
    assert timeouts.delete == f"{seconds + 900}s"


@BOTH
def test_a_worker_starts_after_all_that_it_reads_at_boot(args: dict[str, Any]) -> None:
    stack = deployed(args)
    waits = names_in(set(stack.requests[f"{GROUP} geusemaker-workers-group-of-hosts"].dependencies))
    digest = stack.lines("-workers-settings")["sha256"][:12]
    first = {
        "geusemaker-workers-settings",
        f"geusemaker-workers-settings-{digest}",
        "geusemaker-workers-secrets",
        "geusemaker-workers-own",
        "geusemaker-workers-session-manager",
        "geusemaker-workers-name-head",
        "geusemaker-workers-out",
        "geusemaker-workers-in-6379",
        "geusemaker-workers-in-5432",
        "geusemaker-workers-files-in",
        "geusemaker-storage-mount-0",
        "geusemaker-storage-mount-1",
        "geusemaker-network-default-route",
        "geusemaker-workers-template",
    }
    assert first - waits == set()


@BOTH
def test_nothing_of_the_host_waits_for_workers(args: dict[str, Any]) -> None:
    stack = deployed(args)
    shared = {"geusemaker-workers-authority", "geusemaker-workers-secrets-kept"}
    for key, request in stack.requests.items():
        if "-workers" in request.name:
            continue
        waits = names_in(set(request.dependencies))
        of_workers = {name for name in waits if name.startswith("geusemaker-workers")}
        assert of_workers <= shared, f"{key} would wait for workers"


def test_reports_of_workers_expire() -> None:
    stack = deployed(TWO)
    made = stack.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs
    assert made["bucket"] == stack.pointer["bucket"]
    assert made["rules"] == [
        {
            "id": "reports",
            "status": "Enabled",
            "filter": {"prefix": "reports/"},
            "expiration": {"days": 7},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        }
    ]


def test_the_service_that_starts_workers_may_use_the_key_of_their_disks() -> None:
    grant = deployed(GROWING).one("aws:kms/grant:Grant").inputs
    assert grant["keyId"] == OWN_KEY
    service = "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    role = deployed(GROWING).one("aws:iam/role:Role", "-workers-role").outputs["arn"]
    account = role.split(":")[4]
    assert grant["granteePrincipal"] == f"arn:aws:iam::{account}:role/aws-service-role/{service}"
    assert {"CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext"} <= set(grant["operations"])
    assert not deployed(TWO).of("aws:kms/grant:Grant"), "AWS's own key needs none"
    waits = deployed(GROWING).requests["aws:kms/grant:Grant geusemaker-workers-grant"].dependencies
    # AWS makes that role with the first group of an account.
    assert "geusemaker-workers-group-of-hosts" in names_in(set(waits))
