"""Security groups and their rules."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.backends import backend_of
from pulumi_moto.resource import AutoName, Update, aws_tags, plain_tags
from pulumi_moto.schema import Problem

from .support import Ec2Resource, filters, first, needed, not_simulated, own_tags

_DESCRIPTION: Final = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
"""What EC2 takes as the description of a rule; moto takes anything."""

_ALL: Final = frozenset({"tags", "tagsAll"})
_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


def _listed(group_id: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as its group lists it."""
    groups = [pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])]
    sources = [*rule.get("IpRanges", []), *rule.get("Ipv6Ranges", [])]
    noted = [one.get("Description", "") for one in [*sources, *rule.get("UserIdGroupPairs", [])]]
    return {
        "protocol": rule["IpProtocol"],
        "fromPort": rule.get("FromPort", 0),
        "toPort": rule.get("ToPort", 0),
        "cidrBlocks": [one["CidrIp"] for one in rule.get("IpRanges", [])],
        "ipv6CidrBlocks": [one["CidrIpv6"] for one in rule.get("Ipv6Ranges", [])],
        "securityGroups": [one for one in groups if one != group_id],
        "self": group_id in groups,
        "description": first(noted) or "",
    }


class _Group(Ec2Resource):
    kind = "security-group"

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        group = self.described(
            account, "describe_security_groups", "SecurityGroups", GroupIds=[id_]
        )
        if group is None:
            return None
        return {
            "arn": account.arn("ec2", f"security-group/{id_}"),
            "ownerId": account.id,
            "name": group["GroupName"],
            "description": group["Description"],
            "vpcId": group["VpcId"],
            "ingress": [_listed(id_, rule) for rule in group["IpPermissions"]],
            "egress": [_listed(id_, rule) for rule in group["IpPermissionsEgress"]],
            "tags": own_tags(account, group.get("Tags"), state),
        }


class SecurityGroup(_Group):
    token = "aws:ec2/securityGroup:SecurityGroup"
    replace_on = frozenset({"name", "namePrefix", "description", "vpcId"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "description": "Managed by Pulumi",
        "revokeRulesOnDelete": False,
    }
    computed = frozenset({"arn", "ownerId"})
    optional_computed = frozenset({"ingress", "egress", "vpcId"})
    autoname = AutoName()

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "use separate rule resources", "ingress", "egress")
        if str(inputs["name"]).startswith("sg-"):
            yield Problem("name", 'invalid value for name (cannot begin with "sg-")')

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            f"creating Security Group ({inputs['name']})",
            "ec2",
            "create_security_group",
            GroupName=inputs["name"],
            Description=inputs["description"],
            **({"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}),
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["GroupId"])
        # The real provider removes the allow-all rule that AWS puts into every new group.
        account.call(
            f"updating Security Group ({id_})",
            "ec2",
            "revoke_security_group_egress",
            GroupId=id_,
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        )
        return id_

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting Security Group ({id_})"
        if self._in_use(account, action, id_):  # moto deletes it all the same
            raise account.refuse(
                action,
                "EC2",
                "DeleteSecurityGroup",
                "DependencyViolation",
                f"resource {id_} has a dependent object",
            )
        with gone_is_fine("InvalidGroup.NotFound"):
            account.call(action, "ec2", "delete_security_group", GroupId=id_)

    def _in_use(self, account: Account, action: str, id_: str) -> bool:
        used = account.call(
            action,
            "ec2",
            "describe_instances",
            Filters=filters(
                {
                    "instance.group-id": id_,
                    "instance-state-name": ["pending", "running", "stopping", "stopped"],
                }
            ),
        )["Reservations"]
        if used:
            return True
        for system in account.call(action, "efs", "describe_file_systems")["FileSystems"]:
            targets = account.call(
                action, "efs", "describe_mount_targets", FileSystemId=system["FileSystemId"]
            )["MountTargets"]
            for target in targets:
                groups = account.call(
                    action,
                    "efs",
                    "describe_mount_target_security_groups",
                    MountTargetId=target["MountTargetId"],
                )["SecurityGroups"]
                if id_ in (groups or []):
                    return True
        rules = account.call(action, "ec2", "describe_security_group_rules")["SecurityGroupRules"]
        return any(
            rule.get("ReferencedGroupInfo", {}).get("GroupId") == id_ and rule["GroupId"] != id_
            for rule in rules
        )


class DefaultSecurityGroup(_Group):
    """The group that AWS makes with a VPC: adopted without its rules, and only ever forgotten."""

    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    replace_on = frozenset({"vpcId"})
    defaults: ClassVar[Mapping[str, Any]] = {"revokeRulesOnDelete": False}
    computed = frozenset({"arn", "description", "name", "namePrefix", "ownerId"})
    optional_computed = frozenset({"ingress", "egress"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from needed(inputs, "vpcId")
        yield from not_simulated(inputs, "leave it without rules", "ingress", "egress")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = f"reading Default Security Group ({inputs['vpcId']})"
        (group,) = account.call(
            action,
            "ec2",
            "describe_security_groups",
            Filters=filters({"vpc-id": inputs["vpcId"], "group-name": "default"}),
        )["SecurityGroups"]
        id_ = str(group["GroupId"])
        self.retag(account, id_, Update({"tagsAll": plain_tags(group.get("Tags"))}, inputs, _ALL))
        for direction, held in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if group[held]:
                account.call(
                    f"revoking default Security Group ({id_}) rules",
                    "ec2",
                    f"revoke_security_group_{direction}",
                    GroupId=id_,
                    IpPermissions=group[held],
                )
        return id_

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        found = super().read(account, id_, state)
        return found and {**found, "namePrefix": ""}

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        """It goes with its VPC; its rules do not come back."""


class _Rule(Ec2Resource):
    kind = "security-group-rule"
    replace_on = frozenset({"securityGroupId"})
    computed = frozenset({"arn", "securityGroupRuleId"})
    direction: ClassVar[str]
    records_failed_update = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if sum(inputs.get(source) is not None for source in _SOURCES) != 1:
            yield Problem("cidrIpv4", f"exactly one of {', '.join(_SOURCES)} must be set")

    def replaces(
        self, account: Account, path: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        # Another address in the same form is changed in place, another kind of source is not.
        if path in _SOURCES and (state.get(path) in (None, "") or inputs.get(path) is None):
            return True
        return super().replaces(account, path, state, inputs)

    def _permission(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        note = {"Description": inputs["description"]} if inputs.get("description") else {}
        permission: dict[str, Any] = {"IpProtocol": inputs["ipProtocol"]}
        if inputs.get("fromPort") is not None:
            permission["FromPort"] = inputs["fromPort"]
        if inputs.get("toPort") is not None:
            permission["ToPort"] = inputs["toPort"]
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **note}]
        elif inputs.get("cidrIpv6"):
            permission["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **note}]
        elif inputs.get("prefixListId"):
            permission["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **note}]
        else:
            permission["UserIdGroupPairs"] = [
                {"GroupId": inputs["referencedSecurityGroupId"], **note}
            ]
        return permission

    def _check_description(
        self, account: Account, action: str, operation: str, inputs: Mapping[str, Any]
    ) -> None:
        if not _DESCRIPTION.fullmatch(inputs.get("description") or ""):
            raise account.refuse(
                action,
                "EC2",
                operation,
                "InvalidParameterValue",
                "Invalid rule description. Valid descriptions are strings less than 256 characters "
                "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = f"creating VPC Security Group Rule in ({inputs['securityGroupId']})"
        self._check_description(
            account, action, f"AuthorizeSecurityGroup{self.direction.capitalize()}", inputs
        )
        made = account.call(
            action,
            "ec2",
            f"authorize_security_group_{self.direction}",
            GroupId=inputs["securityGroupId"],
            IpPermissions=[self._permission(inputs)],
        )
        id_ = str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])
        if tags := aws_tags(account, inputs):
            account.call(
                f"tagging VPC Security Group Rule ({id_})",
                "ec2",
                "create_tags",
                Resources=[id_],
                Tags=tags,
            )
        return id_

    def _described_rule(self, account: Account, id_: str) -> dict[str, Any] | None:
        rules = account.call(
            f"reading VPC Security Group Rule ({id_})",
            "ec2",
            "describe_security_group_rules",
        )["SecurityGroupRules"]
        found: dict[str, Any] | None = first(
            [rule for rule in rules if rule["SecurityGroupRuleId"] == id_]
        )
        return found

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        rule = self._described_rule(account, id_)
        if rule is None:
            return None
        told = {
            "arn": account.arn("ec2", f"security-group-rule/{id_}"),
            "securityGroupRuleId": id_,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "prefixListId": rule.get("PrefixListId"),
            "description": rule.get("Description") or None,
            "tags": own_tags(account, rule.get("Tags"), state),
        }
        if rule["IpProtocol"] != "-1":  # the API's -1 for "all" is shown as unset
            told |= {"fromPort": rule["FromPort"], "toPort": rule["ToPort"]}
        return {key: value for key, value in told.items() if value is not None}

    def update(self, account: Account, id_: str, change: Update) -> None:
        if change.paths - {"tags", "tagsAll"}:
            action = f"updating VPC Security Group Rule ({id_})"
            self._check_description(account, action, "ModifySecurityGroupRules", change.inputs)
            rule = {
                "IpProtocol": change.inputs["ipProtocol"],
                "FromPort": change.inputs.get("fromPort", -1),
                "ToPort": change.inputs.get("toPort", -1),
                "Description": change.inputs.get("description", ""),
                "CidrIpv4": change.inputs.get("cidrIpv4"),
                "CidrIpv6": change.inputs.get("cidrIpv6"),
                "PrefixListId": change.inputs.get("prefixListId"),
                "ReferencedGroupId": change.inputs.get("referencedSecurityGroupId"),
            }
            account.call(
                action,
                "ec2",
                "modify_security_group_rules",
                GroupId=change.inputs["securityGroupId"],
                SecurityGroupRules=[
                    {
                        "SecurityGroupRuleId": id_,
                        "SecurityGroupRule": {k: v for k, v in rule.items() if v is not None},
                    }
                ],
            )
            self._change_source(account, id_, change.inputs)
        self.retag(account, id_, change)

    def _change_source(self, account: Account, id_: str, inputs: Mapping[str, Any]) -> None:
        """What moto's ModifySecurityGroupRules leaves as it was."""
        group = backend_of(account.region).get_security_group_from_id(inputs["securityGroupId"])
        rule = group.get_rule(id_)
        if cidr := inputs.get("cidrIpv6"):
            rule.ip_range["CidrIpv6"] = cidr
        if other := inputs.get("referencedSecurityGroupId"):
            rule.source_group["GroupId"] = other
        if prefixes := inputs.get("prefixListId"):
            rule.prefix_list_id = prefixes

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine(
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidPermission.NotFound",  # moto's word for the same
        ):
            account.call(
                f"deleting VPC Security Group Rule ({id_})",
                "ec2",
                f"revoke_security_group_{self.direction}",
                GroupId=state["securityGroupId"],
                SecurityGroupRuleIds=[id_],
            )


class IngressRule(_Rule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


class EgressRule(_Rule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"
