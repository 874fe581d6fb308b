"""Runs the resource hooks of a program as the engine does, but in this process."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2

from . import wire


class HookError(Exception):
    """A hook refuses a step. `str()` is its message."""


class Hooks:
    """The hooks of one run. Only those that run before a step; on a preview those marked for it."""

    def __init__(self, *, is_preview: bool) -> None:
        self._is_preview = is_preview
        self._registered: dict[str, Any] = {}

    def register(self, request: Any) -> None:
        """Takes a `RegisterResourceHookRequest`."""
        self._registered[request.name] = request

    def run(self, names: Iterable[str], step: Mapping[str, Any], secrets: Iterable[str]) -> None:
        """Runs the hooks of a step: the fields of a `ResourceHookRequest`, properties as mappings.

        Call it from another thread than that of the program's event loop.

        Raises:
            HookError: One refuses.
        """
        fields = {
            key: wire.encode(value, secrets) if isinstance(value, Mapping) else value
            for key, value in step.items()
        }
        for name in names:
            hook = self._registered[name]
            if self._is_preview and not hook.on_dry_run:
                continue
            request = resource_pb2.ResourceHookRequest(**fields)
            answer = _answer(hook.callback.token, request.SerializeToString())
            if answer.error and not hook.ignore_errors:
                raise HookError(answer.error)


def _answer(token: str, request: bytes) -> Any:
    """What the SDK answers for a callback, found as its own mocks find transforms."""
    server = next(one for one in _CallbackServicer._servicers if token in one._callbacks)
    callback: Any = server._callbacks[token]
    answer = asyncio.run_coroutine_threadsafe(callback(request), server._loop)
    while server._loop.is_running():
        with contextlib.suppress(TimeoutError):
            return answer.result(timeout=0.1)
    raise HookError("the program has ended")  # something else has refused it
