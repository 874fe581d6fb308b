"""The simulated AWS account of a clone: its process, files, and the environment that uses it."""
