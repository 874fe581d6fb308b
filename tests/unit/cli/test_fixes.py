"""Each command in an error matches the flags of the command that failed."""

import re
import shlex

import pytest

from geusemaker.cli import fixes
from geusemaker.cli.fixes import command_of, reword

from .world import is_understood

FLAGS: dict[str, str | bool | None] = {
    "--stack": None,
    "--region": None,
    "--os-type": None,
    "--ami-type": "tensorflow",
    "--local": False,
    "--yes": True,
}
SET_BOTH = "pulumi config set geusemaker:osType ubuntu-24.04 && pulumi config rm geusemaker:amiId"


@pytest.mark.parametrize(
    ("command", "named", "expected"),
    [
        ("pulumi up", {}, "pulumi up"),
        ("pulumi config rm geusemaker:amiId", {}, "pulumi config rm geusemaker:amiId"),
        (
            "pulumi config set geusemaker:amiName 'a b'",
            {"stack": "acme/prod"},
            "pulumi config set geusemaker:amiName 'a b' --stack acme/prod",
        ),
        ("pulumi up --refresh", {"stack": "prod"}, "pulumi up --refresh --stack prod"),
        # Behind the two dashes it would be one more value.
        (
            "pulumi config set -- geusemaker:dataVolumeGib -5",
            {"stack": "prod"},
            "pulumi config set --stack prod -- geusemaker:dataVolumeGib -5",
        ),
        (
            "pulumi config set geusemaker:amiName 'a -- b'",
            {"stack": "prod"},
            "pulumi config set geusemaker:amiName 'a -- b' --stack prod",
        ),
        ("pulumi stack init prod", {"stack": "prod"}, "pulumi stack init prod"),
        ("pulumi login", {"stack": "prod"}, "pulumi login"),
        ("pulumi up", {"local": True}, "geusemaker local run -- pulumi up"),
        (
            SET_BOTH,
            {"local": True, "stack": "dev"},
            "geusemaker local run -- pulumi config set geusemaker:osType ubuntu-24.04 && "
            "geusemaker local run -- pulumi config rm geusemaker:amiId",
        ),
        (
            SET_BOTH,
            {"stack": "prod", "deploy": {**FLAGS, "--stack": "prod"}},
            "pulumi config rm geusemaker:amiId --stack prod && geusemaker deploy --stack prod "
            "--os-type ubuntu-24.04 --ami-type tensorflow --yes",
        ),
        (
            "pulumi config set geusemaker:amiType pytorch",
            {"deploy": FLAGS},
            "geusemaker deploy --ami-type pytorch --yes",
        ),
        (
            "pulumi config set aws:region eu-west-1",
            {"deploy": FLAGS},
            "geusemaker deploy --region eu-west-1 --ami-type tensorflow --yes",
        ),
        (
            "geusemaker ami list --json",
            {"stack": "prod", "region": "eu-west-1"},
            "geusemaker ami list --json --stack prod --region eu-west-1",
        ),
        ("geusemaker deploy", {"stack": "dev", "local": True}, "geusemaker deploy --local"),
        ("geusemaker deploy --local --yes", {"local": True}, "geusemaker deploy --local --yes"),
        ("geusemaker deploy -s x --stack x", {"stack": "x"}, "geusemaker deploy -s x --stack x"),
        (
            "geusemaker plan --against state.json",
            {"stack": "prod", "region": "eu-west-1"},
            "geusemaker plan --against state.json --stack prod --region eu-west-1",
        ),
        ("geusemaker plan --hours 200", {"local": True}, "geusemaker plan --hours 200"),
        ("geusemaker local up", {"stack": "x", "local": True}, "geusemaker local up"),
        ("aws configure", {"stack": "x"}, "aws configure"),
    ],
)
def test_a_command_fits_what_was_typed(
    command: str, named: dict[str, object], expected: str
) -> None:
    said = reword(f"Wrong. Fix it: `{command}`; or `other`.", **named)  # type: ignore[arg-type]
    assert said == f"Wrong. Fix it: `{expected}`; or `other`."
    for one in re.findall(r"`((?:pulumi|geusemaker) [^`]*)`", said):
        for step in one.split(" && "):
            assert shlex.split(step)
            is_understood(step)


@pytest.mark.parametrize("value", ["'it''s", "'a && b'", "'a`b'"])
def test_a_value_that_holds_the_marks_themselves_is_not_torn(value: str) -> None:
    said = f"Fix it: `pulumi config set geusemaker:amiName {value}` or `x`."
    assert reword(said, stack="prod", local=True, deploy=FLAGS) == said


def test_flags_are_quoted_for_a_shell() -> None:
    command = command_of({"--config": "my file.yaml", "--stack": "a;b", "--yes": True, "--x": None})
    assert command == "geusemaker deploy --config 'my file.yaml' --stack 'a;b' --yes"
    assert shlex.split(command)[3] == "my file.yaml"


def test_the_commands_of_a_line_next_fit_too() -> None:
    commands = ["geusemaker deploy", "pulumi up"]
    assert fixes.alternatives(commands) == "geusemaker deploy | pulumi up"
    assert fixes.alternatives(commands, stack="prod") == (
        "geusemaker deploy --stack prod | pulumi up --stack prod"
    )


def test_a_deployment_takes_the_place_of_an_up_after_a_change_of_type() -> None:
    said = "`pulumi config set geusemaker:instanceType m6i.xlarge && pulumi up`"
    assert reword(said, deploy={}) == "`geusemaker deploy --instance-type m6i.xlarge`"
    assert reword(said) == said
