"""Makes, repairs and fills .venv; standard library only, since it runs before anything is there.

`setup_venv.py run` installs what the program needs, `dev` what tests and checks need too, and
`--check` only says (exit code 0) that nothing is to be done. What is installed is what a lock file
names, by version and hash. A stamp inside .venv holds a hash of
what was installed and is written last, so that an interrupted run is done again.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
# What each set depends on: a changed file means that pip is asked again.
_HASHED = {
    "run": ("requirements.lock", "requirements.txt", "pyproject.toml"),
    "dev": ("requirements-dev.lock", "requirements.txt", "pyproject.toml"),
}


def wanted_stamp(project: Path, kind: str) -> str:
    """The hash that a finished installation of this kind has here."""
    made = hashlib.sha256(str(project).encode())
    for name in _HASHED[kind]:
        made.update(f"\n{name}\n".encode() + (project / name).read_bytes())
    return made.hexdigest()


def is_ready(project: Path, kind: str) -> bool:
    """Whether .venv holds what is wanted; the dev set holds the run set too."""
    stamps = read_stamps(project / ".venv")
    kinds = ("run", "dev") if kind == "run" else ("dev",)
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
        "sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.prefix == sys.argv[1]))"
    )
    try:
        ran = subprocess.run(
            [python, "-I", "-c", question, environment], capture_output=True, check=False
        )
    except OSError:
        return False
    return ran.returncode == 0


def was_moved(project: Path) -> bool:
    """Whether .venv was filled elsewhere: its scripts start a Python that may be gone."""
    return read_stamps(project / ".venv").get("path", str(project)) != str(project)


def set_up(project: Path, kind: str) -> None:
    """Does what is left to do, one process at a time."""
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
        else:
            again = "making .venv anew" if environment.exists() else "making .venv"
            version = ".".join(str(part) for part in sys.version_info[:2])
            say(f"{again} with Python {version}")
            venv.create(environment, clear=True, with_pip=True, symlinks=True)
        install(project, environment, kind)


def install(project: Path, environment: Path, kind: str) -> None:
    say(f"installing {LOCKS[kind]}: a minute or two, only when it has changed")
    stamp = environment / "geusemaker.json"
    stamps = read_stamps(environment)
    stamp.unlink(missing_ok=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip.append("--disable-pip-version-check")
    # The project itself has no hash: it is built, without asking anybody, by what the lock brought.
    itself = ["--no-deps", "--no-build-isolation", "--no-index", "-e", "."]
    for arguments in (["--require-hashes", "-r", LOCKS[kind]], itself):
        ran = subprocess.run([*pip, *arguments], cwd=project, check=False)
        if ran.returncode != 0:
            sys.exit(
                f"pip could not install {LOCKS[kind]} (exit code {ran.returncode}, its own words"
                " are above): it needs a package index, and room on the disk; then run make again."
                " Where it says that hashes do not match, somebody has changed a package after it"
                " was locked: do not install it."
            )
    kept = {
        one: mark
        for one, mark in stamps.items()
        if one in LOCKS and mark == wanted_stamp(project, one)
    }
    stamps = kept | {kind: wanted_stamp(project, kind), "path": str(project)}
    part = stamp.with_suffix(".part")
    part.write_text(json.dumps(stamps))
    part.rename(stamp)


def say(text: str) -> None:
    print(f"  [setup] {text}", file=sys.stderr, flush=True)


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in LOCKS:
        sys.exit("Usage: setup_venv.py run|dev [--check]")
    project = Path(__file__).resolve().parent.parent
    if "--check" in sys.argv[2:]:
        sys.exit(0 if is_ready(project, kind) else 1)
    began = time.monotonic()
    try:
        set_up(project, kind)
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as why:
        sys.exit(
            f".venv cannot be made in {project}: {why}. Remove it (`make clean`), see that the"
            " folder may be written and that this Python has ensurepip (on Debian and Ubuntu the"
            " package python3-venv), then run make again."
        )
    # For the first line of `make up`.
    (project / ".geusemaker" / "setup-seconds").write_text(f"{time.monotonic() - began:.0f}\n")


if __name__ == "__main__":
    os.environ.pop("VIRTUAL_ENV", None)
    main()
