"""Pulumi mocks that answer from the simulated account: the same table, no engine, no sockets.

For unit tests, and to try a stack where only Python is installed.
"""

import asyncio
import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

import moto
import pulumi
import pulumi.runtime

from . import invokes, schema, wire
from .account import Account, AwsError
from .lookup import InvokeError
from .regions import Configured, Regions
from .resource import Resource
from .seed import NEW_ACCOUNT, Seed
from .table import resource_type

# Each would send boto3 to another account.
_CLEARED: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN")


@dataclass(frozen=True)
class Made:
    """One resource that the program made."""

    token: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    id: str | None = None


@dataclass
class SimulatedMocks(pulumi.runtime.Mocks):
    """Answers each registration and look-up as the simulated provider does, and records both.

    Refusals (`AwsError`, `InvokeError`, `NotSimulated`) and properties that the provider does not
    declare (`LookupError`) are raised, never swallowed; the first two, of a look-up, as the failure
    of the look-up.
    """

    default: Configured
    """The provider of all that names none."""
    made: list[Made] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    over: bool = False
    """Whether the account is gone. A program that has failed may still have running threads, which
    would make their resources in the next account."""
    _explicit: dict[str, Configured] = field(default_factory=dict)
    """The program's own providers by their ids."""

    @property
    def account(self) -> Account:
        """The account as the default provider sees it."""
        return self.default.account()

    def _provider(self, reference: str | None) -> Configured:
        """The provider of a reference, which ends with its id."""
        return self._explicit.get((reference or "").rpartition("::")[2], self.default)

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[Any, Any]]:
        """Make the resource in the account; its id and outputs."""
        given = wire.unwrapped(wire.with_whole_numbers(args.inputs))
        inputs = {key: value for key, value in given.values.items() if value is not None}
        id_: str | None
        secrets = set(given.secrets)
        if args.typ == "pulumi:index:Stash":
            id_, outputs = f"{args.name}-id", {**inputs, "output": inputs["input"]}
            if "input" in secrets:
                secrets.add("output")
        elif args.typ == "pulumi:providers:aws":
            id_, outputs = f"{args.name}-{len(self.made)}", inputs
            with self.turn():
                self._explicit[id_] = Configured.of(self.default.regions, inputs)
        elif args.typ.startswith("aws:"):
            kind = resource_type(args.typ)
            secrets |= kind.secret
            with self.turn():
                provider = self._provider(args.provider)
                id_, outputs = self._make(provider, kind, args.name, inputs)
        else:
            id_, outputs = None, inputs  # a component has no life of its own
        self.made.append(Made(args.typ, args.name, inputs, outputs, id_))
        return id_, wire.wrapped(outputs, secrets)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Use of the account by one thread, while there is one."""
        with Account.lock:
            if self.over:
                raise RuntimeError("this simulated account is gone")
            yield

    def _make(
        self, provider: Configured, kind: Resource, name: str, given: Mapping[str, Any]
    ) -> tuple[str, dict[Any, Any]]:
        inputs, problems = kind.check(provider.account(), name, None, given, b"")
        if problems:
            wrong = "; ".join(f"{problem.path}: {problem.reason}" for problem in problems)
            raise LookupError(f"{kind.token} {name!r}: {wrong}")
        return kind.made(provider.account(inputs), inputs)

    # The base class declares a pair alone; the answer by itself is what says that nothing failed.
    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """Answer a look-up from the account.

        What AWS refuses comes back as a failure, as from the engine: an exception here would stay
        behind in Pulumi's runtime, also when the program has dealt with it.
        """
        with self.turn():
            arguments = wire.with_whole_numbers(args.args)
            if problems := invokes.check(args.token, arguments):
                raise LookupError(f"{args.token}: {problems[0].path}: {problems[0].reason}")
            self.asked.append((args.token, arguments))
            try:
                account = self._provider(args.provider).account(arguments)
                return invokes.invoke(account, args.token, arguments)
            except (AwsError, InvokeError) as refused:
                return {}, [("", str(refused))]

    def of(self, token: str) -> list[Made]:
        """What was made of one type, in order."""
        return [made for made in self.made if made.token == token]


@contextlib.contextmanager
def simulated_account(
    region: str = "us-east-1",
    default_tags: Mapping[str, str] | None = None,
    seed: Seed = NEW_ACCOUNT,
) -> Iterator[SimulatedMocks]:
    """An account that lives in this process for as long as the block.

    Yields mocks to hand to `pulumi.runtime.set_mocks`.
    """
    schema.preload()
    _have_event_loop()
    with mock.patch.dict(os.environ, MOTO_EC2_LOAD_DEFAULT_AMIS="false"), moto.mock_aws():
        for name in _CLEARED:
            os.environ.pop(name, None)
        seed.start()
        default = Configured(Regions(region, seed), region, default_tags or {})
        default.account()  # the Region is seeded
        mocks = SimulatedMocks(default)
        try:
            yield mocks
        finally:
            with Account.lock:
                mocks.over = True


def _have_event_loop() -> None:
    """Sets a current event loop if there is none: `pulumi.runtime.set_mocks` makes futures.

    Python 3.14 makes none by itself, and no version does after `asyncio.run`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(asyncio.new_event_loop())
