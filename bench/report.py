"""Reports what the commands and the program cost, next to a reference that does the same.

Run it by `make bench`. Each row has our figure, a reference measured in the same run, their ratio,
and the target. CPU seconds are those of the process and its children, as medians: a busy machine
changes them less than wall time. Everything runs against a simulated account in a temporary folder.
It is a report: a missed target is shown and is no failure. A figure that cannot be measured is a
failure.
"""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from geusemaker.local import lifecycle, session
from geusemaker.local.places import Places

PROJECT = Path(__file__).resolve().parents[1]
GEUSEMAKER = str(session.bin_dir() / "geusemaker")
PREVIEW = ("pulumi", "preview", "--non-interactive")
RUNS = 5
MEGABYTE = 1_000_000

TWO_COMMANDS = """
import typer
app = typer.Typer()
@app.command()
def one() -> None:
    "The first."
@app.command()
def two() -> None:
    "The second."
app()
"""
"""A Typer program that does nothing else."""

BOTO = """
import boto3, sys
client = boto3.client(sys.argv[1])
if sys.argv[1] == "ec2":
    client.describe_images(
        Owners=["amazon"], Filters=[{"Name": "name", "Values": ["*Deep Learning*"]}]
    )
else:
    client.get_parameter(Name=sys.argv[2])
"""
"""The calls of the AWS CLI, for a machine without it."""

BARE = """
import json
import pulumi
import pulumi_aws
import pulumi_aws.ec2
with open("resources.json") as file:
    resources = json.load(file)
for number, (token, inputs) in enumerate(resources):
    if token == "pulumi:index:Stash":
        pulumi.Stash(f"bare-{number}", input=inputs["input"])
    else:
        pulumi.CustomResource(token, f"bare-{number}", inputs)
"""
"""The resources of a deployed stack with their values, in a bare program."""

SEVERAL = """
from geusemaker.components.tier1 import Tier1
for number in range({count}):
    Tier1(f"stack-{{number}}", {{}})
"""


class Bench:
    """Measures in one project and one environment, and prints a row for each figure."""

    def __init__(self, project: Path, env: Mapping[str, str]) -> None:
        self.project = project
        self.env = dict(env)
        self.failed = False

    def run(self, *command: str) -> str:
        """What the command prints. Raises `CalledProcessError` where it fails."""
        return subprocess.run(
            command,
            cwd=self.project,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def cpu(self, *command: str, runs: int = RUNS) -> float:
        """The median of the command's CPU seconds, after one run that fills the caches."""
        taken = []
        for _ in range(runs + 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.run(*command)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return statistics.median(taken[1:])

    def clock(self, *command: str) -> float:
        """The wall time of one run in seconds."""
        began = time.perf_counter()
        self.run(*command)
        return time.perf_counter() - began

    def row(
        self, figure: str, target: str, ours: Callable[[], float], reference: Callable[[], float]
    ) -> None:
        """Prints one figure and its reference, or why it cannot be measured."""
        try:
            mine, other = ours(), reference()
        except (OSError, subprocess.CalledProcessError) as error:
            self.failed = True
            # Pulumi says on stdout why a preview has failed.
            said = "".join(
                getattr(error, name, None) or "" for name in ("stdout", "stderr")
            ).strip()
            print(f"{figure:<34} not measured: {error} {said[-500:]}", flush=True)
            return
        print(
            f"{figure:<34} {mine:>8.2f} {other:>10.2f} {mine / other:>6.2f}  {target}", flush=True
        )

    def program(self, text: str) -> None:
        """Makes this the project's program."""
        (self.project / "__main__.py").write_text(text, encoding="utf-8")


def needed_bytes(name: str, seen: set[str]) -> int:
    """The size of an installed package and of its requirements, without extras."""
    if name.lower() in seen:
        return 0
    seen.add(name.lower())
    try:
        found = distribution(name)
    except PackageNotFoundError:  # for another system, or another Python
        return 0
    files = [Path(str(file.locate())) for file in found.files or ()]
    size = sum(file.stat().st_size for file in files if file.is_file())
    for text in found.requires or ():
        if "extra ==" not in text and (required := re.match(r"[\w.-]+", text)):
            size += needed_bytes(required[0], seen)
    return size


def folder_bytes(folder: Path) -> int:
    """The size of all files in it."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def in_clear(found: dict[str, Any]) -> Any:
    """The value of a secret, as `pulumi stack export --show-secrets` writes one."""
    return json.loads(found["plaintext"]) if "plaintext" in found else found


def resources_of(exported: str) -> list[tuple[str, dict[str, Any]]]:
    """Token and inputs of each resource of a stack, without components and providers.

    The provider adds `tagsAll` to the inputs itself, and refuses it from a program.
    """
    return [
        (
            one["type"],
            {k: v for k, v in one["inputs"].items() if k != "tagsAll" and not k.startswith("__")},
        )
        for one in json.loads(exported, object_hook=in_clear)["deployment"]["resources"]
        if one.get("custom") and not one["type"].startswith("pulumi:providers:")
    ]


def aws_call(bench: Bench, *arguments: str) -> list[str]:
    """The AWS CLI's own call, or boto3's where there is no AWS CLI that works."""
    aws = shutil.which("aws", path=bench.env["PATH"])
    if aws and subprocess.run([aws, "--version"], capture_output=True, check=False).returncode == 0:
        return [aws, *arguments]
    return [sys.executable, "-c", BOTO, arguments[0], arguments[-1]]


def measure(bench: Bench) -> None:
    """Measures all figures. The first deployment is one of them; later ones use its stack."""
    cpu, clock = bench.cpu, bench.clock
    print(f"{'figure':<34} {'ours':>8} {'reference':>10} {'ratio':>6}  target", flush=True)
    two = bench.project / "two.py"
    two.write_text(TWO_COMMANDS, encoding="utf-8")
    bench.row(
        "--help, CPU s (two commands)",
        "1.2",
        lambda: cpu(GEUSEMAKER, "--help"),
        lambda: cpu(sys.executable, str(two), "--help"),
    )
    bench.row(
        "installed, MB (all of .venv)",
        "400 MB",
        lambda: needed_bytes("geusemaker", set()) / MEGABYTE,
        lambda: folder_bytes(Path(sys.prefix)) / MEGABYTE,
    )
    previewed = cpu(*PREVIEW)
    bench.row(
        "local up, s (a second time)",
        "45 s (12 s), on two quiet cores",
        lambda: clock(GEUSEMAKER, "local", "up"),
        lambda: clock(GEUSEMAKER, "local", "up"),
    )
    images = ("--owners", "amazon", "--filters", "Name=name,Values=*Deep Learning*")
    bench.row(
        "ami list, CPU s (aws)",
        "1.5",
        lambda: cpu(GEUSEMAKER, "ami", "list"),
        lambda: cpu(*aws_call(bench, "ec2", "describe-images", *images)),
    )
    parameter = json.loads(bench.run("pulumi", "stack", "output", "--json"))["statusParameter"]
    bench.row(
        "status, CPU s (aws)",
        "1.5",
        lambda: cpu(GEUSEMAKER, "status"),
        lambda: cpu(*aws_call(bench, "ssm", "get-parameter", "--name", parameter)),
    )
    exported = bench.run("pulumi", "stack", "export", "--show-secrets")
    (bench.project / "resources.json").write_text(json.dumps(resources_of(exported)))
    bench.run("pulumi", "stack", "select", "--create", "bare")
    bench.program(BARE)
    bench.row("preview, CPU s (bare program)", "1.05", lambda: previewed, lambda: cpu(*PREVIEW))
    bench.row(
        "preview of 8 Tier1, each, CPU s",
        "1.3",
        lambda: several(bench, 8),
        lambda: several(bench, 1),
    )


def several(bench: Bench, count: int) -> float:
    """CPU seconds of a preview, per stack, for a program with that many stacks."""
    bench.program(SEVERAL.format(count=count))
    return bench.cpu(*PREVIEW, runs=1) / count


def main() -> None:
    """Prints the report. Exit code 1 where a figure could not be measured."""
    with tempfile.TemporaryDirectory(prefix="geusemaker-bench-") as folder:
        project = Path(folder) / "project"
        project.mkdir()
        for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, project / name)
        (project / ".venv").symlink_to(sys.prefix)
        base = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PULUMI_"))}
        places, notes = Places(project), list[str]()
        try:
            bench = Bench(project, session.open_session(places, base, notes.append).env)
            measure(bench)
        finally:
            with lifecycle.locked(places, notes.append):
                lifecycle.stop_account(places)
    sys.exit(1 if bench.failed else 0)


if __name__ == "__main__":
    main()
