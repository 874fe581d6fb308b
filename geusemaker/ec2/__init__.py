"""Facts about EC2 that need no call: instance types, quotas, Regions."""
