"""Prints the stacks that a change concerns, as a line of a workflow's outputs: `names=["dev"]`.

    python3 scripts/changed_stacks.py COMMIT [NAMES]

Compares HEAD with the commit. A stack's own file concerns that stack. The program, the package, the
locks and every file not known to be harmless concern all stacks; docs and tests concern none.
NAMES limits the stacks, as `prod` or `organisation/geusemaker/prod`, with blanks or commas between
them. Standard library only, because it runs before any installation. Exit codes: 0 done, 1 failed.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_FILE: Final = re.compile(r"Pulumi\.([A-Za-z0-9_.-]{1,100})\.yaml")
"""A stack's file, by Pulumi's own rule for names."""
_HARMLESS: Final = (
    *(".ci/", ".github/", "bench/", "docs/", "examples/", "scripts/", "tests/", "tools/"),
    *(".gitignore", "LICENSE", "Makefile", "requirements-dev.lock", "requirements-dev.txt"),
)
_OWN: Final = (
    *(".github/workflows/preview.yml", "scripts/changed_stacks.py", "scripts/stack_summary.sh"),
    *("scripts/setup.sh", "scripts/setup_venv.py"),
)
"""What shows the change: its own change is tried on all stacks."""


def stacks_of(changed: Iterable[str], files: Iterable[str], only: str = "") -> list[str]:
    """The stacks that the changed paths concern.

    `files` are the paths in the project's folder after the change: a stack without a file there is
    left out, because nothing can be said of it. `only` is NAMES.
    """
    known = sorted(match[1] for name in files if (match := _FILE.fullmatch(name)))
    wanted = re.split(r"[\s,]+", only.strip()) if only.strip() else known
    listed = [name for name in wanted if name.rpartition("/")[2] in known]
    own: set[str] = set()
    for path in changed:
        if match := _FILE.fullmatch(path):
            own.add(match[1])
        elif path in _OWN or not _is_harmless(path):
            return listed
    return [name for name in listed if name.rpartition("/")[2] in own]


def _is_harmless(path: str) -> bool:
    is_text = path.endswith(".md") and "/" not in path
    return is_text or path.startswith(_HARMLESS)


def main(commit: str, only: str = "") -> int:
    """Prints the line. The names are JSON, so no name can add a line."""
    ran = subprocess.run(
        ["git", "diff", "--name-only", "--no-renames", "-z", "--end-of-options", commit, "HEAD"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    if ran.returncode:
        print(f"git cannot compare HEAD with {commit!r}: {ran.stderr.strip()}", file=sys.stderr)
        return 1
    here = [path.name for path in Path.cwd().iterdir()]
    print(f"names={json.dumps(stacks_of(ran.stdout.split(chr(0))[:-1], here, only))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
