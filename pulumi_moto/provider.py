"""The simulated `aws` provider, over gRPC, as the Pulumi engine talks to the real one.

It implements the generated servicer and not the SDK's experimental provider: that one has no
Attach, turns unknown values into plain text, forgets old inputs, and shows every refusal with a
traceback (docs/adr/0003).
"""

import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from . import invokes, wire
from .account import Account, AwsError
from .backends import has_region
from .lookup import InvokeError
from .planning import Change, top
from .resource import Resource, Update
from .schema import Problem
from .table import NotSimulated, resource_type

VERSION: Final = "7.51.1"  # the pulumi-aws whose declarations are checked against

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Callable[..., Any])


def _type_of(urn: str) -> Resource:
    return resource_type(urn.split("::")[2].rpartition("$")[2])


def _name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


class _FailedPartlyError(Exception):
    """An update that AWS refused on its way: the error, and what is recorded of the resource.

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


def _no_host(region: str) -> str:
    """The real provider's error in an unknown Region: it calls STS, and no host has that name.

    It does not check the name against a list.
    """
    host = f"sts.{region}.amazonaws.com"
    return (
        "unable to validate AWS credentials.\nDetails: validating provider credentials: retrieving "
        "caller identity from STS: operation error STS: GetCallerIdentity, https response error "
        f'StatusCode: 0, RequestID: , request send failed, Post "https://{host}/": dial tcp: '
        f"lookup {host}: no such host\n"
    )


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
    """One provider for all runs against this account; each run configures it again.

    `region` is that of a program which sets none: the environment of the CLI, from which the real
    provider takes it, does not reach this process. `hint` follows the message that a resource type
    or function is not simulated.
    """

    def __init__(
        self,
        account_for: Callable[[str, Mapping[str, str]], Account],
        region: str | None = None,
        hint: str = "",
    ) -> None:
        self._account_for = account_for
        self._region = region
        self._hint = hint
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        """The account in the Region of the last Configure."""
        if self._account is None:
            raise LookupError("the engine calls the provider before it configures it")
        return self._account

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
        region = wire.decode(request.news).values.get("region") or self._region
        missing = region is not None and not has_region(region)
        problems = [Problem("", _no_host(str(region)))] if missing else []
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
        config = wire.decode(request.args).values
        region = config.get("region") or self._region
        if not region:
            raise InvokeError(
                "Missing region information: Please provide the region by setting "
                "`pulumi config set aws:region <region>`, e.g. us-east-1"
            )
        if not has_region(region):  # a provider of the state is not checked, but configured
            raise InvokeError(_no_host(region))
        tags = config.get("defaultTags") or {}
        if isinstance(tags, str):
            tags = json.loads(tags)
        self._account = self._account_for(region, tags.get("tags") or {})
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    # Functions. ----------------------------------------------------------------------------

    @_answers
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        arguments = wire.decode(request.args).values
        if problems := invokes.check(request.tok, arguments):
            return provider_pb2.InvokeResponse(failures=_failures(problems))
        answer = invokes.invoke(self.account, request.tok, arguments)
        return provider_pb2.InvokeResponse(**{"return": wire.encode(answer)})

    # Resources. ----------------------------------------------------------------------------

    @_answers
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        new = wire.decode(request.news)
        old = wire.decode(request.olds).values if request.HasField("olds") else None
        inputs, problems = kind.check(
            self.account, _name_of(request.urn), old, new.values, request.randomSeed
        )
        return provider_pb2.CheckResponse(
            inputs=wire.encode(inputs, new.secrets | (kind.secret & inputs.keys())),
            failures=_failures(problems),
        )

    def _changes(self, kind: Resource, request: Any) -> list[Change]:
        found = kind.changes(
            self.account,
            wire.decode(request.olds).values,
            wire.decode(request.old_inputs).values,
            wire.decode(request.news).values,
        )
        return [c for c in found if not any(_within(c.path, p) for p in request.ignoreChanges)]

    @_answers
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        changes = self._changes(kind, request)
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
        secrets = new.secrets | kind.secret
        if request.preview:
            outputs = kind.preview_create(self.account, new.values)
            return provider_pb2.CreateResponse(properties=wire.encode(outputs, secrets))
        id_, made = kind.made(self.account, new.values)
        return provider_pb2.CreateResponse(id=id_, properties=wire.encode(made, secrets))

    @_answers
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        state, inputs = wire.decode(request.properties), wire.decode(request.inputs)
        found = kind.outputs(self.account, request.id, inputs.values, state.values)
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
        changed = frozenset(top(c.path) for c in self._changes(kind, request))
        secrets = new.secrets | kind.secret
        if request.preview:
            outputs = kind.preview_update(self.account, state, new.values, changed)
            return provider_pb2.UpdateResponse(properties=wire.encode(outputs, secrets))
        try:
            kind.updated(self.account, request.id, Update(state, new.values, changed))
        except AwsError as refused:
            if not kind.records_failed_update:
                raise
            planned = {**{k: v for k, v in state.items() if k not in changed}, **new.values}
            raise _FailedPartlyError(
                request.id, wire.encode(planned, secrets), f"updating {request.urn}: {refused}"
            ) from refused
        made = kind.outputs(self.account, request.id, new.values, state)
        if made is None:
            raise LookupError(f"{request.urn} is gone right after it was updated")
        return provider_pb2.UpdateResponse(properties=wire.encode(made, secrets))

    @_answers
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type_of(request.urn)
        kind.deleted(self.account, request.id, wire.decode(request.properties).values)
        return empty_pb2.Empty()
