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
      # Not by install -o, which refuses an id that has no name (uutils 0.8.0, Ubuntu 26.04).
      data)
        mkdir -p "$DATA_MOUNT/$path"
        chown "$uid:$uid" "$DATA_MOUNT/$path"
        chmod "$mode" "$DATA_MOUNT/$path"
        ;;
      # Whatever root does below an access point is done as the point's own user.
      efs)
        if [[ ! -d $EFS_ROOT/$path ]]; then
          install -d -m "$mode" "$EFS_ROOT/$path"
        fi
        ;;
    esac
  done <"$LIB/directories"
}
