"""The Pulumi program: config in, one Tier1, outputs out."""

import pulumi

from geusemaker.components.tier1 import Tier1, Tier1Args
from geusemaker.config import DeploymentConfig

config = DeploymentConfig.from_pulumi()
stack = Tier1("geusemaker", Tier1Args(**config.model_dump(exclude_unset=True)))
for name, value in stack.outputs.items():
    pulumi.export(name, value)
