"""Writes requirements.lock and requirements-dev.lock: every package with its version and hashes.

`make lock` after a change of requirements.txt or requirements-dev.txt; what they do not touch keeps
its version. `make lock UPGRADE=--upgrade` moves all to the newest that the requirements allow. One
lock serves Python 3.11 to 3.13 on Linux and macOS. Asks the package index that pip is set up for.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}


def compile_command(uv: Path, requirements: str, build: Path, *more: str) -> list[str]:
    """The command that locks one file of requirements, together with those of the build."""
    return [
        *(str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-header", "--no-annotate"),
        *("--no-emit-index-url", "--no-emit-find-links"),
        *more,
        *("--output-file", LOCKS[requirements], requirements, str(build)),
    ]


def environment(python: Path) -> dict[str, str]:
    """uv does not read pip's settings: the index of those is handed to it."""
    ran = subprocess.run(
        [python, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    index = os.environ.get("PIP_INDEX_URL") or ran.stdout.strip()
    return {**({"UV_DEFAULT_INDEX": index} if index else {}), **os.environ}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "uv", with_pip=True, symlinks=True)
        python = home / "uv" / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", UV]
        subprocess.run(pip, check=True)
        with (PROJECT / "pyproject.toml").open("rb") as file:
            wanted = tomllib.load(file)["build-system"]["requires"]
        build = home / "build.in"
        build.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        for requirements in LOCKS:
            command = compile_command(
                home / "uv" / "bin" / "uv", requirements, build, *sys.argv[1:]
            )
            subprocess.run(command, cwd=PROJECT, env=environment(python), check=True)


if __name__ == "__main__":
    main()
