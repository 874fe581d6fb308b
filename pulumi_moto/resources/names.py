"""Route 53: records in a hosted zone, which the account must hold already."""

from collections.abc import Iterator
from typing import Any, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem

_TYPES: Final = ("A", "AAAA", "CNAME", "TXT")


def _full(name: str, zone: str) -> str:
    """A name with its zone, in lower case and without the last dot: the zone may be left out."""
    name, zone = name.lower().rstrip("."), zone.lower().rstrip(".")
    if not name:
        return zone
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}"


class Record(Resource):
    token = "aws:route53/record:Record"
    label = "Route53 Record"
    replace_on = names("name zoneId")
    optional_computed = names("allowOverwrite")
    unordered = names("records")
    simulated = names("allowOverwrite name records ttl type zoneId")
    needed = ("records", "ttl")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        kind = inputs["type"]
        if isinstance(kind, str) and kind not in _TYPES:
            yield Problem("type", f"{', '.join(_TYPES)} are simulated, not {kind}")

    def _change(self, account: Account, *changes: tuple[str, str, Values]) -> None:
        """Send changes, each its verb, the full name and the record, as one batch."""
        account.route53.change_resource_record_sets(
            HostedZoneId=changes[0][2]["zoneId"],
            ChangeBatch={
                "Comment": "Managed by Pulumi",
                "Changes": [
                    {
                        "Action": verb,
                        "ResourceRecordSet": {
                            "Name": name,
                            "Type": record["type"],
                            "TTL": record["ttl"],
                            "ResourceRecords": [{"Value": one} for one in record["records"]],
                        },
                    }
                    for verb, name, record in changes
                ],
            },
        )

    def create(self, account: Account, inputs: Values) -> str:
        zone = account.route53.get_hosted_zone(Id=inputs["zoneId"])["HostedZone"]["Name"]
        name = _full(inputs["name"], zone)
        id_ = f"{inputs['zoneId'].rpartition('/')[2]}_{name}_{inputs['type']}"
        # moto refuses only what it was sent before, also where that is gone again.
        if not inputs.get("allowOverwrite") and self.describe(account, id_, {}):
            raise account.route53.refuse(
                "ChangeResourceRecordSets",
                "InvalidChangeBatch",
                f"[Tried to create resource record set [name='{name}.', type='{inputs['type']}'] "
                "but it already exists]",
            )
        self._change(account, ("UPSERT", name, inputs))
        return id_

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        zone, _, rest = id_.partition("_")
        name, _, kind = rest.rpartition("_")
        kind = state.get("type") or kind  # it may have changed in place, and the id stays
        answer = account.route53.list_resource_record_sets(
            HostedZoneId=zone, StartRecordName=name, StartRecordType=kind, MaxItems="1"
        )
        for record in answer["ResourceRecordSets"]:
            if (record["Name"].rstrip("."), record["Type"]) == (name, kind):
                return {**record, "zoneId": zone, "fqdn": name}
        return None

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            "zoneId": state.get("zoneId") or shown["zoneId"],
            # the real provider leaves it as it was written
            "name": state.get("name") or shown["fqdn"],
            "type": shown["Type"],
            "ttl": shown["TTL"],
            "records": [one["Value"] for one in shown["ResourceRecords"]],
            "fqdn": shown["fqdn"],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        name = str(change.state["fqdn"])
        if change.paths == {"allowOverwrite"}:
            return
        if "type" in change.paths:
            steps = (("DELETE", name, change.state), ("UPSERT", name, change.inputs))
            self._change(account, *steps)
        else:
            self._change(account, ("UPSERT", name, change.inputs))

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if shown := self.describe(account, id_, state):
            # Route 53 deletes only what is described exactly.
            record = self.properties(account, id_, shown, {"zoneId": shown["zoneId"]})
            self._change(account, ("DELETE", shown["fqdn"], record))
