"""actionlint on the workflows: contexts, inputs of actions, and shellcheck on each step."""

import subprocess
from pathlib import Path

from workflows.reader import FOLDER


def test_actionlint_has_nothing_against_the_workflows(actionlint: Path, tmp_path: Path) -> None:
    def lint(*files: Path) -> str:
        ran = subprocess.run(
            [str(actionlint), "-no-color", "-oneline", *map(str, files)],
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.stdout + ran.stderr

    assert lint(*sorted(FOLDER.glob("*.yml"))) == ""
    wrong = tmp_path / "preview.yml"
    wrong.write_text((FOLDER / "preview.yml").read_text().replace("needs: stacks", "needs: x"))
    assert 'needs job "x" which does not exist' in lint(wrong)
