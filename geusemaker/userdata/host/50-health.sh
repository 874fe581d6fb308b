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
