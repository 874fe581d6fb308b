"""What an account holds before anybody uses it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from . import images, policies, quotas, scaling
from .images import Image


def _no_images(region: str) -> Iterable[Image]:
    return ()


def _nothing(region: str) -> None:
    return None


@dataclass(frozen=True)
class Seed:
    """The differences from a new account.

    Attributes:
        vcpus: Running vCPUs that the account may have in each Region, by quota code; the default
            is what AWS gives to a new account (`pulumi_moto.quotas`).
        images: The public images that a Region shows; none by default.
        region: Anything else to set up in a Region, called once before its first use.
    """

    vcpus: Mapping[str, int] = field(default_factory=dict)
    images: Callable[[str], Iterable[Image]] = _no_images
    region: Callable[[str], None] = _nothing

    def start(self) -> None:
        """Set up what the Regions of the account share."""
        policies.seed()
        quotas.seed(self.vcpus)
        scaling.seed()

    def open(self, region: str) -> None:
        """Set up one Region."""
        images.replace(region, self.images(region))
        self.region(region)


NEW_ACCOUNT = Seed()
