"""The local door: a simulated AWS account on this machine, and the environment that leads to it."""
