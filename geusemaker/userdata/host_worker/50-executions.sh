# What a worker reports besides the health of its services:
#   worker=ready|draining|left | executions=NUMBER

LEAVING=/run/geusemaker-leaving

# of_leaving NAME: what is noted of this worker's end. /run is empty after a boot.
of_leaving() {
  sed -n "s/^$1=//p" "$LEAVING" 2>/dev/null || true
}

# container_of SERVICE: the id of that container if it runs; false where Docker does not answer. By
# labels, since a bundle that is being started may have no folder yet that Compose could be asked in.
container_of() {
  local found
  found=$(timeout -k 5 20 docker ps -q --no-trunc --filter label=com.docker.compose.project=geusemaker \
    --filter "label=com.docker.compose.service=$1") || return 1
  printf '%s\n' "$found" | { grep -xE '[0-9a-f]{12,64}' || true; } | head -n 1
}

# Prints how many executions run, by the messages of n8n since its start: nothing where its log level
# leaves them out. Workflows can write there as well, so what they write may change the number, and
# nothing else: it is counted here, and there are never more than a hundred.
count_executions() {
  local id
  id=$(container_of n8n) || return 0
  if [[ -z $id ]]; then
    echo 0
    return 0
  fi
  { timeout -k 5 20 docker logs --tail 20000 "$id" 2>/dev/null || true; } | head -c 16000000 | LC_ALL=C awk '
    length > 4000 { next }
    /n8n worker is now ready/ { split("", open); seen = 1 }
    match($0, /Worker (started|finished|errored while running) execution [0-9]+ \(job [0-9]+\)/) {
      said = job = substr($0, RSTART, RLENGTH)
      sub(/^.*\(job /, "", job)
      if (said !~ /errored/) seen = 1
      if (said ~ /started/) open[job] = 1
      else delete open[job]
    }
    END { for (job in open) count++; if (seen && count <= 100) print count + 0 }'
}

extend bundle_health
bundle_health() {
  local lines count state
  follow_head >&2
  lines=$(plain_bundle_health)
  state=$(of_leaving state)
  count=$(count_executions)
  if [[ -z $state && -n $lines ]] && ! grep -v '=healthy$' <<<"$lines" >/dev/null; then
    state=ready
  fi
  printf '%s\n' "$lines" ${state:+"worker=$state"} ${count:+"executions=$count"}
}
