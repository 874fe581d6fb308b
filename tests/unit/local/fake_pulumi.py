"""Stands in for the Pulumi CLI: answers as `answers.json` beside it says, and notes its calls."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote

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
}


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
    elif what[0] == "config":
        fail(answers.get("config_error"))
        print(json.dumps(answers["config"]))
    elif what[0] == "cancel":
        (here / "locked").unlink()
    elif (here / "locked").exists():
        sys.exit((here / "locked").read_text())
    elif "--preview-only" in sys.argv:
        said = [{"severity": s, "message": m} for s, m in answers.get("looked_said", [])]
        print(json.dumps({"diagnostics": said}, indent=1))
        sys.exit(answers.get("looked_code", 0))
    elif what[0] == "preview":
        fail(answers.get("preview_error"))
        print(json.dumps(answers["preview"]))
        sys.exit(answers.get("preview_code", 0))
    else:
        for severity, message in answers.get(f"{what[0]}_said", []):
            print(json.dumps({"diagnosticEvent": {"severity": severity, "message": message}}))
        print("not json")
        print(json.dumps({"summaryEvent": {"resourceChanges": answers[what[0]]}}))
        sys.exit(answers.get(f"{what[0]}_code", 0))


def fail(error: object) -> None:
    if error is not None:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
