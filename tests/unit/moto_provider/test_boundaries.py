"""Others can use `pulumi_moto` without this project: by its imports, its wheel and its README."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import pulumi_moto
from pulumi_moto.invokes import INVOKES
from pulumi_moto.table import TYPES

FOLDER = Path(pulumi_moto.__file__).parent
PROJECT, TESTS = FOLDER.parent, Path(__file__).parent
PACKAGES = ("geusemaker", "pulumi_moto")
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


def test_the_tests_of_the_package_do_not_use_the_project() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in TESTS.glob("*.py")}
    assert len(texts) > 10
    others = {"geusemaker", "simulator", "components"}
    assert {name: found for name, text in texts.items() if (found := imported(text) & others)} == {}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, as pip unpacks it. Built from a copy: a build writes files."""
    folder = tmp_path_factory.mktemp("wheel")
    source, unpacked = folder / "source", folder / "unpacked"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, source / name, ignore=ignored)
    wanted = [PROJECT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    for file in [*wanted, *PROJECT.glob("requirements*.txt")]:
        shutil.copy(file, source)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    ran = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(unpacked)
    return unpacked


def test_the_wheel_holds_every_file_of_both_packages(installed: Path) -> None:
    def files(folder: Path) -> set[str]:
        found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        return {name for name in found if name.partition("/")[0] in PACKAGES}

    wanted = {
        str(file.relative_to(PROJECT))
        for name in PACKAGES
        for file in (PROJECT / name).rglob("*")
        if file.is_file() and not re.search(r"/(__pycache__|\.)", str(file.relative_to(PROJECT)))
    }
    assert files(installed) == wanted


def test_the_wheel_has_the_command(installed: Path) -> None:
    (described,) = metadata.distributions(path=[str(installed)])
    (command,) = described.entry_points.select(group="console_scripts")
    assert command.name == "geusemaker"
    module, _, function = command.value.partition(":")
    assert (
        f"def {function}(" in (installed / module.replace(".", "/")).with_suffix(".py").read_text()
    )


def test_the_examples_of_the_readme_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Where importing the project fails. The example with the CLI needs the engine."""
    code = "\n".join(
        [
            f"import sys; sys.path.insert(0, {str(installed)!r}); sys.modules['geusemaker'] = None",
            # Leaves no current event loop, as Python 3.14 begins.
            "import asyncio; asyncio.run(asyncio.sleep(0))",
            *(example for example in EXAMPLES if "subprocess" not in example),
            "import pulumi_moto; print(pulumi_moto.__file__)",
        ]
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    printed = ran.stdout.splitlines()
    assert len(printed) == 7, ran.stderr
    assert re.fullmatch(r"arn:aws:ec2:eu-west-1:\d{12}:vpc/vpc-\w+", printed[0])
    assert printed[1:] == [
        "ami-0123456789abcdef0",
        "away eu-west-1 {'of': 'europe'}",
        "far ap-northeast-1 {'of': 'europe'}",
        "home us-east-1 {}",
        "2 with the default VPC",
        str(installed / "pulumi_moto/__init__.py"),
    ]
