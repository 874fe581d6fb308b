"""A Pulumi provider over moto: the `aws` resource types of a program, without an AWS account."""

import importlib.util

# `state` and `wire` are plain data, which a program uses where moto is not installed.
if importlib.util.find_spec("moto"):
    from . import caches  # noqa: F401 - before moto is imported, which reads AWS's data
