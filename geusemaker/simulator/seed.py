"""The content of the simulated account before its first deployment."""

from typing import Final

from pulumi_moto.quotas import QUOTAS, SPOT_QUOTAS
from pulumi_moto.seed import Seed

from . import agents, images

VCPUS: Final = {"L-1216C47A": 256, "L-DB2E81BA": 64, "L-34B43A08": 256, "L-3819A6DF": 64}
"""vCPUs by quota code, as in an account in use: for hosts without a GPU (standard) and some with
one (G and VT). The quotas of P and of all other accelerators are 0, as in a new account, so that
the refusal and its fix can be tried here."""

WITHOUT_QUOTAS: Final = Seed(
    vcpus={quota.code: 10**6 for quota in (*QUOTAS, *SPOT_QUOTAS)},
    images=images.recorded,
    region=agents.seed,
)
"""For a plan, which knows no account: its quotas are unknown, not 0."""

SEED: Final = Seed(vcpus=VCPUS, images=images.recorded, region=agents.seed)
