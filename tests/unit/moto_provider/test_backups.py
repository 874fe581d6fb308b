"""What AWS refuses, and gives unasked, of backups and of records in a hosted zone."""

from functools import partial
from typing import Any

import pytest

from moto_provider.test_refusals import refusal
from moto_provider.world import Thing, World
from pulumi_moto.resources import backups

# Backups. ----------------------------------------------------------------------------------


def test_a_vault_outlives_what_is_in_it(world: World) -> None:
    vault = world.vault()
    backups.backend_of(world.account).vaults[vault.id].num_of_recovery_points = 2
    shown = world.read(vault)
    assert shown is not None
    assert shown["recoveryPoints"] == 2
    said = "Backup vault cannot be deleted because it contains recovery points."
    assert refusal(lambda: world.delete(vault)) == (
        f"DeleteBackupVault InvalidRequestException: {said}"
    )
    world.delete(world.update(vault, forceDestroy=True))
    assert world.read(vault) is None


def test_a_vault_has_a_key(world: World) -> None:
    assert ":kms:" in world.vault().state["kmsKeyArn"]
    mine = world.account.arn("kms", "key/mine")
    assert world.make("Vault", kmsKeyArn=mine).state["kmsKeyArn"] == mine


def test_the_rules_of_a_plan_have_defaults(world: World) -> None:
    given = {"ruleName": "r", "targetVaultName": world.vault().id, "schedule": "cron(0 5 ? * * *)"}
    plan = world.make("Plan", rules=[given])
    (rule,) = plan.inputs["rules"]
    assert (rule["startWindow"], rule["completionWindow"]) == (60, 180)
    assert rule["scheduleExpressionTimezone"] == "Etc/UTC"


def test_a_plan_has_another_version_after_a_change(world: World) -> None:
    plan = world.plan()
    changed = world.update(plan, rules=[world.rule(lifecycle=None)])
    assert changed.state["version"] != plan.state["version"]
    shown = world.account.client("backup").get_backup_plan(BackupPlanId=plan.id)
    assert shown["VersionId"] == changed.state["version"]
    assert "Lifecycle" not in shown["BackupPlan"]["Rules"][0]
    assert "version" in plan.kind.unknown_after_update(frozenset({"rules"}))
    assert plan.kind.unknown_after_update(frozenset({"tags"})) == frozenset()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"targetVaultName": "none"}, "Backup vault none does not exist"),
        ({"schedule": "cron(0 5 * *)"}, "Invalid schedule expression cron(0 5 * *)"),
        ({"startWindow": 59}, "Start window must be at least 60 minutes"),
        ({"completionWindow": 119}, "Completion window must be at least 60 minutes longer"),
        ({"lifecycle": {"coldStorageAfter": 30, "deleteAfter": 119}}, "Invalid lifecycle."),
        (
            {"enableContinuousBackup": True, "lifecycle": {"deleteAfter": 36}},
            "Lifecycle of a continuous backup",
        ),
    ],
)
def test_a_rule_that_aws_refuses(world: World, given: dict[str, Any], said: str) -> None:
    made = refusal(lambda: world.make("Plan", rules=[world.rule(**given)]))
    assert made.startswith(f"CreateBackupPlan InvalidParameterValueException: {said}")
    plan = world.plan()
    made = refusal(lambda: world.update(plan, rules=[world.rule(**given)]))
    assert made.startswith(f"UpdateBackupPlan InvalidParameterValueException: {said}")
    assert world.read(plan) == plan.state


def test_a_plan_has_a_short_name(world: World) -> None:
    said = refusal(lambda: world.make("Plan", name="x" * 51, rules=[world.rule()]))
    assert said.startswith("CreateBackupPlan InvalidParameterValueException: Invalid name")


def _selection(world: World, plan: Thing, **given: Any) -> Thing:
    wanted = {"iamRoleArn": world.backup_role.state["arn"], "resources": ["*"], **given}
    return world.make("Selection", planId=plan.id, **wanted)


def test_a_plan_outlives_its_selections(world: World) -> None:
    plan = world.plan()
    selection = _selection(world, plan)
    said = refusal(lambda: world.delete(plan))
    assert said.startswith("DeleteBackupPlan InvalidRequestException: Related backup plan sel")
    world.delete(selection)
    world.delete(plan)
    again = world.make("Plan", name=plan.inputs["name"], rules=plan.inputs["rules"])
    assert again.id != plan.id


def test_a_selection_that_aws_refuses(world: World) -> None:
    plan = world.plan()
    for arn in (world.role().state["arn"], "arn:aws:iam::000000000000:role/none"):
        said = refusal(lambda arn=arn: _selection(world, plan, iamRoleArn=arn))  # type: ignore[misc]
        assert said == (
            "CreateBackupSelection InvalidParameterValueException: "
            f"IAM Role {arn} cannot be assumed by AWS Backup"
        )
    assert "Invalid ARN: fs-1" in refusal(lambda: _selection(world, plan, resources=["fs-1"]))
    first = _selection(world, plan)
    said = refusal(lambda: _selection(world, plan, name=first.inputs["name"]))
    assert said.startswith("CreateBackupSelection AlreadyExistsException: ")
    world.delete(first)
    world.delete(plan)
    assert refusal(lambda: _selection(world, plan)).startswith("GetBackupPlan ResourceNotFound")


# Records. ----------------------------------------------------------------------------------


def _record(world: World, **given: Any) -> Thing:
    wanted = {"zoneId": world.zone, "type": "A", "ttl": 60, "records": ["203.0.113.5"], **given}
    return world.make("Record", **{"name": world.free_name(), **wanted})


def test_a_record_needs_a_zone(world: World) -> None:
    said = refusal(lambda: _record(world, zoneId="Z000"))
    assert said == "GetHostedZone NoSuchHostedZone: No hosted zone found with ID: Z000"


def test_a_new_record_does_not_replace_another(world: World) -> None:
    made = _record(world)
    name = made.inputs["name"]
    for records in (made.inputs["records"], ["203.0.113.8"]):
        said = refusal(partial(_record, world, name=name, records=records))
        assert said.startswith("ChangeResourceRecordSets InvalidChangeBatch: ")
        assert "but it already exists" in said
    over = _record(world, name=name, allowOverwrite=True, records=["203.0.113.9"])
    shown = world.read(made)
    assert shown is not None
    assert shown["records"] == over.state["records"] == ["203.0.113.9"]


def test_a_record_may_come_back(world: World) -> None:
    name = "a" + world.free_name()
    made = _record(world, name=name)
    _record(world, name="b" + name)
    world.delete(made)
    assert world.read(_record(world, name=name)) == made.state


@pytest.mark.parametrize("given", ["short", "short.example.com", "Short.Example.com."])
def test_a_record_has_the_name_of_its_zone(world: World, given: str) -> None:
    made = _record(world, name=given)
    assert made.state["fqdn"] == "short.example.com"
    assert made.state["name"] == given
    assert made.id == f"{world.zone}_short.example.com_A"
    world.delete(made)


def test_a_record_of_the_zone_itself_and_of_all_below_it(world: World) -> None:
    for name, full in (("", "example.com"), ("*", "*.example.com")):
        made = _record(world, name=name or "example.com")
        assert made.state["fqdn"] == full
        assert world.read(made) == made.state
        world.delete(made)
        assert world.read(made) is None


def test_a_record_whose_zone_is_gone_is_gone(world: World) -> None:
    made = _record(world)
    gone = Thing(made.kind, made.name, made.id.replace(world.zone, "Z000"), made.inputs, made.state)
    assert world.read(gone) is None
    world.delete(gone)
    world.delete(made)


def test_a_record_changes_its_type(world: World) -> None:
    made = _record(world)
    changed = world.update(made, type="TXT", records=['"words"'])
    assert world.read(changed) == changed.state
    world.delete(changed)
    assert world.read(changed) is None
