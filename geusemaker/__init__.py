"""GeuseMaker: a self-hosted AI stack on one AWS host, as a Pulumi program."""

__version__ = "0.1.0"
