"""What a misspelt word is taken for: the surely meant one, or nothing."""

import pytest

from geusemaker.bundle import SERVICES
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import AMI_TYPES, ARCHITECTURES
from geusemaker.dlami.catalogue import load_catalogue
from geusemaker.ec2 import regions
from geusemaker.messages import _ALIASES, nearest

SYSTEMS = tuple(system.name for system in load_catalogue().systems)
KEYS = tuple(str(field.alias) for field in DeploymentConfig.model_fields.values())

MEANT = [
    (
        SYSTEMS,
        "ubuntu-24.04",
        "ubuntu24 ubuntu2404 Ubuntu-24 24.04 ubunut-24.04 noble",
    ),
    (SYSTEMS, "ubuntu-22.04", "ubuntu22 ubuntu-22.4 jammy"),
    (SYSTEMS, "amazon-linux-2023", "al2023 AL2023 amazonlinux2023 amzn2023"),
    (SYSTEMS, "amazon-linux-2", "al2 amzn2 amazonlinux2"),
    (ARCHITECTURES, "x86_64", "amd64 AMD64 x64 x86 x86-64 intel i386"),
    (ARCHITECTURES, "arm64", "aarch64 graviton arm ARM64 armv8"),
    (AMI_TYPES, "pytorch", "torch PyTorch pytroch pytorch2"),
    (AMI_TYPES, "tensorflow", "tf tensor TensorFlow tensorflow2"),
    (AMI_TYPES, "multi-framework", "multi multiframework multi_framework"),
    (SERVICES, "postgres", "postgresql pg Postgres"),
    (SERVICES, "crawl4ai", "crawler crawl crawl4"),
    (SERVICES, "ollama", "olama"),
    (KEYS, "instanceType", "instance_type instancetype instanceTyep"),
    (KEYS, "allowedCidrs", "allowedCidr allowed_cidr"),
    (KEYS, "ollamaModels", "model ollamaModel"),
    (KEYS, "kmsKeyArn", "kmsKey"),
    (KEYS, "workers", "worker Worker"),
    (KEYS, "services", "service"),
    (regions.known(), "us-east-1", "us-esat-1 useast1 us-east1"),
    (regions.known(), "eu-west-1", "eu-west1 EU-WEST-1"),
]

UNKNOWN = [
    (SYSTEMS, "ubuntu ubuntu-23.04 ubuntu-18.04 amazon-linux debian-12 rhel9 windows"),
    (ARCHITECTURES, "riscv 64bit sparc"),
    (AMI_TYPES, "cuda gpu neuron default jax"),
    (SERVICES, "caddy redis openwebui"),
    (KEYS, "stack_name deployment_name ami vpc type volumeSize key_name tier enable_https"),
    (regions.known(), "us-west-3 eu-central us-east frankfurt"),
]


@pytest.mark.parametrize(
    ("known", "word", "meant"),
    [(known, word, meant) for known, meant, words in MEANT for word in words.split()],
)
def test_a_usual_spelling_is_understood(known: tuple[str, ...], word: str, meant: str) -> None:
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("known", "word"), [(known, word) for known, words in UNKNOWN for word in words.split()]
)
def test_a_word_that_may_mean_two_things_or_none_gets_no_guess(
    known: tuple[str, ...], word: str
) -> None:
    assert nearest(word, known) is None


def test_each_other_name_is_of_a_known_word() -> None:
    assert set(_ALIASES.values()) <= {*SYSTEMS, *ARCHITECTURES, *AMI_TYPES, *SERVICES}
