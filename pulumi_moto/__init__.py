"""A Pulumi provider over moto: the `aws` resource types of a program, without an AWS account."""

from . import caches  # noqa: F401 - before moto is imported, which reads AWS's data
