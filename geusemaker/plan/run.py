"""Runs the program of a project in the simulated account of this process."""

import logging
import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import pulumi
import pulumi.runtime

from geusemaker.cost.resources import GROUP, INSTANCE
from geusemaker.errors import ConfigError, one_line
from geusemaker.plan.adopted import StandIns
from geusemaker.plan.ran import Ran
from geusemaker.plan.workers import types_of
from geusemaker.simulator.mocks import simulated_account
from geusemaker.simulator.seed import WITHOUT_QUOTAS
from pulumi_moto.account import AwsError
from pulumi_moto.hooks import HookError
from pulumi_moto.lookup import InvokeError
from pulumi_moto.state import State
from pulumi_moto.steps import StepMonitor
from pulumi_moto.table import NotSimulated

PROJECT: Final = "geusemaker"


@dataclass(frozen=True)
class Program:
    """A program and what Pulumi would pass to it.

    Attributes:
        folder: The project: it has `__main__.py`.
        config: Values by full key, as text.
        secrets: Full keys of those that are secrets.
    """

    folder: Path
    stack: str
    region: str
    config: Mapping[str, str]
    secrets: frozenset[str] = frozenset()
    default_tags: Mapping[str, str] | None = None


class _Log(logging.Logger):
    """What a program logs by `pulumi.log`."""

    def __init__(self) -> None:
        super().__init__("plan")
        self.messages: list[tuple[Literal["info", "warning"], str]] = []
        self.errors: list[str] = []

    def info(self, msg: object, *_: object, **__: Any) -> None:
        self.messages.append(("info", str(msg)))

    def warning(self, msg: object, *_: object, **__: Any) -> None:
        self.messages.append(("warning", str(msg)))

    def error(self, msg: object, *_: object, **__: Any) -> None:
        self.errors.append(str(msg))

    def debug(self, *_: object, **__: Any) -> None:
        pass


def run(program: Program, against: State | None = None, stand_ins: StandIns | None = None) -> Ran:
    """Runs the program: against a state, or as a new stack whose outputs are all known.

    Raises:
        GeuseMakerError: The program has refused its config, or cannot run here.
    """
    log = _Log()
    stand_ins = stand_ins or StandIns()
    with simulated_account(program.region, program.default_tags, WITHOUT_QUOTAS) as mocks:
        stand_ins.make(mocks.account, against)
        monitor = StepMonitor(mocks, against or State(), make=against is None)
        pulumi.runtime.set_mocks(
            mocks,
            project=PROJECT,
            stack=program.stack,
            preview=against is not None,
            logger=log,
            monitor=monitor,
        )
        pulumi.runtime.set_all_config(dict(program.config), list(program.secrets))
        with _as_one_error(log):
            _run(program.folder)
        name = program.config.get("geusemaker:instanceType") or _instance_type(monitor)
        steps = tuple(monitor.steps())
        groups = [one for one in steps if one.type == GROUP and one.operation != "delete"]
        return Ran(
            steps,
            monitor.state(),
            tuple(log.messages),
            mocks.account.instance_type(name),
            stand_ins.notes(),
            mocks.account.instance_type(types_of(groups[0].inputs)[0]) if groups else None,
        )


def _instance_type(monitor: StepMonitor) -> str:
    host = next(one for one in monitor.steps() if one.type == INSTANCE)
    return str(host.inputs["instanceType"])


def _run(folder: Path) -> None:
    def program() -> None:
        before = list(sys.path), sys.argv
        sys.argv = [str(folder / "__main__.py")]
        try:
            runpy.run_path(str(folder / "__main__.py"))
        finally:
            sys.path[:], sys.argv = before

    # Waits for all outputs, so that errors in an `apply` are raised too.
    cast("Any", pulumi.runtime.test)(program)()


@contextmanager
def _as_one_error(log: _Log) -> Iterator[None]:
    """Raises what ends the program as the paragraph that Pulumi would show."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        for cause in _causes(error):
            # By name: the program of another commit raises those of its own package.
            kinds = [kind.__name__ for kind in type(cause).__mro__]
            if "GeuseMakerError" in kinds or isinstance(cause, HookError):
                raise ConfigError(str(cause)) from None
        if log.errors:
            raise ConfigError(log.errors[-1]) from None
        for cause in _causes(error):
            if isinstance(cause, AwsError | InvokeError | NotSimulated | LookupError):
                raise ConfigError(
                    "The simulated account cannot show this config: "
                    f"{one_line(cause)} -- the program itself did not refuse it. `geusemaker "
                    "deploy` previews it with your account."
                ) from None
        if isinstance(error, Exception):
            raise ConfigError(
                f"The program {type(error).__name__}: {one_line(error)} -- "
                "`pulumi preview` shows the traceback."
            ) from error
        raise


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # An error that Pulumi's tasks pass on can be among its own causes.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
