# shellcheck shell=bash
# What the stand-ins share. $WORLD holds what the pretended machine is like.
WORLD=/world
# Theirs are all tools of the machine; the program has only those that it is given.
# shellcheck disable=SC2034
PATH_OF_THE_HOST=$PATH
PATH=/real/bin:$PATH
# Users of containers call some of them too.
(umask 0 && printf '%s\n' "${0##*/} $*" >>"$WORLD/calls")

# late NAME: true, and one less, while the number in $WORLD/late/NAME is above zero.
late() {
  local file=$WORLD/late/$1 left
  if [[ ! -e $file ]]; then
    return 1
  fi
  exec 7>>"$WORLD/late.lock"
  flock 7  # pulls run side by side
  read -r left <"$file"
  if ((left == 0)); then
    exec 7>&-
    return 1
  fi
  echo $((left - 1)) >"$file"
  exec 7>&-
}

# gate NAME: waits until the test, which has made a pipe of that name, has opened and closed it.
gate() {
  if [[ -p $WORLD/gates/$1 ]]; then
    cat "$WORLD/gates/$1" >/dev/null
  fi
}

is_mounted() {
  grep -qsxF -e "$1" "$WORLD/mounted"
}

# bring PACKAGE: what installing it leaves behind.
bring() {
  case $1 in
    amazon-efs-utils*) printf '#!/bin/bash\n' >/usr/sbin/mount.efs && chmod 755 /usr/sbin/mount.efs ;;
    awscli | awscli-2 | aws-cli)
      if [[ ! -e $WORLD/no-awscli ]]; then
        ln -sf /stand_ins/aws /usr/bin/aws
      fi
      ;;
  esac
}

# The argument a command line ends with: the device or the path, for all that use this.
# shellcheck disable=SC2034
last=${*: -1}
