#!/bin/sh
# Installs the Debian or Ubuntu packages that the tests need and this machine lacks. Prints nothing if
# all are installed. On other systems the tests that need them are left out; it says so. With `scale` as an
# argument, those of tests/scale too.
set -eu

if [ "$(uname -s)" != Linux ]; then
    echo 'The boot tests are left out: they run the boot script in namespaces of Linux.'
    exit 0
fi

missing=
# need PACKAGE COMMAND: a command that only root has on PATH counts too.
need() {
    PATH="$PATH:/usr/sbin:/sbin" command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
}
need shellcheck shellcheck
need mawk mawk
need gawk gawk
need gpg gpg
need systemd systemd-analyze
need util-linux setpriv
need util-linux unshare
need e2fsprogs mkfs.ext4
need iproute2 ip
need iptables iptables
need logrotate logrotate
if [ "${1-}" = scale ] && ! command -v valkey-server >/dev/null 2>&1; then
    need redis-server redis-server
fi
# Any Chromium will do, also one that Playwright has installed.
browser=$(ls -d "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-* 2>/dev/null || true)
for name in chromium-browser google-chrome google-chrome-stable; do
    browser=$browser$(command -v "$name" || true)
done
[ -n "$browser" ] || need chromium chromium
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"

if [ -z "$missing" ]; then
    exit 0
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    sudo='sudo -n'
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # several words, or none
if ! { command -v apt-get >/dev/null && $sudo apt-get -qq update &&
    $sudo apt-get -qq install -y --no-install-recommends $missing >/dev/null; }; then
    echo "The tests need these packages, and apt-get could not install them:$missing" >&2
    exit 1
fi
