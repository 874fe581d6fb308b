"""The Pulumi program: config in, one Tier1, outputs out."""

import pulumi

from geusemaker.components.tier1 import Tier1, tier1_args
from geusemaker.config import DeploymentConfig

config = DeploymentConfig.from_pulumi()
stack = Tier1("geusemaker", tier1_args(config))
for name, value in stack.outputs.items():
    pulumi.export(name, value)
