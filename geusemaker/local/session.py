"""Prepares what a local command needs: engine, account, files and stack."""

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from geusemaker.local import environment, lifecycle
from geusemaker.local.account import Account
from geusemaker.local.environment import Environment
from geusemaker.local.lifecycle import Say
from geusemaker.local.places import Places
from geusemaker.local.stack import LocalCli
from geusemaker.pulumi_cli.find import Engine, find_engine


@dataclass(frozen=True)
class Session:
    """A running account and an environment with a stack for it."""

    places: Places
    engine: Engine
    account: Account
    environment: Environment
    env: Mapping[str, str]
    cli: LocalCli


def open_session(places: Places, base: Mapping[str, str], say: Say) -> Session:
    """Starts what is missing, with the clone's lock held."""
    engine = find_engine(say, environ=base)
    with lifecycle.locked(places, say):
        account, started = lifecycle.ensure_account(places, base, say)
        if started:
            say(f"simulated account started, {account.images} recorded images")
        return join(places, base, engine, account, say)


def join(
    places: Places, base: Mapping[str, str], engine: Engine, account: Account, say: Say
) -> Session:
    """Makes the environment for the engine and the account, and the stack in it."""
    lifecycle.prepare(places, say)
    local = environment.for_account(places, engine.path_dir, bin_dir(), account, base)
    env = local.applied_to(base)
    cli = LocalCli(places, engine.path_dir / "pulumi", env)
    cli.ensure_stack()
    return Session(places, engine, account, local, env, cli)


def bin_dir() -> Path:
    """The folder of this Python's programs, `.venv/bin` in a clone."""
    return Path(sysconfig.get_path("scripts"))
