"""Mutation testing: changes the code in small ways and reports each change that no test notices.

    scripts/mutation.py geusemaker/dlami 'geusemaker/config*'

Each argument is a folder, a file or a quoted pattern, and gets its own choice of mutants. The same
seed chooses the same ones, and a larger count includes the smaller choice. The changes are those of
mutmut. Its runner is not used, because it skips decorated functions and fields, where pydantic's
rules are. Each mutant runs in its own process, forked from one that has imported every library. The
tests that cover the changed line run first, then those that cover its module; the first failure
ends it. The coverage of each test is measured before and kept in `.geusemaker/mutation`; `--reuse`
skips that.

`--again RECORD` tries the mutants of an earlier record, found by function and change, and lists
those that were killed then and survive now. The exit code is 1 if there are any.
"""

import argparse
import importlib
import importlib.util
import json
import os
import pkgutil
import random
import re
import resource
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Final, TypeVar

import coverage
import pytest
from mutants import Mutant, mutants_of

PROJECT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = "geusemaker"
WORK: Final = PROJECT / ".geusemaker" / "mutation"
PYTEST: Final = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
MEMORY_BYTES: Final = 4 << 30
Key = TypeVar("Key")
KILLED: Final = ("killed", "timeout")


def files_of(folder: str) -> list[Path]:
    """The modules that an argument names; of a folder, all modules below it."""
    found: list[Path] = []
    for path in sorted(PROJECT.glob(folder.rstrip("/"))):
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    if not found:
        sys.exit(f"{folder!r} names no Python file in {PROJECT}.")
    return found


@dataclass(frozen=True)
class Suite:
    """Which tests run which lines, and the seconds that each takes."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    seconds: Mapping[str, float]

    @classmethod
    def read(cls) -> "Suite":
        seconds = json.loads((WORK / "seconds.json").read_text(encoding="utf-8"))
        data = coverage.CoverageData(str(WORK / "coverage"))
        data.read()
        lines = {
            str(Path(file).relative_to(PROJECT)): {
                line: frozenset(name for c in contexts if (name := c.split("|")[0]) in seconds)
                for line, contexts in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
            if Path(file).is_relative_to(PROJECT)
        }
        return cls(lines, seconds)

    def covering(self, mutant: Mutant, budget: float) -> list[str]:
        """The tests of a mutant in their order, as many as fit in the budget of seconds.

        Those of the module follow those of the line: what runs at import, or once for many tests
        since it is cached or in a shared fixture, counts for none or for the first test only.
        Tests in files that are named like the module come first.
        """
        lines = self.lines.get(mutant.path, {})
        of_module = frozenset[str]().union(*lines.values())
        of_line = frozenset[str]().union(
            *(lines.get(line, frozenset()) for line in range(mutant.first, mutant.last + 1))
        )
        words = _words(mutant.path)

        def rank(test: str) -> tuple[Any, ...]:
            file = test.split("::")[0]
            return test not in of_line, -len(words & _words(file)), file, self.seconds[test], test

        chosen: list[str] = []
        for test in sorted(of_module, key=rank):
            budget -= self.seconds[test]
            if budget < 0 and chosen:
                break
            chosen.append(test)
        return chosen


def _words(path: str) -> set[str]:
    return set(re.findall("[a-z0-9]+", path)) - {PACKAGE, "tests", "test", "unit", "py"}


class _Mutated(SourceFileLoader):
    """Imports one module from a changed source; finder and loader in one."""

    def __init__(self, path: Path, source: str) -> None:
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        super().__init__(name, str(path))
        self.source = source

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Watch:
    """A pytest plugin that chooses and orders the tests, and notes which failed."""

    def __init__(self, tests: Sequence[str] | None = None) -> None:
        self.order = None if tests is None else {test: n for n, test in enumerate(tests)}
        self.failed: list[str] = []
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.order is not None:
            order = self.order
            items[:] = sorted(
                (item for item in items if item.nodeid in order), key=lambda i: order[i.nodeid]
            )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def import_libraries() -> None:
    """Import the package's dependencies, not the package: each child imports that again."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        del os.environ[name]
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def run_tests(tests: Sequence[str], *options: str) -> dict[str, Any]:
    """Run the tests in this process: which failed, and the exit code."""
    watch = _Watch(tests)
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    code = pytest.main([*PYTEST, *options, *files], plugins=[watch])
    return {"failed": sorted(set(watch.failed)), "ran": len(watch.seconds), "exit": int(code)}


def try_mutant(path: Path, make: Callable[[], str], tests: Sequence[str]) -> dict[str, Any]:
    if not tests:
        return {"failed": [], "ran": 0, "exit": None}
    sys.meta_path.insert(0, _Mutated(path, make()))
    return run_tests(tests, "-x")


def forked(
    work: Iterable[tuple[Key, Callable[[], dict[str, Any]]]],
    jobs: int,
    seconds: float,
    log: Path,
) -> Iterator[tuple[Key, dict[str, Any] | None, float]]:
    """Do each piece of work in a fork of this process, `jobs` at a time.

    Gives what it returns, or None when it ended otherwise or took too long, and its CPU seconds.
    """
    running: dict[int, tuple[Key, int]] = {}
    waiting = iter(work)
    while True:
        while len(running) < jobs and (following := next(waiting, None)):
            reading, writing = os.pipe()
            if not (pid := os.fork()):
                os.close(reading)
                _in_child(following[1], writing, seconds, log)
            os.close(writing)
            running[pid] = (following[0], reading)
        if not running:
            return
        pid, _, used = os.wait4(-1, 0)
        key, reading = running.pop(pid)
        with suppress(ProcessLookupError):  # what the tests started, if anything lives
            os.killpg(pid, signal.SIGKILL)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            answer = pipe.read()
        yield key, json.loads(answer) if answer else None, used.ru_utime + used.ru_stime


def _in_child(work: Callable[[], dict[str, Any]], pipe: int, seconds: float, log: Path) -> None:
    """Limits memory, CPU time and wall time: a mutant may loop, grow or wait forever."""
    os.setpgrp()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(20 * limit)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    answer = ""
    try:
        answer = json.dumps(work())
    finally:
        os.write(pipe, answer.encode())
        os._exit(0)


def measure(tests: Sequence[str], jobs: int) -> None:
    """Run the tests once with coverage by test."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    rc = WORK / "measure.ini"  # coverage deletes coverage.*, which its data could be
    # The default of Python 3.14, sys.monitoring, reports a line to the first test only.
    settings = ("core = ctrace", f"source = {PACKAGE}", f"data_file = {WORK / 'coverage'}")
    rc.write_text("\n".join(("[run]", *settings, "")), encoding="utf-8")
    options = ["--cov", f"--cov-config={rc}", "--cov-context=test", "--cov-report="]
    if jobs > 1:
        options += ["-n", str(jobs), "--dist", "loadfile"]

    def run() -> dict[str, Any]:
        watch = _Watch()
        code = pytest.main([*PYTEST, *options, *tests], plugins=[watch])
        seconds = {name: round(taken, 4) for name, taken in watch.seconds.items()}
        (WORK / "seconds.json").write_text(json.dumps(seconds), encoding="utf-8")
        return {"failed": watch.failed, "exit": int(code)}

    ((_, answer, used),) = forked([(None, run)], 1, 24 * 3600, WORK / "log")
    if answer is None or answer["exit"]:
        failed = " ".join(answer["failed"]) if answer else "the run itself"
        sys.exit(f"The tests fail without any change ({failed}): see {WORK / 'log'}.")
    print(f"Measured which tests cover which lines: {used:.0f} s of CPU.", flush=True)


def try_all(
    chosen: Mapping[Mutant, Callable[[], str]],
    earlier: Mapping[Mutant, dict[str, Any]],
    suite: Suite,
    options: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    """A record of each mutant. The test that killed it earlier is tried first."""
    tests = {mutant: suite.covering(mutant, options.budget) for mutant in chosen}
    for mutant, record in earlier.items():
        if record["by"] in suite.seconds:
            tests[mutant] = list(dict.fromkeys([record["by"], *tests[mutant]]))
    work = [
        (mutant, partial(try_mutant, PROJECT / mutant.path, make, tests[mutant]))
        for mutant, make in chosen.items()
    ]
    for mutant, answer, used in forked(work, options.jobs, 30 + 3 * options.budget, WORK / "log"):
        by, ran, state = "", 0, "timeout"
        if answer is not None:
            by, ran = " ".join(answer["failed"][:1]), answer["ran"]
            state = {0: "survived", None: "no test"}.get(answer["exit"], "killed")
        record = {**asdict(mutant), "state": state, "by": by, "ran": ran, "cpu": round(used, 1)}
        if mutant in earlier:
            record |= {"state_before": earlier[mutant]["state"], "by_before": earlier[mutant]["by"]}
        yield record


def confirm(records: Sequence[dict[str, Any]], suite: Suite) -> None:
    """Exit if a test that killed a mutant also fails without the mutant."""
    killers = sorted({record["by"] for record in records if record["by"] in suite.seconds})
    if killers:
        ((_, answer, _),) = forked([(None, lambda: run_tests(killers))], 1, 24 * 3600, WORK / "log")
        if answer is None or answer["exit"]:
            failed = answer and answer["failed"]
            sys.exit(f"Tests fail without any change ({failed}): see {WORK / 'log'}.")


def score(records: Sequence[dict[str, Any]]) -> str:
    killed = sum(record["state"] in KILLED for record in records)
    return f"{killed} of {len(records)} killed, {100 * killed / max(len(records), 1):.1f} %"


def line_of(record: dict[str, Any]) -> str:
    """One mutant in short: the changed part of its text, with some context."""
    before, after = (" ".join(record[key].split()) for key in ("before", "after"))
    same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(same - 30, 0)
    return (
        f"  {record['path']}:{record['first']} {record['place'] or 'module'}: {record['state']}"
        f"\n      {before[start : same + 50]}\n      {after[start : same + 50]}"
    )


def choose(
    folder: str, record: Mapping[str, Sequence[dict[str, Any]]] | None, options: argparse.Namespace
) -> tuple[dict[Mutant, Callable[[], str]], dict[Mutant, dict[str, Any]]]:
    """The mutants to try, and the earlier record of each, if there is one."""
    found = mutants_of(PROJECT, files_of(folder))
    if record is None:
        order = list(found)
        random.Random(f"{options.seed} {folder}").shuffle(order)  # noqa: S311
        return {mutant: found[mutant] for mutant in order[: options.count]}, {}
    by_change = defaultdict(list)
    for mutant in found:
        by_change[mutant.change].append(mutant)
    earlier = {}
    for before in record.get(folder, []):
        same = by_change[before["place"], before["before"], before["after"], before["nth"]]
        same = [mutant for mutant in same if mutant.path == before["path"]] or same
        if len(same) == 1:
            earlier[same[0]] = before
        else:
            print(f"No longer found:\n{line_of(before)}", flush=True)
    return {mutant: found[mutant] for mutant in earlier}, earlier


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", help="a folder, a file or a quoted pattern")
    parser.add_argument("--count", type=int, default=100, help="mutants per folder")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--budget", type=float, default=20, help="seconds of tests per mutant")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    parser.add_argument("--tests", nargs="+", default=["tests/unit"], help="where the tests are")
    parser.add_argument("--reuse", action="store_true", help="keep the last measured coverage")
    parser.add_argument(
        "--again", type=Path, metavar="RECORD", help="try the mutants of this record"
    )
    parser.add_argument("--record", type=Path, default=WORK / "record.json")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    os.chdir(PROJECT)
    sys.path[0] = str(PROJECT)
    sys.dont_write_bytecode = False  # pytest caches rewritten modules
    earlier = json.loads(options.again.read_text(encoding="utf-8")) if options.again else None
    import_libraries()
    if not options.reuse:
        measure(options.tests, options.jobs)
    suite = Suite.read()
    record: dict[str, list[dict[str, Any]]] = {}
    lost = 0
    for folder in options.folders:
        results = record[folder] = []
        for result in try_all(*choose(folder, earlier, options), suite, options):
            results.append(result)
            options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        confirm(results, suite)
        print(f"{folder}: {score(results)}")
        for result in results:
            if result["state"] not in KILLED:
                print(line_of(result), flush=True)
                if result.get("state_before") in KILLED:
                    lost += 1
                    print(
                        f"      KILLED BEFORE, by {result['by_before'] or 'a timeout'}", flush=True
                    )
    if earlier is not None:
        print(f"{lost} mutants survive that were killed before.")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
