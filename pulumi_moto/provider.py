"""The simulated `aws` provider, over gRPC, as the Pulumi engine talks to the real one.

It implements the generated servicer and not the SDK's experimental provider: that one has no
Attach, turns unknown values into plain text, forgets old inputs, and shows every refusal with a
traceback (docs/adr/0003).
"""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from . import invokes, wire
from .account import Account, AwsError, UnfinishedError
from .backends import has_region
from .lookup import InvokeError
from .regions import Configured, Regions, no_host
from .resource import Resource, Update
from .schema import Problem
from .state import Change, top
from .table import NotSimulated, resource_type

VERSION: Final = "7.51.1"  # the pulumi-aws whose declarations are checked against

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Callable[..., Any])


def _type_of(urn: str) -> Resource:
    return resource_type(urn.split("::")[2].rpartition("$")[2])


def _name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


class _FailedPartlyError(Exception):
    """What AWS refused on its way, or has not finished: the error, and what is recorded of it.

    The bridge of the real provider records all that was planned. The engine keeps that: the next
    plan of the same inputs changes nothing, and the empty update that the engine makes to try again
    does nothing either.
    """

    def __init__(self, id_: str, recorded: struct_pb2.Struct, why: str) -> None:
        super().__init__(why)
        self._failed = provider_pb2.ErrorResourceInitFailed(
            id=id_, properties=recorded, reasons=[why]
        )

    def metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The details of the error as gRPC sends them."""
        detail = any_pb2.Any()
        detail.Pack(self._failed)
        code, _ = grpc.StatusCode.UNKNOWN.value
        status = status_pb2.Status(code=code, message=str(self), details=[detail])
        return (("grpc-status-details-bin", status.SerializeToString()),)


def _answers(method: T) -> T:
    """One RPC at a time; a refusal is aborted with its text alone, as the real provider's is."""

    @functools.wraps(method)
    def locked(self: "Provider", request: Any, context: grpc.ServicerContext) -> Any:
        with Account.lock:
            try:
                return method(self, request, context)
            except (AwsError, InvokeError) as refused:
                text = str(refused)
            except _FailedPartlyError as failed:
                context.set_trailing_metadata(failed.metadata())
                text = str(failed)
            except NotSimulated as unknown:
                text = f"{unknown.args[0]}{self._hint}"
            except Exception as broken:  # the engine would only show "UNKNOWN"
                log.exception("%s", method.__name__)
                text = f"the simulated provider is broken: {type(broken).__name__}: {broken}"
        return context.abort(grpc.StatusCode.UNKNOWN, text)

    return cast("T", locked)


def _failures(problems: list[Problem]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=one.path, reason=one.reason) for one in problems]


def _diff(changes: Sequence[Any]) -> Any:
    return provider_pb2.DiffResponse.DiffChanges.Value("DIFF_SOME" if changes else "DIFF_NONE")


def _kind(change: Change) -> Any:
    name = f"{change.kind}_replace" if change.replaces else change.kind
    return provider_pb2.PropertyDiff.Kind.Value(name.upper())


def _within(path: str, ignored: str) -> bool:
    return path == ignored or path.startswith((f"{ignored}.", f"{ignored}["))


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """All `aws` providers of all runs against one account.

    The engine opens a connection for each provider of a program and configures it there. No other
    request names its provider, so the address of the caller says whose it is.

    `hint` follows the message that a resource type or function is not simulated.
    """

    def __init__(self, regions: Regions, hint: str = "") -> None:
        self._regions = regions
        self._hint = hint
        self._configured: dict[str, Configured] = {}

    def _account(self, context: grpc.ServicerContext, *given: Mapping[str, Any]) -> Account:
        """The account as the provider of this connection sees it; see `Configured.account`."""
        configured = self._configured.get(context.peer())
        if configured is None:
            # gRPC's client for Go also opens another connection after 30 minutes without a call.
            raise InvokeError(
                "the engine has not configured the provider on this connection, or made no call "
                "for 30 minutes: run the command again"
            )
        return configured.account(*given)

    # Life of the plugin. -------------------------------------------------------------------

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    @_answers
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        region = wire.decode(request.news).values.get("region")
        missing = isinstance(region, str) and region and not has_region(region)
        problems = [Problem("", no_host(str(region)))] if missing else []
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(problems))

    @_answers
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Another Region, say, changes the provider in place, as it does the real one: the engine
        # then configures it again. Without an answer here it would keep the old config.
        old, new = wire.decode(request.old_inputs).values, wire.decode(request.news).values
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return provider_pb2.DiffResponse(
            changes=_diff(changed),
            diffs=changed,
        )

    @_answers
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        # A provider of the state is not checked before.
        config = wire.decode(request.args).values
        self._configured[context.peer()] = Configured.of(self._regions, config)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    # Functions. ----------------------------------------------------------------------------

    @_answers
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        arguments = wire.decode(request.args).values
        if problems := invokes.check(request.tok, arguments):
            return provider_pb2.InvokeResponse(failures=_failures(problems))
        answer = invokes.invoke(self._account(context, arguments), request.tok, arguments)
        return provider_pb2.InvokeResponse(**{"return": wire.encode(answer)})

    # Resources. ----------------------------------------------------------------------------

    @_answers
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        new = wire.decode(request.news)
        old = wire.decode(request.olds).values if request.HasField("olds") else None
        inputs, problems = kind.check(
            self._account(context), _name_of(request.urn), old, new.values, request.randomSeed
        )
        return provider_pb2.CheckResponse(
            inputs=wire.encode(inputs, new.secrets | (kind.secret & inputs.keys())),
            failures=_failures(problems),
        )

    def _changes(
        self, account: Account, kind: Resource, state: Mapping[str, Any], request: Any
    ) -> list[Change]:
        found = kind.changes(
            account,
            state,
            wire.decode(request.old_inputs).values,
            wire.decode(request.news).values,
        )
        return [c for c in found if not any(_within(c.path, p) for p in request.ignoreChanges)]

    @_answers
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        state = wire.decode(request.olds).values
        changes = self._changes(self._account(context, state), kind, state, request)
        old_inputs = wire.decode(request.old_inputs).values
        replaces = sorted({top(c.path) for c in changes if c.replaces})
        return provider_pb2.DiffResponse(
            changes=_diff(changes),
            replaces=replaces,
            diffs=sorted({top(c.path) for c in changes}),
            deleteBeforeReplace=bool(replaces)
            and kind.delete_first(_name_of(request.urn), old_inputs),
            hasDetailedDiff=True,
            detailedDiff={c.path: provider_pb2.PropertyDiff(kind=_kind(c)) for c in changes},
        )

    @_answers
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        new = wire.decode(request.properties)
        account = self._account(context, new.values)
        secrets = new.secrets | kind.secret
        if request.preview:
            outputs = kind.preview_create(account, new.values)
            return provider_pb2.CreateResponse(properties=wire.encode(outputs, secrets))
        try:
            id_, made = kind.made(account, new.values)
        except UnfinishedError as unmet:
            state = kind.outputs(account, unmet.id, new.values, {}) or {}
            raise _FailedPartlyError(
                unmet.id, wire.encode(state, secrets), f"creating {request.urn}: {unmet}"
            ) from unmet
        return provider_pb2.CreateResponse(id=id_, properties=wire.encode(made, secrets))

    @_answers
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        state, inputs = wire.decode(request.properties), wire.decode(request.inputs)
        account = self._account(context, state.values)
        found = kind.outputs(account, request.id, inputs.values, state.values)
        if found is None:
            return provider_pb2.ReadResponse()
        known = {k: kind.kept(k, given, found.get(k)) for k, given in inputs.values.items()}
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=wire.encode(found, state.secrets | kind.secret),
            inputs=wire.encode(known, inputs.secrets | kind.secret),
        )

    @_answers
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        state, new = wire.decode(request.olds).values, wire.decode(request.news)
        account = self._account(context, state)
        changed = frozenset(top(c.path) for c in self._changes(account, kind, state, request))
        secrets = new.secrets | kind.secret
        if request.preview:
            outputs = kind.preview_update(account, state, new.values, changed)
            return provider_pb2.UpdateResponse(properties=wire.encode(outputs, secrets))
        try:
            kind.updated(account, request.id, Update(state, new.values, changed))
        except AwsError as refused:
            if not kind.records_failed_update:
                raise
            planned = {**{k: v for k, v in state.items() if k not in changed}, **new.values}
            raise _FailedPartlyError(
                request.id, wire.encode(planned, secrets), f"updating {request.urn}: {refused}"
            ) from refused
        made = kind.outputs(account, request.id, new.values, state)
        if made is None:
            raise LookupError(f"{request.urn} is gone right after it was updated")
        return provider_pb2.UpdateResponse(properties=wire.encode(made, secrets))

    @_answers
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        state = wire.decode(request.properties).values
        kind.deleted(self._account(context, state), request.id, state)
        return empty_pb2.Empty()
