"""n8n 2.40.7 in queue mode on the rendered bundles. The product ships a newer n8n."""

from scale.stack import Stack, set_node


def test_both_workers_execute_and_share_the_load(stack: Stack) -> None:
    path = stack.workflow(set_node('={"id": "{{ $execution.id }}"}'))
    before = {name: len(worker.executed()) for name, worker in stack.workers.items()}
    with stack.calls(path, 200, at_once=20) as calls:
        assert set(calls.statuses) == {200}
    ids = {answer.json["id"] for answer in calls.answers}
    assert len(ids) == 200
    ran = {name: worker.executed()[before[name] :] for name, worker in stack.workers.items()}
    assert sorted(ran["w1"] + ran["w2"]) == sorted(ids)
    assert all(80 <= len(of_one) <= 120 for of_one in ran.values()), {
        k: len(v) for k, v in ran.items()
    }
