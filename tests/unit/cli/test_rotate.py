"""`geusemaker credentials` with keys that have names, and `geusemaker credentials rotate NAME`."""

import json

import pytest

from .deployed import Deployed, lines_of

KEYS = "ci_AAAA laptop_BBBB"


def named(host: Deployed, value: str = "laptop,ci:2", keys: str = KEYS) -> None:
    """A stack whose config names keys, and whose settings name their parameter."""
    host.world.config(f"geusemaker:apiKeys: {value}")
    host.put("settings-1", "sha256=x\nbucket=b\nsecrets=secrets-1:3")
    host.put("secrets-1", lines_of({"api-keys": keys, "n8n.PASS": "hush"}), "SecureString")


def test_the_keys_are_listed_by_name_with_nothing_else_of_their_parameter(host: Deployed) -> None:
    named(host, "laptop,ci:2,new")
    lines = host.world.run("credentials").out.splitlines()
    at = lines.index("  Keys       for Ollama, Qdrant and Crawl4AI, in place of the keys above")
    assert lines[at + 1 : at + 4] == [
        "             ci        ci_AAAA",
        "             laptop    laptop_BBBB",
        "             new       is not deployed yet",
    ]
    assert "hush" not in "\n".join(lines)
    told = json.loads(host.world.run("credentials", "--json").out)
    assert told["apiKeys"] == {"ci": "ci_AAAA", "laptop": "laptop_BBBB"}


def test_a_stack_without_names_has_no_list_of_them(host: Deployed) -> None:
    assert "Keys" not in host.world.run("credentials").out
    assert "apiKeys" not in json.loads(host.world.run("credentials", "--json").out)
    named(host, "laptop")
    host.put("settings-1", "sha256=x\nbucket=b")
    assert "laptop    is not deployed yet" in host.world.run("credentials").out


@pytest.mark.parametrize(("name", "items"), [("laptop", "laptop:2,ci:2"), ("ci", "laptop,ci:3")])
def test_rotate_counts_the_name_up_deploys_and_shows_no_key(
    host: Deployed, name: str, items: str
) -> None:
    named(host)
    said = host.world.run("credentials", "rotate", name, "--yes").out
    assert f"geusemaker:apiKeys: {items}" in host.world.file.read_text()
    assert f"geusemaker:apiKeys: {items}" in host.world.previewed()
    assert host.world.deployed()
    assert f"{name} has another key" in said
    assert "`geusemaker credentials` shows it" in said
    assert "AAAA" not in said
    assert "BBBB" not in said


def test_rotate_changes_nothing_without_a_yes(host: Deployed) -> None:
    named(host)
    before = host.world.file.read_text()
    host.world.terminal(False)
    assert "Nothing was changed." in host.world.run("credentials", "rotate", "ci", code=1).out
    assert host.world.file.read_text() == before
    assert not host.world.deployed()


def test_rotate_needs_a_terminal_or_yes(host: Deployed) -> None:
    named(host)
    assert "Add --yes" in host.world.run("credentials", "rotate", "ci", code=1, notes=True).err
    assert not host.world.deployed()


@pytest.mark.parametrize(
    ("config", "name", "fix"),
    [
        ("laptop,ci:2", "new", "`pulumi config set geusemaker:apiKeys laptop,ci:2,new`"),
        ("laptop,ci:2", "ci:2", "`geusemaker credentials rotate laptop`"),
        ("laptop,ci:2", None, "`geusemaker credentials rotate laptop`"),
        ("", None, "`pulumi config set geusemaker:apiKeys laptop`"),
        ("", "ci", "`pulumi config set geusemaker:apiKeys ci`"),
    ],
)
def test_a_name_that_the_config_does_not_have_is_refused_with_the_command(
    host: Deployed, config: str, name: str | None, fix: str
) -> None:
    if config:
        named(host, config)
    error = host.world.run("credentials", "rotate", *([name] if name else []), "--yes", code=1).err
    assert fix in error
    assert not host.world.deployed()


def test_a_deployment_that_fails_says_which_key_is_in_force(host: Deployed) -> None:
    named(host)
    host.world.answers(up_said=[["error", "AWS said no"]], up_code=255)
    error = host.world.run("credentials", "rotate", "ci", "--yes", code=1, notes=True).err
    assert "ci may have its old key still" in error
    assert "`geusemaker deploy` continues" in error
    assert "geusemaker:apiKeys: laptop,ci:3" in host.world.file.read_text()
