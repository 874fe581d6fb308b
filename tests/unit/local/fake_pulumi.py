"""Stands in for the Pulumi CLI: answers as `answers.json` beside it says, and notes its calls.

What edits a stack's file edits it for real. `"config": "file"` answers with what that file holds;
of a value `secure: c:TEXT` the clear text is TEXT.
"""

import json
import os
import re
import sys
import time
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
    "up_lines": ["Updating (dev):", "    + 36 created"],
}

EDITS = ("set", "set-all", "rm", "rm-all")


def main() -> None:
    here = Path(__file__).parent
    with (here / "calls.jsonl").open("a") as calls:
        called = {"args": sys.argv[1:], "env": dict(os.environ), "cwd": str(Path.cwd())}
        calls.write(json.dumps(called) + "\n")
    given = here / "answers.json"
    answers = FINE | (json.loads(given.read_text()) if given.exists() else {})
    what = [word for word in sys.argv[1:] if not word.startswith("-")]
    if what[0] == "version":
        print("v3.259.0")
    elif what[:2] == ["stack", "init"]:
        fail(answers.get("init_error"))
        stacks = unquote(os.environ["PULUMI_BACKEND_URL"].removeprefix("file://"))
        file = Path(stacks) / ".pulumi" / "stacks" / "geusemaker" / "dev.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    elif what[:2] == ["stack", "output"]:
        fail(answers.get("output_error"))
        print(json.dumps(answers["output"]))
    elif what[:2] == ["stack", "ls"]:
        fail(answers.get("stacks_error"))
        print(answers.get("stacks_text") or json.dumps(answers["stacks"]))
    elif what[0] == "config" and sys.argv[2] in EDITS:
        fail(answers.get("edit_error"))
        edit(sys.argv[2], sys.argv[3:])
    elif what[0] == "config":
        fail(answers.get("config_error"))
        told = answers["config"]
        print(json.dumps(config_of(sys.argv) if told == "file" else told))
    elif what[0] == "cancel":
        (here / "locked").unlink()
    elif (here / "locked").exists():
        sys.exit((here / "locked").read_text())
    elif "--preview-only" in sys.argv:
        said = [{"severity": s, "message": m} for s, m in answers.get("looked_said", [])]
        print(json.dumps({"diagnostics": said}, indent=1))
        sys.exit(answers.get("looked_code", 0))
    elif what[0] == "up" and "--json" not in sys.argv:
        for line in answers["up_lines"]:
            print(line, flush=True)
        time.sleep(answers.get("up_seconds", 0))
        sys.exit(answers.get("up_code", 0))
    elif what[0] == "preview":
        tried = config_file(sys.argv)
        (here / "previewed.yaml").write_text(tried.read_text() if tried.exists() else "")
        if spoils := answers.get("preview_spoils"):
            Path(spoils).write_text("config: {}\n")
        fail(answers.get("preview_error"))
        print(json.dumps(answers["preview"], indent=4))
        sys.exit(answers.get("preview_code", 0))
    else:
        for severity, message in answers.get(f"{what[0]}_said", []):
            print(json.dumps({"diagnosticEvent": {"severity": severity, "message": message}}))
        print("not json")
        print(json.dumps({"summaryEvent": {"resourceChanges": answers[what[0]]}}))
        sys.exit(answers.get(f"{what[0]}_code", 0))


def option(arguments: list[str], name: str) -> str | None:
    """The value of `--name VALUE`, before any `--`."""
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flags[flags.index(name) + 1] if name in flags else None


def config_file(arguments: list[str]) -> Path:
    named = option(arguments, "--config-file") or os.environ.get("PULUMI_OPTION_CONFIG_FILE")
    stack = option(arguments, "--stack") or "dev"
    return Path(named or f"Pulumi.{stack.rpartition('/')[2]}.yaml")


def config_of(arguments: list[str]) -> dict[str, Any]:
    file = config_file(arguments)
    content = yaml.safe_load(file.read_text()) if file.exists() else {}
    told: dict[str, Any] = {}
    for key, value in ((content or {}).get("config") or {}).items():
        if isinstance(value, dict) and "secure" in value:
            clear = {"value": value["secure"].removeprefix("c:")}
            told[key] = {"secret": True, **(clear if "--show-secrets" in arguments else {})}
        else:
            told[key] = {"value": value if isinstance(value, str) else json.dumps(value)}
    return told


def edit(what: str, arguments: list[str]) -> None:
    """`config set`, `set-all`, `rm` and `rm-all`, with the CLI's own rules for their words."""
    file = config_file(arguments)
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
        sys.exit(str(error))


if __name__ == "__main__":
    main()
