"""n8n 2.40.7 in queue mode on the rendered bundles. The product ships a newer n8n."""

import time

from real_stack.programs import wait_until

from geusemaker.bundle.queue import POOL
from scale.nodes import set_node, wait_node, waiting_for_a_call
from scale.stack import WORKERS, Stack


def test_both_workers_execute_and_share_the_load(stack: Stack) -> None:
    path = stack.workflow(set_node('={"id": "{{ $execution.id }}"}'))
    before = {name: len(worker.executed()) for name, worker in stack.workers.items()}
    with stack.calls(path, 200, at_once=20) as calls:
        assert set(calls.statuses) == {200}
    ids = {answer.json["id"] for answer in calls.answers}
    assert len(ids) == 200
    ran = {name: worker.executed()[before[name] :] for name, worker in stack.workers.items()}
    assert sorted(ran["w1"] + ran["w2"]) == sorted(ids)
    numbers = {name: len(of_one) for name, of_one in ran.items()}
    assert all(80 <= number <= 120 for number in numbers.values()), numbers
    connections = stack.ask_database(
        "SELECT client_addr, ssl, count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE client_addr <> '127.0.0.1' GROUP BY 1, 2"
    )
    by_client = {one.split("|")[0]: one.split("|")[1:] for one in connections.splitlines()}
    main = stack.head.addresses["n8n"]["database"]
    assert {*by_client} == {main, WORKERS["w1"], WORKERS["w2"]}, connections
    assert {by_client[WORKERS[name]][0] for name in ran} == {"t"}
    # PostgreSQL's limit is computed with this number.
    assert all(int(by_client[WORKERS[name]][1]) <= POOL for name in ran), connections


def test_a_third_worker_joins_under_load(stack: Stack) -> None:
    path = stack.workflow(wait_node(1), set_node('={"id": "{{ $execution.id }}"}'))
    with stack.load(path, 20) as answers:
        third = stack.start_worker("w3")
        wait_until("the third worker executed", lambda: len(third.executed()) >= 10)
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["id"] for answer in answers} >= {*third.executed()}
    stack.end_worker("w3")


def test_what_waited_two_minutes_for_a_worker_is_done(stack: Stack) -> None:
    path = stack.workflow(set_node('={"id": "{{ $execution.id }}"}'))
    for name in ("w1", "w2"):
        stack.workers[name].stop("n8n")
    with stack.calls(path, 10) as calls:
        time.sleep(120)
        assert not any(one.done() for one in calls.running)
        lines = stack.queue_lines()
        assert (lines["queue.waiting"], lines["queue.running"]) == ("10", "0")
        assert "MetricName=Waiting,Value=10,Unit=Count" in stack.published()[-1]
        worker = stack.workers["w1"]
        worker.start("n8n")
        assert calls.statuses == [200] * 10
    assert sorted(worker.executed()) == sorted(answer.json["id"] for answer in calls.answers)
    worker.await_ready()
    stack.workers["w2"].start("n8n")
    stack.workers["w2"].await_ready()


def test_the_queue_goes_on_after_a_restart_of_its_server(stack: Stack) -> None:
    path = stack.workflow(wait_node(3), set_node('={"id": "{{ $execution.id }}"}'))
    with stack.load(path, 15) as answers:
        wait_until("executions ran", lambda: len(answers) >= 10)
        assert int(stack.queue_lines()["queue.running"]) > 0
        published = stack.published()
        stack.head.stop("valkey")
        assert stack.queue_lines() == {}
        assert stack.published() == published, "an unknown length is not published"
        time.sleep(15)  # longer than n8n waits by default
        stack.head.start("valkey")
        before = len(answers)
        wait_until("executions ran again", lambda: len(answers) >= before + 30)
    assert {answer.status for answer in answers} == {200}
    assert all(worker.programs["n8n"].code is None for worker in stack.workers.values())


def test_a_restart_of_the_main_process_keeps_what_waits(stack: Stack) -> None:
    """In the queue, and at a node that waits: for a time, and for a call of its address."""
    queued = stack.workflow(wait_node(5), responseMode="onReceived")
    timed = stack.workflow(wait_node(70), responseMode="onReceived")
    called = stack.workflow(*waiting_for_a_call(), responseMode="onReceived")
    for path, number in ((timed, 1), (called, 1), (queued, 25)):
        for _ in range(number):
            assert stack.call(path).status == 200
    ids = {path: stack.executions_of(path) for path in (timed, called, queued)}
    assert [len(ids[path]) for path in (timed, called, queued)] == [1, 1, 25]
    assert "new" in stack.execution_states(ids[queued]).values(), "nothing waits in the queue"
    wait_until(
        "two wait at a node",
        lambda: {*stack.execution_states(ids[timed] + ids[called]).values()} == {"waiting"},
    )
    stack.head.stop("n8n")
    stack.start_main()
    everything = [one for of_path in ids.values() for one in of_path]
    stack.resume(ids[called][0])
    wait_until(
        "all were done",
        lambda: {*stack.execution_states(everything).values()} == {"success"},
    )
