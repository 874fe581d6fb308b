"""Makes, repairs and fills .venv; standard library only, because it runs before any installation.

`setup_venv.py run` installs what the program and the commands need on AWS, `local` also the
simulated account, `dev` also tests and checks. `--check` only reports (exit code 0) that .venv is
complete. .venv holds what a lock file names, by version and hash, and nothing else. pip only
fetches uv, which then installs the lock: pip itself looks for newer versions of a locked package
that another one requires with an extra, and then refuses them. A stamp inside .venv holds a hash of
what was installed. It is written last, so an interrupted run is repeated.
"""

import ast
import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

# Each kind includes those before it.
LOCKS = {
    "run": "requirements.lock",
    "local": "requirements-local.lock",
    "dev": "requirements-dev.lock",
}
_KINDS = tuple(LOCKS)


def wanted_stamp(project: Path, kind: str) -> str:
    """The hash that a finished installation of this kind has here."""
    made = hashlib.sha256(str(project).encode())
    for name in (LOCKS[kind], "requirements.txt", "requirements-local.txt", "pyproject.toml"):
        made.update(f"\n{name}\n".encode() + (project / name).read_bytes())
    return made.hexdigest()


def is_ready(project: Path, kind: str) -> bool:
    """Whether .venv holds what this kind needs."""
    stamps = read_stamps(project / ".venv")
    kinds = _KINDS[_KINDS.index(kind) :]
    return any(stamps.get(one) == wanted_stamp(project, one) for one in kinds)


def read_stamps(environment: Path) -> dict[str, str]:
    try:
        found = json.loads((environment / "geusemaker.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def works(environment: Path) -> bool:
    """Whether the environment's Python and pip run, and are of a version that fits."""
    python = environment / "bin" / "python"
    question = (
        "import pip, pip._internal, sys;"
        "sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 14) and sys.prefix == sys.argv[1]))"
    )
    try:
        ran = subprocess.run(
            [python, "-I", "-c", question, environment], capture_output=True, check=False
        )
    except OSError:
        return False
    return ran.returncode == 0


def was_moved(project: Path) -> bool:
    """Whether .venv was filled at another path: its scripts start a Python that may not exist."""
    return read_stamps(project / ".venv").get("path", str(project)) != str(project)


def set_up(project: Path, kind: str) -> None:
    """Completes .venv, one process at a time."""
    environment = project / ".venv"
    state = project / ".geusemaker"
    state.mkdir(exist_ok=True)
    with (state / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is setting up .venv; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if works(environment) and not was_moved(project):
            if is_ready(project, kind):
                return
            # `make up` after a pull does not remove pytest.
            kind = max([kind, *read_stamps(environment).keys() & LOCKS], key=_KINDS.index)
        else:
            again = "making .venv again" if environment.exists() else "making .venv"
            version = ".".join(str(part) for part in sys.version_info[:2])
            say(f"{again} with Python {version}")
            venv.create(environment, clear=True, with_pip=True, symlinks=True)
        install(project, environment, kind)


def install(project: Path, environment: Path, kind: str) -> None:
    lock = (project / LOCKS[kind]).read_text().splitlines()
    packages = sum(line[:1].isalnum() for line in lock)
    stamp = environment / "geusemaker.json"
    stamp.unlink(missing_ok=True)
    python = environment / "bin" / "python"
    doing = f"installing {packages} packages of {LOCKS[kind]}, up to a minute"
    with tempfile.TemporaryDirectory() as folder, counting_seconds(doing):
        uv = fetch_uv(project, python, Path(folder))
        settings = uv_environment(python)
        sync = ["sync", "--require-hashes", LOCKS[kind]]
        # The project itself has no hash: it is built, without network, by what the lock brought.
        itself = ["install", "--no-deps", "--no-build-isolation", "--no-index", "-e", "."]
        for arguments in (sync, itself):
            command = [str(uv), "pip", *arguments, "--quiet", "--python", str(python)]
            ran = subprocess.run(command, cwd=project, env=settings, check=False)
            if ran.returncode != 0:
                sys.exit(not_installed("uv", LOCKS[kind], ran.returncode))
    part = stamp.with_suffix(".part")
    part.write_text(json.dumps({kind: wanted_stamp(project, kind), "path": str(project)}))
    part.rename(stamp)


def fetch_uv(project: Path, python: Path, folder: Path) -> Path:
    """Installs the uv of the dev lock into the folder, by the environment's pip."""
    lock = folder / "uv.lock"
    lines = (project / LOCKS["dev"]).read_text().splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith("uv==")), None)
    if begin is None:
        sys.exit(
            f"{LOCKS['dev']} names no uv, which installs the packages: restore the file"
            f" (git checkout {LOCKS['dev']}), then run make again."
        )
    hashes = itertools.takewhile(lambda line: line.startswith(" "), lines[begin + 1 :])
    lock.write_text("\n".join([lines[begin], *hashes]) + "\n")
    command = [
        *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--no-compile"),
        *("--target", str(folder), "-r", str(lock)),
    ]
    ran = subprocess.run(command, check=False)
    if ran.returncode != 0:
        sys.exit(not_installed("pip", "uv", ran.returncode))
    return folder / "bin" / "uv"


def not_installed(tool: str, what: str, code: int) -> str:
    return (
        f"{tool} could not install {what} (exit code {code}, its own message is above): it needs a"
        " package index, and space on the disk; then run make again. If it reports that hashes do"
        " not match, a package was changed after it was locked: do not install it."
    )


def uv_environment(python: Path) -> dict[str, str]:
    """This process's environment with the settings of that Python's pip, which uv does not read.

    Variables that are set for uv itself win.
    """
    ran = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found: dict[str, str] = {}
    # pip's own order: the user's file wins over the machine's, [install] over [global], and the
    # variables of the environment over both.
    lines = [line.partition("=") for line in ran.stdout.splitlines()]
    for section in ("global.", "install.", ":env:."):
        for key, _, value in lines:
            if key.startswith(section):
                found[key.removeprefix(section)] = str(ast.literal_eval(value))
    links = [
        one
        for one in map(os.path.expanduser, found.get("find-links", "").split())
        if "://" in one or Path(one).exists()
    ]
    # pip allows fractions of a second and expands "~"; uv does neither.
    timeout = found.get("timeout", found.get("default-timeout"))
    cert, client = (
        str(Path(found[name]).expanduser()) if found.get(name) else None
        for name in ("cert", "client-cert")
    )
    extra = found.get("extra-index-url", "").split()
    roots = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    handed = {
        "UV_DEFAULT_INDEX": found.get("index-url"),
        "UV_INDEX": " ".join(extra),
        # pip takes a version from whichever index has it.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if extra else None,
        "UV_FIND_LINKS": ",".join(links),
        "UV_OFFLINE": found.get("no-index"),
        "UV_HTTP_TIMEOUT": timeout and str(max(1, round(float(timeout)))),
        "UV_HTTP_RETRIES": found.get("retries"),
        "UV_INSECURE_HOST": found.get("trusted-host"),
        "SSL_CERT_FILE": cert or next(filter(None, map(os.environ.get, roots)), None),
        # Where there is one, as pip does since 24.2.
        "UV_SYSTEM_CERTS": "1" if ssl.create_default_context().cert_store_stats()["x509"] else None,
        "SSL_CLIENT_CERT": client,
        "ALL_PROXY": found.get("proxy"),
    }
    kept = {name for name in os.environ if name.startswith("UV_")}
    return {
        **os.environ,
        **{name: value for name, value in handed.items() if value and name not in kept},
    }


@contextlib.contextmanager
def counting_seconds(text: str) -> Iterator[None]:
    """Says what is done; on a terminal with the seconds, in one line."""
    say(text)
    if not sys.stderr.isatty():
        yield
        return
    began, ended = time.monotonic(), threading.Event()

    def count() -> None:
        while not ended.wait(1.0):
            # The cursor stays at the beginning, for an error of pip or uv.
            print(f"\x1b[K  [setup] {time.monotonic() - began:.0f} s", end="\r", file=sys.stderr)

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    try:
        yield
    finally:
        ended.set()
        counter.join()
        print("\x1b[K", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    print(f"  [setup] {text}", file=sys.stderr, flush=True)


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in LOCKS:
        sys.exit(f"Usage: setup_venv.py {'|'.join(LOCKS)} [--check]")
    project = Path(__file__).resolve().parent.parent
    if "--check" in sys.argv[2:]:
        sys.exit(0 if is_ready(project, kind) else 1)
    began = time.monotonic()
    try:
        set_up(project, kind)
    except KeyboardInterrupt:
        say("interrupted: the same make command again finishes the installation")
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as why:
        sys.exit(
            f".venv cannot be made in {project}: {why}. Remove it (`make clean`), check that the"
            " folder is writable and that this Python has ensurepip (on Debian and Ubuntu the"
            " package python3-venv), then run make again."
        )
    # For the first line of `make up`.
    (project / ".geusemaker" / "setup-seconds").write_text(f"{time.monotonic() - began:.0f}\n")


if __name__ == "__main__":
    os.environ.pop("VIRTUAL_ENV", None)
    main()
