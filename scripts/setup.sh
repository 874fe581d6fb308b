#!/bin/sh
# Makes or repairs .venv for `make`: `scripts/setup.sh run`, `local` or `dev`.
# Finds a Python that works (a pyenv shim may exist and fail). scripts/setup_venv.py does the rest:
# it takes a lock, which no shell of macOS can.
set -eu
CDPATH= cd -- "$(dirname -- "$0")/.."
unset PYTHONPATH PYTHONHOME

works='import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

# The environment is complete: its own Python checks that.
if [ -x .venv/bin/python ] && .venv/bin/python -I scripts/setup_venv.py "$1" --check 2>/dev/null; then
    exit 0
fi

for python in python3.14 python3.13 python3.12 python3.11 python3; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -I -c "$works" >/dev/null 2>&1; then
        exec "$python" -I scripts/setup_venv.py "$1"
    fi
done

echo "No Python 3.11 to 3.14 with venv and ensurepip works on this machine (tried python3.14," \
    "python3.13, python3.12, python3.11 and python3 on PATH): install one, on Debian 12," \
    "Ubuntu 24.04 and newer the packages python3 and python3-venv, on macOS with Homebrew" \
    "python@3.14, or choose one with pyenv (pyenv global 3.13), then run make again." >&2
exit 1
