"""Every config key: the values that it accepts and rejects."""

# ruff: noqa: E501 - a case is one row of a table

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from geusemaker.config import DeploymentConfig
from geusemaker.config.report import NOT_IN_THIS_VERSION

from .conftest import FromStack, Refused

VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"
ADOPTED = {"vpcId": VPC, "subnetIds": SUBNET}
KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
NAME = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20250101"

# Key, text for `pulumi config set`, other values to set, and the resulting value.
ACCEPTED: list[tuple[str, str, dict[str, str], Any]] = [
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
    ("allowedCidrs", "0.0.0.0/0,::/0", ADOPTED, ("0.0.0.0/0", "::/0")),
    ("allowedCidrs", '["203.0.113.7/32"]', {}, ("203.0.113.7/32",)),
    ("allowedCidrs", "2001:DB8:0::/32", ADOPTED, ("2001:db8::/32",)),
    ("allowedCidrs", "198.16.0.0/14", {}, ("198.16.0.0/14",)),
    ("webhookCidrs", "0.0.0.0/0", {}, ("0.0.0.0/0",)),
    ("webhookCidrs", "198.51.100.0/24", {"allowedCidrs": "198.51.100.0/24"}, ("198.51.100.0/24",)),
    ("apiKeys", "laptop,ci-2:12", {}, ("laptop", "ci-2:12")),
    ("apiKeys", '["a"]', {}, ("a",)),
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
    ("serviceSettings", "{}", {}, {}),
    (
        "serviceSettings",
        '{"ollama": {"OLLAMA_KEEP_ALIVE": -1, "OLLAMA_CONTEXT_LENGTH": "16384"}, "n8n": {}}',
        {},
        {"ollama": {"OLLAMA_CONTEXT_LENGTH": "16384", "OLLAMA_KEEP_ALIVE": "-1"}},
    ),
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
    ("budgetUsd", "200", {}, 200),
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
    ("workers", "0", {}, 0),
    ("workers", "50", {}, 50),
    ("workersMax", "1", {}, 1),
    ("workersMax", "3", {"workers": "3"}, 3),
    ("workerInstanceTypes", "", {}, ()),
    ("workerInstanceTypes", "g6.xlarge, g5.xlarge", {}, ("g6.xlarge", "g5.xlarge")),
    ("workerMarket", "spot", {"workerDrainSeconds": "119"}, "spot"),
    ("workerConcurrency", "100", {}, 100),
    ("workerDrainSeconds", "7000", {}, 7000),
]

SECRET = {"registryLogins"}
"""Keys that are accepted as secrets only."""
LOGIN = '`pulumi config set --secret geusemaker:registryLogins \'{"docker.io": "USER:TOKEN"}\'`'

# Key, text, and parts of the message.
REJECTED: list[tuple[str, str, list[str]]] = [
    ("osType", "ubunut-24.04", ["'ubunut-24.04'", "amazon-linux-2023", "did you mean ubuntu-24.04?", "`pulumi config set geusemaker:osType ubuntu-24.04`"]),
    ("osType", "ubuntu24", ["did you mean ubuntu-24.04?"]),
    ("registryLogins", "me:hush", ["which is not valid", LOGIN]),
    ("registryLogins", '{"docker.io": "hush"}', ["has no user:password under docker.io", LOGIN]),
    ("registryLogins", '{"docker.io": ":hush"}', ["has no user:password under docker.io"]),
    ("registryLogins", '{"docker.io": "me:"}', ["has no user:password under docker.io"]),
    ("registryLogins", '{"docker.io": {"username": "hush"}}', ["which is not valid"]),
    ("registryLogins", '{"docker.io": "me:hu\\nsh"}', ["has a control character, such as a line break, under docker.io"]),
    ("registryLogins", '{"hush": "me:x"}', ["has a key that is not the host name of a registry"]),
    ("registryLogins", '{"https://ghcr.io/hush": "me:x"}', ["has a key that is not the host name of a registry"]),
    ("registryLogins", '{"index.docker.io": "me:hush"}', ["has the key index.docker.io, but the key of Docker Hub is docker.io"]),
    ("registryLogins", '{"ghcr.io": "me:' + "hush" * 800 + '"}', ["an SSM parameter holds 4096"]),
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
    ("amiName", "né", ["is not a valid image name"]),
    ("instanceType", "M6I.XLARGE", ["`pulumi config set geusemaker:instanceType m6i.xlarge`"]),
    ("instanceType", "huge", ["is not a valid name", "`pulumi config set geusemaker:instanceType m6i.2xlarge`"]),
    ("rootVolumeGib", "two", ["is not a whole number", "8 to 16384"]),
    ("rootVolumeGib", "2.5", ["is not a whole number"]),
    ("rootVolumeGib", "", ["is not a whole number"]),
    ("rootVolumeGib", "7", ["less than 8", "`pulumi config set geusemaker:rootVolumeGib 8`"]),
    ("dataVolumeGib", "16385", ["more than 16384", "`pulumi config set geusemaker:dataVolumeGib 16384`"]),
    ("dataVolumeGib", "-5", ["less than 1"]),
    ("availabilityZoneCount", "4", ["`pulumi config set geusemaker:availabilityZoneCount 3`"]),
    ("availabilityZoneCount", "[1,2]", ["is not a whole number"]),
    ("vpcCidr", "10.42.1.0/16", ["has host bits set; the network is 10.42.0.0/16", "`pulumi config set geusemaker:vpcCidr 10.42.0.0/16`"]),
    ("vpcCidr", "10.0.0.0/8", ["is a /8", "/16 to /24"]),
    ("vpcCidr", "10.42.0.0/28", ["is a /28"]),
    ("vpcCidr", "8.8.0.0/16", ["is not a private network"]),
    ("vpcCidr", "172.17.0.0/16", ["Docker"]),
    ("vpcCidr", "fd00::/16", ["is not an IPv4 network"]),
    ("vpcId", "vpc-1", ["is not a VPC ID"]),
    ("subnetIds", "subnet-1", ["'subnet-1'", "not a subnet ID"]),
    ("subnetIds", f"{SUBNET},{SUBNET}", ["twice", f"`pulumi config set geusemaker:subnetIds {SUBNET}`"]),
    ("subnetIds", "subnet-00000001,subnet-00000002,subnet-00000003,subnet-00000004", ["has 4 subnets; the maximum is 3"]),
    ("permissionsBoundaryArn", "boundary", ["not the ARN of an IAM policy"]),
    ("permissionsBoundaryArn", "arn:aws-cn:iam::aws:policy/One", ["which is in the partition aws-cn, which GeuseMaker does not support"]),
    ("extraPolicyArns", "One", ["'One'", "not the ARN of an IAM policy", "`pulumi config rm geusemaker:extraPolicyArns`"]),
    ("extraPolicyArns", "arn:aws:iam::aws:role/One,arn:aws:iam::aws:policy/A,B", ["not the ARN of an IAM policy", "`pulumi config set geusemaker:extraPolicyArns arn:aws:iam::aws:policy/A`"]),
    ("extraPolicyArns", "arn:aws-iso-b:iam::aws:policy/One", ["which is in the partition aws-iso-b"]),
    ("extraPolicyArns", "arn:aws:iam::aws:policy/A,arn:aws:iam::aws:policy/A", ["twice", "`pulumi config set geusemaker:extraPolicyArns arn:aws:iam::aws:policy/A`"]),
    ("extraPolicyArns", ",".join(f"arn:aws:iam::aws:policy/P{n}" for n in range(9)), ["has 9 policies; the maximum is 8", "arn:aws:iam::aws:policy/P7`"]),
    ("kmsKeyArn", "arn:aws:kms:us-east-1:123456789012:alias/mine", ["is an alias"]),
    ("kmsKeyArn", "arn:aws:s3:::bucket", ["not the ARN of a KMS key"]),
    ("allowedCidrs", "203.0.113.7", ["`pulumi config set geusemaker:allowedCidrs 203.0.113.7/32`"]),
    ("allowedCidrs", "::/0,203.0.113.7/24", ["`pulumi config set geusemaker:allowedCidrs ::/0,203.0.113.0/24`"]),
    ("allowedCidrs", "10.0.0.0/255.0.0.0", ["10.0.0.0/8"]),
    ("allowedCidrs", "fe80::%1/64", ["not an IPv4 or IPv6 network"]),
    ("allowedCidrs", "home", ["'home'"]),
    ("allowedCidrs", "10.0.0.0/8,198.18.0.0/15", ["overlaps 198.18.42.0/23", "`pulumi config set geusemaker:allowedCidrs 10.0.0.0/8`"]),
    ("allowedCidrs", "198.18.43.7/32", ["the addresses of the containers", "`pulumi config rm geusemaker:allowedCidrs`"]),
    ("allowedCidrs", "10.0.0.1/8,10.0.0.2/8,192.0.2.7", ["10.0.0.1/8", "`pulumi config set geusemaker:allowedCidrs 10.0.0.0/8,192.0.2.7/32`"]),
    ("allowedCidrs", "10.0.0.1/8,nonsense", ["10.0.0.1/8", "for example"]),
    ("allowedCidrs", "::/0,0::/0", ["twice"]),
    ("allowedCidrs", "::/0,", ["has an empty item", "`pulumi config set geusemaker:allowedCidrs ::/0`"]),
    ("allowedCidrs", "[1]", ["has an item that is not text"]),
    ("allowedCidrs", "[", ["is not JSON", "character 2"]),
    ("allowedCidrs", ",".join(f"10.0.{n}.0/24" for n in range(61)), ["has 61 networks"]),
    ("apiKeys", "a,My Laptop", ["'My Laptop', which is not a name", "`pulumi config set geusemaker:apiKeys a,my-laptop`"]),
    ("apiKeys", "a_b", ["`pulumi config set geusemaker:apiKeys a-b`"]),
    ("apiKeys", "1a", ["'1a', which is not a name"]),
    ("apiKeys", "-", ["not a name"]),
    ("apiKeys", "a" * 32, ["not a name"]),
    ("apiKeys", "a:1", ["not a name"]),
    ("apiKeys", "a:0", ["not a name"]),
    ("apiKeys", "a:02", ["not a name"]),
    ("apiKeys", "a:", ["not a name"]),
    ("apiKeys", "bob,Bob,Eve Mae", ["has the item 'Bob'", "`pulumi config set geusemaker:apiKeys bob,eve-mae`"]),
    ("apiKeys", "a,b,a:2", ["names a twice", "`pulumi config set geusemaker:apiKeys a:2,b`"]),
    ("apiKeys", ",".join(f"k{n}" for n in range(21)), ["has 21 names; the maximum is 20"]),
    ("webhookCidrs", "0.0.0.0/0,::/0", ["has the item '::/0', but only IPv4", "`pulumi config set geusemaker:webhookCidrs 0.0.0.0/0`"]),
    ("webhookCidrs", "::/0", ["`pulumi config rm geusemaker:webhookCidrs`"]),
    ("webhookCidrs", "0.0.0.0/32", ["'0.0.0.0/32', which is the address of no machine; 0.0.0.0/0 is all of them", "`pulumi config set geusemaker:webhookCidrs 0.0.0.0/0`"]),
    ("allowedCidrs", "::/128", ["the address of no machine; ::/0 is all of them"]),
    ("webhookCidrs", "203.0.113.7/24", ["`pulumi config set geusemaker:webhookCidrs 203.0.113.0/24`"]),
    ("webhookCidrs", "0.0.0.0/0,0.0.0.0/0", ["twice", "`pulumi config set geusemaker:webhookCidrs 0.0.0.0/0`"]),
    ("domain", "https://n8n.example.org/home/new", ["is not a host name", "`pulumi config set geusemaker:domain n8n.example.org`"]),
    ("domain", "AI.Example.com.", ["`pulumi config set geusemaker:domain ai.example.com`"]),
    ("domain", "203.0.113.7", ["is not a host name"]),
    ("domain", "localhost", ["is not a host name"]),
    ("domain", "host.internal", ["is not a public name"]),
    ("domain", "a..example.com", ["is not a host name"]),
    # The files of the settings bundle do not quote these values.
    ("domain", "a.example.com\n", ["which in canonical form is a.example.com"]),
    ("domain", "a.example.com }\nrespond {", ["is not a host name"]),
    ("ownerEmail", "a$b@example.com", ["is not an e-mail address"]),
    ("ownerEmail", "a@example.com\n}", ["is not an e-mail address"]),
    ("ownerEmail", f"a@{'b' * 63}.{'c' * 63}.{'d' * 60}.eee", ["is not an e-mail address"]),
    ("ollamaModels", '["two words"]', ["not a model name"]),
    ("ollamaModels", '["a\\nimage evil"]', ["not a model name"]),
    ("ollamaModels", "hf.co/../a", ["not a model name"]),
    ("ollamaModels", "m" * 151, ["not a model name"]),
    ("n8nReaches", "10.0.8.7", ["`pulumi config set geusemaker:n8nReaches 10.0.8.7/32`"]),
    ("n8nReaches", "10.0.8.7/24,10.1.0.0/16", ["`pulumi config set geusemaker:n8nReaches 10.0.8.0/24,10.1.0.0/16`"]),
    ("n8nReaches", "10.0.8.0/24,10.0.8.0/24", ["twice"]),
    ("n8nReaches", "0.0.0.0/0", ["outside 10.0.0.0/8", "`pulumi config rm geusemaker:n8nReaches`"]),
    ("n8nReaches", "169.254.169.254/32,10.1.0.0/16", ["outside 10.0.0.0/8", "`pulumi config set geusemaker:n8nReaches 10.1.0.0/16`"]),
    ("n8nReaches", "198.18.42.0/23", ["outside 10.0.0.0/8"]),
    ("n8nReaches", "fd00::/8,10.1.0.0/16,8.8.8.0/24", ["`pulumi config set geusemaker:n8nReaches 10.1.0.0/16`"]),
    ("n8nReaches", "8.8.8.0/24", ["n8n may reach the internet without this key"]),
    ("n8nReaches", "fd00::/8", ["containers have no IPv6"]),
    ("n8nReaches", "database.internal", ["not an IPv4 or IPv6 network"]),
    ("n8nReaches", ",".join(f"10.0.{n}.0/24" for n in range(61)), ["has 61 networks"]),
    ("hostedZoneId", "/hostedzone/Z0123456789ABCDEFGHIJ", ["`pulumi config set geusemaker:hostedZoneId Z0123456789ABCDEFGHIJ`"]),
    ("hostedZoneId", "example.com", ["not a hosted zone ID"]),
    ("services", "", ["lists no service"]),
    ("services", "n8n,postgresql", ["'postgresql'", "did you mean postgres?", "`pulumi config set geusemaker:services n8n,postgres`"]),
    ("services", "N8N,Postgres", ["did you mean n8n?", "`pulumi config set geusemaker:services n8n,postgres`"]),
    ("services", "ollama,ollama", ["twice", "`pulumi config set geusemaker:services ollama`"]),
    ("services", "n8n,redis-stack", ["not a service", "`pulumi config set geusemaker:services n8n,postgres`"]),
    ("services", "ollama,redis-stack", ["not a service", "`pulumi config set geusemaker:services ollama`"]),
    ("imageVersions", "olama=ollama/ollama:0.35.1", ["olama", """`pulumi config set geusemaker:imageVersions '{"ollama": "ollama/ollama:0.35.1"}'`"""]),
    ("imageVersions", "ollama=ollama/ollama", ["has no tag", "`pulumi config set geusemaker:imageVersions '{}'`"]),
    ("imageVersions", "postgres=postgres:17.11-bookworm", ["is not PostgreSQL 18"]),
    ("ollamaModels", "llama3; rm -rf /", ["not a model name"]),
    ("ollamaModels", "-x", ["not a model name"]),
    ("ollamaModels", "a,a", ["twice", "`pulumi config set geusemaker:ollamaModels a`"]),
    ("ollamaModels", ",".join(f"m{n}" for n in range(51)), ["has 51 models; the maximum is 50"]),
    ("ownerEmail", "me", ["is not an e-mail address"]),
    ("n8nPublicApi", "yes", ["neither true nor false"]),
    ("ownerEmail", "a b@example.com", ["is not an e-mail address"]),
    ("backupRetentionDays", "36", ["more than 35", "`pulumi config set geusemaker:backupRetentionDays 35`"]),
    ("backupRetentionDays", "-1", ["less than 0"]),
    ("budgetUsd", "0", ["less than 1", "`pulumi config set geusemaker:budgetUsd 1`"]),
    ("protectData", "yes", ["neither true nor false"]),
    ("tags", "Owner", ["not key=value"]),
    ("tags", "A=1,A=2", ["the key 'A' twice"]),
    ("tags", '{"A":"1","A":"2"}', ["has a duplicate key"]),
    ("tags", '{"Version":2.1}', ["quote it", """`pulumi config set geusemaker:tags '{"Version": "2.1"}'`"""]),
    ("tags", '{"A":["b"]}', ["not text at 'A'"]),
    ("tags", '["A"]', ["not key=value"]),
    ("tags", "aws:x=1,A=2", ["AWS reserves", """`pulumi config set geusemaker:tags '{"A": "2"}'`"""]),
    ("tags", "Name=x", ["sets itself"]),
    ("tags", "geusemaker:stack=x", ["sets itself"]),
    ("tags", "a=1,A=2", ["IAM treats as the same"]),
    ("tags", "=1", ["a key of 0 characters; the limits are 1 and 128"]),
    ("tags", f"{'k' * 129}=1", ["a key of 129 characters"]),
    ("tags", f"k={'v' * 257}", ["a value of 257 characters under 'k'; the maximum is 256"]),
    ("tags", "k=<b>", ["IAM does not allow"]),
    ("tags", ",".join(f"k{n}=v" for n in range(46)), ["has 46 tags; the maximum is 45"]),
    ("workers", "51", ["more than 50", "`pulumi config set geusemaker:workers 50`"]),
    ("workers", "-1", ["less than 0"]),
    ("workersMax", "0", ["less than 1", "`pulumi config set geusemaker:workersMax 1`"]),
    ("workersMax", "51", ["more than 50"]),
    ("workerInstanceTypes", "g6.xlarge,G5.XLARGE", ["'G5.XLARGE', which is not a valid name", "`pulumi config set geusemaker:workerInstanceTypes g6.xlarge,g5.xlarge`"]),
    ("workerInstanceTypes", "huge", ["'huge', which is not a valid name"]),
    ("workerInstanceTypes", "g5.xlarge,g6.xlarge,g5.xlarge", ["lists a type twice", "`pulumi config set geusemaker:workerInstanceTypes g5.xlarge,g6.xlarge`"]),
    ("workerInstanceTypes", ",".join(f"m{n}i.large" for n in range(21)), ["has 21 types; the maximum is 20"]),
    ("workerMarket", "on_demand", ["did you mean on-demand?"]),
    ("workerConcurrency", "0", ["less than 1"]),
    ("workerDrainSeconds", "9", ["less than 10"]),
    ("workerDrainSeconds", "7001", ["more than 7000"]),
]  # fmt: skip

MANY = ",".join(f"10.0.{n}.0/24" for n in range(60))
"""As many networks as a security group allows."""
MANY_OF_6 = ",".join(f"2001:db8:{n}::/48" for n in range(1, 60))

# Values that are valid alone but not together, and parts of the message.
CONFLICTS: list[tuple[dict[str, str], list[str]]] = [
    ({"amiId": "ami-01234567", "amiName": NAME}, ["`pulumi config rm geusemaker:amiId`", "`pulumi config rm geusemaker:amiName`"]),
    ({"frameworkVersion": "2.12"}, ["amiType is base", "`pulumi config rm geusemaker:frameworkVersion`"]),
    ({"instanceType": "g5.xlarge", "architecture": "arm64"}, ["geusemaker:instanceType g5.xlarge is x86_64 only", "architecture replaces a deployed host", "`pulumi config set geusemaker:instanceType g5g.xlarge`", "`pulumi config set geusemaker:architecture x86_64`"]),
    ({"instanceType": "c7gn.2xlarge"}, ["c7gn.2xlarge is arm64 only", "`pulumi config set geusemaker:instanceType c6i.2xlarge`"]),
    ({"services": "n8n,ollama"}, ["n8n without postgres", "`pulumi config set geusemaker:services n8n,ollama,postgres`", "`pulumi config rm geusemaker:services`"]),
    ({"services": "qdrant", "ollamaModels": "llama3.2:3b"}, ["no ollama", "`pulumi config set geusemaker:services qdrant,ollama`", "`pulumi config rm geusemaker:ollamaModels`"]),
    ({"services": "n8n,postgres", "apiKeys": "a"}, ["has none of ollama, qdrant, crawl4ai", "`pulumi config set geusemaker:services n8n,postgres,ollama`", "`pulumi config rm geusemaker:apiKeys`"]),
    ({"services": "qdrant", "webhookCidrs": "0.0.0.0/0"}, ["no n8n", "`pulumi config set geusemaker:services n8n,qdrant,postgres`", "`pulumi config rm geusemaker:webhookCidrs`"]),
    ({"allowedCidrs": MANY, "webhookCidrs": "0.0.0.0/0"}, ["allowedCidrs and webhookCidrs need 61 rules together, but a security group allows 60", "`pulumi config rm geusemaker:webhookCidrs`"]),
    ({"webhookCidrs": MANY, "domain": "ai.example.com"}, ["webhookCidrs and domain need 61 rules"]),
    ({"allowedCidrs": MANY, "workers": "2"}, ["allowedCidrs and workers need 66 rules together", "To fix it, run `pulumi config rm geusemaker:workers`."]),
    # Each fix is enough by itself.
    ({"allowedCidrs": MANY, "webhookCidrs": "10.0.0.0/24", "workers": "1", "workersMax": "2"}, ["allowedCidrs, webhookCidrs and workersMax need 66 rules", "To fix it, run `pulumi config rm geusemaker:workers` and run `pulumi config rm geusemaker:workersMax`."]),
    ({"allowedCidrs": "0.0.0.0/0", "webhookCidrs": MANY[:-13], "workersMax": "2"}, ["need 66 rules", "`pulumi config rm geusemaker:workersMax` or run `pulumi config rm geusemaker:webhookCidrs`."]),
    ({"allowedCidrs": MANY, "webhookCidrs": MANY.replace("10.0.", "11.0."), "workers": "2"}, ["need 126 rules", "To fix it, run `pulumi config rm geusemaker:allowedCidrs` and run `pulumi config rm geusemaker:webhookCidrs`."]),
    ({"allowedCidrs": MANY_OF_6, "services": "n8n,postgres", "workersMax": "2", "vpcId": VPC, "subnetIds": SUBNET}, ["allowedCidrs and workersMax need 61 rules together"]),
    ({"hostedZoneId": "Z0123456789ABCDEFGHIJ"}, ["without domain", "`pulumi config rm geusemaker:hostedZoneId`"]),
    ({"allowedCidrs": "0.0.0.0/0,::/0"}, ["the IPv6 network ::/0", "`pulumi config set geusemaker:allowedCidrs 0.0.0.0/0`"]),
    ({"allowedCidrs": "2001:db8::/32"}, ["has IPv4 only", "`pulumi config rm geusemaker:allowedCidrs`"]),
    ({"vpcId": VPC}, ["without subnetIds", "`pulumi config rm geusemaker:vpcId`"]),
    ({"subnetIds": SUBNET}, ["without vpcId", "`pulumi config rm geusemaker:subnetIds`"]),
    ({"vpcId": VPC, "subnetIds": SUBNET, "vpcCidr": "10.42.0.0/16"}, ["`pulumi config rm geusemaker:vpcCidr`"]),
    ({"vpcId": VPC, "subnetIds": SUBNET, "availabilityZoneCount": "2"}, ["`pulumi config rm geusemaker:availabilityZoneCount`"]),
    ({"services": "ollama", "workers": "2"}, ["workers is 2, but services has no n8n", "`pulumi config set geusemaker:services n8n,ollama,postgres`", "`pulumi config rm geusemaker:workers`"]),
    ({"services": "ollama", "workersMax": "4"}, ["workersMax is 4, but services has no n8n", "`pulumi config rm geusemaker:workersMax`"]),
    ({"workers": "3", "workersMax": "2"}, ["workersMax is 2, which is less than workers, 3", "`pulumi config set geusemaker:workersMax 3`", "`pulumi config set geusemaker:workers 2`", "`pulumi config rm geusemaker:workersMax`"]),
    ({"workerInstanceTypes": "g6.xlarge,g5g.xlarge"}, ["workerInstanceTypes has g5g.xlarge, which is arm64 only", "`pulumi config set geusemaker:workerInstanceTypes g6.xlarge,g5.xlarge`", "`pulumi config rm geusemaker:workerInstanceTypes`"]),
    ({"workerMarket": "spot", "workerDrainSeconds": "120"}, ["workerDrainSeconds is 120, but workerMarket is spot", "`pulumi config rm geusemaker:workerDrainSeconds`", "`pulumi config set geusemaker:workerMarket on-demand`"]),
    ({"workersMax": "1", "serviceSettings": '{"n8n": {"N8N_CONCURRENCY_PRODUCTION_LIMIT": 20}}'}, ["N8N_CONCURRENCY_PRODUCTION_LIMIT of n8n, which limits one host", "workerConcurrency limits each", "N8N_CONCURRENCY_PRODUCTION_LIMIT`"]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "others", "value"), ACCEPTED)
def test_a_valid_value_is_read_from_the_stack(
    from_stack: FromStack, key: str, text: str, others: dict[str, str], value: Any
) -> None:
    config = from_stack(secret=(key,) if key in SECRET else (), **{key: text}, **others)
    assert config.model_dump(by_alias=True)[key] == value


def test_every_key_has_an_accepted_and_a_rejected_case() -> None:
    keys = {field.alias for field in DeploymentConfig.model_fields.values()}
    assert {key for key, *_ in ACCEPTED} == keys
    # The parts of `serviceSettings`: test_service_settings.py.
    assert {key for key, *_ in REJECTED} == keys - {"serviceSettings"}


@pytest.mark.parametrize(("key", "text", "words"), REJECTED)
def test_an_invalid_value_is_reported_with_its_fix(
    refused: Refused, key: str, text: str, words: list[str]
) -> None:
    message = refused(secret=(key,) if key in SECRET else (), **{key: text})
    verb = "has a secret value (not shown), " if key in SECRET else "is "
    assert message.startswith(f"geusemaker:{key} {verb}")
    assert ". Allowed: " in message
    assert f"geusemaker:{key}" in message.partition("To fix it")[2]
    for word in words:
        assert word in message


@pytest.mark.parametrize(("values", "words"), CONFLICTS)
def test_conflicting_values_are_reported_with_each_fix(
    refused: Refused, values: dict[str, str], words: list[str]
) -> None:
    message = refused(**values)
    for word in words:
        assert word in message


def test_a_network_in_both_lists_is_one_rule_and_ipv6_has_its_own_limit(
    from_stack: FromStack,
) -> None:
    both = from_stack(allowedCidrs=MANY, webhookCidrs=MANY)
    assert both.webhook_cidrs == both.allowed_cidrs
    rest = MANY.rpartition(",")[0]
    ipv6 = from_stack(allowedCidrs=f"{rest},2001:db8::/48", webhookCidrs="0.0.0.0/0", **ADOPTED)
    assert ipv6.webhook_cidrs


@pytest.mark.parametrize("key", NOT_IN_THIS_VERSION)
def test_a_planned_key_is_rejected(refused: Refused, key: str) -> None:
    message = refused(**{key: "x"})
    assert f"geusemaker:{key} is not supported by this version: " in message
    assert f"`pulumi config rm geusemaker:{key}`" in message


def test_a_misspelled_key_is_rejected_with_the_nearest(refused: Refused) -> None:
    message = refused(osTpye="ubuntu-24.04")
    assert "did you mean osType?" in message
    assert "`pulumi config rm geusemaker:osTpye`" in message
    assert "`pulumi config set geusemaker:osType ubuntu-24.04`" in message


def test_a_stack_rejects_keys_in_snake_case(refused: Refused) -> None:
    assert "did you mean osType?" in refused(os_type="ubuntu-24.04")


def test_an_unknown_key_without_a_similar_one_lists_all_keys(refused: Refused) -> None:
    message = refused(zzz="1")
    assert "osType, architecture" in message
    assert "`pulumi config rm geusemaker:zzz`" in message


def test_a_planned_key_is_not_proposed_for_a_misspelled_one(refused: Refused) -> None:
    message = refused(efsIdd="x")
    assert "config set" not in message
    assert "`pulumi config rm geusemaker:efsIdd`" in message


def test_commands_quote_values_for_the_shell(refused: Refused) -> None:
    assert "`pulumi config set geusemaker:osType 'a; rm -rf $HOME'`" in refused(
        osTipe="a; rm -rf $HOME"
    )
    assert "`pulumi config set -- geusemaker:osType -x`" in refused(osTipe="-x")
    assert "set geusemaker:osType VALUE`" in refused(osTipe="x" * 400)
    assert "`pulumi config rm 'geusemaker:os Type'`" in refused(**{"os Type": "x"})


def test_a_message_shows_a_long_value_on_one_short_line(refused: Refused) -> None:
    message = refused(osType="a\nb\x1b[31m\u2028" * 1000)
    assert len(message) < 700
    assert refused(tags="Owner\n=\n<")


def test_several_problems_are_reported_together_and_counted(refused: Refused) -> None:
    message = refused(osType="x", dataVolumeGib="two", protectData="yes")
    assert message.count("To fix it") == 3
    message = refused(
        osType="x", dataVolumeGib="two", protectData="yes", amiId="x", vpcId="x", a="b"
    )
    assert message.endswith("Problems not shown: 2.")


def test_a_misspelled_key_hides_the_error_of_a_dependent_key(refused: Refused) -> None:
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
def test_no_message_repeats_a_secret_value(refused: Refused, values: dict[str, str]) -> None:
    message = refused(secret=tuple(values), **values)
    assert "hush" not in message
    assert "pulumi config" in message


def test_a_login_in_plain_text_is_rejected_and_not_repeated(
    refused: Refused, refused_file: Refused
) -> None:
    text = '{"docker.io": "me:hush"}'
    message = refused(registryLogins=text)
    assert message.startswith("geusemaker:registryLogins is in plain text")
    assert message.endswith(f"To fix it, run {LOGIN}.")
    for misspelled in (refused(registryLogin=text), refused(registryLogin="me:hush")):
        assert "set --secret geusemaker:registryLogins VALUE`" in misspelled
        assert "hush" not in misspelled
    in_file = refused_file(f"osType: ubuntu-24.04\nregistryLogins: {text}\n")
    assert f"delete `registryLogins` at line 2 and run {LOGIN}." in in_file
    assert "hush" not in message + in_file


def test_no_text_of_a_config_or_an_error_contains_a_login(from_stack: FromStack) -> None:
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


def test_any_key_accepts_a_secret_value(from_stack: FromStack) -> None:
    assert from_stack(secret=("kmsKeyArn",), kmsKeyArn=KEY).kms_key_arn == KEY


def test_the_defaults_are_as_documented(from_stack: FromStack) -> None:
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
        "webhook_cidrs": (),
        "domain": None,
        "hosted_zone_id": None,
        "n8n_reaches": (),
        "services": ("n8n", "ollama", "qdrant", "crawl4ai", "postgres"),
        "image_versions": {},
        "service_settings": {},
        "registry_logins": {},
        "api_keys": (),
        "ollama_models": (),
        "owner_email": None,
        "n8n_public_api": False,
        "permissions_boundary_arn": None,
        "extra_policy_arns": (),
        "kms_key_arn": None,
        "backup_retention_days": 7,
        "protect_data": True,
        "budget_usd": None,
        "tags": {},
        "workers": 0,
        "workers_max": None,
        "worker_instance_types": (),
        "worker_market": "on-demand",
        "worker_concurrency": 5,
        "worker_drain_seconds": 100,
    }


def test_the_instance_type_follows_the_architecture() -> None:
    assert DeploymentConfig(architecture="arm64").instance_type == "m6g.xlarge"


def test_the_model_raises_validation_errors_of_pydantic() -> None:
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


def test_every_field_has_a_description() -> None:
    assert all(field.description for field in DeploymentConfig.model_fields.values())


def test_the_stack_values_of_a_config_read_as_the_same_config(from_stack: FromStack) -> None:
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
