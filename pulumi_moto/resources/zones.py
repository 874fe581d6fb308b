"""Route 53: hosted zones, of the internet or of VPCs."""

import uuid
from typing import Any, ClassVar

from pulumi_moto.account import Account, AwsError
from pulumi_moto.backends import backend_of
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.tags import aws_tags


class Zone(Resource):
    token = "aws:route53/zone:Zone"
    service = "route53"
    label = "Route53 Hosted Zone"
    creating = "creating Route53 Hosted Zone ({name})"
    shown_by = ById("get_hosted_zone", "Id")
    replace_on = names("name delegationSetId")
    defaults: ClassVar[Values] = {"comment": "Managed by Pulumi", "forceDestroy": False}
    unordered = names("vpcs")
    not_simulated = dict.fromkeys(
        ("delegationSetId", "enableAcceleratedRecovery"), "declared by AWS, but not simulated yet"
    )
    autoname = AutoName()

    def create(self, account: Account, inputs: Values) -> str:
        vpcs = [_vpc(account, one) for one in inputs.get("vpcs") or []]
        for vpc in vpcs[:1]:
            _refuse(account, "CreateHostedZone", inputs["name"], vpc)
        made = account.route53.create_hosted_zone(
            Name=inputs["name"],
            CallerReference=str(uuid.uuid4()),
            HostedZoneConfig={"Comment": inputs["comment"], "PrivateZone": bool(vpcs)},
            **({"VPC": vpcs[0]} if vpcs else {}),
        )
        id_ = str(made["HostedZone"]["Id"]).rpartition("/")[2]
        self.tag(account, id_, aws_tags(account, inputs))
        for vpc in vpcs[1:]:
            self._associate(account, id_, inputs["name"], vpc)
        return id_

    def _associate(self, account: Account, id_: str, name: str, vpc: dict[str, str]) -> None:
        _refuse(account, "AssociateVPCWithHostedZone", name, vpc)
        account.route53.associate_vpc_with_hosted_zone(HostedZoneId=id_, VPC=vpc)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        name = shown["HostedZone"]["Name"]
        sets = account.route53.list_resource_record_sets(HostedZoneId=id_)["ResourceRecordSets"]
        servers = [
            record["Value"].rstrip(".")
            for one in sets
            if (one["Name"].rstrip("."), one["Type"]) == (name.rstrip("."), "NS")
            for record in one["ResourceRecords"]
        ]
        # The Region is part of a VPC's entry only where the program names it.
        bare = {one["vpcId"] for one in state.get("vpcs") or [] if not one.get("vpcRegion")}
        return {
            "arn": f"arn:aws:route53:::hostedzone/{id_}",
            "zoneId": id_,
            "name": name.rstrip("."),
            "comment": shown["HostedZone"]["Config"].get("Comment", ""),
            "nameServers": sorted(servers),
            "primaryNameServer": servers[0] if servers else "",
            "vpcs": [
                {"vpcId": one["VPCId"]}
                if one["VPCId"] in bare
                else {"vpcId": one["VPCId"], "vpcRegion": one["VPCRegion"]}
                for one in shown.get("VPCs") or []
            ],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        inputs = change.inputs
        if "comment" in change.paths:
            account.route53.update_hosted_zone_comment(Id=id_, Comment=inputs["comment"])
        if "vpcs" in change.paths:
            old, new = (
                [_vpc(account, one) for one in values.get("vpcs") or []]
                for values in (change.state, inputs)
            )
            for vpc in new:  # first, since a private zone must keep one
                if vpc not in old:
                    self._associate(account, id_, inputs["name"], vpc)
            for vpc in old:
                if vpc not in new:
                    account.route53.disassociate_vpc_from_hosted_zone(HostedZoneId=id_, VPC=vpc)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if state.get("forceDestroy"):
            self._empty(account, id_)
        account.route53.delete_hosted_zone(Id=id_)

    def _empty(self, account: Account, id_: str) -> None:
        sets = account.route53.list_resource_record_sets(HostedZoneId=id_)["ResourceRecordSets"]
        own = [one for one in sets if one["Type"] not in ("NS", "SOA")]
        if own:
            changes = [{"Action": "DELETE", "ResourceRecordSet": one} for one in own]
            account.route53.change_resource_record_sets(
                HostedZoneId=id_, ChangeBatch={"Comment": "Managed by Pulumi", "Changes": changes}
            )

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        answer = account.route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=id_)
        tags: list[dict[str, str]] = answer["ResourceTagSet"]["Tags"]
        return tags

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        if tags:
            self._retag(account, id_, AddTags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        self._retag(account, id_, RemoveTagKeys=keys)

    def _retag(self, account: Account, id_: str, **change: Any) -> None:
        account.route53.change_tags_for_resource(
            ResourceType="hostedzone", ResourceId=id_, **change
        )


def _vpc(account: Account, one: Values) -> dict[str, str]:
    """A VPC as Route 53 takes it."""
    return {"VPCId": one["vpcId"], "VPCRegion": one.get("vpcRegion") or account.region}


def _refuse(account: Account, operation: str, name: str, vpc: dict[str, str]) -> None:
    """Raises the errors of an association that moto makes all the same."""

    def refuse(code: str, message: str) -> AwsError:
        return account.route53.refuse(operation, code, message)

    if vpc["VPCId"] not in backend_of(vpc["VPCRegion"]).vpcs:
        why = f"The VPC ID is invalid or does not exist: {vpc['VPCId']}"
        raise refuse("InvalidVPCId", why)
    found = account.route53.list_hosted_zones_by_vpc(**vpc)["HostedZoneSummaries"]
    for zone in found:
        if zone["Name"].rstrip(".") == name.rstrip("."):
            raise refuse(
                "ConflictingDomainExists",
                f"The VPC {vpc['VPCId']} in region {vpc['VPCRegion']} has already been associated "
                f"with the hosted zone {zone['HostedZoneId']} with the same domain name.",
            )
