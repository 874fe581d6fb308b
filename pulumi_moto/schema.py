"""What `pulumi_aws` declares: the names and types that the real provider takes.

The simulator refuses what is not declared, so that a typing error in the program fails here
and not on the first day in a real account. Source of every fact: the installed `pulumi_aws`.
"""

import collections.abc
import functools
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws
from pulumi import _types as pulumi_types

from .wire import Unknown

_PACKAGES: Final = (
    *("autoscaling", "backup", "cloudwatch", "ebs", "ec2", "efs", "iam", "kms", "route53", "s3"),
    *("ssm", "vpc"),
)

# `pulumi_aws` gives every argument of an invoke a default, also those that the provider needs.
_REQUIRED_ARGUMENTS: Final = {
    "aws:ec2/getInstanceType:getInstanceType": frozenset({"instanceType"}),
    "aws:kms/getKey:getKey": frozenset({"keyId"}),
}


@dataclass(frozen=True)
class Problem:
    """One property that cannot be sent: its path in Pulumi's form, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Shape:
    """Declared properties of a resource, a nested object or an invoke, by their wire names."""

    types: Mapping[str, Any]
    required: frozenset[str]
    outputs: frozenset[str] = frozenset()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    """`vpc_security_group_ids` as Pulumi writes it: `vpcSecurityGroupIds`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in rest)


def _module_of(token: str) -> tuple[str, str]:
    """`aws:ec2/eipAssociation:EipAssociation` -> (`pulumi_aws.ec2.eip_association`, its name)."""
    match = re.fullmatch(r"aws:([\w-]+)/(\w+):(\w+)", token)
    if match is None:
        raise LookupError(token)
    package, module, name = match.groups()
    folder = "" if package == "index" else f".{package}"
    return f"pulumi_aws{folder}.{_snake(module)}", name


def _required(cls: type, names: Mapping[str, str]) -> frozenset[str]:
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    return frozenset(
        names[name]
        for name, parameter in parameters.items()
        if name in names and parameter.default is inspect.Parameter.empty
    )


@functools.cache
def _packages() -> None:
    """Load the packages of `pulumi_aws` whole, once.

    They load when they are first looked into; one of whose modules was imported before that never
    gets its names, and two threads at once leave it half loaded (seen on Python 3.11).
    """
    for package in _PACKAGES:
        _ = getattr(pulumi_aws, package).outputs  # a dunder name would not load it


def preload() -> None:
    """Load all that is checked against, before there are threads."""
    _packages()


@functools.cache
def object_shape(cls: type) -> Shape:
    """Shape of one `…Args` class of `pulumi_aws`."""
    names = pulumi_types.input_type_py_to_pulumi_names(cls)
    return Shape(pulumi_types.input_type_types(cls), _required(cls, names))


@functools.cache
def resource_shape(token: str) -> Shape:
    """Shape of a resource type. `LookupError` when `pulumi_aws` has no such type."""
    module_name, name = _module_of(token)
    try:
        _packages()
        module = importlib.import_module(module_name)
        # Where a nested object has the name already, the resource's own is called otherwise.
        own = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
        inputs = object_shape(own)
    except (ImportError, AttributeError) as missing:
        raise LookupError(token) from missing
    state = object_shape(getattr(module, f"_{name}State"))
    return Shape(inputs.types, inputs.required, frozenset(state.types) | {"id"})


@functools.cache
def invoke_shape(token: str) -> Shape:
    """Shape of an invoke's arguments and answer. `LookupError` when there is no such invoke."""
    module_name, name = _module_of(token)
    try:
        _packages()
        module = importlib.import_module(module_name)
        function = getattr(module, _snake(name))
        result = getattr(module, f"{name[0].upper()}{name[1:]}Result")
    except (ImportError, AttributeError) as missing:
        raise LookupError(token) from missing
    hints = typing.get_type_hints(function)
    types_ = {camel(key): kind for key, kind in hints.items() if key not in ("opts", "return")}
    required = _REQUIRED_ARGUMENTS.get(token, frozenset())
    outputs = inspect.signature(result.__init__).parameters
    return Shape(types_, required, frozenset(camel(key) for key in outputs if key != "self"))


def problems(shape: Shape, values: Mapping[str, Any], prefix: str = "") -> Iterator[Problem]:
    """Undeclared, missing and ill-typed properties of `values`; unknown values pass."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if key not in shape.types:
            yield Problem(path, "the aws provider declares no such property")
        elif value is not None:
            yield from _mismatch(shape.types[key], value, path)
    for key in sorted(shape.required):
        if values.get(key) is None:
            yield Problem(f"{prefix}{key}", "a required property is missing")


def _mismatch(declared: Any, value: Any, path: str) -> Iterator[Problem]:
    origin = typing.get_origin(declared)
    if isinstance(value, Unknown) or declared in (object, Any):
        return
    if origin in (typing.Union, types.UnionType):
        candidates = [a for a in typing.get_args(declared) if _is_plain(a)]
        answers = [list(_mismatch(candidate, value, path)) for candidate in candidates]
        if all(answers):
            yield from min(answers, key=len)
    elif origin in (list, collections.abc.Sequence):
        if not isinstance(value, list):
            yield Problem(path, f"a list is expected, not {_named(value)}")
            return
        for index, item in enumerate(value):
            yield from _mismatch(typing.get_args(declared)[0], item, f"{path}[{index}]")
    elif origin in (dict, collections.abc.Mapping):
        if not isinstance(value, Mapping):
            yield Problem(path, f"a map is expected, not {_named(value)}")
            return
        for key, item in value.items():
            yield from _mismatch(typing.get_args(declared)[1], item, f"{path}.{key}")
    elif isinstance(declared, type) and pulumi_types.is_input_type(declared):
        if not isinstance(value, Mapping):
            yield Problem(path, f"an object is expected, not {_named(value)}")
            return
        yield from problems(object_shape(declared), value, f"{path}.")
    elif declared in (str, bool, int, float):
        # bool is an int in Python, and the wire has only one kind of number.
        fits = isinstance(value, declared) and not (declared is int and isinstance(value, bool))
        if not (fits or (declared is float and isinstance(value, int))):
            yield Problem(path, f"a {declared.__name__} is expected, not {_named(value)}")


def _is_plain(candidate: Any) -> bool:
    """Whether a member of an `Input[...]` union is the value itself, not one of its wrappings."""
    origin = typing.get_origin(candidate) or candidate
    return not (
        candidate is type(None)
        or isinstance(candidate, typing.ForwardRef)
        or typing.is_typeddict(candidate)
        or (isinstance(candidate, type) and pulumi_types.is_output_type(candidate))
        or origin in (collections.abc.Awaitable, pulumi.Output)
    )


def _named(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"
