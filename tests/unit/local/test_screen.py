"""The output of `local up`: steps, notes and summary."""

import io

import pytest

from geusemaker.local.screen import Screen, Step, seconds, step_line, summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_columns_of_the_steps_are_aligned() -> None:
    assert step_line(1, "Python packages", ".venv, Python 3.12", "ready") == (
        "  [1/4] Python packages   .venv, Python 3.12                         ready"
    )


@pytest.mark.parametrize(
    ("spent", "text"), [(0.94, "0.9 s"), (59.9, "59.9 s"), (60, "1 min 00 s"), (281, "4 min 41 s")]
)
def test_durations_are_seconds_or_minutes_and_seconds(spent: float, text: str) -> None:
    assert seconds(spent) == text


def test_a_step_writes_one_line_when_it_ends() -> None:
    out = io.StringIO()
    screen = Screen(out)
    with screen.step(2, "Pulumi CLI") as step:
        step.detail, step.took = "3.259.0 on PATH", "ready"
        screen.note("a message")
    note, line = out.getvalue().splitlines()
    assert note == "        a message"
    assert line == step_line(2, "Pulumi CLI", "3.259.0 on PATH", "ready")


def fail_in(screen: Screen) -> Step:
    with screen.step(4, "Preview") as step:
        raise ValueError("no")
    return step


def test_a_failed_step_is_marked_as_failed() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"):
        fail_in(Screen(out))
    assert out.getvalue().rstrip().endswith("failed")


def test_a_terminal_shows_the_running_step() -> None:
    out = Terminal()
    screen = Screen(out)
    with screen.step(4, "Up") as step:
        step.detail = "36 created"
        assert out.getvalue() == "  [4/4] Up ..."
        screen.note("still at it")
    assert out.getvalue().endswith("\x1b[32m+ 0.0 s\x1b[0m\n"), "done, in colour and with a sign"
    assert out.getvalue().count("\r\x1b[K") == 2


def test_the_summary_describes_the_stack_and_then_the_next_commands() -> None:
    topics = {"Image": ["first", "second"], "Host": ["m6i.xlarge"]}
    lines = summary(topics, "ubuntu-24.04")
    assert lines[:3] == ["Image    first", "         second", "Host     m6i.xlarge"]
    assert [line.split()[0] for line in lines[3:] if line[:1].strip()] == [
        "Limits",
        "Next",
        "Change",
        "Files",
    ]
    assert any("osType ubuntu-24.04 &&" in line for line in lines)
