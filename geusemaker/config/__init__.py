"""The config of a stack: its keys, where values come from, and the rules that they keep."""

from geusemaker.config.model import DeploymentConfig

__all__ = ["DeploymentConfig"]
