"""A pull request of a fork, as a runner without credentials sees it: the steps of preview.yml, run.

The runner has an empty environment and a clone as actions/checkout makes it. `make setup-local` is
not run, because it downloads packages: the clone's .venv is new, and has the packages of this one.
Its Python writes down each connection beyond this machine and refuses it.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from workflows.reader import ROOT, Ran, Runner, read, runs

WATCH = Path(__file__).with_name("blocked_sockets.py")
Change = Callable[[Path], object]


def git(folder: Path, *arguments: str) -> str:
    settings = ("user.name=t", "user.email=t@example.org", "commit.gpgsign=false")
    options = [part for one in settings for part in ("-c", one)]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    ran = subprocess.run(
        ["git", "-C", str(folder), *options, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose branch `main` is this project as it is now."""
    folder = tmp_path_factory.mktemp("upstream")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    # GitHub gives out every commit of a pull request.
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "base")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "next")
    return folder


@dataclass
class Fork:
    """A pull request, and a runner for the jobs of its workflow."""

    folder: Path
    upstream: Path
    merge: str

    @property
    def attempts(self) -> str:
        """The connections that were tried beyond this machine."""
        file = self.folder / "attempts"
        return file.read_text() if file.exists() else ""

    def job(self, name: str, contexts: Mapping[str, Any]) -> Ran:
        """Runs a job on a new machine."""
        machine = self.folder / name
        workspace = machine / "stack" / "stack"
        workspace.mkdir(parents=True)
        for made in ("bin", "files", "home"):
            (machine / made).mkdir()
        (machine / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
        git_folder = str(Path(shutil.which("git") or "git").parent)
        path = os.pathsep.join([str(machine / "bin"), "/usr/bin", "/bin", git_folder])
        env = {
            "PATH": path,
            "HOME": str(machine / "home"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_WORKSPACE": str(workspace),
            "ATTEMPTS": str(self.folder / "attempts"),
        }
        runner = Runner(
            workspace,
            machine / "files",
            env,
            {
                "actions/checkout": lambda options: self._check_out(workspace, options),
                "actions/setup-python": lambda _: None,
            },
            {"make setup-local": lambda: set_up(workspace)},
        )
        return runner.run(read("preview.yml"), name, contexts)

    def _check_out(self, workspace: Path, options: Mapping[str, Any]) -> None:
        """What actions/checkout does for a pull request."""
        ref = "refs/remotes/pull/7/merge"
        git(workspace, "init", "--quiet")
        git(workspace, "remote", "add", "origin", self.upstream.as_uri())
        depth = f"--depth={options.get('fetch-depth', 1)}"
        fetch = ("fetch", "--no-tags", "--prune", "--no-recurse-submodules", depth, "origin")
        git(workspace, *fetch, f"+{self.merge}:{ref}")
        git(workspace, "checkout", "--quiet", "--force", ref)

    def checked(self) -> tuple[list[str], dict[str, Ran]]:
        """Runs all jobs that start: the stacks found, and what the job of each did."""
        request = {"head": {"repo": {"full_name": "someone/stack"}}, "labels": []}
        github = {"repository": "acme/stack", "event": {"pull_request": request}}
        contexts: dict[str, Any] = {"github": github, "vars": {}}
        found = self.job("stacks", contexts)
        assert found.code == 0, found.said
        contexts["needs"] = {"stacks": {"result": "success", "outputs": found.outputs}}
        jobs = read("preview.yml")["jobs"]
        assert not runs(jobs["preview"]["if"], contexts)
        assert not runs(jobs["comment"]["if"], contexts)
        names: list[str] = json.loads(found.outputs["names"])
        if not runs(jobs["plan"]["if"], contexts):
            return names, {}
        assert jobs["plan"]["strategy"]["matrix"]["stack"] == (
            "${{ fromJSON(needs.stacks.outputs.names) }}"
        )
        return names, {
            name: self.job("plan", {**contexts, "matrix": {"stack": name}}) for name in names
        }


def set_up(workspace: Path) -> None:
    """A .venv for the clone, with the packages of this one but for GeuseMaker, and the watch."""
    folder = workspace / ".venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    shutil.copy(WATCH, own)
    # Of a folder named in a .pth file no other .pth file counts, such as that of this project.
    lines = ["import blocked_sockets", str(workspace), sysconfig.get_path("purelib")]
    (own / "clone.pth").write_text("\n".join(lines) + "\n")
    command = folder / "bin" / "geusemaker"
    command.write_text(
        f"#!/bin/sh\nexec '{python}' -c 'from geusemaker.cli.main import main; main()' \"$@\"\n"
    )
    command.chmod(0o755)


@pytest.fixture
def fork(upstream: Path, tmp_path: Path) -> Callable[[Change], Fork]:
    """Makes a pull request with a change."""

    def make(change: Change) -> Fork:
        clone = tmp_path / "author"
        git(tmp_path, "clone", "--quiet", str(upstream), str(clone))
        git(clone, "checkout", "--quiet", "-b", "change", "HEAD~1")
        change(clone)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "change")
        git(clone, "checkout", "--quiet", "--detach", "origin/main")
        git(clone, "merge", "--quiet", "--no-ff", "--message", "merge", "change")
        git(clone, "push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/merge")
        return Fork(tmp_path, upstream, git(clone, "rev-parse", "HEAD"))

    return make


def append(name: str, text: str) -> Change:
    def change(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write(text)

    return change


def test_a_fork_gets_a_summary_of_its_stack_and_no_one_calls_aws(
    fork: Callable[[Change], Fork],
) -> None:
    request = fork(append("Pulumi.dev.yaml", "  geusemaker:amiType: pytorch\n"))
    names, ran = request.checked()
    assert names == ["dev"]
    summary = ran["dev"].summary
    assert "<h3>Plan of <code>dev</code> in <code>us-east-1</code></h3>" in summary, ran["dev"].said
    base = git(request.upstream, "rev-parse", "main")
    assert f"against <code>{base}</code>" in summary
    assert "true: <code>replaces-host</code>" in summary
    assert "**The check fails.** The label replaces-host" in summary
    assert ran["dev"].code == 3, "the host is replaced, and no label permits it"
    assert request.attempts == ""


def test_a_program_that_fails_or_calls_out_is_seen(fork: Callable[[Change], Fork]) -> None:
    call = "import socket\nsocket.create_connection(('169.254.169.254', 80))\n"
    request = fork(append("geusemaker/components/tier1.py", call))
    names, ran = request.checked()
    assert names == ["dev"]
    assert ran["dev"].code == 1
    assert "<h3>Plan of <code>dev</code> failed</h3>" in ran["dev"].summary
    assert "a test blocks 169.254.169.254" in ran["dev"].summary
    assert "socket.getaddrinfo 169.254.169.254" in request.attempts


def test_a_change_of_docs_starts_no_plan(fork: Callable[[Change], Fork]) -> None:
    assert fork(append("docs/plan.md", "More.\n")).checked() == ([], {})
