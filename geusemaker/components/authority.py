"""The certificate by which workers recognise the host of their stack.

An authority of the stack's own signs one certificate, and its key is dropped at once: nothing can
be signed by it later. Both are kept in the stack, so another host has the same certificate.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from geusemaker.bundle.queue import AUTHORITY, CERTIFICATE, KEY
from geusemaker.components.kept import keep_secret

VALID: Final = timedelta(days=3650)
_NAME: Final = "GeuseMaker workers"
_BREAK: Final = "|"
"""Stands for a line break: the parameters of secrets have one line for each value."""

_USAGES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def head_name(stack_id: str) -> str:
    """The name of the host of a stack in its private zone."""
    return f"head.{zone_name(stack_id)}"


def zone_name(stack_id: str) -> str:
    """The private zone of a stack. ICANN keeps `.internal` for private networks."""
    return f"{stack_id}.geusemaker.internal"


def make_authority(names: Sequence[str], today: date) -> dict[str, str]:
    """A new authority, and a certificate with its key for a server of these names.

    The values are PEM texts in one line. Each call makes other keys.
    """
    since = datetime.combine(today - timedelta(days=1), time(), UTC)
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    identity = x509.SubjectKeyIdentifier.from_public_key(root.public_key())

    def signed(
        subject: str, key: ec.EllipticCurvePrivateKey, *more: tuple[x509.ExtensionType, bool]
    ) -> str:
        certificate = x509.CertificateBuilder(
            issuer_name=_named(_NAME),
            subject_name=_named(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=since,
            not_valid_after=since + VALID,
        )
        for extension, is_critical in more:
            certificate = certificate.add_extension(extension, is_critical)
        return _line(certificate.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))

    return {
        AUTHORITY: signed(
            _NAME,
            root,
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_usage("key_cert_sign"), True),
            (identity, False),
        ),
        CERTIFICATE: signed(
            names[0],
            own,
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identity), False),
        ),
        KEY: _line(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
    }


def ends_on(certificate: str) -> date:
    """The last day of a certificate that `make_authority` has returned."""
    text = certificate.replace(_BREAK, "\n").encode()
    return x509.load_pem_x509_certificate(text).not_valid_after_utc.date()


def keep_authority(
    name: str, stack_id: pulumi.Input[str], parent: pulumi.Resource, today: date
) -> pulumi.Output[Mapping[str, str]]:
    """The authority of the stack: of its first deployment with workers."""

    def made(known: str) -> Any:
        # By these names the containers of the host, and workflows, reach both services.
        names = [head_name(known), f"postgres.{zone_name(known)}", "postgres", "valkey"]
        return make_authority(names, today)

    return keep_secret(name, pulumi.Output.from_input(stack_id).apply(made), parent)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(one: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage == one for usage in _USAGES})


def _line(pem: bytes) -> str:
    return pem.decode().strip().replace("\n", _BREAK)
