# Others may write to the folder of dumps too, under any name. So whatever is done there is done as
# its own user, and not as root.
in_backups() {
  as_user "$(owner_of backups)" "$@"
}

# dump_to FILE SECONDS: a file of that name, or a link, ends this. So does a table that stays locked.
dump_to() {
  # shellcheck disable=SC2016  # for that shell
  from_container "$2" postgres pg_dumpall -U n8n |
    in_backups bash -c 'umask 077; set -o noclobber; gzip -c >"$1"' bash "$1" &&
    in_backups gzip -dc "$1" | tail -n 5 | grep -F 'PostgreSQL database cluster dump complete' >/dev/null
}

# write_dump [SECONDS]: a dump onto EFS, by its name once it is whole.
write_dump() {
  local new part
  new=$EFS_ROOT/backups/postgres-$(date -u +%Y%m%dT%H%M%SZ).sql.gz
  # A name that nobody can guess, and so put a link at. The last step replaces a link too, and does
  # not write into the folder that it leads to.
  part=$(mktemp -u "$new.XXXXXXXXXX.part") || return 1
  if dump_to "$part" "${1-$UNIT_SECONDS}" && in_backups mv -fT "$part" "$new"; then
    echo "dump=$(date -u +%Y-%m-%dT%H:%M:%SZ)" | write_file "$LIB/dump" 0644
  else
    in_backups rm -f "$part"
    return 1
  fi
}

# Every night, onto EFS. A dump has its name only once it is whole, and only then do older ones go.
bundle_dump() {
  local days folder=$EFS_ROOT/backups
  days=$(manifest dump-days)
  if ((${days:-0} == 0)); then
    RESULT="succeeded: dumps are off"
    return 0
  fi
  umask 077
  retry "$DUMP_TRIES" "$DUMP_PAUSE" "the host to be ready" is_of_this_boot "$STATE/services.ok" ||
    dump_failed "the host did not become ready"
  # Other settings may have come meanwhile.
  cd "$LIB/current"
  in_backups find "$folder" -maxdepth 1 -name 'postgres-*.part' -mmin +720 -delete
  write_dump || dump_failed "pg_dumpall did not give a whole dump"
  # Their names sort by their time.
  in_backups find "$folder" -maxdepth 1 -type f -printf '%f\n' |
    { grep -E '^postgres-[0-9]{8}T[0-9]{6}Z\.sql\.gz$' || true; } | sort -r | tail -n +$((days + 1)) |
    while IFS= read -r old; do in_backups rm -f "$folder/$old"; done
  publish || true
}

note_failed_dump() {
  { grep -s ^dump= "$LIB/dump" || true; echo "dump.failed=$(date -u +%Y-%m-%dT%H:%M:%SZ) $1"; } |
    write_file "$LIB/dump" 0644
}

dump_failed() {
  note_failed_dump "$1"
  fail "$1; earlier dumps stay"
}
