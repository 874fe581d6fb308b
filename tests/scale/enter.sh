#!/bin/sh
# enter.sh ROOT USER:GROUP|host MOUNTS COMMAND...: runs COMMAND as in a container, or as root of the host. The system's programs, a read-only
# root, and the mounts in MOUNTS, one on each line: "bind SOURCE TARGET", "ro SOURCE TARGET" or "tmpfs OPTIONS
# TARGET". Needs a mount namespace (unshare).
set -eu
root=$1 uid=${2%:*} gid=${2#*:} mounts=$3
shift 3
umask 022
mount -t tmpfs -o mode=0755 tmpfs "$root"
cp -P /bin /sbin /lib* "$root"
for folder in usr proc dev; do
  mkdir "$root/$folder"
  mount --rbind "/$folder" "$root/$folder"
done
mkdir "$root/etc"
cp /etc/ld.so.cache "$root/etc"
cp -R -P /etc/alternatives "$root/etc" # iptables is one of them
printf '%s:x:%s:%s::/:/bin/sh\n' root 0 0 user "$uid" "$gid" >"$root/etc/passwd"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
# A name that the zone does not have is refused at once.
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
while read -r kind what target; do
  case $kind in
    tmpfs)
      mkdir -p "$root$target"
      mount -t tmpfs -o "$what" tmpfs "$root$target"
      ;;
    *)
      if [ -d "$what" ]; then
        mkdir -p "$root$target"
      elif [ ! -e "$root$target" ]; then
        mkdir -p "$root${target%/*}"
        : >"$root$target"
      fi
      mount --bind "$what" "$root$target"
      [ "$kind" = bind ] || mount -o remount,bind,ro "$root$target"
      ;;
  esac
done <"$mounts"
mount -o remount,ro "$root"
[ "$uid" != host ] || exec /usr/sbin/chroot "$root" "$@"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid="$uid" --regid="$gid" --clear-groups \
  --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
