"""What the simulated account holds before its first deployment."""

from typing import Final

from pulumi_moto.seed import Seed

from . import agents, images

VCPUS: Final = {"L-1216C47A": 256, "L-DB2E81BA": 64}
"""vCPUs by quota code, as in an account that has been in use for a while: room for hosts without a
GPU (standard) and for some with one (G and VT). P and every other accelerator stand at 0, as in a
new account, so that the refusal and the way out of it can be seen here first."""

SEED: Final = Seed(vcpus=VCPUS, images=images.recorded, region=agents.seed)
