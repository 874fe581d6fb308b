# "SERVICE IMAGE" of all in that bundle's DIRECTORY: its manifest has the images in the order of the
# services.
image_lines() {
  awk '
    $1 == "service" { service[++services] = $2 }
    $1 == "image" { image[++images] = $2 }
    END { for (i = 1; i <= services; i++) print service[i], image[i] }' "$1/manifest"
}

PULLS_AT_ONCE=3

# GiB that an image takes on the disk, at least: only the registry knows how much it is. Ollama's has
# 3.8 GB.
gib_of() {
  case $1 in
    ollama) echo 4 ;;
    crawl4ai) echo 2 ;;
    *) echo 1 ;;
  esac
}

# Bytes that are free where Docker keeps images; from version 29 on containerd keeps them.
docker_room() {
  local folder
  for folder in "$(docker info --format '{{.DockerRootDir}}' 2>/dev/null || true)" /var/lib/containerd; do
    if [[ -d $folder ]]; then
      echo $(($(stat -f -c '%a * %S' "$folder")))
    fi
  done | sort -n | head -n 1
}

# In memory, below a folder that only root enters, and gone with the step.
LOGINS=/run/geusemaker-docker-login

fetch_logins() {
  (umask 077 && rm -rf "$LOGINS" && mkdir "$LOGINS" &&
    aws_cli ssm get-parameter --with-decryption --name "$1" --query Parameter.Value >"$LOGINS/config.json")
}

# Logs Docker in to the registries that the stack has logins for. The parameter has Docker's own
# file, and nothing but logins is taken from it: a credential helper is a program that Docker starts.
# Without it the pulls go on, since most images are public. Sets LOGIN_HINT, for who is refused.
use_logins() {
  local name form='^\{"auths":\{("[a-z0-9./:-]+":\{"auth":"[A-Za-z0-9+/]+={0,2}"\},?)+\}\}$'
  name=$(sed -n 's/^registries=//p' "$LIB/pointer")
  LOGIN_HINT="; a login is given by pulumi config set --secret geusemaker:registryLogins"
  if [[ -z $name ]]; then
    return 0
  fi
  LOGIN_HINT="; the logins in $name were not used: they could not be read"
  # In place of the boot script's own trap, which it calls.
  trap 'ENDED_WITH=$?; rm -rf "$LOGINS" || true; report "$ENDED_WITH"' EXIT
  if [[ ! $name =~ ^/?[A-Za-z0-9][A-Za-z0-9._/-]*$ ]]; then
    LOGIN_HINT="; the logins were not used: the settings name no parameter"
  elif ! retry "$AWS_TRIES" "$AWS_PAUSE" "the logins of registries" fetch_logins "$name"; then
    :
  elif [[ ! $(<"$LOGINS/config.json") =~ $form ]]; then
    LOGIN_HINT="; the logins in $name were not used: their form is unknown"
  else
    export DOCKER_CONFIG=$LOGINS
    LOGIN_HINT="; is its login in geusemaker:registryLogins?"
    return 0
  fi
  log "pulling without a login${LOGIN_HINT}"
}

# pull_image NUMBER IMAGE: notes why the pull failed, in Docker's own words. A fault that does not pass
# within minutes ends its tries: the whole step is tried again anyway.
pull_image() {
  local image=$2 try=1 said pause hint
  until said=$(docker pull -q "$image" 2>&1 </dev/null); do
    said=$(awk 'NF { said = $0 } END { print said }' <<<"$said" | one_line)
    said=${said#Error response from daemon: }
    said=${said:0:240}
    said=${said% }
    log "image $image, try $try of $PULL_TRIES: $said"
    pause=$PULL_PAUSE hint=
    case ${said,,} in
      *unauthorized* | *denied* | *'authentication required'* | *'no basic auth'*)
        echo "$1 image $image could not be pulled: $said$LOGIN_HINT" >>"$LIB/pull.failed"
        return 0
        ;;
      # Registries count by the hour, and for who has an account by another measure.
      *toomanyrequests* | *'too many requests'* | *'rate limit'*)
        pause=$((PULL_PAUSE * 8)) hint=$LOGIN_HINT
        ;;
      *'no space left'* | *'not found'* | *'manifest unknown'* | *'name unknown'* | *'no matching manifest'*)
        echo "$1 image $image could not be pulled: $said" >>"$LIB/pull.failed"
        return 0
        ;;
    esac
    if ((try >= PULL_TRIES)); then
      echo "$1 image $image could not be pulled in $PULL_TRIES tries: $said$hint" >>"$LIB/pull.failed"
      return 0
    fi
    try=$((try + 1))
    sleep "$pause"
  done
}

# pull_lane NUMBER IMAGE...: every third of them, from that one on. Prints a line for each.
pull_lane() {
  local number=$1
  shift
  for ((number; number < $#; number += PULLS_AT_ONCE)); do
    pull_image "$number" "${@:number+1:1}" >&2
    echo "$number"
  done
}

bundle_pull() {
  local service image lane need=0 room failed
  local -a absent=()
  image_lines "$DIR" >"$LIB/images.all"
  while read -r service image; do
    if ! docker image inspect "$image" >/dev/null 2>&1; then
      absent+=("$image")
      need=$((need + $(gib_of "$service")))
    fi
  done <"$LIB/images.all"
  if ((${#absent[@]} == 0)); then
    return 0
  fi
  room=$(docker_room)
  if [[ -n $room ]] && ((need * 1073741824 > room)); then
    fail "${#absent[@]} images take $need GiB or more, and Docker's disk has $((room / 1073741824)) GiB free. Free some on the host: sudo docker image prune --all removes images that no container uses. Or raise geusemaker:rootVolumeGib, run pulumi up, and reboot the host"
  fi
  rm -f "$LIB/pull.failed"
  use_logins
  # One process sends the report, not each pull. It is renewed during long pulls, since an old report
  # means a host that died. A host that is ready stays so.
  {
    for ((lane = 0; lane < PULLS_AT_ONCE; lane++)); do
      pull_lane "$lane" "${absent[@]}" &
    done
    wait
  } | while read -r _; do
    is_of_this_boot "$STATE/ready.ok" || publish || true
  done
  rm -rf "$LOGINS"
  if [[ -s $LIB/pull.failed ]]; then
    failed=$(grep -c . "$LIB/pull.failed")
    fail "$(sort -n "$LIB/pull.failed" | sed -n '1s/^[0-9]* //p')$( ((failed == 1)) || echo "; $((failed - 1)) more could not be pulled either")"
  fi
}
