"""The stack, Region and account that a command works on, by every way to name them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from geusemaker.cli import target as targets
from geusemaker.cli.main import app
from geusemaker.cli.opening import open_target
from geusemaker.cli.target import Target
from geusemaker.errors import AwsError, ConfigError, EngineError, LocalError, PulumiError

from .world import World, is_understood

PLAIN = "config:\n  aws:region: eu-central-1\n"


def opened(**named: object) -> Target:
    return open_target(**named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flag", "in_file", "variables", "region", "source"),
    [
        ("eu-west-1", PLAIN, {"AWS_REGION": "x"}, "eu-west-1", "--region"),
        (None, PLAIN, {"AWS_REGION": "x"}, "eu-central-1", "the stack's aws:region"),
        (
            *(None, "config: {}\n", {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}),
            *("eu-west-2", "AWS_REGION"),
        ),
        (
            *(None, "config: {}\n", {"AWS_DEFAULT_REGION": "eu-west-3"}),
            *("eu-west-3", "AWS_DEFAULT_REGION"),
        ),
        (None, "config:\n  aws:region:\n", {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, None, ""),
        (None, "config:\n  aws:region: 5\n", {}, None, ""),
        (None, None, {}, None, ""),
        (
            None,
            "config:\n  aws:region:\n    secure: c:eu-north-1\n",
            {"AWS_REGION": "x"},
            "eu-north-1",
            "the stack's aws:region",
        ),
    ],
)
def test_the_region_comes_from_flag_stack_or_environment(
    world: World,
    flag: str | None,
    in_file: str | None,
    variables: dict[str, str],
    region: str | None,
    source: str,
) -> None:
    if in_file is None:
        world.file.unlink()
    else:
        world.file.write_text(in_file)
    for name, value in variables.items():
        world.patch.setenv(name, value)
    found = opened(region=flag)
    assert (found.region, found.region_source) == (region, source)
    if region is None:
        with pytest.raises(ConfigError, match="No Region is set") as refused:
            found.required_region()
        is_understood(str(refused.value).split("`")[1])
    else:
        assert found.required_region() == region


@pytest.mark.parametrize(
    ("listed", "wanted", "found"),
    [
        ([{"name": "dev", "current": True}], None, "dev"),
        ([{"name": "dev"}, {"name": "acme/prod", "current": True}], None, "acme/prod"),
        ([{"name": "dev"}], "dev", "dev"),
        ([{"name": "acme/prod"}], "prod", "prod"),
        ([{"name": "acme/prod"}], "acme/prod", "acme/prod"),
        ([{"name": "prod"}], "organization/geusemaker/prod", "organization/geusemaker/prod"),
        ([{"name": "acme/prod"}], "acme/geusemaker/prod", "acme/geusemaker/prod"),
    ],
)
def test_a_stack_is_found_by_each_of_its_names(
    world: World, listed: list[dict[str, object]], wanted: str | None, found: str
) -> None:
    world.answers(stacks=listed)
    name, cli, file = opened(stack=wanted).required_stack()
    assert name == cli.stack == found
    assert file == world.file.with_name(f"Pulumi.{found.rpartition('/')[2]}.yaml")


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [([], "dev"), ([{"name": "dev"}], "Dev"), ([{"name": "dev"}], "acme/geusemaker/prod")],
)
def test_a_missing_stack_is_an_error_that_lists_the_others(
    world: World, listed: list[dict[str, object]], wanted: str
) -> None:
    world.answers(stacks=listed)
    with pytest.raises(ConfigError, match=f"--stack is '{wanted}'") as refused:
        opened(stack=wanted)
    assert f"(it has: {'dev' if listed else 'none'})" in str(refused.value)
    is_understood(f"pulumi stack init {wanted}")
    assert f"`pulumi stack init {wanted}`" in str(refused.value)
    assert ("Use `--stack dev`, or" in str(refused.value)) == (wanted == "Dev")


def test_without_a_selected_stack_the_error_names_the_command(world: World) -> None:
    world.answers(stacks=[{"name": "dev"}, {"name": "prod"}])
    found = opened()
    assert (found.stack, found.given(), found.outputs()) == (None, [], {})
    assert found.config().os_type == "ubuntu-22.04"
    with pytest.raises(ConfigError, match=r"\(it has: dev, prod\)"):
        found.required_stack()
    world.patch.setenv("PULUMI_STACK", "gone")
    with pytest.raises(ConfigError, match="PULUMI_STACK is 'gone'") as refused:
        opened().required_stack()
    assert "(it has: dev, prod). `unset PULUMI_STACK` takes" in str(refused.value)


@pytest.mark.parametrize("said", ["not json", '{"a": 1}', "[1]", "[{}]"])
def test_stacks_that_cannot_be_read_are_one_paragraph(world: World, said: str) -> None:
    world.answers(stacks_text=said)
    found = opened()
    assert "did not list its stacks as JSON" in found.no_stack
    assert "`pulumi login`" in found.no_stack


def test_without_a_login_the_error_names_both_logins(world: World) -> None:
    world.answers(stacks_error="error: PULUMI_ACCESS_TOKEN must be set for login")
    with pytest.raises(ConfigError, match="Pulumi said: PULUMI_ACCESS_TOKEN") as refused:
        opened(stack="dev")
    assert "`pulumi login --local`" in str(refused.value)
    with pytest.raises(ConfigError, match="cannot be listed"):
        opened().required_stack()


def test_without_any_pulumi_there_is_no_stack_and_a_reason(world: World) -> None:
    for one in world.clone.engine_dir.iterdir():
        one.unlink(missing_ok=True)
    world.patch.setenv("PATH", "/nowhere")
    found = opened()
    assert found.cli is None
    # Nobody has set the variable that leaves sources out, and this command builds none.
    with pytest.raises(ConfigError, match="this command installs none") as refused:
        found.required_stack()
    assert "GEUSEMAKER_ENGINE_SOURCES" not in str(refused.value)
    assert "`geusemaker deploy` installs or builds it" in str(refused.value)
    with pytest.raises(EngineError):
        opened(need_engine=True)


def test_the_pulumi_on_path_is_taken_as_it_is(world: World) -> None:
    world.patch.setenv("PATH", str(world.clone.engine_dir))
    world.patch.setenv("GEUSEMAKER_CACHE_DIR", "/nowhere")
    cli = opened().cli
    assert cli is not None
    assert cli.program == world.clone.engine_dir / "pulumi"
    assert all(call["args"] != ["version"] for call in world.clone.calls())


@pytest.mark.parametrize("absolute", [True, False])
def test_a_config_file_named_by_the_environment_is_the_stacks_file(
    world: World, tmp_path: Path, absolute: bool
) -> None:
    elsewhere = (tmp_path if absolute else world.clone.places.project) / "other.yaml"
    elsewhere.write_text(f"{PLAIN}  geusemaker:osType: ubuntu-26.04\n")
    world.patch.setenv("PULUMI_OPTION_CONFIG_FILE", str(elsewhere) if absolute else "other.yaml")
    found = opened()
    assert found.stack_file == elsewhere
    assert found.region == "eu-central-1"
    assert found.config().os_type == "ubuntu-26.04"


def test_encrypted_values_are_read_in_clear_and_marked(world: World) -> None:
    world.config(
        "geusemaker:osType:\n  secure: c:ubuntu-24.04\ngeusemaker:dataVolumeGib: 50\n"
        "other:key: 1\ngeusemaker:tags:\n  team:\n    secure: c:ml"
    )
    given = {one.key: one for one in opened().given()}
    assert (given["osType"].value, given["osType"].secret) == ("ubuntu-24.04", True)
    assert (given["dataVolumeGib"].value, given["dataVolumeGib"].secret) == ("50", False)
    assert given["tags"].secret, "a part of it is encrypted"
    assert set(given) == {"osType", "dataVolumeGib", "tags"}
    assert "--show-secrets" in world.pulumi()[-1]
    world.config("geusemaker:subnetIds: [{secure: c:x}]")
    assert opened().given()[0].secret
    world.config("geusemaker:osType: ubuntu-24.04")
    opened().given()
    assert "--show-secrets" not in world.pulumi()[-1], "no prompt for a passphrase without need"


@pytest.mark.parametrize("content", ["", "config:\n", "secretsprovider: x\n", None])
def test_an_empty_or_missing_file_sets_nothing(world: World, content: str | None) -> None:
    world.file.unlink() if content is None else world.file.write_text(content)
    found = opened()
    assert (found.region, found.given()) == (None, [])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("config:\n  aws:region: 'us-east-1\n", "has an error at line 2: the quoted text"),
        ("config:\n\taws:region: us-east-1\n", "has an error at line 2: found character"),
        (
            "config:\n  geusemaker:osType: a\n  geusemaker:osType: b\n",
            "has an error at line 3: duplicate",
        ),
        ("config: {}\n# \xff\n", "is not UTF-8 text at line 2"),
        ("- aws:region: us-east-1\n", "has no mapping of keys at line 1"),
        ("# mine\nconfig: []\n", "has no mapping of keys under `config` at line 2"),
        ("config:\n  a:b:c:d: x\n", "has the key a:b:c:d at line 2, which Pulumi does not take"),
        # Pulumi takes the defaults without a word.
        ("aws:region: us-east-1\n", "has aws:region at line 1, where it has no effect; move it"),
        ("Config:\n  aws:region: us-east-1\n", "has Config at line 1, where it has no effect"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_with_file_and_line(
    world: World, content: str, fault: str
) -> None:
    world.file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError) as refused:
        opened()
    assert f"The config file {world.file} {fault}" in str(refused.value)


def commands(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """The words of each command that works on a stack."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


def test_every_command_fails_on_a_stack_file_that_does_not_parse(world: World) -> None:
    world.file.write_text("config:\n  aws:region: us-east-1\n  geusemaker:osType: 'x\n")
    tried = [words for words in commands(typer.main.get_command(app)) if words[0] != "local"]
    assert len(tried) >= 13
    tried.remove(("ami", "fleet"))  # it shows the reason in the stack's row
    for words in tried:
        said = world.run(*words, code=1)
        assert said.out == "", words
        assert f"{world.file} has an error at line 3" in said.err, words


def test_a_key_counts_by_the_name_that_pulumi_gives_it(world: World) -> None:
    world.file.write_text("config:\n  aws:config:region: eu-west-1\n  osType: ubuntu-24.04\n")
    value = {"value": "ubuntu-24.04"}
    world.answers(config={"geusemaker:osType": value})
    found = opened()
    assert found.required_region() == "eu-west-1"
    assert found.config().os_type == "ubuntu-24.04"


def test_a_value_that_pulumi_does_not_print_is_left_out(world: World) -> None:
    world.config("geusemaker:osType: ubuntu-24.04")
    world.answers(config={"geusemaker:architecture": {"value": "arm64"}})
    assert opened().given() == []


def test_a_client_is_made_in_the_targets_environment_which_ends_with_it(world: World) -> None:
    env = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "MARK": "1"}
    env.pop("AWS_ACCESS_KEY_ID")
    before = dict(os.environ)
    found = opened(region="us-east-1")
    found.env = env
    client = found.client("ec2")
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert dict(os.environ) == before
    found.env = {**env, "AWS_PROFILE": "none"}
    found._session = None
    with pytest.raises(AwsError, match="none"):
        found.identity()
    assert dict(os.environ) == before


@pytest.mark.parametrize("endpoint", ["no address", "http://"])
def test_an_address_that_is_none_is_one_paragraph(world: World, endpoint: str) -> None:
    world.patch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(AwsError, match="sts GetCallerIdentity"):
        opened(region="us-east-1").identity()
    with pytest.raises(AwsError, match="ec2 DescribeImages"):
        opened(region="us-east-1").ec2()


def test_each_try_is_counted_over_all_clients(world: World) -> None:
    found = opened(region="us-east-1")
    assert found.identity().account == "123456789012"
    found.client("ec2").describe_regions()
    assert found.calls == 2


def test_the_local_account_is_one_stack_in_its_own_environment(world: World) -> None:
    found = opened(local=True, stack="dev")
    assert found.simulated
    assert found.stack_file == world.clone.places.config
    assert found.env["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert found.region == yaml.safe_load(world.file.read_text())["config"]["aws:region"]
    with pytest.raises(LocalError, match="omit --stack with --local"):
        opened(local=True, stack="prod")


def test_what_is_said_goes_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    targets.say("busy")
    assert capsys.readouterr() == ("", "busy\n")


def test_a_read_that_was_started_is_used_once(world: World) -> None:
    world.config("geusemaker:osType: ubuntu-24.04")
    world.answers(output={"amiId": "ami-1"})
    found = opened(reads_stack=True)
    assert found.config().os_type == "ubuntu-24.04"
    assert found.outputs() == {"amiId": "ami-1"}
    reads = [call for call in world.pulumi() if call[:2] != ["stack", "ls"]]
    assert sorted(call[0] for call in reads) == ["config", "stack"]
    # After a deployment, for example.
    world.answers(output={"amiId": "ami-2"})
    assert found.outputs() == {"amiId": "ami-2"}


def test_a_started_read_fails_where_its_value_is_used(world: World) -> None:
    world.answers(output_error="error: no access")
    found = opened(reads_stack=True)
    assert found.given() == []
    with pytest.raises(PulumiError, match="no access"):
        found.outputs()


@pytest.mark.parametrize(("own", "expected"), [(None, "400"), ("50", "50")])
def test_only_a_cli_without_a_provider_collects_garbage_rarely(
    world: World, own: str | None, expected: str
) -> None:
    world.config("geusemaker:osType: ubuntu-24.04")
    if own:
        world.patch.setenv("GOGC", own)
    found = opened()
    found.config()
    found.outputs()
    assert found.cli is not None
    found.cli.preview()
    found.cli.up()
    runs = [call for call in world.clone.calls() if call["args"] != ["version"]]
    used = {call["args"][0]: call["env"].get("GOGC") for call in runs}
    assert used == {"stack": expected, "config": expected, "preview": own, "up": own}
