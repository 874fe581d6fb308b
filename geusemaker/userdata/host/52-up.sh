CHECK_SECONDS=300

bundle_up() {
  local down checked=0
  guard_data
  rotate_log
  put_up_wall
  move_docker0
  make_directories
  keep_caddyfile
  keep_gpu
  write_env
  # It reads from Caddy's folder, where a pipe would hold it up.
  timeout -k 10 "$CHECK_SECONDS" docker compose run --rm --no-deps -T caddy \
    caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile || checked=$?
  case $checked in
    0) ;;
    124 | 137) fail "Caddy did not finish checking its Caddyfile in $CHECK_SECONDS seconds" ;;
    *) fail "Caddy refuses its Caddyfile" ;;
  esac
  keep_before_other_images
  renew_without_gpu
  # From here on every failure has to hand the models back.
  own_models "$(owner_of ollama)" || {
    give_models_back
    fail "Ollama could not be stopped, or the owner of its models could not be changed"
  }
  restore_models || log "the cache of models could not be set up"
  # Compose gives up as soon as one container exits or is unhealthy once, though Docker starts it
  # again: one that only waits for another is no reason to go back to what ran before. As patient
  # as the dump is with a host on its way to ready; the host program has no number for this.
  UP_UNTIL=$((SECONDS + SERVICES_SECONDS))
  UP=
  retry "$DUMP_TRIES" "$DUMP_PAUSE" "the services to come up" try_up || true
  if [[ -n $UP ]]; then
    note_images || log "the images that came up could not be noted on the data volume"
    return 0
  fi
  down=$(bundle_problem)
  give_models_back
  fail "it did not come up: ${down:-see docker compose logs in $DIR}"
}
