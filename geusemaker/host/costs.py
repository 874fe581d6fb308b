"""The costs of a stopped host. Pure."""

from typing import Final

# List prices of us-east-1, from public price data of 2024 to 2026.
GIB_MONTH: Final = 0.08
"""USD for one GiB of gp3 a month."""
ADDRESS_MONTH: Final = 3.65
"""USD for a public IPv4 address for 730 hours, in use or not."""


def while_stopped(disks_gib: int | None, has_address: bool) -> str:
    """One sentence on what still costs. Instance hours are not billed while it is stopped."""
    disks = "its disks"
    if disks_gib:
        disks += f" ({disks_gib} GiB, about {disks_gib * GIB_MONTH:.2f} USD a month)"
    parts = [disks, "the file system for the bytes in it"]
    if has_address:
        parts.append(f"the Elastic IP (about {ADDRESS_MONTH} USD a month)")
    *first, last = parts
    return f"Still costs while it is stopped: {', '.join(first)} and {last}; list prices, us-east-1"
