"""The engine's half of the talk with the provider: over gRPC, with the generated stubs."""

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from pulumi_moto import wire
from pulumi_moto.mocks import simulated_account
from pulumi_moto.provider import Provider


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:dev::project::my:index:Component${token}::{name}"


class Engine:
    """One connection of the engine, which is for one provider of a program."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def configure(self, **config: Any) -> Any:
        return self.stub.Configure(provider_pb2.ConfigureRequest(args=wire.encode(config)))

    def check(
        self,
        token: str,
        olds: Mapping[str, Any] | None = None,
        seed: bytes = b"1",
        secrets: tuple[str, ...] = (),
        **news: Any,
    ) -> Any:
        return self.stub.Check(
            provider_pb2.CheckRequest(
                urn=urn(token),
                olds=None if olds is None else wire.encode(olds),
                news=wire.encode(news, secrets),
                randomSeed=seed,
            )
        )

    def inputs(self, token: str, **news: Any) -> dict[str, Any]:
        answer = self.check(token, **news)
        assert not answer.failures
        return wire.decode(answer.inputs).values

    def diff(
        self,
        token: str,
        old: Mapping[str, Any],
        state: Mapping[str, Any],
        new: Mapping[str, Any],
        ignore: tuple[str, ...] = (),
    ) -> Any:
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=urn(token),
                olds=wire.encode(state),
                old_inputs=wire.encode(old),
                news=wire.encode(new),
                ignoreChanges=ignore,
            )
        )

    def create(self, token: str, inputs: Mapping[str, Any], preview: bool = False) -> Any:
        return self.stub.Create(
            provider_pb2.CreateRequest(
                urn=urn(token), properties=wire.encode(inputs), preview=preview
            )
        )


@contextlib.contextmanager
def engines() -> Iterator[Callable[[], Engine]]:
    """Connects to the provider of one account, each time anew, as the engine does."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
    with simulated_account() as mocks, contextlib.ExitStack() as opened:
        provider = Provider(mocks.default.regions)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()

        def connect() -> Engine:
            # Otherwise all channels of a process share one connection.
            own = [("grpc.use_local_subchannel_pool", 1)]
            channel = opened.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", own))
            return Engine(provider_pb2_grpc.ResourceProviderStub(channel))

        try:
            yield connect
        finally:
            server.stop(None).wait()
