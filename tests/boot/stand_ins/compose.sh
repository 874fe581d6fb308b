# shellcheck shell=bash
# The Compose half of the stand-in for docker. A container is a file: "image number state health".

# Sets FILES from the project's .env, and refuses what Compose refuses.
load_project() {
  local file variable
  FILES=(compose.yaml)
  if [[ -e .env ]]; then
    IFS=: read -r -a FILES <<<"$(sed -n 's/^COMPOSE_FILE=//p' .env)"
  fi
  for file in "${FILES[@]}"; do
    if [[ ! -e $file ]] || grep -q $'\t' "$file" || ! grep -q '^services:' "$file"; then
      echo "yaml: $PWD/$file could not be read" >&2
      exit 15
    fi
    for variable in $(grep -o '[$]{[A-Z0-9_]*:?' "$file" | tr -d '${:?' | sort -u); do
      if ! grep -qE "^$variable='?[^']" .env; then
        echo "error while interpolating: required variable $variable is missing a value" >&2
        exit 15
      fi
    done
  done
}

services_of() {
  awk '/^[a-z]/ { inside = ($1 == "services:") } inside && /^  [a-z0-9-]+:$/ { sub(":", "", $1); print $1 }' \
    compose.yaml
}

image_of() {
  awk -v service="  $1:" '$0 == service { inside = 1; next } /^  [a-z]/ { inside = 0 } inside && $1 == "image:" { print $2 }' \
    compose.yaml
}

# What a change of recreates a container: its part of the file, with the values it names.
config_of() {
  awk -v service="  $1:" '$0 == service { inside = 1; next } /^ ? ?[a-z]/ { inside = 0 } inside' compose.yaml | {
    while IFS= read -r line; do
      echo "$line"
      if [[ $line =~ \{([A-Z0-9_]+): ]]; then
        grep "^${BASH_REMATCH[1]}=" .env
      fi
    done
    if [[ $1 == ollama ]]; then
      cat "${FILES[@]:1}" </dev/null
    fi
  } | sha256sum | cut -c 1-64
}

needs_secret_files() {
  local path
  for path in $(awk '$1 == "file:" { print $2 }' compose.yaml); do
    if [[ ! -f $path ]]; then
      echo "invalid mount config: bind source path does not exist: $path" >&2
      exit 1
    fi
  done
}

# Sets CADDY_DIR to what the project's .env names, as a mount of it would.
needs_caddy_dir() {
  CADDY_DIR=$(sed -n "s/^GEUSEMAKER_CADDY_DIR='\(.*\)'$/\1/p" .env)
  if [[ ! -f $CADDY_DIR/Caddyfile ]]; then
    echo "invalid mount config: bind source path does not exist: $CADDY_DIR" >&2
    exit 1
  fi
}

health_of() {
  if grep -qsxF -e "$1" -e "$2" "$WORLD/unhealthy"; then
    echo "running unhealthy"
  elif grep -qsxF -e "$1" "$WORLD/exits"; then
    echo "restarting "
  else
    echo "running healthy"
  fi
}

# What a new container of Ollama sees, and whether that is on systemd's own list of its devices: named
# to Compose, and linked when it is made.
give_gpu() {
  local node
  rm -f "$WORLD/gpu-of-ollama" "$WORLD/gpu-is-listed"
  [[ " ${FILES[*]} " == *" compose.gpu.yaml "* ]] || return 0
  touch "$WORLD/gpu-of-ollama"
  for node in /dev/nvidia0 /dev/nvidiactl /dev/nvidia-uvm; do
    grep -qsF -- "- $node:$node" compose.devices.yaml && [[ -L /dev/char/${node##*/} ]] || return 0
  done
  touch "$WORLD/gpu-is-listed"
}

up() {
  local service image config health made=0 status=0 old chosen
  if [[ " $* " != *" --wait "* || " $* " != *" -d "* ]]; then
    exit 125
  fi
  # All of them together, or one that is named.
  chosen=${*: -1}
  if [[ $chosen == [0-9]* ]]; then
    chosen=$(services_of)
    [[ " $* " == *" --remove-orphans "* ]] || exit 125
  fi
  if late ended; then
    kill -TERM -1
    sleep 10
  fi
  needs_secret_files
  needs_caddy_dir
  for old in "$WORLD/containers/"*; do
    if [[ -e $old ]] && ! services_of | grep -qxF "${old##*/}"; then
      rm "$old"
    fi
  done
  for service in $chosen; do
    image=$(image_of "$service")
    [[ -e $(image_file "$image") ]] || pull "$image" || exit 18
    config=$(config_of "$service")
    made=$(cat "$WORLD/made" 2>/dev/null || echo 0)
    if [[ $(cut -d ' ' -f 5 "$WORLD/containers/$service" 2>/dev/null) == "$config" ]]; then
      made=$(cut -d ' ' -f 2 "$WORLD/containers/$service")
    else
      made=$((made + 1))
      echo "$made" >"$WORLD/made"
    fi
    health=$(health_of "$service" "$image")
    if late "crash-$service"; then
      health="restarting "
    fi
    if [[ $service == ollama && $(cut -d ' ' -f 2 "$WORLD/containers/ollama" 2>/dev/null) != "$made" ]]; then
      give_gpu
    fi
    echo "$image $made $health $config" >"$WORLD/containers/$service"
    if [[ $health != "running healthy" ]]; then
      echo "container geusemaker-$service-1 is unhealthy" >&2
      status=1
    fi
  done
  return "$status"
}

execute() {
  local service=$1
  shift
  if ! grep -qs ' running ' "$WORLD/containers/$service"; then
    echo "service \"$service\" is not running" >&2
    exit 1
  fi
  if late "hangs-$1"; then
    sleep 1000
  fi
  if late "floods-$1"; then
    head -c 3000000 /dev/zero | tr '\0' x >&2
  fi
  case "$*" in
    'ollama list')
      printf 'NAME\tID\tSIZE\tMODIFIED\n'
      ls "$WORLD/models" | tr '_' '/' | sed 's/$/\tabc\t1 GB\tnow/'
      ;;
    'ollama pull '*)
      printf '\033[?25lpulling manifest \r\033[2Kpulling aabb:   7%% |#  |\033[K\033[1A'
      gate model
      printf '\rpulling aabb:  43%% |## |\n'
      if late "model-${*: -1}"; then
        if [[ -e $WORLD/pull-says ]]; then
          printf '%b\n' "$(<"$WORLD/pull-says")"
          exit 1
        fi
        printf '\nError: pull model manifest: file does not exist\n' >&2
        exit 1
      fi
      name=${*: -1}
      name=${name#*://}
      [[ ${name##*/} == *:* ]] || name=$name:latest
      name=${name#registry.ollama.ai/}
      name=${name#library/}
      touch "$WORLD/models/${name//\//_}"
      printf '\rpulling aabb: 100%% |###|\nsuccess\n'
      ;;
    'nvidia-smi -L')
      if late gpu-answer; then
        exit 124
      fi
      if [[ ! -e $WORLD/gpu-of-ollama || ! -e $WORLD/gpu ]]; then
        echo "Failed to initialize NVML: Unknown Error"
        exit 255
      fi
      echo "GPU 0: NVIDIA L4 (UUID: GPU-01234567-89ab-cdef-0123-456789abcdef)"
      ;;
    'cat /etc/os-release') cat "$WORLD/os-release-of-$service" ;;
    'psql -X -A -t -U n8n -d n8n -c '*) cat "$WORLD/collation" 2>/dev/null || true ;;
    'pg_dumpall -U n8n')
      if late dump; then
        echo "pg_dumpall: error: connection to server failed" >&2
        exit 1
      fi
      echo "-- PostgreSQL database cluster dump"
      if late dump-cut; then
        exit 0
      fi
      printf -- '--\n-- PostgreSQL database cluster dump complete\n--\n\n'
      ;;
    *) exit 127 ;;
  esac
}

compose() {
  local command=$1 plugin=/usr/local/lib/docker/cli-plugins/docker-compose
  shift
  if [[ ! -x $plugin && ! -e $WORLD/compose-version ]]; then
    echo "docker: 'compose' is not a docker command." >&2
    exit 1
  fi
  if [[ $command == version ]]; then
    if [[ -x $plugin ]]; then cat "$plugin"; else cat "$WORLD/compose-version"; fi
    return
  fi
  load_project
  if [[ $command == config ]]; then
    return
  fi
  needs_daemon
  case $command in
    up) up "$@" ;;
    run)
      needs_secret_files
      [[ "$*" == '--rm --no-deps -T caddy caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile' ]] || exit 125
      needs_caddy_dir
      ! late hangs-caddy || sleep 1000
      if grep -q broken "$CADDY_DIR/Caddyfile"; then
        echo "Error: adapting config using caddyfile: Caddyfile:1: unrecognized directive: broken" >&2
        exit 1
      fi
      ;;
    rm) [[ $* == "--stop --force ollama" ]] && rm -f "$WORLD/containers/ollama" ;;
    ps)
      for container in "$WORLD/containers/"*; do
        if [[ -e $container ]]; then
          read -r image made state health config <"$container"
          # Read anew: a container may fall ill after it came up.
          [[ $state == exited ]] || read -r state health <<<"$(health_of "${container##*/}" "$image")"
          if grep -qsxF -e "${container##*/}" "$WORLD/starting"; then
            health=starting
          fi
          echo "${container##*/} $state $health"
        fi
      done
      ;;
    stop)
      [[ $# == 1 ]] || exit 125
      ! late compose-stop || exit 1
      if [[ -e $WORLD/containers/$1 ]]; then
        sed -i 's/ running [a-z]*/ exited -/' "$WORLD/containers/$1"
      fi
      ;;
    exec)
      [[ $1 == -T ]] || exit 125
      shift
      execute "$@"
      ;;
    *) exit 125 ;;
  esac
}
