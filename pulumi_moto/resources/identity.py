"""IAM: roles, their policies, instance profiles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import AutoName, Resource, Update, aws_tags
from pulumi_moto.schema import Problem

from .support import not_simulated, own_tags, policy_problem, tag_change


def policy_document(text: Any) -> str:
    """A policy as IAM gives it back: boto3 decodes it, moto's server leaves it URL-encoded."""
    return json.dumps(text) if isinstance(text, dict) else unquote(str(text))


class Role(Resource):
    token = "aws:iam/role:Role"
    replace_on = frozenset({"name", "namePrefix", "path"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "path": "/",
        "maxSessionDuration": 3600,
        "forceDetachPolicies": False,
    }
    computed = frozenset({"arn", "uniqueId", "createDate"})
    optional_computed = frozenset({"inlinePolicies", "managedPolicyArns"})
    autoname = AutoName(longest=64)
    json_text = frozenset({"assumeRolePolicy"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problem("assumeRolePolicy", inputs["assumeRolePolicy"])
        yield from not_simulated(
            inputs, "use separate policy resources", "inlinePolicies", "managedPolicyArns"
        )
        if len(str(inputs["name"])) > 64:
            yield Problem("name", "expected length of name to be in the range (1 - 64)")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        boundary = inputs.get("permissionsBoundary")
        account.call(
            f"creating IAM Role ({inputs['name']})",
            "iam",
            "create_role",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs["path"],
            MaxSessionDuration=inputs["maxSessionDuration"],
            Description=inputs.get("description", ""),
            Tags=aws_tags(account, inputs),
            **({"PermissionsBoundary": boundary} if boundary else {}),
        )
        return str(inputs["name"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            role = account.call(f"reading IAM Role ({id_})", "iam", "get_role", RoleName=id_)[
                "Role"
            ]
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        told = {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "path": role["Path"],
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].isoformat(),
            "maxSessionDuration": role["MaxSessionDuration"],
            "assumeRolePolicy": policy_document(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description") or None,
            "inlinePolicies": self._inline(account, id_),
            "managedPolicyArns": self._managed(account, id_),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
            "tags": own_tags(account, role.get("Tags"), state),
        }
        return {key: value for key, value in told.items() if value is not None}

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating IAM Role ({id_})"
        if "assumeRolePolicy" in change.paths:
            account.call(
                action,
                "iam",
                "update_assume_role_policy",
                RoleName=id_,
                PolicyDocument=change.inputs["assumeRolePolicy"],
            )
        if change.paths & {"description", "maxSessionDuration"}:
            account.call(
                action,
                "iam",
                "update_role",
                RoleName=id_,
                Description=change.inputs.get("description", ""),
                MaxSessionDuration=change.inputs["maxSessionDuration"],
            )
        if "permissionsBoundary" in change.paths:
            if boundary := change.inputs.get("permissionsBoundary"):
                account.call(
                    action,
                    "iam",
                    "put_role_permissions_boundary",
                    RoleName=id_,
                    PermissionsBoundary=boundary,
                )
            else:
                account.call(action, "iam", "delete_role_permissions_boundary", RoleName=id_)
        _retag(account, "role", id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("NoSuchEntity"):
            action = f"deleting IAM Role ({id_})"
            # As the real provider: out of its profiles first, which IAM would not forgive.
            for profile in account.call(
                action, "iam", "list_instance_profiles_for_role", RoleName=id_
            )["InstanceProfiles"]:
                account.call(
                    action,
                    "iam",
                    "remove_role_from_instance_profile",
                    InstanceProfileName=profile["InstanceProfileName"],
                    RoleName=id_,
                )
            if state.get("forceDetachPolicies"):
                self._strip(account, action, id_)
            account.call(action, "iam", "delete_role", RoleName=id_)

    def _managed(self, account: Account, id_: str) -> list[str]:
        action = f"reading IAM Role ({id_})"
        listed = account.call(action, "iam", "list_attached_role_policies", RoleName=id_)
        return sorted(policy["PolicyArn"] for policy in listed["AttachedPolicies"])

    def _inline(self, account: Account, id_: str) -> list[dict[str, str]]:
        action = f"reading IAM Role ({id_})"
        names = account.call(action, "iam", "list_role_policies", RoleName=id_)["PolicyNames"]
        found = (
            account.call(action, "iam", "get_role_policy", RoleName=id_, PolicyName=name)
            for name in sorted(names)
        )
        return [
            {"name": one["PolicyName"], "policy": policy_document(one["PolicyDocument"])}
            for one in found
        ]

    def _strip(self, account: Account, action: str, id_: str) -> None:
        for arn in self._managed(account, id_):
            account.call(action, "iam", "detach_role_policy", RoleName=id_, PolicyArn=arn)
        for name in account.call(action, "iam", "list_role_policies", RoleName=id_)["PolicyNames"]:
            account.call(action, "iam", "delete_role_policy", RoleName=id_, PolicyName=name)


def _retag(account: Account, kind: str, id_: str, change: Update) -> None:
    who = {"RoleName": id_} if kind == "role" else {"InstanceProfileName": id_}
    removed, added = tag_change(account, change)
    action = f"updating tags for IAM {kind} ({id_})"
    if removed:
        account.call(action, "iam", f"untag_{kind}", TagKeys=removed, **who)
    if added:
        account.call(action, "iam", f"tag_{kind}", Tags=added, **who)


class RolePolicy(Resource):
    token = "aws:iam/rolePolicy:RolePolicy"
    replace_on = frozenset({"role", "name", "namePrefix"})
    autoname = AutoName(longest=128)
    json_text = frozenset({"policy"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problem("policy", inputs["policy"])

    def _put(self, account: Account, inputs: Mapping[str, Any]) -> None:
        account.call(
            f"putting IAM Role ({inputs['role']}) Policy ({inputs['name']})",
            "iam",
            "put_role_policy",
            RoleName=inputs["role"],
            PolicyName=inputs["name"],
            PolicyDocument=inputs["policy"],
        )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        self._put(account, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        role, _, name = id_.partition(":")
        try:
            policy = account.call(
                f"reading IAM Role Policy ({id_})",
                "iam",
                "get_role_policy",
                RoleName=role,
                PolicyName=name,
            )
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        return {"role": role, "name": name, "policy": policy_document(policy["PolicyDocument"])}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._put(account, change.inputs)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        role, _, name = id_.partition(":")
        with gone_is_fine("NoSuchEntity"):
            account.call(
                f"deleting IAM Role Policy ({id_})",
                "iam",
                "delete_role_policy",
                RoleName=role,
                PolicyName=name,
            )


class RolePolicyAttachment(Resource):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    replace_on = frozenset({"role", "policyArn"})
    always_delete_first = True
    taggable = False

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        account.call(
            f"attaching IAM Policy ({inputs['policyArn']}) to IAM Role ({inputs['role']})",
            "iam",
            "attach_role_policy",
            RoleName=inputs["role"],
            PolicyArn=inputs["policyArn"],
        )
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        role, _, arn = id_.partition("/")
        try:
            attached = account.call(
                f"reading IAM Role Policy Attachment ({id_})",
                "iam",
                "list_attached_role_policies",
                RoleName=role,
            )["AttachedPolicies"]
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        if arn not in {policy["PolicyArn"] for policy in attached}:
            return None
        return {"role": role, "policyArn": arn}

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        role, _, arn = id_.partition("/")
        with gone_is_fine("NoSuchEntity"):
            account.call(
                f"detaching IAM Policy ({arn}) from IAM Role ({role})",
                "iam",
                "detach_role_policy",
                RoleName=role,
                PolicyArn=arn,
            )


class InstanceProfile(Resource):
    token = "aws:iam/instanceProfile:InstanceProfile"
    replace_on = frozenset({"name", "namePrefix", "path"})
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    computed = frozenset({"arn", "uniqueId", "createDate"})
    autoname = AutoName(longest=128)

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        name = str(inputs["name"])
        account.call(
            f"creating IAM Instance Profile ({name})",
            "iam",
            "create_instance_profile",
            InstanceProfileName=name,
            Path=inputs["path"],
            Tags=aws_tags(account, inputs),
        )
        if inputs.get("role"):
            self._add(account, name, inputs["role"])
        return name

    def _add(self, account: Account, id_: str, role: str) -> None:
        account.call(
            f"adding IAM Role ({role}) to IAM Instance Profile ({id_})",
            "iam",
            "add_role_to_instance_profile",
            InstanceProfileName=id_,
            RoleName=role,
        )

    def _remove(self, account: Account, id_: str, role: str) -> None:
        with gone_is_fine("NoSuchEntity"):
            account.call(
                f"removing IAM Role ({role}) from IAM Instance Profile ({id_})",
                "iam",
                "remove_role_from_instance_profile",
                InstanceProfileName=id_,
                RoleName=role,
            )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            profile = account.call(
                f"reading IAM Instance Profile ({id_})",
                "iam",
                "get_instance_profile",
                InstanceProfileName=id_,
            )["InstanceProfile"]
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        roles = [role["RoleName"] for role in profile.get("Roles", [])]
        return {
            "arn": profile["Arn"],
            "name": profile["InstanceProfileName"],
            "path": profile["Path"],
            "uniqueId": profile["InstanceProfileId"],
            "createDate": profile["CreateDate"].isoformat(),
            "role": roles[0] if roles else "",
            "tags": own_tags(account, profile.get("Tags"), state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "role" in change.paths:
            if change.state.get("role"):
                self._remove(account, id_, change.state["role"])
            if change.inputs.get("role"):
                self._add(account, id_, change.inputs["role"])
        _retag(account, "instance_profile", id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        if state.get("role"):
            self._remove(account, id_, state["role"])
        with gone_is_fine("NoSuchEntity"):
            account.call(
                f"deleting IAM Instance Profile ({id_})",
                "iam",
                "delete_instance_profile",
                InstanceProfileName=id_,
            )
