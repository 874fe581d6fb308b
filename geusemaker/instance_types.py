"""What EC2's naming rule says about an instance type. Pure: no AWS call, no table of all types."""

import re
from typing import Literal

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


def architecture_of(instance_type: str) -> Literal["x86_64", "arm64"]:
    """The architecture that the name of an instance type stands for."""
    family = instance_type.partition(".")[0]
    if any(rule.fullmatch(family) for rule in (_graviton, _grace, _apple_or_first)):
        return "arm64"
    return "x86_64"


def counterpart(instance_type: str, architecture: Literal["x86_64", "arm64"]) -> str:
    """A type much like this one, of the wanted architecture: what an error message proposes."""
    family, _, size = instance_type.partition(".")
    series = re.match("[a-z]*", family)
    x86, arm, sizes = _TWINS.get(series.group() if series else "m", _TWINS["m"])
    return f"{arm if architecture == 'arm64' else x86}.{size if size in sizes else 'xlarge'}"
