"""Runs the plain Pulumi CLI and parses its JSON output."""

import contextlib
import dataclasses
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geusemaker.errors import GeuseMakerError, PulumiError

# The engine repeats the program's error with these; they add nothing.
_ECHOES = (
    "an unhandled error occurred: program exited with non-zero exit code",
    "preview failed",
    "update failed",
    "destroy failed",
)
_REPLACES = ("replace", "create-replacement", "delete-replaced")
_INTERRUPT_SECONDS = 60.0
# Other commands end before a garbage collection pays, which is a quarter of their time. A provider
# takes much more memory.
_WITH_PROVIDER = ("preview", "up", "destroy")
_RARE_COLLECTIONS = {"GOGC": "400"}
_MAX_QUOTED = 200


# Resources with the user's data: a replacement is empty.
_DATA_TYPES = ("aws:ebs:Volume", "aws:efs:FileSystem")


@dataclass(frozen=True)
class ChangedResource:
    """A changed resource: its name, and its type as Pulumi shows it."""

    name: str
    type: str

    @property
    def is_data(self) -> bool:
        """Whether a replacement loses data."""
        return self.type in _DATA_TYPES

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True)
class Outcome:
    """The result of an operation or a preview: counts by operation, warnings and notes.

    Only previews have `replaced`, resources to replace, and `updated`, those to change in place.
    """

    changes: Mapping[str, int]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    replaced: tuple["ChangedResource", ...] = ()
    updated: tuple["ChangedResource", ...] = ()

    def count(self, *operations: str) -> int:
        return max((self.changes.get(name, 0) for name in operations), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not any(self._counts())

    def would(self) -> str:
        """The counts as text for a preview."""
        create, update, replace, delete = self._counts()
        if self.is_empty:
            return self._unchanged()
        updates = f"{update} to update, " if update else ""
        return f"{create} to create, {updates}{replace} to replace, {delete} to delete"

    def replaces(self) -> str:
        """The replaced resources as text, with a warning if data is lost."""
        listed = ", ".join(str(one) for one in self.replaced) or "nothing"
        lost = [one.name for one in self.replaced if one.is_data]
        if lost:
            return f"{listed} -- DATA IS LOST with {', '.join(lost)}"
        return f"{listed}; data volume and file system stay" if self.replaced else listed

    def did(self) -> str:
        """The counts as text for a finished operation."""
        words = zip(("created", "updated", "replaced", "deleted"), self._counts(), strict=True)
        done = ", ".join(f"{n} {word}" for word, n in words if n)
        return done or self._unchanged()

    def _unchanged(self) -> str:
        same = self.count("same")
        return f"no changes, {same} unchanged" if same else "no changes"

    def _counts(self) -> tuple[int, int, int, int]:
        return (
            self.count("create"),
            self.count("update"),
            self.count("replace", "create-replacement"),
            self.count("delete"),
        )


class PulumiCli:
    """The CLI in one environment, for one project.

    Each command names `stack` and `config_file` if they are given. Without them, Pulumi uses the
    selected stack and its file.
    """

    error: type[GeuseMakerError] = PulumiError

    def __init__(
        self, program: Path, env: Mapping[str, str], project: Path, stack: str | None = None
    ) -> None:
        self.program = program
        self.project = project
        self.stack = stack
        self._env = dict(env)
        self._ahead: dict[str, Future[str]] = {}

    def preview(self, config_file: Path | None = None) -> Outcome:
        return self._run_with_document("preview", *self._stack_options(config_file), "--json")

    def up(self) -> Outcome:
        return self._run_with_events(
            "up", *self._stack_options(), "--yes", "--skip-preview", "--json"
        )

    def up_with_output(self, say: Callable[[str], None]) -> Outcome:
        """`up`, which passes on each line of the CLI's output as it comes.

        Raises `PulumiError` with the whole output if it fails.
        """
        command = self._command("up", *self._stack_options(), "--yes", "--skip-preview")
        lines: list[str] = []
        with _started(command, self.project, self._env, subprocess.STDOUT) as child:
            assert child.stdout is not None  # noqa: S101 - for the type checker
            interrupted = False
            while True:
                try:
                    for line in iter(child.stdout.readline, ""):
                        lines.append(line.rstrip("\n"))
                        say(lines[-1])
                    child.wait()
                    break
                except KeyboardInterrupt:
                    # The CLI got the signal too and finishes its current steps. Killing it would
                    # leave resources in AWS that are not in the state. A second signal cancels it.
                    interrupted = True
            if interrupted:
                raise KeyboardInterrupt
        if child.returncode != 0:
            raise self.error("\n".join(lines))
        return Outcome({}, ())

    def read_ahead(self) -> None:
        """Starts the CLIs of `outputs` and of `config` without secrets, for a command that needs
        both and works in the meantime. Each result is used once.
        """
        aside = ThreadPoolExecutor(max_workers=2)
        options = self._stack_options()
        self._ahead = {
            "config": aside.submit(self._output, "config", *options, "--json"),
            "outputs": aside.submit(self._output, "stack", "output", *options, "--json"),
        }
        aside.shutdown(wait=False)

    def outputs(self) -> dict[str, Any]:
        if started := self._ahead.pop("outputs", None):
            return _as_object(started.result())
        return _as_object(self._output("stack", "output", *self._stack_options(), "--json"))

    def config(self, *, show_secrets: bool = True) -> dict[str, str]:
        """All values of the stack's config as text, including the defaults of `Pulumi.yaml`.

        Secrets are left out without `show_secrets`.
        """
        started = self._ahead.pop("config", None)
        if started and not show_secrets:
            text = started.result()
        else:
            shown = ["--show-secrets"] if show_secrets else []
            text = self._output("config", *self._stack_options(), "--json", *shown)
        found = _as_object(text)
        return {key: str(entry["value"]) for key, entry in found.items() if "value" in entry}

    def set_all(self, values: Mapping[str, str], config_file: Path) -> None:
        """Writes full keys and their plain-text values into a stack file."""
        pairs = [
            part for key, value in values.items() for part in ("--plaintext", f"{key}={value}")
        ]
        self._output("config", "set-all", *self._stack_options(config_file), *pairs)

    def remove_all(self, keys: list[str], config_file: Path) -> None:
        """Removes full keys from a stack file; a missing key is no error."""
        self._output("config", "rm-all", *self._stack_options(config_file), "--", *keys)

    def stacks(self) -> dict[str, bool]:
        """The project's stacks, each with whether it is selected."""
        ran = self._run("stack", "ls", "--json")
        if ran.returncode != 0:
            raise self.error(self._error_text(ran, []))
        try:
            listed = json.loads(ran.stdout) or []
            return {str(one["name"]): bool(one.get("current")) for one in listed}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self.error(
                f"The Pulumi CLI ({self.program}) did not list its stacks as JSON. Its output was "
                f"{ran.stdout.strip()[:_MAX_QUOTED]!r}."
            ) from None

    def _stack_options(self, config_file: Path | None = None) -> list[str]:
        stack = ["--stack", self.stack] if self.stack else []
        return stack + (["--config-file", str(config_file)] if config_file else [])

    def _output(self, *arguments: str) -> str:
        ran = self._run(*arguments)
        if ran.returncode != 0:
            raise self.error(self._error_text(ran, []))
        return ran.stdout

    def _run_with_document(self, *arguments: str) -> Outcome:
        """For previews, which print one JSON document."""
        ran = self._run(*arguments)
        digest = _as_object(ran.stdout)
        diagnostics = [
            (str(one.get("severity")), str(one.get("message")))
            for one in digest.get("diagnostics") or []
        ]
        replaced = [
            _changed_resource(str(step["urn"]))
            for step in digest.get("steps") or []
            if step.get("op") in _REPLACES
        ]
        updated = [
            _changed_resource(str(step["urn"]))
            for step in digest.get("steps") or []
            if step.get("op") == "update"
        ]
        outcome = self._outcome(ran, digest.get("changeSummary"), diagnostics)
        return dataclasses.replace(
            outcome,
            replaced=tuple(dict.fromkeys(replaced)),
            updated=tuple(dict.fromkeys(updated)),
        )

    def _run_with_events(self, *arguments: str) -> Outcome:
        """For operations, which print one JSON event a line."""
        ran = self._run(*arguments)
        diagnostics: list[tuple[str, str]] = []
        changes: object = None
        for event in _events(ran.stdout):
            if shown := event.get("diagnosticEvent"):
                diagnostics.append((str(shown.get("severity")), str(shown.get("message"))))
            if summary := event.get("summaryEvent"):
                changes = summary.get("resourceChanges")
        return self._outcome(ran, changes, diagnostics)

    def _outcome(
        self,
        ran: subprocess.CompletedProcess[str],
        changes: object,
        diagnostics: list[tuple[str, str]],
    ) -> Outcome:
        if ran.returncode != 0:
            raise self.error(self._error_text(ran, diagnostics))
        warnings = [
            _without_prefix(text) for severity, text in diagnostics if severity == "warning"
        ]
        notes = [_without_prefix(text) for severity, text in diagnostics if severity == "info"]
        counted = changes if isinstance(changes, dict) else {}
        return Outcome(
            counted,
            tuple(dict.fromkeys(warnings)),
            tuple(dict.fromkeys(notes)),
        )

    def _error_text(
        self, ran: subprocess.CompletedProcess[str], diagnostics: list[tuple[str, str]]
    ) -> str:
        """The program's own errors without prefix; else the CLI's output."""
        messages = [_without_prefix(text) for severity, text in diagnostics if severity == "error"]
        if (own := self._known_error(messages)) is not None:
            return own
        if not messages and not _is_json(ran.stdout):
            messages = [
                _without_prefix(ran.stderr),
                *([] if ran.stderr.strip() else [ran.stdout.strip()]),
            ]
        elif not messages:
            messages = [_without_prefix(ran.stderr)]
        errors = [text for text in dict.fromkeys(messages) if text and not text.startswith(_ECHOES)]
        return "\n".join(errors or [self._no_reason(ran.returncode)])

    def _known_error(self, messages: list[str]) -> str | None:  # noqa: ARG002 - for subclasses
        """A paragraph that replaces errors known to this program."""
        return None

    def _no_reason(self, code: int) -> str:
        """The error text for a failed run without output."""
        return f"The Pulumi CLI ({self.program}) ended with code {code} and gave no reason."

    def _run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = self._command(*arguments)
        lean = {} if arguments[0] in _WITH_PROVIDER else _RARE_COLLECTIONS
        try:
            return _run_to_end(command, cwd or self.project, lean | self._env)
        except OSError as why:
            raise self.error(f"{self.program} cannot be started: {why.strerror}.") from None

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.program), *arguments, "--non-interactive", "--color", "never"]


def _started(
    command: list[str], cwd: Path, env: Mapping[str, str], stderr: int
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
    )


def _run_to_end(
    command: list[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with _started(command, cwd, env, subprocess.PIPE) as child:
        try:
            out, err = child.communicate()
        except KeyboardInterrupt:
            _wait_after_interrupt(child)
            raise
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def _wait_after_interrupt(child: "subprocess.Popen[str]") -> None:
    """The CLI got the signal too: waits until it has ended its steps and freed its lock."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=_INTERRUPT_SECONDS)
    child.kill()


def _changed_resource(urn: str) -> ChangedResource:
    """Parses a URN; its third part ends with the resource's type."""
    parts = urn.split("::")
    package, module, kind = parts[-2].rpartition("$")[2].split(":")
    return ChangedResource(parts[-1], f"{package}:{module.partition('/')[0]}:{kind}")


def _is_json(text: str) -> bool:
    """Whether the CLI's output is JSON."""
    return re.match(r'\s*\{\s*["}]', text) is not None


def _without_prefix(text: str) -> str:
    return text.strip().removeprefix("error: ").removeprefix("warning: ").strip()


def _as_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if event := _as_object(line):
            yield event
