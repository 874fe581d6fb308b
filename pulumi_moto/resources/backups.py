"""AWS Backup: vaults, plans, and what a plan is for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.backup.models import backup_backends
from moto.moto_api._internal import mock_random

from pulumi_moto.account import Account, AwsError
from pulumi_moto.planning import AutoName, Values, names, with_defaults
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import all_tags, listed, plain_tags

from .identity import Role, policy_document

_INVALID: Final = "InvalidParameterValueException"
SERVICE: Final = "backup.amazonaws.com"


def backend_of(account: Account) -> Any:
    return backup_backends[account.id][account.region]


def selections_of(account: Account) -> dict[str, dict[str, Any]]:
    """By id, what moto has no room for; it is gone with moto's next reset."""
    found: dict[str, dict[str, Any]] = backend_of(account).__dict__.setdefault("selections", {})
    return found


def _name_problem(pattern: str, name: Any) -> Iterator[Problem]:
    if isinstance(name, str) and not re.fullmatch(pattern, name):
        yield Problem("name", f"invalid value for name: {name!r} does not match {pattern}")


class _Backup(Resource):
    """A taggable thing of AWS Backup, whose tags go by its ARN."""

    service = "backup"
    arn: ClassVar[str]
    """What of its description is the ARN."""

    def _arn(self, account: Account, id_: str) -> Any:
        return self.shown_by(account.backup, id_)[self.arn]

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        return listed(account.backup.list_tags(ResourceArn=shown[self.arn]).get("Tags", {}))

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        arn = self._arn(account, id_)
        account.backup.tag_resource(ResourceArn=arn, Tags=plain_tags(tags))

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.backup.untag_resource(ResourceArn=self._arn(account, id_), TagKeyList=keys)


class Vault(_Backup):
    token = "aws:backup/vault:Vault"
    label = "Backup Vault"
    creating = "creating Backup Vault ({name})"
    shown_by = ById("describe_backup_vault", "BackupVaultName")
    deleted_by = ById("delete_backup_vault", "BackupVaultName")
    arn = "BackupVaultArn"
    replace_on = names("name kmsKeyArn")
    defaults: ClassVar[Values] = {"forceDestroy": False}
    optional_computed = names("kmsKeyArn")
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        yield from _name_problem("[0-9A-Za-z_-]{2,50}", inputs["name"])

    def create(self, account: Account, inputs: Values) -> str:
        key = inputs.get("kmsKeyArn") or account.arn("kms", "key/simulated-aws-backup")
        account.backup.create_backup_vault(
            BackupVaultName=inputs["name"],
            EncryptionKeyArn=key,
            BackupVaultTags=dict(all_tags(account, inputs)),
        )
        return str(inputs["name"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        vault = backend_of(account).vaults[id_]
        return {
            "arn": shown["BackupVaultArn"],
            "name": shown["BackupVaultName"],
            "kmsKeyArn": vault.encryption_key_arn,
            "recoveryPoints": vault.num_of_recovery_points,
        }

    def delete(self, account: Account, id_: str, state: Values) -> None:
        vault = backend_of(account).vaults.get(id_)
        if vault is not None and vault.num_of_recovery_points:  # moto forgets them with it
            if not state.get("forceDestroy"):
                why = "Backup vault cannot be deleted because it contains recovery points."
                raise account.backup.refuse("DeleteBackupVault", "InvalidRequestException", why)
            vault.num_of_recovery_points = 0
        super().delete(account, id_, state)


_RULE: Final = {
    "ruleName": "RuleName",
    "targetVaultName": "TargetBackupVaultName",
    "schedule": "ScheduleExpression",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "startWindow": "StartWindowMinutes",
    "completionWindow": "CompletionWindowMinutes",
    "enableContinuousBackup": "EnableContinuousBackup",
    "recoveryPointTags": "RecoveryPointTags",
}
_LIFECYCLE: Final = {
    "coldStorageAfter": "MoveToColdStorageAfterDays",
    "deleteAfter": "DeleteAfterDays",
    "optInToArchiveForSupportedResources": "OptInToArchiveForSupportedResources",
}
_RULE_DEFAULTS: Final = {
    "scheduleExpressionTimezone": "Etc/UTC",
    "startWindow": 60,
    "completionWindow": 180,
}


class Plan(_Backup):
    token = "aws:backup/plan:Plan"
    label = "Backup Plan"
    creating = "creating Backup Plan ({name})"
    shown_by = ById("get_backup_plan", "BackupPlanId")
    deleted_by = ById("delete_backup_plan", "BackupPlanId")
    arn = "BackupPlanArn"
    replace_on = names("name")
    autoname = AutoName()
    unordered = names("rules")
    not_simulated = dict.fromkeys(
        ("advancedBackupSettings", "scanSettings"), "moto has no room for it"
    )

    def check(
        self, account: Account, name: str, old: Values | None, new: Values, seed: bytes
    ) -> tuple[dict[str, Any], list[Problem]]:
        rules = new.get("rules")
        if isinstance(rules, list):
            filled = [with_defaults(_RULE_DEFAULTS, r) if isinstance(r, dict) else r for r in rules]
            new = {**new, "rules": filled}
        return super().check(account, name, old, new, seed)

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if not isinstance(inputs["rules"], list):
            return
        if not inputs["rules"]:
            yield Problem("rules", "at least one rule is needed")
        for index, rule in enumerate(inputs["rules"]):
            if isinstance(rule, Mapping):
                for key in sorted(rule.keys() - {*_RULE, "lifecycle"}):
                    if rule[key]:
                        yield Problem(
                            f"rules[{index}].{key}", "declared by AWS, but not simulated yet"
                        )
                if rule.get("schedule") is None:
                    yield Problem(f"rules[{index}].schedule", "simulated only where it is set")
                yield from _name_problem("[0-9A-Za-z_.-]{1,50}", rule["ruleName"])

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"version"}) if "rules" in changed else frozenset()

    def _document(self, account: Account, operation: str, inputs: Values) -> dict[str, Any]:
        """The plan as AWS takes it, if it would."""
        problems = [why for rule in inputs["rules"] if (why := _rule_problem(account, rule))]
        if len(inputs["name"]) > 50:
            problems.append("Invalid name: longer than 50 characters")
        if problems:
            raise account.backup.refuse(operation, _INVALID, problems[0])
        return {
            "BackupPlanName": inputs["name"],
            "Rules": [_sent_rule(rule) for rule in inputs["rules"]],
        }

    def create(self, account: Account, inputs: Values) -> str:
        made = account.backup.create_backup_plan(
            BackupPlan=self._document(account, "CreateBackupPlan", inputs),
            BackupPlanTags=dict(all_tags(account, inputs)),
        )
        return str(made["BackupPlanId"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            "arn": shown["BackupPlanArn"],
            "name": shown["BackupPlan"]["BackupPlanName"],
            "version": shown["VersionId"],
            "rules": [_rule(rule) for rule in shown["BackupPlan"]["Rules"]],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "rules" in change.paths:  # moto has no UpdateBackupPlan
            plan = backend_of(account).plans[id_]
            plan.backup_plan = self._document(account, "UpdateBackupPlan", change.inputs)
            plan.version_id = mock_random.get_random_string(length=48)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if any(one["planId"] == id_ for one in selections_of(account).values()):
            why = "Related backup plan selections must be deleted prior to backup plan deletion"
            raise account.backup.refuse("DeleteBackupPlan", "InvalidRequestException", why)
        super().delete(account, id_, state)
        # moto keeps it, shows it, and refuses another one of its name.
        backend_of(account).plans.pop(id_, None)


def _sent_rule(rule: Values) -> dict[str, Any]:
    sent = {_RULE[key]: rule[key] for key in _RULE if rule.get(key) is not None}
    if lifecycle := rule.get("lifecycle"):
        sent["Lifecycle"] = {_LIFECYCLE[key]: value for key, value in lifecycle.items()}
    return sent


def _rule(sent: Values) -> dict[str, Any]:
    """A rule of AWS's answer, as the provider has it."""
    rule: dict[str, Any] = {key: sent[name] for key, name in _RULE.items() if name in sent}
    if lifecycle := sent.get("Lifecycle"):
        rule["lifecycle"] = {
            key: lifecycle[name] for key, name in _LIFECYCLE.items() if name in lifecycle
        }
    return rule


def _rule_problem(account: Account, rule: Values) -> str | None:
    """Why AWS Backup refuses a rule; moto takes any."""
    if rule["targetVaultName"] not in backend_of(account).vaults:
        return f"Backup vault {rule['targetVaultName']} does not exist"
    if not re.fullmatch(r"cron\((\S+ ){5}\S+\)", rule["schedule"]):
        return f"Invalid schedule expression {rule['schedule']}"
    if rule["startWindow"] < 60:
        return "Start window must be at least 60 minutes"
    if rule["completionWindow"] < rule["startWindow"] + 60:
        return "Completion window must be at least 60 minutes longer than the start window"
    lifecycle = rule.get("lifecycle") or {}
    cold, end = lifecycle.get("coldStorageAfter"), lifecycle.get("deleteAfter")
    if cold and end and end < cold + 90:
        return (
            "Invalid lifecycle. DeleteAfterDays cannot be less than 90 days apart from "
            "MoveToColdStorageAfterDays"
        )
    if rule.get("enableContinuousBackup") and not 1 <= (end or 0) <= 35:
        return "Lifecycle of a continuous backup must delete it after 1 to 35 days"
    return None


class Selection(Resource):
    token = "aws:backup/selection:Selection"
    label = "Backup Selection"
    creating = "creating Backup Selection ({name})"
    replace_on = names("conditions iamRoleArn name notResources planId resources selectionTags")
    optional_computed = names("conditions notResources")
    autoname = AutoName()
    unordered = names("conditions notResources resources selectionTags")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        yield from _name_problem("[0-9A-Za-z_.-]{1,50}", inputs["name"])

    def create(self, account: Account, inputs: Values) -> str:
        def refuse(code: str, message: str) -> AwsError:
            return account.backup.refuse("CreateBackupSelection", code, message)

        plan, role = inputs["planId"], inputs["iamRoleArn"]
        account.backup.get_backup_plan(BackupPlanId=plan)
        if not _is_assumable(account, role):
            raise refuse(_INVALID, f"IAM Role {role} cannot be assumed by AWS Backup")
        for arn in [*(inputs.get("resources") or []), *(inputs.get("notResources") or [])]:
            if arn != "*" and not arn.startswith("arn:"):
                raise refuse(_INVALID, f"Invalid ARN: {arn}")
        table = selections_of(account)
        if any((one["planId"], one["name"]) == (plan, inputs["name"]) for one in table.values()):
            why = "Backup selection with the same name already exists"
            raise refuse("AlreadyExistsException", why)
        id_ = str(mock_random.uuid4())
        table[id_] = {key: inputs[key] for key in self.replace_on if inputs.get(key) is not None}
        return id_

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        return selections_of(account).get(id_)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return shown

    def delete(self, account: Account, id_: str, state: Values) -> None:
        selections_of(account).pop(id_, None)


def _is_assumable(account: Account, arn: str) -> bool:
    """Whether AWS Backup may assume the role of that ARN."""
    try:
        role = Role.shown_by(account.during("reading IAM Role").iam, arn.rpartition("/")[2])
    except AwsError as error:
        if error.is_gone:
            return False
        raise
    return SERVICE in policy_document(role["AssumeRolePolicyDocument"])
