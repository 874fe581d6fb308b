"""The host of a stack with workers: its address, the networks that lead nowhere, and the queue."""

from dataclasses import replace
from pathlib import Path

import pytest

from .boot_host import FACTS, LIB, Host
from .test_boot_real_bundle import Rendered, rendered
from .workers import booted, bundle_of, new_head, settings_of_compose


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return booted(new_head(tmp_path_factory.mktemp("head")))


@pytest.fixture(name="head")
def _head(made: Host, tmp_path: Path) -> Host:
    """The host when it is ready, for one test."""
    return made.copy(tmp_path / "host")


def test_the_rendered_bundle_starts_with_valkey_and_the_private_address(head: Host) -> None:
    assert settings_of_compose(head)["GEUSEMAKER_ADDRESS"] == "10.42.0.10"
    record = head.record()
    assert (record["state"], record["service.valkey"]) == ("ready", "healthy")
    # It checks no group, and has no program that leaves one.
    assert "worker" not in record
    assert not head.path(f"{LIB}/leave").exists()


def test_a_stack_gets_workers_and_loses_them_without_another_host(head: Host) -> None:
    queue = bundle_of("head")
    plain = Rendered(facts=rendered().facts)
    for _ in range(2):
        record = head.update(plain)
        assert (record["state"], record["running"]) == ("ready", plain.sha256)
        assert {name for name in record if "queue" in name or "valkey" in name} == set()
        assert "GEUSEMAKER_ADDRESS" not in settings_of_compose(head)
        assert "valkey" not in head.containers()
        record = head.update(queue)
        assert (record["state"], record["running"]) == ("ready", queue.sha256)
        assert record["queue.running"] == "0"
    assert "reason" not in record


def test_without_an_address_nothing_starts_and_the_report_says_why(tmp_path: Path) -> None:
    head = new_head(tmp_path)
    head.late("address", 1000)
    statuses = head.boot()
    assert statuses["bundle"] != 0
    assert head.record()["step"] == "bundle"
    assert "did not answer with the instance's private address" in head.record()["reason"]


def test_docker_closes_the_networks_before_it_starts_a_container(head: Host) -> None:
    closed = "-i {} -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP"
    bridges = ("gm-postgres-in", "gm-valkey-in", "gm-qdrant-in")
    rules = head.world / "rules-iptables-GEUSEMAKER-CLOSED"
    assert rules.read_text().splitlines() == [closed.format(one) for one in bridges]
    head.restart()
    assert not rules.exists()
    head.start_each("data", "efs", "docker")
    assert rules.read_text().splitlines() == [closed.format(one) for one in bridges]
    jumps = (head.world / "rules-iptables-DOCKER-USER").read_text().splitlines()
    assert sorted(jumps) == ["-j GEUSEMAKER-CLOSED", "-j GEUSEMAKER-OUT"]


def test_a_network_that_cannot_be_closed_starts_no_container(tmp_path: Path) -> None:
    head = new_head(tmp_path)
    head.set("xtables-held")
    head.late("xtables-free", 1)  # the wall gets the lock, the closed networks do not
    statuses = head.boot()
    assert statuses["services"] != 0
    assert "networks that lead nowhere" in head.record()["reason"]
    assert head.containers() == {}


def test_each_minute_the_queue_is_reported_and_published_also_at_0(head: Host) -> None:
    head.set("metrics")
    record = head.sync()
    assert (record["queue.waiting"], record["queue.running"]) == ("0", "0")
    head.set("queue", "3\n1\n5\n")
    record = head.sync()
    assert (record["queue.waiting"], record["queue.running"]) == ("4", "5")
    published = "GeuseMaker/dev MetricName=Waiting,Value={},Unit=Count"
    published += " MetricName=Running,Value={},Unit=Count"
    assert head._lines("metrics") == [published.format(0, 0), published.format(4, 5)]
    assert record["state"] == "ready"


def test_nothing_is_published_when_valkey_answers_something_else(head: Host) -> None:
    head.set("metrics")
    head.set("queue", "3,Unit=Count MetricName=Waiting\n1\n5\n")
    head.set("unhealthy", "n8n\n")  # or one report would be as the one before
    record = head.sync()
    assert record["service.n8n"] == "unhealthy"
    assert {name for name in record if name.startswith("queue")} == set()
    assert head._lines("metrics") == []


def test_nothing_is_published_when_valkey_does_not_answer(head: Host) -> None:
    head.set("metrics")
    head.late("valkey", 1)
    assert "queue.waiting" not in head.sync()
    assert head._lines("metrics") == []
    assert head.sync()["queue.waiting"] == "0"
    assert len(head._lines("metrics")) == 1


def test_a_queue_that_cannot_be_published_leaves_the_host_ready(head: Host) -> None:
    head.late("metrics", 1)
    head.set("queue", "2\n0\n0\n")
    record = head.sync()
    assert (record["state"], record["queue.waiting"]) == ("ready", "2")
    log = head.read("/var/log/geusemaker-boot.log")
    assert "the queue's length could not be published: An error occurred (AccessDenied)" in log


def test_without_a_namespace_of_the_stack_the_queue_is_only_reported(head: Host) -> None:
    bundle = bundle_of("head")
    head.set("metrics")
    other = bundle.pointer().replace(bundle.more_pointer, "\nnamespace=AWS/EC2")
    head.parameter(FACTS.settings_parameter, other)
    assert head.sync()["queue.waiting"] == "0"
    assert head._lines("metrics") == []


def test_an_unknown_line_of_the_file_workers_is_refused(head: Host) -> None:
    bundle = bundle_of("head")
    more = {"workers": f"{bundle.files['workers']}closed eth0\n"}
    record = head.update(replace(bundle, more_files=more))
    assert (
        "has a line in its file workers that this host does not know: closed eth0"
        in record["reason"]
    )
    assert (record["state"], record["running"]) == ("ready", bundle.sha256)
