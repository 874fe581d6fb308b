"""EFS: who may use a file system, by access points and by policy."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import Resource, Update, aws_tags
from pulumi_moto.schema import Problem

from .files import backend_of, retag, system_of
from .support import own_tags, policy_problem


def _capitalised(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key[0].upper() + key[1:]: value for key, value in properties.items()}


def _uncapitalised(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key[0].lower() + key[1:]: value for key, value in properties.items()}


class AccessPoint(Resource):
    token = "aws:efs/accessPoint:AccessPoint"
    replace_on = frozenset({"fileSystemId", "posixUser", "rootDirectory"})
    computed = frozenset({"arn", "fileSystemArn", "ownerId"})
    optional_computed = frozenset({"rootDirectory"})

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        system = inputs["fileSystemId"]
        if system_of(account, system) is None:  # moto takes an unknown one
            raise account.refuse(
                "creating EFS Access Point",
                "EFS",
                "CreateAccessPoint",
                "FileSystemNotFound",
                f"File system '{system}' does not exist.",
            )
        root = inputs.get("rootDirectory") or {}
        directory: dict[str, Any] = {"Path": root.get("path", "/")}
        if creation := root.get("creationInfo"):
            directory["CreationInfo"] = _capitalised(creation)
        user = inputs.get("posixUser")
        posix = {"PosixUser": _capitalised(user)} if user else {}
        made = account.call(
            "creating EFS Access Point",
            "efs",
            "create_access_point",
            ClientToken=secrets.token_hex(16),  # two access points may be alike
            FileSystemId=system,
            RootDirectory=directory,
            Tags=aws_tags(account, inputs),
            **posix,
        )
        return str(made["AccessPointId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            point = account.call(
                f"reading EFS Access Point ({id_})",
                "efs",
                "describe_access_points",
                AccessPointId=id_,
            )["AccessPoints"][0]
        except AwsError as error:
            if error.code == "AccessPointNotFound":
                return None
            raise
        root = point["RootDirectory"]
        directory: dict[str, Any] = {"path": root["Path"]}
        if creation := root.get("CreationInfo"):
            directory["creationInfo"] = _uncapitalised(creation)
        told = {
            "arn": point["AccessPointArn"],
            "fileSystemId": point["FileSystemId"],
            "fileSystemArn": account.arn(
                "elasticfilesystem", f"file-system/{point['FileSystemId']}"
            ),
            "ownerId": account.id,
            "rootDirectory": directory,
            "tags": own_tags(account, point.get("Tags"), state),
        }
        if user := point.get("PosixUser"):
            told["posixUser"] = _uncapitalised(user)
        return told

    def update(self, account: Account, id_: str, change: Update) -> None:
        retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("AccessPointNotFound"):
            account.call(
                f"deleting EFS Access Point ({id_})",
                "efs",
                "delete_access_point",
                AccessPointId=id_,
            )


class FileSystemPolicy(Resource):
    token = "aws:efs/fileSystemPolicy:FileSystemPolicy"
    replace_on = frozenset({"fileSystemId"})
    defaults: ClassVar[Mapping[str, Any]] = {"bypassPolicyLockoutSafetyCheck": False}
    json_text = frozenset({"policy"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problem("policy", inputs["policy"])

    def _put(self, account: Account, inputs: Mapping[str, Any]) -> None:
        account.call(
            f"putting EFS File System Policy ({inputs['fileSystemId']})",
            "efs",
            "put_file_system_policy",
            FileSystemId=inputs["fileSystemId"],
            Policy=inputs["policy"],
            BypassPolicyLockoutSafetyCheck=inputs["bypassPolicyLockoutSafetyCheck"],
        )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        self._put(account, inputs)
        return str(inputs["fileSystemId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        if system_of(account, id_) is None:
            return None
        try:
            answer = account.call(
                f"reading EFS File System Policy ({id_})",
                "efs",
                "describe_file_system_policy",
                FileSystemId=id_,
            )
        except AwsError as error:
            if error.code == "PolicyNotFound":
                return None
            raise
        return {"fileSystemId": id_, "policy": answer["Policy"]}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._put(account, change.inputs)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        # moto has no DeleteFileSystemPolicy.
        system = backend_of(account).file_systems_by_id.get(id_)
        if system is not None:
            system.file_system_policy = None
