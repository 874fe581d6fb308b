"""Runs the plain Pulumi CLI, and reads what it answers as JSON."""

import contextlib
import dataclasses
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geusemaker.errors import GeuseMakerError, PulumiError

# What the engine says after the program's own error; it tells a reader nothing more.
_ECHOES = (
    "an unhandled error occurred: program exited with non-zero exit code",
    "preview failed",
    "update failed",
    "destroy failed",
)
_REPLACES = ("replace", "create-replacement", "delete-replaced")
_ENDED_BY_HAND = 60.0
_MAX_QUOTED = 200


# Where the data is: a new one of these is an empty one.
_DATA_TYPES = ("aws:ebs:Volume", "aws:efs:FileSystem")


@dataclass(frozen=True)
class Replaced:
    """A resource that is replaced: its name, and its type as Pulumi shows it."""

    name: str
    type: str

    @property
    def is_data(self) -> bool:
        """Whether what is in it is lost with it."""
        return self.type in _DATA_TYPES

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True)
class Outcome:
    """What an operation did, or would do: counts by operation, its warnings and notes.

    `replaced` is what a preview would replace, `updated` what it would change in place.
    """

    changes: Mapping[str, int]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    replaced: tuple["Replaced", ...] = ()
    updated: tuple["Replaced", ...] = ()

    def count(self, *operations: str) -> int:
        return max((self.changes.get(name, 0) for name in operations), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not any(self._counts())

    def would(self) -> str:
        """In the words of a preview."""
        create, update, replace, delete = self._counts()
        if self.is_empty:
            return self._unchanged()
        updates = f"{update} to update, " if update else ""
        return f"{create} to create, {updates}{replace} to replace, {delete} to delete"

    def replaces(self) -> str:
        """What is replaced, in words, and whether data is among it."""
        listed = ", ".join(str(one) for one in self.replaced) or "nothing"
        lost = [one.name for one in self.replaced if one.is_data]
        if lost:
            return f"{listed} -- DATA IS LOST with {', '.join(lost)}"
        return f"{listed}; data volume and file system stay" if self.replaced else listed

    def did(self) -> str:
        """In the words of a finished update."""
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

    `stack` and `config_file` are named on each command when they are given; without them Pulumi
    takes the selected stack and that stack's own file.
    """

    error: type[GeuseMakerError] = PulumiError

    def __init__(
        self, program: Path, env: Mapping[str, str], project: Path, stack: str | None = None
    ) -> None:
        self.program = program
        self.project = project
        self.stack = stack
        self._env = dict(env)

    def preview(self, config_file: Path | None = None) -> Outcome:
        return self._digested("preview", *self._about(config_file), "--json")

    def up(self) -> Outcome:
        return self._streamed("up", *self._about(), "--yes", "--skip-preview", "--json")

    def up_with_output(self, say: Callable[[str], None]) -> Outcome:
        """`up`, with each line of the CLI's own words handed on as it comes.

        Raises `PulumiError` with what was said when it fails.
        """
        command = self._command("up", *self._about(), "--yes", "--skip-preview")
        said: list[str] = []
        with _started(command, self.project, self._env, subprocess.STDOUT) as child:
            assert child.stdout is not None  # noqa: S101 - for the type checker
            interrupted = False
            while True:
                try:
                    for line in iter(child.stdout.readline, ""):
                        said.append(line.rstrip("\n"))
                        say(said[-1])
                    child.wait()
                    break
                except KeyboardInterrupt:
                    # The CLI got the signal as well, and has to end what it has begun: to kill it
                    # would leave things in AWS that no state knows of. It heeds a second one.
                    interrupted = True
            if interrupted:
                raise KeyboardInterrupt
        if child.returncode != 0:
            raise self.error("\n".join(said))
        return Outcome({}, ())

    def outputs(self) -> dict[str, Any]:
        return _as_object(self._answer("stack", "output", *self._about(), "--json"))

    def config(self, *, show_secrets: bool = True) -> dict[str, str]:
        """All values of the stack's config as text, defaults of `Pulumi.yaml` included.

        A secret that is not shown has no value and is left out.
        """
        shown = ["--show-secrets"] if show_secrets else []
        found = _as_object(self._answer("config", *self._about(), "--json", *shown))
        return {key: str(told["value"]) for key, told in found.items() if "value" in told}

    def set_all(self, values: Mapping[str, str], config_file: Path) -> None:
        """Writes full keys and their values, in clear, into a stack file."""
        pairs = [
            part for key, value in values.items() for part in ("--plaintext", f"{key}={value}")
        ]
        self._answer("config", "set-all", *self._about(config_file), *pairs)

    def remove_all(self, keys: list[str], config_file: Path) -> None:
        """Takes full keys out of a stack file; one that is not there is fine."""
        self._answer("config", "rm-all", *self._about(config_file), "--", *keys)

    def stacks(self) -> dict[str, bool]:
        """The stacks of the project, and which of them is selected."""
        ran = self._run("stack", "ls", "--json")
        if ran.returncode != 0:
            raise self.error(self._paragraph(ran, []))
        try:
            listed = json.loads(ran.stdout) or []
            return {str(one["name"]): bool(one.get("current")) for one in listed}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self.error(
                f"The Pulumi CLI ({self.program}) did not list its stacks as JSON, but said "
                f"{ran.stdout.strip()[:_MAX_QUOTED]!r}."
            ) from None

    def _about(self, config_file: Path | None = None) -> list[str]:
        stack = ["--stack", self.stack] if self.stack else []
        return stack + (["--config-file", str(config_file)] if config_file else [])

    def _answer(self, *arguments: str) -> str:
        ran = self._run(*arguments)
        if ran.returncode != 0:
            raise self.error(self._paragraph(ran, []))
        return ran.stdout

    def _digested(self, *arguments: str) -> Outcome:
        """Previews answer with one JSON document."""
        ran = self._run(*arguments)
        digest = _as_object(ran.stdout)
        diagnostics = [
            (str(one.get("severity")), str(one.get("message")))
            for one in digest.get("diagnostics") or []
        ]
        replaced = [
            _replaced(str(step["urn"]))
            for step in digest.get("steps") or []
            if step.get("op") in _REPLACES
        ]
        updated = [
            _replaced(str(step["urn"]))
            for step in digest.get("steps") or []
            if step.get("op") == "update"
        ]
        outcome = self._outcome(ran, digest.get("changeSummary"), diagnostics)
        return dataclasses.replace(
            outcome,
            replaced=tuple(dict.fromkeys(replaced)),
            updated=tuple(dict.fromkeys(updated)),
        )

    def _streamed(self, *arguments: str) -> Outcome:
        """What changes something answers with one JSON document a line."""
        ran = self._run(*arguments)
        diagnostics: list[tuple[str, str]] = []
        changes: object = None
        for event in _events(ran.stdout):
            if said := event.get("diagnosticEvent"):
                diagnostics.append((str(said.get("severity")), str(said.get("message"))))
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
            raise self.error(self._paragraph(ran, diagnostics))
        warnings = [_bare(text) for severity, text in diagnostics if severity == "warning"]
        notes = [_bare(text) for severity, text in diagnostics if severity == "info"]
        counted = changes if isinstance(changes, dict) else {}
        return Outcome(
            counted,
            tuple(dict.fromkeys(warnings)),
            tuple(dict.fromkeys(notes)),
        )

    def _paragraph(
        self, ran: subprocess.CompletedProcess[str], diagnostics: list[tuple[str, str]]
    ) -> str:
        """The program's own error, bare; else what the CLI printed."""
        said = [_bare(text) for severity, text in diagnostics if severity == "error"]
        if (own := self._own_words(said)) is not None:
            return own
        if not said and not _is_events(ran.stdout):
            said = [_bare(ran.stderr), *([] if ran.stderr.strip() else [ran.stdout.strip()])]
        elif not said:
            said = [_bare(ran.stderr)]
        told = [text for text in dict.fromkeys(said) if text and not text.startswith(_ECHOES)]
        return "\n".join(told or [self._silent(ran.returncode)])

    def _own_words(self, said: list[str]) -> str | None:  # noqa: ARG002 - for subclasses
        """A paragraph in place of the engine's errors, where this program knows better."""
        return None

    def _silent(self, code: int) -> str:
        """What to say of a run that failed without a word."""
        return f"The Pulumi CLI ({self.program}) ended with code {code} and gave no reason."

    def _run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = self._command(*arguments)
        try:
            return _to_its_end(command, cwd or self.project, self._env)
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


def _to_its_end(
    command: list[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with _started(command, cwd, env, subprocess.PIPE) as child:
        try:
            out, err = child.communicate()
        except KeyboardInterrupt:
            _let_end(child)
            raise
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def _let_end(child: "subprocess.Popen[str]") -> None:
    """The CLI got the signal as well: let it end its steps and free its lock."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=_ENDED_BY_HAND)
    child.kill()


def _replaced(urn: str) -> Replaced:
    """From a URN, whose third part ends with the resource's own type."""
    parts = urn.split("::")
    package, module, kind = parts[-2].rpartition("$")[2].split(":")
    return Replaced(parts[-1], f"{package}:{module.partition('/')[0]}:{kind}")


def _is_events(text: str) -> bool:
    """Whether the CLI was telling events, or a digest, which are for programs to read."""
    return re.match(r'\s*\{\s*["}]', text) is not None


def _bare(text: str) -> str:
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
