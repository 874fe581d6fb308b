"""`python -m geusemaker.simulator`: run the simulated account in the foreground."""

import argparse
import logging
import os
import sys
from pathlib import Path

ACCOUNT = "000000000000"


def main() -> None:
    """Parse the arguments, settle what moto reads at import, serve."""
    parser = argparse.ArgumentParser(prog="python -m geusemaker.simulator", description=__doc__)
    parser.add_argument("--state-file", type=Path, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--log-file", type=Path)
    options = parser.parse_args()
    logging.basicConfig(
        filename=options.log_file,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # moto reads these while it is imported: a number that no real account has, and no
    # images but the recorded ones.
    os.environ.update(
        MOTO_ACCOUNT_ID=ACCOUNT,
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
        MOTO_DISABLE_GLOBAL_CORS="true",
        # What the local environment sets too, and the provider falls back to without aws:region.
        AWS_REGION=options.region,
        # boto3 must not look for anybody's files, and never leave this machine.
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
    )
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy"):
        os.environ.pop(name, None)
    # Some of moto's services start containers by Docker's SDK. They are not served, and without the
    # SDK no code here can.
    sys.modules["docker"] = None  # type: ignore[assignment]
    from .process import serve

    serve(options.state_file, options.region)


if __name__ == "__main__":
    main()
