"""Refuses at preview to shrink a volume. AWS does so in the middle of an update."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from geusemaker.errors import ConfigError

Properties = Mapping[str, Any]


def grows_only(
    name: str, key: str, size_in: Callable[[Properties], Any]
) -> pulumi.ResourceHookBinding:
    """The hook of a resource whose volume has its size in GiB in a config key.

    Only a hook gets the size that the state has. It runs for an update in place: a new resource may
    be smaller. Pulumi shows `name`, which is unique in the program.
    """

    def check(args: pulumi.ResourceHookArgs) -> None:
        check_size(key, size_in(args.old_outputs or {}), size_in(args.new_inputs or {}))

    on_preview_too = pulumi.ResourceHookOptions(on_dry_run=True)
    return pulumi.ResourceHookBinding(
        before_update=[pulumi.ResourceHook(name, check, on_preview_too)]
    )


def check_size(key: str, was: Any, wanted: Any) -> None:
    """Raises `ConfigError` for a size below the volume's. A size may be unknown."""
    if not all(isinstance(size, int | float) for size in (was, wanted)) or wanted >= was:
        return
    raise ConfigError(
        f"geusemaker:{key} makes the volume {wanted:g} GiB, but it has {was:g} GiB, and AWS "
        f"shrinks no volume. Restore its size: `pulumi config set geusemaker:{key} {was:g}`."
    )
