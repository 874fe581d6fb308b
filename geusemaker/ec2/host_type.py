"""What AWS says about an instance type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
