"""All errors that GeuseMaker raises for its users.

    GeuseMakerError            base class; commands print the message without a traceback
    ├── ConfigError            an invalid value in the stack's config or in a config file
    │   └── BundleError        services, images or limits that cannot form a settings bundle
    ├── ImageError             no image for the request (a RuntimeError too)
    │   ├── RequestError       an invalid value in the request for an image (a ConfigError too)
    │   ├── NeverMadeError     AWS never released an image for the combination
    │   ├── NoImageError       the catalogue has an image, but AWS shows none in the Region
    │   └── PinError           the pinned image is missing or contradicts other keys
    ├── AwsError               an AWS call failed (a RuntimeError too); has AWS's error code
    │   ├── CredentialsError   no credentials, or invalid or expired ones
    │   ├── NotAllowedError    the caller lacks a permission
    │   ├── RegionError        the Region is unknown, or not enabled in the account
    │   ├── EndpointError      no answer: no network, a proxy or firewall, or no such Region
    │   └── ThrottledError     too many requests, after several retries
    ├── HostError              the host does not exist, run or answer (a RuntimeError too)
    ├── CatalogueError         the catalogue of images is invalid
    ├── NetworkError           an existing VPC, its subnets or the zones are unsuitable
    ├── UserDataError          the rendered boot script is unusable
    ├── EngineError            no Pulumi CLI could be found, installed or built
    ├── PulumiError            a run of the Pulumi CLI failed
    └── LocalError             the simulated account or its environment failed

Each message is one paragraph: the fault, the value, the reason, and the command that fixes it.
In components, and in `DeploymentConfig.from_pulumi`, each error is a `pulumi.RunError` too: see
`run_errors`.
"""


class GeuseMakerError(Exception):
    """Base class of all errors."""


class ConfigError(GeuseMakerError):
    """A config value is invalid."""


class BundleError(ConfigError):
    """The services, images or limits cannot form a settings bundle."""


class ImageError(GeuseMakerError, RuntimeError):
    """No image matches the request."""


class RequestError(ConfigError, ImageError):
    """The request for an image has an invalid value, or two that contradict each other."""


WishError = RequestError  # its former name, which scripts with `EC2Service` may catch


class NeverMadeError(ImageError):
    """AWS never released an image for the OS, architecture, type and version."""


class NoImageError(ImageError):
    """The catalogue has the image line, but AWS shows no image of it in the Region."""


class PinError(ImageError):
    """The image of `amiId` or `amiName` is missing or contradicts other keys.

    Attributes:
        fault: The message without its subject and fixes.
        other_fix: A fix that keeps the image; empty if there is none.
    """

    def __init__(self, fault: str, *, key: str = "", other_fix: str = "") -> None:
        """With `key`, the key of the pin, the message offers to drop the pin."""
        self.fault = fault
        self.other_fix = other_fix
        if key:
            instead = other_fix or (
                "pin an available one: `geusemaker ami list --json` shows their ids and names"
            )
            fault = f"{key}{fault} Drop the pin: `pulumi config rm {key}`; or {instead}."
        super().__init__(fault)


class AwsError(GeuseMakerError, RuntimeError):
    """An AWS call failed.

    Attributes:
        code: AWS's error code, such as "UnauthorizedOperation", or the class of botocore's error.
        region: Name of the Region that was called.
        operation: Name of the API operation, such as "DescribeImages".
    """

    def __init__(self, message: str, *, code: str, region: str, operation: str) -> None:
        super().__init__(message)
        self.code = code
        self.region = region
        self.operation = operation


class CredentialsError(AwsError):
    """There are no credentials, or they are invalid or expired."""


class NotAllowedError(AwsError):
    """The caller lacks a permission, or a policy denies the call."""


class RegionError(AwsError):
    """The Region is unknown, or not enabled in the account."""


class EndpointError(AwsError):
    """AWS does not answer: no network, a proxy or firewall, or no such Region."""


class ThrottledError(AwsError):
    """AWS rejects the call as too many requests, after several retries."""


class HostError(GeuseMakerError, RuntimeError):
    """The stack's host does not exist, is not running, or does not answer."""


class CatalogueError(GeuseMakerError):
    """`catalogue.toml` is invalid; the message names file, line and field."""


class PriceError(GeuseMakerError):
    """`prices.toml` is invalid; the message names file, line and field."""


class NetworkError(GeuseMakerError):
    """The VPC, subnets or zones are unsuitable for the stack."""


class UserDataError(GeuseMakerError):
    """The boot script cannot be rendered, or EC2 does not accept its size."""


class EngineError(GeuseMakerError):
    """No usable Pulumi CLI could be found, installed or built."""


class PulumiError(GeuseMakerError):
    """A run of the Pulumi CLI failed; the message is its output or the program's error."""


class LocalError(GeuseMakerError):
    """An operation of the simulated account or the local environment failed."""


def one_line(error: Exception) -> str:
    """The message on a single line: AWS sends line breaks, also escaped as `\\n`."""
    return " ".join(str(error).replace("\\n", " ").replace("\\t", " ").split())
