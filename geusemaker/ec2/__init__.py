"""Facts about EC2 that need no AWS call: instance types, quotas, Regions."""
