"""The costs of a stopped host. Pure."""

from typing import Final

from geusemaker.cost import load_prices, usd
from geusemaker.cost.parts import HOURS_A_MONTH

_REGION: Final = "us-east-1"


def while_stopped(disks_gib: int | None, has_address: bool) -> str:
    """One sentence on what still costs. Instance hours are not billed while it is stopped."""
    disks, prices = "its disks", load_prices()
    if disks_gib and (gib := prices.rate("gp3-storage", _REGION)):
        disks += f" ({disks_gib} GiB, about {usd(disks_gib * gib.usd)} USD a month)"
    parts = [disks, "the file system for the bytes in it"]
    if has_address and (address := prices.rate("public-ipv4", _REGION)):
        parts.append(f"the Elastic IP (about {usd(address.usd * HOURS_A_MONTH)} USD a month)")
    *first, last = parts
    return f"Still costs while it is stopped: {', '.join(first)} and {last}; list prices, {_REGION}"
