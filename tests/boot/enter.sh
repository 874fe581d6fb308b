#!/bin/sh
# enter.sh ROOT STAND_INS PROGRAMS COMMAND...: runs COMMAND as root of a throw-away system, in
# namespaces that the caller has just made (unshare). What it sees of this machine is the read-only
# /usr/bin, /usr/sbin and /usr/lib, and the folders in PROGRAMS, with colons between them; it may
# neither mount nor make devices nor talk to a network.
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

# pivot_root rather than chroot: afterwards there is no way back to be taken.
mkdir -p "$root/real/machine"
cd "$root"
pivot_root . real/machine
PATH=/real/bin:/real/sbin
chroot /real/machine /usr/bin/umount -l /
exec setpriv --no-new-privs --inh-caps=-all \
  --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid \
  env -i "$@"
