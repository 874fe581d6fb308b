"""What EC2's naming rule says about an instance type. Pure: no AWS call, no table of all types."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

USUAL_INSTANCE_TYPE: Final[Mapping[str, str]] = {"x86_64": "m6i.xlarge", "arm64": "m6g.xlarge"}
"""By architecture: enough for all services, without a GPU."""

type_shape = re.compile(r"[a-z][a-z0-9-]{0,30}\.[a-z0-9-]{1,20}")

# <series><generation><attributes>: the letter g among the attributes is AWS Graviton, as in m6g,
# c7gn, x2gd, im4gn and is4gen. `-gb200` (p6e-gb200) is NVIDIA Grace, which is arm64 too.
_graviton = re.compile(r"[a-z]+[0-9]+[a-z]*?g[a-z]*(-.*)?")
_grace = re.compile(r".*-gb[0-9]+")
# a1 was Graviton before the rule; every Mac but mac1 has Apple silicon.
_apple_or_first = re.compile(r"a1|mac(?!1\b).*")

# Per series: the type for either architecture, and the sizes that both come in.
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

# GPU types that are proposed, the usual one first, each in all sizes of _GPU.
_PROPOSED: dict[str, tuple[str, ...]] = {"x86_64": ("g5", "g6", "g4dn"), "arm64": ("g5g",)}


@dataclass(frozen=True)
class InstanceType:
    """An instance type. `memory_gib` is AWS's MiB over 1,024; `gpus` like `1 x NVIDIA A10G`."""

    name: str
    vcpus: int
    memory_gib: float
    architectures: tuple[str, ...]
    gpus: tuple[str, ...]

    @classmethod
    def of_description(cls, facts: Mapping[str, Any]) -> "InstanceType":
        """The type of one entry of DescribeInstanceTypes."""
        return cls(
            name=facts["InstanceType"],
            vcpus=facts["VCpuInfo"]["DefaultVCpus"],
            memory_gib=facts["MemoryInfo"]["SizeInMiB"] / 1024,
            architectures=tuple(facts["ProcessorInfo"]["SupportedArchitectures"]),
            gpus=tuple(
                f"{gpu['Count']} x {gpu['Manufacturer']} {gpu['Name']}"
                for gpu in facts.get("GpuInfo", {}).get("Gpus", [])
            ),
        )


def family_of(instance_type: str) -> str:
    """What stands before the dot: "g5" of "g5.xlarge"."""
    return instance_type.partition(".")[0]


def architecture_of(instance_type: str) -> Literal["x86_64", "arm64"]:
    """The architecture that the name of an instance type stands for."""
    family = family_of(instance_type)
    if any(rule.fullmatch(family) for rule in (_graviton, _grace, _apple_or_first)):
        return "arm64"
    return "x86_64"


def is_burstable(instance_type: str) -> bool:
    """Whether the type earns and spends CPU credits, as all T types do: "t3.xlarge"."""
    return re.fullmatch("t[0-9][a-z]*", family_of(instance_type)) is not None


def usual_type(like: str) -> str:
    """The type that a stack of that type's architecture has by default."""
    return USUAL_INSTANCE_TYPE[architecture_of(like)]


def counterpart(instance_type: str, architecture: str) -> str:
    """A type much like this one, of the wanted architecture: what an error message proposes."""
    family, _, size = instance_type.partition(".")
    x86, arm, sizes = _TWINS.get(_series(family), _TWINS["m"])
    return f"{arm if architecture == 'arm64' else x86}.{size if size in sizes else 'xlarge'}"


def runnable(instance_type: str, architecture: str, families: Collection[str]) -> str:
    """A type of that architecture and of like size that an image runs on, to propose for this one.

    `families` are those that AWS lists the image for; empty: the list is not known. The type has a
    GPU, unless the list has none of the usual GPU families, or it is in place of a Mac.
    """
    family, _, size = instance_type.partition(".")
    for usual in _PROPOSED[architecture] if _series(family) != "mac" else ():
        if not families or usual in families:
            return f"{usual}.{_gpu_size(size)}"
    return counterpart(f"m.{size}", architecture)


def _series(family: str) -> str:
    return family[: len(family) - len(family.lstrip("abcdefghijklmnopqrstuvwxyz"))]


def _gpu_size(size: str) -> str:
    """The largest of _GPU that is not larger: "8xlarge" for "12xlarge", the largest for "metal"."""
    if size == "metal":
        return _GPU[-1]
    wanted = _factor(size)
    return max((one for one in _GPU if _factor(one) <= wanted), key=_factor, default=_GPU[0])


def _factor(size: str) -> int:
    """How many xlarge a size is; 0 for one that is less than that, or none."""
    number = size.removesuffix("xlarge")
    if number == size:
        return 0
    return int(number) if number.isdecimal() else 1
