"""Everything that GeuseMaker raises for a user to read.

    GeuseMakerError            printed as one bare paragraph, never with a traceback
    ├── ConfigError            a value in the stack's config or in a config file
    │   └── BundleError        services, their images and limits do not make a settings bundle
    ├── ImageError             a question about images that has no answer (a RuntimeError too)
    │   ├── RequestError          a value of the question is none (a ConfigError too)
    │   ├── NeverMadeError     AWS never released an image for that combination
    │   ├── NoImageError       AWS should have one, but the account's Region does not show it
    │   └── PinError           the pinned image is missing or does not fit the other keys
    ├── AwsError               a call of AWS has failed (a RuntimeError too), with AWS's code
    │   ├── CredentialsError   no credentials, or none that AWS accepts now
    │   ├── NotAllowedError    the caller lacks a permission
    │   ├── RegionError        the Region is none, or not enabled in the account
    │   ├── EndpointError      no answer: no network, a proxy between, or no such Region
    │   └── ThrottledError     too many requests, still so after several tries
    ├── HostError              the running host cannot do as asked (a RuntimeError too)
    ├── CatalogueError         the shipped table of images is broken
    ├── NetworkError           an adopted VPC, its subnets or the zones do not fit
    ├── UserDataError          the rendered boot script cannot be used
    ├── EngineError            no Pulumi CLI could be found, installed or built
    ├── PulumiError            a run of the Pulumi CLI has failed
    └── LocalError             the simulated account or its environment cannot do as asked

Each message is one paragraph: what is wrong, the value, why, and the command that fixes it.
In a Pulumi program each is a `pulumi.RunError` as well: see `run_errors`.
"""


class GeuseMakerError(Exception):
    """Base of all."""


class ConfigError(GeuseMakerError):
    """A config value that cannot be used."""


class BundleError(ConfigError):
    """The chosen services, images or limits cannot be made into a settings bundle."""


class ImageError(GeuseMakerError, RuntimeError):
    """No image answers the question that was asked."""


class RequestError(ConfigError, ImageError):
    """A question about images has a value that is none, or two that do not fit together."""


class NeverMadeError(ImageError):
    """AWS never released an image for this OS, architecture, type or version."""


class NoImageError(ImageError):
    """The catalogue names an image line, but AWS shows no image of it here."""


class PinError(ImageError):
    """`amiId` or `amiName` names an image that is missing or contradicts the other keys."""


class AwsError(GeuseMakerError, RuntimeError):
    """A call of AWS has failed.

    Attributes:
        code: AWS's code, such as "UnauthorizedOperation", or the name of botocore's exception.
        region: Name of the Region that was asked.
        operation: What was asked, as AWS names it: "DescribeImages".
    """

    def __init__(self, message: str, *, code: str, region: str, operation: str) -> None:
        super().__init__(message)
        self.code = code
        self.region = region
        self.operation = operation


class CredentialsError(AwsError):
    """There are no credentials, or none that AWS accepts now."""


class NotAllowedError(AwsError):
    """The caller lacks a permission, or a policy denies it."""


class RegionError(AwsError):
    """The Region is none, or is not enabled in the account."""


class EndpointError(AwsError):
    """AWS does not answer: no network, something between, or no such Region."""


class ThrottledError(AwsError):
    """AWS refuses requests for being too many, after several tries too."""


class HostError(GeuseMakerError, RuntimeError):
    """The stack's host is not there, not running, or does not answer."""


class CatalogueError(GeuseMakerError):
    """`catalogue.toml` is broken; the message names file, line and field."""


class NetworkError(GeuseMakerError):
    """The VPC, subnets or zones cannot carry the stack."""


class UserDataError(GeuseMakerError):
    """The boot script cannot be rendered, or does not fit what EC2 accepts."""


class EngineError(GeuseMakerError):
    """No usable Pulumi CLI, and no way to get one."""


class PulumiError(GeuseMakerError):
    """A run of the Pulumi CLI has failed; the message is what it, or the program in it, said."""


class LocalError(GeuseMakerError):
    """The simulated account or the local environment cannot do what was asked."""


def one_line(error: Exception) -> str:
    """What AWS said, fit for a paragraph: it comes with line breaks and bullets, also as `\\n`."""
    return " ".join(str(error).replace("\\n", " ").replace("\\t", " ").split())
