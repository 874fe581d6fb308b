"""Gets the real Caddy and the real Compose plugin, which tests run the rendered files through.

python scripts/real_tools.py [caddy] [compose]     prints where each is; builds what is missing

Users need neither: on a host they are in an image, or installed. A distribution's Caddy is too old
for our Caddyfile, so that exactly the pinned version is taken: from PATH, from the cache, or built
from the Go modules under `tools/`, whose checksums are pinned there. Exit codes: 0 done, 1 failed.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from geusemaker.engine import cache_root  # noqa: E402
from geusemaker.engine_build import BUILD_SECONDS, go_env  # noqa: E402
from geusemaker.engine_machine import Machine  # noqa: E402
from geusemaker.errors import EngineError, GeuseMakerError  # noqa: E402

LOCK_SECONDS: Final = 3600.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tool:
    """A program: its Go package, how its version is built in, and how it is asked for it."""

    name: str
    version: str
    program: str
    package: str
    symbol: str
    ask: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where its go.mod is."""
        return ROOT / "tools" / self.name


TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            "caddy",
            "2.11.7",
            "caddy",
            "github.com/caddyserver/caddy/v2/cmd/caddy",
            "github.com/caddyserver/caddy/v2.CustomVersion",
            ("version",),
        ),
        Tool(
            "compose",
            "5.6.0",
            "docker-compose",
            "github.com/docker/compose/v5/cmd",
            "github.com/docker/compose/v5/internal.Version",
            ("version",),
        ),
    )
}


def ensure(
    name: str,
    *,
    environ: Mapping[str, str] | None = None,
    machine: Machine | None = None,
    progress: Progress = lambda _: None,
) -> Path:
    """The program of exactly the pinned version. Raises `EngineError` if it cannot be had."""
    tool = TOOLS[name]
    environ = os.environ if environ is None else environ
    machine = machine or Machine(environ)
    found = machine.which(tool.program)
    if found is not None and _is_it(machine, tool, Path(found), environ):
        return Path(found)
    cached = cache_root(environ) / "tools" / tool.name / tool.version / tool.program
    if _is_it(machine, tool, cached, environ):
        return cached
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{cached}.lock", timeout=LOCK_SECONDS):
            # Somebody else may have built it while this one waited.
            if not _is_it(machine, tool, cached, environ):
                _build(machine, tool, cached, environ, progress)
    except (OSError, filelock.Timeout) as error:
        raise EngineError(
            f"{tool.name} {tool.version} cannot be put into {cached.parent}: {error}. Name another "
            "folder by GEUSEMAKER_CACHE_DIR and run the command again."
        ) from error
    return cached


def says_version(tool: Tool, printed: str) -> bool:
    """Whether what the program printed names exactly the pinned version."""
    return re.search(rf"(?<![0-9.])v?{re.escape(tool.version)}(?![0-9.-])", printed) is not None


def _is_it(machine: Machine, tool: Tool, program: Path, environ: Mapping[str, str]) -> bool:
    if not program.is_file():
        return False
    ran = machine.run([str(program), *tool.ask], env=environ, seconds=60)
    return ran.code == 0 and says_version(tool, ran.stdout)


def _build(
    machine: Machine, tool: Tool, cached: Path, environ: Mapping[str, str], progress: Progress
) -> None:
    if machine.which("go") is None:
        raise EngineError(
            f"{tool.name} {tool.version} is neither on PATH nor built yet, and there is no `go` to "
            "build it with. Install Go 1.26.8 or newer (https://go.dev/dl/) and run the command "
            "again; only tests need it."
        )
    progress(f"building {tool.name} {tool.version} from its Go modules: a few minutes, once")
    with tempfile.TemporaryDirectory(dir=cached.parent, prefix="build-") as folder:
        made = Path(folder) / tool.program
        command = ["go", "build", "-trimpath", "-buildvcs=false"]
        command += ["-ldflags", f"-X {tool.symbol}=v{tool.version}", "-o", str(made), tool.package]
        ran = machine.run(
            command,
            env=go_env(environ),
            cwd=tool.folder,
            seconds=BUILD_SECONDS,
            still=lambda spent: progress(f"still building {tool.name}, {spent:.0f} s so far"),
        )
        if ran.code != 0:
            raise EngineError(
                f"{tool.name} {tool.version} could not be built: {ran.last_line()} Run "
                f"`go build {tool.package}` in {tool.folder} to see all of it."
            )
        if not _is_it(machine, tool, made, environ):
            raise EngineError(
                f"What was built from {tool.folder} is not {tool.name} {tool.version}: its go.mod "
                f"and TOOLS in {Path(__file__).name} must name the same version."
            )
        made.replace(cached)  # in one step: a reader sees the whole program or none


def main(names: list[str]) -> int:
    """Print where each of the named tools is, or all of them."""
    if unknown := [name for name in names if name not in TOOLS]:
        print(f"{', '.join(unknown)}: there are {', '.join(TOOLS)}", file=sys.stderr)
        return 1
    for name in names or TOOLS:
        try:
            print(ensure(name, progress=lambda line: print(line, file=sys.stderr, flush=True)))
        except GeuseMakerError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
