"""AWS Backup: vaults, plans, and what a plan is for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.backup.models import backup_backends
from moto.moto_api._internal import mock_random

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import AutoName, Resource, Update, all_tags, with_defaults
from pulumi_moto.schema import Problem

from .identity import policy_document
from .support import own_tags, tag_change

_GONE: Final = "ResourceNotFoundException"
_INVALID: Final = "InvalidParameterValueException"
SERVICE: Final = "backup.amazonaws.com"


def backend_of(account: Account) -> Any:
    return backup_backends[account.id][account.region]


def selections_of(account: Account) -> dict[str, dict[str, Any]]:
    """By id, what moto has no room for; it is gone with moto's next reset."""
    found: dict[str, dict[str, Any]] = backend_of(account).__dict__.setdefault("selections", {})
    return found


def _told_tags(account: Account, action: str, arn: str, state: Mapping[str, Any]) -> dict[str, str]:
    tags = account.call(action, "backup", "list_tags", ResourceArn=arn).get("Tags", {})
    return own_tags(account, [{"Key": k, "Value": v} for k, v in tags.items()], state)


def _retag(account: Account, arn: str, change: Update) -> None:
    removed, added = tag_change(account, change)
    action = f"updating tags for Backup resource ({arn})"
    if removed:
        account.call(action, "backup", "untag_resource", ResourceArn=arn, TagKeyList=removed)
    if added:
        tags = {tag["Key"]: tag["Value"] for tag in added}
        account.call(action, "backup", "tag_resource", ResourceArn=arn, Tags=tags)


def _name_problem(pattern: str, name: Any) -> Iterator[Problem]:
    if isinstance(name, str) and not re.fullmatch(pattern, name):
        yield Problem("name", f"invalid value for name: {name!r} does not match {pattern}")


class Vault(Resource):
    token = "aws:backup/vault:Vault"
    replace_on = frozenset({"name", "kmsKeyArn"})
    defaults: ClassVar[Mapping[str, Any]] = {"forceDestroy": False}
    computed = frozenset({"arn", "recoveryPoints"})
    optional_computed = frozenset({"kmsKeyArn"})
    autoname = AutoName()

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from _name_problem("[0-9A-Za-z_-]{2,50}", inputs["name"])

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        name = str(inputs["name"])
        account.call(
            f"creating Backup Vault ({name})",
            "backup",
            "create_backup_vault",
            BackupVaultName=name,
            EncryptionKeyArn=inputs.get("kmsKeyArn")
            or account.arn("kms", "key/simulated-aws-backup"),
            BackupVaultTags=dict(all_tags(account, inputs)),
        )
        return name

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading Backup Vault ({id_})"
        try:
            vault = account.call(action, "backup", "describe_backup_vault", BackupVaultName=id_)
        except AwsError as error:
            if error.code == _GONE:
                return None
            raise
        return {
            "arn": vault["BackupVaultArn"],
            "name": vault["BackupVaultName"],
            "kmsKeyArn": backend_of(account).vaults[id_].encryption_key_arn,
            "recoveryPoints": backend_of(account).vaults[id_].num_of_recovery_points,
            "tags": _told_tags(account, action, vault["BackupVaultArn"], state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        _retag(account, change.state["arn"], change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting Backup Vault ({id_})"
        vault = backend_of(account).vaults.get(id_)
        if vault is not None and vault.num_of_recovery_points:  # moto forgets them with it
            if not state.get("forceDestroy"):
                raise account.refuse(
                    action,
                    "Backup",
                    "DeleteBackupVault",
                    "InvalidRequestException",
                    "Backup vault cannot be deleted because it contains recovery points.",
                )
            vault.num_of_recovery_points = 0
        with gone_is_fine(_GONE):
            account.call(action, "backup", "delete_backup_vault", BackupVaultName=id_)


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


class Plan(Resource):
    token = "aws:backup/plan:Plan"
    replace_on = frozenset({"name"})
    computed = frozenset({"arn", "version"})
    autoname = AutoName()
    unordered = frozenset({"rules"})

    def check(
        self,
        account: Account,
        name: str,
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        seed: bytes,
    ) -> tuple[dict[str, Any], list[Problem]]:
        rules = new.get("rules")
        if isinstance(rules, list):
            filled = [with_defaults(_RULE_DEFAULTS, r) if isinstance(r, dict) else r for r in rules]
            new = {**new, "rules": filled}
        return super().check(account, name, old, new, seed)

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in ("advancedBackupSettings", "scanSettings"):
            if inputs.get(key):
                yield Problem(key, "declared by AWS, but not simulated yet")
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

    def _document(
        self, account: Account, action: str, operation: str, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The plan as AWS takes it, if it would."""
        for rule in inputs["rules"]:
            if why := _rule_problem(account, rule):
                raise account.refuse(action, "Backup", operation, _INVALID, why)
        if len(inputs["name"]) > 50:
            raise account.refuse(
                action, "Backup", operation, _INVALID, "Invalid name: longer than 50 characters"
            )
        return {
            "BackupPlanName": inputs["name"],
            "Rules": [_sent_rule(rule) for rule in inputs["rules"]],
        }

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = f"creating Backup Plan ({inputs['name']})"
        made = account.call(
            action,
            "backup",
            "create_backup_plan",
            BackupPlan=self._document(account, action, "CreateBackupPlan", inputs),
            BackupPlanTags=dict(all_tags(account, inputs)),
        )
        return str(made["BackupPlanId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading Backup Plan ({id_})"
        try:
            found = account.call(action, "backup", "get_backup_plan", BackupPlanId=id_)
        except AwsError as error:
            if error.code == _GONE:
                return None
            raise
        return {
            "arn": found["BackupPlanArn"],
            "name": found["BackupPlan"]["BackupPlanName"],
            "version": found["VersionId"],
            "rules": [_told_rule(rule) for rule in found["BackupPlan"]["Rules"]],
            "tags": _told_tags(account, action, found["BackupPlanArn"], state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "rules" in change.paths:  # moto has no UpdateBackupPlan
            action = f"updating Backup Plan ({id_})"
            plan = backend_of(account).plans[id_]
            plan.backup_plan = self._document(account, action, "UpdateBackupPlan", change.inputs)
            plan.version_id = mock_random.get_random_string(length=48)
        _retag(account, change.state["arn"], change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting Backup Plan ({id_})"
        if any(one["planId"] == id_ for one in selections_of(account).values()):
            raise account.refuse(
                action,
                "Backup",
                "DeleteBackupPlan",
                "InvalidRequestException",
                "Related backup plan selections must be deleted prior to backup plan deletion",
            )
        with gone_is_fine(_GONE):
            account.call(action, "backup", "delete_backup_plan", BackupPlanId=id_)
        # moto keeps it, tells of it, and refuses another one of its name.
        backend_of(account).plans.pop(id_, None)


def _sent_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    sent = {_RULE[key]: rule[key] for key in _RULE if rule.get(key) is not None}
    if lifecycle := rule.get("lifecycle"):
        sent["Lifecycle"] = {_LIFECYCLE[key]: value for key, value in lifecycle.items()}
    return sent


def _told_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: rule[sent] for key, sent in _RULE.items() if sent in rule}
    if lifecycle := rule.get("Lifecycle"):
        told["lifecycle"] = {
            k: lifecycle[sent] for k, sent in _LIFECYCLE.items() if sent in lifecycle
        }
    return told


def _rule_problem(account: Account, rule: Mapping[str, Any]) -> str | None:
    """Why AWS Backup takes no such rule; moto takes any."""
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
    replace_on = frozenset(
        {"conditions", "iamRoleArn", "name", "notResources", "planId", "resources", "selectionTags"}
    )
    optional_computed = frozenset({"conditions", "notResources"})
    autoname = AutoName()
    unordered = frozenset({"conditions", "notResources", "resources", "selectionTags"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from _name_problem("[0-9A-Za-z_.-]{1,50}", inputs["name"])

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = f"creating Backup Selection ({inputs['name']})"

        def refuse(code: str, message: str) -> AwsError:
            return account.refuse(action, "Backup", "CreateBackupSelection", code, message)

        account.call(action, "backup", "get_backup_plan", BackupPlanId=inputs["planId"])
        if not _is_assumable(account, inputs["iamRoleArn"]):
            raise refuse(
                _INVALID, f"IAM Role {inputs['iamRoleArn']} cannot be assumed by AWS Backup"
            )
        for arn in [*(inputs.get("resources") or []), *(inputs.get("notResources") or [])]:
            if arn != "*" and not arn.startswith("arn:"):
                raise refuse(_INVALID, f"Invalid ARN: {arn}")
        table = selections_of(account)
        if any(
            (s["planId"], s["name"]) == (inputs["planId"], inputs["name"]) for s in table.values()
        ):
            raise refuse(
                "AlreadyExistsException", "Backup selection with the same name already exists"
            )
        id_ = str(mock_random.uuid4())
        table[id_] = {key: inputs[key] for key in self.replace_on if inputs.get(key) is not None}
        return id_

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        found = selections_of(account).get(id_)
        return None if found is None else dict(found)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        selections_of(account).pop(id_, None)


def _is_assumable(account: Account, arn: str) -> bool:
    """Whether the role of that ARN lets AWS Backup take it on."""
    try:
        role = account.call("reading IAM Role", "iam", "get_role", RoleName=arn.rpartition("/")[2])[
            "Role"
        ]
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return False
        raise
    return SERVICE in policy_document(role["AssumeRolePolicyDocument"])
