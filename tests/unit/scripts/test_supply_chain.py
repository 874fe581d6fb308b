"""What is fetched and run is named by what it contains: actions by commit, packages by hash."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github").rglob("*.yml"))
LOCKS = {
    "requirements.lock": ("requirements.txt",),
    "requirements-local.lock": ("requirements.txt", "requirements-local.txt"),
    "requirements-dev.lock": ("requirements.txt", "requirements-local.txt", "requirements-dev.txt"),
}
ENTRY = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^ ;]+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def uses(node: object) -> list[str]:
    """Every action that a workflow names in any of its parts."""
    if isinstance(node, dict):
        own = [node["uses"]] if isinstance(node.get("uses"), str) else []
        return own + [found for value in node.values() for found in uses(value)]
    return [found for value in node for found in uses(value)] if isinstance(node, list) else []


def requirements(*names: str) -> list[Requirement]:
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r "))]


def locked(name: str) -> dict[str, str]:
    """Versions by package. Each line of the file is a version or one of its hashes."""
    versions: dict[str, str] = {}
    hashes: dict[str, int] = {}
    package = ""
    for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
        if entry := ENTRY.match(line):
            package = entry[1]
            assert package not in versions, f"{name}:{number}: {package} is there twice"
            versions[package] = entry[2]
        else:
            assert HASH.match(line), f"{name}:{number} is no version and no hash: {line!r}"
            hashes[package] = hashes.get(package, 0) + 1
    assert versions.keys() == hashes.keys(), f"{name}: a package has no hash"
    return versions


def test_workflows_are_found() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "preview.yml", "deploy.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_named_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = uses(yaml.safe_load(text))
    pinned = re.findall(r"uses: (\S+@[0-9a-f]{40}) # v\d+\.\d+\.\d+$", text, re.MULTILINE)
    assert sorted(named) == sorted(pinned), "name the commit, as in `NAME@SHA # v1.2.3`"


def test_one_action_has_one_commit_everywhere() -> None:
    named = {use for path in WORKFLOWS for use in uses(yaml.safe_load(path.read_text()))}
    assert len({use.partition("@")[0] for use in named}) == len(named)


@pytest.mark.parametrize("name", ["preview.yml", "deploy.yml"])
def test_no_token_of_pulumi_cloud_is_stored(name: str) -> None:
    text = (ROOT / ".github/workflows" / name).read_text(encoding="utf-8")
    assert "PULUMI_ACCESS_TOKEN" not in text
    assert "pulumi/auth-actions@" in text


def test_workflows_run_the_cli_of_the_sdks_version() -> None:
    versions = {
        step["with"]["pulumi-version"]
        for path in WORKFLOWS
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("pulumi/actions@")
    }
    (sdk,) = [one for one in requirements("requirements.txt") if one.name == "pulumi"]
    assert {f"=={version}" for version in versions} == {str(sdk.specifier)}


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_the_requirements_want(name: str) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = [Requirement(one) for one in tomllib.load(file)["build-system"]["requires"]]
    versions = locked(name)
    for wanted in [*requirements(*LOCKS[name]), *build]:
        version = versions.get(canonicalize_name(wanted.name))
        assert version is not None, f"{name} lacks {wanted.name}: run `make lock`"
        assert wanted.specifier.contains(version, prereleases=True), (
            f"{name} has {wanted.name} {version}, not {wanted.specifier}: run `make lock`"
        )


def test_tests_run_with_the_versions_that_the_program_gets() -> None:
    run, local, dev = (locked(name) for name in LOCKS)
    assert {name: local.get(name) for name in run} == run
    assert {name: dev.get(name) for name in local} == local


def test_a_deployment_to_aws_installs_no_simulated_account() -> None:
    only_local = {"moto", "flask", "flask-cors", "werkzeug", "docker", "cfn-lint"}
    assert only_local.isdisjoint(locked("requirements.lock"))
    assert {"docker", "cfn-lint"}.isdisjoint(locked("requirements-local.lock"))
