# What waits and what runs in n8n's queue. Bull keeps both in lists.

# Sets WAITING and RUNNING. Code in Valkey's container can answer anything.
read_queue() {
  local said ask numbers='^([0-9]{1,9})'$'\n''([0-9]{1,9})'$'\n''([0-9]{1,9})$'
  # shellcheck disable=SC2016  # for the shell in the container
  ask='export REDISCLI_AUTH="$(cat /run/secrets/valkey-password)"
    for list in wait paused active; do
      valkey-cli --tls --cacert /tmp/authority.pem -h 127.0.0.1 llen "bull:jobs:$list" || exit
    done'
  said=$(from_container 20 valkey /bin/sh -c "$ask" | head -c 100) && [[ $said =~ $numbers ]] || return 1
  WAITING=$((10#${BASH_REMATCH[1]} + 10#${BASH_REMATCH[2]})) RUNNING=$((10#${BASH_REMATCH[3]}))
}

# Also at 0. Nothing is published for a queue that does not answer: no rule ends a worker without data.
publish_queue() {
  local namespace said
  namespace=$(of_pointer namespace 'GeuseMaker/[A-Za-z0-9._-]+')
  if [[ -z $namespace ]] || ! grep -qx metrics "$DIR/workers"; then
    return 0
  fi
  said=$(aws_cli cloudwatch put-metric-data --namespace "$namespace" --metric-data \
    "MetricName=Waiting,Value=$WAITING,Unit=Count" "MetricName=Running,Value=$RUNNING,Unit=Count" 2>&1) ||
    log "the queue's length could not be published: $(one_line <<<"$said")"
}

# Each minute, with the health of the services.
extend bundle_health
bundle_health() {
  local WAITING RUNNING since
  plain_bundle_health
  if read_queue; then
    publish_queue >&2
    printf 'queue.waiting=%s\nqueue.running=%s\n' "$WAITING" "$RUNNING"
    if ((WAITING)); then
      since=$(sed -n 's/^queue\.since=//p' "$LIB/health" 2>/dev/null || true)
      printf 'queue.since=%s\n' "${since:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}"
    fi
  fi
}
