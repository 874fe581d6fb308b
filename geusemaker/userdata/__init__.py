"""The boot script: rendered from templates, packed for EC2, the same on every machine."""

from geusemaker.userdata.render import (
    LIMIT_BYTES,
    Bounds,
    HostFacts,
    bundle_program,
    decode,
    encode,
    fingerprint,
    render,
)

__all__ = [
    "LIMIT_BYTES",
    "Bounds",
    "HostFacts",
    "bundle_program",
    "decode",
    "encode",
    "fingerprint",
    "render",
]
