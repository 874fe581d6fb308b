"""Images on their way to the host: side by side, with room, and with the reason where one fails."""

from pathlib import Path

import pytest

from .boot_host import MANY, Host
from .bundles import Bundle

OLD, NEW = Bundle(), Bundle(tag="2")
PREFIX = "Error response from daemon: "

FOR_GOOD = {
    "not found": 'failed to resolve reference "docker.io/x:2": docker.io/x:2: not found',
    "no manifest": "manifest for x:2 not found: manifest unknown: manifest unknown",
    "no login": "pull access denied for x, repository does not exist or may require 'docker login'",
    "unauthorized": 'Head "https://ghcr.io/v2/x/manifests/2": unauthorized',
    "no space": "failed to register layer: write /usr/lib/x.so: no space left on device",
    "another machine": "no matching manifest for linux/arm64/v8 in the manifest list entries",
}


def _pulls(host: Host, service: str) -> int:
    return len([call for call in host.calls("docker pull") if f"/{service}:" in call])


def _says(host: Host, **texts: str) -> None:
    host.set("registry-says", "".join(f"*/{name}:*\t{text}\n" for name, text in texts.items()))


@pytest.mark.parametrize("text", FOR_GOOD.values(), ids=FOR_GOOD)
def test_what_does_not_get_better_is_named_and_not_tried_on(booted: Host, text: str) -> None:
    _says(booted, n8n=f"{PREFIX}{text}")
    booted.name(NEW)
    booted.start("sync")
    record = booted.record()
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert record["reason"].startswith(f"image {NEW.image('n8n')} could not be pulled: {text}; the")
    assert _pulls(booted, "n8n") == 1
    # The others are there, and the next minute goes on from them.
    assert {_pulls(booted, name) for name in OLD.services} == {1}
    booted.set("registry-says")
    booted.start("sync")
    assert booted.record()["running"] == NEW.sha256
    assert sum(_pulls(booted, name) for name in OLD.services) == len(OLD.services) + 1


@pytest.mark.parametrize(
    "text", ["net/http: TLS handshake timeout", "toomanyrequests: You have reached your limit"]
)
def test_what_may_get_better_is_tried_on_and_named_in_the_end(booted: Host, text: str) -> None:
    _says(booted, n8n=f"{PREFIX}{text}", caddy="Error: eof")
    booted.name(NEW)
    log = booted.start("sync").stdout
    assert _pulls(booted, "n8n") == 4
    reason = booted.record()["reason"]
    # In the order of the bundle, whichever ended first.
    assert reason.startswith(f"image {NEW.image('caddy')} could not be pulled in 4 tries: Error: e")
    assert "; nor could 1 more; " in reason
    assert f"try 4 of 4: {text}" in log


def test_registries_that_count_are_asked_less_often(booted: Host) -> None:
    (booted.root / "usr/bin/sleep").unlink()
    booted.write("/usr/bin/sleep", '#!/bin/bash\necho "sleep $*" >>/world/calls\n')
    booted.path("/usr/bin/sleep").chmod(0o755)
    program = booted.path("/usr/local/lib/geusemaker/host")
    program.write_text(program.read_text().replace("PULL_PAUSE=0", "PULL_PAUSE=30"))
    _says(booted, n8n=f"{PREFIX}toomanyrequests: x", caddy="Error: connection reset by peer")
    booted.name(NEW)
    booted.start("sync")
    pauses = sorted(call for call in booted.calls("sleep") if call != "sleep 0")
    assert pauses == ["sleep 240"] * 3 + ["sleep 30"] * 3


def test_what_docker_says_is_one_bounded_line_without_control_signs(booted: Host) -> None:
    _says(booted, n8n=f"{PREFIX}\x1b[31mred\x07 {'long ' * 200}end: not found")
    booted.name(NEW)
    booted.start("sync")
    reason = booted.record()["reason"]
    assert "could not be pulled" in reason
    assert "[31mred long long" in reason
    assert reason.endswith("the previous settings stay")
    assert reason.isprintable()


@pytest.mark.parametrize("missing", ["2000", "1"])
def test_without_room_nothing_is_pulled(booted: Host, missing: str) -> None:
    booted.set("room", f"{missing} * 4096\n")
    booted.name(NEW)
    booted.start("sync")
    record = booted.record()
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "4 images take 7 GiB or more, and Docker's disk has 0 GiB of room" in record["reason"]
    assert "pulumi config set geusemaker:rootVolumeGib" in record["reason"]
    assert booted.calls("docker pull") == []


def test_images_that_are_there_need_no_room(booted: Host) -> None:
    booted.set("room", "1 * 4096\n")
    booted.name(OLD, "https://n8n.example.org")
    booted.start("sync")
    assert "reason" not in booted.record()


def test_three_are_pulled_side_by_side_and_no_more(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.cloud_init()
    assert host.start("docker").returncode == 0
    pipe = host.gate("pull")
    pulling = host.begin("bundle")
    host.wait_for_calls("docker pull", 3)
    with pipe.open("w"):  # until it is closed, each of them waits here
        assert len(host.calls("docker pull")) == 3 < len(OLD.services)
        pipe.unlink()
    assert pulling.wait(timeout=120) == 0
    assert len(host.calls("docker pull")) == len(OLD.services)


def test_a_registry_that_is_down_leaves_no_pull_behind(booted: Host) -> None:
    booted.late("registry", MANY)
    booted.name(NEW)
    booted.start("sync")
    assert "nor could 3 more" in booted.record()["reason"]
    assert {_pulls(booted, name) for name in OLD.services} == {4}
