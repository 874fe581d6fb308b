"""Runs the plain Pulumi CLI and parses its JSON output."""

import contextlib
import dataclasses
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from geusemaker.errors import GeuseMakerError, PulumiError
from geusemaker.pulumi_cli.outcome import Outcome, changed_by
from geusemaker.pulumi_cli.output import (
    ECHOES,
    as_object,
    diagnostics_in,
    events_in,
    is_json,
    without_prefix,
)
from geusemaker.pulumi_cli.state import StackState, state_of
from geusemaker.remarks import PREVIEWED

_REPLACES = ("replace", "create-replacement", "delete-replaced")
_INTERRUPT_SECONDS = 60.0
# Other commands end before a garbage collection pays, which is a quarter of their time. A provider
# takes much more memory.
_WITH_PROVIDER = ("preview", "up", "destroy")
_RARE_COLLECTIONS = {"GOGC": "400"}
_MAX_QUOTED = 200
_OUTPUTS = ("stack", "output")
_CONFIG = ("config",)
# After a failure, Pulumi would list each output with a minus below the error.
_AFTER_PREVIEW = ("--yes", "--skip-preview", "--suppress-outputs")
_CANCELLED = "update canceled"


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
        self._ahead: dict[tuple[str, ...], Future[str]] = {}

    def of_stack(self, name: str) -> "PulumiCli":
        """The same CLI for another stack of the project."""
        return PulumiCli(self.program, self._env, self.project, name)

    def preview(self, config_file: Path | None = None) -> Outcome:
        return self._run_with_document("preview", *self._stack_options(config_file), "--json")

    def up(self) -> Outcome:
        return self._run_with_events(
            "up", *self._stack_options(), "--yes", "--skip-preview", "--json"
        )

    def up_with_output(
        self,
        say: Callable[[str], None],
        *,
        config_file: Path | None = None,
        targets: Sequence[str] = (),
    ) -> None:
        """`up` after a preview, of the resources with those URNs or of all.

        Passes on each line of the CLI's output as it comes. Raises `PulumiError` with the whole
        output if it fails.
        """
        named = [part for urn in targets for part in ("--target", urn)]
        self._with_output(say, "up", *self._stack_options(config_file), *_AFTER_PREVIEW, *named)

    def up_on_terminal(self) -> None:
        """`up` after a preview; the CLI draws its tree on this process's terminal.

        Raises `PulumiError` with the errors of the CLI's log of events if it fails, and
        `KeyboardInterrupt` after Ctrl-C, which the CLI reads as a key: there is no signal.
        """
        self._on_terminal("up", *self._stack_options(), *_AFTER_PREVIEW)

    def destroy_with_output(self, say: Callable[[str], None], *options: str) -> None:
        """`destroy`, as `up_with_output`."""
        self._with_output(say, "destroy", *self._stack_options(), *options)

    def destroy_on_terminal(self, *options: str) -> None:
        """`destroy`, as `up_on_terminal`."""
        self._on_terminal("destroy", *self._stack_options(), *options)

    def state(self) -> StackState:
        """The stack's state, with encrypted secrets. Raises `PulumiError`."""
        return state_of(as_object(self._output("stack", "export", *self._stack_options())))

    def preview_with_events(
        self, say: Callable[[str], None] | None, config_file: Path | None = None
    ) -> list[dict[str, Any]]:
        """A preview as the CLI shows it, and the engine's events.

        Passes on each line, or without `say` lets the CLI draw its tree on this process's terminal.
        Raises `PulumiError` if it fails.
        """
        with self._event_log() as (options, env, log):
            arguments = ["preview", *self._stack_options(config_file), *options]
            if say is None:
                code, lines = self._drawn(arguments, env), [""]
            else:
                code, lines = self._passed_on(arguments, env, say)
            events = _logged(log)
        if code != 0:
            ran = subprocess.CompletedProcess(arguments, code, "", "\n".join(lines))
            raise self.error(self._error_text(ran, diagnostics_in(events)))
        return events

    def _with_output(self, say: Callable[[str], None], *arguments: str) -> None:
        code, lines = self._passed_on(arguments, {**self._env, PREVIEWED: "1"}, say)
        if code != 0:
            raise self.error("\n".join(lines))

    def _passed_on(
        self, arguments: Sequence[str], env: Mapping[str, str], say: Callable[[str], None]
    ) -> tuple[int, list[str]]:
        """Runs the CLI and passes on each line. Its exit code, and the lines."""
        command = self._command(*arguments, "--suppress-progress")
        lines: list[str] = []

        def read() -> None:
            assert child.stdout is not None  # noqa: S101 - for the type checker
            for line in iter(child.stdout.readline, ""):
                lines.append(line.rstrip("\n"))
                say(lines[-1])

        with _started(command, self.project, env, subprocess.STDOUT) as child:
            _wait_through_interrupts(child, read)
        return child.returncode, lines

    @contextlib.contextmanager
    def _event_log(self) -> Iterator[tuple[list[str], dict[str, str], Path]]:
        """Options, environment and file of a log of the engine's events."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "events"
            # The CLI has the flag --event-log only with this variable.
            yield ["--event-log", str(log)], {**self._env, "PULUMI_DEBUG_COMMANDS": "true"}, log

    def _drawn(self, arguments: Sequence[str], env: Mapping[str, str]) -> int:
        """Runs the CLI on this process's terminal. Its exit code."""
        command = [str(self.program), *arguments]
        with subprocess.Popen(command, cwd=self.project, env=dict(env)) as child:
            _wait_through_interrupts(child, lambda: None)
        return child.returncode

    def _on_terminal(self, *arguments: str) -> None:
        with self._event_log() as (options, env, log):
            code = self._drawn([*arguments, *options], {**env, PREVIEWED: "1"})
            if code != 0:
                said = diagnostics_in(_logged(log))
                errors = [text.strip() for severity, text in said if severity == "error"]
                if _CANCELLED in errors:
                    raise KeyboardInterrupt
                raise self.error("\n".join(errors) or self._no_reason(code))

    def read_ahead(self) -> None:
        """Starts the CLIs of `outputs` and of `config` without secrets, for a command that needs
        both and works in the meantime. Each result is used once.
        """
        aside = ThreadPoolExecutor(max_workers=2)
        options = self._stack_options()
        self._ahead = {
            command: aside.submit(self._output, *command, *options, "--json")
            for command in (_OUTPUTS, _CONFIG)
        }
        aside.shutdown(wait=False)

    def outputs(self) -> dict[str, Any]:
        return self._read(*_OUTPUTS)

    def config(self, *, show_secrets: bool = True) -> dict[str, str]:
        """All values of the stack's config as text, including the defaults of `Pulumi.yaml`.

        Secrets are left out without `show_secrets`.
        """
        found = self._read(*_CONFIG, *(["--show-secrets"] if show_secrets else []))
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

    def _read(self, *command: str) -> dict[str, Any]:
        """The JSON object that the command prints; `read_ahead` may have started it."""
        if started := self._ahead.pop(command, None):
            return as_object(started.result())
        return as_object(self._output(*command, *self._stack_options(), "--json"))

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
        digest = as_object(ran.stdout)
        diagnostics = [
            (str(one.get("severity")), str(one.get("message")))
            for one in digest.get("diagnostics") or []
        ]
        steps = digest.get("steps") or []
        outcome = self._outcome(ran, digest.get("changeSummary"), diagnostics)
        return dataclasses.replace(
            outcome,
            replaced=changed_by(steps, *_REPLACES),
            updated=changed_by(steps, "update"),
            created=changed_by(steps, "create"),
        )

    def _run_with_events(self, *arguments: str) -> Outcome:
        """For operations, which print one JSON event a line."""
        ran = self._run(*arguments)
        events = list(events_in(ran.stdout))
        changes: object = None
        for event in events:
            if summary := event.get("summaryEvent"):
                changes = summary.get("resourceChanges")
        return self._outcome(ran, changes, diagnostics_in(events))

    def _outcome(
        self,
        ran: subprocess.CompletedProcess[str],
        changes: object,
        diagnostics: list[tuple[str, str]],
    ) -> Outcome:
        if ran.returncode != 0:
            raise self.error(self._error_text(ran, diagnostics))
        warnings = [without_prefix(text) for severity, text in diagnostics if severity == "warning"]
        notes = [without_prefix(text) for severity, text in diagnostics if severity == "info"]
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
        messages = [without_prefix(text) for severity, text in diagnostics if severity == "error"]
        if (own := self._known_error(messages)) is not None:
            return own
        if not messages and not is_json(ran.stdout):
            messages = [
                without_prefix(ran.stderr),
                *([] if ran.stderr.strip() else [ran.stdout.strip()]),
            ]
        elif not messages:
            messages = [without_prefix(ran.stderr)]
        errors = [text for text in dict.fromkeys(messages) if text and not text.startswith(ECHOES)]
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


def _logged(log: Path) -> list[dict[str, Any]]:
    return list(events_in(log.read_text(encoding="utf-8"))) if log.exists() else []


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


def _wait_through_interrupts(child: "subprocess.Popen[Any]", read: Callable[[], None]) -> None:
    """Waits for the end of `read` and of the CLI, and raises `KeyboardInterrupt` after it.

    The CLI got the signal too and finishes its current steps. Killing it would leave resources in
    AWS that are not in the state. A second signal cancels it.
    """
    interrupted = False
    while True:
        try:
            read()
            child.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt


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
