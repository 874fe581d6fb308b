"""Runs the plain Pulumi CLI in the local environment, and reads what it answers as JSON."""

import contextlib
import json
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geusemaker.errors import LocalError
from geusemaker.local import process
from geusemaker.local.places import STACK, Places

# What the engine says after the program's own error; it tells a reader nothing more.
_ECHOES = (
    "an unhandled error occurred: program exited with non-zero exit code",
    "preview failed",
    "update failed",
    "destroy failed",
)
_ENDED_BY_HAND = 60.0
_PROTECTED = (
    "geusemaker:protectData is true, so the data volume and the file system are protected, and"
    " nothing was removed. To remove them with the rest, in `make shell`: `pulumi config set"
    " geusemaker:protectData false && pulumi up`, then `make down` again."
)


@dataclass(frozen=True)
class Outcome:
    """What an operation did, or would do: counts by operation, its warnings and notes."""

    changes: Mapping[str, int]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def count(self, *operations: str) -> int:
        return max((self.changes.get(name, 0) for name in operations), default=0)

    def would(self) -> str:
        """In the words of a preview."""
        create, update, replace, delete = self._counts()
        if not any((create, update, replace, delete)):
            return f"no changes, {self.count('same')} as they are"
        updates = f"{update} to update, " if update else ""
        return f"{create} to create, {updates}{replace} to replace, {delete} to delete"

    def did(self) -> str:
        """In the words of a finished update."""
        words = zip(("created", "updated", "replaced", "deleted"), self._counts(), strict=True)
        return ", ".join(f"{n} {word}" for word, n in words if n) or "no changes"

    def _counts(self) -> tuple[int, int, int, int]:
        return (
            self.count("create"),
            self.count("update"),
            self.count("replace", "create-replacement"),
            self.count("delete"),
        )


class PulumiCli:
    """The CLI in one environment; every run is kept in a log."""

    def __init__(self, places: Places, program: Path, env: Mapping[str, str]) -> None:
        self._places = places
        self._program = program
        self._env = dict(env)

    def ensure_stack(self) -> None:
        """Makes the stack, from the scratch folder so that the work tree stays clean."""
        if self._places.stack_file.exists():
            return
        ran = self._run("stack", "init", STACK, cwd=self._places.scratch)
        if ran.returncode != 0:
            raise LocalError(self._paragraph(ran, []))

    def preview(self) -> Outcome:
        return self._digested("preview", "--json")

    def up(self) -> Outcome:
        return self._streamed("up", "--yes", "--skip-preview", "--json")

    def destroy(self) -> Outcome:
        # Looked at first: without a preview Pulumi deletes what it can before it meets
        # something protected.
        self._digested("destroy", "--preview-only", "--json")
        return self._streamed("destroy", "--yes", "--skip-preview", "--json")

    def outputs(self) -> dict[str, Any]:
        ran = self._run("stack", "output", "--json")
        if ran.returncode != 0:
            raise LocalError(self._paragraph(ran, []))
        return _as_object(ran.stdout)

    def config(self) -> dict[str, str]:
        """All values of the stack's config as text, defaults of `Pulumi.yaml` included."""
        ran = self._run("config", "--json", "--show-secrets")
        if ran.returncode != 0:
            raise LocalError(self._paragraph(ran, []))
        return {key: str(told.get("value", "")) for key, told in _as_object(ran.stdout).items()}

    def _digested(self, *arguments: str) -> Outcome:
        """Previews answer with one JSON document."""
        ran = self._run(*arguments)
        digest = _as_object(ran.stdout)
        diagnostics = [
            (str(one.get("severity")), str(one.get("message")))
            for one in digest.get("diagnostics") or []
        ]
        return self._outcome(ran, digest.get("changeSummary"), diagnostics)

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
            raise LocalError(self._paragraph(ran, diagnostics))
        warnings = [_bare(text) for severity, text in diagnostics if severity == "warning"]
        notes = [_bare(text) for severity, text in diagnostics if severity == "info"]
        counted = changes if isinstance(changes, dict) else {}
        return Outcome(counted, tuple(dict.fromkeys(warnings)), tuple(dict.fromkeys(notes)))

    def _paragraph(
        self, ran: subprocess.CompletedProcess[str], diagnostics: list[tuple[str, str]]
    ) -> str:
        """The program's own error, bare; else what the CLI printed."""
        said = [_bare(text) for severity, text in diagnostics if severity == "error"]
        if any("because it is protected" in text for text in said):
            return _PROTECTED
        if not said and not _is_events(ran.stdout):
            said = [_bare(ran.stderr), *([] if ran.stderr.strip() else [ran.stdout.strip()])]
        elif not said:
            said = [_bare(ran.stderr)]
        own = [text for text in dict.fromkeys(said) if text and not text.startswith(_ECHOES)]
        if not own:
            log = self._places.shown(self._places.pulumi_log)
            own = [
                f"The Pulumi CLI ended with code {ran.returncode} and gave no reason: see {log}."
            ]
        return "\n".join(own)

    def _run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        ran = self._run_once(*arguments, cwd=cwd)
        if ran.returncode == 0 or not _holds_dead_lock(ran.stdout + ran.stderr):
            return ran
        # A CLI that was killed leaves its lock; nobody else will ever take it away.
        self._run_once("cancel", "--yes")
        return self._run_once(*arguments, cwd=cwd)

    def _run_once(
        self, *arguments: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [str(self._program), *arguments, "--non-interactive", "--color", "never"]
        try:
            ran = _to_its_end(command, cwd or self._places.project, self._env)
        except OSError as why:
            raise LocalError(f"{self._program} cannot be started: {why.strerror}.") from None
        with self._places.pulumi_log.open("a", encoding="utf-8") as log:
            log.write(f"$ pulumi {' '.join(arguments)}\n{ran.stdout}{ran.stderr}")
            log.write(f"[ended with code {ran.returncode}]\n")
        return ran


def _to_its_end(
    command: list[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as child:
        try:
            out, err = child.communicate()
        except KeyboardInterrupt:
            # The CLI got the signal as well: let it end its steps and free its lock.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.communicate(timeout=_ENDED_BY_HAND)
            child.kill()
            raise
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def _holds_dead_lock(text: str) -> bool:
    """Whether the stack is locked, and only by processes of this machine that have ended."""
    if "the stack is currently locked by" not in text:
        return False
    holders = re.findall(r"created by \S+@(\S+) \(pid (\d+)\)", text)
    here = platform.node()
    return bool(holders) and all(
        host == here and not process.is_running(int(pid)) for host, pid in holders
    )


def _is_events(text: str) -> bool:
    """Whether the CLI was telling events, which are for programs to read."""
    return text.lstrip().startswith('{"')


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
