"""Reports how many executions a minute n8n does with 0, 1 and 2 workers, on this machine.

Run it by `make bench-scale`: it uses the hosts of tests/scale. All hosts share the cores of this
machine, so the ratio shows what the queue costs and what more processes add on the same cores. On
AWS each worker has its own. The first workflow is that of a measurement by n8n, a webhook and a Set
node. It is a report: no figure is a failure, and an answer that is an error is one.
"""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from scale import lan  # noqa: E402
from scale.nodes import set_node, wait_node  # noqa: E402
from scale.stack import QUEUE, Stack, bundle_files, make_stack  # noqa: E402

CALLERS = 20
SECONDS = 20.0
WARM_CALLS = 40

PUBLISHED = (
    "n8n's own figures (docs.n8n.io, Measure performance), for a webhook and a Set node:",
    "  up to 220 executions a second (13,200 a minute) by one process on a c5a.large, and",
    "  a graph from 500 to 2,500 a second by two webhook processes and four workers on",
    "  seven c5a.4xlarge.",
)


@dataclass(frozen=True)
class Workflow:
    """What is measured: its nodes after the webhook, and what it stands for."""

    name: str
    seconds: float | None


WORKFLOWS = (
    Workflow("webhook and Set", None),
    Workflow("the same, waiting 1 s", 1.0),
)
"""The second waits as for a model or another service: it uses places of workers, and no core."""


def check(statuses: list[int]) -> None:
    if set(statuses) != {200}:
        raise SystemExit(f"n8n answered {sorted(set(statuses))}, and not 200 alone.")


def executions_a_minute(stack: Stack, path: str) -> float:
    """By `CALLERS` callers, each with one call after the other, after some that do not count."""
    with stack.calls(path, WARM_CALLS, at_once=CALLERS) as warm:
        check(warm.statuses)
    end = time.monotonic() + SECONDS

    def caller(_: int) -> int:
        done = 0
        while time.monotonic() < end:
            answer = stack.call(path)
            check([answer.status])
            done += time.monotonic() < end
        return done

    with ThreadPoolExecutor(CALLERS) as pool:
        return sum(pool.map(caller, range(CALLERS))) * 60 / SECONDS


def publish(stack: Stack, workflow: Workflow) -> str:
    nodes = [set_node('{"done": true}')]
    if workflow.seconds is not None:
        nodes.insert(0, wait_node(workflow.seconds))
    return stack.workflow(*nodes)


def measured(folder: Path) -> dict[str, list[float]]:
    """Executions a minute with 0, 1 and 2 workers, by workflow."""
    stack = make_stack(folder, workers=())
    try:
        stack.head.stop("n8n")
        stack.head.take("n8n", bundle_files("head", None))
        stack.start_main()
        paths = {workflow.name: publish(stack, workflow) for workflow in WORKFLOWS}
        found = {name: [executions_a_minute(stack, path)] for name, path in paths.items()}
        stack.head.stop("n8n")
        stack.head.take("n8n", bundle_files("head"))
        stack.start_main()
        for worker in ("w1", "w2"):
            stack.start_worker(worker)
            for name, path in paths.items():
                found[name].append(executions_a_minute(stack, path))
        return found
    finally:
        stack.end()


def report(found: dict[str, list[float]]) -> str:
    lines = [f"Executions a minute, {CALLERS} callers, {os.cpu_count()} cores for all hosts:", ""]
    lines += [f"{'':24}{'no worker':>12}{'1 worker':>16}{'2 workers':>16}"]
    for name, (alone, *others) in found.items():
        shown = [f"{one:,.0f} ({one / alone:.2f}x)" for one in others]
        lines += [f"{name:24}{alone:>12,.0f}" + "".join(f"{one:>16}" for one in shown)]
    at_once = (
        f"Without workers all {CALLERS} run at a time, and {QUEUE.concurrency} on each worker."
    )
    return "\n".join([*lines, "", at_once, *PUBLISHED])


def main() -> None:
    if os.getpid() != 1:
        sys.exit("Run it by `make bench-scale`, which makes its system.")
    lan.run("mount", "-t", "tmpfs", "tmpfs", "/run")
    with tempfile.TemporaryDirectory() as folder:
        print(report(measured(Path(folder))))


if __name__ == "__main__":
    main()
