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
