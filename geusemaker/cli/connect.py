"""`geusemaker connect`: port forward or shell, with Session Manager."""

import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Annotated

import typer

from geusemaker.cli.confirm import INTERRUPTED
from geusemaker.cli.host import Host, opened_host
from geusemaker.cli.options import HostOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import say
from geusemaker.cli.workers import chosen
from geusemaker.errors import HostError, NotAllowedError
from geusemaker.host import session

# Ctrl-C, Ctrl-\ and Ctrl-Z are for the session: the plugin ends a forward, and passes them to the
# host in a shell.
_KEYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


def connect(
    shell: Annotated[
        bool, typer.Option("--shell", help="Open a shell on the host instead.")
    ] = False,
    instance: HostOption = None,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
) -> None:
    """Forward the host's port 443 to this machine with Session Manager; Ctrl-C ends it.

    A worker has no port to forward, so --host opens a shell on it.
    """
    with opened_host(stack, region, local) as first:
        host = chosen(first, instance)
        shell = shell or host.is_worker
        host.refuse_simulated("nothing to connect to")
        command = _command(host, shell)
        _check_programs(command, host.target.env)
        _check_host(host)
        if not shell:
            public = host.outputs.get("url")
            notes = session.greeting(
                session.local_url(command), public if isinstance(public, str) else None
            )
            for line in notes:
                say(line)
        code, interrupted = in_foreground(command, host.target.env)
        if interrupted and not shell:
            raise typer.Exit(INTERRUPTED)
        if code != 0:
            raise HostError(
                f"The session with {host.id} has ended with code {code}, for the reason above. If "
                "the port is in use, another session has it. If the target is not connected, the "
                "host is starting or cannot reach AWS: `geusemaker status` shows it."
            )


def _command(host: Host, shell: bool) -> list[str]:
    if shell:
        command = session.shell_command(host.service.region, host.id)
    else:
        text = host.output("connectCommand")
        try:
            command = session.command_of(text)
        except ValueError as error:
            raise HostError(
                f"The output connectCommand of stack {host.stack} is not from this program, so it "
                f"was not run: {error}. `pulumi up --refresh` writes it again."
            ) from None
    return session.with_profile(command, host.target.profile)


def _check_programs(command: Sequence[str], env: Mapping[str, str]) -> None:
    lacking = session.missing(lambda name: shutil.which(name, path=env.get("PATH")))
    if lacking:
        raise HostError(
            f"A session needs {' and '.join(lacking)}, which PATH does not have. Install: "
            f"{session.how_to_install(lacking)}. Then run the same command again, or by hand: "
            f"`{shlex.join(command)}`."
        )


def _check_host(host: Host) -> None:
    """`HostError` for a host that no session reaches; not checked without the permission."""
    try:
        host.is_up()
    except NotAllowedError:
        return
    if host.service.is_connected(host.id) is False:
        raise HostError(
            f"Systems Manager does not reach {host.name} though it runs: its agent registers one "
            "or two minutes after a start, and must reach AWS. Try again in a minute; `geusemaker "
            "status` shows what the host reported."
        )


def in_foreground(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, bool]:
    """Runs a program in the terminal: its exit code, and whether Ctrl-C was pressed."""
    pressed: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        pressed.append(number)

    before = {key: signal.signal(key, note) for key in _KEYS}
    child = None
    try:
        # A handler, because a child inherits SIG_IGN and would never end.
        child = subprocess.Popen(command, env=dict(env))
        code = child.wait()
    except OSError as error:
        raise HostError(f"{command[0]} cannot be started: {error.strerror or error}.") from None
    finally:
        # SIGTERM, or a closed terminal, must leave no session behind.
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
        for key, handler in before.items():
            signal.signal(key, handler)
    return code, signal.SIGINT in pressed
