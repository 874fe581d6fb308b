"""Content of the boot script, and values that it refuses."""

import importlib
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

from geusemaker.errors import UserDataError
from geusemaker.userdata import Bounds, HostFacts, bundle_program, fingerprint, render

# By name: the package exports a function with the name of the module.
MODULE = importlib.import_module("geusemaker.userdata.render")
FACTS = HostFacts(
    region="us-west-2",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0", "backups": "fsap-0123456789abcdef1"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="/geusemaker/dev/settings-1a2b3c4",
    secrets_parameter="geusemaker-secrets-1a2b3c4",
    status_parameter="/geusemaker/dev/status_1.a-2b3c4",
)
WORKER = replace(FACTS, data_volume_id="", status_parameter="", reports="a-bucket-1a2b3c4")
VARIANTS = {
    "two access points": FACTS,
    "one access point": replace(FACTS, access_points={"n8n": "fsap-0123456789abcdef0"}),
    "six access points": replace(
        FACTS, access_points={f"mount-{n}": f"fsap-0123456789abcde{n:02x}" for n in range(6)}
    ),
    "another Region": replace(FACTS, region="us-gov-west-1"),
    "the sovereign cloud": replace(FACTS, region="eusc-de-east-1"),
    "short ids": replace(FACTS, file_system_id="fs-01234567", data_volume_id="vol-01234567"),
    "another place and device": replace(FACTS, data_mount="/data", data_device="/dev/sdp"),
    "a worker": WORKER,
}
HOSTILE = ["'", '"', "\n", "a\n", "$(reboot)", "`reboot`", "; reboot", "a b", "", "../x", "\\", "é"]
STEPS = ["host", "data", "efs", "docker", "gpu", "bundle", "secrets", "services", "ready"]
STEPS += ["sync", "models", "dump", "fetch", "apply"]


PROGRAMS = {
    "a host": bundle_program(),
    "a host with workers": bundle_program(queue=True),
    "a worker": bundle_program("worker"),
}
"""The bundle's program of each kind of host."""


@pytest.mark.parametrize("facts", VARIANTS.values(), ids=VARIANTS)
def test_bash_parses_every_variant(facts: HostFacts) -> None:
    script = render(facts)
    assert script.startswith("#!/bin/bash\n")
    checked = subprocess.run(
        ["/bin/bash", "-n"], input=script, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_strict_error_handling_is_the_first_command() -> None:
    code = [line for line in render(FACTS).splitlines() if line and not line.startswith("#")]
    assert code[0] == "set -Eeuo pipefail"


def test_a_truncated_script_does_nothing() -> None:
    script = render(FACTS)
    assert script.endswith('\nmain "$@"\n')


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_one_function(step: str) -> None:
    for facts in (FACTS, WORKER):
        assert render(facts).count(f"\nstep_{step}() {{\n") == 1


def test_the_host_of_a_stack_has_the_script_of_before() -> None:
    """Another text replaces every host: a change of this hash goes with a note for users."""
    before = "f5d1d6c6737ba4222d82ffcd565463b42495f6e797f7d8a04e894eeb0a698897"
    assert fingerprint(render(FACTS)) == before


def test_shell_comments_stay_and_template_comments_leave_no_line() -> None:
    script = render(FACTS)
    folder = Path(render.__code__.co_filename).parent / "templates"
    for template in folder.glob("*.j2"):
        text = template.read_text(encoding="utf-8")
        for line in text.splitlines():
            if line.lstrip().startswith("#") and "{{" not in line:
                assert f"{line}\n" in script
        for comment in re.findall(r"\{# (.*?) #\}", text, flags=re.DOTALL):
            assert comment.splitlines()[0] not in script
    assert "\n\n\n" not in script


def test_every_template_is_in_the_script() -> None:
    folder = Path(render.__code__.co_filename).parent / "templates"
    scripts = [render(FACTS), render(WORKER)]
    for template in folder.iterdir():
        last = template.read_text(encoding="utf-8").splitlines()[-1]
        assert any(f"\n{last}\n" in script for script in scripts), template.name


def test_the_script_has_no_template_syntax_and_no_python_values() -> None:
    script = render(FACTS)
    assert re.findall(r"\{\{.*?\}\}", script) == ["{{.Server.Version}}"]  # Docker's own
    assert "{%" not in script
    assert "{#" not in script.replace("${#", "")
    assert not re.search(r"\b(None|True|False|Undefined)\b", script)


def test_all_facts_are_in_the_script() -> None:
    script = render(FACTS)
    facts = (FACTS.region, FACTS.file_system_id, FACTS.data_volume_id)
    parameters = (FACTS.settings_parameter, FACTS.secrets_parameter, FACTS.status_parameter)
    for fact in facts + parameters:
        assert f"={fact}\n" in script
    for name, access_point in FACTS.access_points.items():
        assert f" {name} " in script
        assert f" {access_point} " in script


def test_the_order_of_a_mapping_does_not_change_the_script() -> None:
    turned = dict(reversed(list(FACTS.access_points.items())))
    assert list(turned) != list(FACTS.access_points)
    assert render(replace(FACTS, access_points=turned)) == render(FACTS)


def test_a_template_with_an_unknown_value_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader = jinja2.DictLoader({"only.sh.j2": "x={{ facts.unknown }}"})
    monkeypatch.setattr(MODULE, "_PARTS", ("only.sh.j2",))
    monkeypatch.setattr(jinja2, "PackageLoader", lambda _: loader)
    with pytest.raises(jinja2.UndefinedError, match="unknown"):
        render(FACTS)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "name",
    [
        *("region", "file_system_id", "data_volume_id", "data_mount", "data_device"),
        *("settings_parameter", "secrets_parameter", "status_parameter"),
    ],
)
def test_a_hostile_value_is_refused_by_name(name: str, value: str) -> None:
    good = getattr(FACTS, name)
    for hostile in {value, good + value} - {good}:
        changed: dict[str, str] = {name: hostile}
        with pytest.raises(UserDataError, match=rf"^{name} is "):
            render(replace(FACTS, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [one for one in HOSTILE if one])
def test_a_hostile_bucket_of_reports_is_refused(value: str) -> None:
    for hostile in (value, WORKER.reports + value):
        with pytest.raises(UserDataError, match=r"^reports is "):
            render(replace(WORKER, reports=hostile))


def test_a_worker_mounts_the_home_before_the_folder_in_it() -> None:
    points = {"n8n-files": "fsap-0123456789abcdef1", "n8n-home": "fsap-0123456789abcdef0"}
    text = render(replace(WORKER, access_points=points))
    names = re.search(r"^readonly EFS_NAMES=\((.*)\)$", text, re.MULTILINE)
    assert names is not None
    assert names[1].split() == ["n8n-home", "n8n-files"]


@pytest.mark.parametrize("name", ["data_volume_id", "status_parameter"])
def test_a_worker_with_a_volume_or_a_status_parameter_is_refused(name: str) -> None:
    changed: dict[str, str] = {name: getattr(FACTS, name)}
    with pytest.raises(UserDataError, match=rf"^{name} is "):
        render(replace(WORKER, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_access_point_is_refused_by_name(value: str) -> None:
    with pytest.raises(UserDataError, match=r"^access_points"):
        render(replace(FACTS, access_points={"n8n": value}))
    with pytest.raises(UserDataError, match=r"^access_points"):
        render(replace(FACTS, access_points={value: "fsap-0123456789abcdef0"}))


@pytest.mark.parametrize("made_up", ["ai-storage-files_id", "0", "4f0c-11.x", "mock:files"])
def test_ids_of_mocks_are_accepted(made_up: str) -> None:
    """The mocks of unit tests generate their own ids."""
    points = {"n8n": made_up}
    facts = replace(FACTS, file_system_id=made_up, data_volume_id=made_up, access_points=points)
    script = render(facts)
    assert f"readonly FILE_SYSTEM={made_up}\n" in script
    assert f"readonly DATA_VOLUME={made_up}\n" in script
    assert f"readonly EFS_ACCESS_POINTS=( {made_up} )\n" in script


@pytest.mark.parametrize("bad", ["a,b", "a#b", "-a", ".a", "a/b", "*", "a?", "~", "x" * 256])
def test_an_id_that_is_an_option_or_a_path_is_refused(bad: str) -> None:
    for name in ("file_system_id", "data_volume_id"):
        changed: dict[str, str] = {name: bad}
        with pytest.raises(UserDataError, match=rf"^{name} is "):
            render(replace(FACTS, **changed))  # type: ignore[arg-type]
    with pytest.raises(UserDataError, match=r"^access_points\[n8n\] is "):
        render(replace(FACTS, access_points={"n8n": bad}))


def test_a_value_that_is_not_text_is_refused() -> None:
    with pytest.raises(UserDataError, match="data_volume_id is None"):
        render(replace(FACTS, data_volume_id=None))  # type: ignore[arg-type]


def test_a_host_without_any_access_point_is_refused() -> None:
    with pytest.raises(UserDataError, match="at least one EFS access point"):
        render(replace(FACTS, access_points={}))


@pytest.mark.parametrize("mount", ["/srv/geusemaker/efs", "/srv/geusemaker/efs/n8n", "/srv"])
def test_the_data_volume_may_not_hide_efs_or_be_hidden_by_it(mount: str) -> None:
    with pytest.raises(UserDataError, match="overlaps"):
        render(replace(FACTS, data_mount=mount))


@pytest.mark.parametrize(("name", "least"), [("data_tries", 1), ("data_pause", 0)])
def test_a_step_needs_a_try_but_no_pause(name: str, least: int) -> None:
    assert re.search(
        rf"\b{name.upper()}={least}\b", render(FACTS, replace(Bounds(), **{name: least}))
    )
    with pytest.raises(UserDataError, match=f"{name} is {least - 1}: .* from {least} up"):
        render(FACTS, replace(Bounds(), **{name: least - 1}))


def test_a_bound_that_is_not_a_whole_number_is_refused() -> None:
    with pytest.raises(UserDataError, match="efs_pause"):
        render(FACTS, replace(Bounds(), efs_pause="1; reboot"))  # type: ignore[arg-type]


def test_every_bound_is_in_the_script_and_fits_the_time_of_its_unit() -> None:
    bounds = Bounds()
    head = render(FACTS).split("STEP=host")[0]
    for name, value in vars(bounds).items():
        assert f"{name.upper()}={value}" in head
    waits = bounds.data_tries * bounds.data_pause + bounds.mount_tries * bounds.mount_pause
    assert 15 * 60 <= waits < bounds.unit_seconds


@pytest.mark.parametrize("word", ["password", "AKIA", "BEGIN RSA", "N8N_ENCRYPTION", "bcrypt"])
def test_the_script_has_no_secrets(word: str) -> None:
    assert word.lower() not in render(FACTS).lower()
    for program in PROGRAMS.values():
        # The name of a file.
        assert word.lower() not in program.replace("/valkey-password", "").lower()


def test_the_script_uses_only_version_2_of_the_metadata_service() -> None:
    asked = [line for line in render(FACTS).splitlines() if "curl" in line and "token" in line]
    assert len(asked) == 2
    assert "-X PUT" in asked[0]
    assert "X-aws-ec2-metadata-token: " in asked[1]


@pytest.mark.parametrize(
    "never", ["yum update", "dnf update", "apt-get upgrade", "systemctl mask", "systemctl stop"]
)
def test_the_script_changes_no_package_or_timer_of_the_image(never: str) -> None:
    assert never not in render(FACTS)
    # The program stops only its own units.
    for program in PROGRAMS.values():
        assert never not in program.replace("systemctl stop geusemaker-", "")


def _parts(*folders: str) -> list[str]:
    root = Path(str(MODULE.__file__)).parent
    return [
        str(part.relative_to(root)) for one in folders for part in sorted((root / one).iterdir())
    ]


@pytest.mark.parametrize(
    ("kind", "folders"),
    [
        ("a host", ["host"]),
        ("a host with workers", ["host", "host_shared", "host_queue"]),
        ("a worker", ["host", "host_shared", "host_worker"]),
    ],
)
def test_the_bundles_program_has_its_parts_in_the_order_of_their_names(
    kind: str, folders: list[str]
) -> None:
    """In another order the bundle would have another hash."""
    root = Path(str(MODULE.__file__)).parent
    parts = _parts(*folders)
    if kind == "a worker":
        parts = [one for one in parts if one not in ("host/45-data-images.sh", "host/52-up.sh")]
        parts.remove("host/80-dumps.sh")
    assert PROGRAMS[kind] == "\n".join((root / one).read_text(encoding="utf-8") for one in parts)


def test_a_stack_without_workers_has_the_bundles_program_of_before() -> None:
    """Another text is another settings bundle, which every host applies."""
    before = "faf0ac36ecab99d330d04f569b8da0e8f10287923f4e91fc823f247bd5a1802f"
    assert fingerprint(bundle_program()) == before
    assert bundle_program("worker", queue=True) == bundle_program("worker")


@pytest.mark.parametrize("kind", PROGRAMS)
def test_the_bundles_program_only_defines_functions(kind: str) -> None:
    """The host sources it to inspect a bundle, which must have no effect."""
    checked = subprocess.run(
        ["/bin/bash", "-c", "set -eu; . /dev/stdin; declare -F"],
        input=PROGRAMS[kind],
        text=True,
        capture_output=True,
        check=True,
    )
    assert checked.stderr == ""
    names = {
        "check",
        "pull",
        "secrets",
        "up",
        "health",
        "problem",
        "tidy",
        "start_models",
        "models",
    }
    # A worker has no database.
    for name in names | ({"dump"} if kind != "a worker" else set()):
        assert f"declare -f bundle_{name}\n" in checked.stdout


@pytest.mark.parametrize("kind", PROGRAMS)
def test_bash_parses_the_bundles_program(kind: str) -> None:
    checked = subprocess.run(
        ["/bin/bash", "-n"], input=PROGRAMS[kind], text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
