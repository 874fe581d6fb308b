"""One stack: no other name and no other bytes of the same script replace its host; another boot
script does, on the image that it runs. What runs on the host changes in place; its secrets stay,
and are nowhere in clear."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from geusemaker import userdata

from .door import Door

HOST = "geusemaker-compute-host"
SMTP_PASS = "geusemaker:serviceSettings.n8n.N8N_SMTP_PASS"
NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"
ROLES = ("settings", "status", "credentials")


def _secrets(door: Door) -> dict[str, str]:
    name = door.outputs()["credentialsParameter"]
    told = door.client("ssm").get_parameter(Name=name, WithDecryption=True)
    return dict(line.split("=", 1) for line in told["Parameter"]["Value"].split("\n"))


def _pointer(door: Door) -> dict[str, str]:
    name = door.outputs()["settingsParameter"]
    told = door.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return dict(line.split("=", 1) for line in told.split("\n"))


def _values(door: Door, names: dict[str, str]) -> dict[str, str]:
    ssm = door.client("ssm")
    return {
        role: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        for role, name in names.items()
    }


def test_another_name_of_the_stack_changes_tags_in_place_and_nothing_else(door: Door) -> None:
    door.up()
    before = door.outputs()
    door.pulumi("stack", "rename", "renamed", "--stack", "dev")
    try:
        door.pulumi("stack", "select", "renamed")
        steps = door.steps("--stack", "renamed")
        assert set(steps.values()) == {"update"}, steps
        assert "geusemaker-compute-host" in steps, "its tags name the stack"
        assert "geusemaker-compute-user-data" not in steps
        door.pulumi("up", "--yes", "--skip-preview", "--stack", "renamed")
    finally:
        door.pulumi("stack", "rename", "dev", "--stack", "renamed")
    door.pulumi("stack", "select", "dev")
    assert door.outputs() == before
    (volume,) = door.client("ec2").describe_volumes(VolumeIds=[before["dataVolumeId"]])["Volumes"]
    tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert tags["geusemaker:stack"] == "renamed"
    assert tags["geusemaker:id"] == before["stackId"], "by which it is still found"


def test_lost_parameters_come_back_under_their_names_and_replace_nothing(door: Door) -> None:
    before = door.outputs()
    ssm = door.client("ssm")
    names = {role: before[f"{role}Parameter"] for role in ROLES}
    assert names == {role: f"/geusemaker/{before['stackId']}/{role}" for role in ROLES}
    values = _values(door, names)
    for name in names.values():
        ssm.delete_parameter(Name=name)
    door.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert door.outputs() == before
    assert _values(door, names) == values
    door.pulumi("preview", "--expect-no-changes")


def test_other_gzip_bytes_of_the_same_script_change_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Python build packs the same text otherwise; a colleague's machine is no reason."""
    packed: list[bool] = []
    as_before = userdata.encode

    def otherwise(text: str) -> str:
        other = base64.b64encode(gzip.compress(text.encode(), compresslevel=1, mtime=0)).decode()
        packed.append(other != as_before(text))
        return other

    monkeypatch.setattr(userdata, "encode", otherwise)
    door.pulumi("preview", "--expect-no-changes")
    assert packed == [True]


def test_a_changed_boot_script_replaces_the_host_on_the_kept_image(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = door.outputs()
    door.release(NEWER, root_gib=90)
    as_before = userdata.render

    def changed(*given: Any) -> str:
        return as_before(*given) + "# changed\n"

    monkeypatch.setattr(userdata, "render", changed)
    steps = door.steps()
    assert steps["geusemaker-compute-host"] in ("replace", "create-replacement", "delete-replaced")
    assert "geusemaker-image" not in steps
    door.up()
    after = door.outputs()
    assert after["instanceId"] != before["instanceId"]
    assert after["amiId"] == before["amiId"]
    assert after["dataVolumeId"] == before["dataVolumeId"]


def test_one_model_more_and_another_image_replace_nothing(door: Door) -> None:
    door.up()  # the boot script as it is
    before, was, secrets = door.outputs(), _pointer(door), _secrets(door)
    changes = (
        {"ollamaModels": "llama3.2:3b"},
        {"imageVersions": "qdrant=qdrant/qdrant:v1.19.1-unprivileged"},
        {"services": "n8n,postgres,ollama"},
        {"ownerEmail": "me@example.com"},
    )
    for change in changes:
        door.set(**change)
        digest = json.loads(door.pulumi("preview", "--json").out)
        summary = digest["changeSummary"]
        assert set(summary) == {"same", "create", "update", "delete"}, (change, summary)
        changed = {
            step["urn"].rpartition("::")[2]: step["op"]
            for step in digest["steps"]
            if step["op"] != "same"
        }
        assert changed.pop("geusemaker-compute-settings") == "update"
        assert all(name.startswith("geusemaker-compute-settings-") for name in changed), changed
        assert sorted(changed.values()) == ["create", "delete"]
        door.up()
        now = _pointer(door)
        assert now["sha256"] != was["sha256"]
        door.client("s3").head_object(Bucket=now["bucket"], Key=now["key"])
        was = now
    assert door.outputs() == before
    assert _secrets(door) == secrets
    door.pulumi("preview", "--expect-no-changes")
    door.refresh()


def test_what_the_host_reports_is_no_change_of_the_stack(door: Door) -> None:
    name = door.outputs()["statusParameter"]
    report = "state=ready\ninstance=i-0123456789abcdef0"
    door.client("ssm").put_parameter(Name=name, Value=report, Overwrite=True)
    door.pulumi("preview", "--expect-no-changes")
    door.pulumi("refresh", "--yes")
    door.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert door.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == report


def test_a_replaced_host_over_existing_data_has_the_same_secrets(door: Door) -> None:
    before, secrets = door.outputs(), _secrets(door)
    door.set(osType="ubuntu-24.04")
    door.up()
    after = door.outputs()
    assert after["instanceId"] != before["instanceId"]
    for same in ("dataVolumeId", "fileSystemId", "credentialsParameter", "statusParameter"):
        assert after[same] == before[same]
    assert _secrets(door) == secrets
    (volume,) = door.client("ec2").describe_volumes(VolumeIds=[after["dataVolumeId"]])["Volumes"]
    assert [one["InstanceId"] for one in volume["Attachments"]] == [after["instanceId"]]


def test_no_secret_is_in_clear_in_state_history_log_user_data_or_bundle(door: Door) -> None:
    secrets = _secrets(door)
    assert len(secrets) == 8
    login = "me:hush-" + "0123456789"
    key = ("--secret", "geusemaker:registryLogins", json.dumps({"ghcr.io": login}))
    door.pulumi("config", "set", *key)
    mail = "hush-" + "9876543210"
    zone = ("--path", "geusemaker:serviceSettings.n8n.GENERIC_TIMEZONE", "Europe/Berlin")
    door.pulumi("config", "set", *zone)
    door.pulumi("config", "set", "--secret", "--path", SMTP_PASS, mail)
    door.up()
    parameter = _pointer(door)["registries"]
    of_config, _, version = _pointer(door)["secrets"].partition(":")
    assert version == "1"
    stored = door.client("ssm").get_parameter(Name=of_config, WithDecryption=True)["Parameter"]
    assert (stored["Type"], stored["Value"]) == ("SecureString", f"n8n.N8N_SMTP_PASS={mail}")
    stored = door.client("ssm").get_parameter(Name=parameter, WithDecryption=True)
    docker = json.loads(stored["Parameter"]["Value"])
    encoded = docker["auths"]["ghcr.io"]["auth"]
    assert base64.b64decode(encoded).decode() == login
    secrets |= {"login": login, "the same for Docker": encoded, "mail": mail}
    ec2, s3 = door.client("ec2"), door.client("s3")
    instance = door.outputs()["instanceId"]
    told = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")
    packed = base64.b64decode(told["UserData"]["Value"])
    pointer = _pointer(door)
    bundle = s3.get_object(Bucket=pointer["bucket"], Key=pointer["key"])["Body"].read()
    texts = {
        "user data": gzip.decompress(packed).decode(),
        "bundle": bundle.decode(),
        "pointer": repr(pointer),
        "config": door.places.config.read_text(),
        "state": door.pulumi("stack", "export").out,
        "outputs": door.pulumi("stack", "output", "--json").out,
        "preview": door.pulumi("preview", "--diff", "--show-sames").out,
        "up": door.pulumi("up", "--yes", "--skip-preview", "--diff").out,
    }
    assert instance in texts["state"]
    assert "GENERIC_TIMEZONE: Europe/Berlin" in texts["bundle"]
    for value in secrets.values():
        for what, text in texts.items():
            assert value not in text, what
    # All that the engine keeps of it on this machine: checkpoints, history, locks.
    kept = [path for path in _backend(door).rglob("*") if path.is_file()]
    assert any("history" in path.parts for path in kept)
    for path in kept:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        assert not [name for name, value in secrets.items() if value.encode() in content], path
    # Another secret is another version in the pointer, and changes nothing else.
    door.pulumi("config", "set", "--secret", "--path", SMTP_PASS, f"{mail}-new")
    assert door.steps() == dict.fromkeys(
        ("geusemaker-compute-secrets", "geusemaker-compute-settings"), "update"
    )
    door.up()
    assert _pointer(door) == pointer | {"secrets": f"{of_config}:2"}
    # In clear it is refused, by a command that fixes it.
    door.pulumi("config", "set", "--plaintext", "--path", SMTP_PASS, mail)
    refused = door.pulumi("preview", code=1).out
    assert f"`pulumi config set --secret --path {SMTP_PASS}`" in " ".join(refused.split())
    assert mail not in refused
    # Without the config keys both parameters and their names are gone, in place.
    door.unset("registryLogins", "serviceSettings")
    door.up()
    assert not {"registries", "secrets"} & set(_pointer(door))
    assert door.outputs()["instanceId"] == instance
    names = [one["Name"] for one in door.client("ssm").describe_parameters()["Parameters"]]
    assert not {parameter, of_config} & set(names)


def _keys(door: Door) -> dict[str, str]:
    told = json.loads(door.run("geusemaker", "credentials", "--json").out)
    keys: dict[str, str] = told["apiKeys"]
    return keys


def test_a_rotated_key_changes_alone_and_in_place(door: Door) -> None:
    door.set(apiKeys="laptop,ci")
    door.up()
    before, keys, pointer = door.outputs(), _keys(door), _pointer(door)
    rotated = door.run("geusemaker", "credentials", "rotate", "laptop", "--yes")
    assert rotated.code == 0, rotated
    after = _keys(door)
    assert after["ci"] == keys["ci"]
    assert after["laptop"].startswith("laptop_")
    assert after["laptop"] != keys["laptop"]
    assert not [key for key in (*keys.values(), *after.values()) if key in rotated.out]
    assert door.outputs() == before
    now = _pointer(door)
    of_config, _, version = now.pop("secrets").partition(":")
    assert pointer.pop("secrets") == f"{of_config}:1"
    assert (now, version) == (pointer, "2")
    # The names again, after a time without any: the host notices even if it saw none of that time.
    door.unset("apiKeys")
    door.up()
    door.set(apiKeys="laptop,ci")
    door.up()
    assert _keys(door) != keys
    assert _pointer(door) | {"secrets": ""} == pointer | {"secrets": ""}
    assert _pointer(door)["secrets"] != f"{of_config}:1"
    door.unset("apiKeys")
    door.up()


def _backend(door: Door) -> Path:
    url = door.env["PULUMI_BACKEND_URL"]
    assert url.startswith("file://")
    return Path(url.removeprefix("file://"))


def test_the_commands_find_the_report_and_the_logins_by_the_stacks_outputs(door: Door) -> None:
    secrets = _secrets(door)
    instance = door.outputs()["instanceId"]
    wanted = _pointer(door)["sha256"]
    report = f"state=ready\ninstance={instance}\nrunning={wanted}\nwanted={wanted}"
    name = door.outputs()["statusParameter"]
    door.client("ssm").put_parameter(Name=name, Value=report, Overwrite=True)
    shown = door.run("geusemaker", "status", "--json")
    assert shown.code == 0, shown
    assert instance in shown.out
    told = door.run("geusemaker", "credentials")
    assert told.code == 0, told
    assert "me@example.com" in told.out
    assert secrets["n8n-owner-password"] in told.out
    assert secrets["ollama-api-key"] in told.out
    assert secrets["n8n-encryption-key"] not in told.out
    refused = door.run("geusemaker", "logs")
    assert refused.code == 1, refused
    assert "Traceback" not in refused.out


def test_what_the_services_cannot_be_is_refused_before_anything_is_made(door: Door) -> None:
    before, config = door.resources(), door.places.config.read_text()
    # Of the config alone, and of what AWS says of the type; tests/unit/config has each other rule.
    for values, words in (
        ({"services": "n8n,ollama"}, "n8n without postgres"),
        ({"instanceType": "t3.micro"}, "geusemaker:instanceType"),
    ):
        door.set(**values)
        refused = door.pulumi("preview", code=1).out
        assert words in refused
        assert "pulumi config set geusemaker:" in refused
        assert "Traceback" not in refused
        door.places.config.write_text(config)
    door.pulumi("preview", "--expect-no-changes")
    assert door.resources() == before


def test_a_stopped_host_is_no_change_and_can_be_started(door: Door) -> None:
    ec2, instance = door.client("ec2"), door.outputs()["instanceId"]
    ec2.stop_instances(InstanceIds=[instance])
    assert HOST not in door.steps()
    door.pulumi("refresh", "--yes")
    assert HOST not in door.steps()
    ec2.start_instances(InstanceIds=[instance])
    door.pulumi("refresh", "--yes")
    door.pulumi("preview", "--expect-no-changes")


def test_without_retention_no_plan_is_left_and_the_vault_stays(door: Door) -> None:
    door.set(backupRetentionDays="0")
    steps = door.steps()
    gone = {name for name, op in steps.items() if op == "delete"}
    assert "geusemaker-storage-backups" in gone
    door.up()
    backup = door.client("backup")
    assert backup.list_backup_plans()["BackupPlansList"] == []
    assert len(backup.list_backup_vaults()["BackupVaultList"]) == 1
    door.pulumi("destroy", "--yes")
    assert door.resources() == []
