# Docker gives a container its GPU by a hook, of which neither runc nor systemd knows. At the next
# `systemctl daemon-reload` (of a package, of snapd, of this program) systemd applies its own list of
# devices, and the GPU is gone, while what has it open goes on (NVIDIA/nvidia-container-toolkit,
# issue 48). Devices that Compose names are on that list. systemd finds them by links in /dev/char.

GPU_LINKS="nvidia-ctk system create-dev-char-symlinks"

# The links and the devices are gone after a boot, and Docker starts what ran before ahead of any step.
keep_gpu() {
  local links="$GPU_LINKS --create-all --load-kernel-modules --create-device-nodes || $GPU_LINKS"
  if ! has_nvidia_device || ! command -v nvidia-ctk >/dev/null; then
    return 0
  fi
  bash -c "$links" || log "nvidia-ctk could not create the links to the GPU's devices: a daemon-reload may remove the GPU from Ollama"
  if write_once "$UNITS/docker.service.d/geusemaker-gpu.conf" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c '$links'
UNIT
    systemctl daemon-reload
  fi
}

# Writes the Compose file of the devices; false where there are none.
write_gpu_devices() {
  local node devices=
  for node in /dev/nvidia[0-9]* /dev/nvidiactl /dev/nvidia-modeset /dev/nvidia-uvm /dev/nvidia-uvm-tools; do
    [[ ! -e $node ]] || devices="$devices      - $node:$node"$'\n'
  done
  [[ -n $devices ]] &&
    printf 'services:\n  ollama:\n    devices:\n%s' "$devices" | write_file "$DIR/compose.devices.yaml" 0644
}

# Whether the host has a GPU that Ollama's container does not see. nvidia-smi is run in the container;
# a GPU that it saw counts for five minutes. No answer within 30 seconds counts as seen.
lacks_gpu() {
  local status=0 said
  if [[ ! -f $DIR/compose.gpu.yaml ]] || ! has_nvidia_device || [[ -n $(find "$LIB/gpu.seen" -mmin -5 2>/dev/null) ]]; then
    return 1
  fi
  said=$(timeout 30 docker compose exec -T ollama nvidia-smi -L </dev/null 2>/dev/null | head -c 4000) || status=$?
  if ((status == 124)); then
    return 1
  fi
  if ((status == 0)) && [[ $said == *'GPU '* ]]; then
    touch "$LIB/gpu.seen"
    return 1
  fi
}

# Only a new container gets the GPU back. What Ollama answers at the moment ends by it, so this is
# done when services are started anyway: by other settings, at a boot, or by hand.
renew_without_gpu() {
  rm -f "$LIB/gpu.seen"
  if docker compose ps -a --format '{{.Service}} {{.State}}' | grep '^ollama running' >/dev/null && lacks_gpu; then
    docker compose rm --stop --force ollama || log "Ollama's container without a GPU could not be removed"
  fi
  rm -f "$LIB/gpu.seen"
}
