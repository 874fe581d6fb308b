"""How long `geusemaker ami list` takes against the simulated account: the goal is under 2 seconds.

Run it in `make shell`: `python bench/ami_list.py [RUNS]`. Prints each run, the median, and how many
API calls went out (the goal is at most 2).
"""

import json
import shutil
import statistics
import subprocess
import sys
import time

GOAL_SECONDS = 2.0
GOAL_CALLS = 2


def main(runs: int) -> None:
    """Time that many runs of the command on PATH."""
    program = shutil.which("geusemaker")
    if program is None:
        sys.exit("There is no `geusemaker` on PATH: run this in `make shell`.")
    command = [program, "ami", "list", "--all", "--json"]
    taken, calls = [], 0
    for _ in range(runs):
        began = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        taken.append(time.perf_counter() - began)
        calls = json.loads(ran.stdout)["apiCalls"]
        print(f"{taken[-1]:.2f} s")
    median = statistics.median(taken)
    print(f"median {median:.2f} s of {runs} (goal {GOAL_SECONDS} s), {calls} API calls")
    sys.exit(0 if median < GOAL_SECONDS and calls <= GOAL_CALLS else 1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
