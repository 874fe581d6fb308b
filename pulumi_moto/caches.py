"""Keeps what botocore reads for each session again, and moto computes for each call again.

Without it each service of the account would search all of botocore's data, and each call inspect
the class that answers it: a fifth of the CPU time of a process that uses the account once.
"""

import functools

import botocore.session
import moto.core.responses
import moto.core.utils

for _module, _name in (
    (botocore.session, "create_loader"),
    (moto.core.utils, "create_loader"),
    (moto.core.responses, "method_names_from_class"),
):
    setattr(_module, _name, functools.cache(getattr(_module, _name)))
