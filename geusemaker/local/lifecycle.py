"""Starts, finds and stops the simulated account of one clone, and keeps its files in order.

A Pulumi backend belongs to one account. When the account has ended, its backend describes
resources that no longer exist, so it is set aside before a new account starts.
"""

import contextlib
import importlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from geusemaker.config.sources import read_own_file
from geusemaker.errors import LocalError
from geusemaker.local import environment, process
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places

REGION = "us-east-1"
SIMULATOR = [sys.executable, "-m", "geusemaker.simulator"]
START_SECONDS = 120.0
STOP_SECONDS = 10.0
LOCK_SECONDS = 900.0
_STEP = 0.05

Say = Callable[[str], None]


@contextlib.contextmanager
def locked(places: Places, say: Say, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Allows one command at a time in a clone; the system frees the lock when the process ends."""
    import filelock  # slow, and commands on AWS do not need it

    places.root.mkdir(exist_ok=True)
    # Keeps this folder out of git even without a line in the project's .gitignore.
    (places.root / ".gitignore").write_text("*\n", encoding="utf-8")
    lock = filelock.FileLock(places.lock)
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            say("another geusemaker command is running in this clone; waiting for it")
            lock.acquire(timeout=seconds)
    except filelock.Timeout:
        raise LocalError(
            f"Another geusemaker command has been running in {places.project} for more than"
            f" {seconds:.0f} s: wait until it ends, or end it, then run this one again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def running_account(places: Places) -> Account | None:
    """The account of this clone, if its process answers."""
    account = read_account(places.account_file)
    return account if account is not None and account.is_answering() else None


def ensure_account(places: Places, base: Mapping[str, str], say: Say) -> tuple[Account, bool]:
    """The running account, and whether this call started it. The caller holds the lock."""
    account = running_account(places)
    if account is not None:
        return account, False
    _end_silent_process(places)
    places.account_file.unlink(missing_ok=True)
    if places.backend.exists():
        kept = set_aside(places, places.backend)
        say(
            "the process of this clone's simulated account has ended: a new account starts,"
            f" the old Pulumi state is kept in {places.shown(kept)}"
        )
    return _start(places, base), True


def stop_account(places: Places) -> bool:
    """Ends the account's process if it belongs to this clone; whether there was one."""
    account = read_account(places.account_file)
    ours = account is not None and (account.is_answering() or _is_ours(places, account))
    if account is not None and ours:
        process.end(account.pid, STOP_SECONDS)
        if process.is_running(account.pid):
            raise LocalError(
                f"The simulated account (process {account.pid}) does not end: check it with"
                f" `ps -p {account.pid}`, end it with `kill -9 {account.pid}`, then run this again."
            )
    places.account_file.unlink(missing_ok=True)
    return ours


def set_aside(places: Places, path: Path) -> Path:
    """Moves a file or folder into the set-aside folder, with the time in its name."""
    places.set_aside.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = places.set_aside / f"{stamp}-{path.name}"
    more = 1
    while target.exists():
        more += 1
        target = places.set_aside / f"{stamp}-{more}-{path.name}"
    path.rename(target)
    return target


def prepare(places: Places, say: Say) -> None:
    """Creates the folders and files that the environment names.

    `ConfigError` for a stack file that does not parse, with its line: Pulumi names no file.
    """
    read_own_file(places.committed_config)
    for folder in (places.backend, places.pulumi_home, places.scratch, places.config.parent):
        folder.mkdir(parents=True, exist_ok=True)
    places.log_file.parent.mkdir(exist_ok=True)
    places.empty_file.write_text("", encoding="utf-8")
    # `stack init` writes next to the project file, so it runs on this copy.
    shutil.copyfile(places.project / "Pulumi.yaml", places.scratch / "Pulumi.yaml")
    _copy_config(places, say)
    read_own_file(places.config)


def _copy_config(places: Places, say: Say) -> None:
    try:
        committed = places.committed_config.read_text(encoding="utf-8")
    except FileNotFoundError:
        committed = ""
    if places.config.exists() and places.config_origin.exists():
        if _same_values(places.config_origin.read_text(encoding="utf-8"), committed):
            return
        kept = set_aside(places, places.config)
        say(
            f"{places.committed_config.name} has changed and is used from now on; the previous"
            f" local copy is kept in {places.shown(kept)}"
        )
    places.config.write_text(committed, encoding="utf-8")
    places.config_origin.write_text(committed, encoding="utf-8")


def config_was_changed(places: Places) -> bool:
    """Whether the user changed values in the local copy; Pulumi's salt does not count."""
    try:
        copy = places.config.read_text(encoding="utf-8")
        origin = places.config_origin.read_text(encoding="utf-8")
        return _values(copy) != _values(origin)
    except FileNotFoundError:
        return False
    except yaml.YAMLError:
        return copy != origin


def _same_values(one: str, other: str) -> bool:
    """Whether two config files have equal values, apart from comments and Pulumi's salt."""
    try:
        return _values(one) == _values(other)
    except (yaml.YAMLError, ValueError, TypeError):
        return one == other


def _values(text: str) -> dict[str, object]:
    content = yaml.safe_load(text) or {}
    return {key: value for key, value in dict(content).items() if key != "encryptionsalt"}


def remove_traces(places: Places, say: Say) -> None:
    """Removes the files of a run, except logs and set-aside files."""
    if config_was_changed(places):
        kept = set_aside(places, places.config)
        say(f"the config that you changed locally is kept in {places.shown(kept)}")
    for folder in (places.backend, places.pulumi_home, places.scratch, places.config.parent):
        shutil.rmtree(folder, ignore_errors=True)


def _is_ours(places: Places, account: Account) -> bool:
    """Compares the command line, since the system reuses process ids."""
    return f"--state-file {places.account_file} " in process.command_line(account.pid) + " "


def _end_silent_process(places: Places) -> None:
    account = read_account(places.account_file)
    if account is not None and _is_ours(places, account):
        process.end(account.pid, STOP_SECONDS)


def _start(places: Places, base: Mapping[str, str]) -> Account:
    try:
        importlib.import_module("geusemaker.simulator")
    except ModuleNotFoundError as missing:
        raise LocalError(str(missing)) from None
    places.output_file.parent.mkdir(parents=True, exist_ok=True)
    places.empty_file.write_text("", encoding="utf-8")
    command = [
        *SIMULATOR,
        *("--state-file", str(places.account_file)),
        *("--region", REGION),
        *("--log-file", str(places.log_file)),
    ]
    env = environment.for_simulator(places, base)
    pid = process.start_detached(command, env, places.project, places.output_file)
    try:
        account = _wait_until_ready(places, pid)
    except BaseException:  # Ctrl-C too: no file names this process yet
        process.end(pid, STOP_SECONDS)
        places.account_file.unlink(missing_ok=True)
        raise
    return account


def _wait_until_ready(places: Places, pid: int) -> Account:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if account := running_account(places):
            return account
        if not process.is_running(pid):
            raise LocalError(
                f"The simulated account did not start: {_last_line(places.output_file)}."
                f" See {places.shown(places.output_file)} and {places.shown(places.log_file)}."
            )
        time.sleep(_STEP)
    raise LocalError(
        f"The simulated account was not ready after {START_SECONDS:.0f} s and was stopped: see"
        f" {places.shown(places.log_file)}, then run the command again."
    )


def _last_line(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].strip().rstrip(".")[:300] if lines else "it ended without output"
