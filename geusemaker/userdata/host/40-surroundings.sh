# write_once FILE MODE < TEXT: false where that is in it already.
write_once() {
  local text
  text=$(cat)
  [[ ! -f $1 || $(cat "$1") != "$text" ]] && write_file "$1" "$2" <<<"$text"
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
