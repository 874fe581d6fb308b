"""`make live`: the life of a stack in an AWS account, from the first deployment to nothing left.

The same program runs in the simulated account, where no host boots: steps that need one are shown
as not run. `steps.py` is the list of steps, `run.py` times them and removes the stack.
"""
