"""The config of a stack: its keys, the sources of its values, and validation."""

from geusemaker.config.model import DeploymentConfig

__all__ = ["DeploymentConfig"]
