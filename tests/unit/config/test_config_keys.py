"""Every key: what it takes as text, and what it refuses."""

# ruff: noqa: E501 - a case is one row of a table

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from geusemaker.config import DeploymentConfig
from geusemaker.config.report import NOT_IN_THIS_VERSION

from .conftest import FromStack, Refused

VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"
KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
NAME = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20250101"

# Text of `pulumi config set`, what else must be set, and the value that comes of it.
TAKEN: list[tuple[str, str, dict[str, str], Any]] = [
    ("osType", "amazon-linux-2023", {}, "amazon-linux-2023"),
    ("architecture", "arm64", {}, "arm64"),
    ("amiType", "multi-framework", {}, "multi-framework"),
    ("frameworkVersion", "2.12", {"amiType": "pytorch"}, "2.12"),
    ("frameworkVersion", "2.18.0", {"amiType": "tensorflow"}, "2.18.0"),
    ("frameworkVersion", "2.1", {"amiType": "pytorch"}, "2.1"),
    ("amiId", "ami-0123456789abcdef0", {}, "ami-0123456789abcdef0"),
    ("amiId", "ami-01234567", {}, "ami-01234567"),
    ("amiName", NAME, {}, NAME),
    ("amiPolicy", "latest", {}, "latest"),
    ("instanceType", "g5.xlarge", {}, "g5.xlarge"),
    ("instanceType", "g5g.xlarge", {"architecture": "arm64"}, "g5g.xlarge"),
    ("rootVolumeGib", "8", {}, 8),
    ("rootVolumeGib", "16384", {}, 16384),
    ("dataVolumeGib", " 1 ", {}, 1),
    ("dataVolumeGib", "1\x1f", {}, 1),
    ("vpcCidr", "192.168.4.0/24", {}, "192.168.4.0/24"),
    ("vpcCidr", "100.64.0.0/16", {}, "100.64.0.0/16"),
    ("availabilityZoneCount", "3", {}, 3),
    ("vpcId", VPC, {"subnetIds": SUBNET}, VPC),
    ("subnetIds", f"{SUBNET}, subnet-01234567", {"vpcId": VPC}, (SUBNET, "subnet-01234567")),
    ("subnetIds", f'["{SUBNET}"]', {"vpcId": VPC}, (SUBNET,)),
    (
        "permissionsBoundaryArn",
        "arn:aws-us-gov:iam::123456789012:policy/a/b",
        {},
        "arn:aws-us-gov:iam::123456789012:policy/a/b",
    ),
    ("extraPolicyArns", "", {}, ()),
    (
        "extraPolicyArns",
        "arn:aws:iam::aws:policy/One,arn:aws-us-gov:iam::123456789012:policy/a/b",
        {},
        ("arn:aws:iam::aws:policy/One", "arn:aws-us-gov:iam::123456789012:policy/a/b"),
    ),
    ("kmsKeyArn", KEY, {}, KEY),
    ("kmsKeyArn", KEY.replace("arn:aws:", "arn:aws-eusc:"), {}, KEY.replace("aws:", "aws-eusc:")),
    ("allowedCidrs", "", {}, ()),
    ("allowedCidrs", "0.0.0.0/0,::/0", {}, ("0.0.0.0/0", "::/0")),
    ("allowedCidrs", '["203.0.113.7/32"]', {}, ("203.0.113.7/32",)),
    ("allowedCidrs", "2001:DB8:0::/32", {}, ("2001:db8::/32",)),
    ("domain", "ai.example.com", {}, "ai.example.com"),
    (
        "hostedZoneId",
        "Z0123456789ABCDEFGHIJ",
        {"domain": "ai.example.com"},
        "Z0123456789ABCDEFGHIJ",
    ),
    ("n8nReaches", "[]", {}, ()),
    ("n8nReaches", "10.0.8.0/24,192.168.1.5/32", {}, ("10.0.8.0/24", "192.168.1.5/32")),
    ("n8nReaches", '["100.64.0.0/10"]', {}, ("100.64.0.0/10",)),
    ("services", "postgres, n8n", {}, ("n8n", "postgres")),
    ("services", '["ollama"]', {}, ("ollama",)),
    ("imageVersions", "", {}, {}),
    ("imageVersions", "ollama=ollama/ollama:0.35.1", {}, {"ollama": "ollama/ollama:0.35.1"}),
    ("registryLogins", "{}", {}, {}),
    (
        "registryLogins",
        '{"docker.io": "me:dckr_pat", "r.example.com:5000": "robot$x:a:b c"}',
        {},
        {"docker.io": SecretStr("me:dckr_pat"), "r.example.com:5000": SecretStr("robot$x:a:b c")},
    ),
    ("registryLogins", "ghcr.io=me:hush", {}, {"ghcr.io": SecretStr("me:hush")}),
    (
        "ollamaModels",
        "llama3.2:3b,hf.co/org/model-GGUF:Q4_K_M",
        {},
        ("llama3.2:3b", "hf.co/org/model-GGUF:Q4_K_M"),
    ),
    ("ownerEmail", "me+ai@example.com", {}, "me+ai@example.com"),
    ("n8nPublicApi", "true", {}, True),
    ("n8nPublicApi", "false", {}, False),
    ("backupRetentionDays", "0", {}, 0),
    ("backupRetentionDays", "35", {}, 35),
    ("protectData", "False", {}, False),
    ("protectData", "true", {}, True),
    ("tags", "", {}, {}),
    ("tags", "Owner=me, Cost Center=a=b", {}, {"Owner": "me", "Cost Center": "a=b"}),
    (
        "tags",
        '{"Owner":"me","Cost":1234,"Live":true}',
        {},
        {"Owner": "me", "Cost": "1234", "Live": "true"},
    ),
]

SECRET = {"registryLogins"}
"""Keys that are taken as secrets only."""
LOGIN = '`pulumi config set --secret geusemaker:registryLogins \'{"docker.io": "USER:TOKEN"}\'`'

# The words that each message must have, beside the key.
REFUSED: list[tuple[str, str, list[str]]] = [
    ("osType", "ubunut-24.04", ["'ubunut-24.04'", "amazon-linux-2023", "did you mean ubuntu-24.04?", "`pulumi config set geusemaker:osType ubuntu-24.04`"]),
    ("registryLogins", "me:hush", ["that is not valid", LOGIN]),
    ("registryLogins", '{"docker.io": "hush"}', ["has no user:password under docker.io", LOGIN]),
    ("registryLogins", '{"docker.io": ":hush"}', ["has no user:password under docker.io"]),
    ("registryLogins", '{"docker.io": "me:"}', ["has no user:password under docker.io"]),
    ("registryLogins", '{"docker.io": {"username": "hush"}}', ["that is not valid"]),
    ("registryLogins", '{"docker.io": "me:hu\\nsh"}', ["has a line break or the like under docker.io"]),
    ("registryLogins", '{"hush": "me:x"}', ["has something else than the host name of a registry"]),
    ("registryLogins", '{"https://ghcr.io/hush": "me:x"}', ["has something else than the host name of a registry"]),
    ("registryLogins", '{"index.docker.io": "me:hush"}', ["names index.docker.io, which is written docker.io here"]),
    ("registryLogins", '{"ghcr.io": "me:' + "hush" * 800 + '"}', ["a parameter of SSM holds 4096"]),
    ("osType", "windows", ["ubuntu-22.04", "for example"]),
    ("osType", "AL2023", ["did you mean amazon-linux-2023?"]),
    ("architecture", "aarch64", ["did you mean arm64?", "`pulumi config set geusemaker:architecture arm64`"]),
    ("amiType", "pytroch", ["did you mean pytorch?"]),
    ("amiPolicy", "newest", ["keep, latest", "`pulumi config set geusemaker:amiPolicy keep`"]),
    ("frameworkVersion", "two", ["version number", "2.12", "`pulumi config rm geusemaker:frameworkVersion`"]),
    ("frameworkVersion", "2", ["version number"]),
    ("amiId", "ami-xyz", ["hexadecimal"]),
    ("amiId", "", ["is empty", "`pulumi config rm geusemaker:amiId`"]),
    ("amiName", "Deep Learning*", ["is a pattern", "exact"]),
    ("amiName", "né", ["cannot be the name"]),
    ("instanceType", "M6I.XLARGE", ["`pulumi config set geusemaker:instanceType m6i.xlarge`"]),
    ("instanceType", "huge", ["not written like", "`pulumi config set geusemaker:instanceType m6i.2xlarge`"]),
    ("rootVolumeGib", "two", ["is not a whole number", "8 to 16384"]),
    ("rootVolumeGib", "2.5", ["is not a whole number"]),
    ("rootVolumeGib", "", ["is not a whole number"]),
    ("rootVolumeGib", "7", ["less than 8", "`pulumi config set geusemaker:rootVolumeGib 8`"]),
    ("dataVolumeGib", "16385", ["more than 16384", "`pulumi config set geusemaker:dataVolumeGib 16384`"]),
    ("dataVolumeGib", "-5", ["less than 1"]),
    ("availabilityZoneCount", "4", ["`pulumi config set geusemaker:availabilityZoneCount 3`"]),
    ("availabilityZoneCount", "[1,2]", ["is not a whole number"]),
    ("vpcCidr", "10.42.1.0/16", ["`pulumi config set geusemaker:vpcCidr 10.42.0.0/16`"]),
    ("vpcCidr", "10.0.0.0/8", ["is a /8", "/16 and /24"]),
    ("vpcCidr", "10.42.0.0/28", ["is a /28"]),
    ("vpcCidr", "8.8.0.0/16", ["is not a private network"]),
    ("vpcCidr", "172.17.0.0/16", ["Docker"]),
    ("vpcCidr", "fd00::/16", ["is not an IPv4 network"]),
    ("vpcId", "vpc-1", ["is not the id of a VPC"]),
    ("subnetIds", "subnet-1", ["'subnet-1'", "not the id of a subnet"]),
    ("subnetIds", f"{SUBNET},{SUBNET}", ["twice", f"`pulumi config set geusemaker:subnetIds {SUBNET}`"]),
    ("subnetIds", "subnet-00000001,subnet-00000002,subnet-00000003,subnet-00000004", ["has 4 subnets"]),
    ("permissionsBoundaryArn", "boundary", ["not the ARN of an IAM policy"]),
    ("permissionsBoundaryArn", "arn:aws-cn:iam::aws:policy/One", ["which is of the partition aws-cn, in which no stack is supported"]),
    ("extraPolicyArns", "One", ["'One'", "not the ARN of an IAM policy", "`pulumi config rm geusemaker:extraPolicyArns`"]),
    ("extraPolicyArns", "arn:aws:iam::aws:role/One,arn:aws:iam::aws:policy/A,B", ["not the ARN of an IAM policy", "`pulumi config set geusemaker:extraPolicyArns arn:aws:iam::aws:policy/A`"]),
    ("extraPolicyArns", "arn:aws-iso-b:iam::aws:policy/One", ["which is of the partition aws-iso-b"]),
    ("extraPolicyArns", "arn:aws:iam::aws:policy/A,arn:aws:iam::aws:policy/A", ["twice", "`pulumi config set geusemaker:extraPolicyArns arn:aws:iam::aws:policy/A`"]),
    ("extraPolicyArns", ",".join(f"arn:aws:iam::aws:policy/P{n}" for n in range(9)), ["has 9 policies", "8 is the most", "arn:aws:iam::aws:policy/P7`"]),
    ("kmsKeyArn", "arn:aws:kms:us-east-1:123456789012:alias/mine", ["is an alias"]),
    ("kmsKeyArn", "arn:aws:s3:::bucket", ["not the ARN of a KMS key"]),
    ("allowedCidrs", "203.0.113.7", ["`pulumi config set geusemaker:allowedCidrs 203.0.113.7/32`"]),
    ("allowedCidrs", "::/0,203.0.113.7/24", ["`pulumi config set geusemaker:allowedCidrs ::/0,203.0.113.0/24`"]),
    ("allowedCidrs", "10.0.0.0/255.0.0.0", ["10.0.0.0/8"]),
    ("allowedCidrs", "fe80::%1/64", ["not an IPv4 or IPv6 network"]),
    ("allowedCidrs", "home", ["'home'"]),
    ("allowedCidrs", "::/0,0::/0", ["twice"]),
    ("allowedCidrs", "::/0,", ["has an empty item", "`pulumi config set geusemaker:allowedCidrs ::/0`"]),
    ("allowedCidrs", "[1]", ["has an item that is not text"]),
    ("allowedCidrs", "[", ["is not JSON", "character 2"]),
    ("allowedCidrs", ",".join(f"10.0.{n}.0/24" for n in range(61)), ["has 61 networks"]),
    ("domain", "https://ai.example.com/", ["is not a host name", "`pulumi config set geusemaker:domain ai.example.com`"]),
    ("domain", "AI.Example.com.", ["`pulumi config set geusemaker:domain ai.example.com`"]),
    ("domain", "203.0.113.7", ["is not a host name"]),
    ("domain", "localhost", ["is not a host name"]),
    ("domain", "host.internal", ["is no public name"]),
    ("domain", "a..example.com", ["is not a host name"]),
    # The files of the settings bundle do not quote these values.
    ("domain", "a.example.com\n", ["is written a.example.com as a host name"]),
    ("domain", "a.example.com }\nrespond {", ["is not a host name"]),
    ("ownerEmail", "a$b@example.com", ["is not an e-mail address"]),
    ("ownerEmail", "a@example.com\n}", ["is not an e-mail address"]),
    ("ownerEmail", f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 61}", ["is not an e-mail address"]),
    ("ollamaModels", '["two words"]', ["no name of a model"]),
    ("ollamaModels", '["a\\nimage evil"]', ["no name of a model"]),
    ("ollamaModels", "hf.co/../a", ["no name of a model"]),
    ("ollamaModels", "m" * 151, ["no name of a model"]),
    ("n8nReaches", "10.0.8.7", ["`pulumi config set geusemaker:n8nReaches 10.0.8.7/32`"]),
    ("n8nReaches", "10.0.8.7/24,10.1.0.0/16", ["`pulumi config set geusemaker:n8nReaches 10.0.8.0/24,10.1.0.0/16`"]),
    ("n8nReaches", "10.0.8.0/24,10.0.8.0/24", ["twice"]),
    ("n8nReaches", "0.0.0.0/0", ["not within 10.0.0.0/8", "`pulumi config rm geusemaker:n8nReaches`"]),
    ("n8nReaches", "169.254.169.254/32,10.1.0.0/16", ["not within 10.0.0.0/8", "`pulumi config set geusemaker:n8nReaches 10.1.0.0/16`"]),
    ("n8nReaches", "198.18.42.0/23", ["not within 10.0.0.0/8"]),
    ("n8nReaches", "fd00::/8,10.1.0.0/16,8.8.8.0/24", ["`pulumi config set geusemaker:n8nReaches 10.1.0.0/16`"]),
    ("n8nReaches", "8.8.8.0/24", ["the internet is open to n8n without it"]),
    ("n8nReaches", "fd00::/8", ["containers have no IPv6"]),
    ("n8nReaches", "database.internal", ["not an IPv4 or IPv6 network"]),
    ("n8nReaches", ",".join(f"10.0.{n}.0/24" for n in range(61)), ["has 61 networks"]),
    ("hostedZoneId", "/hostedzone/Z0123456789ABCDEFGHIJ", ["`pulumi config set geusemaker:hostedZoneId Z0123456789ABCDEFGHIJ`"]),
    ("hostedZoneId", "example.com", ["not the id of a hosted zone"]),
    ("services", "", ["names none"]),
    ("services", "n8n,postgresql", ["'postgresql'", "did you mean postgres?", "`pulumi config set geusemaker:services n8n,postgres`"]),
    ("services", "N8N,Postgres", ["did you mean n8n?", "`pulumi config set geusemaker:services n8n,postgres`"]),
    ("services", "ollama,ollama", ["twice", "`pulumi config set geusemaker:services ollama`"]),
    ("services", "ollama,redis-stack", ["no service", "`pulumi config set geusemaker:services ollama`"]),
    ("imageVersions", "olama=ollama/ollama:0.35.1", ["olama", """`pulumi config set geusemaker:imageVersions '{"ollama": "ollama/ollama:0.35.1"}'`"""]),
    ("imageVersions", "ollama=ollama/ollama", ["has no tag", "`pulumi config set geusemaker:imageVersions '{}'`"]),
    ("imageVersions", "postgres=postgres:17.11-bookworm", ["is not PostgreSQL 18"]),
    ("ollamaModels", "llama3; rm -rf /", ["no name of a model"]),
    ("ollamaModels", "-x", ["no name of a model"]),
    ("ollamaModels", "a,a", ["twice", "`pulumi config set geusemaker:ollamaModels a`"]),
    ("ollamaModels", ",".join(f"m{n}" for n in range(51)), ["has 51 models"]),
    ("ownerEmail", "me", ["is not an e-mail address"]),
    ("n8nPublicApi", "yes", ["neither true nor false"]),
    ("ownerEmail", "a b@example.com", ["is not an e-mail address"]),
    ("backupRetentionDays", "36", ["more than 35", "`pulumi config set geusemaker:backupRetentionDays 35`"]),
    ("backupRetentionDays", "-1", ["less than 0"]),
    ("protectData", "yes", ["neither true nor false"]),
    ("tags", "Owner", ["no key=value"]),
    ("tags", "A=1,A=2", ["the key 'A' twice"]),
    ("tags", '{"A":"1","A":"2"}', ["has a key twice"]),
    ("tags", '{"Version":2.1}', ["quote it", """`pulumi config set geusemaker:tags '{"Version": "2.1"}'`"""]),
    ("tags", '{"A":["b"]}', ["something else than text under 'A'"]),
    ("tags", '["A"]', ["no key=value"]),
    ("tags", "aws:x=1,A=2", ["AWS reserves", """`pulumi config set geusemaker:tags '{"A": "2"}'`"""]),
    ("tags", "Name=x", ["sets itself"]),
    ("tags", "geusemaker:stack=x", ["sets itself"]),
    ("tags", "a=1,A=2", ["IAM takes for the same"]),
    ("tags", "=1", ["a key of 0 characters"]),
    ("tags", f"{'k' * 129}=1", ["a key of 129 characters"]),
    ("tags", f"k={'v' * 257}", ["a value of 257 characters"]),
    ("tags", "k=<b>", ["IAM does not take"]),
    ("tags", ",".join(f"k{n}=v" for n in range(46)), ["has 46 tags"]),
]  # fmt: skip

# Values that are right each, and wrong together.
AT_ODDS: list[tuple[dict[str, str], list[str]]] = [
    ({"amiId": "ami-01234567", "amiName": NAME}, ["`pulumi config rm geusemaker:amiId`", "`pulumi config rm geusemaker:amiName`"]),
    ({"frameworkVersion": "2.12"}, ["amiType is base", "`pulumi config rm geusemaker:frameworkVersion`"]),
    ({"instanceType": "g5.xlarge", "architecture": "arm64"}, ["g5.xlarge is x86_64 only", "`pulumi config set geusemaker:instanceType g5g.xlarge`", "`pulumi config set geusemaker:architecture x86_64`"]),
    ({"instanceType": "c7gn.2xlarge"}, ["c7gn.2xlarge is arm64 only", "`pulumi config set geusemaker:instanceType c6i.2xlarge`"]),
    ({"services": "n8n,ollama"}, ["n8n without postgres", "`pulumi config set geusemaker:services n8n,ollama,postgres`", "`pulumi config rm geusemaker:services`"]),
    ({"services": "qdrant", "ollamaModels": "llama3.2:3b"}, ["no ollama", "`pulumi config set geusemaker:services qdrant,ollama`", "`pulumi config rm geusemaker:ollamaModels`"]),
    ({"hostedZoneId": "Z0123456789ABCDEFGHIJ"}, ["without domain", "`pulumi config rm geusemaker:hostedZoneId`"]),
    ({"vpcId": VPC}, ["without subnetIds", "`pulumi config rm geusemaker:vpcId`"]),
    ({"subnetIds": SUBNET}, ["without vpcId", "`pulumi config rm geusemaker:subnetIds`"]),
    ({"vpcId": VPC, "subnetIds": SUBNET, "vpcCidr": "10.42.0.0/16"}, ["`pulumi config rm geusemaker:vpcCidr`"]),
    ({"vpcId": VPC, "subnetIds": SUBNET, "availabilityZoneCount": "2"}, ["`pulumi config rm geusemaker:availabilityZoneCount`"]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "others", "value"), TAKEN)
def test_a_key_takes_its_text_from_the_stack(
    from_stack: FromStack, key: str, text: str, others: dict[str, str], value: Any
) -> None:
    config = from_stack(secret=(key,) if key in SECRET else (), **{key: text}, **others)
    assert config.model_dump(by_alias=True)[key] == value


def test_every_key_is_tried_both_right_and_wrong() -> None:
    keys = {field.alias for field in DeploymentConfig.model_fields.values()}
    assert {key for key, *_ in TAKEN} == keys
    assert {key for key, *_ in REFUSED} == keys


@pytest.mark.parametrize(("key", "text", "words"), REFUSED)
def test_a_wrong_value_is_told_with_the_way_out(
    refused: Refused, key: str, text: str, words: list[str]
) -> None:
    message = refused(secret=(key,) if key in SECRET else (), **{key: text})
    holds = "holds a secret value, not shown, " if key in SECRET else "is "
    assert message.startswith(f"geusemaker:{key} {holds}")
    assert "; allowed: " in message
    assert f"geusemaker:{key}" in message.partition("To fix it")[2]
    for word in words:
        assert word in message


@pytest.mark.parametrize(("values", "words"), AT_ODDS)
def test_values_at_odds_are_told_with_each_way_out(
    refused: Refused, values: dict[str, str], words: list[str]
) -> None:
    message = refused(**values)
    for word in words:
        assert word in message


@pytest.mark.parametrize("key", NOT_IN_THIS_VERSION)
def test_a_key_of_a_later_version_is_refused(refused: Refused, key: str) -> None:
    message = refused(**{key: "x"})
    assert f"geusemaker:{key} is not in this version: " in message
    assert f"`pulumi config rm geusemaker:{key}`" in message


def test_a_misspelt_key_is_refused_with_the_nearest(refused: Refused) -> None:
    message = refused(osTpye="ubuntu-24.04")
    assert "did you mean osType?" in message
    assert "`pulumi config rm geusemaker:osTpye`" in message
    assert "`pulumi config set geusemaker:osType ubuntu-24.04`" in message


def test_a_key_in_snake_case_is_no_second_spelling_in_a_stack(refused: Refused) -> None:
    assert "did you mean osType?" in refused(os_type="ubuntu-24.04")


def test_an_unknown_key_with_no_neighbour_gets_the_list(refused: Refused) -> None:
    message = refused(zzz="1")
    assert "osType, architecture" in message
    assert "`pulumi config rm geusemaker:zzz`" in message


def test_a_misspelt_key_of_a_later_version_is_not_proposed(refused: Refused) -> None:
    message = refused(efsIdd="x")
    assert "config set" not in message
    assert "`pulumi config rm geusemaker:efsIdd`" in message


def test_commands_can_be_pasted_whatever_the_value(refused: Refused) -> None:
    assert "`pulumi config set geusemaker:osType 'a; rm -rf $HOME'`" in refused(
        osTipe="a; rm -rf $HOME"
    )
    assert "`pulumi config set -- geusemaker:osType -x`" in refused(osTipe="-x")
    assert "set geusemaker:osType VALUE`" in refused(osTipe="x" * 400)
    assert "`pulumi config rm 'geusemaker:os Type'`" in refused(**{"os Type": "x"})


def test_a_long_or_broken_value_stays_one_short_line(refused: Refused) -> None:
    message = refused(osType="a\nb\x1b[31m\u2028" * 1000)
    assert len(message) < 700
    assert refused(tags="Owner\n=\n<")


def test_several_problems_are_told_together_and_counted(refused: Refused) -> None:
    message = refused(osType="x", dataVolumeGib="two", protectData="yes")
    assert message.count("To fix it") == 3
    message = refused(
        osType="x", dataVolumeGib="two", protectData="yes", amiId="x", vpcId="x", a="b"
    )
    assert message.endswith("And 2 more.")


def test_a_misspelt_key_does_not_also_blame_what_depends_on_it(refused: Refused) -> None:
    message = refused(architecure="arm64", instanceType="g5g.xlarge")
    assert "did you mean architecture?" in message
    assert "instanceType" not in message


@pytest.mark.parametrize(
    "values",
    [
        {"osType": "hush-hush"},
        {"tags": "Owner=hush-hush,Name=hush-hush"},
        {"dataVolumeGib": "hush-hush"},
        {"allowedCidrs": "hush-hush"},
        {"osTpye": "hush-hush"},
        {"instanceType": "m6g.hush-hush"},
        {"frameworkVersion": "2.12", "amiType": "hush-hush"},
    ],
)
def test_a_secret_value_is_never_repeated(refused: Refused, values: dict[str, str]) -> None:
    message = refused(secret=tuple(values), **values)
    assert "hush" not in message
    assert "pulumi config" in message


def test_a_login_in_clear_is_refused_and_not_repeated(
    refused: Refused, refused_file: Refused
) -> None:
    text = '{"docker.io": "me:hush"}'
    message = refused(registryLogins=text)
    assert message.startswith("geusemaker:registryLogins is in clear where it was written")
    assert message.endswith(f"To fix it, run {LOGIN}.")
    for misspelt in (refused(registryLogin=text), refused(registryLogin="me:hush")):
        assert "set --secret geusemaker:registryLogins VALUE`" in misspelt
        assert "hush" not in misspelt
    in_file = refused_file(f"osType: ubuntu-24.04\nregistryLogins: {text}\n")
    assert f"delete `registryLogins` at line 2 and run {LOGIN}." in in_file
    assert "hush" not in message + in_file


def test_a_login_is_in_no_text_of_a_config_or_of_an_error(from_stack: FromStack) -> None:
    config = from_stack(secret=("registryLogins",), registryLogins="ghcr.io=me:hush")
    assert "hush" not in f"{config!r} {config} {config.stack_values()} {config.model_dump()}"
    assert "hush" not in config.model_dump_json()
    for wrong in ({"ghcr.io": "hush"}, {"hush": "x"}, "hush", {"ghcr.io": {"hush": 1}}):
        with pytest.raises(ValidationError, match="registry_logins") as failed:
            DeploymentConfig.model_validate({"registry_logins": wrong})
        assert "hush" not in str(failed.value)
    with pytest.raises(ValidationError) as failed:
        DeploymentConfig.model_validate(
            {"registry_logins": {"ghcr.io": "me:hush"}, "vpc_id": "vpc-01234567"}
        )
    assert "hush" not in str(failed.value)


def test_a_secret_that_is_right_is_taken(from_stack: FromStack) -> None:
    assert from_stack(secret=("kmsKeyArn",), kmsKeyArn=KEY).kms_key_arn == KEY


def test_the_defaults_are_those_of_the_contract(from_stack: FromStack) -> None:
    assert from_stack().model_dump() == {
        "os_type": "ubuntu-22.04",
        "architecture": "x86_64",
        "ami_type": "base",
        "framework_version": None,
        "ami_id": None,
        "ami_name": None,
        "ami_policy": "keep",
        "instance_type": "m6i.xlarge",
        "root_volume_gib": None,
        "data_volume_gib": 100,
        "vpc_cidr": "10.42.0.0/16",
        "availability_zone_count": 2,
        "vpc_id": None,
        "subnet_ids": (),
        "allowed_cidrs": (),
        "domain": None,
        "hosted_zone_id": None,
        "n8n_reaches": (),
        "services": ("n8n", "ollama", "qdrant", "crawl4ai", "postgres"),
        "image_versions": {},
        "registry_logins": {},
        "ollama_models": (),
        "owner_email": None,
        "n8n_public_api": False,
        "permissions_boundary_arn": None,
        "extra_policy_arns": (),
        "kms_key_arn": None,
        "backup_retention_days": 7,
        "protect_data": True,
        "tags": {},
    }


def test_the_instance_type_follows_the_architecture() -> None:
    assert DeploymentConfig(architecture="arm64").instance_type == "m6g.xlarge"


def test_the_model_itself_is_plain_pydantic() -> None:
    with pytest.raises(ValidationError, match="architecture"):
        DeploymentConfig(architecture="sparc")
    with pytest.raises(ValidationError, match="both set"):
        DeploymentConfig(ami_id="ami-01234567", ami_name=NAME)
    with pytest.raises(ValidationError, match="Extra inputs"):
        DeploymentConfig.model_validate({"efs_id": "x"})
    with pytest.raises(ValidationError, match="frozen"):
        DeploymentConfig().os_type = "ubuntu-24.04"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        DeploymentConfig.model_validate({"availability_zone_count": True})


def test_every_field_says_what_a_change_does() -> None:
    assert all(field.description for field in DeploymentConfig.model_fields.values())


def test_what_was_set_can_be_written_back(from_stack: FromStack) -> None:
    config = from_stack(
        osType="ubuntu-24.04",
        vpcId=VPC,
        subnetIds=SUBNET,
        tags="Owner=me",
        protectData="false",
        rootVolumeGib="80",
    )
    values = config.stack_values()
    assert values["tags"] == '{"Owner": "me"}'
    assert "vpcCidr" not in values
    assert from_stack(**values) == config
