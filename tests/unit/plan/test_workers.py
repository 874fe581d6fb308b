"""What a plan shows of workers, from the resources that make them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from geusemaker.components.worker_load import IDLE, WAKE, alarmed, tracked
from geusemaker.config import DeploymentConfig
from geusemaker.cost import cents, estimate_of, load_prices
from geusemaker.cost.resources import (
    ALARM,
    GROUP,
    INSTANCE,
    POLICY,
    TEMPLATE,
    VOLUME,
    ZONE,
    monthly,
)
from geusemaker.plan import cost, picture, text
from geusemaker.plan.adopted import StandIns
from geusemaker.plan.markdown import markdown
from geusemaker.plan.model import Cost, Plan, Workers
from geusemaker.plan.page import page
from geusemaker.plan.workers import changes_of
from geusemaker.simulator.mocks import simulated_account
from pulumi_moto.state import Change, State, Step

from .project import Project

TODAY = date(2026, 11, 30)
GPUS = ("g6.xlarge", "g5.xlarge")


def camel(value: Any) -> Any:
    """Inputs as Pulumi records them."""
    if isinstance(value, dict):
        return {_camel(key): camel(one) for key, one in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(one.title() for one in rest)


def group(
    least: int, most: int, *types: str, spot: bool = False, version: str = "1"
) -> dict[str, Any]:
    return {
        "minSize": least,
        "maxSize": most,
        "mixedInstancesPolicy": {
            "launchTemplate": {
                "launchTemplateSpecification": {"version": version},
                "overrides": [{"instanceType": one} for one in types or ("m6i.xlarge",)],
            },
            "instancesDistribution": {
                "onDemandPercentageAboveBaseCapacity": 0 if spot else 100,
            },
        },
    }


def step(type_: str, operation: Any = "create", /, **more: Any) -> Step:
    name = more.pop("name", "x")
    return Step(operation, f"urn:pulumi:dev::geusemaker::{type_}::{name}", type_, "", **more)


def stack(found: Mapping[str, Any], *more: Step) -> list[Step]:
    disk = {"deviceName": "/dev/sda1", "ebs": {"volumeSize": 80}}
    return [
        step(
            INSTANCE, inputs={"instanceType": "m6i.xlarge", "rootBlockDevice": {"volumeSize": 75}}
        ),
        step(VOLUME, inputs={"size": 100}),
        step("aws:ec2/subnet:Subnet", inputs={"mapPublicIpOnLaunch": True}),
        step(TEMPLATE, inputs={"blockDeviceMappings": [disk]}),
        step(ZONE),
        step(GROUP, inputs=found),
        *more,
    ]


def growing() -> list[Step]:
    specification = {"metrics": tracked("GeuseMaker/abc", "group", 5)}
    tracking = {"customized_metric_specification": specification}
    return [
        step(POLICY, inputs=camel({"target_tracking_configuration": tracking})),
        step(POLICY, inputs={"policyType": "StepScaling"}),
        *(
            step(ALARM, inputs=camel({"metric_queries": alarmed(one, "GeuseMaker/abc", "group")}))
            for one in (WAKE, IDLE)
        ),
    ]


def cost_of(steps: list[Step]) -> Cost:
    found = cost.of_steps(steps, "us-east-1", 730, TODAY)
    assert found
    return found


def part(found: Cost, key: str) -> tuple[float | None, float | None, bool]:
    (one,) = (one for one in found.parts if one.key == key)
    return one.low, one.high, one.is_counted


def test_the_cost_of_the_resources_is_that_of_the_config() -> None:
    found = cost_of(stack(group(2, 2)))
    assert part(found, "workers") == (280.32, 280.32, True)
    assert part(found, "worker-disks") == (12.8, 12.8, True)
    assert part(found, "worker-addresses") == (7.3, 7.3, True)
    assert "queue-alarms" not in {one.key for one in found.parts}
    assert found.low == found.high


def test_the_addresses_of_workers_in_an_adopted_network_are_unknown() -> None:
    adopted = [one for one in stack(group(2, 2)) if not one.inputs.get("mapPublicIpOnLaunch")]
    assert part(cost_of(adopted), "worker-addresses") == (None, None, False)


def test_workers_that_follow_the_load_are_a_range_of_the_total_too() -> None:
    found = cost_of(stack(group(0, 10, *GPUS), *growing()))
    assert part(found, "workers") == (0.0, 5875.04, True)
    assert part(found, "queue-metrics") == (0.6, 0.6, True)
    assert part(found, "queue-alarms") == (1.0, 1.0, True)
    assert round(found.high - found.low, 2) == 5875.04 + 64.0 + 36.5
    assert found.is_complete


def test_spot_workers_show_a_range_that_no_total_has() -> None:
    spot = cost_of(stack(group(0, 10, *GPUS, spot=True), *growing()))
    assert part(spot, "workers") == (0.0, 7343.8, False)
    assert text.about(spot) == f"at least {spot.low:.2f}"
    assert round(spot.high - spot.low, 2) == 64.0 + 36.5
    # So no difference is shown where such a part comes or goes, and one where it stays.
    assert cost.unknown_change(cost_of(stack(group(0, 10, *GPUS))), spot)
    assert not cost.unknown_change(spot, spot)


def files(drain: int, image: str = "n8n:1") -> dict[str, str]:
    compose = f"services:\n  n8n: {{image: {image}}}\n  n8n-runners: {{image: r}}\n"
    return {"compose.yaml": compose, "workers": f"head gm-edge 198.18.42.10\ndrain {drain}\n"}


def said(
    *steps: Step, before: int | None = None, after: int | None = None, host_stops: bool = False
) -> list[str]:
    old, new = ({} if drain is None else files(drain) for drain in (before, after))
    return list(changes_of(steps, old, new, 100, host_stops=host_stops))


def update(before: dict[str, Any], after: dict[str, Any], *paths: str) -> Step:
    changes = tuple(Change(path, "update", False) for path in paths)
    return step(GROUP, "update", before=before, inputs=after, changes=changes)


def test_workers_start_and_leave() -> None:
    assert said(step(GROUP, inputs=group(2, 2))) == [
        "2 workers start. Executions wait in the queue until the first one is ready."
    ]
    assert said(step(GROUP, inputs=group(0, 4))) == [
        "The first worker starts when executions wait for a minute."
    ]
    # Pulumi deletes last: the host has left the queue by then.
    (left,) = said(step(GROUP, "delete", before={**group(2, 2), "name": "g"}), before=60)
    assert left.startswith("All workers leave, and the host leaves the queue within a minute")
    assert "--auto-scaling-group-name g --min-size 0 --desired-capacity 0`" in left
    assert said(step(GROUP, "same", before=group(2, 2), inputs=group(2, 2))) == []


def test_another_number_of_workers() -> None:
    assert said(update(group(2, 2), group(5, 5), "minSize", "maxSize")) == ["3 more workers start."]
    # The old workers wait as long as their own bundle says.
    (fewer,) = said(update(group(5, 5), group(2, 2), "minSize", "maxSize"), before=60)
    assert fewer.startswith("3 workers leave: each takes no new execution, waits up to 60 seconds")
    assert said(update(group(2, 2), group(2, 5), "maxSize")) == []
    most, least = said(update(group(0, 5), group(1, 2), "minSize", "maxSize"))
    assert most.startswith(
        "There may be 2 workers at most: each further one takes no new execution"
    )
    assert least == "There is at least 1 worker."


def test_another_template_replaces_workers_one_after_the_other() -> None:
    path = "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version"
    (replaced,) = said(update(group(2, 2), group(2, 2, version="2"), path))
    assert replaced.endswith("one after the other: a new one is ready before an old one ends.")


def test_workers_wait_for_a_host_that_is_replaced() -> None:
    (waits,) = said(before=100, after=100, host_stops=True)
    assert waits.startswith("Workers wait for the queue while the host is unavailable.")
    assert said(after=100, host_stops=True) == []


def test_other_settings_restart_the_containers_on_workers() -> None:
    (restarted,) = changes_of([], files(100), files(100, "n8n:2"), 100, host_stops=False)
    assert "within a minute of those on the host: n8n. n8n first waits up to 100" in restarted
    assert said(before=100, after=100) == []


WORKERS = Workers(
    least=0,
    most=10,
    instance_types=GPUS,
    market="spot",
    vcpus=4,
    memory_gib=16,
    gpus="1 x NVIDIA L4",
    disk_gib=80,
    concurrency=5,
    drain_seconds=100,
    containers=("n8n", "n8n-runners", "ollama"),
)
LINE = (
    "0 to 10 x g6.xlarge or g5.xlarge, Spot: 4 vCPUs, 16 GiB, 1 x NVIDIA L4, 80 GiB disk, "
    "5 executions each, 100 seconds to leave"
)


@pytest.fixture
def shown(plan: Plan) -> Plan:
    assert plan.comparison
    assert plan.cost
    compared = plan.comparison.model_copy(
        update={"workers": ("All workers leave.",), "cost_low": 2.0, "cost_high": 700.0}
    )
    (model,) = plan.models
    return plan.model_copy(
        update={
            "workers": WORKERS,
            "comparison": compared,
            "models": (model.model_copy(update={"worker_fit": "gpu"}),),
            "cost": plan.cost.model_copy(update={"high": 7500.0}),
        }
    )


def test_every_form_shows_the_workers(shown: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    text.show(shown)
    for form in (capsys.readouterr().out, markdown(shown), page(shown)):
        one_line = " ".join(form.split())
        assert LINE in one_line
        assert "All workers leave." in one_line
        assert "+2.00 to +700.00" in one_line
        assert "runs on the CPU; on a worker: fits the GPU" in one_line or form == markdown(shown)
    assert f"Workers, which execute n8n's queue: {LINE}." in picture.words(shown)
    assert picture.pictures(shown).count(">Workers: 0 to 10<") == 2
    assert Plan.model_validate_json(shown.json_text()) == shown


GROWING: dict[str, object] = {
    "workersMax": 10,
    "workerMarket": "spot",
    "workerInstanceTypes": list(GPUS),
    "ollamaModels": ["llama3.2:3b"],
}


def test_the_first_workers_of_a_stack(project: Project) -> None:
    project.config({f"geusemaker:{key}": value for key, value in GROWING.items()})
    (project.folder / "before.yaml").write_text("config: {aws:region: us-east-1}\n")
    plan = project.plan("--against", "before.yaml")
    assert plan.workers == WORKERS.model_copy(update={"disk_gib": 75})
    assert [(one.fit, one.worker_fit) for one in plan.models] == [("memory", "gpu")]
    assert "valkey" in [one.name for one in plan.containers]
    assert plan.comparison
    assert plan.comparison.workers == (
        "The first worker starts when executions wait for a minute.",
    )
    (outage,) = plan.comparison.outages
    # Workers with a GPU do not connect to the host's Ollama. It restarts for its model.
    assert outage.services == ("crawl4ai", "n8n", "ollama", "postgres", "qdrant")
    assert not plan.comparison.replaces_host

    moved = project.plan("--against", "Pulumi.dev.yaml", "--os-type", "ubuntu-24.04").comparison
    assert moved
    assert [one.split(" ", 2)[:2] for one in moved.workers] == [
        ["Workers", "with"],
        ["Workers", "wait"],
    ]

    # The resources cost what the config says.
    assert plan.cost
    config = DeploymentConfig.model_validate(GROWING)
    found = estimate_of(config, region="us-east-1", today=TODAY, root_gib=75)
    assert {one.key: (one.low, one.high) for one in plan.cost.parts} == {
        one.key: (
            _cents(one.amount if one.low is None else one.low),
            _cents(one.amount if one.high is None else one.high),
        )
        for one in found.parts
    }
    by_use = {"aws:s3/bucket:Bucket", "aws:s3/bucketObjectv2:BucketObjectv2"}
    assert {
        one.type
        for one in plan.counts
        if one.type.startswith("aws:")
        and monthly(one.type, {}, None, "us-east-1", load_prices())[1].startswith("its cost")
    } == by_use


def _cents(amount: Decimal | None) -> float | None:
    return None if amount is None else float(cents(amount))


def test_workers_have_a_subnet_with_addresses_where_the_host_needs_one_of_its_own() -> None:
    urn = "urn:pulumi:dev::geusemaker::pulumi:index:Stash::geusemaker-network-needs-address"
    record = {"urn": urn, "type": "pulumi:index:Stash", "inputs": {}, "outputs": {"output": True}}
    state = State.of_export({"deployment": {"resources": [record]}})
    subnets = ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
    config = DeploymentConfig(vpc_id="vpc-0123456789abcdef0", subnet_ids=subnets, workers=2)
    with simulated_account() as mocks:
        StandIns.of_config(config, "us-east-1").make(mocks.account, state)
        found = mocks.account.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {one["SubnetId"]: one["MapPublicIpOnLaunch"] for one in found} == {
        subnets[0]: False,
        subnets[1]: True,
    }
