"""A clone's local door for tests: a project folder, a simulated account, the genuine CLI."""

import asyncio
import contextlib
import gc
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from geusemaker.local import lifecycle, session
from geusemaker.local.places import Places

# Each run has an engine of its own, and its port may be that of an ended one, to which gRPC would
# otherwise not connect again for some time.
_GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))

PROJECT = Path(__file__).resolve().parents[2]
MADE = 55
"""Resources of a stack with all defaults, as Pulumi counts them: components and records too."""


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}"


def make_project(folder: Path) -> Path:
    """A folder with what `pulumi` needs of the project."""
    folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
        shutil.copy(PROJECT / name, folder / name)
    # Pulumi.yaml names it: a newer language host than the one built here would make one otherwise.
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead to anybody's account."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PULUMI_"))}


def _is_of_tags(step: Mapping[str, Any]) -> bool:
    changed = step.get("detailedDiff") or {}
    return (
        step["op"] == "update"
        and bool(changed)
        and all(re.match(r"(rootBlockDevice\.)?tags(All)?\b", path) for path in changed)
    )


class _Language(LanguageServer):
    """The SDK's, which a running CLI starts; an engine that attaches to it greets it first."""

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        request.args[:] = [self._engine]
        loops: list[asyncio.AbstractEventLoop] = []
        make = asyncio.new_event_loop

        def new_event_loop() -> asyncio.AbstractEventLoop:
            loops.append(make())
            return loops[-1]

        with mock.patch.object(asyncio, "new_event_loop", new_event_loop):
            try:
                return super().Run(request, context)  # type: ignore[no-untyped-call]
            except (grpc.RpcError, RuntimeError) as ended:  # the engine has ended
                return language_pb2.RunResponse(error=str(ended))
            finally:
                for loop in loops:
                    _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what a program leaves behind whose engine has ended: as garbage, its tasks and its open
    loop would be errors of a later test."""
    if loop.is_closed():
        return
    loop.set_exception_handler(lambda *_: None)
    for _ in range(10):
        left = asyncio.all_tasks(loop)
        if not left:
            break
        for task in left:
            task.cancel()
        with contextlib.suppress(RuntimeError):  # a failed call stops the loop
            loop.run_until_complete(asyncio.wait(left))
    loop.close()


class Door:
    """One open local door. `close` ends what it started.

    The genuine CLI runs each command, and the commands of `geusemaker` run it too. It attaches to
    this process, which runs the program; `plain` lets it start Python, whose imports and pip's
    list take most of the time of a preview, instead.
    """

    def __init__(self, project: Path) -> None:
        self.places = Places(project)
        self._inline = True
        self.said: list[str] = []
        self._session = session.open_session(self.places, clean_environment(), self.said.append)

    @property
    def env(self) -> Mapping[str, str]:
        """The local environment."""
        return self._session.env

    @contextlib.contextmanager
    def plain(self) -> Iterator[None]:
        """Run the program in a Python of its own, as a user does."""
        self._inline = False
        try:
            yield
        finally:
            self._inline = True

    @contextlib.contextmanager
    def _program(self) -> Iterator[str]:
        """The engine's setting by which it finds the program, which runs in this process."""

        def program() -> None:
            try:
                # What it freezes for good is not its own here.
                with mock.patch.object(gc, "freeze"):
                    runpy.run_path(str(self.places.project / "__main__.py"))
            except SystemExit as end:  # the program has shown its error
                raise end.__context__ or end  # noqa: B904

        with ThreadPoolExecutor() as threads:
            server = grpc.server(threads)
            language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_Language(program), server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                with mock.patch.dict(os.environ, self.env, clear=True):
                    yield f"python:{port}"
            finally:
                server.stop(None).wait()

    @contextlib.contextmanager
    def attached(self) -> Iterator[Mapping[str, str]]:
        """The variables with which a command in this process has the program run here too."""
        with self._program() as attached:
            yield {**self.env, "PULUMI_DEBUG_LANGUAGES": attached}

    def pulumi(self, *arguments: str, code: int | None = 0) -> Ran:
        """Run the plain CLI; `code` is the exit code that it must have, None for any."""
        ran = self.run("pulumi", "--non-interactive", "--color", "never", *arguments)
        assert code is None or ran.code == code, f"pulumi {' '.join(arguments)}: {ran}"
        return ran

    def run(self, *command: str) -> Ran:
        """Run any command in the local environment, in the project."""
        program = shutil.which(command[0], path=self.env["PATH"])
        assert program is not None, f"{command[0]} is not on the environment's PATH"
        env = {**self.env, "GOGC": "400"}  # a fifth less of the CLI's CPU time, for 15 MB
        with self._program() if self._inline else contextlib.nullcontext() as attached:
            if attached:
                env["PULUMI_DEBUG_LANGUAGES"] = attached
            ran = subprocess.run(
                [program, *command[1:]],
                cwd=self.places.project,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        return Ran(ran.returncode, ran.stdout + ran.stderr)

    def set(self, **values: str) -> None:
        """`pulumi config set-all` of the keys: one start of the CLI instead of many."""
        pairs = [part for k, v in values.items() for part in ("--plaintext", f"geusemaker:{k}={v}")]
        self.pulumi("config", "set-all", *pairs)

    def unset(self, *keys: str) -> None:
        """`pulumi config rm-all` of the keys; one that is not set is fine."""
        self.pulumi("config", "rm-all", *(f"geusemaker:{key}" for key in keys))

    def up(self) -> Ran:
        """`pulumi up` without the preview."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def refresh(self) -> None:
        """Refresh twice: AWS fills in properties for the first one, the plan stays empty."""
        self.pulumi("refresh", "--yes")
        self.pulumi("preview", "--expect-no-changes")
        self.pulumi("refresh", "--yes", "--expect-no-changes")

    def steps(self, *options: str, but_tags: bool = False) -> dict[str, str]:
        """What a preview would do: URN's name -> operation, for all that does not stay the same.

        Operations on several resources of one name are told in order: "replace, update".
        `but_tags` leaves out what changes in its tags only, in place.
        """
        digest = json.loads(self.pulumi("preview", "--json", *options).out)
        by_urn = {
            step["urn"]: step["op"]
            for step in digest["steps"]
            if step["op"] != "same" and not (but_tags and _is_of_tags(step))
        }
        changed: dict[str, set[str]] = {}
        for urn, operation in by_urn.items():
            changed.setdefault(urn.rpartition("::")[2], set()).add(operation)
        return {name: ", ".join(sorted(operations)) for name, operations in changed.items()}

    def preview_text(self, code: int | None = 0) -> str:
        """The diagnostics and changes that a preview prints."""
        return self.pulumi("preview", code=code).out

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json").out)
        return found

    def resources(self) -> list[tuple[str, str]]:
        """What is alive in the account beyond what a new one has."""
        return self._session.account.resources()

    def release(self, name: str, architecture: str = "x86_64", root_gib: int | None = None) -> str:
        """Let the simulated AWS publish an image; its id."""
        return str(self._session.account.release(name, architecture, root_gib)["id"])

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """boto3 on the same account, as a user's script would see it."""
        connect: Any = boto3.client
        return connect(
            service,
            region_name=region,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )

    def close(self) -> None:
        """Stop the account."""
        with lifecycle.locked(self.places, self.said.append):
            lifecycle.stop_account(self.places)
