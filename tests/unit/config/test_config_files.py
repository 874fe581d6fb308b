"""Config files in each format, and the errors about invalid ones."""

# ruff: noqa: E501 - a case is one row of a table

from pathlib import Path

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.errors import ConfigError

from .conftest import FromFile, Refused, message_of

FORMS = {
    "camel.yaml": "osType: ubuntu-24.04\namiType: pytorch\nframeworkVersion: '2.10'\n"
    "dataVolumeGib: 200\nprotectData: false\nallowedCidrs: [203.0.113.0/24]\n"
    "tags:\n  Owner: me\n  Cost: 1234\n  Live: true\n  Since: 2024-01-01\n",
    "snake.yml": "os_type: ubuntu-24.04\nami_type: pytorch\nframework_version: '2.10'\n"
    "data_volume_gib: '200'\nprotect_data: 'false'\nallowed_cidrs: 203.0.113.0/24\n"
    "tags: {Owner: me, Cost: '1234', Live: 'true', Since: '2024-01-01'}\n",
    "both.json": '{"osType": "ubuntu-24.04", "ami_type": "pytorch", "frameworkVersion": "2.10",\n'
    '"dataVolumeGib": 200, "protect_data": false, "allowedCidrs": ["203.0.113.0/24"],\n'
    '"tags": {"Owner": "me", "Cost": 1234, "Live": true, "Since": "2024-01-01"}}',
    "Pulumi.dev.yaml": "config:\n  aws:region: us-east-1\n  geusemaker:osType: ubuntu-24.04\n"
    "  amiType: pytorch\n  geusemaker:frameworkVersion: '2.10'\n"
    "  geusemaker:dataVolumeGib: '200'\n  geusemaker:protectData: 'false'\n"
    "  geusemaker:allowedCidrs:\n    - 203.0.113.0/24\n"
    '  geusemaker:tags: \'{"Owner":"me","Cost":1234,"Live":true,"Since":"2024-01-01"}\'\n'
    "encryptionsalt: v1:abc=\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_all_formats_of_a_file_give_the_same_config(from_file: FromFile, name: str) -> None:
    assert from_file(FORMS[name], name) == DeploymentConfig(
        os_type="ubuntu-24.04",
        ami_type="pytorch",
        framework_version="2.10",
        data_volume_gib=200,
        protect_data=False,
        allowed_cidrs=("203.0.113.0/24",),
        tags={"Owner": "me", "Cost": "1234", "Live": "true", "Since": "2024-01-01"},
    )


def test_the_trial_stack_of_the_repository_is_valid() -> None:
    config = DeploymentConfig.from_file(Path(__file__).parents[3] / "Pulumi.dev.yaml")
    assert config == DeploymentConfig(protect_data=False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "amiType: pytorch\nframeworkVersion: 2.10\n", ["2.10, which", "line 2", "quote it", 'as `frameworkVersion: "2.10"`']),
        ("a.json", '{"amiType": "pytorch",\n"frameworkVersion": 2.10}', ['write `frameworkVersion` at line 2 as `"frameworkVersion": "2.10"`']),
        ("a.json", '{"amiType": "pytorch", "frameworkVersion": 2.10}', ['write `frameworkVersion` at line 1 as `"frameworkVersion": "2.10"`']),
        ("a.yaml", "amiId: 0123\n", ["an unquoted number", "as `amiId: ami-0123456789abcdef0`"]),
        ("a.yaml", "dataVolumeGib: 100.5\n", ["is not a whole number", "Allowed: 1 to 16384"]),
        ("a.yaml", "tags:\n  Version: 2.10\n", ["2.10 under 'Version'", '`tags: {"Version": "2.10"}`']),
        ("a.yaml", "tags:\n  A: [b]\n", ["a key or value that is not text"]),
        ("a.yaml", "tags:\n  1: b\n", ["a key or value that is not text"]),
        ("a.yaml", "tags: 5\n", ["has the wrong type"]),
        ("a.yaml", "osType: [ubuntu-24.04]\n", ["is not an allowed value"]),
        ("a.yaml", "protectData: 1\n", ["has the wrong type"]),
        ("a.yaml", "availabilityZoneCount: true\n", ["is true, which", "has the wrong type"]),
        ("a.yaml", "amiName: 5\n", ["has the wrong type"]),
        ("a.yaml", "os_type: ubunut-24.04\n", ["os_type (", "line 1)", "did you mean ubuntu-24.04?", "write line 1 as `os_type: ubuntu-24.04`"]),
        ("a.yaml", "\nos_tpye: ubuntu-24.04\n", ["did you mean osType?", "write line 2 as `os_type: ubuntu-24.04`"]),
        ("a.yaml", "spot: true\n", ["not supported by this version", "delete `spot` at line 1"]),
        ("a.yaml", "aws:region: x\n", ["aws:region", "`--region x`", "delete `aws:region` at line 1"]),
        ("a.yaml", "region: x\n", ["`pulumi config set aws:region x`", "delete `region` at line 1"]),
        ("a.yaml", "config:\n  geusemaker:os_type: ubuntu-24.04\n", ["did you mean osType?", "`geusemaker:osType: ubuntu-24.04`"]),
        ("a.yaml", "instance_type: m6g.large\n", ["In ", "write line 1 as `instance_type: m6i.large` or add the line `architecture: arm64`"]),
        ("a.yaml", "instanceType: m6g.large\nvpcId: vpc-01234567\n", ["add the line `architecture: arm64`"]),
        ("a.yaml", "config:\n  geusemaker:instanceType: m6g.large\n", ["line 2", "add the line `geusemaker:architecture: arm64`"]),
        ("a.yaml", "os_type: ubuntu-24.04\nosType: ubuntu-22.04\n", ["osType twice", "line 1", "line 2"]),
        ("a.yaml", "osType: ubuntu-24.04\nosType: ubuntu-22.04\n", ["line 2", "duplicate key osType"]),
        ("a.json", '{"osType": "x",\n"osType": "y"}', ["line 2", "duplicate key osType"]),
        ("a.yaml", "osType:\n", ["no value for osType at line 1", "delete `osType`"]),
        ("a.yaml", "config:\n  geusemaker:kmsKeyArn:\n    secure: v1:hush\n", ["an encrypted value for geusemaker:kmsKeyArn at line 2"]),
        ("a.yaml", "config:\n  geusemaker:tags: {}\nosType: x\n", ["next to `config` at line 3"]),
        ("a.yaml", "config: 5\n", ["under `config` at line 1"]),
        ("a.yaml", "- osType\n", ["no mapping", "line 1"]),
        ("a.yaml", "", ["no mapping"]),
        ("a.json", "[]", ["no mapping"]),
        ("a.yaml", "b: 1\na: [1\n", ["error at line 2: the list or map that begins there has no end"]),
        ("a.yaml", "b: 1\na: '1\nc: 2\n", ["error at line 2: the quoted text that begins there has no end"]),
        ("a.yaml", "a: 1\n---\nb: 1\n", ["error at line 2"]),
        ("a.yaml", "b: 1\na: \x07\n", ["error at line 2"]),
        ("a.yaml", "[" * 5000, ["error at line 1"]),
        ("a.yaml", "? [a, b]\n: c\n", ["error at line 1"]),
        ("a.json", '{\n"osType": }', ["error at line 2"]),
        ("a.json", "[" * 200_000, ["error at line 1"]),
        ("a.json", '{"a": ' + "9" * 5000 + "}", ["error at line 1"]),
        ("a.toml", "osType = 'x'\n", [".yaml, .yml or .json"]),
        ("a.yaml", b"b: 1\nosType: \xff\n", ["UTF-8 text at line 2"]),
        ("a.yaml", '"a\\nb": 1\n', ["not a config key"]),
        ("a.yaml", "osTpye: &a [*a]\n", ["did you mean osType?"]),
    ],
)  # fmt: skip
def test_an_invalid_file_is_reported_with_its_line(
    refused_file: Refused, name: str, text: str | bytes, words: list[str]
) -> None:
    message = refused_file(text, name)
    assert "hush" not in message
    for word in words:
        assert word in message


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        DeploymentConfig.from_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        DeploymentConfig.from_file(str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        DeploymentConfig.from_file("a\0b.yaml")
    assert message_of(caught.value)
