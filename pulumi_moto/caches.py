"""Keeps what botocore reads for each session again, and moto computes for each call again.

Without it each service of the account would search all of botocore's data, and each call inspect
the class that answers it: a fifth of the CPU time of a process that uses the account once.
"""

import functools
from typing import Any

import botocore.session
import moto.core.responses
import moto.core.utils

_method_names: Any = moto.core.responses.method_names_from_class


@functools.cache
def _names(class_: type, attributes: int) -> list[str]:  # a part of the key
    found: list[str] = _method_names(class_)
    return found


def method_names(class_: type) -> list[str]:
    """The methods of a class, computed again once it has another number of attributes.

    A simulator may add the calls that moto lacks to a class that has answered already.
    """
    return _names(class_, sum(len(vars(one)) for one in class_.__mro__))


moto.core.responses.method_names_from_class = method_names
for _module, _name in ((botocore.session, "create_loader"), (moto.core.utils, "create_loader")):
    setattr(_module, _name, functools.cache(getattr(_module, _name)))
