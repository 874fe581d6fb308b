"""Reads a workflow, evaluates its expressions, and runs the steps of a job as a runner would."""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".github" / "workflows"
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*')|(?P<sign>&&|\|\||==|!=|[!(),])|(?P<name>[A-Za-z_][\w.*-]*))"
)
_SIGNS = {"&&": " and ", "||": " or ", "!": " not "}
Action = Callable[[Mapping[str, Any]], None]


def read(name: str) -> dict[Any, Any]:
    """The workflow of that file; its key `on` is read as True by YAML."""
    found: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


def _contains(found: Any, wanted: str) -> bool:
    return wanted in (found or ())


def _always() -> bool:
    return True


def _format(text: str, *values: Any) -> str:
    return text.format(*values)


def _join(values: Any, between: str) -> str:
    return between.join(map(str, values))


_FUNCTIONS = {"contains": _contains, "always": _always, "format": _format, "join": _join}


def value(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression without its braces. What a context lacks is an empty text."""
    python, position = "", 0
    while position < len(expression.rstrip()):
        match = _TOKEN.match(expression, position)
        assert match, f"not understood: {expression[position:]!r}"
        position = match.end()
        if text := match["text"]:
            python += repr(text[1:-1])
        elif sign := match["sign"]:
            python += _SIGNS.get(sign, sign)
        else:
            is_call = expression[position:].lstrip().startswith("(")
            python += match["name"] if is_call else f"get({match['name']!r})"

    def get(path: str) -> Any:
        found: Any = contexts
        for step in path.split("."):
            if isinstance(found, list):
                found = found if step == "*" else [one[step] for one in found]
            elif step == "*":
                found = list(found.values())
            else:
                found = found.get(step, "") if isinstance(found, Mapping) else ""
        return found

    return eval(python, {"__builtins__": {}, "get": get, **_FUNCTIONS})  # noqa: S307


def filled(text: object, contexts: Mapping[str, Any]) -> str:
    """The text with the values of its expressions."""

    def shown(match: re.Match[str]) -> str:
        found = value(match[1].strip(), contexts)
        return str(found).lower() if isinstance(found, bool) else str(found)

    return _EXPRESSION.sub(shown, str(text))


def runs(condition: object, contexts: Mapping[str, Any]) -> bool:
    """Whether a job or a step with that `if` runs, where all before it have succeeded."""
    text = str(condition).strip()
    braced = _EXPRESSION.fullmatch(text)
    return bool(value(braced[1] if braced else text, contexts))


@dataclass
class Ran:
    """What a job did: exit code of its last step, output of its steps, summary and outputs."""

    code: int = 0
    said: str = ""
    summary: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """A machine for jobs.

    Attributes:
        workspace: The folder that the steps run in.
        files: A folder for the files of GitHub's variables.
        env: All of the environment, but for what the workflow sets.
        actions: What stands in for each action, by its name without the commit.
        commands: What stands in for a step, by its `run`.
    """

    workspace: Path
    files: Path
    env: Mapping[str, str]
    actions: Mapping[str, Action]
    commands: Mapping[str, Callable[[], None]] = field(default_factory=dict)

    def run(self, workflow: Mapping[str, Any], job: str, contexts: Mapping[str, Any]) -> Ran:
        """Runs the steps in order, up to the first that fails."""
        ran, outputs = Ran(), self.files / "outputs"
        summary, script = self.files / "summary", self.files / "step.sh"
        every = dict(contexts)
        set_by_all = workflow.get("env") or {}
        assert workflow["defaults"]["run"] == {"shell": "bash"}
        summary.write_text("")
        for step in workflow["jobs"][job]["steps"]:
            if not runs(step.get("if", "always()"), every):
                continue
            if action := step.get("uses"):
                self.actions[action.partition("@")[0]](step.get("with") or {})
                continue
            if stand_in := self.commands.get(step["run"]):
                stand_in()
                continue
            assert not _EXPRESSION.search(step["run"]), "a value would be read as code"
            script.write_text(step["run"])
            outputs.write_text("")
            named = {**set_by_all, **(step.get("env") or {})}
            env = {name: filled(text, every) for name, text in named.items()}
            github = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self.workspace,
                env={**self.env, **github, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            ran.code, ran.said = done.returncode, ran.said + done.stdout
            if "id" in step:
                lines = outputs.read_text().splitlines()
                made = dict(line.split("=", 1) for line in lines)
                every = {
                    **every,
                    "steps": {**every.get("steps", {}), step["id"]: {"outputs": made}},
                }
            if ran.code:
                break
        ran.summary = summary.read_text()
        declared = workflow["jobs"][job].get("outputs") or {}
        ran.outputs = {name: filled(text, every) for name, text in declared.items()}
        return ran
