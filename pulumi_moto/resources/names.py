"""Route 53: records in a hosted zone, which the account must hold already."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_moto.account import Account, AwsError
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem

from .support import needed

_SIMULATED: Final = frozenset({"allowOverwrite", "name", "records", "ttl", "type", "zoneId"})
_TYPES: Final = ("A", "AAAA", "CNAME", "TXT")


def _full(name: str, zone: str) -> str:
    """A name with its zone, in lower case and without the last dot: the zone may be left out."""
    name, zone = name.lower().rstrip("."), zone.lower().rstrip(".")
    if not name:
        return zone
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}"


class Record(Resource):
    token = "aws:route53/record:Record"
    replace_on = frozenset({"name", "zoneId"})
    computed = frozenset({"fqdn"})
    optional_computed = frozenset({"allowOverwrite"})
    unordered = frozenset({"records"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in sorted(inputs.keys() - _SIMULATED):
            if inputs[key]:
                yield Problem(key, "declared by AWS, but not simulated yet")
        yield from needed(inputs, "records", "ttl")
        kind = inputs["type"]
        if isinstance(kind, str) and kind not in _TYPES:
            yield Problem("type", f"{', '.join(_TYPES)} are simulated, not {kind}")

    def _zone(self, account: Account, action: str, id_: str) -> str:
        zone: str = account.call(action, "route53", "get_hosted_zone", Id=id_)["HostedZone"]["Name"]
        return zone

    def _change(
        self, account: Account, action: str, *changes: tuple[str, str, Mapping[str, Any]]
    ) -> None:
        """Send changes, each its verb, the full name and the record, as one batch."""
        account.call(
            action,
            "route53",
            "change_resource_record_sets",
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

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = "creating Route53 Record"
        zone = self._zone(account, action, inputs["zoneId"])
        name = _full(inputs["name"], zone)
        verb = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
        self._change(account, action, (verb, name, inputs))
        return f"{inputs['zoneId'].rpartition('/')[2]}_{name}_{inputs['type']}"

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        zone, _, rest = id_.partition("_")
        name, _, kind = rest.rpartition("_")
        kind = state.get("type") or kind  # it may have changed in place, and the id stays
        found = self._found(account, f"reading Route53 Record ({id_})", zone, name, kind)
        if found is None:
            return None
        return {
            "zoneId": state.get("zoneId") or zone,
            "name": state.get("name") or name,  # the real provider leaves it as it was written
            "type": found["Type"],
            "ttl": found["TTL"],
            "records": [one["Value"] for one in found["ResourceRecords"]],
            "fqdn": name,
        }

    def _found(
        self, account: Account, action: str, zone: str, name: str, kind: str
    ) -> dict[str, Any] | None:
        try:
            answer = account.call(
                action,
                "route53",
                "list_resource_record_sets",
                HostedZoneId=zone,
                StartRecordName=name,
                StartRecordType=kind,
                MaxItems="1",
            )
        except AwsError as error:
            if error.code == "NoSuchHostedZone":
                return None
            raise
        for record in answer["ResourceRecordSets"]:
            if (record["Name"].rstrip("."), record["Type"]) == (name, kind):
                return dict(record)
        return None

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating Route53 Record ({id_})"
        name = str(change.state["fqdn"])
        if change.paths == {"allowOverwrite"}:
            return
        if "type" in change.paths:
            steps = (("DELETE", name, change.state), ("CREATE", name, change.inputs))
            self._change(account, action, *steps)
        else:
            self._change(account, action, ("UPSERT", name, change.inputs))

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting Route53 Record ({id_})"
        zone, _, rest = id_.partition("_")
        name, _, kind = rest.rpartition("_")
        found = self._found(account, action, zone, name, state.get("type") or kind)
        if found is not None:
            there = [one["Value"] for one in found["ResourceRecords"]]
            record = {"zoneId": zone, "type": found["Type"], "ttl": found["TTL"], "records": there}
            self._change(account, action, ("DELETE", name, record))
