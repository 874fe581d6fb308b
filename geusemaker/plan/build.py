"""Makes a `Plan` of a run. Pure, except that it decodes what the run has packed."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from geusemaker.bundle import images
from geusemaker.bundle.facts import containers_of, worker_containers
from geusemaker.bundle.limits import memory_limits
from geusemaker.config import DeploymentConfig
from geusemaker.cost.resources import ADDRESS, INSTANCE, MOUNT
from geusemaker.dlami import load_catalogue, recognise
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.model_fit import least_gib
from geusemaker.plan.model import (
    Access,
    Boot,
    BootStep,
    ConfigValue,
    Container,
    Cost,
    Count,
    Fit,
    Host,
    Image,
    Message,
    Model,
    Network,
    Plan,
    Resource,
    Subnet,
    Workers,
)
from geusemaker.plan.ran import Ran
from geusemaker.plan.workers import workers_of
from geusemaker.userdata.render import LIMIT_BYTES, Bounds
from pulumi_moto.state import STASH, Step
from pulumi_moto.wire import Unknown

_MIB: Final = 1024


class Steps:
    """The steps of a run, without what would be deleted, by type and name."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.all = [step for step in steps if step.operation != "delete"]

    def of(self, type_: str) -> list[Step]:
        """Those of one type."""
        return [step for step in self.all if step.type == type_]

    def stash(self, name: str) -> Any:
        """What the stack keeps under a name; None if it is not known."""
        found = next((one for one in self.of(STASH) if one.name == name), None)
        return None if found is None else known(found.outputs.get("output"))

    @property
    def host(self) -> Step:
        return self.of(INSTANCE)[0]

    @property
    def boot_script(self) -> str | None:
        """The packed boot script as base64; None if values in it are not known."""
        found: str | None = self.stash("geusemaker-compute-user-data")
        return found


def known(value: Any) -> Any:
    """The value; None if it is not known yet."""
    return None if isinstance(value, Unknown) else value


def plan_of(
    ran: Ran,
    config: DeploymentConfig,
    values: Sequence[ConfigValue],
    *,
    stack: str,
    region: str,
    today: date,
    cost: Cost | None,
    kept: bool,
    unchecked: Sequence[str] = (),
) -> Plan:
    """The plan of a run, without a comparison.

    Args:
        ran: The run.
        config: What it ran with.
        values: The same, with sources.
        stack: Its name.
        region: Its Region.
        today: Decides which images AWS still patches.
        cost: The estimate.
        kept: Whether the stack exists, so that its image may be a kept one.
        unchecked: Further sentences on what was not checked.
    """
    steps = Steps(ran.steps)
    host = instance_of(ran.instance)
    worker = None if ran.worker is None else instance_of(ran.worker)
    containers = containers_of(config.services, has_queue=worker is not None)
    limits = memory_limits(containers, host.memory_gib or None)
    packed = steps.boot_script
    return Plan(
        stack=stack,
        config=tuple(values),
        image=_image(config, steps, today, kept),
        host=_host(config, steps, host),
        network=_network(config, steps, region),
        containers=tuple(
            Container(name=name, image=str(image), memory_mib=limits[name])
            for name, image in images.chosen(
                containers, config.image_versions, config.architecture
            ).items()
        ),
        models=tuple(
            Model(
                name=name,
                least_gib=least_gib(name),
                fit=_fit(name, host, limits.get("ollama")),
                worker_fit=_fit_of_worker(name, worker) if worker and worker.gpus else None,
            )
            for name in config.ollama_models
        ),
        resources=tuple(_resource(step) for step in steps.all),
        counts=tuple(
            Count(type=type_, count=count)
            for type_, count in sorted(Counter(step.type for step in steps.all).items())
        ),
        boot=Boot(
            steps=boot_steps(bool(host.gpus)),
            seconds=sum(step.seconds or 0 for step in boot_steps(bool(host.gpus))),
            script_bytes=len(base64.b64decode(packed)) if packed else None,
            limit_bytes=LIMIT_BYTES,
        ),
        cost=cost,
        workers=None if worker is None else _workers(config, steps, worker),
        messages=tuple(Message(level=level, text=text) for level, text in ran.messages),
        unchecked=(*unchecked, *ran.unchecked),
    )


def instance_of(facts: Mapping[str, Any]) -> InstanceType:
    """The instance type that EC2 describes so."""
    gpu = facts.get("GpuInfo", {})
    return InstanceType(
        name=facts["InstanceType"],
        vcpus=facts["VCpuInfo"]["DefaultVCpus"],
        memory_gib=facts["MemoryInfo"]["SizeInMiB"] / _MIB,
        architectures=tuple(facts["ProcessorInfo"]["SupportedArchitectures"]),
        gpus=tuple(
            f"{one['Count']} x {one['Manufacturer']} {one['Name']}" for one in gpu.get("Gpus", [])
        ),
        gpu_gib=gpu.get("TotalGpuMemoryInMiB", 0) / _MIB,
    )


def boot_steps(has_gpu: bool) -> tuple[BootStep, ...]:
    """What a boot does, with the limits of the boot script."""
    bounds = Bounds()
    waits = (
        ("data", "mounts the data volume", bounds.data_tries * bounds.data_pause),
        ("efs", "mounts the file system with TLS", bounds.efs_tries * bounds.efs_pause),
        ("docker", "starts Docker", bounds.docker_tries * bounds.docker_pause),
        ("gpu", "waits for the GPU's driver", bounds.gpu_tries * bounds.gpu_pause),
        ("bundle", "fetches the settings, pulls the container images", bounds.unit_seconds),
        ("secrets", "fetches the secrets", bounds.aws_tries * bounds.aws_pause),
        ("services", "starts the services, waits until healthy", bounds.services_seconds),
    )
    return tuple(
        BootStep(name=name, what=what, seconds=seconds)
        for name, what, seconds in waits
        if has_gpu or name != "gpu"
    )


def _image(config: DeploymentConfig, steps: Steps, today: date, kept: bool) -> Image:
    record = steps.stash("geusemaker-image") or {}
    name = str(record.get("name", "not known before the deployment"))
    request = ", ".join(
        str(part)
        for part in (
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
        )
        if part
    )
    searched = any(
        step.name == "geusemaker-image" and step.operation in ("create", "replace")
        for step in steps.of(STASH)
    )
    if config.pin_key:
        why = f"geusemaker:{config.pin_key} pins it."
    elif config.ami_policy == "latest":
        why = f"geusemaker:amiPolicy is latest: the newest of {request} that this version knows."
    elif kept and not searched:
        why = "The stack keeps the image of its first deployment (amiPolicy keep)."
    else:
        why = f"The newest of {request} that this version knows; AWS may have a newer one."
    until = _patched_until(name, config.architecture)
    return Image(
        id=str(record.get("id", "")),
        name=name,
        why=why,
        patched_until=str(until) if until else None,
        is_patched=until >= today if until else None,
    )


def _patched_until(name: str, architecture: str) -> date | None:
    of_name = recognise(name)
    if of_name is None:
        return None
    line = load_catalogue().line(
        of_name.os_type, of_name.architecture or architecture, of_name.ami_type
    )
    number = of_name.framework_version
    return next((one.patched_until for one in line.versions if one.number == number), None)


def _host(config: DeploymentConfig, steps: Steps, host: InstanceType) -> Host:
    root = steps.host.inputs.get("rootBlockDevice")
    return Host(
        instance_type=host.name,
        architecture=config.architecture,
        os_type=config.os_type,
        vcpus=host.vcpus,
        memory_gib=host.memory_gib,
        gpus=", ".join(host.gpus),
        root_gib=known(root.get("volumeSize")) if isinstance(root, Mapping) else None,
        data_gib=config.data_volume_gib,
    )


def _network(config: DeploymentConfig, steps: Steps, region: str) -> Network:
    vpcs = steps.of("aws:ec2/vpc:Vpc")
    mounts = [step.name.rpartition("-mount-")[2] for step in steps.of(MOUNT)]
    if vpcs:
        subnets = [
            Subnet(
                name=step.name,
                zone=known(step.inputs.get("availabilityZone")),
                cidr=known(step.inputs.get("cidrBlock")),
                has_host=index == 0,
                has_mount=str(index) in mounts,
            )
            for index, step in enumerate(
                sorted(steps.of("aws:ec2/subnet:Subnet"), key=lambda step: step.name)
            )
        ]
    else:
        zones = {
            known(step.inputs.get("subnetId")): step.name.rpartition("-mount-")[2]
            for step in steps.of(MOUNT)
        }
        subnets = [
            Subnet(
                name=id_,
                zone=zones.get(id_),
                cidr=None,
                has_host=index == 0,
                has_mount=id_ in zones,
            )
            for index, id_ in enumerate(config.subnet_ids)
        ]
    return Network(
        region=region,
        is_adopted=not vpcs,
        vpc_cidr=known(vpcs[0].inputs.get("cidrBlock")) if vpcs else None,
        subnets=tuple(subnets),
        has_fixed_address=bool(steps.of(ADDRESS)),
        domain=config.domain,
        access=tuple(_access(steps)),
    )


def _access(steps: Steps) -> Iterable[Access]:
    for step in steps.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
        network = step.inputs.get("cidrIpv4") or step.inputs.get("cidrIpv6")
        if isinstance(network, str):
            yield Access(
                network=network,
                port=int(step.inputs["toPort"]),
                what=str(step.inputs.get("description", "")),
            )


def _workers(config: DeploymentConfig, steps: Steps, worker: InstanceType) -> Workers | None:
    found = workers_of(lambda type_: [one.inputs for one in steps.of(type_)], have_addresses=None)
    if found is None:
        return None
    return Workers(
        least=found.least,
        most=found.most,
        instance_types=found.types,
        market=found.market,
        vcpus=worker.vcpus,
        memory_gib=worker.memory_gib,
        gpus=", ".join(worker.gpus),
        disk_gib=found.disk_gib,
        concurrency=config.worker_concurrency,
        drain_seconds=config.worker_drain_seconds,
        containers=worker_containers(has_ollama=bool(worker.gpus) and "ollama" in config.services),
    )


def _fit_of_worker(name: str, worker: InstanceType) -> Fit:
    limits = memory_limits(worker_containers(has_ollama=True), worker.memory_gib or None)
    return _fit(name, worker, limits["ollama"])


def _fit(name: str, host: InstanceType, memory_mib: int | None) -> Fit:
    """Where a model runs on a host whose Ollama has so much memory."""
    size = least_gib(name)
    if size is None:
        return "unknown"
    memory = None if memory_mib is None else memory_mib / _MIB
    if memory is not None and size > memory + host.gpu_gib:
        return "no"
    if host.gpu_gib:
        return "split" if size > host.gpu_gib else "gpu"
    return "memory"


def _resource(step: Step) -> Resource:
    return Resource(
        name=step.name,
        type=step.type,
        parent=step.parent.rpartition("::")[2] if _has_name(step.parent) else "",
        is_component=step.type.startswith("geusemaker:"),
        is_protected=step.protect,
    )


def _has_name(urn: str) -> bool:
    return bool(urn) and "::pulumi:pulumi:Stack::" not in urn
