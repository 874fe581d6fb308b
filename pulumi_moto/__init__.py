"""A Pulumi provider over moto: the `aws` resource types of a program, without an AWS account."""
