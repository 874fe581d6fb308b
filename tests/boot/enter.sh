#!/bin/sh
# enter.sh ROOT STAND_INS PROGRAMS COMMAND...: runs COMMAND as root of a temporary system, in
# namespaces that the caller has made (unshare). Of this machine it sees /usr/bin, /usr/sbin, /usr/lib
# and the folders in PROGRAMS, separated by colons, all read-only. It cannot mount, make devices or
# use a network.
set -eu
root=$1 stand_ins=$2 programs=$3
shift 3
trap "echo enter.sh failed >&2" EXIT

show() {
  mkdir -p "$2"
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

mount --bind "$root" "$root"
show /usr/bin "$root/real/bin"
show /usr/sbin "$root/real/sbin"
show /usr/lib "$root/usr/lib"
if [ -d /usr/lib64 ]; then
  show /usr/lib64 "$root/usr/lib64"
fi
show "$stand_ins" "$root/stand_ins"
number=0
IFS=:
for folder in $programs; do
  show "$folder" "$root/real/programs$number"
  number=$((number + 1))
done
unset IFS
for device in null zero; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done

# pivot_root, not chroot: a process cannot leave the new root.
mkdir -p "$root/real/machine"
cd "$root"
pivot_root . real/machine
PATH=/real/bin:/real/sbin
chroot /real/machine /usr/bin/umount -l /
exec setpriv --no-new-privs --inh-caps=-all \
  --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid \
  env -i "$@"
