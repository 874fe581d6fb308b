"""The Pulumi program: reads the config, creates one Tier1, exports its outputs."""

import gc

gc.disable()  # imports create 150,000 objects that live on: collections are slow and free none

import pulumi  # noqa: E402

from geusemaker.components.tier1 import Tier1, tier1_args  # noqa: E402
from geusemaker.config import DeploymentConfig  # noqa: E402
from geusemaker.run_errors import shown_alone  # noqa: E402

gc.freeze()
gc.enable()

with shown_alone():
    config = DeploymentConfig.from_pulumi()
    stack = Tier1("geusemaker", tier1_args(config))
for name, value in stack.outputs.items():
    pulumi.export(name, value)
