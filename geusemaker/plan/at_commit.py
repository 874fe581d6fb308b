"""Runs the program of another commit with that commit's package, and prints its state.

This version's simulated account answers. It is imported first; after that the name `geusemaker`
belongs to the commit's package, which only the program imports. The caller has hidden the user's
AWS settings.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from geusemaker.errors import GeuseMakerError
from geusemaker.plan.adopted import StandIns
from geusemaker.plan.run import Program, run
from geusemaker.simulator import images


def main() -> None:
    """Reads the program from stdin as JSON. Exit code 1 with a paragraph on stderr."""
    # What the program prints itself goes to stderr.
    result = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request: dict[str, Any] = json.load(sys.stdin)
    given = request["program"]
    folder = Path(given.pop("folder"))
    program = Program(folder=folder, **{**given, "secrets": frozenset(given["secrets"])})
    images.recorded(program.region)  # read once, from this package's file
    _hand_over(folder)
    try:
        ran = run(program, None, StandIns(**request["stand_ins"]))
    except GeuseMakerError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    with result:
        result.write(json.dumps(ran.state.to_export()))


def _hand_over(folder: Path) -> None:
    """Lets the program import the package in the folder."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "geusemaker"]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))


if __name__ == "__main__":
    main()
