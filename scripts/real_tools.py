"""Gets the real programs with which tests run the rendered files.

python scripts/real_tools.py [NAME...]     prints where each is; builds what is missing

Users need none: on a host they are in an image, or installed. A distribution's Caddy is too old for
our Caddyfile, and coreutils must have the faults of Ubuntu 26.04. So only the pinned version is
used: from PATH, from the cache, or built from the Go modules below `tools/`, with pinned checksums,
or from crates.io. Exit codes: 0 done, 1 failed.
"""

import os
import platform
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import filelock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from geusemaker.errors import EngineError, GeuseMakerError  # noqa: E402
from geusemaker.pulumi_cli.build import BUILD_SECONDS, go_env  # noqa: E402
from geusemaker.pulumi_cli.find import cache_root  # noqa: E402
from geusemaker.pulumi_cli.programs import Machine  # noqa: E402

LOCK_SECONDS: Final = 3600.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Build:
    """A build command, and the file that it makes."""

    command: list[str]
    env: Mapping[str, str]
    cwd: Path
    made: Path
    """Where the program is afterwards."""


@dataclass(frozen=True)
class Tool:
    """A program, and the command that prints its version."""

    name: str
    version: str
    program: str
    ask: tuple[str, ...]
    builder: ClassVar[str]
    where_from: ClassVar[str]
    """How to get the builder."""
    pinned: ClassVar[str]
    """The file that must name the same version."""

    @property
    def key(self) -> str:
        """The key of a build in the cache."""
        return self.version

    def build(self, folder: Path, environ: Mapping[str, str]) -> Build:
        """How to build it into an empty folder."""
        raise NotImplementedError


@dataclass(frozen=True)
class GoTool(Tool):
    """A tool with Go modules pinned below `tools/`; `symbol` is set to its version."""

    package: str
    symbol: str
    cgo: bool = False
    """Whether it has parts in C++, which need a compiler."""
    builder = "go"
    where_from = "Go 1.26.8 or newer (https://go.dev/dl/)"
    pinned = "its go.mod"

    @property
    def folder(self) -> Path:
        """The folder of its go.mod."""
        return ROOT / "tools" / self.name

    def build(self, folder: Path, environ: Mapping[str, str]) -> Build:
        made = folder / self.program
        command = ["go", "build", "-trimpath", "-buildvcs=false"]
        command += ["-ldflags", f"-X {self.symbol}=v{self.version}", "-o", str(made), self.package]
        env = go_env(environ) | {"CGO_ENABLED": str(int(self.cgo))}
        return Build(command, env, self.folder, made)


@dataclass(frozen=True)
class Crate(Tool):
    """A tool from crates.io; its own lock file pins its dependencies."""

    features: tuple[str, ...]
    # Full optimization would double the build time, for programs that run for milliseconds. At a
    # fixed address a program starts in half the time: there are no 37,000 addresses to adjust.
    settings: ClassVar[Mapping[str, str]] = {
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
        "CARGO_ENCODED_RUSTFLAGS": "-Crelocation-model=static",
        # With a target named, the flag is for the program alone, not for what the build runs.
        "CARGO_BUILD_TARGET": f"{platform.machine()}-unknown-linux-gnu",
    }
    builder = "cargo"
    where_from = "Rust 1.88 or newer (https://rustup.rs/)"
    pinned = "crates.io"

    @property
    def key(self) -> str:
        build = repr((self.features, self.settings)).encode()
        return f"{self.version}-{zlib.crc32(build):08x}"

    def build(self, folder: Path, environ: Mapping[str, str]) -> Build:
        command = ["cargo", "install", self.name, "--version", self.version, "--locked"]
        command += ["--no-default-features", "--features", ",".join(self.features)]
        command += ["--root", str(folder), "--target-dir", str(folder / "target")]
        return Build(command, {**environ, **self.settings}, folder, folder / "bin" / self.program)


TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        GoTool(
            "caddy",
            "2.11.7",
            "caddy",
            ("version",),
            "github.com/caddyserver/caddy/v2/cmd/caddy",
            "github.com/caddyserver/caddy/v2.CustomVersion",
        ),
        GoTool(
            "compose",
            "5.6.0",
            "docker-compose",
            ("version",),
            "github.com/docker/compose/v5/cmd",
            "github.com/docker/compose/v5/internal.Version",
        ),
        # No part of a host: it checks the workflows.
        GoTool(
            "actionlint",
            "1.7.12",
            "actionlint",
            ("-version",),
            "github.com/rhysd/actionlint/cmd/actionlint",
            "github.com/rhysd/actionlint.version",
        ),
        # The product ships a newer one: later versions of the module lack headers that they need.
        GoTool(
            "ollama",
            "0.6.5",
            "ollama",
            ("--version",),
            "github.com/ollama/ollama",
            "github.com/ollama/ollama/version.Version",
            cgo=True,
        ),
        # What Ubuntu 26.04 has in place of GNU's, but for cp, mv and rm, which are GNU's there too.
        Crate(
            "coreutils",
            "0.8.0",
            "coreutils",
            ("--version",),
            (
                *("cat", "chmod", "chown", "cut", "date", "df", "env", "head", "id", "install"),
                *("ln", "mkdir", "mktemp", "paste", "readlink", "rmdir", "sha256sum", "sleep"),
                *("sort", "stat", "tail", "tee", "timeout", "touch", "tr", "uname", "wc"),
            ),
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
    """The path of the program, of exactly the pinned version. Raises `EngineError`."""
    tool = TOOLS[name]
    environ = os.environ if environ is None else environ
    machine = machine or Machine(environ)
    found = machine.which(tool.program)
    if found is not None and _is_it(machine, tool, Path(found), environ):
        return Path(found)
    cached = cache_root(environ) / "tools" / tool.name / tool.key / tool.program
    if _is_it(machine, tool, cached, environ):
        return cached
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{cached}.lock", timeout=LOCK_SECONDS):
            # Another process may have built it meanwhile.
            if not _is_it(machine, tool, cached, environ):
                _build(machine, tool, cached, environ, progress)
    except (OSError, filelock.Timeout) as error:
        raise EngineError(
            f"{tool.name} {tool.version} cannot be put into {cached.parent}: {error}. Name another "
            "folder by GEUSEMAKER_CACHE_DIR and run the command again."
        ) from error
    return cached


def says_version(tool: Tool, printed: str) -> bool:
    """Whether the output names exactly the pinned version."""
    return re.search(rf"(?<![0-9.])v?{re.escape(tool.version)}(?![0-9.-])", printed) is not None


def _is_it(machine: Machine, tool: Tool, program: Path, environ: Mapping[str, str]) -> bool:
    if not program.is_file():
        return False
    ran = machine.run([str(program), *tool.ask], env=environ, seconds=60)
    return ran.code == 0 and says_version(tool, ran.stdout)


def _build(
    machine: Machine, tool: Tool, cached: Path, environ: Mapping[str, str], progress: Progress
) -> None:
    if machine.which(tool.builder) is None:
        raise EngineError(
            f"{tool.name} {tool.version} is neither on PATH nor built yet, and there is no "
            f"`{tool.builder}` to build it with. Install {tool.where_from} and run the command "
            "again; only tests need it."
        )
    progress(f"building {tool.name} {tool.version} with {tool.builder}: a few minutes, once")
    with tempfile.TemporaryDirectory(dir=cached.parent, prefix="build-") as folder:
        build = tool.build(Path(folder), environ)
        ran = machine.run(
            build.command,
            env=build.env,
            cwd=build.cwd,
            seconds=BUILD_SECONDS,
            still=lambda spent: progress(f"still building {tool.name}, {spent:.0f} s so far"),
        )
        if ran.code != 0:
            raise EngineError(
                f"{tool.name} {tool.version} could not be built: {ran.last_line()} Run "
                f"`{' '.join(build.command)}` in {build.cwd} to see all of it."
            )
        if not _is_it(machine, tool, build.made, environ):
            raise EngineError(
                f"What {tool.builder} built is not {tool.name} {tool.version}: {tool.pinned} and "
                f"TOOLS in {Path(__file__).name} must name the same version."
            )
        build.made.replace(cached)  # atomic: a reader sees the whole program or none


def main(names: list[str]) -> int:
    """Print the path of each named tool; of all that tests need on this system by default."""
    if unknown := [name for name in names if name not in TOOLS]:
        print(f"{', '.join(unknown)}: there are {', '.join(TOOLS)}", file=sys.stderr)
        return 1
    # The boot tests, which alone take coreutils, need Linux. Ollama is for `make test-ollama`.
    here = [name for name in TOOLS if sys.platform == "linux" or name != "coreutils"]
    here.remove("ollama")
    for name in names or here:
        try:
            print(ensure(name, progress=lambda line: print(line, file=sys.stderr, flush=True)))
        except GeuseMakerError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
