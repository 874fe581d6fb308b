# What the host of a stack with workers and the workers themselves have in common. The bundle's file
# `workers`, one thing a line:
#   closed BRIDGE | metrics | head BRIDGE ADDRESS | drain SECONDS
# Names that AWS gives are in the pointer to the settings instead, as lines of NAME=VALUE.

# extend NAME: the function of that name goes on as plain_NAME, and the caller defines NAME again.
extend() {
  eval "plain_$(declare -f "$1")"
}

# of_workers KIND: the rest of each line of that kind.
of_workers() {
  sed -n "s/^$1\( \|\$\)//p" "$DIR/workers"
}

# of_pointer NAME FORM: that value; nothing where it has another form, or there is none.
of_pointer() {
  { sed -n "s/^$1=//p" "$LIB/pointer" 2>/dev/null || true; } | { grep -xE -e "$2" || true; } | head -n 1
}

extend check_manifest
check_manifest() {
  local bad address='([0-9]{1,3}\.){3}[0-9]{1,3}'
  plain_check_manifest
  bad=$(grep -vE -e '^closed gm-[a-z0-9-]{1,12}$' -e '^metrics$' -e "^head gm-[a-z0-9-]{1,12} $address\$" \
    -e '^drain [0-9]{1,5}$' "$DIR/workers" | head -n 1) || true
  if [[ -n $bad ]]; then
    refuse "bundle $SHA has a line in its file workers that this host does not know: $bad"
  fi
}

# metadata PATH: of the instance's metadata. What is not there (404) is no message.
metadata() {
  local token base=http://169.254.169.254/latest
  token=$(curl -fs -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$base/api/token") &&
    curl -fs -m 5 -H "X-aws-ec2-metadata-token: $token" "$base/meta-data/$1"
}

# add_to_env < LINES: to the .env of Compose.
add_to_env() {
  cat "$DIR/.env" - | write_file "$DIR/.env" 0644
}
