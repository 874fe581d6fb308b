"""The help of the program and shell completion."""

import subprocess
import sys

import pytest
import typer.main

from geusemaker.cli.lazy import Lazy
from geusemaker.cli.main import Commands, app

SLOW = {"boto3", "botocore", "moto", "pulumi", "pulumi_aws", "pydantic", "yaml"}
SCRIPT = """
import sys
from geusemaker.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
    sys.exit(end.code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["stauts"]])
def test_help_and_a_misspelt_command_import_nothing_slow(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    *said, imported = ended.stderr.splitlines()
    # Typer itself imports pydantic once it parses an option.
    allowed = {"pydantic"} if arguments == ["stauts"] else set()
    assert SLOW & set(imported.split()) <= allowed
    if arguments == ["stauts"]:
        assert ended.returncode == 2
        assert "Did you mean 'status'" in "".join(said)
    else:
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("lazy", Commands.lazy, ids=lambda lazy: lazy.name)
def test_the_help_lists_each_command_with_the_first_paragraph_of_its_own_help(lazy: Lazy) -> None:
    own = lazy.command()
    assert own.name == lazy.name
    assert own.help is not None
    assert " ".join(own.help.split("\n\n")[0].split()) == lazy.help


def every_command() -> list[list[str]]:
    """The words of each command, of groups too."""
    found: list[list[str]] = []

    def walk(command: object, words: list[str]) -> None:
        found.append(words)
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*words, name])

    walk(typer.main.get_command(app), [])
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_each_command_has_a_short_option_for_help_that_fits_80_columns(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        app([*words, "-h"], prog_name="geusemaker")
    shown = capsys.readouterr().out
    assert (ended.value.code or 0) == 0
    assert " ".join(["Usage: geusemaker", *words]) in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    assert "<bool>" not in shown, "a flag takes no value"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("st", ["status", "stop", "start"]), ("ami l", ["list"]), ("ami list --js", ["--json"])],
)
def test_the_shell_completes_commands_and_options(
    typed: str,
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = f"geusemaker {typed}"
    monkeypatch.setenv("_GEUSEMAKER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    monkeypatch.setattr("sys.argv", ["geusemaker"])
    with pytest.raises(SystemExit):
        app(prog_name="geusemaker")
    assert capsys.readouterr().out.split() == expected
