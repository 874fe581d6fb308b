"""What the workflows may do: who gets credentials, which token writes, and what fails a check."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .reader import FOLDER, Runner, filled, read, runs

NAMES = [path.name for path in sorted(FOLDER.glob("*.yml"))]


def event(
    head: str = "acme/stack", author: str = "someone", labels: tuple[str, ...] = ()
) -> dict[str, Any]:
    request = {
        "head": {"repo": {"full_name": head}},
        "user": {"login": author},
        "labels": [{"name": name} for name in labels],
        "number": 7,
    }
    return {"repository": "acme/stack", "event": {"pull_request": request}}


@pytest.mark.parametrize(
    ("github", "role", "job"),
    [
        (event(), "arn:aws:iam::1:role/preview", "preview"),
        (event(), "", "plan"),
        (event(head="someone/stack"), "arn:aws:iam::1:role/preview", "plan"),
        (event(author="dependabot[bot]"), "arn:aws:iam::1:role/preview", "plan"),
    ],
    ids=["own branch", "no role", "fork", "dependabot"],
)
def test_only_an_own_branch_gets_credentials(github: dict[str, Any], role: str, job: str) -> None:
    jobs = read("preview.yml")["jobs"]
    contexts = {"github": github, "vars": {"AWS_PREVIEW_ROLE_ARN": role}}
    given = filled(jobs["stacks"]["outputs"]["has-credentials"], contexts)
    for names, expected in (('["dev"]', [job]), ("[]", [])):
        outputs = {"names": names, "has-credentials": given}
        needs = {"needs": {"stacks": {"outputs": outputs}}}
        started = [one for one in ("plan", "preview") if runs(jobs[one]["if"], needs)]
        assert started == expected


@pytest.mark.parametrize("found", ["success", "failure"])
def test_no_comment_says_that_no_stack_changes_where_they_were_not_found(found: str) -> None:
    stacks = {"result": found, "outputs": {"names": "[]", "has-credentials": "true"}}
    contexts = {"needs": {"stacks": stacks}}
    assert runs(read("preview.yml")["jobs"]["comment"]["if"], contexts) is (found == "success")


@pytest.mark.parametrize(
    ("labels", "fails_on"),
    [
        ((), "replaces-host,replaces-data"),
        (("replaces-host", "bug"), "replaces-data"),
        (("replaces-data",), "replaces-host,"),
        (("replaces-data", "replaces-host"), ""),
    ],
)
def test_a_label_permits_a_replacement(labels: tuple[str, ...], fails_on: str) -> None:
    text = read("preview.yml")["env"]["FAIL_ON"]
    assert filled(text, {"github": event(labels=labels)}) == fails_on


@pytest.mark.parametrize("name", NAMES)
def test_no_workflow_gives_a_fork_a_token_or_runs_a_value_as_code(name: str) -> None:
    text, workflow = (FOLDER / name).read_text(encoding="utf-8"), read(name)
    events = workflow[True]
    assert "pull_request_target" not in events
    assert "workflow_run" not in events
    for step in steps(workflow):
        assert "${{" not in step.get("run", ""), "pass the value by `env`"
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    assert "AKIA" not in text
    assert not re.search(r"secrets\.(AWS|PULUMI_ACCESS)", text)


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_only_the_comment_writes_and_it_runs_nothing_of_the_pull_request() -> None:
    workflow = read("preview.yml")
    assert workflow["permissions"] == {}
    writing = {
        (name, permission)
        for name, job in workflow["jobs"].items()
        for permission, level in job["permissions"].items()
        if level == "write"
    }
    assert writing == {("preview", "id-token"), ("comment", "pull-requests")}
    comment = workflow["jobs"]["comment"]["steps"]
    assert not any(one.get("uses", "").startswith("actions/checkout@") for one in comment)


def test_a_deployment_waits_for_an_approval_and_for_the_one_before() -> None:
    workflow = read("deploy.yml")
    jobs = workflow["jobs"]
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert jobs["deploy"]["needs"] == "preview"
    assert jobs["deploy"]["environment"] == "production"
    roles = {
        name: step["with"]["role-to-assume"]
        for name, job in jobs.items()
        for step in job["steps"]
        if "role-to-assume" in step.get("with", {})
    }
    assert roles == {
        "preview": "${{ vars.AWS_PREVIEW_ROLE_ARN }}",
        "deploy": "${{ vars.AWS_DEPLOY_ROLE_ARN }}",
    }
    repository = {"default_branch": "main"}
    for branch, starts in (("main", True), ("feature", False)):
        github = {"ref_name": branch, "event": {"repository": repository}}
        assert runs(jobs["preview"]["if"], {"github": github}) is starts


GH = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
for word in "$@"; do case $word in body=@*) cp "${word#body=@}" "$SENT" ;; esac; done
case "$*" in *--paginate*) printf '%s' "$EXISTING" ;; *environments*) printf '%s' "$RULES" ;; esac
"""


class Machine:
    """A runner whose `gh` answers from its environment and records its calls."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.workspace, self.calls, self.sent = folder / "w", folder / "calls", folder / "sent"
        for name in ("bin", "w", "files"):
            (folder / name).mkdir()
        self.calls.touch()
        (folder / "bin" / "gh").write_text(GH)
        (folder / "bin" / "gh").chmod(0o755)
        self.summaries: dict[str, str] = {}
        self.runner = Runner(
            self.workspace,
            folder / "files",
            {
                "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
                "CALLS": str(self.calls),
                "SENT": str(self.sent),
                "EXISTING": "",
                **env,
            },
            {"actions/download-artifact": self._download},
        )

    def _download(self, options: Any) -> None:
        assert options == {"pattern": "summary-*", "path": "summaries", "merge-multiple": True}
        (self.workspace / "summaries").mkdir()
        for name, text in self.summaries.items():
            (self.workspace / "summaries" / name).write_text(text)

    def comment(self, result: str = "success") -> str:
        """The text of the comment; empty where none was written."""
        github = {
            "token": "t",
            "repository": "acme/stack",
            "server_url": "https://github.example",
            "run_id": 5,
            **event(),
        }
        contexts = {"github": github, "needs": {"preview": {"result": result}}}
        ran = self.runner.run(read("preview.yml"), "comment", contexts)
        assert ran.code == 0, ran.said
        return self.sent.read_text() if self.sent.exists() else ""


def test_the_first_comment_is_written_with_all_stacks_in_order(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.summaries = {f"summary-{n}.md": f"<h3>{n}</h3>\n" for n in (10, 2, 0)}
    body = machine.comment()
    assert re.findall("<h3>(.*)</h3>", body) == ["0", "2", "10"]
    assert body.startswith("<!-- geusemaker preview -->\n")
    assert "--method POST repos/acme/stack/issues/7/comments" in machine.calls.read_text()


def test_the_same_comment_is_written_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, EXISTING="123\n456\n")
    machine.summaries = {"summary-0.md": "<h3>new</h3>\n"}
    body = machine.comment("failure")
    assert "<h3>new</h3>" in body
    assert "see [the run](https://github.example/acme/stack/actions/runs/5)" in body
    calls = machine.calls.read_text()
    assert "--method PATCH repos/acme/stack/issues/comments/123 " in calls
    assert "POST" not in calls


@pytest.mark.parametrize(("existing", "written"), [("", False), ("123\n", True)])
def test_a_change_of_no_stack_takes_back_an_older_comment_only(
    tmp_path: Path, existing: str, written: bool
) -> None:
    body = Machine(tmp_path, EXISTING=existing).comment("skipped")
    assert ("changes no stack" in body) is written


def test_a_comment_that_github_would_refuse_leaves_folded_parts_to_the_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    folded = f"\n<details><summary>x</summary>\n{'y' * 40_000}\n</details>\n"
    machine.summaries = {f"summary-{n}.md": f"<h3>{n}</h3>\n{folded}" for n in range(3)}
    body = machine.comment()
    assert len(body.encode()) < 65_536
    assert re.findall("<h3>(.*)</h3>", body) == ["0", "1", "2"]
    assert body.count("</details>") == 1
    assert body.count("[the summary of the run]") == 2


@pytest.mark.parametrize(
    ("rules", "code"), [("branch_policy\nrequired_reviewers\n", 0), ("branch_policy\n", 1), ("", 1)]
)
def test_nothing_is_deployed_without_an_environment_that_asks(
    tmp_path: Path, rules: str, code: int
) -> None:
    workflow = read("deploy.yml")
    workflow["jobs"]["preview"]["steps"] = workflow["jobs"]["preview"]["steps"][:1]
    runner = Machine(tmp_path, RULES=rules).runner
    ran = runner.run(workflow, "preview", {"github": {"token": "t", "repository": "acme/stack"}})
    assert ran.code == code
    assert ("required reviewers" in ran.summary) is bool(code)
