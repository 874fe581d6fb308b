# A type with an instance store keeps copies of the models there: loading from it is many times
# faster than from the data volume. It is lost at each stop, so nothing is there alone. Ollama's
# blobs never change: each one that has a copy stays on the volume by a second name, in ollama-kept,
# while a link to the copy takes the first. Ollama thus reads the copy, deletes what it wants to, and
# writes what is new to the volume.
#
# Whoever breaks into Ollama can put anything into its folders, and into that of the copies. So root
# does nothing in them while Ollama runs: what is done there is done as Ollama's own user, which
# cannot open more than Ollama can.

# Prints an instance store's disk that has nothing on it and that nobody uses.
blank_instance_store() {
  local model disk device
  for model in /sys/block/nvme*/device/model; do
    disk=${model%/device/model}
    device=/dev/${disk##*/}
    if grep -qs '^Amazon EC2 NVMe Instance Storage *$' "$model" && ! compgen -G "$disk/holders/*" >/dev/null &&
      ! compgen -G "$disk/${disk##*/}p*" >/dev/null && is_blank_or_ours "$device"; then
      echo "$device"
      return 0
    fi
  done
  return 1
}

# Ours is from before a reboot, which an instance store survives: its copies are made anew.
is_blank_or_ours() {
  local signatures status=0
  if [[ $(blkid -p -s LABEL -o value "$1") == geusemaker-cache ]]; then
    return 0
  fi
  blkid -p -s TYPE -o value "$1" >/dev/null || status=$?
  ((status == 2)) && signatures=$(wipefs --no-act "$1") && [[ -z $signatures ]]
}

may_cache_models() {
  manifest service | grep -xF ollama >/dev/null && {
    mountpoint -q "$LIB/model-cache/disk" || mountpoint -q /opt/dlami/nvme ||
      mountpoint -q "$LIB/instance-store" || blank_instance_store >/dev/null
  }
}

# Ubuntu's images join the disks of the instance store and mount them at each boot, empty. Ollama is
# shown a folder on it, by a mount in a folder that it cannot write to, and never the disk itself.
open_model_cache() {
  local disk=$LIB/model-cache/disk store=/opt/dlami/nvme uid device copies
  if mountpoint -q "$disk"; then
    return 0
  fi
  if ! mountpoint -q "$store"; then
    store=$LIB/instance-store
    mkdir -p "$store"
    mountpoint -q "$store" || {
      device=$(blank_instance_store) &&
        mkfs.ext4 -q -E nodiscard -L geusemaker-cache "$device" </dev/null &&
        mount -o noatime "$device" "$store"
    } || return 1
  fi
  copies=$store/geusemaker-models
  uid=$(owner_of ollama)
  rm -rf "$copies" && mkdir -m 0700 "$copies" && chown "$uid:$uid" "$copies" &&
    mount --bind "$copies" "$disk"
}

# own_models UID: hands all that Ollama has over to that user, if it is not: older bundles run Ollama
# as root. Ollama is stopped first, since what it has can be made a link while one looks at it. The
# folders themselves come last: one that is the user's is the user's with all in it. By -execdir, since
# paths in there may be longer than the kernel takes.
own_models() {
  local cache=$LIB/model-cache disk=$LIB/model-cache/disk folder folders=()
  if [[ -z $1 ]]; then
    return 0
  fi
  for folder in "$DATA_MOUNT/ollama" "$DATA_MOUNT/ollama-kept"; do
    [[ ! -d $folder ]] || folders+=("$folder")
  done
  if ((${#folders[@]} == 0)) || [[ -z $(find -P "${folders[@]}" -maxdepth 0 ! -uid "$1") ]]; then
    return 0
  fi
  log "changing the owner of Ollama's models to user $1"
  docker compose stop ollama && systemctl stop geusemaker-models.service || return 1
  rm -f "$LIB/models.for"
  # A container of root's could put something else in the place of the mount point.
  if [[ ! -L $disk ]] && mountpoint -q "$disk"; then
    chmod 0755 "$cache" && folders=("$disk" "${folders[@]}")
  else
    rm -rf "$cache"
  fi
  for folder in "${folders[@]}"; do
    find -P "$folder" -xdev -depth -execdir chown -h "$1:$1" {} + || return 1
  done
}

# Before the bundle that ran before is started again: it expects them as it left them.
give_models_back() {
  local before
  before=$BUNDLES/$(sha_in "$LIB/applied")
  if [[ -f $before/manifest ]]; then
    own_models "$(owner_of ollama "$before")" || log "the owner of Ollama's models could not be changed back"
  fi
}

# From here to in_models: Ollama's user runs these, in a program that is written from them.

# list_blobs [f]: time, size and name of each whole blob; with f, of those that are no link. A name
# may be anything, also several lines.
list_blobs() {
  if [[ -d $OLLAMA_BLOBS ]]; then
    find "$OLLAMA_BLOBS" -maxdepth 1 ${1:+-type "$1"} -printf '%T@ %s %f\n' |
      { grep -E '^[0-9.]+ [0-9]+ sha256-[0-9a-f]{64}$' || true; }
  fi
}

# stamp_of FILE...: what changes with whatever is written to a copy. Nobody but the kernel sets %C.
stamp_of() {
  find "$@" -maxdepth 0 -type f -printf '%i %s %C@ %f\n'
}

# Prints the stamps of copies that were written to since they were looked at.
changed_copies() {
  [[ -e $OLLAMA_KEPT/checked ]] || return 0
  find "$OLLAMA_COPIES" -mindepth 1 -maxdepth 1 -name 'sha256-*' -type f -printf '%i %s %C@ %f\n' |
    { grep -vxFf "$OLLAMA_KEPT/checked" || true; } | { grep -E '^[0-9. ]+ sha256-[0-9a-f]{64}$' || true; }
}

# check_copy NAME: whether the copy holds what its name says, which is the hash of what is in it.
check_copy() {
  local stamp
  stamp=$(stamp_of "$OLLAMA_COPIES/$1") && [[ -n $stamp ]] || return 1
  grep -qxF "$stamp" "$OLLAMA_KEPT/checked" && return 0
  [[ $(sha256sum <"$OLLAMA_COPIES/$1") == "${1#sha256-} "* ]] || return 1
  { grep -vF " $1" "$OLLAMA_KEPT/checked" || true; echo "$stamp"; } >"$OLLAMA_KEPT/checked.new" &&
    mv -f "$OLLAMA_KEPT/checked.new" "$OLLAMA_KEPT/checked"
}

# give_back NAME: the file its own name, in the place of the link.
give_back() {
  mv -fT "$OLLAMA_KEPT/$1" "$OLLAMA_BLOBS/$1" && rm -rf "${OLLAMA_COPIES:?}/$1"
}

# Gives each blob its own name back whose copy is not there, and forgets those that Ollama has
# deleted. Docker runs it before it starts what ran before: after a stop every copy is gone.
restore_blobs() {
  local kept name failed=0
  exec 8<"$OLLAMA_KEPT" && flock 8 || return 1
  for kept in "$OLLAMA_KEPT"/sha256-*; do
    name=${kept##*/}
    if [[ ! -L $OLLAMA_BLOBS/$name ]]; then
      rm -f "$kept" && rm -rf "${OLLAMA_COPIES:?}/$name" || failed=1
    elif [[ ! -f $OLLAMA_COPIES/$name || -L $OLLAMA_COPIES/$name || $(readlink "$OLLAMA_BLOBS/$name") != "/model-cache/disk/$name" ]]; then
      give_back "$name" || failed=1
    fi
  done
  exec 8<&-
  return "$failed"
}

# Takes copies away that nothing leads to, and those that are not what they were.
check_copies() {
  local copy name
  for copy in "$OLLAMA_COPIES"/* "$OLLAMA_COPIES"/.[!.]*; do
    name=${copy##*/}
    if [[ $name != sha256-* || ! -e $OLLAMA_KEPT/$name ]]; then
      rm -rf "$copy"
    elif ! check_copy "$name"; then
      echo "the copy of $name on the instance store was changed; the file on the data volume is used instead"
      (exec 8<"$OLLAMA_KEPT" && flock 8 && give_back "$name")
    fi
  done
}

# cache_blob NAME: the renames under the lock, so that nobody who tidies up takes a blob that has two
# names for the moment for one that has no link. A pipe or a folder of that name is copied as one, and
# is no copy.
cache_blob() {
  rm -rf "$OLLAMA_COPIES/new" && cp -PRT "$OLLAMA_BLOBS/$1" "$OLLAMA_COPIES/new" && rm -rf "${OLLAMA_COPIES:?}/$1" &&
    mv -fT "$OLLAMA_COPIES/new" "$OLLAMA_COPIES/$1" && check_copy "$1" && (
    exec 8<"$OLLAMA_KEPT"
    flock 8 && ln -f "$OLLAMA_BLOBS/$1" "$OLLAMA_KEPT/$1" && ln -sfn "/model-cache/disk/$1" "$OLLAMA_KEPT/link" &&
      mv -fT "$OLLAMA_KEPT/link" "$OLLAMA_BLOBS/$1"
  )
}

# The last used first. What has no room is read from the volume. A blob below a megabyte is read at
# once from anywhere.
cache_blobs() {
  local size name cached=0
  touch "$OLLAMA_KEPT/checked"
  check_copies
  list_blobs f | sort -rn | {
    while read -r _ size name; do
      if ((size < 1048576 || size + 1073741824 > $(stat -f -c '%a * %S' "$OLLAMA_COPIES"))); then
        continue
      fi
      if cache_blob "$name"; then
        cached=$((cached + 1))
      else
        rm -rf "$OLLAMA_COPIES/new" "${OLLAMA_COPIES:?}/$name"
        echo "no copy of $name on the instance store; it is read from the data volume"
      fi
    done
    if ((cached > 0)); then
      echo "$cached model files were copied to the instance store"
    fi
  }
}

# A program of its own, since Docker's unit cannot call into a bundle. It works from within the folder
# of blobs, which Ollama could make a link to /tmp at any moment: a blob that is given back would fill
# the root disk.
write_models_program() {
  {
    printf '#!/bin/bash\n# Run as the user of Ollama, never as root.\n'
    printf 'OLLAMA_BLOBS=. OLLAMA_KEPT=%q OLLAMA_COPIES=%q\ncd %q || exit\n' \
      "$DATA_MOUNT/ollama-kept" "$LIB/model-cache/disk" "$DATA_MOUNT/ollama"
    # shellcheck disable=SC2016  # for that program
    echo 'models=$(pwd -P) && cd blobs 2>/dev/null && [[ $(pwd -P) == "$models/blobs" ]] || exit 0'
    declare -f list_blobs stamp_of changed_copies check_copy give_back restore_blobs check_copies \
      cache_blob cache_blobs
    # shellcheck disable=SC2016  # for that program
    echo '"${@:-restore_blobs}"'
  } | write_once "$LIB/restore-models" 0755
}

# in_models FUNCTION...: as the user of Ollama.
in_models() {
  write_models_program || true
  as_user "$(owner_of ollama)" bash "$LIB/restore-models" "$@"
}

restore_models() {
  local uid drop_in=$UNITS/docker.service.d/geusemaker-models.conf
  mkdir -p "$LIB/model-cache/disk"
  uid=$(owner_of ollama)
  if [[ -z $uid ]]; then
    rm -f "$drop_in"
    return 0
  fi
  if write_once "$drop_in" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c 'exec setpriv --reuid=$uid --regid=$uid --clear-groups bash $LIB/restore-models'
UNIT
    systemctl daemon-reload
  fi
  in_models restore_blobs || log "models could not be restored from the data volume after their copies were lost"
}

cache_models() {
  local line
  if ! may_cache_models; then
    return 0
  fi
  restore_models
  if ! open_model_cache; then
    log "the instance store could not be used as a cache of models; they are read from the data volume"
    return 0
  fi
  # What Ollama has put there may give a message for each of a million names.
  in_models cache_blobs 2>&1 | awk 'NR <= 50' | while IFS= read -r line; do log "$line"; done ||
    log "not all models could be copied to the instance store; the others are read from the data volume"
}
