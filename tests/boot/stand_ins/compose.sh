# shellcheck shell=bash
# The Compose part of the stand-in for docker. A container is a file: "image number state health".

# Loads the project, and refuses the files that Compose refuses. In bash alone: each program that a test
# starts takes a millisecond, and there are thousands. Sets FILES, SERVICES, and by service IMAGE, the
# image, and CONFIG, which recreates a container when it changes: its part of the file, and its values.
load_project() {
  local env='' file text rest variable line service='' section=''
  declare -gA IMAGE=() CONFIG=()
  FILES=(compose.yaml)
  SERVICES=()
  if [[ -e .env ]]; then
    env=$(<.env)
  fi
  value_of COMPOSE_FILE
  if [[ -n $VALUE ]]; then
    IFS=: read -r -a FILES <<<"$VALUE"
  fi
  for file in "${FILES[@]}"; do
    text=
    [[ ! -e $file ]] || text=$(<"$file")
    if [[ $text == *$'\t'* || $'\n'$text != *$'\n'services:* ]]; then
      echo "yaml: $PWD/$file could not be read" >&2
      exit 15
    fi
    rest=$text
    while [[ $rest =~ \$\{([A-Z0-9_]*):\? ]]; do
      variable=${BASH_REMATCH[1]}
      rest=${rest#*"${BASH_REMATCH[0]}"}
      value_of "$variable"
      if [[ -z $VALUE ]]; then
        echo "error while interpolating: required variable $variable is missing a value" >&2
        exit 15
      fi
    done
  done
  while IFS= read -r line; do
    if [[ $line =~ ^[a-z] ]]; then
      section=${line%%:*} service=
    elif [[ $section == services && $line =~ ^\ \ ([a-z0-9-]+):$ ]]; then
      service=${BASH_REMATCH[1]}
      SERVICES+=("$service")
    elif [[ -n $service ]]; then
      if [[ $line =~ ^\ +image:\ (.*) ]]; then
        IMAGE[$service]=${BASH_REMATCH[1]}
      fi
      if [[ $line =~ \{([A-Z0-9_]+): ]]; then
        value_of "${BASH_REMATCH[1]}"
        line+=$VALUE
      fi
      CONFIG[$service]+=${line//[[:space:]]/}
    fi
  done <compose.yaml
  if [[ -n ${CONFIG[ollama]-} ]]; then
    for file in "${FILES[@]:1}"; do
      text=$(<"$file")
      CONFIG[ollama]+=${text//[[:space:]]/}
    done
  fi
}

# value_of NAME: sets VALUE from the .env of the caller.
value_of() {
  local line
  VALUE=
  while IFS= read -r line; do
    if [[ $line == "$1="* ]]; then
      VALUE=${line#*=}
      VALUE=${VALUE//\'/}
    fi
  done <<<"$env"
}

needs_secret_files() {
  local key path
  while read -r key path; do
    if [[ $key == file: && ! -f $path ]]; then
      echo "invalid mount config: bind source path does not exist: $path" >&2
      exit 1
    fi
  done <compose.yaml
}

# Sets CADDY_DIR to the folder that the project's .env names, as a mount of it would need.
needs_caddy_dir() {
  local env VALUE
  # A worker has no Caddy.
  [[ $(<compose.yaml) == *GEUSEMAKER_CADDY_DIR* ]] || return 0
  env=$(<.env)
  value_of GEUSEMAKER_CADDY_DIR
  CADDY_DIR=$VALUE
  if [[ ! -f $CADDY_DIR/Caddyfile ]]; then
    echo "invalid mount config: bind source path does not exist: $CADDY_DIR" >&2
    exit 1
  fi
}

# read_container SERVICE: sets image, made, state, health and config.
read_container() {
  image='' made='' state='' health='' config=''
  if [[ -e $WORLD/containers/$1 ]]; then
    read -r image made state health config <"$WORLD/containers/$1"
  fi
}

# set_health SERVICE IMAGE: sets state, and health or "-".
set_health() {
  state=running health=healthy
  if has_line unhealthy "$1" "$2"; then
    health=unhealthy
  elif has_line exits "$1"; then
    state=restarting health=-
  fi
}

# Which GPU a new container of Ollama sees, and whether systemd lists its devices: they must be in the
# Compose file, and linked when the container is created.
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
  local service status=0 old last_made new image made state health config
  if [[ " $* " != *" --wait "* || " $* " != *" -d "* ]]; then
    exit 125
  fi
  # All services, or the named one.
  local chosen=("${@: -1}")
  if [[ ${chosen[0]} == [0-9]* ]]; then
    chosen=("${SERVICES[@]}")
    [[ " $* " == *" --remove-orphans "* ]] || exit 125
  fi
  if late ended; then
    kill -TERM -1 $$
  fi
  needs_secret_files
  needs_caddy_dir
  for old in "$WORLD/containers/"*; do
    if [[ -e $old && " ${SERVICES[*]} " != *" ${old##*/} "* ]]; then
      rm "$old"
    fi
  done
  for service in "${chosen[@]}"; do
    new=${IMAGE[$service]}
    [[ -e $(image_file "$new") ]] || pull "$new" || exit 18
    read_container "$service"
    if [[ $config != "${CONFIG[$service]}" ]]; then
      last_made=0
      [[ ! -e $WORLD/made ]] || read -r last_made <"$WORLD/made"
      made=$((last_made + 1))
      echo "$made" >"$WORLD/made"
      [[ $service != ollama ]] || give_gpu
    fi
    set_health "$service" "$new"
    if late "crash-$service"; then
      state=restarting health=-
    fi
    echo "$new $made $state $health ${CONFIG[$service]}" >"$WORLD/containers/$service"
    if [[ $health != healthy ]]; then
      echo "container geusemaker-$service-1 is unhealthy" >&2
      status=1
    fi
  done
  return "$status"
}

execute() {
  local service=$1 image made state health config
  shift
  read_container "$service"
  if [[ $state != running ]]; then
    echo "service \"$service\" is not running" >&2
    exit 1
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
    '/bin/sh -c '*'valkey-cli '*'llen "bull:jobs:'*)
      # The three lists, as valkey-cli prints them without a terminal.
      ! late valkey || exit 1
      cat "$WORLD/queue" 2>/dev/null || printf '0\n0\n0\n'
      ;;
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
      if grep -q broken "$CADDY_DIR/Caddyfile"; then
        echo "Error: adapting config using caddyfile: Caddyfile:1: unrecognized directive: broken" >&2
        exit 1
      fi
      ;;
    rm) [[ $* == "--stop --force ollama" ]] && rm -f "$WORLD/containers/ollama" ;;
    ps)
      for container in "$WORLD/containers/"*; do
        if [[ -e $container ]]; then
          service=${container##*/}
          read_container "$service"
          # A container may become unhealthy after it started.
          [[ $state == exited ]] || set_health "$service" "$image"
          if has_line starting "$service"; then
            health=starting
          fi
          echo "$service $state ${health#-}"
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
