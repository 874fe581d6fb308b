"""Writes requirements*.lock: every package with its version and hashes.

`make lock` after a change of requirements*.txt: packages that it does not concern keep their
versions. `make lock UPGRADE=--upgrade` takes the newest that the requirements allow. One lock
serves Python 3.11 to 3.14 on Linux and macOS. Uses the package index that pip is configured for.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from setup_venv import LOCKS, uv_environment

PROJECT = Path(__file__).resolve().parent.parent
WANTED = {
    "run": ["requirements.txt"],
    "local": ["requirements.txt", "requirements-local.txt"],
    "dev": ["requirements-dev.txt"],
}


def compile_command(uv: Path, kind: str, build: Path, *more: str) -> list[str]:
    """The command that locks the packages of one kind of setup, and those of the build."""
    return [
        *(str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-header", "--no-annotate"),
        *("--no-emit-index-url", "--no-emit-find-links"),
        *more,
        *("--output-file", LOCKS[kind], *WANTED[kind], str(build)),
    ]


def main() -> None:
    python = PROJECT / ".venv" / "bin" / "python"
    environment = uv_environment(python)
    with (PROJECT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["build-system"]["requires"]
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "build.in"
        # Pulumi calls the environment's pip for the list of packages, and an old pip is slow.
        build.write_text("\n".join([*wanted, "pip"]) + "\n", encoding="utf-8")
        for kind in WANTED:
            command = compile_command(python.with_name("uv"), kind, build, *sys.argv[1:])
            subprocess.run(command, cwd=PROJECT, env=environment, check=True)


if __name__ == "__main__":
    main()
