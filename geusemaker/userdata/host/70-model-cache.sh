# A type with an instance store keeps copies of the models there: loading from it is many times
# faster than from the data volume. It is lost at each stop, so nothing is there alone. Ollama's
# blobs never change: each one that has a copy stays on the volume by a second name, in ollama-kept,
# while a link to the copy takes the first. Ollama thus reads the copy, deletes what it wants to, and
# writes what is new to the volume.

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
    mountpoint -q "$LIB/model-cache/disk" || mountpoint -q /opt/dlami/nvme || blank_instance_store >/dev/null
  }
}

# Ubuntu's images join the disks of the instance store and mount them at each boot, empty.
open_model_cache() {
  local disk=$LIB/model-cache/disk images=/opt/dlami/nvme device
  if mountpoint -q "$disk"; then
    return 0
  fi
  if mountpoint -q "$images"; then
    rm -rf "$images/geusemaker-models" && install -d -m 0755 "$images/geusemaker-models" &&
      mount --bind "$images/geusemaker-models" "$disk"
  else
    device=$(blank_instance_store) &&
      mkfs.ext4 -q -E nodiscard -L geusemaker-cache "$device" </dev/null &&
      mount -o noatime "$device" "$disk"
  fi
}

# Gives each blob its own name back whose copy is not there, and forgets those that Ollama has
# deleted. Docker runs it before it starts what ran before: after a stop every copy is gone. A script
# of its own, since Docker's unit cannot call into a bundle.
restore_models() {
  install -d -m 0755 "$LIB/model-cache" "$LIB/model-cache/disk"
  write_once "$LIB/restore-models" 0755 <<RESTORE || true
#!/bin/bash
exec 8>'$LIB/model-cache.lock' && flock 8 || exit
for kept in '$DATA_MOUNT/ollama-kept'/sha256-*; do
  name=\${kept##*/}
  copy='$LIB/model-cache/disk'/\$name blob='$DATA_MOUNT/ollama/blobs'/\$name
  if [[ ! -L \$blob ]]; then
    rm -f "\$kept" "\$copy"
  elif [[ ! -f \$copy ]]; then
    mv -fT "\$kept" "\$blob"
  fi
done
RESTORE
  if write_once "$UNITS/docker.service.d/geusemaker-models.conf" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c 'exec bash $LIB/restore-models'
UNIT
    systemctl daemon-reload
  fi
  bash "$LIB/restore-models" || log "models whose copies are gone could not be given back their files"
}

# cache_blob NAME: the renames under the lock, so that nobody who tidies up takes a blob that has two
# names for the moment for one that has no link.
cache_blob() {
  local blob=$DATA_MOUNT/ollama/blobs/$1 kept=$DATA_MOUNT/ollama-kept disk=$LIB/model-cache/disk
  cp "$blob" "$disk/new" && mv -f "$disk/new" "$disk/$1" && (
    exec 8>"$LIB/model-cache.lock"
    flock 8 && ln -f "$blob" "$kept/$1" && ln -sfn "/model-cache/disk/$1" "$kept/link" &&
      mv -fT "$kept/link" "$blob"
  )
}

# The last used first. What has no room is read from the volume. A blob below a megabyte is read at
# once from anywhere.
cache_models() {
  local disk=$LIB/model-cache/disk size name cached=0
  if ! may_cache_models; then
    return 0
  fi
  restore_models
  if ! open_model_cache; then
    log "the instance store could not be taken as a cache of models: they are read from the data volume"
    return 0
  fi
  list_blobs f | sort -rn >"$LIB/model-cache.blobs"
  while read -r _ size name; do
    if ((size < 1048576 || size + 1073741824 > $(stat -f -c '%a * %S' "$disk"))); then
      continue
    fi
    if cache_blob "$name"; then
      cached=$((cached + 1))
    else
      rm -f "$disk/new"
      log "no copy of $name on the instance store: it is read from the data volume"
    fi
  done <"$LIB/model-cache.blobs"
  if ((cached > 0)); then
    log "$cached files of models are on the instance store now as well"
  fi
}

# list_blobs [f]: time, size and name of each whole blob; with f, of those that are no link.
list_blobs() {
  if [[ -d $DATA_MOUNT/ollama/blobs ]]; then
    find "$DATA_MOUNT/ollama/blobs" -maxdepth 1 ${1:+-type "$1"} -printf '%T@ %s %f\n' |
      { grep -E ' sha256-[0-9a-f]{64}$' || true; }
  fi
}
