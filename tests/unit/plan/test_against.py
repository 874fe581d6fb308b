"""`geusemaker plan --against`: another config, a commit, a saved state."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from geusemaker.plan import against
from geusemaker.plan.model import Comparison, PropertyChange

from .project import ROOT, Project

RECORDED = ROOT / "tests" / "engine" / "recorded"
BUNDLE = "geusemaker-compute-settings-"


def compared(project: Project, *arguments: str, code: int = 0) -> Comparison:
    found = project.plan(*arguments, code=code).comparison
    assert found is not None
    return found


def operations(found: Comparison) -> dict[str, str]:
    """What changes, without the bundle, whose name depends on its content."""
    return {one.name: one.operation for one in found.changes if not one.name.startswith(BUNDLE)}


def recorded(project: Project, name: str, **values: object) -> str:
    """Makes a recorded stack's config that of the project; its state's file."""
    config = yaml.safe_load((RECORDED / f"{name}.config.yaml").read_text())["config"]
    project.config({**config, **{f"geusemaker:{key}": value for key, value in values.items()}})
    return str(RECORDED / f"{name}.state.json")


def other(project: Project, **values: object) -> str:
    """Writes another config file; its path."""
    keys: dict[str, object] = {"aws:region": "us-east-1", "geusemaker:protectData": "false"}
    keys |= {f"geusemaker:{key}": value for key, value in values.items()}
    file = project.folder / "other.yaml"
    file.write_text(yaml.safe_dump({"config": keys}), encoding="utf-8")
    return str(file)


def test_the_same_config_changes_nothing(project: Project) -> None:
    found = compared(project, "--against", other(project))
    assert not found.changes
    assert not found.files
    assert not found.outages
    assert found.unchanged == 54


def test_another_config_with_what_it_replaces_stops_and_changes(project: Project) -> None:
    project.config({"geusemaker:ollamaModels": "llama3.2:3b"})
    file = other(project, osType="ubuntu-24.04", n8nPublicApi=True)
    arguments = ("--against", file, "--fail-on", "replaces-data,replaces-host,cost>9000,cost>100")
    plan = project.plan(*arguments, code=3)
    assert plan.failed == ("replaces-host", "cost>100")
    found = plan.comparison
    assert found is not None
    assert found.against.kind == "config"
    assert found.replaces_host
    assert not found.replaces_data
    host = next(one for one in found.changes if one.holds == "host")
    assert [(one.path, one.replaces) for one in host.properties] == [("ami", True)]
    assert host.properties[0].before != host.properties[0].after
    (outage,) = found.outages
    assert outage.services == ("host",)
    diffs = {one.path: one.diff for one in found.files}
    assert diffs.keys() == {"compose.yaml", "manifest"}
    assert "+model llama3.2:3b" in diffs["manifest"]


def test_the_cost_is_that_of_the_parts_and_its_change_that_of_a_larger_disk(
    project: Project,
) -> None:
    plan = project.plan("--against", other(project, dataVolumeGib=50), "--hours", "100")
    assert plan.cost is not None
    assert plan.cost.hours == 100
    parts = {one.key: one for one in plan.cost.parts}
    known = [one.low for one in plan.cost.parts if one.low is not None]
    assert plan.cost.low == pytest.approx(sum(known), abs=0.05)
    assert parts["files-backups"].low == 0.29  # 0.285
    assert "price of 2024-07-01" in parts["files"].what
    assert "price of" not in parts["host"].what
    found = plan.comparison
    assert found is not None
    assert found.cost_low is not None
    # Half of the disk, and half of its copies.
    assert parts["data-disk"].low is not None
    assert parts["data-backups"].low is not None
    half = (parts["data-disk"].low + parts["data-backups"].low) / 2
    assert found.cost_low == pytest.approx(half, abs=0.02)


def test_a_host_without_a_known_price_makes_the_change_of_the_cost_unknown(
    project: Project,
) -> None:
    project.config({"geusemaker:instanceType": "m5a.xlarge"})
    plan = project.plan("--against", other(project))
    assert plan.cost is not None
    assert not plan.cost.is_complete
    found = plan.comparison
    assert found is not None
    assert (found.cost_low, found.cost_high) == (None, None)
    assert "The change of the cost, because no total has that of host m5a.xlarge." in found.notes


def test_settings_of_a_service_restart_it_alone(project: Project) -> None:
    found = compared(project, "--against", other(project, n8nPublicApi=True))
    assert [one.services for one in found.outages] == [("n8n",)]
    assert operations(found) == {"geusemaker-compute-settings": "update"}
    assert not found.replaces_host


def test_another_api_key_stops_nothing(project: Project) -> None:
    project.config({"geusemaker:apiKeys": "laptop,ci"})
    found = compared(project, "--against", other(project, apiKeys="laptop"))
    assert operations(found)["geusemaker-compute-secrets"] == "update"
    assert not found.outages


def test_a_saved_state_keeps_what_the_stack_keeps(project: Project) -> None:
    state = recorded(project, "stack-id")
    plan = project.plan("--against", state)
    found = plan.comparison
    assert found is not None
    assert found.against.kind == "state"
    assert operations(found) == {"geusemaker-compute-settings": "update"}
    assert "keeps the image" in plan.image.why
    (note,) = found.notes
    assert "encrypted" in note


def test_data_of_a_saved_state_that_would_go_is_named_and_refused(project: Project) -> None:
    state = recorded(project, "stack-id-public", dataVolumeGib=300)
    found = compared(project, "--against", state)
    assert [one.path for one in _named(found, "geusemaker-storage-data")] == ["size"]
    config = json.loads((RECORDED / "stack-id-public.state.json").read_text())
    for one in config["deployment"]["resources"]:
        if one["urn"].endswith("Volume::geusemaker-storage-data"):
            one["inputs"]["availabilityZone"] = "us-east-1f"
            one["outputs"]["availabilityZone"] = "us-east-1f"
    moved = project.folder / "moved.json"
    moved.write_text(json.dumps(config), encoding="utf-8")
    arguments = ("--against", str(moved), "--fail-on", "replaces-data")
    found = compared(project, *arguments, code=3)
    assert found.replaces_data
    assert "geusemaker-storage-data" in found.refused


def _named(found: Comparison, name: str) -> tuple[PropertyChange, ...]:
    (one,) = (one for one in found.changes if one.name == name and one.holds == "data")
    return one.properties


def test_a_change_that_the_program_refuses_is_its_paragraph(project: Project) -> None:
    state = recorded(project, "stack-id", vpcCidr="10.77.0.0/16")
    printed = project.run("--against", state, code=1)
    assert "the network of a running stack cannot change" in printed
    assert printed.count("\n") == 1


def test_a_volume_that_would_shrink_is_refused(project: Project) -> None:
    state = recorded(project, "stack-id", dataVolumeGib=40)
    printed = project.run("--against", state, code=1)
    assert "geusemaker:dataVolumeGib makes the volume 40 GiB, but it has 100 GiB" in printed
    assert "`pulumi config set geusemaker:dataVolumeGib 100`" in printed


def git(project: Project, *arguments: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    program = shutil.which("git", path="/usr/bin:/bin:/usr/local/bin")
    assert program
    subprocess.run([program, *names, *arguments], cwd=project.folder, check=True)


def add_package(project: Project) -> None:
    """Puts a copy of the package into the project, as a clone has it."""
    shutil.copytree(
        ROOT / "geusemaker",
        project.folder / "geusemaker",
        ignore=shutil.ignore_patterns("__pycache__"),
    )


def commit(project: Project) -> None:
    """Makes the project a repository, with a first commit of all that is in it."""
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "first")


def test_a_commit_runs_with_its_own_program_and_package(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/local/bin")
    add_package(project)
    part = project.folder / "geusemaker" / "userdata" / "templates" / "80-main.sh.j2"
    part.write_text(part.read_text(encoding="utf-8") + "# of that commit\n", encoding="utf-8")
    commit(project)
    project.config({"geusemaker:dataVolumeGib": 150})
    found = compared(project, "--against", "HEAD")
    assert found.against.kind == "git"
    assert operations(found) == {
        "geusemaker-storage-data": "update",
        "geusemaker-compute-user-data": "replace",
        "geusemaker-compute-host": "replace",
        "geusemaker-compute-data": "replace",
    }
    (diff,) = found.files
    assert diff.path == "boot script"
    assert "-# of that commit" in diff.diff
    git(project, "rm", "-rq", "--cached", "geusemaker")
    git(project, "commit", "--quiet", "--message", "of another project")
    assert "it is too old" in project.run("--against", "HEAD", code=1)
    assert "neither a file nor a commit" in project.run("--against", "nowhere", code=1)


def test_a_commit_is_read_by_a_python_without_filters_of_archives(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/local/bin")
    monkeypatch.delattr(tarfile, "data_filter")
    extract = tarfile.TarFile.extractall

    def of_debian_12(archive: tarfile.TarFile, path: Path, members: list[tarfile.TarInfo]) -> None:
        assert archive.extraction_filter is not None
        extract(archive, path, members)

    monkeypatch.setattr(tarfile.TarFile, "extractall", of_debian_12)
    (project.folder / "geusemaker").mkdir()
    (project.folder / "geusemaker" / "__init__.py").write_text("")
    (project.folder / "Pulumi.prod.yaml").symlink_to(Path(__file__))
    commit(project)
    folder = project.folder / "taken out"
    against._check_out(project.folder, "HEAD", folder)
    assert (folder / "__main__.py").is_file()
    assert not (folder / "Pulumi.prod.yaml").is_symlink(), "nothing outside of it is read"


def test_what_the_program_of_a_commit_prints_or_how_it_ends_is_no_crash(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/local/bin")
    add_package(project)
    program = project.folder / "__main__.py"
    whole = program.read_text(encoding="utf-8")
    program.write_text(f"import os\nprint('hello')\nos.system('echo hello')\n{whole}")
    commit(project)
    program.write_text("import os\nos._exit(0)\n")
    git(project, "commit", "--quiet", "--all", "--message", "ends")
    program.write_text(whole, encoding="utf-8")
    assert compared(project, "--against", "HEAD~1").changes == ()
    assert "The program at HEAD cannot be planned" in project.run("--against", "HEAD", code=1)


def test_a_fault_in_the_other_config_names_its_file(project: Project) -> None:
    project.config({"geusemaker:osTyp": "ubuntu-24.04"}, stack="other")
    printed = project.run("--stack", "dev", "--against", "Pulumi.other.yaml", code=1)
    assert printed.startswith("The config in Pulumi.other.yaml is invalid: geusemaker:osTyp")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fail-on", "replaces-host"),
        ("--against", "HEAD", "--fail-on", "replaces-hosts"),
        ("--fail-on", "cost>much"),
        ("--hours", "745"),
        ("--fail-on", "replaces"),
        # As a variable that is not set leaves it: nothing would be compared, and the check pass.
        ("--against", "", "--fail-on", "replaces-host"),
    ],
)
def test_wrong_flags_end_with_2(project: Project, arguments: tuple[str, ...]) -> None:
    project.run(*arguments, code=2)


def test_a_state_of_another_stack_is_refused(project: Project) -> None:
    project.config({}, stack="prod")
    state = str(RECORDED / "stack-id.state.json")
    printed = project.run("--stack", "prod", "--against", state, code=1)
    assert "a state of the stack dev" in printed
