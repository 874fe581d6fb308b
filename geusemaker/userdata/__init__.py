"""The boot script: rendered from templates and packed for EC2. Equal on every machine."""

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
