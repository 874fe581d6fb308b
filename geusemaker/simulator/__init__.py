"""The simulated AWS account. Its packages are the extra `local`; real AWS needs none of them."""

from importlib.util import find_spec

_missing = [name for name in ("moto", "flask", "flask_cors") if find_spec(name) is None]
if _missing:
    raise ModuleNotFoundError(
        f"The simulated account needs {', '.join(_missing)}, which this Python does not have: these"
        " packages are not installed for deployments to AWS. Run `make setup-local` in the clone,"
        " or install the package with its extra, geusemaker[local], then run the command again.",
        name=_missing[0],
    )
