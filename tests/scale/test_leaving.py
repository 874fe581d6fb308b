"""Workers that end: as they should, and by force."""

import signal
import time

from real_stack.programs import wait_until

from scale.nodes import set_node, wait_node
from scale.stack import GROUP, Stack

KILLED_SECONDS = 120.0
"""Within which callers get an error, as docs/workers.md says: the lock of an execution lasts a
minute, and each half minute a worker checks for lost locks."""


def test_a_worker_that_leaves_under_load_loses_no_execution(stack: Stack) -> None:
    path = stack.workflow(wait_node(3), set_node('={"id": "{{ $execution.id }}"}'))
    leaving = stack.workers["w1"]
    leave = leaving.on_host("leave", "bash", "/var/lib/geusemaker/leave", "watch")
    calls = leaving.place("/run/aws")
    with stack.load(path, 20) as answers:
        before = len(leaving.executed())
        wait_until("it executed", lambda: len(leaving.executed()) >= before + 5)
        assert leave.code is None, leave.said()
        # What the metadata service answers when the group ends this worker.
        leaving.place("/run/metadata/target-lifecycle-state").write_text("Terminated")
        assert leaving.programs["n8n"].wait() == 0, leaving.said()[-3000:]
        ran = leaving.executed()[before:]
        assert leave.wait() == 0, leave.said()
    assert (
        "autoscaling complete-lifecycle-action --lifecycle-hook-name geusemaker-leave"
        f" --auto-scaling-group-name {GROUP} --instance-id i-0123456789abcdef0"
        " --lifecycle-action-result CONTINUE"
    ) in calls.read_text()
    assert "worker=left\n" in leaving.place("/run/report").read_text()
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["id"] for answer in answers} >= {*ran}
    assert {*stack.execution_states(ran).values()} == {"success"}
    stack.end_worker("w1")
    stack.start_worker("w1")


def test_executions_of_a_killed_worker_are_errors_and_later_ones_run(stack: Stack) -> None:
    path = stack.workflow(wait_node(40), set_node('={"id": "{{ $execution.id }}"}'))
    killed, other = stack.workers["w1"], stack.workers["w2"]
    before = {one.name: len(one.executed()) for one in (killed, other)}
    with stack.calls(path, 10) as calls:
        wait_until(
            "both executed",
            lambda: all(len(one.executed()) == before[one.name] + 5 for one in (killed, other)),
        )
        lost, kept = (one.executed()[before[one.name] :] for one in (killed, other))
        killed.stop("n8n", signal.SIGKILL)
        end = time.monotonic()
        answers = calls.answers
        assert time.monotonic() - end < KILLED_SECONDS
    assert sorted(answer.status for answer in answers) == [200] * 5 + [500] * 5
    assert {answer.json["id"] for answer in answers if answer.status == 200} == {*kept}
    assert {*stack.execution_states(lost).values()} == {"error"}
    assert {*stack.execution_states(kept).values()} == {"success"}
    assert stack.call(stack.workflow(set_node('={"id": "1"}'))).status == 200
    killed.start("n8n")
    killed.await_ready()
