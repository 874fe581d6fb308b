"""Pulls of images: in parallel, with enough disk space, and with the reason of a failure."""

import json

import pytest
from pydantic import SecretStr

from geusemaker.bundle.registry_logins import docker_config

from .boot_host import FACTS, MANY, PATIENCE, Host
from .bundles import Bundle, host_program

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

HOW = "a login is given by pulumi config set --secret geusemaker:registryLogins"
REGISTRIES = "/geusemaker/dev/registries-1a2b"
LOGINS = docker_config(
    {"docker.io": SecretStr("me:MARKERhub$`x`'\""), "r.example.com:5000": SecretStr("u:MARKERown")}
)
LOGIN_DIR = "/run/geusemaker-docker-login"


def _pulls(host: Host, service: str) -> int:
    return len([call for call in host.calls("docker pull") if f"/{service}:" in call])


def _says(host: Host, **texts: str) -> None:
    host.set("registry-says", "".join(f"*/{name}:*\t{text}\n" for name, text in texts.items()))


@pytest.mark.parametrize("text", FOR_GOOD.values(), ids=FOR_GOOD)
def test_a_permanent_failure_is_named_and_not_tried_again(booted: Host, text: str) -> None:
    _says(booted, n8n=f"{PREFIX}{text}")
    record = booted.update(NEW)
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert record["reason"].startswith(f"image {NEW.image('n8n')} could not be pulled: {text}; ")
    # Where a login helps, its config key is named.
    assert (HOW in record["reason"]) == (text in (FOR_GOOD["no login"], FOR_GOOD["unauthorized"]))
    assert _pulls(booted, "n8n") == 1
    # The others are pulled, and the next minute pulls the missing one.
    assert {_pulls(booted, name) for name in OLD.services} == {1}
    booted.set("registry-says")
    assert booted.sync()["running"] == NEW.sha256
    assert sum(_pulls(booted, name) for name in OLD.services) == len(OLD.services) + 1


@pytest.mark.parametrize(
    "text", ["net/http: TLS handshake timeout", "toomanyrequests: You have reached your limit"]
)
def test_a_temporary_failure_is_tried_again_and_named_in_the_end(booted: Host, text: str) -> None:
    _says(booted, n8n=f"{PREFIX}{text}", caddy="Error: eof")
    booted.name(NEW)
    log = booted.start("sync").stdout
    assert _pulls(booted, "n8n") == 4
    reason = booted.record()["reason"]
    # In the order of the bundle, not of the failures.
    assert reason.startswith(f"image {NEW.image('caddy')} could not be pulled in 4 tries: Error: e")
    assert "; 1 more could not be pulled either; " in reason
    assert f"try 4 of 4: {text}" in log
    booted.set("registry-says", f"*\t{PREFIX}{text}\n")
    booted.start("sync")
    assert (HOW in booted.record()["reason"]) == text.startswith("toomanyrequests")


def test_pulls_from_a_registry_with_a_rate_limit_pause_longer(booted: Host) -> None:
    booted.replace("sleep", 'echo "sleep $*" >>/world/calls\n')
    program = booted.path("/usr/local/lib/geusemaker/host")
    program.write_text(program.read_text().replace("PULL_PAUSE=0", "PULL_PAUSE=30"))
    _says(booted, n8n=f"{PREFIX}toomanyrequests: x", caddy="Error: connection reset by peer")
    booted.update(NEW)
    pauses = sorted(call for call in booted.calls("sleep") if call != "sleep 0")
    assert pauses == ["sleep 240"] * 3 + ["sleep 30"] * 3


def test_docker_errors_become_one_bounded_line_without_control_characters(booted: Host) -> None:
    _says(booted, n8n=f"{PREFIX}\x1b[31mred\x07 {'long ' * 200}end: not found")
    booted.update(NEW)
    reason = booted.record()["reason"]
    assert "could not be pulled" in reason
    assert "[31mred long long" in reason
    assert reason.endswith("the previous settings stay")
    assert reason.isprintable()


@pytest.mark.parametrize("missing", ["2000", "1"])
def test_without_disk_space_nothing_is_pulled(booted: Host, missing: str) -> None:
    booted.set("room", f"{missing} * 4096\n")
    record = booted.update(NEW)
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "4 images take 7 GiB or more, and Docker's disk has 0 GiB free" in record["reason"]
    assert "geusemaker:rootVolumeGib" in record["reason"]
    assert booted.calls("docker pull") == []


def test_existing_images_need_no_disk_space(booted: Host) -> None:
    booted.set("room", "1 * 4096\n")
    assert "reason" not in booted.update(OLD, "https://n8n.example.org")


def test_at_most_three_images_are_pulled_in_parallel(laid_down: Host) -> None:
    host = laid_down
    assert host.start("docker").returncode == 0
    pipe = host.gate("pull")
    pulling = host.begin("bundle")
    host.wait_for_calls("docker pull", 3)
    with pipe.open("w"):  # each of them waits until it is closed
        assert len(host.calls("docker pull")) == 3 < len(OLD.services)
        pipe.unlink()
    assert pulling.wait(PATIENCE) == 0
    assert len(host.calls("docker pull")) == len(OLD.services)


def test_every_image_is_tried_while_a_registry_is_down(booted: Host) -> None:
    booted.late("registry", MANY)
    assert "3 more could not be pulled either" in booted.update(NEW)["reason"]
    assert {_pulls(booted, name) for name in OLD.services} == {4}


def _log_in(host: Host, logins: str = LOGINS, name: str = REGISTRIES, bundle: Bundle = NEW) -> None:
    """Another bundle to pull, in a stack with registryLogins."""
    host.name(bundle)
    host.parameter(FACTS.settings_parameter, f"{bundle.pointer()}\nregistries={name}")
    host.parameter(REGISTRIES, logins)


def _traces(host: Host, *words: str) -> set[str]:
    """Files of the host that contain one of the words."""
    return {
        path
        for path, (kind, _, _) in host.owners.items()
        if kind == "f" and not path.startswith(("/world/ssm/", "/world/logins", "/real/"))
        for content in [host.path(path).read_bytes()]
        if any(word.encode() in content for word in words)
    }


def test_images_are_pulled_with_logins_that_leave_no_trace(booted: Host) -> None:
    _log_in(booted)
    booted.late("ssm-registries", 2)
    before = len(booted.calls())
    ran = booted.start("sync")
    assert booted.record()["running"] == NEW.sha256
    assert "reason" not in booted.record()
    listing = [f"700 0 {LOGIN_DIR}", f"600 0 {LOGIN_DIR}/config.json"]
    used = booted.read("/world/logins").splitlines()
    assert used.count(LOGINS) == len(OLD.services)
    assert set(used) == {*listing, LOGINS}
    encoded = [one["auth"] for one in json.loads(LOGINS)["auths"].values()]
    assert _traces(booted, "MARKERhub", "MARKERown", *encoded) == set()
    assert not booted.path(LOGIN_DIR).exists()
    said = ran.stdout + ran.stderr + "\n".join(booted.calls()[before:])
    assert not [word for word in ("MARKER", *encoded) if word in said]
    # With nothing to pull, no login is read.
    booted.start("sync")
    assert len([call for call in booted.calls("aws ssm get-parameter") if REGISTRIES in call]) == 3


def test_without_logins_docker_uses_its_own_settings(booted: Host) -> None:
    booted.name(NEW)
    booted.write("/root/.docker/config.json", "{}\n")
    assert booted.sync()["running"] == NEW.sha256
    assert "/root/.docker" in booted.read("/world/logins")
    assert LOGIN_DIR not in booted.read("/world/logins")


def test_a_refused_login_is_named_by_its_config_key_and_is_deleted(booted: Host) -> None:
    _log_in(booted)
    _says(booted, n8n=f"{PREFIX}unauthorized: incorrect username or password")
    booted.start("sync")
    reason = booted.record()["reason"]
    assert "incorrect username or password; is its login in geusemaker:registryLogins?; " in reason
    assert not booted.path(LOGIN_DIR).exists()
    # Another password is another value of the parameter, which the next try reads.
    booted.set("registry-says")
    other = docker_config({"docker.io": SecretStr("me:MARKERnew")})
    booted.parameter(REGISTRIES, other)
    assert booted.sync()["running"] == NEW.sha256
    assert booted.read("/world/logins").splitlines()[-1] == other


UNKNOWN = {
    "helper": '{"auths":{"ghcr.io":{"auth":"bWU6eA=="}},"credsStore":"evil"}',
    "two lines": '{"auths":{"ghcr.io":{"auth":"bWU6eA=="}}}\n{"credsStore":"evil"}',
    "empty": "",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_only_logins_are_accepted_from_the_parameter(booted: Host, text: str) -> None:
    _log_in(booted, text)
    _says(booted, n8n=f"{PREFIX}{FOR_GOOD['no login']}")
    booted.start("sync")
    assert f"the logins in {REGISTRIES} were not used: their form is" in booted.record()["reason"]
    assert not booted.path("/world/logins").exists()
    assert not booted.path(LOGIN_DIR).exists()
    assert {_pulls(booted, name) for name in OLD.services} == {1}


@pytest.mark.parametrize("late", [MANY, 0])
def test_public_images_are_pulled_where_logins_cannot_be_read(booted: Host, late: int) -> None:
    _log_in(booted, name=REGISTRIES if late else "--profile x")
    booted.late("ssm-registries", late)
    _says(booted, n8n=f"{PREFIX}{FOR_GOOD['unauthorized']}")
    log = booted.start("sync").stdout
    assert {_pulls(booted, name) for name in OLD.services} == {1}
    why = f"the logins in {REGISTRIES} were not used: they could not be read"
    why = why if late else "the logins were not used: the settings name no parameter"
    assert f"pulling without a login; {why}" in log
    assert f"unauthorized; {why}; the previous settings stay" in booted.record()["reason"]
    booted.set("registry-says")
    assert booted.sync()["running"] == NEW.sha256
    assert not booted.path(LOGIN_DIR).exists()


def test_a_pull_that_systemd_stops_leaves_no_login(booted: Host) -> None:
    """systemd sends a signal to the step's process."""
    text = host_program()
    assert "\n  until said=$(docker pull" in text
    ended = text.replace(
        "\n  until said=$(docker pull", "\n  kill -TERM $$\n  until said=$(docker pull"
    )
    _log_in(booted, bundle=Bundle(tag="2", program=ended))
    booted.start("sync")
    assert LOGINS in booted.read("/world/logins").splitlines()
    assert "it was stopped, or took too long" in booted.record()["reason"]
    assert not booted.path(LOGIN_DIR).exists()
