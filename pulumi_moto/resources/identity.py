"""IAM: roles, their policies, instance profiles."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import unquote

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags

from .support import given, picked


def policy_document(text: Any) -> str:
    """A policy as IAM gives it back: boto3 decodes it, moto's server leaves it URL-encoded."""
    return json.dumps(text) if isinstance(text, dict) else unquote(str(text))


class Role(Resource):
    token = "aws:iam/role:Role"
    service = "iam"
    label = "IAM Role"
    creating = "creating IAM Role ({name})"
    shown_by = ById("get_role", "RoleName", "Role")
    deleted_by = ById("delete_role", "RoleName")
    replace_on = names("name namePrefix path")
    defaults: ClassVar[Values] = {
        "path": "/",
        "maxSessionDuration": 3600,
        "forceDetachPolicies": False,
    }
    optional_computed = names("inlinePolicies managedPolicyArns")
    autoname = AutoName(longest=64)
    json_text = names("assumeRolePolicy")
    not_simulated = dict.fromkeys(
        ("inlinePolicies", "managedPolicyArns"), "use separate policy resources"
    )

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if len(str(inputs["name"])) > 64:
            yield Problem("name", "expected length of name to be in the range (1 - 64)")

    def create(self, account: Account, inputs: Values) -> str:
        account.iam.create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs["path"],
            MaxSessionDuration=inputs["maxSessionDuration"],
            Description=inputs.get("description", ""),
            Tags=aws_tags(account, inputs),
            **given(PermissionsBoundary=inputs.get("permissionsBoundary")),
        )
        return str(inputs["name"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        iam, names = account.iam, self._inline(account, id_)
        policies = [iam.get_role_policy(RoleName=id_, PolicyName=name) for name in sorted(names)]
        return {
            **picked(shown, "Arn", "Path", "MaxSessionDuration"),
            "name": shown["RoleName"],
            "uniqueId": shown["RoleId"],
            "createDate": shown["CreateDate"].isoformat(),
            "assumeRolePolicy": policy_document(shown["AssumeRolePolicyDocument"]),
            "description": shown.get("Description") or None,
            "inlinePolicies": [
                {"name": one["PolicyName"], "policy": policy_document(one["PolicyDocument"])}
                for one in policies
            ],
            "managedPolicyArns": sorted(self._managed(account, id_)),
            "permissionsBoundary": shown.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
        }

    def _managed(self, account: Account, id_: str) -> list[str]:
        listed = account.iam.list_attached_role_policies(RoleName=id_)["AttachedPolicies"]
        return [policy["PolicyArn"] for policy in listed]

    def _inline(self, account: Account, id_: str) -> list[str]:
        return list(account.iam.list_role_policies(RoleName=id_)["PolicyNames"])

    def update(self, account: Account, id_: str, change: Update) -> None:
        iam, inputs = account.iam, change.inputs
        if "assumeRolePolicy" in change.paths:
            policy = inputs["assumeRolePolicy"]
            iam.update_assume_role_policy(RoleName=id_, PolicyDocument=policy)
        if change.paths & {"description", "maxSessionDuration"}:
            iam.update_role(
                RoleName=id_,
                Description=inputs.get("description", ""),
                MaxSessionDuration=inputs["maxSessionDuration"],
            )
        if "permissionsBoundary" in change.paths:
            if boundary := inputs.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=boundary)
            else:
                iam.delete_role_permissions_boundary(RoleName=id_)
        self.retag(account, id_, change)

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.iam.tag_role(RoleName=id_, Tags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.iam.untag_role(RoleName=id_, TagKeys=keys)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        iam = account.iam
        # As the real provider: out of its profiles first, which IAM would not forgive.
        profiles = iam.list_instance_profiles_for_role(RoleName=id_)["InstanceProfiles"]
        for profile in profiles:
            iam.remove_role_from_instance_profile(
                InstanceProfileName=profile["InstanceProfileName"], RoleName=id_
            )
        if state.get("forceDetachPolicies"):
            for arn in self._managed(account, id_):
                iam.detach_role_policy(RoleName=id_, PolicyArn=arn)
            for name in self._inline(account, id_):
                iam.delete_role_policy(RoleName=id_, PolicyName=name)
        super().delete(account, id_, state)


class RolePolicy(Resource):
    token = "aws:iam/rolePolicy:RolePolicy"
    label = "IAM Role Policy"
    creating = "putting IAM Role ({role}) Policy ({name})"
    replace_on = names("role name namePrefix")
    autoname = AutoName(longest=128)
    json_text = names("policy")

    def create(self, account: Account, inputs: Values) -> str:
        role, name = inputs["role"], inputs["name"]
        account.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs["policy"])
        return f"{role}:{name}"

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        role, _, name = id_.partition(":")
        return account.iam.get_role_policy(RoleName=role, PolicyName=name)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        role, _, name = id_.partition(":")
        return {"role": role, "name": name, "policy": policy_document(shown["PolicyDocument"])}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.put(account, change.inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        role, _, name = id_.partition(":")
        account.iam.delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachment(Resource):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    label = "IAM Role Policy Attachment"
    creating = "attaching IAM Policy ({policyArn}) to IAM Role ({role})"
    replace_on = names("role policyArn")
    always_delete_first = True

    def create(self, account: Account, inputs: Values) -> str:
        role, arn = inputs["role"], inputs["policyArn"]
        account.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return f"{role}/{arn}"

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        role, _, arn = id_.partition("/")
        attached = account.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return {"role": role} if arn in {one["PolicyArn"] for one in attached} else None

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {**shown, "policyArn": id_.partition("/")[2]}

    def delete(self, account: Account, id_: str, state: Values) -> None:
        role, _, arn = id_.partition("/")
        detaching = account.during(f"detaching IAM Policy ({arn}) from IAM Role ({role})")
        detaching.iam.detach_role_policy(RoleName=role, PolicyArn=arn)


class InstanceProfile(Resource):
    token = "aws:iam/instanceProfile:InstanceProfile"
    service = "iam"
    label = "IAM Instance Profile"
    creating = "creating IAM Instance Profile ({name})"
    shown_by = ById("get_instance_profile", "InstanceProfileName", "InstanceProfile")
    deleted_by = ById("delete_instance_profile", "InstanceProfileName")
    replace_on = names("name namePrefix path")
    defaults: ClassVar[Values] = {"path": "/"}
    autoname = AutoName(longest=128)

    def create(self, account: Account, inputs: Values) -> str:
        name = str(inputs["name"])
        account.iam.create_instance_profile(
            InstanceProfileName=name, Path=inputs["path"], Tags=aws_tags(account, inputs)
        )
        self._add(account, name, inputs)
        return name

    def _add(self, account: Account, id_: str, inputs: Values) -> None:
        if role := inputs.get("role"):
            adding = account.during(f"adding IAM Role ({role}) to IAM Instance Profile ({id_})")
            adding.iam.add_role_to_instance_profile(InstanceProfileName=id_, RoleName=role)

    def _remove(self, account: Account, id_: str, state: Values) -> None:
        if role := state.get("role"):
            action = f"removing IAM Role ({role}) from IAM Instance Profile ({id_})"
            with gone_is_fine():
                account.during(action).iam.remove_role_from_instance_profile(
                    InstanceProfileName=id_, RoleName=role
                )

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        roles = [role["RoleName"] for role in shown.get("Roles", [])]
        return {
            **picked(shown, "Arn", "Path"),
            "name": shown["InstanceProfileName"],
            "uniqueId": shown["InstanceProfileId"],
            "createDate": shown["CreateDate"].isoformat(),
            "role": roles[0] if roles else "",
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "role" in change.paths:
            self._remove(account, id_, change.state)
            self._add(account, id_, change.inputs)
        self.retag(account, id_, change)

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.iam.tag_instance_profile(InstanceProfileName=id_, Tags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.iam.untag_instance_profile(InstanceProfileName=id_, TagKeys=keys)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        self._remove(account, id_, state)
        super().delete(account, id_, state)
