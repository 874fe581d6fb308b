"""`pulumi_moto` stands alone: others can use it without this project."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pulumi_moto
from pulumi_moto.invokes import INVOKES
from pulumi_moto.table import TYPES

FOLDER = Path(pulumi_moto.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def modules() -> dict[str, str]:
    files = [FOLDER / "README.md", *FOLDER.rglob("*.py")]
    return {str(file.relative_to(FOLDER)): file.read_text(encoding="utf-8") for file in files}


def imported(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


def test_no_module_imports_the_project_that_it_came_from() -> None:
    texts = {name: text for name, text in modules().items() if name.endswith(".py")}
    assert len(texts) > 30
    own = {"pulumi_moto", "pulumi", "pulumi_aws", "moto", "boto3", "botocore", "grpc", "google"}
    allowed = own | {"werkzeug"} | set(sys.stdlib_module_names)
    others = {name: imported(text) - allowed for name, text in texts.items()}
    assert {name: found for name, found in others.items() if found} == {}


def test_no_text_speaks_of_the_project_that_it_came_from() -> None:
    words = re.compile(r"geuse|dlami|deep learning|n8n|ollama|qdrant|make (up|down)", re.IGNORECASE)
    found = {name: [m.group() for m in words.finditer(text)] for name, text in modules().items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_the_readme_names_every_type_and_function() -> None:
    listed = README.partition("## What it supports")[2].partition("Any other type")[0]
    named = set(re.findall(r"`(\w+)`", listed))
    assert named == {token.rpartition(":")[2] for token in [*TYPES, *INVOKES]}


@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, r"arn:aws:ec2:eu-west-1:\d{12}:vpc/vpc-\w+"), (2, "ami-0123456789abcdef0")],
)
def test_the_examples_of_the_readme_work_without_the_project(
    number: int, printed: str, tmp_path: Path
) -> None:
    """In a process in which importing the project fails."""
    code = f"import sys; sys.modules['geusemaker'] = None\n{EXAMPLES[number]}"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert re.fullmatch(printed, ran.stdout.strip()), ran.stderr
