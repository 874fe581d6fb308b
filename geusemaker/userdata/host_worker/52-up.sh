# Models are where Ollama reads them: on the instance store of a type that has one, else on the root
# disk. Nothing else has them, so nothing is a copy.
may_cache_models() {
  return 1
}

# The store is empty after each boot, and Docker starts what ran before ahead of any step.
open_models() {
  local folder=$DATA_MOUNT/ollama store=$LIB/model-cache/disk
  if [[ -z $(owner_of ollama) ]] || mountpoint -q "$folder"; then
    return 0
  fi
  mkdir -p "$store"
  if ! open_model_cache; then
    log "there is no instance store: the models are on the root disk"
    return 0
  fi
  docker compose rm --stop --force ollama && mount --bind "$store" "$folder"
}

# Compose is asked again each minute, since a worker that leaves meanwhile must not be started again,
# and since the host of the stack may get another address.
try_worker() {
  follow_head
  if [[ -e $LEAVING ]]; then
    return 0
  fi
  if docker compose up -d --remove-orphans --wait --wait-timeout 60; then
    UP=yes
    return 0
  fi
  ((SECONDS >= UP_UNTIL))
}

stop_if_leaving() {
  if [[ -e $LEAVING ]]; then
    fail "this worker leaves and starts nothing: $(of_leaving reason)"
  fi
}

extend bundle_pull
bundle_pull() {
  stop_if_leaving
  plain_bundle_pull
}

# Without an answer the bundle is not at fault.
head_answers() {
  # shellcheck disable=SC2016  # for that shell
  [[ -s $LIB/head ]] && timeout 10 bash -c 'exec 3<>"/dev/tcp/$1/6379"' bash "$(cat "$LIB/head")" 2>/dev/null
}

# A bundle that does not come up is refused until the next boot only if one before it ran here and the
# host answers. Otherwise it is tried again each minute, since the cause may be outside this worker.
bundle_up() {
  local down
  stop_if_leaving
  rotate_log
  lay_down_leave
  if retry "$AWS_TRIES" "$AWS_PAUSE" "the address of the stack's host" read_head; then
    write_file "$LIB/head" 0644 <<<"$HEAD_ADDRESS"
  fi
  put_up_wall
  move_docker0
  make_directories
  open_models || fail "the instance store could not be used for models"
  keep_gpu
  write_env
  renew_without_gpu
  UP_UNTIL=$((SECONDS + SERVICES_SECONDS))
  UP=
  retry "$DUMP_TRIES" "$DUMP_PAUSE" "the services to come up" try_worker || true
  if [[ -n $UP ]]; then
    return 0
  fi
  stop_if_leaving
  down=$(bundle_problem)
  down=${down:-see docker compose logs in $DIR}
  head_answers ||
    fail "port 6379 of the host of the stack, $(of_pointer head "$DOMAIN_FORM") at $(cat "$LIB/head" 2>/dev/null || echo "no address"), does not answer; $down"
  has_before || fail "its services are not healthy yet: $down"
  fail "it did not come up: $down"
}
