# The host of the stack, by its name in the private zone: another host takes the name over with the
# data.

DOMAIN_FORM='[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+'

# Prints the address that the name has now.
find_head() {
  local name address
  name=$(of_pointer head "$DOMAIN_FORM")
  address=$(getent ahostsv4 "${name:-.}" | awk 'NR == 1 { print $1 }')
  [[ $address =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}$ ]] && echo "$address"
}

# The wall has the way to the host's address besides the ways of the manifest.
extend manifest
manifest() {
  plain_manifest "$1"
  if [[ $1 == reach && -s $LIB/head ]]; then
    echo "$(of_workers head) $(cat "$LIB/head")/32"
  fi
}

# Sets HEAD_ADDRESS.
read_head() {
  HEAD_ADDRESS=$(find_head)
}

# Opens the wall to the address that the name has now, and closes it to the one before. While the name
# has none, the last one stays. Tried again where the wall could not be put up.
follow_head() {
  if ! read_head || [[ $HEAD_ADDRESS == "$(cat "$LIB/head" 2>/dev/null)" ]]; then
    return 0
  fi
  log "the host of the stack is at $HEAD_ADDRESS"
  write_file "$LIB/head" 0644 <<<"$HEAD_ADDRESS"
  (put_up_wall) || rm -f "$LIB/head"
}

# A worker has no Caddy.
caddy_dir() {
  :
}

extend write_env
write_env() {
  local head zone
  head=$(of_pointer head "$DOMAIN_FORM")
  zone=$(of_pointer zone "$DOMAIN_FORM")
  [[ -n $head && -n $zone ]] ||
    refuse "the settings in $SETTINGS_PARAMETER do not name the host of the stack, or not in a form that this host knows"
  plain_write_env
  printf "GEUSEMAKER_HEAD='%s'\nGEUSEMAKER_ZONE='%s'\n" "$head" "$zone" | add_to_env
}
