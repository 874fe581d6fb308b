"""Instance types: their descriptions, and what EC2's naming rules say without an AWS call."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

USUAL_INSTANCE_TYPE: Final[Mapping[str, str]] = {"x86_64": "m6i.xlarge", "arm64": "m6g.xlarge"}
"""The default type by architecture: enough for all services, without a GPU."""

type_pattern = re.compile(r"[a-z][a-z0-9-]{0,30}\.[a-z0-9-]{1,20}")

# <series><generation><attributes>: the letter g among the attributes is AWS Graviton, as in m6g,
# c7gn, x2gd, im4gn and is4gen. The suffix -gb200 (p6e-gb200) is NVIDIA Grace, also arm64.
_graviton = re.compile(r"[a-z]+[0-9]+[a-z]*?g[a-z]*(-.*)?")
_grace = re.compile(r".*-gb[0-9]+")
# a1 is Graviton, but older than the rule. Every Mac except mac1 has Apple silicon.
_apple_or_first = re.compile(r"a1|mac(?!1\b).*")

# By series: a family for each architecture, and the sizes that both have.
_LARGE_UP = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_BURST = ("nano", "micro", "small", "medium", "large", "xlarge", "2xlarge")
_GPU = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
_TWINS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "c": ("c6i", "c6g", _LARGE_UP),
    "m": ("m6i", "m6g", _LARGE_UP),
    "r": ("r6i", "r6g", _LARGE_UP),
    "x": ("r6i", "r6g", _LARGE_UP),
    "t": ("t3", "t4g", _BURST),
    "g": ("g5", "g5g", _GPU),
    "gr": ("g5", "g5g", _GPU),
    "p": ("g5", "g5g", _GPU),
}

# GPU families to propose, the usual one first. Each has all sizes of _GPU.
_PROPOSED: dict[str, tuple[str, ...]] = {"x86_64": ("g5", "g6", "g4dn"), "arm64": ("g5g",)}


@dataclass(frozen=True)
class InstanceType:
    """An instance type, as AWS describes it.

    `gpus` has entries such as "1 x NVIDIA A10G"; `gpu_gib` is the memory of all of them.
    `store_gb` is the size of all disks of the instance store; 0 without one.
    """

    name: str
    vcpus: int
    memory_gib: float
    architectures: tuple[str, ...]
    gpus: tuple[str, ...]
    gpu_gib: float = 0
    store_gb: int = 0

    @classmethod
    def of_description(cls, facts: Mapping[str, Any]) -> "InstanceType":
        """Create it from one entry of the answer of DescribeInstanceTypes."""
        return cls(
            name=facts["InstanceType"],
            vcpus=facts["VCpuInfo"]["DefaultVCpus"],
            memory_gib=facts["MemoryInfo"]["SizeInMiB"] / 1024,
            architectures=tuple(facts["ProcessorInfo"]["SupportedArchitectures"]),
            gpus=tuple(
                f"{gpu['Count']} x {gpu['Manufacturer']} {gpu['Name']}"
                for gpu in facts.get("GpuInfo", {}).get("Gpus", [])
            ),
            gpu_gib=facts.get("GpuInfo", {}).get("TotalGpuMemoryInMiB", 0) / 1024,
            store_gb=facts.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
        )


def family_of(instance_type: str) -> str:
    """The family of a type: "g5" for "g5.xlarge"."""
    return instance_type.partition(".")[0]


def architecture_of(instance_type: str) -> Literal["x86_64", "arm64"]:
    """The architecture of an instance type, by its name."""
    family = family_of(instance_type)
    if any(rule.fullmatch(family) for rule in (_graviton, _grace, _apple_or_first)):
        return "arm64"
    return "x86_64"


def is_burstable(instance_type: str) -> bool:
    """Whether the type uses CPU credits, as all T types do: "t3.xlarge"."""
    return re.fullmatch("t[0-9][a-z]*", family_of(instance_type)) is not None


def usual_type(like: str) -> str:
    """The default type of the same architecture."""
    return USUAL_INSTANCE_TYPE[architecture_of(like)]


def counterpart(instance_type: str, architecture: str) -> str:
    """A similar type of the given architecture, for error messages."""
    family, _, size = instance_type.partition(".")
    x86, arm, sizes = _TWINS.get(_series(family), _TWINS["m"])
    return f"{arm if architecture == 'arm64' else x86}.{size if size in sizes else 'xlarge'}"


def runnable(instance_type: str, architecture: str, families: Collection[str]) -> str:
    """A type of the architecture and a similar size on which an image runs, for error messages.

    Args:
        instance_type: The type to replace.
        architecture: Of the image.
        families: Those that AWS lists for the image; empty if unknown.

    Returns:
        A type with a GPU. Without one if `families` has no usual GPU family, or for a Mac type.
    """
    family, _, size = instance_type.partition(".")
    for usual in _PROPOSED[architecture] if _series(family) != "mac" else ():
        if not families or usual in families:
            return f"{usual}.{_gpu_size(size)}"
    return counterpart(f"m.{size}", architecture)


def _series(family: str) -> str:
    return family[: len(family) - len(family.lstrip("abcdefghijklmnopqrstuvwxyz"))]


def _gpu_size(size: str) -> str:
    """The next size in _GPU, rounded down: "8xlarge" for "12xlarge"; the largest for "metal"."""
    if size == "metal":
        return _GPU[-1]
    wanted = _factor(size)
    return max((one for one in _GPU if _factor(one) <= wanted), key=_factor, default=_GPU[0])


def _factor(size: str) -> int:
    """The size in multiples of xlarge; 0 for a smaller or unknown size."""
    number = size.removesuffix("xlarge")
    if number == size:
        return 0
    return int(number) if number.isdecimal() else 1
