"""The commands of a session, its programs, and the costs of a stopped host."""

import shlex

import pytest

from geusemaker.components.tier1 import connect_command
from geusemaker.host import session
from geusemaker.host.costs import while_stopped

ID = "i-0123456789abcdef0"
FORWARD = connect_command(ID, "eu-west-1")


def test_the_command_is_the_stacks_output() -> None:
    words = session.command_of(FORWARD)
    assert shlex.join(words) == FORWARD
    assert session.local_url(words) == "https://localhost:8443"
    assert session.shell_command("eu-west-1", ID) == words[:7]
    assert session.local_url(words[:7]) is None


@pytest.mark.parametrize(
    "text", ["", "aws s3 rm", "sh -c 'aws ssm start-session'", "aws ssm", "echo 'unclosed"]
)
def test_any_other_command_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"start-session|No closing quotation"):
        session.command_of(text)


def test_shell_metacharacters_stay_plain_words() -> None:
    words = session.command_of("aws ssm start-session --target x; touch $HOME")
    assert words[4:] == ["x;", "touch", "$HOME"]


def test_the_stacks_profile_is_added() -> None:
    assert session.with_profile(["aws"], "work") == ["aws", "--profile", "work"]
    assert session.with_profile(["aws"], None) == ["aws"]


@pytest.mark.parametrize("there", [[], ["aws"], ["session-manager-plugin"], session.PROGRAMS])
def test_a_missing_program_is_named_with_its_source(there: list[str]) -> None:
    lacking = session.missing(lambda name: name if name in there else None)
    assert set(lacking) == set(session.PROGRAMS) - set(there)
    assert session.how_to_install(lacking).count("https://") == len(lacking)


def test_the_greeting_names_url_and_certificate() -> None:
    url = "https://localhost:8443"
    assert session.greeting(None, url) == ["Ctrl-C ends it."]
    hints = session.greeting(url, url)
    assert url in hints[0]
    assert "Caddy's own CA" in hints[1]
    assert len(hints) == 2
    assert "https://n8n.example.com" in session.greeting(url, "https://n8n.example.com")[2]


@pytest.mark.parametrize(
    ("gib", "address", "parts"),
    [
        (175, True, ["175 GiB, about 14.00 USD", "Elastic IP (about 3.65 USD a month)"]),
        (None, False, ["its disks and the file system"]),
    ],
)
def test_what_a_stopped_host_costs(gib: int | None, address: bool, parts: list[str]) -> None:
    costs = while_stopped(gib, address)
    assert all(part in costs for part in parts)
    assert ("Elastic IP" in costs) is address
