"""EC2 launch templates: a change of what they launch is a new version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import listed, plain_tags
from pulumi_moto.wire import UNKNOWN

from .support import (
    Ec2Resource,
    base64_problem,
    capitalised,
    choice_problem,
    filters,
    given,
    items,
    members,
    uncapitalised,
)

_LAUNCH: Final = names(
    """
    blockDeviceMappings creditSpecification disableApiStop disableApiTermination ebsOptimized
    iamInstanceProfile imageId instanceInitiatedShutdownBehavior instanceMarketOptions instanceType
    metadataOptions monitoring networkInterfaces tagSpecifications userData vpcSecurityGroupIds
    """
)
"""What an instance is launched with."""
_OTHER_NAMES: Final = {
    "vpcSecurityGroupIds": "SecurityGroupIds",
    "networkInterfaces.securityGroups": "Groups",
}
"""Fields that EC2 calls otherwise, in any letter case."""
_TEXT_FLAGS: Final = names(
    """
    ebsOptimized blockDeviceMappings.ebs.deleteOnTermination blockDeviceMappings.ebs.encrypted
    networkInterfaces.associatePublicIpAddress networkInterfaces.deleteOnTermination
    """
)
"""Booleans that the provider has as text, so that there is a third value."""
_TAGS: Final = "tagSpecifications.tags"


class LaunchTemplate(Ec2Resource):
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    label = "EC2 Launch Template"
    kind = "launch-template"
    shown_by = ById("describe_launch_templates", "LaunchTemplateIds", "LaunchTemplates")
    replace_on = names("name namePrefix")
    optional_computed = names("defaultVersion metadataOptions")
    only_given = names(
        """
        blockDeviceMappings.ebs blockDeviceMappings.ebs.deleteOnTermination
        blockDeviceMappings.ebs.encrypted blockDeviceMappings.ebs.kmsKeyId
        blockDeviceMappings.ebs.snapshotId creditSpecification.cpuCredits iamInstanceProfile.arn
        iamInstanceProfile.name instanceMarketOptions.marketType instanceMarketOptions.spotOptions
        monitoring.enabled networkInterfaces.associatePublicIpAddress
        networkInterfaces.deleteOnTermination networkInterfaces.description
        networkInterfaces.securityGroups networkInterfaces.subnetId tagSpecifications.resourceType
        tagSpecifications.tags
        """
    )
    unordered = names("vpcSecurityGroupIds")
    simulated = _LAUNCH | names(
        "defaultVersion description name region tags tagsAll updateDefaultVersion"
    )
    autoname = AutoName()

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        name = inputs["name"]
        if isinstance(name, str) and not 3 <= len(name) <= 128:
            yield Problem("name", f"expected length of name to be in the range (3 - 128): {name}")
        yield from base64_problem("userData", inputs.get("userData"))
        behaviour = inputs.get("instanceInitiatedShutdownBehavior")
        choices = ("stop", "terminate")
        yield from choice_problem("instanceInitiatedShutdownBehavior", behaviour, choices)
        if inputs.get("defaultVersion") is not None and inputs.get("updateDefaultVersion"):
            yield Problem("defaultVersion", "conflicts with updateDefaultVersion")
        if inputs.get("vpcSecurityGroupIds") and any(
            members(one).get("securityGroups") for one in items(inputs.get("networkInterfaces"))
        ):  # AWS takes the template, and refuses to launch from it
            why = "name the groups here or in networkInterfaces, not in both"
            yield Problem("vpcSecurityGroupIds", why)

    def preview_update(
        self, account: Account, state: Values, inputs: Values, changed: frozenset[str]
    ) -> dict[str, Any]:
        """As the provider: a new description makes a version that it does not announce, and new
        tags announce one that they do not make."""
        outputs = super().preview_update(account, state, inputs, changed)
        if changed - names("name namePrefix description defaultVersion updateDefaultVersion"):
            outputs["latestVersion"] = UNKNOWN
        if changed - names("name namePrefix description") and inputs.get("updateDefaultVersion"):
            outputs["defaultVersion"] = UNKNOWN
        return outputs

    def _version(self, account: Account, inputs: Values) -> dict[str, Any]:
        """The arguments of both calls that make a version."""
        wanted = {key: inputs[key] for key in sorted(_LAUNCH) if inputs.get(key) is not None}
        if "creditSpecification" in wanted:  # for types that do not burst the provider drops it
            type_ = wanted.get("instanceType")
            if not type_ or not account.instance_type(type_)["BurstablePerformanceSupported"]:
                del wanted["creditSpecification"]
        data = {"UserData": "", **_sent(wanted)}  # EC2 wants at least one field
        return {"LaunchTemplateData": data, **given(VersionDescription=inputs.get("description"))}

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.create_launch_template(
            LaunchTemplateName=inputs["name"],
            TagSpecifications=self.tag_specifications(account, inputs),
            **self._version(account, inputs),
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        # moto's DescribeLaunchTemplates keeps showing the first tags.
        own = filters({"resource-id": id_})
        return listed(plain_tags(account.ec2.describe_tags(Filters=own)["Tags"]))

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        (latest,) = account.ec2.describe_launch_template_versions(
            LaunchTemplateId=id_, Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        data = dict(latest["LaunchTemplateData"])
        # moto puts the tags of the template itself among those of what it launches.
        specified = data.pop("TagSpecifications", [])
        own = [one for one in specified if one["ResourceType"] != self.kind]
        found = _shown({**data, **given(TagSpecifications=own)})
        return {
            **found,
            "arn": self.arn(account, id_),
            "name": shown["LaunchTemplateName"],
            "description": latest.get("VersionDescription") or None,
            "defaultVersion": shown["DefaultVersionNumber"],
            "latestVersion": shown["LatestVersionNumber"],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        latest = change.state["latestVersion"]
        if change.paths & (_LAUNCH | {"description"}):
            creating = account.during(f"creating {self.label} ({id_}) Version")
            made = creating.ec2.create_launch_template_version(
                LaunchTemplateId=id_, **self._version(account, change.inputs)
            )
            latest = made["LaunchTemplateVersion"]["VersionNumber"]
        if not change.inputs.get("updateDefaultVersion"):
            latest = change.inputs.get("defaultVersion")
        if latest is not None:
            account.ec2.modify_launch_template(LaunchTemplateId=id_, DefaultVersion=str(latest))
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        """AWS deletes it also where a group names it: the group launches no more."""
        if self.describe(account, id_, state):
            account.ec2.delete_launch_template(LaunchTemplateId=id_)


def _sent(value: Any, path: str = "") -> Any:
    """Properties as EC2's API takes them."""
    if path == _TAGS:
        return listed(value)
    if isinstance(value, Mapping):
        inner = {key: f"{path}.{key}".lstrip(".") for key in value}
        return {
            _OTHER_NAMES.get(inner[key]) or next(iter(capitalised({key: None}))): _sent(
                value[key], inner[key]
            )
            for key in value
            if value[key] is not None
        }
    if isinstance(value, list):
        return [_sent(item, path) for item in value]
    return value == "true" if path in _TEXT_FLAGS else value


def _shown(value: Any, path: str = "") -> Any:
    """The reverse of `_sent`; empty text is left out."""
    if path == _TAGS:
        return plain_tags(value)
    if isinstance(value, Mapping):
        found = {}
        for key, one in value.items():
            name = uncapitalised(key)
            for ours, theirs in _OTHER_NAMES.items():
                outer, _, last = ours.rpartition(".")
                if (outer, theirs) == (path, key):
                    name = last
            if one not in ("", None):
                found[name] = _shown(one, f"{path}.{name}".lstrip("."))
        return found
    if isinstance(value, list):
        return [_shown(item, path) for item in value]
    return str(value).lower() if path in _TEXT_FLAGS else value
