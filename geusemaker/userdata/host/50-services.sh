# Prints service.NAME=healthy|unhealthy|starting|missing for each service of the manifest, and of an
# Ollama that answers without its GPU what it does.
bundle_health() {
  local service running without=
  if lacks_gpu; then
    without=yes
  fi
  running=$(docker compose ps -a --format '{{.Service}} {{.State}} {{.Health}}')
  for service in $(manifest service); do
    awk -v service="$service" -v without="$without" '
      $1 == service {
        found = "unhealthy"
        if ($2 == "running" && ($3 == "healthy" || $3 == "")) found = "healthy"
        else if ($2 == "running" && $3 == "starting") found = "starting"
      }
      END { if (found == "healthy" && service == "ollama" && without) found = "on the CPU: it sees no GPU" }
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
  tidy_secrets
}
