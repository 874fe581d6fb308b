"""Which layer wins, what is written, and errors that name their layer."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from geusemaker.cli.effective import FLAGS, Effective, FlagOrigin, effective
from geusemaker.config.sources import Given, read_file, read_layer
from geusemaker.errors import ConfigError
from geusemaker.messages import FileOrigin, Origin, StackOrigin

FILE = FileOrigin(Path("w.yaml"), 1)
STACK = StackOrigin()
VALUES = {
    "osType": ("ubuntu-24.04", "amazon-linux-2023", "ubuntu-26.04", "amazon-linux-2"),
    "architecture": ("arm64", "x86_64", "arm64", "x86_64"),
    "amiType": ("pytorch", "base", "pytorch", "base"),
}


def joined(*given: Given, region_in_stack: bool = True) -> Effective:
    layers = [[one] for one in given]
    return effective(layers, "us-east-1", "there", region_in_stack)


def row(wanted: Effective, key: str) -> tuple[str, str]:
    (found,) = [one for one in wanted.rows if one.key == key]
    return found.value, found.source


@pytest.mark.parametrize(
    ("key", "layers"),
    [
        *(("architecture", some) for n in (1, 2, 3, 4) for some in combinations(range(4), n)),
        *((key, (n,)) for key in ("osType", "amiType") for n in range(4)),
    ],
    ids=str,
)
def test_the_last_layer_wins_and_what_the_file_lacks_is_written(
    key: str, layers: tuple[int, ...]
) -> None:
    flag = FLAGS[key]
    origins: list[Origin] = [FILE, STACK, FlagOrigin(flag, "VARIABLE"), FlagOrigin(flag)]
    sources = ["w.yaml", "stack", "VARIABLE", flag]
    wanted = joined(*(Given(key, VALUES[key][n], origins[n]) for n in layers))
    last = layers[-1]
    assert row(wanted, f"geusemaker:{key}") == (VALUES[key][last], sources[last])
    in_stack = VALUES[key][1] if 1 in layers else None
    expected = None if in_stack == VALUES[key][last] else VALUES[key][last]
    assert wanted.writes.get(f"geusemaker:{key}") == expected
    assert len(wanted.writes) == 3 - (expected is None)
    lost = 0 in layers and VALUES[key][last] != VALUES[key][0]
    assert len(wanted.notes) == lost


def test_defaults_of_the_image_are_written_and_no_other_default() -> None:
    wanted = joined(region_in_stack=False)
    assert wanted.writes == {
        "aws:region": "us-east-1",
        "geusemaker:osType": "ubuntu-22.04",
        "geusemaker:architecture": "x86_64",
        "geusemaker:amiType": "base",
    }
    assert row(wanted, "aws:region") == ("us-east-1", "there")
    assert row(wanted, "geusemaker:osType") == ("ubuntu-22.04", "default")
    # It decides the price, and its default follows the architecture.
    assert row(wanted, "geusemaker:instanceType") == ("m6i.xlarge", "default")
    arm = joined(Given("architecture", "arm64", FlagOrigin("--architecture")))
    assert row(arm, "geusemaker:instanceType") == ("m6g.xlarge", "default")


def test_structures_of_a_file_are_written_as_the_cli_takes_them() -> None:
    wanted = joined(
        Given("dataVolumeGib", 40, FILE),
        Given("protectData", False, FILE),
        Given("tags", {"team": "m l"}, FILE),
        Given("allowedCidrs", ["10.0.0.0/8", "192.168.0.0/16"], FILE),
    )
    assert wanted.writes["geusemaker:dataVolumeGib"] == "40"
    assert wanted.writes["geusemaker:protectData"] == "false"
    assert json.loads(wanted.writes["geusemaker:tags"]) == {"team": "m l"}
    assert wanted.writes["geusemaker:allowedCidrs"] == "10.0.0.0/8,192.168.0.0/16"


def test_a_secret_is_not_shown_written_or_in_an_error() -> None:
    wanted = joined(
        Given("dataVolumeGib", 41, FILE), Given("dataVolumeGib", "77", STACK, secret=True)
    )
    assert row(wanted, "geusemaker:dataVolumeGib") == ("[secret]", "stack")
    assert "geusemaker:dataVolumeGib" not in wanted.writes
    assert "77" not in repr((wanted.rows, wanted.writes, wanted.notes))
    assert "has another value, which overrides a file" in wanted.notes[0]
    with pytest.raises(ConfigError) as failed:
        joined(Given("dataVolumeGib", "many77", STACK, secret=True))
    assert "many77" not in str(failed.value)


def test_logins_are_never_shown_whichever_layer_has_them() -> None:
    text = '{"ghcr.io": "me:hush"}'
    of_stack = Given("registryLogins", '{"ghcr.io": "me:hush2"}', STACK, secret=True)
    wanted = joined(Given("registryLogins", text, FILE), of_stack)
    assert row(wanted, "geusemaker:registryLogins") == ("[secret]", "stack")
    assert "hush" not in repr((wanted.config, wanted.rows, wanted.writes, wanted.notes))
    assert "registryLogins (w.yaml, line 1) is set, but stack has another value" in wanted.notes[0]
    with pytest.raises(ConfigError) as failed:
        joined(Given("registryLogins", text, FILE), Given("registryLogins", "{}x", STACK))
    assert "hush" not in str(failed.value)


def test_a_secret_that_a_flag_repeats_stays_a_secret() -> None:
    wanted = joined(
        Given("osType", "ubuntu-24.04", STACK, secret=True),
        Given("osType", "ubuntu-24.04", FlagOrigin("--os-type")),
    )
    assert "geusemaker:osType" not in wanted.writes


def test_a_file_value_that_a_flag_overrides_is_noted_without_a_command() -> None:
    wanted = joined(
        Given("osType", "ubuntu-24.04", FILE),
        Given("osType", "ubuntu-26.04", FlagOrigin("--os-type")),
    )
    assert wanted.notes == (
        "osType (w.yaml, line 1) is 'ubuntu-24.04', but --os-type has 'ubuntu-26.04', which "
        "overrides a file.",
    )


@pytest.mark.parametrize(
    ("origin", "name", "fix"),
    [
        (FILE, "osType (w.yaml, line 1)", "write line 1 as `osType: ubuntu-24.04`"),
        (STACK, "geusemaker:osType", "run `pulumi config set geusemaker:osType ubuntu-24.04`"),
        (FlagOrigin("--os-type", "V"), "V", "run `export V=ubuntu-24.04`"),
        (FlagOrigin("--os-type"), "--os-type", "pass --os-type ubuntu-24.04"),
    ],
)
def test_an_error_speaks_of_where_the_value_came_from(origin: Origin, name: str, fix: str) -> None:
    with pytest.raises(ConfigError) as failed:
        joined(Given("osType", "ubuntu-2404", origin))
    assert str(failed.value).startswith(f"{name} is 'ubuntu-2404'")
    assert f"To fix it, {fix}" in str(failed.value)


def test_a_rule_about_two_keys_fixes_the_flag_or_the_key_sibling() -> None:
    with pytest.raises(ConfigError) as failed:
        joined(Given("architecture", "arm64", FlagOrigin("--architecture")), fits("m6i.xlarge"))
    assert "run `pulumi config set geusemaker:instanceType m6g.xlarge`" in str(failed.value)
    assert "or pass --architecture x86_64" in str(failed.value)


def fits(instance_type: Any) -> Given:
    return Given("instanceType", instance_type, STACK)


@pytest.mark.parametrize(
    ("origin", "removed", "renamed"),
    [
        (FlagOrigin("--x", "V"), "run `unset V`", "run `unset V` and run `pulumi config set"),
        (FlagOrigin("--x"), "leave out --x", "leave out --x and run `pulumi config set"),
    ],
)
def test_a_flag_and_its_variable_name_their_removal(
    origin: FlagOrigin, removed: str, renamed: str
) -> None:
    assert origin.remove("k") == removed
    assert origin.rename("osType", "a b").startswith(renamed)
    assert origin.rename("osType", "a b").endswith("geusemaker:osType 'a b'`")
    assert origin.place() == StackOrigin().place()
    assert origin.sibling() == StackOrigin()


def test_a_contradiction_names_the_layer_that_overrides_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        joined(
            Given("amiType", "pytorch", FileOrigin(Path("w.yaml"), 1, "amiType")),
            Given("amiType", "base", STACK),
            Given("frameworkVersion", "2.12", FileOrigin(Path("w.yaml"), 2, "frameworkVersion")),
        )
    said = str(caught.value)
    assert "frameworkVersion 2.12 is set, but amiType is base" in said
    assert "`pulumi config rm geusemaker:amiType` lets the file decide" in said


def test_an_unused_region_of_a_config_file_is_noted() -> None:
    given = Given("aws:region", "eu-west-1", FILE)
    (note,) = effective([], "us-east-1", "AWS_REGION", False, given).notes
    assert note == (
        "aws:region (w.yaml, line 1) is 'eu-west-1', but a config file does not set the Region, "
        "which is us-east-1; `--region eu-west-1` does."
    )
    assert effective([], "eu-west-1", "AWS_REGION", False, given).notes == ()


def test_the_region_of_a_stack_file_is_not_one_of_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config:\n  aws:region: eu-west-1\n  geusemaker:osType: ubuntu-24.04\n")
    assert [one.key for one in read_file(file)] == ["osType"]
    region = read_layer(file).region
    assert region is not None
    assert (region.value, region.origin.name("aws:region")) == (
        "eu-west-1",
        f"aws:region ({file}, line 2)",
    )
    file.write_text("config:\n  geusemaker:osType: ubuntu-24.04\n")
    assert read_layer(file).region is None


def test_settings_of_services_are_shown_without_their_secrets() -> None:
    given = {"n8n": {"N8N_SMTP_PASS": "hush", "GENERIC_TIMEZONE": "Europe/Berlin"}}
    wanted = joined(Given("serviceSettings", json.dumps(given), STACK, secret=True))
    value, source = row(wanted, "geusemaker:serviceSettings")
    assert source == "stack"
    assert json.loads(value) == {
        "n8n": {"GENERIC_TIMEZONE": "Europe/Berlin", "N8N_SMTP_PASS": "**********"}
    }
    assert "geusemaker:serviceSettings" not in wanted.writes


def test_settings_of_services_in_a_file_are_written_into_the_stack() -> None:
    given = {"ollama": {"OLLAMA_CONTEXT_LENGTH": 16384}}
    wanted = joined(Given("serviceSettings", given, FILE))
    written = json.loads(wanted.writes["geusemaker:serviceSettings"])
    assert written == {"ollama": {"OLLAMA_CONTEXT_LENGTH": "16384"}}
    again = joined(
        Given("serviceSettings", given, FILE),
        Given("serviceSettings", json.dumps(written), STACK),
    )
    assert "geusemaker:serviceSettings" not in again.writes
