"""Security groups and their rules."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account
from pulumi_moto.backends import backend_of
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags, plain_tags

from .support import Ec2Resource, filters, first, given, picked

_DESCRIPTION: Final = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
"""What EC2 takes as the description of a rule; moto takes anything."""

_ALL: Final = frozenset({"tags", "tagsAll"})
_SOURCES: Final = {
    "cidrIpv4": ("IpRanges", "CidrIp"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
"""Inputs that name the other side of a rule, and where they are in a permission."""


def _listed(group_id: str, rule: Values) -> dict[str, Any]:
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
    shown_by = ById("describe_security_groups", "GroupIds", "SecurityGroups")
    deleted_by = ById("delete_security_group", "GroupId")

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            **picked(shown, "Description", "VpcId"),
            "arn": self.arn(account, id_),
            "ownerId": account.id,
            "name": shown["GroupName"],
            "ingress": [_listed(id_, rule) for rule in shown["IpPermissions"]],
            "egress": [_listed(id_, rule) for rule in shown["IpPermissionsEgress"]],
        }


class SecurityGroup(_Group):
    token = "aws:ec2/securityGroup:SecurityGroup"
    label = "Security Group"
    creating = "creating Security Group ({name})"
    replace_on = names("name namePrefix description vpcId")
    defaults: ClassVar[Values] = {
        "description": "Managed by Pulumi",
        "revokeRulesOnDelete": False,
    }
    optional_computed = names("ingress egress vpcId")
    autoname = AutoName()
    not_simulated = dict.fromkeys(("ingress", "egress"), "use separate rule resources")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if str(inputs["name"]).startswith("sg-"):
            yield Problem("name", 'invalid value for name (cannot begin with "sg-")')

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            TagSpecifications=self.tag_specifications(account, inputs),
            **given(VpcId=inputs.get("vpcId")),
        )
        id_ = str(made["GroupId"])
        # The real provider removes the allow-all rule that AWS puts into every new group.
        account.during(f"updating Security Group ({id_})").ec2.revoke_security_group_egress(
            GroupId=id_,
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        )
        return id_

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if self._is_in_use(account, id_):  # moto deletes it all the same
            why = f"resource {id_} has a dependent object"
            raise account.ec2.refuse("DeleteSecurityGroup", "DependencyViolation", why)
        super().delete(account, id_, state)

    def _is_in_use(self, account: Account, id_: str) -> bool:
        ec2, efs = account.ec2, account.efs
        states = ["pending", "running", "stopping", "stopped"]
        alive = filters({"instance.group-id": id_, "instance-state-name": states})
        if ec2.describe_instances(Filters=alive)["Reservations"]:
            return True
        for system in efs.describe_file_systems()["FileSystems"]:
            targets = efs.describe_mount_targets(FileSystemId=system["FileSystemId"])
            for target in targets["MountTargets"]:
                groups = efs.describe_mount_target_security_groups(
                    MountTargetId=target["MountTargetId"]
                )
                if id_ in (groups["SecurityGroups"] or []):
                    return True
        rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
        return any(
            rule.get("ReferencedGroupInfo", {}).get("GroupId") == id_ and rule["GroupId"] != id_
            for rule in rules
        )


class DefaultSecurityGroup(_Group):
    """The group that AWS makes with a VPC: adopted without its rules, and only ever forgotten."""

    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    label = "Default Security Group"
    creating = "reading Default Security Group ({vpcId})"
    replace_on = names("vpcId")
    defaults: ClassVar[Values] = {"revokeRulesOnDelete": False}
    optional_computed = names("ingress egress")
    needed = ("vpcId",)
    not_simulated = dict.fromkeys(("ingress", "egress"), "leave it without rules")

    def create(self, account: Account, inputs: Values) -> str:
        own = filters({"vpc-id": inputs["vpcId"], "group-name": "default"})
        (group,) = account.ec2.describe_security_groups(Filters=own)["SecurityGroups"]
        id_ = str(group["GroupId"])
        self.retag(account, id_, Update({"tagsAll": plain_tags(group.get("Tags"))}, inputs, _ALL))
        ec2 = account.during(f"revoking default Security Group ({id_}) rules").ec2
        if rules := group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=id_, IpPermissions=rules)
        if rules := group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=id_, IpPermissions=rules)
        return id_

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {**super().properties(account, id_, shown, state), "namePrefix": ""}

    def delete(self, account: Account, id_: str, state: Values) -> None:
        """It goes with its VPC; its rules do not come back."""


class _Rule(Ec2Resource):
    kind = "security-group-rule"
    label = "VPC Security Group Rule"
    creating = "creating VPC Security Group Rule in ({securityGroupId})"
    replace_on = names("securityGroupId")
    direction: ClassVar[str]
    records_failed_update = False

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if sum(inputs.get(source) is not None for source in _SOURCES) != 1:
            yield Problem("cidrIpv4", f"exactly one of {', '.join(_SOURCES)} must be set")

    def replaces(self, account: Account, path: str, state: Values, inputs: Values) -> bool:
        # Another address in the same form is changed in place, another kind of source is not.
        if path in _SOURCES and (state.get(path) in (None, "") or inputs.get(path) is None):
            return True
        return super().replaces(account, path, state, inputs)

    def _permission(self, inputs: Values) -> dict[str, Any]:
        note = given(Description=inputs.get("description"))
        permission: dict[str, Any] = {"IpProtocol": inputs["ipProtocol"]}
        if inputs.get("fromPort") is not None:
            permission["FromPort"] = inputs["fromPort"]
        if inputs.get("toPort") is not None:
            permission["ToPort"] = inputs["toPort"]
        for source, (ranges, key) in _SOURCES.items():
            if inputs.get(source):
                permission[ranges] = [{key: inputs[source], **note}]
        return permission

    def _check_description(self, account: Account, operation: str, inputs: Values) -> None:
        if not _DESCRIPTION.fullmatch(inputs.get("description") or ""):
            raise account.ec2.refuse(
                operation,
                "InvalidParameterValue",
                "Invalid rule description. Valid descriptions are strings less than 256 characters "
                "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            )

    def create(self, account: Account, inputs: Values) -> str:
        operation = f"AuthorizeSecurityGroup{self.direction.capitalize()}"
        self._check_description(account, operation, inputs)
        made = getattr(account.ec2, f"authorize_security_group_{self.direction}")(
            GroupId=inputs["securityGroupId"], IpPermissions=[self._permission(inputs)]
        )
        id_ = str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])
        if tags := aws_tags(account, inputs):
            self.tag(account.during(f"tagging VPC Security Group Rule ({id_})"), id_, tags)
        return id_

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        rules = account.ec2.describe_security_group_rules()["SecurityGroupRules"]
        return first([rule for rule in rules if rule["SecurityGroupRuleId"] == id_])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        # The API's -1 for "all" is shown as unset.
        ports = picked(shown, "FromPort", "ToPort") if shown["IpProtocol"] != "-1" else {}
        return {
            **ports,
            "arn": self.arn(account, id_),
            "securityGroupRuleId": id_,
            "securityGroupId": shown["GroupId"],
            "ipProtocol": shown["IpProtocol"],
            "cidrIpv4": shown.get("CidrIpv4"),
            "cidrIpv6": shown.get("CidrIpv6"),
            "referencedSecurityGroupId": shown.get("ReferencedGroupInfo", {}).get("GroupId"),
            "prefixListId": shown.get("PrefixListId"),
            "description": shown.get("Description") or None,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        inputs = change.inputs
        if change.paths - _ALL:
            self._check_description(account, "ModifySecurityGroupRules", inputs)
            rule = {
                "IpProtocol": inputs["ipProtocol"],
                "FromPort": inputs.get("fromPort", -1),
                "ToPort": inputs.get("toPort", -1),
                "Description": inputs.get("description", ""),
                "CidrIpv4": inputs.get("cidrIpv4"),
                "CidrIpv6": inputs.get("cidrIpv6"),
                "PrefixListId": inputs.get("prefixListId"),
                "ReferencedGroupId": inputs.get("referencedSecurityGroupId"),
            }
            known = {key: value for key, value in rule.items() if value is not None}
            account.ec2.modify_security_group_rules(
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": id_, "SecurityGroupRule": known}],
            )
            self._change_source(account, id_, inputs)
        self.retag(account, id_, change)

    def _change_source(self, account: Account, id_: str, inputs: Values) -> None:
        """What moto's ModifySecurityGroupRules leaves as it was."""
        group = backend_of(account.region).get_security_group_from_id(inputs["securityGroupId"])
        rule = group.get_rule(id_)
        if cidr := inputs.get("cidrIpv6"):
            rule.ip_range["CidrIpv6"] = cidr
        if other := inputs.get("referencedSecurityGroupId"):
            rule.source_group["GroupId"] = other
        if prefixes := inputs.get("prefixListId"):
            rule.prefix_list_id = prefixes

    def delete(self, account: Account, id_: str, state: Values) -> None:
        revoke = getattr(account.ec2, f"revoke_security_group_{self.direction}")
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[id_])


class IngressRule(_Rule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


class EgressRule(_Rule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"
