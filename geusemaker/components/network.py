"""Network: a VPC in one to three zones, new or adopted, and the security groups."""

import ipaddress
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker import remarks
from geusemaker.components import adopted, offered_types, zones
from geusemaker.components.kept import keep
from geusemaker.components.tagging import Tags
from geusemaker.run_errors import as_run_errors

NFS_PORT = 2049
HTTP_PORT = 80
HTTPS_PORT = 443
EVERYONE = "0.0.0.0/0"


class NetworkArgs(TypedDict):
    """Arguments of `Network`. Plain values: they decide which resources exist."""

    instance_type: str
    """Type of the host. Its zone must offer it."""
    zone_count: int
    """How many zones a new VPC spans, 1 to 3."""
    vpc_cidr: str
    """Address range of a new VPC."""
    allowed_cidrs: Sequence[str]
    """Networks that may reach port 443 of the host. Empty: none."""
    domain: str | None
    """Public name of the host. Opens port 80 for the certificate authority."""
    tags: Tags
    webhook_cidrs: NotRequired[Sequence[str]]
    """Networks for which `open_to_callers` opens port 443."""
    vpc_id: NotRequired[str | None]
    """An existing VPC to use instead of a new one."""
    subnet_ids: NotRequired[Sequence[str]]
    """Subnets of that VPC; the host starts in the first."""


def subnet_cidrs(vpc_cidr: str, count: int) -> list[str]:
    """CIDRs of the first `count` of four equal parts of the VPC.

    Always four parts: another `count` must not move existing subnets.
    """
    parts = ipaddress.ip_network(vpc_cidr).subnets(prefixlen_diff=2)
    return [str(part) for part, _ in zip(parts, range(count), strict=False)]


class Network(pulumi.ComponentResource):
    """The stack's network. Only `allowed_cidrs`, `webhook_cidrs` and `domain` open ports."""

    vpc_id: pulumi.Output[str]
    """The VPC, new or adopted."""
    subnet_ids: pulumi.Output[Sequence[str]]
    """One subnet in each zone. The host is in the first."""
    host_subnet_id: pulumi.Output[str]
    """The host's subnet."""
    host_zone: pulumi.Output[str]
    """Zone of the host and its data volume. Chosen once and kept."""
    host_security_group_id: pulumi.Output[str]
    """Security group of the host."""
    files_security_group_id: pulumi.Output[str]
    """Security group of the mount targets: NFS from the host only."""

    @as_run_errors()
    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Network", name, {}, opts)
        self._name = name
        self._tags = args["tags"]
        callers = args.get("webhook_cidrs", ())
        self._callers = [one for one in callers if one not in args["allowed_cidrs"]]
        self._child = ResourceOptions(parent=self)
        invoke = pulumi.InvokeOptions(parent=self)
        offering = zones.offering_zones(args["instance_type"], invoke)

        self.public_address: bool | None = None
        """False: no public address. None: the default of the subnet.

        Never True: a stopped host has no address, so the next refresh would find a difference and
        replace the host.
        """
        self.needs_address = False
        """Whether the host reaches the internet only through an Elastic IP."""
        self.subnets: dict[str, pulumi.Output[str]]
        """Ids of the subnets by a label that never changes. The host's subnet is first."""
        self.zones: list[pulumi.Output[str]]
        """The zones of the subnets, in their order."""
        self._adopted: Sequence[adopted.AdoptedSubnet] = ()
        self.egress: list[pulumi.Resource] = []
        """Resources that the host needs to reach the internet."""

        if vpc_id := args.get("vpc_id"):
            self._adopt(vpc_id, args, offering, invoke)
        else:
            self._make_vpc(args, offering, invoke)
        ids = list(self.subnets.values())
        self.subnet_ids = pulumi.Output.all(*ids)
        self.host_subnet_id = ids[0]
        self._make_groups(args["allowed_cidrs"], args["domain"])
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "subnetIds": self.subnet_ids,
                "hostSubnetId": self.host_subnet_id,
                "hostZone": self.host_zone,
                "hostSecurityGroupId": self.host_security_group_id,
                "filesSecurityGroupId": self.files_security_group_id,
            }
        )

    def _keep(self, what: str, choice: pulumi.Input[str]) -> pulumi.Output[str]:
        kept: pulumi.Output[str] = keep(f"{self._name}-{what}", choice, self)
        return kept

    def _adopt(
        self,
        vpc_id: str,
        args: NetworkArgs,
        offering: Sequence[str] | None,
        invoke: pulumi.InvokeOptions,
    ) -> None:
        vpc, found = adopted.look_up(vpc_id, args.get("subnet_ids", ()), invoke)
        is_public = adopted.check(vpc, found, offering, args["instance_type"])
        opening = [
            key
            for key, name in (
                ("allowedCidrs", "allowed_cidrs"),
                ("webhookCidrs", "webhook_cidrs"),
                ("domain", "domain"),
            )
            if args.get(name)
        ]
        is_open = bool(opening)
        if is_open and not is_public:
            raise adopted.unreachable(found[0], opening[0])
        if found[0].maps_public and not is_public:
            self.public_address = False
        self.needs_address = is_public and not found[0].maps_public
        if self.needs_address:
            remarks.note(adopted.address_note(found[0]))
        has_egress = is_open or self.needs_address or not is_public
        keep(f"{self._name}-needs-address", self.needs_address, self).apply(
            lambda was: adopted.check_keeps_address(bool(was) and not has_egress, found[0])
        )
        kept = self._keep("choice", vpc.id)
        self.vpc_id = kept.apply(lambda was: adopted.check_same_network(was, vpc.id))
        self.subnets = {subnet.zone: pulumi.Output.from_input(subnet.id) for subnet in found}
        self.zones = [pulumi.Output.from_input(subnet.zone) for subnet in found]
        self._adopted = found
        # Its data volume cannot follow the host into another zone.
        self.host_zone = self._keep("zone-0", found[0].zone).apply(
            lambda was: adopted.check_same_zone(was, found[0])
        )

    def _make_vpc(
        self, args: NetworkArgs, offering: Sequence[str] | None, invoke: pulumi.InvokeOptions
    ) -> None:
        count, instance_type = args["zone_count"], args["instance_type"]
        usable = set(zones.usable_zones(invoke))
        candidates = sorted(usable if offering is None else usable & set(offering))
        zones.check_enough(
            candidates, count, instance_type, lambda: offered_types.fix(instance_type, invoke)
        )
        # Offered zones change over time and with the type. Chosen zones are kept: the data volume
        # cannot move, and addresses of other subnets are in use. A larger count only adds zones.
        spanned: list[pulumi.Output[str]] = []
        for index in range(count):
            choice = pulumi.Output.all(*spanned).apply(lambda taken: zones.pick(candidates, taken))
            spanned.append(self._keep(f"zone-{index}", choice))
        self.zones = spanned
        self.host_zone = spanned[0].apply(
            lambda zone: zones.check_kept_zone(
                zone,
                offering,
                instance_type,
                lambda zone: offered_types.fix(instance_type, invoke, zone=zone),
            )
        )
        cidr = self._keep("choice", args["vpc_cidr"]).apply(
            lambda was: adopted.check_same_network(was, args["vpc_cidr"])
        )

        name, child, tags = self._name, self._child, self._tags
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # EFS is mounted by name
            tags=tags.named("vpc"),
            opts=child,
        )
        # Without rules, so the provider removes the default ones, which allow traffic between
        # members and all egress. Instances without a group get this group.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group", vpc_id=vpc.id, tags=tags.named("closed"), opts=child
        )
        gateway = aws.ec2.InternetGateway(
            f"{name}-gateway", vpc_id=vpc.id, tags=tags.named("gateway"), opts=child
        )
        table = aws.ec2.RouteTable(
            f"{name}-routes", vpc_id=vpc.id, tags=tags.named("routes"), opts=child
        )
        route = aws.ec2.Route(
            f"{name}-default-route",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=child,
        )
        self.vpc_id = vpc.id
        self.subnets = {}
        self.egress.append(route)
        for index, part in enumerate(subnet_cidrs(args["vpc_cidr"], count)):
            subnet = aws.ec2.Subnet(
                f"{name}-subnet-{index}",
                vpc_id=vpc.id,
                cidr_block=part,
                availability_zone=spanned[index],
                map_public_ip_on_launch=True,  # the host reaches the internet through it
                tags=tags.named(f"subnet-{index}"),
                opts=child,
            )
            association = aws.ec2.RouteTableAssociation(
                f"{name}-subnet-{index}-routes",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=child,
            )
            self.subnets[str(index)] = subnet.id
            self.egress.append(association)

    def _make_groups(self, allowed_cidrs: Sequence[str], domain: str | None) -> None:
        name, child, tags = self._name, self._child, self._tags
        host = aws.ec2.SecurityGroup(
            f"{name}-host-group",
            description="GeuseMaker host: out to anywhere, in as allowedCidrs says",
            vpc_id=self.vpc_id,
            tags=tags.named("host"),
            opts=child,
        )
        files = aws.ec2.SecurityGroup(
            f"{name}-files-group",
            description="GeuseMaker file system: NFS from the host only",
            vpc_id=self.vpc_id,
            tags=tags.named("files"),
            opts=child,
        )
        self.host_security_group_id = host.id
        self.files_security_group_id = files.id
        # Separate resources: a change of one rule keeps the others.
        egress_rule = aws.vpc.SecurityGroupEgressRule(
            f"{name}-host-out",
            security_group_id=host.id,
            description="packages, container images, AWS",
            ip_protocol="-1",
            cidr_ipv4="0.0.0.0/0",
            tags=tags.named("host-out"),
            opts=child,
        )
        nfs = aws.vpc.SecurityGroupIngressRule(
            f"{name}-files-in",
            security_group_id=files.id,
            description="NFS from the host",
            ip_protocol="tcp",
            from_port=NFS_PORT,
            to_port=NFS_PORT,
            referenced_security_group_id=host.id,
            tags=tags.named("files-in"),
            opts=child,
        )
        self.egress += [egress_rule, nfs]
        if domain:
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-http",
                security_group_id=host.id,
                description="HTTP: challenge of the certificate, and redirect to HTTPS",
                ip_protocol="tcp",
                from_port=HTTP_PORT,
                to_port=HTTP_PORT,
                cidr_ipv4=EVERYONE,
                tags=tags.named("http"),
                opts=child,
            )
        for cidr in allowed_cidrs:
            self._open_https(cidr, "allowedCidrs", child)

    def for_workers(self) -> list[tuple[pulumi.Output[str], pulumi.Output[str]]]:
        """Zone and id of each subnet in which a worker reaches the internet.

        Raises `NetworkError` if there is none: workers have no Elastic IP.
        """
        leading = [one.leads_out for one in self._adopted] or [True] * len(self.zones)
        if not any(leading):
            raise adopted.no_subnet_for_workers(self._adopted)
        pairs = zip(self.zones, self.subnets.values(), leading, strict=True)
        return [(zone, subnet) for zone, subnet, leads in pairs if leads]

    @property
    def hides_workers(self) -> bool:
        """Whether workers get no public address although a subnet assigns one.

        They reach the internet through a NAT gateway in all their subnets.
        """
        subnets = [one for one in self._adopted if one.leads_out]
        return any(one.maps_public for one in subnets) and not any(one.is_public for one in subnets)

    def open_to_callers(self, after: pulumi.Resource) -> None:
        """Opens port 443 to `webhook_cidrs`, after the settings that limit their paths."""
        for cidr in self._callers:
            later = ResourceOptions(parent=self, depends_on=[after])
            self._open_https(cidr, "webhookCidrs", later)

    def _open_https(self, cidr: str, key: str, opts: ResourceOptions) -> None:
        address = ipaddress.ip_network(cidr)
        # Named by the range, not by its index: removing one keeps the others. Not by the key: a
        # network may move to the other key, and EC2 refuses a second rule for it.
        label = cidr.replace("/", "-").replace(":", "_")
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-https-{label}",
            security_group_id=self.host_security_group_id,
            description=f"HTTPS, by {key}",
            ip_protocol="tcp",
            from_port=HTTPS_PORT,
            to_port=HTTPS_PORT,
            tags=self._tags.named("https"),
            opts=opts,
            **(
                {"cidr_ipv4": str(address)} if address.version == 4 else {"cidr_ipv6": str(address)}
            ),
        )
