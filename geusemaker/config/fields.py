"""The config keys of a stack: types, defaults, documentation, and the rules of each value."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictInt

from geusemaker.bundle import DEFAULT_OWNER_EMAIL, IMAGE_KEYS, SERVICES
from geusemaker.config import rules
from geusemaker.config.sources import camel
from geusemaker.ec2.instance_types import USUAL_INSTANCE_TYPE

OsType = Literal[
    "ubuntu-22.04", "ubuntu-24.04", "amazon-linux-2023", "amazon-linux-2", "ubuntu-26.04"
]
Architecture = Literal["x86_64", "arm64"]
AmiType = Literal["base", "pytorch", "tensorflow", "multi-framework"]
AmiPolicy = Literal["keep", "latest"]


def _usual_instance_type(values: dict[str, Any]) -> str:
    return USUAL_INSTANCE_TYPE[values["architecture"]]


def _metadata(
    values: str, example: Any, default: str | None = None, *, secret: bool = False
) -> dict[str, Any]:
    """Metadata of a field for messages and docs, as `report.metadata` reads it.

    Args:
        values: The allowed values in words; "{choices}" stands for those of a `Literal`.
        example: One allowed value.
        default: The default in words, where the field's own default does not show it.
        secret: Whether every value is a secret, however it was set.
    """
    return {"values": values, "example": example, "default": default, "secret": secret}


class ConfigFields(BaseModel):
    """The keys of the namespace `geusemaker`: camelCase in config, snake_case in Python."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=camel,
        hide_input_in_errors=True,  # it may be a password
        validate_by_name=True,
        validate_by_alias=True,
    )

    # image
    os_type: OsType = Field(
        "ubuntu-22.04",
        description="Another one replaces the host by a new one on the newest image of that OS; "
        "the data volume and the file system stay.",
        json_schema_extra=_metadata("{choices}", "ubuntu-24.04"),
    )
    architecture: Architecture = Field(
        "x86_64",
        description="Replaces the host; instanceType must fit, and its default and price change "
        "with it. The data stays.",
        json_schema_extra=_metadata("{choices}", "arm64"),
    )
    ami_type: AmiType = Field(
        "base",
        description="What the image brings: drivers only, or a framework too, on a larger root "
        "disk. A change replaces the host; the data stays.",
        json_schema_extra=_metadata("{choices}", "pytorch"),
    )
    framework_version: Annotated[str, AfterValidator(rules.framework_version)] | None = Field(
        None,
        description="Holds the host to that line of the framework, and to its end of patches. A "
        "change replaces the host.",
        json_schema_extra=_metadata(
            'a version such as "2.12", in quotes; with amiType pytorch or tensorflow only',
            "2.12",
            "newest patched",
        ),
    )
    ami_id: Annotated[str, AfterValidator(rules.ami_id)] | None = Field(
        None,
        description="Pins this one image, in one Region: security releases no longer come by "
        "themselves. Another image replaces the host.",
        json_schema_extra=_metadata("an image id", "ami-0123456789abcdef0", "none"),
    )
    ami_name: Annotated[str, AfterValidator(rules.ami_name)] | None = Field(
        None,
        description="Pins the image of this exact name, in every Region: security releases no "
        "longer come by themselves. Another image replaces the host.",
        json_schema_extra=_metadata(
            "the exact name of an image, not with amiId",
            "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20250101",
            "none",
        ),
    )
    ami_policy: AmiPolicy = Field(
        "keep",
        description="keep: the running host stays on its image until you ask. latest: every "
        "deployment may replace the host by one on a newer image.",
        json_schema_extra=_metadata("{choices}", "latest"),
    )

    # host
    instance_type: Annotated[str, AfterValidator(rules.instance_type)] = Field(
        default_factory=_usual_instance_type,
        description="Stops the host, starts it as the new type, and changes what each hour costs.",
        json_schema_extra=_metadata(
            "an EC2 instance type of that architecture", "m6i.2xlarge", "m6i.xlarge or m6g.xlarge"
        ),
    )
    root_volume_gib: Annotated[StrictInt, Field(ge=8, le=16384)] | None = Field(
        None,
        description="The host's own disk, made anew with every host. It grows in place and is "
        "paid by size; AWS refuses to shrink it.",
        json_schema_extra=_metadata("8 to 16384", 100, "the image's own, at least 75"),
    )
    data_volume_gib: StrictInt = Field(
        100,
        ge=1,
        le=16384,
        description="Databases and models live here. It grows in place, its file system at the "
        "next boot or by `systemctl restart geusemaker-data`, and is paid by size; AWS refuses to "
        "shrink it.",
        json_schema_extra=_metadata("1 to 16384", 200),
    )

    # network
    vpc_cidr: Annotated[str, AfterValidator(rules.vpc_cidr)] = Field(
        "10.42.0.0/16",
        description="Fixed once the stack is deployed: a change is refused. Choose it apart from "
        "the networks that the VPC will be joined to.",
        json_schema_extra=_metadata(
            "a private IPv4 network from /16 to /24, not with vpcId", "10.43.0.0/16"
        ),
    )
    availability_zone_count: StrictInt = Field(
        2,
        ge=1,
        le=3,
        description="Zones with a subnet and a mount target. The host and its data volume are in "
        "one of them, so more is a choice of places and no failover.",
        json_schema_extra=_metadata("1 to 3, not with vpcId", 3),
    )
    vpc_id: Annotated[str, AfterValidator(rules.vpc_id)] | None = Field(
        None,
        description="Adopts a VPC, which is never changed or deleted. Fixed once the stack is "
        "deployed: a change is refused.",
        json_schema_extra=_metadata(
            "the id of a VPC, with subnetIds", "vpc-0123456789abcdef0", "none: one is made"
        ),
    )
    subnet_ids: Annotated[tuple[str, ...], AfterValidator(rules.subnet_ids)] = Field(
        (),
        description="Subnets of the adopted VPC with a way out to the internet; the host goes "
        "into the first. They are never changed. Another first one in the same zone replaces the "
        "host; in another zone it is refused.",
        json_schema_extra=_metadata(
            "1 to 3 ids of subnets, with vpcId", ["subnet-0123456789abcdef0"], "none"
        ),
    )
    allowed_cidrs: Annotated[tuple[str, ...], AfterValidator(rules.allowed_cidrs)] = Field(
        (),
        description="Who may reach the host on port 443, which also gives it a fixed address. "
        "Empty: nobody, and the way in is Session Manager. Changes in place.",
        json_schema_extra=_metadata(
            "IPv4 and IPv6 networks, 0.0.0.0/0 for everyone", ["203.0.113.0/24"], "nobody"
        ),
    )

    domain: Annotated[str, AfterValidator(rules.domain)] | None = Field(
        None,
        description="Public name of the host: it gets a fixed address and a public certificate, "
        "for which port 80 is open to everyone; who reaches 443 is allowedCidrs' to say. Without "
        "it, webhooks and sign-ins of other services cannot call back. Changes in place.",
        json_schema_extra=_metadata("a public host name", "ai.example.com", "none"),
    )
    hosted_zone_id: Annotated[str, AfterValidator(rules.hosted_zone_id)] | None = Field(
        None,
        description="Route 53 zone of domain: its record is made, and follows the host's address. "
        "Without it you make the record. Changes in place.",
        json_schema_extra=_metadata(
            "the id of a hosted zone, with domain", "Z0123456789ABCDEFGHIJ", "none"
        ),
    )
    n8n_reaches: Annotated[tuple[str, ...], AfterValidator(rules.n8n_reaches)] = Field(
        (),
        description="Private networks that n8n may connect to, such as that of an internal "
        "database. No container reaches any other private network, nor the host itself. Changes "
        "in place.",
        json_schema_extra=_metadata(
            "private IPv4 networks, with n8n among the services", ["10.0.8.0/24"], "none"
        ),
    )

    # services
    services: Annotated[tuple[str, ...], AfterValidator(rules.services)] = Field(
        SERVICES,
        description="What runs on the host. What is left out stops; its data stays. Changes in "
        "place.",
        json_schema_extra=_metadata(
            f"some of {', '.join(SERVICES)}; n8n needs postgres", ["n8n", "postgres"]
        ),
    )
    image_versions: Annotated[dict[str, str], AfterValidator(rules.image_versions)] = Field(
        default_factory=dict,
        description="Container images over the ones that this version pins, by service: their "
        "security releases are yours to follow then. Changes in place.",
        json_schema_extra=_metadata(
            f"image references with a version, for {', '.join(IMAGE_KEYS)}",
            {"qdrant": "qdrant/qdrant:v1.19.2-unprivileged"},
            "the pinned ones",
        ),
    )
    registry_logins: Annotated[dict[str, SecretStr], AfterValidator(rules.registry_logins)] = Field(
        default_factory=dict,
        description="Logins that the host pulls container images with, by registry: for private "
        "ones, or for more pulls from Docker Hub. Only as a secret. Changes in place.",
        json_schema_extra=_metadata(
            "user:password by registry, by `pulumi config set --secret`",
            {"docker.io": "USER:TOKEN"},
            "none",
            secret=True,
        ),
    )
    ollama_models: Annotated[tuple[str, ...], AfterValidator(rules.ollama_models)] = Field(
        (),
        description="Models that the host pulls once it is ready, onto the data volume. One that "
        "is taken out is not deleted. Changes in place.",
        json_schema_extra=_metadata(
            "names of models, as `ollama pull` takes them", ["llama3.2:3b"], "none"
        ),
    )
    owner_email: Annotated[str, AfterValidator(rules.owner_email)] | None = Field(
        None,
        description="Login of n8n's owner, who is made before anyone can claim the place, and the "
        "address that the authority of a public certificate writes to. Changes in place.",
        json_schema_extra=_metadata("an e-mail address", "me@example.com", DEFAULT_OWNER_EMAIL),
    )
    n8n_public_api: StrictBool = Field(
        False,
        description="Whether n8n answers below /api/v1 to API keys that its users make, with a "
        "page that describes it. Changes in place.",
        json_schema_extra=_metadata("true, false", True),
    )

    # account
    permissions_boundary_arn: (
        Annotated[str, AfterValidator(rules.permissions_boundary_arn)] | None
    ) = Field(
        None,
        description="For accounts that demand one: the roles of the host and of AWS Backup are "
        "held within it. Changes in place.",
        json_schema_extra=_metadata(
            "the ARN of an IAM policy", "arn:aws:iam::123456789012:policy/boundary", "none"
        ),
    )
    extra_policy_arns: Annotated[tuple[str, ...], AfterValidator(rules.extra_policy_arns)] = Field(
        (),
        description="Attached to the host's role: what your account demands of a host, or lets it "
        "do beyond its own parts. Change in place.",
        json_schema_extra=_metadata(
            "up to 8 ARNs of IAM policies",
            ["arn:aws:iam::123456789012:policy/session-key"],
            "none",
        ),
    )
    kms_key_arn: Annotated[str, AfterValidator(rules.kms_key_arn)] | None = Field(
        None,
        description="Encrypts disks, files and secrets. Fixed once the stack is deployed: a change "
        "is refused. Without the key the data is lost.",
        json_schema_extra=_metadata(
            "the ARN of a KMS key, no alias",
            "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
            "AWS's own keys",
        ),
    )
    backup_retention_days: StrictInt = Field(
        7,
        ge=0,
        le=35,
        description="Days that AWS Backup keeps each night's copy of the data volume and the file "
        "system, and the host its dumps of the database. 0: no copies are made; those that are "
        "there stay. Changes in place.",
        json_schema_extra=_metadata("0 to 35", 14),
    )
    protect_data: StrictBool = Field(
        True,
        description="false lets `pulumi destroy`, and any change that replaces them, delete the "
        "data volume, the file system and the secrets for good.",
        json_schema_extra=_metadata("true, false", True),
    )
    tags: Annotated[dict[str, str], AfterValidator(rules.tags)] = Field(
        default_factory=dict,
        description="On everything that is made, for bills and for rules of the account. Change "
        "in place.",
        json_schema_extra=_metadata(
            "up to 45 of key and value; not Name, geusemaker:* or aws:*", {"Owner": "me"}, "none"
        ),
    )
