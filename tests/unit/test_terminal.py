"""Text on a terminal: no word and no command is broken, and each state has a colour and a sign."""

import io
from types import SimpleNamespace

import pytest

from geusemaker import terminal
from geusemaker.terminal import length, mark, paragraph, working, wrapped

LONG = "`pulumi config set geusemaker:instanceType m6i.xlarge --stack acme/geusemaker/production-1`"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """80 columns that show colours, for stdout and stderr."""
    shown = Terminal()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # pytest puts its own streams into `sys` once the fixtures are made.
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdout=shown, stderr=shown))
    return shown


def test_a_paragraph_is_broken_between_words_and_indented_under_its_head() -> None:
    assert wrapped("one two three four", 16, "  topic   ") == [
        "  topic   one",
        "          two",
        "          three",
        "          four",
    ]
    assert wrapped("short  with  gaps", 80, "  topic   ") == ["  topic   short  with  gaps"]


def test_a_command_that_fits_a_line_is_not_broken() -> None:
    lines = wrapped("The value is wrong: `pulumi config rm geusemaker:amiId`, then up.", 50)
    assert lines == ["The value is wrong:", "`pulumi config rm geusemaker:amiId`, then up."]


@pytest.mark.parametrize("end", ["", ".", ";"])
def test_a_command_longer_than_a_line_is_alone_on_one_and_can_be_copied(end: str) -> None:
    lines = wrapped(f"Fix it: {LONG}{end} Then deploy.", 80, "  fix     ")
    assert lines == ["  fix     Fix it:", LONG.strip("`"), "          Then deploy."]


def test_alternatives_are_broken_between_commands_only() -> None:
    text = "geusemaker ami show --stack production | geusemaker ami pin --stack production"
    assert wrapped(text, 60, "Next: ", whole=True) == [
        "Next: geusemaker ami show --stack production",
        "      | geusemaker ami pin --stack production",
    ]
    url = "aws ssm start-session --target i-1 --parameters portNumber=443"
    assert wrapped(url, 40, "  connect  ", whole=True) == ["  connect", url]


def test_colours_take_no_room(screen: Terminal) -> None:
    head = mark("ok", "ok")
    assert head == "\x1b[32m✓ ok\x1b[0m"
    assert length(head) == 4
    assert wrapped("a b", 8, f"{head} ") == [f"{head} a b"]
    assert wrapped("a bcd", 8, f"{head} ") == [f"{head} a", "     bcd"]


def test_ok_and_failed_differ_in_colour_and_sign(screen: Terminal) -> None:
    assert mark("failed", "failed") == "\x1b[31m✗ failed\x1b[0m"
    screen.encoding = "ascii"
    assert mark("ok", "ok") == "\x1b[32m+ ok\x1b[0m"
    assert mark("failed", "failed") == "\x1b[31mx failed\x1b[0m"


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_without_colours_the_words_stay(
    screen: Terminal, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    monkeypatch.setenv(*variable)
    assert mark("failed", "failed") == "failed"


def test_a_pipe_gets_one_line_without_colours(capsys: pytest.CaptureFixture[str]) -> None:
    paragraph("word " * 40 + LONG, "  topic  ")
    paragraph(mark("failed", "failed"))
    with working("Waiting"):
        pass
    assert capsys.readouterr() == (f"  topic  {'word ' * 40}{LONG}\nfailed\n", "")


def test_a_terminal_gets_lines_of_its_width(screen: Terminal) -> None:
    paragraph("word " * 40)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split() == ["word"] * 40


def test_long_work_shows_what_it_waits_for_and_gives_way_to_other_text(screen: Terminal) -> None:
    with working("Previewing"):
        shown = terminal._Progress.current
        assert shown is not None
        shown.show()
        assert screen.getvalue().endswith("Previewing ... 0 s")
        paragraph("note: something")
        assert screen.getvalue().endswith("0 s\r\x1b[Knote: something\n")
    assert screen.getvalue().endswith("\r\x1b[K"), "nothing of it stays"
    assert terminal._Progress.current is None
