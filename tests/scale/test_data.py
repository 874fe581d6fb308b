"""What workflows read and write on workers: files, binary data, nodes of packages, code."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from n8n.n8n_host import create
from real_stack.programs import wait_until

from scale.machine import Machine
from scale.nodes import set_node, wait_node
from scale.stack import Stack, bundle_files

TEXT = "binary data of a test"
OWN_NODE = """
class Own {
  constructor() {
    this.description = {
      displayName: "Own", name: "own", group: ["transform"], version: 1, description: "Own",
      defaults: { name: "Own" }, inputs: ["main"], outputs: ["main"], properties: [],
    };
  }
  async execute() { return [[{ json: { from: "the package" } }]]; }
}
module.exports = { Own };
"""


def to_file() -> dict[str, Any]:
    """Makes binary data of the text."""
    return {
        "name": "To file",
        "type": "n8n-nodes-base.convertToFile",
        "typeVersion": 1.1,
        "parameters": {"operation": "toText", "sourceProperty": "text", "options": {}},
    }


def from_file() -> dict[str, Any]:
    """Reads binary data into `found`."""
    options = {"setAllData": False, "sourceKey": "data", "destinationKey": "found", "options": {}}
    return {
        "name": "From file",
        "type": "n8n-nodes-base.moveBinaryData",
        "typeVersion": 1.1,
        "parameters": {"mode": "binaryToJson", **options},
    }


def text_node() -> dict[str, Any]:
    return {**set_node(json.dumps({"text": TEXT})), "name": "Text"}


def keeping_binary_data() -> tuple[dict[str, Any], ...]:
    """Nodes that make binary data, wait so long that n8n stores the execution, and read it."""
    return (text_node(), to_file(), wait_node(75), from_file())


def waiting_execution(stack: Stack, path: str) -> str:
    assert stack.call(path).status == 200
    (execution,) = stack.executions_of(path)
    wait_until("it waited", lambda: stack.state_of(execution) == "waiting")
    return execution


def check_read(stack: Stack, execution: str) -> None:
    """Waits until an execution has read its binary data."""
    wait_until("it ended", lambda: stack.state_of(execution) in ("success", "error"))
    assert stack.state_of(execution) == "success", stack.data_of(execution)
    data = stack.data_of(execution)
    # Values are in a list, and objects have their indexes.
    at = re.search(r'"found":"([0-9]+)"', data)
    assert at, data
    assert json.loads(data)[int(at[1])] == TEXT


def binary_id(stack: Stack, execution: str, mode: str) -> str:
    found = re.search(rf'"({mode}:[^"]+)"', stack.data_of(execution))
    assert found, stack.data_of(execution)
    return found[1]


def shown(stack: Stack, identity: str) -> str:
    """Binary data in the editor."""
    answer = stack.owner().ask("GET", f"/rest/binary-data?id={identity}&action=view")
    assert answer.status == 200, answer.text
    return answer.text


def restart_main(stack: Stack, *, workers: bool) -> None:
    """The main process of a stack with workers or without."""
    files = bundle_files("head") if workers else bundle_files("head", None)
    stack.head.stop("n8n")
    stack.head.take("n8n", files)
    stack.start_main()


@pytest.fixture(name="stopped")
def _stopped(stack: Stack) -> Iterator[list[Machine]]:
    """The workers, which do not run. They run afterwards, and so does the queue."""
    workers = [*stack.workers.values()]
    for worker in workers:
        worker.stop("n8n")
    yield workers
    restart_main(stack, workers=True)
    for worker in workers:
        if worker.programs["n8n"].code is not None:
            worker.start("n8n")
            worker.await_ready()


def test_binary_data_is_readable_when_workers_come_and_when_they_go(
    stack: Stack, stopped: list[Machine]
) -> None:
    restart_main(stack, workers=False)
    path = stack.workflow(*keeping_binary_data(), responseMode="onReceived")
    before = waiting_execution(stack, path)
    first = binary_id(stack, before, "filesystem-v2")
    restart_main(stack, workers=True)
    for worker in stopped:
        worker.start("n8n")
    for worker in stopped:
        worker.await_ready()
    assert shown(stack, first) == TEXT
    check_read(stack, before)
    assert before in [one for worker in stopped for one in worker.executed()]
    path = stack.workflow(*keeping_binary_data(), responseMode="onReceived")
    during = waiting_execution(stack, path)
    second = binary_id(stack, during, "database")
    executed = stack.executed()
    restart_main(stack, workers=False)
    assert (shown(stack, first), shown(stack, second)) == (TEXT, TEXT)
    check_read(stack, during)
    assert stack.executed() == executed, "no worker went on with it"


def test_a_file_that_a_worker_wrote_is_read_on_the_other(stack: Stack) -> None:
    name = "/home/node/.n8n-files/written.txt"
    write = {
        "name": "Write",
        "type": "n8n-nodes-base.readWriteFile",
        "typeVersion": 1,
        "parameters": {"operation": "write", "fileName": name, "options": {}},
    }
    read = {**write, "name": "Read", "parameters": {"fileSelector": name, "options": {}}}
    written = stack.workflow(text_node(), to_file(), write)
    assert stack.call(written).status == 200
    found = stack.workflow(read, from_file(), set_node('={"found": "{{ $json.found }}"}'))
    executed = {worker.name: len(worker.executed()) for worker in stack.workers.values()}
    with stack.calls(found, 10) as calls:
        assert [answer.json for answer in calls.answers] == [{"found": TEXT}] * 10
    assert all(len(worker.executed()) > executed[worker.name] for worker in stack.workers.values())


@pytest.fixture(name="installed")
def _installed(stack: Stack) -> None:
    """A package in the folder in which n8n's main process has installed it."""
    package = stack.efs / "n8n/home/nodes/node_modules/n8n-nodes-own"
    package.mkdir(parents=True)
    nodes = {"n8nNodesApiVersion": 1, "nodes": ["Own.node.js"], "credentials": []}
    about = {"name": "n8n-nodes-own", "version": "1.0.0", "n8n": nodes}
    (package / "package.json").write_text(json.dumps(about))
    (package / "Own.node.js").write_text(OWN_NODE)
    for one in (package, *package.iterdir(), *_below(stack.efs / "n8n/home", package)):
        os.chown(one, 1000, 1000)
    restart_main(stack, workers=True)


def _below(start: Path, end: Path) -> list[Path]:
    return [parent for parent in end.parents if start in parent.parents]


def test_nodes_of_an_installed_package_run_on_workers(stack: Stack, installed: None) -> None:
    for worker in stack.workers.values():
        worker.stop("n8n")
        worker.start("n8n")
        worker.await_ready()
    node = {"name": "Own", "type": "n8n-nodes-own.own", "typeVersion": 1, "parameters": {}}
    path = stack.workflow(node)
    with stack.calls(path, 10) as calls:
        assert [answer.json for answer in calls.answers] == [{"from": "the package"}] * 10


@pytest.fixture(name="runners")
def _runners(stack: Stack) -> Iterator[list[Machine]]:
    machines = [*stack.workers.values()]
    for machine in machines:
        machine.start("n8n-runners")
    yield machines
    for machine in machines:
        machine.stop("n8n-runners")


def test_code_runs_in_the_task_runner_of_the_worker(stack: Stack, runners: list[Machine]) -> None:
    code = {
        "name": "Code",
        "type": "n8n-nodes-base.code",
        "typeVersion": 2,
        "parameters": {"jsCode": "return [{ json: { sum: 40 + 2 } }];"},
    }
    executed = {worker.name: len(worker.executed()) for worker in runners}
    with stack.calls(stack.workflow(code), 10) as calls:
        assert [answer.json for answer in calls.answers] == [{"sum": 42}] * 10
    assert all(len(worker.executed()) > executed[worker.name] for worker in runners)


def test_an_execution_by_hand_runs_on_a_worker(stack: Stack) -> None:
    trigger = {
        "name": "By hand",
        "type": "n8n-nodes-base.manualTrigger",
        "typeVersion": 1,
        "parameters": {},
    }
    made = create(stack.owner(), "by hand", trigger, set_node('{"done": true}'))
    executed = stack.executed()
    started = stack.owner().ask(
        "POST", f"/rest/workflows/{made['id']}/run", {"triggerToStartFrom": {"name": "By hand"}}
    )
    assert started.status == 200, started.text
    execution = started.json["data"]["executionId"]
    wait_until("it was done", lambda: stack.state_of(execution) == "success")
    assert stack.executed() == executed + 1
