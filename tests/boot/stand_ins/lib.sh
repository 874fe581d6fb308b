# shellcheck shell=bash
# Shared by the stand-ins. $WORLD holds the state of the simulated host.
WORLD=/world
# Stand-ins use all tools of this machine; the host has only the listed ones.
# shellcheck disable=SC2034
PATH_OF_THE_HOST=$PATH
PATH=/real/bin:$PATH
printf '%s\n' "${0##*/} $*" >>"$WORLD/calls"

# late NAME: true, and one less, while the number in $WORLD/late/NAME is above zero.
late() {
  local file=$WORLD/late/$1 left
  if [[ ! -e $file ]]; then
    return 1
  fi
  exec 7>>"$WORLD/late.lock"
  flock 7  # pulls run in parallel
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

# has_line FILE LINE...: whether the file of $WORLD has one of these lines.
has_line() {
  local line one
  [[ -e $WORLD/$1 ]] || return 1
  while IFS= read -r line; do
    for one in "${@:2}"; do
      [[ $line != "$one" ]] || return 0
    done
  done <"$WORLD/$1"
  return 1
}

is_mounted() {
  has_line mounted "$1"
}

# bring PACKAGE: the effect of its installation.
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

# The last argument: the device or the path.
# shellcheck disable=SC2034
last=${*: -1}
