# shellcheck shell=bash
# The bundle's part of the host program: what to do with a bundle of this kind. Sourced by the host
# program, with its functions and settings at hand and this bundle's directory, DIR, as the current
# one. In here since none of it is needed to become a host: changing it replaces nothing.
#
# The manifest, one thing a line:
#   service NAME | image REFERENCE | directory data|efs PATH UID MODE | secret CONSUMER NAME UID
#   model NAME | dump-days NUMBER

# manifest KIND: the rest of each line of that kind.
manifest() {
  sed -n "s/^$1 //p" "$DIR/manifest"
}

# Values go into paths and command lines.
check_manifest() {
  local bad name='[A-Za-z0-9][A-Za-z0-9_.-]*'
  bad=$(grep -vE -e "^service $name\$" \
    -e "^image $name(/$name)*(:[0-9]+)?(/$name)*(:$name)?(@sha256:[0-9a-f]{64})?\$" \
    -e "^directory (data|efs) $name(/$name)* [0-9]+ 0?[0-7]{3}\$" \
    -e "^secret $name $name [0-9]+\$" \
    -e "^model [A-Za-z0-9][A-Za-z0-9_.:/-]*\$" \
    -e '^dump-days [0-9]+$' "$DIR/manifest" | head -n 1) || true
  if [[ -n $bad ]]; then
    refuse "bundle $SHA has a line in its manifest that this host does not know: $bad"
  fi
}

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
    fail "Docker Compose $COMPOSE_VERSION for $machine did not come from GitHub as published"
  has_compose || fail "Docker Compose was installed but does not run"
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
ENV
}

bundle_check() {
  check_manifest
  install_compose
  write_env
  docker compose config -q || refuse "bundle $SHA has a Compose file that Compose refuses"
}

bundle_pull() {
  local image
  for image in $(manifest image); do
    if docker image inspect "$image" >/dev/null 2>&1; then
      continue
    fi
    retry "$PULL_TRIES" "$PULL_PAUSE" "image $image" docker pull -q "$image" ||
      fail "image $image could not be pulled in $PULL_TRIES tries"
    # A report that grows old means a host that died. One that is ready has not stopped to be so.
    is_of_this_boot "$STATE/ready.ok" || publish || true
  done
}

# Into a variable: nothing of it shows in a file that others read, a command line or a log.
read_secrets() {
  SECRETS_TEXT=$(aws_cli ssm get-parameter --with-decryption --name "$SECRETS_PARAMETER" --query Parameter.Value)
}

# The files stay, on the encrypted root disk, so that what runs survives a boot during which the
# store does not answer; the step fails all the same.
#
# SECRETS_TEXT has lines NAME=VALUE. Only builtins see a value: no process has it among its
# arguments, and no here-string, which older shells put into a file. A file that holds the value already is left alone, since a container has it mounted.
bundle_secrets() {
  local consumer name uid value line path rest missing=
  local -A values=()
  retry "$AWS_TRIES" "$AWS_PAUSE" "the secrets" read_secrets ||
    fail "the secrets could not be read from $SECRETS_PARAMETER in $AWS_TRIES tries"
  rest=$SECRETS_TEXT$'\n'
  while [[ -n $rest ]]; do
    line=${rest%%$'\n'*}
    rest=${rest#*$'\n'}
    if [[ $line == *=* ]]; then
      values[${line%%=*}]=${line#*=}
    fi
  done
  umask 077
  mkdir -p "$SECRETS"
  chmod 0700 "$SECRETS"
  manifest secret >"$LIB/secrets.asked"
  while read -r consumer name uid; do
    value=${values[$name]-}
    if [[ -z $value ]]; then
      missing="$missing $name"
      continue
    fi
    path=$SECRETS/$consumer/$name
    # Containers reach the file by a mount of its own; the folder above keeps all others out.
    mkdir -p "${path%/*}"
    chmod 0711 "${path%/*}"
    if [[ ! -f $path || $(cat "$path") != "$value" ]]; then
      rm -f "$path.new"
      printf '%s' "$value" >"$path.new"
      mv -f "$path.new" "$path"
    fi
    chown "$uid:$uid" "$path"
    chmod 0400 "$path"
  done <"$LIB/secrets.asked"
  SECRETS_TEXT=
  if [[ -n $missing ]]; then
    fail "$SECRETS_PARAMETER has no value for:$missing"
  fi
}

# No container may ask the metadata service for the role. The first wall is the instance's hop
# limit of 1; this is the second. Docker makes the chain, keeps what is in it, and asks it first.
keep_from_metadata() {
  local tables=$1 address=$2
  "$tables" -w 30 -C DOCKER-USER -d "$address" -j DROP 2>/dev/null ||
    "$tables" -w 30 -I DOCKER-USER -d "$address" -j DROP
}

# Before any container of the bundle starts.
wall_off_metadata() {
  keep_from_metadata iptables 169.254.169.254/32 ||
    fail "iptables could not keep containers from the metadata service"
  # Docker makes the chain for IPv6 only where its containers have IPv6.
  if ip6tables -w 30 -n -L DOCKER-USER >/dev/null 2>&1; then
    keep_from_metadata ip6tables fd00:ec2::254/128 ||
      fail "ip6tables could not keep containers from the metadata service"
  fi
}

# write_once FILE MODE < TEXT: false where that is in it already.
write_once() {
  local text
  text=$(cat)
  [[ ! -f $1 || $(cat "$1") != "$text" ]] && write_file "$1" "$2" <<<"$text"
}

# Rules are gone after a boot, and Docker starts what ran before ahead of any step: so the wall is
# put up anew right before Docker. One that cannot be does not keep Docker down; the step fails.
wall_off_at_boots() {
  local rule='DOCKER-USER -d 169.254.169.254/32 -j DROP'
  if write_once "$UNITS/docker.service.d/geusemaker-metadata.conf" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c 'iptables -w 30 -N DOCKER-USER; iptables -w 30 -C $rule || iptables -w 30 -I $rule'
UNIT
    systemctl daemon-reload
  fi
}

# A log that nobody cuts fills the root disk in the end.
rotate_log() {
  write_once /etc/logrotate.d/geusemaker 0644 <<ROTATE || true
$LOG {
  size 10M
  rotate 4
  compress
  copytruncate
  missingok
}
ROTATE
}

# Before a container has it mounted. One that is as it should be is left alone.
keep_caddyfile() {
  local folder
  folder=$(caddy_dir)
  install -d -m 0755 "$LIB/caddy" "$folder"
  if ! cmp -s "$DIR/caddy/Caddyfile" "$folder/Caddyfile"; then
    write_file "$folder/Caddyfile" 0644 <"$DIR/caddy/Caddyfile"
  fi
}

make_directories() {
  local where path uid mode
  manifest directory >"$LIB/directories"
  while read -r where path uid mode; do
    case $where in
      data) install -d -o "$uid" -g "$uid" -m "$mode" "$DATA_MOUNT/$path" ;;
      # Whatever root does below an access point is done as the point's own user.
      efs)
        if [[ ! -d $EFS_ROOT/$path ]]; then
          install -d -m "$mode" "$EFS_ROOT/$path"
        fi
        ;;
    esac
  done <"$LIB/directories"
}

# Prints service.NAME=healthy|unhealthy|starting|missing for each service of the manifest.
bundle_health() {
  local service running
  running=$(docker compose ps -a --format '{{.Service}} {{.State}} {{.Health}}')
  for service in $(manifest service); do
    awk -v service="$service" '
      $1 == service {
        found = "unhealthy"
        if ($2 == "running" && ($3 == "healthy" || $3 == "")) found = "healthy"
        else if ($2 == "running" && $3 == "starting") found = "starting"
      }
      END { print "service." service "=" (found ? found : "missing") }' <<<"$running"
  done
}

# Keeps the health for the status record, and prints what is not healthy: "n8n is missing,..."
bundle_problem() {
  bundle_health | write_file "$LIB/health" 0644
  sed -n '/=healthy$/d; s/^service\.\(.*\)=\(.*\)/\1 is \2/p' "$LIB/health" | paste -sd , -
}

# Also true once SERVICES_SECONDS are over, which ends the tries; UP says whether it came up. What
# is left of them is the bound of one try too. Never 0, which is no bound to Compose.
try_up() {
  local left=$((UP_UNTIL - SECONDS))
  if docker compose up -d --remove-orphans --wait --wait-timeout "$((left > 0 ? left : 1))"; then
    UP=yes
    return 0
  fi
  ((SECONDS >= UP_UNTIL))
}

# images_of_data DIRECTORY: what that bundle runs over the databases. The manifest has its images in
# the order of its services.
images_of_data() {
  awk '
    $1 == "service" { service[++services] = $2 }
    $1 == "image" { image[++images] = $2 }
    END {
      for (i = 1; i <= services; i++)
        if (service[i] == "n8n" || service[i] == "postgres") print service[i], image[i]
    }' "$1/manifest"
}

# n8n changes its tables one way only: once another image has started over them, going back needs a
# dump. None at all keeps nobody from an update, which may be what fixes the database.
dump_before_other_images() {
  local days applied
  days=$(manifest dump-days)
  applied=$BUNDLES/$(sha_in "$LIB/applied")
  if ((${days:-0} == 0)) || [[ ! -f $applied/manifest ]] ||
    [[ $(images_of_data "$applied") == "$(images_of_data "$DIR")" ]]; then
    return 0
  fi
  log "other images come over the databases: making a dump before"
  (umask 077 && write_dump) || {
    note_failed_dump "before an update: pg_dumpall did not give a whole dump"
    log "there is no dump from before this update; going on, since it blocks nothing"
  }
}

bundle_up() {
  local down
  rotate_log
  wall_off_metadata
  wall_off_at_boots
  make_directories
  restore_models
  keep_caddyfile
  write_env
  docker compose run --rm --no-deps -T caddy \
    caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile ||
    fail "Caddy refuses its Caddyfile"
  dump_before_other_images
  # Compose gives up as soon as one container exits or is unhealthy once, though Docker starts it
  # again: one that only waits for another is no reason to go back to what ran before. As patient
  # as the dump is with a host on its way to ready; the host program has no number for this.
  UP_UNTIL=$((SECONDS + SERVICES_SECONDS))
  UP=
  retry "$DUMP_TRIES" "$DUMP_PAUSE" "the services to come up" try_up || true
  if [[ -n $UP ]]; then
    return 0
  fi
  down=$(bundle_problem)
  fail "it did not come up: ${down:-see docker compose logs in $DIR}"
}

# Bundles that neither run nor wait, and the images that only they name, which would fill the disk.
# What was fetched last has come up when this is asked for.
bundle_tidy() {
  local other image caddy
  for other in "$BUNDLES"/*; do
    if [[ $other == "$DIR" || ! -f $other/manifest ]]; then
      continue
    fi
    sed -n 's/^image //p' "$other/manifest" | while IFS= read -r image; do
      grep -qxF "image $image" "$DIR/manifest" || docker image rm "$image" >/dev/null 2>&1 || true
    done
    rm -rf "$other"
  done
  caddy=$(caddy_dir)
  for other in "$LIB/caddy"/*; do
    if [[ $other != "$caddy" ]]; then
      rm -rf "$other"
    fi
  done
}

# Models are pulled after the host is ready, by a unit of its own: they may take an hour.
# Once for a list and a boot; a model that failed is tried again by: systemctl start geusemaker-models
# Where there is a cache of models, what Ollama has counts as well: it may have got others since.
models_wanted() {
  this_boot && manifest model
  if may_cache_models; then
    list_blobs | cut -d ' ' -f 3 | sort
  fi
}

# The unit notes itself what it sees to. One that is at work cannot be started, and the list of a
# moment ago is not the one of now: so it is started until it has noted this list.
bundle_start_models() {
  if [[ $(models_wanted) != "$(cat "$LIB/models.for" 2>/dev/null)" ]]; then
    systemctl start --no-block geusemaker-models.service
  fi
}

# set_model NAME STATE: in the lines that go into the status record.
set_model() {
  { grep -vF "model.$1=" "$LIB/models" 2>/dev/null || true; echo "model.$1=$2"; } |
    write_file "$LIB/models" 0644
}

# Other settings may come meanwhile, and this bundle go.
ask_ollama() {
  (cd "$LIB/current" && docker compose exec -T ollama ollama "$@" </dev/null)
}

has_model() {
  ask_ollama list |
    awk -v name="$1" '$1 == name || $1 == name ":latest" { found = 1 } END { exit !found }'
}

# Ollama paints one line over and over; what stands before a percent sign is how far it is.
pull_model() {
  local chunk last=
  ask_ollama pull "$1" 2>&1 | {
    while IFS= read -r -d % chunk; do
      if [[ $chunk =~ ([0-9]+)$ && ${BASH_REMATCH[1]} != "$last" ]]; then
        last=${BASH_REMATCH[1]}
        set_model "$1" "pulling $last%"
      fi
    done
    printf '%s' "$(awk 'NF { said = $0 } END { print said }' <<<"$chunk")" | one_line >"$LIB/model.said"
  } && has_model "$1"
}

# A model that does not come is no reason to call the host anything but ready.
bundle_models() {
  local model failed=
  models_wanted | write_file "$LIB/models.for" 0644
  rm -f "$LIB/models"
  for model in $(manifest model); do
    set_model "$model" waiting
  done
  # What is there already takes minutes to copy and less to use; what is pulled may take an hour.
  cache_models
  for model in $(manifest model); do
    if has_model "$model" || retry "$MODEL_TRIES" "$MODEL_PAUSE" "model $model" pull_model "$model"; then
      set_model "$model" here
    else
      set_model "$model" "failed: $(cat "$LIB/model.said" 2>/dev/null)"
      failed="$failed $model"
    fi
    publish || true
  done
  if [[ -n $(manifest model) ]]; then
    cache_models
  fi
  if [[ -n $failed ]]; then
    fail "models that could not be pulled:$failed"
  fi
}

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

# Others may write into the folder of dumps as well: a file of that name, or a link, ends this.
dump_to() {
  (set -o noclobber && docker compose exec -T postgres pg_dumpall -U n8n </dev/null | gzip -c >"$1") &&
    gzip -dc "$1" | tail -n 5 | grep -F 'PostgreSQL database cluster dump complete' >/dev/null
}

# A dump onto EFS, by its name once it is whole.
write_dump() {
  local new part
  new=$EFS_ROOT/backups/postgres-$(date -u +%Y%m%dT%H%M%SZ).sql.gz
  # A name that nobody can have put a link to a file or a disk of root's at. The last step puts the
  # dump in the place of a link too, not into the folder that it leads to.
  part=$(mktemp -u "$new.XXXXXXXXXX.part") || return 1
  if dump_to "$part" && mv -fT "$part" "$new"; then
    echo "dump=$(date -u +%Y-%m-%dT%H:%M:%SZ)" | write_file "$LIB/dump" 0644
  else
    rm -f "$part"
    return 1
  fi
}

# Every night, onto EFS. A dump has its name only once it is whole, and only then do older ones go.
bundle_dump() {
  local days folder=$EFS_ROOT/backups
  days=$(manifest dump-days)
  if ((${days:-0} == 0)); then
    RESULT="succeeded: no dumps are asked for"
    return 0
  fi
  umask 077
  retry "$DUMP_TRIES" "$DUMP_PAUSE" "the host to be ready" is_of_this_boot "$STATE/ready.ok" ||
    dump_failed "the host did not become ready"
  # Other settings may have come meanwhile.
  cd "$LIB/current"
  find "$folder" -maxdepth 1 -name 'postgres-*.part' -mmin +720 -delete
  write_dump || dump_failed "pg_dumpall did not give a whole dump"
  # Their names sort by their time.
  find "$folder" -maxdepth 1 -type f -name 'postgres-*.sql.gz' | sort -r | tail -n +$((days + 1)) |
    while IFS= read -r old; do rm -f "$old"; done
  publish || true
}

note_failed_dump() {
  { grep -s ^dump= "$LIB/dump" || true; echo "dump.failed=$(date -u +%Y-%m-%dT%H:%M:%SZ) $1"; } |
    write_file "$LIB/dump" 0644
}

dump_failed() {
  note_failed_dump "$1"
  fail "$1; the dumps from before stay"
}
