"""`python -m geusemaker.simulator`: runs the simulated account in the foreground."""

import argparse
import gc
import logging
import os
import sys
from pathlib import Path

ACCOUNT = "000000000000"


def main() -> None:
    """Parses the arguments, sets the variables that moto reads at import, and serves."""
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
    # moto reads these at import: an account number that no real account has, and no images
    # except the recorded ones.
    os.environ.update(
        MOTO_ACCOUNT_ID=ACCOUNT,
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
        MOTO_DISABLE_GLOBAL_CORS="true",
        # Keeps boto3 from reading the user's files and from leaving this machine.
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
    )
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy"):
        os.environ.pop(name, None)
    # Some of moto's services start containers with Docker's SDK. They are not served; without the
    # SDK they cannot start any.
    sys.modules["docker"] = None  # type: ignore[assignment]
    gc.disable()  # imports and seed create 600,000 objects that live on
    from .process import serve

    serve(options.state_file, options.region)


if __name__ == "__main__":
    main()
