"""The config keys of a stack: types, defaults, documentation, and the rules of each value."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictInt

from geusemaker.bundle import DEFAULT_OWNER_EMAIL, IMAGE_KEYS, SERVICES
from geusemaker.config import effects, rules
from geusemaker.config.effects import Effects
from geusemaker.config.service_settings import checked as checked_settings
from geusemaker.config.sources import camel
from geusemaker.dlami.image import SMALLEST_ROOT_GIB
from geusemaker.dlami.rows import AmiType, Architecture
from geusemaker.ec2.instance_types import USUAL_INSTANCE_TYPE

OsType = Literal[
    "ubuntu-22.04", "ubuntu-24.04", "amazon-linux-2023", "amazon-linux-2", "ubuntu-26.04"
]
AmiPolicy = Literal["keep", "latest"]


def _usual_instance_type(values: dict[str, Any]) -> str:
    return USUAL_INSTANCE_TYPE[values["architecture"]]


def metadata_of(
    values: str, example: Any, default: str | None = None, *, effects: Effects, secret: bool = False
) -> dict[str, Any]:
    """Metadata of a field for messages and docs, as `report.metadata` reads it.

    Args:
        values: The allowed values in words; "{choices}" stands for those of a `Literal`.
        example: One allowed value.
        default: The default in words, where the field's own default does not show it.
        effects: What a change does to a deployed stack with all defaults otherwise.
        secret: Whether every value is a secret, however it was set.
    """
    return {
        "values": values,
        "example": example,
        "default": default,
        "effects": effects,
        "secret": secret,
    }


class ConfigFields(BaseModel):
    """The keys of the namespace `geusemaker`: camelCase in config, snake_case in Python."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=camel,
        hide_input_in_errors=True,  # the input may be a password
        validate_by_name=True,
        validate_by_alias=True,
    )

    # image
    os_type: OsType = Field(
        "ubuntu-22.04",
        description="Operating system of the host, which boots its newest image.",
        json_schema_extra=metadata_of("{choices}", "ubuntu-24.04", effects=effects.REPLACED),
    )
    architecture: Architecture = Field(
        "x86_64",
        description="CPU architecture. instanceType must match; its default and price change too.",
        json_schema_extra=metadata_of("{choices}", "arm64", effects=effects.REPLACED),
    )
    ami_type: AmiType = Field(
        "base",
        description="Content of the image: drivers only, or also a framework on a larger root "
        "disk.",
        json_schema_extra=metadata_of("{choices}", "pytorch", effects=effects.REPLACED),
    )
    framework_version: Annotated[str, AfterValidator(rules.framework_version)] | None = Field(
        None,
        description="Keeps the host on this version of the framework, also after AWS stops "
        "patching it.",
        json_schema_extra=metadata_of(
            'a version such as "2.12", in quotes; with amiType pytorch or tensorflow only',
            "2.12",
            "newest patched",
            effects=effects.REPLACED,
        ),
    )
    ami_id: Annotated[str, AfterValidator(rules.ami_id)] | None = Field(
        None,
        description="Pins one image in one Region. Security releases are no longer applied "
        "automatically.",
        json_schema_extra=metadata_of(
            "an image ID", "ami-0123456789abcdef0", "none", effects=effects.PIN
        ),
    )
    ami_name: Annotated[str, AfterValidator(rules.ami_name)] | None = Field(
        None,
        description="Pins the image with this exact name, in every Region. Security releases are "
        "no longer applied automatically.",
        json_schema_extra=metadata_of(
            "the exact name of an image, not with amiId",
            "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20250101",
            "none",
            effects=effects.PIN,
        ),
    )
    ami_policy: AmiPolicy = Field(
        "keep",
        description="keep: the running host keeps its image until you request a newer one. "
        "latest: any deployment may move it to a newer image.",
        json_schema_extra=metadata_of(
            "{choices}",
            "latest",
            effects=effects.POLICY,
        ),
    )

    # host
    instance_type: Annotated[str, AfterValidator(rules.instance_type)] = Field(
        default_factory=_usual_instance_type,
        description="Type of the host, at that type's hourly price.",
        json_schema_extra=metadata_of(
            "an EC2 instance type of the architecture",
            "m6i.2xlarge",
            "m6i.xlarge or m6g.xlarge",
            effects=effects.HOST_RESTARTS,
        ),
    )
    root_volume_gib: Annotated[StrictInt, Field(ge=8, le=16384)] | None = Field(
        None,
        description="Size of the host's system disk, which is created again with every new host. "
        "Billed by size.",
        json_schema_extra=metadata_of(
            "8 to 16384",
            100,
            f"the image's size, at least {SMALLEST_ROOT_GIB}",
            effects=effects.SIZE,
        ),
    )
    data_volume_gib: StrictInt = Field(
        100,
        ge=1,
        le=16384,
        description="Size of the volume with databases and models. Its file system grows at the "
        "next boot or with `systemctl restart geusemaker-data`. Billed by size.",
        json_schema_extra=metadata_of("1 to 16384", 200, effects=effects.SIZE),
    )

    # network
    vpc_cidr: Annotated[str, AfterValidator(rules.vpc_cidr)] = Field(
        "10.42.0.0/16",
        description="Address range of the created VPC. Choose one that does not overlap "
        "the networks you will connect to the VPC.",
        json_schema_extra=metadata_of(
            "a private IPv4 network from /16 to /24, not with vpcId",
            "10.43.0.0/16",
            effects=effects.REFUSED,
        ),
    )
    availability_zone_count: StrictInt = Field(
        2,
        ge=1,
        le=3,
        description="Zones with a subnet and a mount target. The host and its data volume are in "
        "one of them, so more zones give a choice of place, not failover.",
        json_schema_extra=metadata_of("1 to 3, not with vpcId", 3, effects=effects.IN_PLACE),
    )
    vpc_id: Annotated[str, AfterValidator(rules.vpc_id)] | None = Field(
        None,
        description="Uses an existing VPC, which is never changed or deleted.",
        json_schema_extra=metadata_of(
            "a VPC ID, with subnetIds",
            "vpc-0123456789abcdef0",
            "none: a VPC is created",
            effects=effects.REFUSED,
        ),
    )
    subnet_ids: Annotated[tuple[str, ...], AfterValidator(rules.subnet_ids)] = Field(
        (),
        description="Subnets of the existing VPC, with a route to the internet; the host uses the "
        "first. They are never changed.",
        json_schema_extra=metadata_of(
            "1 to 3 subnet IDs, with vpcId",
            ["subnet-0123456789abcdef0"],
            "none",
            effects=effects.SUBNETS,
        ),
    )
    allowed_cidrs: Annotated[tuple[str, ...], AfterValidator(rules.allowed_cidrs)] = Field(
        (),
        description="Networks that may reach the host on port 443; with any, the host gets a "
        "fixed address. Empty: none may, and access is through Session Manager.",
        json_schema_extra=metadata_of(
            "IPv4 networks, and IPv6 ones in an existing VPC; 0.0.0.0/0 for all of IPv4",
            ["203.0.113.0/24"],
            "none",
            effects=effects.NETWORKS,
        ),
    )
    webhook_cidrs: Annotated[tuple[str, ...], AfterValidator(rules.webhook_cidrs)] = Field(
        (),
        description="Networks that may reach n8n's webhooks, forms and chats on port 443, and "
        "nothing else; with any, the host gets a fixed address. The editor and the other services "
        "stay with allowedCidrs and Session Manager.",
        json_schema_extra=metadata_of(
            "IPv4 networks, with n8n among the services; 0.0.0.0/0 for all",
            ["0.0.0.0/0"],
            "none",
            effects=effects.NETWORKS,
        ),
    )
    domain: Annotated[str, AfterValidator(rules.domain)] | None = Field(
        None,
        description="Public name of the host, which gets a fixed address and a public "
        "certificate. The certificate needs port 80 open to everyone; allowedCidrs and "
        "webhookCidrs still control port 443. Without a domain, webhooks and sign-ins of other "
        "services cannot call back.",
        json_schema_extra=metadata_of(
            "a public host name",
            "ai.example.com",
            "none",
            effects=effects.SITE,
        ),
    )
    hosted_zone_id: Annotated[str, AfterValidator(rules.hosted_zone_id)] | None = Field(
        None,
        description="Route 53 zone of domain: GeuseMaker creates the record and updates it with "
        "the host's address. Without it, you create the record.",
        json_schema_extra=metadata_of(
            "a hosted zone ID, with domain",
            "Z0123456789ABCDEFGHIJ",
            "none",
            effects=effects.IN_PLACE,
        ),
    )
    n8n_reaches: Annotated[tuple[str, ...], AfterValidator(rules.n8n_reaches)] = Field(
        (),
        description="Private networks that n8n may connect to, such as that of an internal "
        "database. No container reaches any other private network, or the host "
        "itself.",
        json_schema_extra=metadata_of(
            "private IPv4 networks, with n8n among the services",
            ["10.0.8.0/24"],
            "none",
            effects=effects.N8N,
        ),
    )

    # services
    services: Annotated[tuple[str, ...], AfterValidator(rules.services)] = Field(
        SERVICES,
        description="Services that run on the host. A removed one stops; its data stays.",
        json_schema_extra=metadata_of(
            f"one or more of {', '.join(SERVICES)}; n8n needs postgres",
            ["n8n", "postgres"],
            effects=effects.OTHER_SERVICES,
        ),
    )
    image_versions: Annotated[dict[str, str], AfterValidator(rules.image_versions)] = Field(
        default_factory=dict,
        description="Container images that replace the pinned images, by service; you then follow "
        "their security releases yourself.",
        json_schema_extra=metadata_of(
            f"image references with a version, for {', '.join(IMAGE_KEYS)}",
            {"qdrant": "qdrant/qdrant:v1.19.2-unprivileged"},
            "the pinned images",
            effects=effects.IMAGES,
        ),
    )
    service_settings: Annotated[dict[str, dict[str, Any]], AfterValidator(checked_settings)] = (
        Field(
            default_factory=dict,
            description="Variables of the services, such as n8n's time zone or Ollama's context "
            "length, by service. Passwords and keys only as secrets.",
            json_schema_extra=metadata_of(
                "values by service and variable, of those under "
                "[settings of the services](services.md#settings-of-the-services)",
                {"n8n": {"GENERIC_TIMEZONE": "Europe/Berlin"}},
                "none",
                effects=effects.ITS_OWN,
            ),
        )
    )
    registry_logins: Annotated[dict[str, SecretStr], AfterValidator(rules.registry_logins)] = Field(
        default_factory=dict,
        description="Logins with which the host pulls container images, by registry: for private "
        "images, or for more pulls from Docker Hub. Only as a secret.",
        json_schema_extra=metadata_of(
            "user:password by registry, set with `pulumi config set --secret`",
            {"docker.io": "USER:TOKEN"},
            "none",
            secret=True,
            effects=effects.IN_PLACE,
        ),
    )
    api_keys: Annotated[tuple[str, ...], AfterValidator(rules.api_keys)] = Field(
        (),
        description="Names of keys for Ollama, Qdrant and Crawl4AI, such as one for each person or "
        "program. Each name gets its own key; a removed name's key is refused within a minute. "
        "`geusemaker credentials` shows the keys.",
        json_schema_extra=metadata_of(
            "up to 20 names; name:2 for a name's second key",
            ["laptop", "ci:2"],
            "none",
            effects=effects.API_KEYS,
        ),
    )
    ollama_models: Annotated[tuple[str, ...], AfterValidator(rules.ollama_models)] = Field(
        (),
        description="Models that the host pulls to the data volume when it is ready. Removing one "
        "here does not delete it there.",
        json_schema_extra=metadata_of(
            "model names, as for `ollama pull`", ["llama3.2:3b"], "none", effects=effects.IN_PLACE
        ),
    )
    owner_email: Annotated[str, AfterValidator(rules.owner_email)] | None = Field(
        None,
        description="Login of n8n's owner account, which is created before anyone can claim it; "
        "also the contact address for the public certificate.",
        json_schema_extra=metadata_of(
            "an e-mail address",
            "me@example.com",
            DEFAULT_OWNER_EMAIL,
            effects=effects.SITE,
        ),
    )
    n8n_public_api: StrictBool = Field(
        False,
        description="Whether n8n serves its public API under /api/v1, for API keys that its users "
        "create, with a documentation page.",
        json_schema_extra=metadata_of("true, false", True, effects=effects.N8N),
    )

    # account
    permissions_boundary_arn: (
        Annotated[str, AfterValidator(rules.permissions_boundary_arn)] | None
    ) = Field(
        None,
        description="Permissions boundary of the roles of the host and of AWS Backup, for "
        "accounts that require one.",
        json_schema_extra=metadata_of(
            "the ARN of an IAM policy",
            "arn:aws:iam::123456789012:policy/boundary",
            "none",
            effects=effects.IN_PLACE,
        ),
    )
    extra_policy_arns: Annotated[tuple[str, ...], AfterValidator(rules.extra_policy_arns)] = Field(
        (),
        description="Policies attached to the host's role: those that your account requires, or "
        "for access that the host itself does not need.",
        json_schema_extra=metadata_of(
            "up to 8 ARNs of IAM policies",
            ["arn:aws:iam::123456789012:policy/session-key"],
            "none",
            effects=effects.IN_PLACE,
        ),
    )
    kms_key_arn: Annotated[str, AfterValidator(rules.kms_key_arn)] | None = Field(
        None,
        description="Encrypts disks, files and secrets. Without the key the data is lost.",
        json_schema_extra=metadata_of(
            "the ARN of a KMS key, not an alias",
            "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
            "AWS managed keys",
            effects=effects.REFUSED,
        ),
    )
    backup_retention_days: StrictInt = Field(
        7,
        ge=0,
        le=35,
        description="Days that AWS Backup keeps the nightly copies of the data volume and the "
        "file system, and the host its database dumps. 0: no new copies; existing "
        "ones stay.",
        json_schema_extra=metadata_of("0 to 35", 14, effects=effects.IN_PLACE),
    )
    protect_data: StrictBool = Field(
        True,
        description="false lets `pulumi destroy`, and any change that replaces them, permanently "
        "delete the data volume, the file system and the secrets.",
        json_schema_extra=metadata_of("true, false", True, effects=effects.IN_PLACE),
    )
    budget_usd: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        description="Warns in a preview if the stack costs more USD a month than this, by AWS's "
        "list prices for 730 hours. It never stops a deployment.",
        json_schema_extra=metadata_of("1 to 1000000", 200, "none", effects=effects.NOTHING),
    )
    tags: Annotated[dict[str, str], AfterValidator(rules.tags)] = Field(
        default_factory=dict,
        description="Tags of every created resource, for billing and account rules.",
        json_schema_extra=metadata_of(
            "up to 45 key-value pairs; not Name, geusemaker:* or aws:*",
            {"Owner": "me"},
            "none",
            effects=effects.IN_PLACE,
        ),
    )
