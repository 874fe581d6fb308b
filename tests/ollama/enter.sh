#!/bin/sh
# enter.sh ROOT OLLAMA UID MOUNTS COMMAND...: runs COMMAND as that user on a read-only root with the mounts in
# MOUNTS, one on each line: "bind SOURCE TARGET" or "tmpfs OPTIONS TARGET". Needs a mount namespace (unshare).
set -eu
root=$1 ollama=$2 uid=$3 mounts=$4
shift 4
mount --bind "$root" "$root"
for folder in usr proc; do
  mkdir -p "$root/$folder"
  mount --rbind "/$folder" "$root/$folder"
done
mount -o remount,bind,ro "$root/usr"
mkdir -p "$root/dev" "$root/opt" "$root/etc"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
for device in null zero urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
: >"$root/opt/ollama"
mount --bind "$ollama" "$root/opt/ollama"
while read -r kind what target; do
  mkdir -p "$root$target"
done <"$mounts"
mount -o remount,bind,ro "$root"
while read -r kind what target; do
  case $kind in
    bind) mount --rbind "$what" "$root$target" ;;
    tmpfs) mount -t tmpfs -o "$what" tmpfs "$root$target" ;;
  esac
done <"$mounts"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid="$uid" --regid="$uid" --clear-groups \
  --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
