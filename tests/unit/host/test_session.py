"""What opens a session, what it needs, and what a stopped host costs."""

import shlex

import pytest

from geusemaker.components.tier1 import connect_command
from geusemaker.host import session
from geusemaker.host.costs import while_stopped

ID = "i-0123456789abcdef0"
FORWARD = connect_command(ID, "eu-west-1")


def test_the_words_are_those_that_the_stack_made() -> None:
    words = session.command_of(FORWARD)
    assert shlex.join(words) == FORWARD
    assert session.local_url(words) == "https://localhost:8443"
    assert session.shell_command("eu-west-1", ID) == words[:7]
    assert session.local_url(words[:7]) is None


@pytest.mark.parametrize(
    "text", ["", "aws s3 rm", "sh -c 'aws ssm start-session'", "aws ssm", "echo 'unclosed"]
)
def test_what_the_program_did_not_make_is_not_run(text: str) -> None:
    with pytest.raises(ValueError, match=r"start-session|No closing quotation"):
        session.command_of(text)


def test_shell_signs_stay_words() -> None:
    words = session.command_of("aws ssm start-session --target x; touch $HOME")
    assert words[4:] == ["x;", "touch", "$HOME"]


def test_the_stacks_profile_goes_along() -> None:
    assert session.with_profile(["aws"], "work") == ["aws", "--profile", "work"]
    assert session.with_profile(["aws"], None) == ["aws"]


@pytest.mark.parametrize("there", [[], ["aws"], ["session-manager-plugin"], session.PROGRAMS])
def test_a_missing_program_is_told_with_where_to_get_it(there: list[str]) -> None:
    lacking = session.missing(lambda name: name if name in there else None)
    assert set(lacking) == set(session.PROGRAMS) - set(there)
    assert session.how_to_install(lacking).count("https://") == len(lacking)


def test_the_greeting_names_url_and_certificate() -> None:
    url = "https://localhost:8443"
    assert session.greeting(None, url) == ["Ctrl-C ends it."]
    told = session.greeting(url, url)
    assert url in told[0]
    assert "Caddy's own CA" in told[1]
    assert len(told) == 2
    assert "https://n8n.example.com" in session.greeting(url, "https://n8n.example.com")[2]


@pytest.mark.parametrize(
    ("gib", "address", "parts"),
    [
        (175, True, ["175 GiB, about 14.00 USD", "Elastic IP (about 3.65 USD a month)"]),
        (None, False, ["its disks and the file system"]),
    ],
)
def test_what_a_stopped_host_costs(gib: int | None, address: bool, parts: list[str]) -> None:
    told = while_stopped(gib, address)
    assert all(part in told for part in parts)
    assert ("Elastic IP" in told) is address
