"""The download of the settings bundle: delayed, refused, damaged, or not for this host."""

from dataclasses import replace
from pathlib import Path

import pytest

from .boot_host import FACTS, GOOD, LIB, MANY, PATIENCE, Host
from .bundles import Bundle

OLD, NEW = Bundle(), Bundle(tag="2")

NAME = "contains a file name that is not allowed"
NO_TAR = "not a tar of plain files"
BAD = {
    "a name with a parent folder": (Bundle(more_files={"../evil": "x"}), NAME),
    "a name with a parent folder in it": (Bundle(more_files={"caddy/../../evil": "x"}), NAME),
    "an absolute name": (Bundle(more_files={"/etc/evil": "x"}), NAME),
    "a name with a line break": (Bundle(more_files={"a\nb": "x"}), NAME),
    "no tar": (Bundle(raw=b"<html>a page</html>"), NO_TAR),
    "half a tar": (Bundle(raw=OLD.packed[:3000]), NO_TAR),
    "a link": (Bundle(links={"evil": "/etc"}), f"{NO_TAR} and directories"),
    "no manifest": (Bundle(without=("manifest",)), "has no manifest"),
    "no Compose file": (Bundle(without=("compose.yaml",)), "has no compose.yaml"),
    "no program": (Bundle(without=("host.sh",)), "has no host.sh"),
    "half a program": (Bundle(more_files={"host.sh": "f() {\n"}), "bash cannot parse"),
    "an unknown line": (Bundle(more_manifest="reboot now\n"), "does not know: reboot now"),
    "a hostile image": (Bundle(more_manifest="image -v$(id)\n"), "does not know: image -v"),
    "a folder above": (Bundle(more_manifest="directory data .. 0 777\n"), "directory data .."),
    "a bad Compose file": (Bundle(compose="services:\n\tx\n"), "Compose refuses"),
    "an unset variable": (Bundle(compose="services:\n  x:\n    a: ${NOT:?}\n"), "Compose refuses"),
}


@pytest.fixture(name="host")
def _host(laid_down: Host) -> Host:
    laid_down.attach_volume()
    return laid_down


def _fails_at_bundle(host: Host, words: str) -> None:
    """The host is not ready. The state and the record have the step's name and the reason."""
    statuses = host.start_all()
    assert statuses["bundle"] == statuses["services"] == statuses["ready"] == 1
    assert host.state("bundle") == host.state("ready") == "failed"
    assert words in host.reason("bundle")
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "bundle")
    assert words in record["reason"]
    assert record["running"] == ""
    assert host.containers() == {}


@pytest.mark.parametrize("what", ["imds", "ssm-put"])
def test_a_record_that_could_not_be_written_is_written_a_minute_later(
    host: Host, what: str
) -> None:
    host.late(what, MANY)
    assert set(host.start_all().values()) == {0}
    assert host.record() == {"state": "unknown"}
    host.late(what, 0)
    assert host.sync()["state"] == "ready"


def test_an_object_store_that_always_refuses_fails_the_bundle_step(host: Host) -> None:
    host.late("s3", MANY)
    _fails_at_bundle(
        host, f"could not be downloaded from s3://{NEW.bucket}/bundles/{OLD.sha256}.tar in 4"
    )


def test_a_registry_that_never_answers_fails_the_bundle_step_which_names_the_image(
    host: Host,
) -> None:
    host.late("registry", MANY)
    _fails_at_bundle(host, f"image {OLD.image('caddy')} could not be pulled in 4 tries")
    # The next try continues with what has been downloaded.
    host.late("registry", 0)
    assert host.start_each("bundle", "secrets", "sync") == {"bundle": 0, "secrets": 0, "sync": 0}
    assert host.record()["state"] == "ready"
    assert len(host.calls("aws s3api get-object")) == 1


def test_settings_that_cannot_be_read_fail_the_bundle_step(host: Host) -> None:
    host.late("ssm-settings", MANY)
    _fails_at_bundle(host, f"could not be read from {FACTS.settings_parameter} in 4 tries")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sha256=", "sha256=x"),
        ("sha256=", "sha256=../"),
        ("bucket=", "bucket=-x;"),
        ("key=", "key=--endpoint-url "),
        ("url=", "url='x"),
        ("url=https", "url=ftp"),
        ("sites=", "sites=$(reboot)"),
        ("sites=", "more="),
    ],
)
def test_settings_in_an_unknown_format_are_refused(laid_down: Host, old: str, new: str) -> None:
    laid_down.parameter(FACTS.settings_parameter, OLD.pointer().replace(old, new, 1))
    assert laid_down.start_each("docker", "bundle") == {"docker": 0, "bundle": 1}
    assert "have a form that this host does not know" in laid_down.reason("bundle")
    assert laid_down.calls("aws s3api") == []


@pytest.mark.parametrize(("bundle", "words"), BAD.values(), ids=BAD)
def test_a_bad_bundle_fails_a_new_host_at_the_bundle_step(
    laid_down: Host, bundle: Bundle, words: str
) -> None:
    host = laid_down
    host.name(bundle)
    host.start_each("docker", "bundle")
    assert words in host.reason("bundle")
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "bundle")
    assert not host.path(f"{LIB}/bundles/{bundle.sha256}").exists()
    assert not host.path(f"{LIB}/bundles/evil").exists()
    assert not host.path("/etc/evil").exists()


@pytest.mark.parametrize(
    "name", ["a name with a parent folder", "a bad Compose file", "half a program"]
)
def test_after_a_bad_bundle_the_previous_one_runs_and_the_record_says_so(
    booted: Host, name: str
) -> None:
    bundle, words = BAD[name]
    before = booted.containers()
    booted.name(bundle)
    assert booted.start("sync").returncode == 0
    assert booted.containers() == before
    record = booted.record()
    assert (record["state"], record["running"], record["wanted"]) == (
        "ready",
        OLD.sha256,
        bundle.sha256,
    )
    assert words in record["reason"]
    assert "the previous settings stay" in booted.reason("bundle", "ok")
    # It is not downloaded again each minute.
    assert booted.start("sync").returncode == 0
    assert len(booted.calls("aws s3api get-object")) == 1


def test_an_object_with_another_hash_is_refused(booted: Host) -> None:
    booted.name(NEW)
    stored = booted.world / "s3" / NEW.bucket / "bundles" / f"{NEW.sha256}.tar"
    stored.write_bytes(Bundle(tag="3").packed)
    assert "is not bundle" in booted.sync()["reason"]
    assert booted.running()["n8n"] == "1"
    # After a reboot it is tried again.
    stored.write_bytes(NEW.packed)
    booted.start("sync")
    assert booted.running()["n8n"] == "1"
    booted.restart()
    assert set(booted.start_each("data", "efs", *list(GOOD)[1:]).values()) == {0}
    assert booted.running()["n8n"] == "2"
    assert "reason" not in booted.record()


def test_a_new_bundle_that_cannot_be_pulled_yet_is_tried_again_each_minute(booted: Host) -> None:
    booted.name(NEW)
    booted.late("registry", MANY)
    record = booted.sync()
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "could not be pulled" in record["reason"]
    booted.late("registry", 0)
    booted.start("sync")
    assert booted.running()["n8n"] == "2"
    assert "reason" not in booted.record()


def test_a_new_host_pulls_its_images_once_while_it_waits_for_its_volume(laid_down: Host) -> None:
    host = laid_down
    assert set(host.start_each("docker", "gpu", "bundle", "secrets").values()) == {0}
    assert len(host.calls("docker pull")) == len(OLD.services)
    assert host.mounted() == []
    assert host.start_each("data", "services", "bundle") == {"data": 1, "services": 1, "bundle": 0}
    assert len(host.calls("docker pull")) == len(OLD.services)
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "data")
    assert "was not attached" in record["reason"]


def test_a_bundle_whose_program_fails_unexpectedly_names_the_command(host: Host) -> None:
    host.name(replace(OLD, more_files={"host.sh": "bundle_check() { false; }\n"}))
    host.start_each("docker", "bundle")
    assert "line " in host.reason("bundle")
    assert host.record()["step"] == "bundle"


# The tools that the bundle needs


@pytest.mark.parametrize("version", ["2023", "2"])
def test_a_missing_compose_plugin_is_installed_by_its_hash(tmp_path: Path, version: str) -> None:
    host = Host(tmp_path, "amzn", version)
    host.cloud_init()
    host.late("github", 2)
    assert set(host.start_each("docker", "bundle").values()) == {0}
    plugin = host.path("/usr/local/lib/docker/cli-plugins/docker-compose")
    assert plugin.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in plugin.parent.iterdir()] == ["docker-compose"]
    assert len(host.calls("curl --fail")) == 3
    host.start("bundle")
    assert len(host.calls("curl --fail")) == 3


@pytest.mark.parametrize("version", ["2.39.1", "v4.9.0"])
def test_an_older_compose_plugin_is_not_used(host: Host, version: str) -> None:
    host.set("compose-version", version)
    assert set(host.start_each("docker", "bundle").values()) == {0}
    assert host.path("/usr/local/lib/docker/cli-plugins/docker-compose").exists()


@pytest.mark.parametrize("version", ["5.0.0", "v5.6.0", "6.1.0"])
def test_a_compose_plugin_that_is_new_enough_is_left_alone(host: Host, version: str) -> None:
    host.set("compose-version", version)
    assert set(host.start_each("docker", "bundle").values()) == {0}
    assert host.calls("curl --fail") == []


@pytest.mark.parametrize("what", ["github", "bad-plugin"])
def test_a_compose_plugin_with_another_hash_is_not_installed(tmp_path: Path, what: str) -> None:
    host = Host(tmp_path, "amzn", "2023")
    host.cloud_init()
    host.late(what, MANY)
    assert host.start_each("docker", "bundle") == {"docker": 0, "bundle": 1}
    assert "could not be downloaded from GitHub, or its SHA-256 differs" in host.reason("bundle")
    assert not host.path("/usr/local/lib/docker/cli-plugins/docker-compose").exists()


def test_an_architecture_without_a_published_plugin_is_named(tmp_path: Path) -> None:
    host = Host(tmp_path, "amzn", "2023")
    host.set("machine", "riscv64")
    host.cloud_init()
    host.start_each("docker", "bundle")
    assert "for riscv64 could not be downloaded" in host.reason("bundle")


def test_the_real_hashes_are_of_two_architectures() -> None:
    real = [
        line.split("=")[1]
        for line in OLD.files["host.sh"].splitlines()
        if line.startswith("COMPOSE_SHA256_")
    ]
    assert len(real) == 2
    assert {len(bytes.fromhex(one)) for one in real} == {32}
    assert len(set(real)) == 2


@pytest.mark.parametrize(
    ("os_id", "version", "call"),
    [
        ("ubuntu", "22.04", "apt-get install"),
        ("ubuntu", "24.04", "snap install --classic aws-cli"),
        ("ubuntu", "26.04", "apt-get install"),
        ("amzn", "2023", "dnf -y install awscli-2"),
        ("amzn", "2", "yum -y install awscli"),
    ],
)
def test_an_image_without_the_aws_command_gets_it_from_its_own_packages(
    tmp_path: Path, os_id: str, version: str, call: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.without("aws")
    host.late("rpm-lock", 2)
    host.late("apt-lock", 2)
    host.cloud_init()
    assert set(host.start_each("docker", "bundle").values()) == {0}
    assert len(host.calls(call)) == 3


def test_an_image_that_has_it_as_aws2_needs_no_package(host: Host) -> None:
    host.without("aws")
    (host.root / "usr/bin/aws2").symlink_to("/stand_ins/aws")
    assert set(host.start_all().values()) == {0}
    assert host.record()["state"] == "ready"


def test_an_image_without_a_package_of_the_aws_command_fails_the_bundle_step(host: Host) -> None:
    host.without("aws")
    host.set("no-awscli")
    host.start_each("docker", "bundle")
    assert "there is no aws command, and no package installed one" in host.reason("bundle")


def test_the_record_of_a_ready_host_says_ready_while_it_pulls_other_images(booted: Host) -> None:
    assert booted.record()["state"] == "ready"
    booted.name(Bundle(tag="2"))
    first = booted.gate("pull")
    syncing = booted.begin("sync")
    with first.open("w"):
        second = booted.gate("pull")
    # The first image is pulled, and the second one is being pulled.
    with second.open("w"):
        second.unlink()
        record = booted.record()
        assert (record["state"], record["running"]) == ("ready", Bundle().sha256)
    assert syncing.wait(PATIENCE) == 0
    assert booted.record()["running"] == Bundle(tag="2").sha256
