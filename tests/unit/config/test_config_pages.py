"""Pulumi.yaml and the docs match the model."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from geusemaker.config import DeploymentConfig
from geusemaker.config.report import described

ROOT = Path(__file__).parents[3]

# The engine would require these keys, or pass their defaults as if the user had set them; see the
# comment in Pulumi.yaml.
UNDECLARED = {
    "n8nReaches",
    "frameworkVersion", "amiId", "amiName", "instanceType", "rootVolumeGib", "vpcCidr",
    "availabilityZoneCount", "vpcId", "subnetIds", "permissionsBoundaryArn", "kmsKeyArn", "domain",
    "hostedZoneId", "ownerEmail", "budgetUsd", "workersMax",
}  # fmt: skip


@pytest.fixture(scope="module")
def declared() -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    return {key.removeprefix("geusemaker:"): value for key, value in project["config"].items()}


def test_pulumi_yaml_declares_every_other_key(declared: dict[str, dict[str, Any]]) -> None:
    keys = {str(field.alias) for field in DeploymentConfig.model_fields.values()}
    assert set(declared) == keys - UNDECLARED
    assert keys >= UNDECLARED


def test_pulumi_yaml_has_the_models_defaults_and_descriptions(
    declared: dict[str, dict[str, Any]],
) -> None:
    defaults = DeploymentConfig().model_dump(by_alias=True, mode="json")
    for field in DeploymentConfig.model_fields.values():
        if field.alias in declared:
            assert declared[field.alias] == {
                "description": described(field),
                "default": defaults[field.alias],
            }


def test_the_defaults_in_pulumi_yaml_give_the_default_config(
    declared: dict[str, dict[str, Any]],
) -> None:
    defaults = {key: value["default"] for key, value in declared.items()}
    assert DeploymentConfig.model_validate(defaults) == DeploymentConfig()


@pytest.fixture(scope="module")
def config_table() -> ModuleType:
    path = ROOT / "scripts" / "config_table.py"
    spec = importlib.util.spec_from_file_location("config_table", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_in_the_docs_are_current(config_table: ModuleType) -> None:
    assert config_table.main(["--check"]) == 0


def test_a_stale_table_is_reported_and_renewed(
    config_table: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "configuration.md"
    page.parent.mkdir()
    page.write_text(f"before\n{config_table.START}\nSTALE ROW\n{config_table.END}\nafter\n")
    assert config_table.main(["--check"], tmp_path) == 1
    assert "docs/configuration.md" in capsys.readouterr().err
    assert config_table.main([], tmp_path) == 0
    assert config_table.main(["--check"], tmp_path) == 0
    text = page.read_text()
    assert "STALE ROW" not in text
    assert text.endswith(f"{config_table.END}\nafter\n")


def test_a_page_without_markers_stays_unchanged(config_table: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "configuration.md"
    page.parent.mkdir()
    page.write_text("nothing here\n")
    assert config_table.main([], tmp_path) == 0
    assert page.read_text() == "nothing here\n"
