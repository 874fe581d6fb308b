"""EFS: who may use a file system, by access points and by policy."""

import secrets
from typing import Any, ClassVar

from pulumi_moto.account import Account, AwsError
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.tags import aws_tags

from .files import EfsResource, FileSystem, backend_of, system_arn
from .support import capitalised, given, picked


class AccessPoint(EfsResource):
    token = "aws:efs/accessPoint:AccessPoint"
    label = "EFS Access Point"
    shown_by = ById("describe_access_points", "AccessPointId", "AccessPoints")
    deleted_by = ById("delete_access_point", "AccessPointId")
    replace_on = names("fileSystemId posixUser rootDirectory")
    optional_computed = names("rootDirectory")

    def create(self, account: Account, inputs: Values) -> str:
        system = inputs["fileSystemId"]
        if not _exists(account, system):  # moto takes an unknown one
            why = f"File system '{system}' does not exist."
            raise account.efs.refuse("CreateAccessPoint", "FileSystemNotFound", why)
        root = inputs.get("rootDirectory") or {}
        made = account.efs.create_access_point(
            ClientToken=secrets.token_hex(16),  # two access points may be alike
            FileSystemId=system,
            RootDirectory={
                "Path": root.get("path", "/"),
                **given(CreationInfo=capitalised(root.get("creationInfo") or {})),
            },
            Tags=aws_tags(account, inputs),
            **given(PosixUser=capitalised(inputs.get("posixUser") or {})),
        )
        return str(made["AccessPointId"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        root, user = shown["RootDirectory"], shown.get("PosixUser")
        creation = root.get("CreationInfo") or {}
        return {
            **picked(shown, "FileSystemId"),
            "arn": shown["AccessPointArn"],
            "fileSystemArn": system_arn(account, shown["FileSystemId"]),
            "ownerId": account.id,
            "rootDirectory": {
                "path": root["Path"],
                **given(creationInfo=picked(creation, *creation)),
            },
            "posixUser": picked(user, *user) if user else None,
        }


def _exists(account: Account, system: str) -> bool:
    """Whether there is such a file system."""
    try:
        return bool(FileSystem.shown_by(account.efs, system))
    except AwsError as error:
        if error.is_gone:
            return False
        raise


class FileSystemPolicy(Resource):
    token = "aws:efs/fileSystemPolicy:FileSystemPolicy"
    service = "efs"
    label = "EFS File System Policy"
    creating = "putting EFS File System Policy ({fileSystemId})"
    shown_by = ById("describe_file_system_policy", "FileSystemId")
    replace_on = names("fileSystemId")
    defaults: ClassVar[Values] = {"bypassPolicyLockoutSafetyCheck": False}
    json_text = names("policy")

    def create(self, account: Account, inputs: Values) -> str:
        account.efs.put_file_system_policy(
            FileSystemId=inputs["fileSystemId"],
            Policy=inputs["policy"],
            BypassPolicyLockoutSafetyCheck=inputs["bypassPolicyLockoutSafetyCheck"],
        )
        return str(inputs["fileSystemId"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        return super().describe(account, id_, state) if _exists(account, id_) else None

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {"fileSystemId": id_, "policy": shown["Policy"]}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.put(account, change.inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        # moto has no DeleteFileSystemPolicy.
        if system := backend_of(account).file_systems_by_id.get(id_):
            system.file_system_policy = None
