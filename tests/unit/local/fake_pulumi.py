"""A stand-in for the Pulumi CLI: answers from `answers.json` in its folder, and records its calls.

Tests call `answer` in their own process, since a process for each call is slow. As a program it
answers the same.

Commands that edit a stack's file really edit it. `"config": "file"` answers with that file's
values; the plain text of `secure: c:TEXT` is TEXT. `"output_of"` has the outputs of single stacks,
or the error instead of them.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

FINE = {
    "preview": {
        "diagnostics": [
            {"severity": "warning", "message": "warning: the line is ended\n"},
            {"severity": "info", "message": "A newer image is available: that one.\n"},
        ],
        "changeSummary": {"create": 36},
    },
    "up": {"create": 36},
    "destroy": {"delete": 36},
    "output": {
        "amiId": "ami-1",
        "amiName": "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925",
        "subnetIds": ["subnet-1", "subnet-2"],
    },
    "config": {
        "aws:region": {"value": "us-east-1"},
        "geusemaker:osType": {"value": "ubuntu-24.04"},
    },
    "stacks": [{"name": "dev", "current": True}],
    "state": {"deployment": {}},
    "state_after": {"deployment": {}},
    "looked_lines": ["Previewing destroy (dev):", "    - 36 to delete"],
    "destroy_lines": ["Destroying (dev):", "    - 36 deleted"],
    "preview_lines": ["Previewing update (dev):", "    + 36 to create"],
    "events": [],
    "up_lines": ["Updating (dev):", "    + 36 created"],
}

EDITS = ("set", "set-all", "rm", "rm-all")


class Ended(Exception):
    """The end of a run before its last line, with what it writes to stderr."""

    def __init__(self, code: int, error: str = "") -> None:
        super().__init__(error)
        self.code = code
        self.error = error


def answer(
    arguments: list[str], env: Mapping[str, str], cwd: Path, here: Path
) -> tuple[str, str, int]:
    """What the CLI in folder `here` writes to stdout and stderr, and its exit code."""
    said: list[str] = []
    try:
        code, error = run(arguments, env, cwd, here, said.append), ""
    except Ended as ended:
        code, error = ended.code, f"{ended.error}\n" if ended.error else ""
    return "".join(f"{line}\n" for line in said), error, code


def run(
    arguments: list[str],
    env: Mapping[str, str],
    cwd: Path,
    here: Path,
    say: Callable[[str], None],
) -> int:
    with (here / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"args": arguments, "env": dict(env), "cwd": str(cwd)}) + "\n")
    given = here / "answers.json"
    answers = FINE | (json.loads(given.read_text()) if given.exists() else {})
    what = [word for word in arguments if not word.startswith("-")]
    file = cwd / config_file(arguments, env)
    if what[:2] == ["stack", "init"]:
        fail(answers.get("init_error"))
        stacks = unquote(env["PULUMI_BACKEND_URL"].removeprefix("file://"))
        made = Path(stacks) / ".pulumi" / "stacks" / "geusemaker" / "dev.json"
        made.parent.mkdir(parents=True)
        made.write_text("{}")
    elif what[:2] == ["stack", "output"]:
        fail(answers.get("output_error"))
        own = answers.get("output_of", {}).get(option(arguments, "--stack"), answers["output"])
        fail(own if isinstance(own, str) else None)
        say(json.dumps(own))
    elif what[:2] == ["stack", "export"]:
        gone = (here / "destroyed").exists()
        say(json.dumps(answers["state_after" if gone else "state"]))
    elif what[:2] == ["stack", "ls"]:
        fail(answers.get("stacks_error"))
        say(answers.get("stacks_text") or json.dumps(answers["stacks"]))
    elif what[0] == "config" and arguments[1] in EDITS:
        fail(answers.get("edit_error"))
        edit(arguments[1], arguments[2:], file)
    elif what[0] == "config":
        fail(answers.get("config_error"))
        wanted = answers["config"]
        say(json.dumps(config_of(arguments, file) if wanted == "file" else wanted))
    elif what[0] == "cancel":
        (here / "locked").unlink()
    elif (here / "locked").exists():
        raise Ended(1, (here / "locked").read_text())
    elif what[0] == "destroy" and "--json" not in arguments:
        previews = "--preview-only" in arguments
        for line in answers["looked_lines" if previews else "destroy_lines"]:
            say(line)
        if previews:
            return int(answers.get("looked_code", 0))
        (here / "destroyed").touch()
        return int(answers.get("destroy_code", 0))
    elif "--preview-only" in arguments:
        looked = [{"severity": s, "message": m} for s, m in answers.get("looked_said", [])]
        say(json.dumps({"diagnostics": looked}, indent=1))
        return int(answers.get("looked_code", 0))
    elif what[0] == "up" and "--json" not in arguments:
        for line in answers["up_lines"]:
            say(line)
        if log := option(arguments, "--event-log"):
            assert env["PULUMI_DEBUG_COMMANDS"] == "true"
            event = {"severity": "error", "message": f"<{{%reset%}}>{line}<{{%reset%}}>\n"}
            Path(log).write_text(json.dumps({"diagnosticEvent": event}) + "\n")
        return int(answers.get("up_code", 0))
    elif what[0] == "preview" and (log := option(arguments, "--event-log")):
        assert env["PULUMI_DEBUG_COMMANDS"] == "true"
        (here / "previewed.yaml").write_text(file.read_text() if file.exists() else "")
        for line in answers["preview_lines"]:
            say(line)
        Path(log).write_text("".join(f"{json.dumps(one)}\n" for one in answers["events"]))
        return int(answers.get("preview_code", 0))
    elif what[0] == "preview":
        (here / "previewed.yaml").write_text(file.read_text() if file.exists() else "")
        if spoils := answers.get("preview_spoils"):
            (cwd / spoils).write_text("config: {}\n")
        fail(answers.get("preview_error"))
        say(json.dumps(answers["preview"], indent=4))
        return int(answers.get("preview_code", 0))
    else:
        for severity, message in answers.get(f"{what[0]}_said", []):
            say(json.dumps({"diagnosticEvent": {"severity": severity, "message": message}}))
        say("not json")
        say(json.dumps({"summaryEvent": {"resourceChanges": answers[what[0]]}}))
        return int(answers.get(f"{what[0]}_code", 0))
    return 0


def option(arguments: list[str], name: str) -> str | None:
    """The value of `--name VALUE`, before any `--`."""
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flags[flags.index(name) + 1] if name in flags else None


def config_file(arguments: list[str], env: Mapping[str, str]) -> Path:
    named = option(arguments, "--config-file") or env.get("PULUMI_OPTION_CONFIG_FILE")
    stack = option(arguments, "--stack") or "dev"
    return Path(named or f"Pulumi.{stack.rpartition('/')[2]}.yaml")


def config_of(arguments: list[str], file: Path) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text()) if file.exists() else {}
    values: dict[str, Any] = {}
    for key, value in ((content or {}).get("config") or {}).items():
        if isinstance(value, dict) and "secure" in value:
            clear = {"value": value["secure"].removeprefix("c:")}
            values[key] = {"secret": True, **(clear if "--show-secrets" in arguments else {})}
        else:
            values[key] = {"value": value if isinstance(value, str) else json.dumps(value)}
    return values


def edit(what: str, arguments: list[str], file: Path) -> None:
    """`config set`, `set-all`, `rm` and `rm-all`, with the CLI's own rules for their words."""
    words, pairs = [], []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            words += list(rest)
        elif word in ("--stack", "--config-file", "--color"):
            next(rest)
        elif word == "--plaintext" and what == "set-all":
            pairs.append(next(rest))
        elif word.startswith("-") and word not in ("--non-interactive", "--plaintext", "--secret"):
            fail(f"error: unknown flag: {word}")
        elif not word.startswith("-"):
            words.append(word)
    if len(words) != {"set": 2, "rm": 1, "set-all": 0}.get(what, len(words)):
        fail(f"error: {what} does not take {words}")
    lines = file.read_text().splitlines() if file.exists() else []
    gone = words if what in ("rm", "rm-all") else []
    lines = [line for line in lines if not any(line.startswith(f"  {key}:") for key in gone)]
    if what == "set":
        pairs = ["=".join(words)]
    for pair in pairs:
        key, _, value = pair.partition("=")
        written = f"  {key}: {yaml.safe_dump(value, width=10**6).splitlines()[0]}"
        if not any(line == "config:" for line in lines):
            lines = [line for line in lines if line != "config: {}"] + ["config:"]
        stands = [n for n, line in enumerate(lines) if line.startswith(f"  {key}:")]
        for n in stands:
            comment = re.search(r" #.*", lines[n])
            lines[n] = written + (comment[0] if comment else "")
        if not stands:
            lines.append(written)
    file.write_text("\n".join(lines) + "\n")


def fail(error: object) -> None:
    if error is not None:
        raise Ended(1, str(error))


def main() -> None:
    out, error, code = answer(sys.argv[1:], os.environ, Path.cwd(), Path(__file__).parent)
    sys.stdout.write(out)
    sys.stderr.write(error)
    sys.exit(code)


if __name__ == "__main__":
    main()
