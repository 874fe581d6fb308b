"""Whether a language model can fit a host, judged by the size that its name gives. Pure.

Sizes are lower bounds: what the weights take at least. A model that is refused by these cannot fit;
one that passes may still be too large, since Ollama also needs memory for the context.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from geusemaker.ec2.instance_types import architecture_of

_SIZE = re.compile(
    r"(?:(?<=[^a-z0-9.])|^)(?:([0-9]+)x)?([0-9]+(?:\.[0-9]+)?)([bm])(?=[^a-z0-9.]|$)"
)
_SHARED: Final = 0.8
"""Experts of a mixture share layers: mixtral 8x7b has 46.7 and 8x22b 141 billion parameters."""

# Bits of one parameter by quantisation, as its name begins. The widest name first.
_BITS: Final = MappingProxyType(
    {"fp32": 32, "f32": 32, "bf16": 16, "fp16": 16, "f16": 16}
    | {"q8": 8, "int8": 8, "q6": 6, "q5": 5, "q4": 4, "int4": 4, "q3": 3, "q2": 2, "q1": 1}
)
_MARGIN: Final = 1.5
_USUAL_GIB: Final = 5.0
"""For a model whose name gives no size."""

_USUAL_BITS: Final = 4
"""Of Ollama's library and its pulls from Hugging Face, unless the tag says otherwise."""


@dataclass(frozen=True, slots=True)
class ModelHost:
    """A usual host for models of one size.

    `parameters` are billions, `gpu_gib` is the memory of all GPUs, `usd_per_hour` the list price of
    us-east-1.
    """

    parameters: int
    example: str
    download_gb: float
    instance_type: str
    gpus: str
    gpu_gib: int
    data_volume_gib: int
    usd_per_hour: float


PRICES_AS_OF: Final = "2026-07-20"
MODEL_HOSTS: Final = (
    ModelHost(3, "llama3.2:3b", 2.0, "m6i.xlarge", "none", 0, 100, 0.19),
    ModelHost(8, "llama3.1:8b", 4.9, "g6.xlarge", "1 x L4", 24, 100, 0.80),
    ModelHost(14, "phi4:14b", 9.1, "g6.xlarge", "1 x L4", 24, 100, 0.80),
    ModelHost(32, "qwen3:32b", 20, "g6e.xlarge", "1 x L40S", 48, 200, 1.86),
    ModelHost(70, "llama3.3:70b", 43, "g6.12xlarge", "4 x L4", 96, 300, 4.60),
)
"""Download sizes are those of Ollama's library; prices are AWS's list prices of `PRICES_AS_OF`."""

_CPU_HOST: Final = [one for one in MODEL_HOSTS if not one.gpu_gib][-1]
"""The largest model that answers at reading speed without a GPU."""


def least_gib(model: str) -> float | None:
    """GiB that the weights of a model take at least, or None if its name gives no size."""
    name, _, tag = model.lower().rpartition("/")[2].partition(":")
    found = _SIZE.search(tag) or _SIZE.search(name)
    if found is None:
        return None
    experts, number, unit = found.groups()
    billions = float(number) * (1 if unit == "b" else 1e-3)
    if experts:
        billions *= int(experts) * _SHARED
    parts = re.split("[^a-z0-9]", tag)
    bits = next((_BITS[q] for part in parts for q in _BITS if part.startswith(q)), _USUAL_BITS)
    return billions * 1e9 * bits / 8 / (1 << 30)


def room_gib(models: Sequence[str]) -> int:
    """GiB of a disk for models: half as much again as they take at least."""
    return max(math.ceil(_MARGIN * sum(least_gib(one) or _USUAL_GIB for one in models)), 10)


def remarks(
    models: Sequence[str],
    instance_type: str,
    *,
    memory_mib: int | None,
    gpu_gib: float,
    disk_gib: int,
    is_chosen: bool,
) -> list[str]:
    """The paragraphs on models that cannot fit the host or its disk, or that it runs slowly.

    Args:
        models: Names, as in the key `ollamaModels`.
        instance_type: Its name.
        memory_mib: Memory that Ollama may use; None if unknown.
        gpu_gib: Memory of all GPUs; 0 without one.
        disk_gib: Size of the data volume.
        is_chosen: Whether the user set the type. Slow models are not mentioned then.
    """
    sized = {model: size for model in models if (size := least_gib(model)) is not None}
    found, slow = [], {}
    for model, size in sized.items():
        memory = None if memory_mib is None else memory_mib / 1024
        takes = f"geusemaker:ollamaModels has {model}, which takes {size:.0f} GiB of memory"
        if memory is not None and size > memory + gpu_gib:
            where = f"{instance_type} has {memory:.0f} GiB for Ollama"
            where += f" and {gpu_gib:.0f} GiB on its GPU" if gpu_gib else ", and no GPU"
            found.append(
                f"{takes} at least, but {where}: it cannot run. {_fix(size, instance_type)}"
            )
        elif gpu_gib and size > gpu_gib:
            found.append(
                f"{takes} at least, but the GPU of {instance_type} has {gpu_gib:.0f} GiB: a part "
                f"runs on the CPU, many times slower. {_fix(size, instance_type)}"
            )
        elif not gpu_gib and size > (least_gib(_CPU_HOST.example) or 0):
            slow[model] = size
    if slow and not is_chosen:
        found.append(
            f"geusemaker:ollamaModels has {', '.join(slow)}, and {instance_type} has no GPU: on a "
            f"CPU, models larger than {_CPU_HOST.example} answer slowly. "
            f"{_fix(max(slow.values()), instance_type)} To keep {instance_type} and hide this "
            f"note: `pulumi config set geusemaker:instanceType {instance_type}`."
        )
    total = sum(sized.values())
    if total > disk_gib:
        need = 10 * -(-int(total * _MARGIN) // 10)
        found.append(
            f"The models of geusemaker:ollamaModels take {total:.0f} GiB of disk at least, but "
            f"geusemaker:dataVolumeGib is {disk_gib}, so not all can be pulled. To make room: "
            f"`pulumi config set geusemaker:dataVolumeGib {need}`."
        )
    return found


def _fix(size_gib: float, instance_type: str) -> str:
    fits = next((one for one in MODEL_HOSTS if one.gpu_gib > size_gib), None)
    if fits is None or architecture_of(instance_type) == "arm64":  # the table is of x86_64
        return "Take a smaller model; docs/models.md lists sizes and instance types."
    return (
        f"Take a smaller model, or a type with {fits.gpu_gib} GiB on its GPUs: `pulumi config set "
        f"geusemaker:instanceType {fits.instance_type}` (docs/models.md lists more)."
    )
