"""Runs a program's resource hooks as the engine does: by the callback server of Pulumi's SDK."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from . import wire

# A proxy of the environment would take the calls, which stay in this process.
_OPTIONS: Final = (("grpc.enable_http_proxy", 0),)


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

        Call it while the program's event loop runs, from another thread.

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
            with grpc.insecure_channel(hook.callback.target, options=_OPTIONS) as channel:
                answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(
                    callback_pb2.CallbackInvokeRequest(
                        token=hook.callback.token, request=request.SerializeToString()
                    )
                )
            error = resource_pb2.ResourceHookResponse.FromString(answer.response).error
            if error and not hook.ignore_errors:
                raise HookError(error)
