# shellcheck shell=bash
# What the stand-ins share. $WORLD holds what the pretended machine is like; $ROOT is its "/".
printf '%s\n' "${0##*/} $*" >>"$WORLD/calls"

# late NAME: true, and one less, while the number in $WORLD/late/NAME is above zero.
late() {
  local file=$WORLD/late/$1 left
  if [[ ! -e $file ]]; then
    return 1
  fi
  read -r left <"$file"
  if ((left == 0)); then
    return 1
  fi
  echo $((left - 1)) >"$file"
}

is_mounted() {
  grep -qsxF -e "$1" "$WORLD/mounted"
}

bring_mount_helper() {
  printf '#!/bin/bash\n' >"$BIN/mount.efs"
  chmod 755 "$BIN/mount.efs"
}

# The argument a command line ends with: the device or the path, for all that use this.
# shellcheck disable=SC2034
last=${*: -1}
