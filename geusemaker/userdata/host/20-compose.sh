# The Compose plugin that is installed where the image brings none, or one of an older major; the
# hashes are of the files docker-compose-linux-MACHINE of that release.
COMPOSE_VERSION=5.6.0
# shellcheck disable=SC2034  # read by a name that is put together
COMPOSE_SHA256_x86_64=40343e21ca777173e69cff5dbafeb37c6f81f3b0d57d9e597f036e95eb63e76a
# shellcheck disable=SC2034
COMPOSE_SHA256_aarch64=733ec76717ceb59052a9609b9dadfb523b2df8eab57a54212872d10a58078ea2

has_compose() {
  local version
  version=$(docker compose version --short 2>/dev/null) && version=${version#v} &&
    [[ ${version%%.*} =~ ^[0-9]+$ ]] && ((${version%%.*} >= ${COMPOSE_VERSION%%.*}))
}

fetch_compose() {
  local machine=$1 sum=$2 file=$3
  curl --fail --silent --show-error --location --proto '=https' --max-time 600 --output "$file.new" \
    "https://github.com/docker/compose/releases/download/v$COMPOSE_VERSION/docker-compose-linux-$machine" &&
    printf '%s  %s\n' "$sum" "$file.new" | sha256sum --check --quiet && chmod 0755 "$file.new" &&
    mv -f "$file.new" "$file"
}

# Ubuntu's images bring the plugin, Amazon Linux has no package of it. This folder is looked into
# before those of packages.
install_compose() {
  local machine sum folder=/usr/local/lib/docker/cli-plugins
  if has_compose; then
    return 0
  fi
  machine=$(uname -m)
  sum=COMPOSE_SHA256_$machine
  mkdir -p "$folder"
  retry "$PACKAGE_TRIES" "$PACKAGE_PAUSE" "Compose $COMPOSE_VERSION" \
    fetch_compose "$machine" "${!sum-}" "$folder/docker-compose" ||
    fail "Docker Compose $COMPOSE_VERSION for $machine could not be downloaded from GitHub, or its SHA-256 differs"
  has_compose || fail "Docker Compose was installed but does not run"
}

# from_container SECONDS SERVICE COMMAND...: what a program in a container prints. Other code in there
# can keep it from ending, and write into its streams, without end and without a line break. So it has
# a time limit, of its messages only the end is logged, and who reads the rest needs a limit as well.
from_container() {
  {
    timeout -k 10 "$1" docker compose exec -T "${@:2}" </dev/null 2>&1 >&3 3>&- | log_end "$2" >&2 3>&-
  } 3>&1
}

# log_end NAME < TEXT
log_end() {
  local said
  said=$(tail -c 600 | one_line)
  [[ -z ${said// /} ]] || log "$1: $said"
}

# Where Caddy has its file from. Named by what is in it, not by the bundle: each change of a mount's
# path makes a new container, which would cut every stream at a change that is none of Caddy's.
caddy_dir() {
  local sum
  sum=$(sha256sum <"$DIR/caddy/Caddyfile") && printf '%s/caddy/%s' "$LIB" "${sum%% *}"
}

# Compose reads it from the directory that it runs in. A file that asks for a GPU which is not
# there keeps its service from starting, so it is named only where the driver answers.
write_env() {
  local files=compose.yaml host=${URL#*://} caddy
  caddy=$(caddy_dir)
  if [[ -f $DIR/compose.gpu.yaml ]] && command -v nvidia-smi >/dev/null && nvidia_answers 2>/dev/null; then
    files=compose.yaml:compose.gpu.yaml
    write_gpu_devices && files=$files:compose.devices.yaml
  fi
  if [[ $host =~ ^(.*[^:]):[0-9]+$ ]]; then
    host=${BASH_REMATCH[1]}
  fi
  write_file "$DIR/.env" 0644 <<ENV
COMPOSE_FILE=$files
GEUSEMAKER_URL='$URL'
GEUSEMAKER_HOST='$host'
GEUSEMAKER_SITES='$SITES'
GEUSEMAKER_MODELS_DIR='$DATA_MOUNT/ollama'
GEUSEMAKER_CADDY_DIR='$caddy'
$(secrets_env)
ENV
}

bundle_check() {
  check_manifest
  install_compose
  write_env
  docker compose config -q || refuse "bundle $SHA has a Compose file that Compose refuses"
}
