"""Selects the AWS Deep Learning AMI to boot: the table of lines, the pure selection, the look-up.

`lookup` is not re-exported: it imports `pulumi_aws`, which takes seconds that `geusemaker ami list`
does not need.
"""

from geusemaker.dlami.catalogue import Catalogue, Line, Version, load_catalogue
from geusemaker.dlami.naming import Recognised, looks_like_dlami, recognise
from geusemaker.dlami.rows import AMI_TYPES, ARCHITECTURES, FRAMEWORKS, System
from geusemaker.dlami.selection import Candidate, ImageQuery, select, select_around_pin

__all__ = [
    "AMI_TYPES",
    "ARCHITECTURES",
    "FRAMEWORKS",
    "Candidate",
    "Catalogue",
    "ImageQuery",
    "Line",
    "Recognised",
    "System",
    "Version",
    "load_catalogue",
    "looks_like_dlami",
    "recognise",
    "select",
    "select_around_pin",
]
