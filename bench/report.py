"""Reports what the commands and the program cost, next to a reference that does the same.

Run it by `make bench`. Each row has our figure, a reference, their ratio, and the target. CPU
seconds are those of the process and its children: a busy machine changes them less than wall time.
The simulated account is not one of them. Both commands of a row run in turn, and the row has their
medians. Everything runs against a simulated account in a temporary folder. It is a report: a missed
target is shown and is no failure. A figure that cannot be measured is a failure.
"""

import json
import os
import re
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from bare import program

from geusemaker.local import lifecycle, session
from geusemaker.local.places import STACK, Places

PROJECT = Path(__file__).resolve().parents[1]
GEUSEMAKER = str(session.bin_dir() / "geusemaker")
PREVIEW = ("pulumi", "preview", "--non-interactive")
UP = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
DESTROY = ("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")
PLAN = (GEUSEMAKER, "plan")
RUNS = 3
UPS = 2
TIER1S = 8
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

MOTO = """
import pulumi_aws, moto, moto.ec2.models, moto.iam.models
for package in ("backup", "ebs", "ec2", "efs", "iam", "route53", "s3", "ssm", "vpc"):
    getattr(pulumi_aws, package).outputs
"""
"""What a plan must import."""

SEVERAL = """
from geusemaker.components.tier1 import Tier1
for number in range({count}):
    Tier1(f"stack-{{number}}", {{}})
"""


@dataclass(frozen=True)
class Side:
    """A command of a row: what is measured, what undoes it before the next run, and where."""

    command: Sequence[str]
    folder: Path
    undo: Sequence[str] = ()


class Bench:
    """Measures in one environment, and prints a row for each figure."""

    def __init__(self, project: Path, env: Mapping[str, str]) -> None:
        self.project = project
        self.env = dict(env)
        self.failed = False

    def run(self, *command: str, folder: Path | None = None) -> str:
        """What the command prints. Raises `CalledProcessError` where it fails."""
        return subprocess.run(
            command,
            cwd=folder or self.project,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def cpu(self, command: Sequence[str], folder: Path | None = None) -> float:
        """The CPU seconds of one run."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.run(*command, folder=folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def in_turn(self, *sides: Side, runs: int = RUNS) -> tuple[float, ...]:
        """The medians of each side's CPU seconds, after one run of each that fills the caches."""
        taken: list[list[float]] = [[] for _ in sides]
        for _ in range(runs + 1):
            for side, seconds in zip(sides, taken, strict=True):
                seconds.append(self.cpu(side.command, side.folder))
                if side.undo:
                    self.run(*side.undo, folder=side.folder)
        return tuple(statistics.median(seconds[1:]) for seconds in taken)

    def compare(self, figure: str, targets: Mapping[str, str], *commands: Sequence[str]) -> None:
        """A row for each reference, which is a command after the first, with its target."""
        sides = [Side(command, self.project) for command in commands]
        self.rows(figure, targets, lambda: self.in_turn(*sides))

    def rows(
        self, figure: str, targets: Mapping[str, str], measured: Callable[[], tuple[float, ...]]
    ) -> None:
        """Prints one figure next to each reference, or why it cannot be measured."""
        try:
            ours, *others = measured()
        except (OSError, subprocess.CalledProcessError) as error:
            self.failed = True
            # Pulumi says on stdout why a preview has failed.
            said = "".join(
                getattr(error, name, None) or "" for name in ("stdout", "stderr")
            ).strip()
            print(f"{figure:<24} not measured: {error} {said[-500:]}", flush=True)
            return
        for (reference, target), other in zip(targets.items(), others, strict=True):
            self.print(
                figure, f"{ours:.2f}", f"{other:.2f}", f"{ours / other:.2f}", target, reference
            )

    def print(self, *cells: str) -> None:
        """Prints one row of the report."""
        print("{:<24} {:>7} {:>9} {:>6}  {:<11} {}".format(*cells), flush=True)

    def folder(self, name: str, program: str) -> Path:
        """A project with that program and a new stack of that name."""
        made = self.project.with_name(name)
        made.mkdir()
        shutil.copy(self.project / "Pulumi.yaml", made)
        (made / ".venv").symlink_to(sys.prefix)
        (made / "__main__.py").write_text(program, encoding="utf-8")
        self.run("pulumi", "stack", "init", name, folder=made)
        return made


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


def aws_call(bench: Bench, *arguments: str) -> list[str]:
    """The AWS CLI's own call, or boto3's where there is no AWS CLI that works."""
    aws = shutil.which("aws", path=bench.env["PATH"])
    if aws and subprocess.run([aws, "--version"], capture_output=True, check=False).returncode == 0:
        return [aws, *arguments]
    return [sys.executable, "-c", BOTO, arguments[0], arguments[-1]]


def measure(bench: Bench) -> None:
    """Measures all figures. The first deployment is one of them; later ones use its stack."""
    bench.print("figure", "ours", "reference", "ratio", "target", "reference is")
    two = bench.project / "two.py"
    two.write_text(TWO_COMMANDS, encoding="utf-8")
    bench.compare(
        "--help, CPU s",
        {"Typer with two commands": "1.2"},
        (GEUSEMAKER, "--help"),
        (sys.executable, str(two), "--help"),
    )
    bare_run = [sys.executable, "-c", MOTO]
    bench.compare("plan, CPU s", {"imports of pulumi_aws and moto": "1.5"}, PLAN, bare_run)
    bench.compare(
        "plan --against, CPU s",
        {"imports of pulumi_aws and moto": "1.7"},
        (*PLAN, "--against", "Pulumi.dev.yaml"),
        bare_run,
    )
    bench.rows(
        "installed, MB",
        {"all of .venv": "400 MB"},
        lambda: (
            needed_bytes("geusemaker", set()) / MEGABYTE,
            folder_bytes(Path(sys.prefix)) / MEGABYTE,
        ),
    )
    local_up = (GEUSEMAKER, "local", "up")
    bench.rows(
        "local up, CPU s",
        {"a second time": "45 s (12 s)"},
        lambda: (bench.cpu(local_up), bench.cpu(local_up)),
    )
    # As users have it: selected, not named by a variable.
    del bench.env["PULUMI_STACK"]
    bench.run("pulumi", "stack", "select", STACK)
    of_stack = json.loads(bench.run("pulumi", "stack", "output", "--json"))
    images = ("--owners", "amazon", "--filters", "Name=name,Values=*Deep Learning*")
    for name, calls in (
        (("ami", "list"), ("ec2", "describe-images", *images)),
        (("status",), ("ssm", "get-parameter", "--name", of_stack["statusParameter"])),
    ):
        aws = aws_call(bench, *calls)
        both = ("sh", "-c", f"pulumi stack output >/dev/null && {shlex.join(aws)}")
        what = Path(aws[0]).name if aws[0] != sys.executable else "boto3"
        bench.compare(
            f"{' '.join(name)}, CPU s",
            {f"{what}, {calls[1]}": "1.5", f"{what} and `pulumi stack output`": "-"},
            (GEUSEMAKER, *name),
            aws,
            both,
        )
    deployed = bench.run("pulumi", "stack", "export", "--show-secrets")
    bench.run(*DESTROY)
    bare = bench.folder("bare", program(deployed))
    bench.rows(
        "preview, CPU s",
        {"the bare program": "1.05"},
        lambda: bench.in_turn(Side(PREVIEW, bench.project), Side(PREVIEW, bare)),
    )
    # One after the other: some names of resources are the same.
    bench.rows(
        "up, CPU s",
        {"the bare program": "1.05"},
        lambda: bench.in_turn(Side(UP, bench.project, DESTROY), Side(UP, bare, DESTROY), runs=UPS),
    )
    bench.rows(
        f"up of {TIER1S} Tier1, each, CPU s",
        {"up of one": "1.3"},
        lambda: (bench.cpu(UP, several(bench, TIER1S)) / TIER1S, bench.cpu(UP, several(bench, 1))),
    )


def several(bench: Bench, count: int) -> Path:
    """A project with a program with that many stacks."""
    return bench.folder(f"stacks-{count}", SEVERAL.format(count=count))


def main() -> None:
    """Prints the report. Exit code 1 where a figure could not be measured."""
    with tempfile.TemporaryDirectory(prefix="geusemaker-bench-") as folder:
        project = Path(folder) / "project"
        project.mkdir()
        for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, project / name)
        (project / ".venv").symlink_to(sys.prefix)
        base = {
            name: value
            for name, value in os.environ.items()
            # Without its compiled files, Python would compile this clone in each run.
            if not name.startswith(("AWS_", "PULUMI_", "PYTHONDONTWRITEBYTECODE"))
        }
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
