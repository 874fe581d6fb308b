"""The boot script: rendered from templates, packed for EC2, the same on every machine."""
