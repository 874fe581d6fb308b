# Images of the services whose data changes one way only: n8n's tables, Qdrant's storage, and the
# order of text in PostgreSQL's indexes. The image that came up last over each of them is noted on
# the data volume, beside the data and out of every container's reach: a host that takes the volume
# over knows it from nowhere else.

# images_of_data DIRECTORY: "SERVICE IMAGE" of these in that bundle.
images_of_data() {
  image_lines "$1" | awk '$1 ~ /^(n8n|postgres|qdrant)$/'
}

# The same of what came up last. Before anything was noted, of the bundle that came up last here.
last_images() {
  local applied
  applied=$BUNDLES/$(sha_in "$LIB/applied")
  if [[ -f $DATA_MOUNT/geusemaker/images ]]; then
    cat "$DATA_MOUNT/geusemaker/images"
  elif [[ -f $applied/manifest ]]; then
    images_of_data "$applied"
  fi
}

# A service that does not run now keeps its line, as it keeps its data.
note_images() {
  { images_of_data "$DIR" && last_images; } | awk '!seen[$1]++' |
    write_file "$DATA_MOUNT/geusemaker/images" 0600
}

# image_of SERVICE < LINES
image_of() {
  awk -v service="$1" '$1 == service { print $2; exit }'
}

tag_of() {
  local name=${1%%@*}
  name=${name##*/}
  if [[ $name =~ ^[^:]+:([A-Za-z0-9._-]+)$ ]]; then
    printf '%s' "${BASH_REMATCH[1]}"
  fi
}

# The version that a tag begins with, as a number to compare by; nothing where there is none.
number_of() {
  local version='^v?([0-9]{1,4})\.([0-9]{1,4})(\.([0-9]{1,4}))?([^0-9.]|$)'
  if [[ $1 =~ $version ]]; then
    echo $((10#${BASH_REMATCH[1]} * 100000000 + 10#${BASH_REMATCH[2]} * 10000 + 10#${BASH_REMATCH[4]:-0}))
  fi
}

debian_of() {
  grep -oE 'bullseye|bookworm|trixie|forky' <<<"$1" | head -n 1 || true
}

# The Debian of the database that runs now, for a tag that names none.
running_debian() {
  from_container 60 postgres cat /etc/os-release | head -c 10000 |
    sed -n 's/^VERSION_CODENAME=\([a-z]*\)$/\1/p' | head -n 1 || true
}

# why_not_over SERVICE LAST NEW: why the image NEW may not start over the data of LAST, and what to
# do; nothing where it may, or where a tag does not tell.
why_not_over() {
  local service=$1 last new from to
  last=$(tag_of "$2") new=$(tag_of "$3")
  from=$(number_of "$last") to=$(number_of "$new")
  if [[ $service == postgres ]]; then
    from=$(debian_of "$last") to=$(debian_of "$new")
    from=${from:-$(running_debian)}
    if [[ -n $from && -n $to && $from != "$to" ]]; then
      echo "Debian $to may sort text differently from Debian $from, for which the indexes are sorted. Use an image on Debian $from: pulumi config set geusemaker:imageVersions postgres=docker.io/library/postgres:18-$from (with your other entries, if any), or move the data by a dump"
    fi
    return 0
  fi
  if [[ -z $from || -z $to ]]; then
    return 0
  fi
  if ((to < from)); then
    echo "it is older, and cannot read data that the newer version has changed. Stay on the newer one: pulumi config set geusemaker:imageVersions $service=${2%%@*} (with your other entries, if any), or go back together with the data (docs/backup-and-restore.md)"
  elif [[ $service == n8n ]] && ((to / 100000000 - from / 100000000 > 1)); then
    echo "it skips a major version. First set n8n in geusemaker:imageVersions to the last release of $((from / 100000000 + 1)), run pulumi up, and wait until geusemaker status says ready"
  elif [[ $service == qdrant ]] && ((to / 10000 - from / 10000 > 1)); then
    to=v$((from / 100000000)).$((from / 10000 % 10000 + 1))
    echo "Qdrant reads the storage of the previous minor version only. First set qdrant in geusemaker:imageVersions to the last release of $to (qdrant/qdrant:$to.PATCH-unprivileged), run pulumi up, wait until geusemaker status says ready, and repeat up to $new"
  fi
}

# Before anything is stopped. The way back is to what came up last: if the data has moved on since,
# nothing else is left.
guard_data() {
  local service new last why
  if cmp -s "$LIB/applying" "$LIB/applied"; then
    return 0
  fi
  images_of_data "$DIR" >"$LIB/images.next"
  while read -r service new; do
    last=$(last_images | image_of "$service")
    if [[ -n $last ]]; then
      why=$(why_not_over "$service" "$last" "$new")
      [[ -z $why ]] || refuse "$service $(tag_of "$new") cannot start over the data of $(tag_of "$last"): $why"
    fi
  done <"$LIB/images.next"
}

# comes_anew FOLDER SERVICE...: whether another image than last starts over the data in that folder.
# Where nothing was noted, whether there is any data.
# A service that does not run starts over nothing.
comes_anew() {
  local folder=$DATA_MOUNT/$1 service new last
  shift
  for service in "$@"; do
    new=$(image_of "$service" <"$LIB/images.next")
    if [[ -z $new ]]; then
      continue
    fi
    last=$(image_of "$service" <"$LIB/images.last")
    if [[ -z $last ]]; then
      [[ -z $(find "$folder" -mindepth 1 -print -quit 2>/dev/null) ]] || return 0
    elif [[ $last != "$new" ]]; then
      return 0
    fi
  done
  return 1
}

# A copy of the data over which other images start. Without one the update continues: it may be what
# repairs the data.
keep_before_other_images() {
  last_images >"$LIB/images.last"
  images_of_data "$DIR" >"$LIB/images.next"
  dump_before_other_images
  if comes_anew qdrant/storage qdrant; then
    log "another image of Qdrant is about to start: copying its storage first"
    copy_qdrant || {
      note_failed_dump "before an update: Qdrant's storage could not be copied: ${COPY_SAID:-see $LOG}"
      log "continuing without a copy of Qdrant's storage from before this update"
    }
  fi
}

dump_before_other_images() {
  local days
  days=$(manifest dump-days)
  if ((${days:-0} == 0)) || ! comes_anew postgres n8n postgres; then
    return 0
  fi
  log "other images are about to start over the databases: making a dump first"
  # On a host that took the volume over, nothing runs yet.
  if ! bundle_health | grep -xF service.postgres=healthy >/dev/null; then
    docker compose up -d --wait --wait-timeout "$SERVICES_SECONDS" postgres || true
    [[ -n $(image_of postgres <"$LIB/images.last") ]] || check_collation
  fi
  (umask 077 && write_dump "$((UNIT_SECONDS / 6 + 1))") || {
    note_failed_dump "before an update: pg_dumpall did not give a whole dump"
    log "continuing without a dump from before this update"
  }
}

# The database itself knows which C library its indexes are sorted by, where nothing was noted.
check_collation() {
  local differs
  differs=$(from_container 60 postgres psql -X -A -t -U n8n -d n8n -c \
    "SELECT datcollversion || ' ' || pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)" \
    | head -c 1000) || return 0
  if [[ $differs =~ ^([0-9.]+)\ ([0-9.]+)$ ]]; then
    docker compose stop postgres || true
    refuse "the indexes of postgres are sorted for version ${BASH_REMATCH[1]} of the C library, and this image has ${BASH_REMATCH[2]} (2.36 is Debian bookworm's, 2.41 trixie's). Set postgres in geusemaker:imageVersions to an image on the Debian of the indexes"
  fi
}

as_qdrant() {
  as_user "$(owner_of qdrant/storage)" "$@"
}

# Folders in a copy have the modes that Qdrant's container gave them.
remove_copies() {
  # shellcheck disable=SC2016  # for that shell
  as_qdrant bash -c 'for copy in "$1"/before-*; do
    [[ ! -d $copy ]] || { chmod -R u+rwx "$copy"; rm -rf "$copy"; } || exit
  done' bash "$1"
}

# One copy, with Qdrant stopped, and by Qdrant's own user: nothing that its container has put there
# leads root anywhere. No container sees the folder that holds the copy. A copy over which nothing
# has come up since stays: what is there now may be changed already. One that takes too long is given
# up: the unit's time limit would end the step with Qdrant stopped, each time anew.
copy_qdrant() {
  local folder=$DATA_MOUNT/qdrant need room copy noted=$DATA_MOUNT/geusemaker seconds=$((UNIT_SECONDS / 4 + 1)) status=0
  COPY_SAID=
  if [[ $noted/qdrant-copied -nt $noted/images ]]; then
    return 0
  fi
  copy=$folder/before-$(tag_of "$(image_of qdrant <"$LIB/images.next")")
  remove_copies "$folder" &&
    need=$(as_qdrant find "$folder/storage" -printf '%b\n' | awk '{ blocks += $1 } END { printf "%.0f", blocks * 512 }') &&
    room=$(stat -f -c '%a * %S' "$folder") || return 1
  if ((need + 1073741824 > room)); then
    COPY_SAID="it takes $((need / 1048576)) MiB, and the data volume has $((room / 1048576)) MiB free"
    return 1
  fi
  docker compose stop qdrant && as_qdrant timeout -k 10 "$seconds" cp -a "$folder/storage" "$copy.part" &&
    as_qdrant mv -T "$copy.part" "$copy" || status=$?
  if ((status != 0)); then
    ((status != 124)) || COPY_SAID="it takes more than $seconds seconds"
    remove_copies "$folder"
    return 1
  fi
  write_file "$noted/qdrant-copied" 0600 <<<"$copy"
}
