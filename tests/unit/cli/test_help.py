"""The help of the program: at once, and with the words of each command's own help."""

import subprocess
import sys

import pytest

from geusemaker.cli.lazy import Lazy
from geusemaker.cli.main import Commands

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
