"""Prints the packed size of the boot script, and EC2's limit.

One script serves every OS, architecture and type of image, CPU or GPU, and every choice of
services: it checks on the host, and the services are in the settings bundle. Stacks differ in ids
only.
"""

import base64
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from geusemaker.userdata import LIMIT_BYTES, HostFacts, encode, render

_FACTS: Final = HostFacts(
    region="us-west-2",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0", "backups": "fsap-0f1e2d3c4b5a69780"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="/geusemaker/kzqwbxmftrpa/settings",
    secrets_parameter="/geusemaker/kzqwbxmftrpa/credentials",
    status_parameter="/geusemaker/kzqwbxmftrpa/status",
)
VARIANTS: Final[Mapping[str, HostFacts]] = {
    "a usual stack": _FACTS,
    "names of an older stack, a long Region": replace(
        _FACTS,
        region="us-gov-west-1",
        settings_parameter="geusemaker-compute-settings-1a2b3c4",
        secrets_parameter="geusemaker-identity-credentials-5d6e7f8",
        status_parameter="geusemaker-compute-status-9a0b1c2",
    ),
    "another place and device": replace(_FACTS, data_mount="/data", data_device="/dev/sdp"),
}
AIM: Final = LIMIT_BYTES // 2


def sizes() -> dict[str, int]:
    """Packed bytes by variant."""
    return {name: len(base64.b64decode(encode(render(facts)))) for name, facts in VARIANTS.items()}


def main() -> int:
    """1 when a usual stack is over the aim; `encode` itself refuses what is over EC2's limit."""
    print(f"Boot script, gzipped: EC2 accepts {LIMIT_BYTES:,} bytes, the aim is half, {AIM:,}.")
    by_name = sizes()
    for name, size in by_name.items():
        print(
            f"  {name:39}{size:6,} bytes  margin to EC2's limit {LIMIT_BYTES - size:6,}"
            f"  to the aim {AIM - size:5,}"
        )
    return 0 if by_name["a usual stack"] <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
