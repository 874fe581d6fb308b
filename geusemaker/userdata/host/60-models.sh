# Models are pulled after the host is ready, by a unit of its own: they may take an hour.
# Once for a list and a boot; a model that failed is tried again by: systemctl start geusemaker-models
# Where there is a cache of models, what Ollama has counts as well: it may have got others since.
models_wanted() {
  this_boot && manifest model
  if may_cache_models; then
    in_models list_blobs | cut -d ' ' -f 3 | sort
    in_models changed_copies
  fi
}

# The unit notes itself what it sees to. One that is at work cannot be started, and the list of a
# moment ago is not the one of now: so it is started until it has noted this list.
bundle_start_models() {
  if [[ $(models_wanted) != "$(cat "$LIB/models.for" 2>/dev/null)" ]]; then
    systemctl start --no-block geusemaker-models.service
  fi
}

# set_model NAME STATE: in the lines that go into the status record.
set_model() {
  { awk -v key="model.$1=" 'index($0, key) != 1' "$LIB/models" 2>/dev/null || true; echo "model.$1=$2"; } |
    write_file "$LIB/models" 0644
}

# ask_ollama SECONDS COMMAND...: code in Ollama's container can make the answer endless. Other settings
# may come meanwhile, and this bundle go.
ask_ollama() {
  (cd "$LIB/current" && timeout -k 10 "$1" docker compose exec -T ollama ollama "${@:2}" </dev/null 2>&1)
}

# Ollama lists a model by the shortest of its names, and takes upper case for lower.
has_model() {
  ask_ollama 300 list | head -c 1000000 | awk -v name="$1" '
    function full(name, part, parts) {
      name = tolower(name)
      sub("^[a-z]+://", "", name)
      parts = split(name, part, "/")
      if (part[parts] !~ /:/) name = name ":latest"
      if (parts == 1) name = "library/" name
      return (parts < 3 ? "registry.ollama.ai/" : "") name
    }
    full($1) == full(name) { found = 1 }
    END { exit !found }'
}

# Ollama paints one line over and over; what stands before a percent sign is how far it is. What it
# says may come from a registry, and has no bound of its own.
pull_model() {
  local chunk last='' said=''
  ask_ollama 43200 pull "$1" | {
    while IFS= read -r -n 2000 -d % chunk || [[ -n $chunk ]]; do
      if [[ $chunk =~ ([0-9]{1,3})$ && ${BASH_REMATCH[1]} != "$last" ]]; then
        last=${BASH_REMATCH[1]}
        set_model "$1" "pulling $last%"
      fi
      said=$said$chunk
      ((${#said} <= 4000)) || said=${said: -4000}
    done
    printf '%s' "$(awk 'NF { said = $0 } END { print said }' <<<"$said")" | one_line >"$LIB/model.said"
  } && has_model "$1"
}

# A model that does not come is no reason to call the host anything but ready.
bundle_models() {
  local model failed=
  models_wanted | write_file "$LIB/models.for" 0644
  rm -f "$LIB/models"
  for model in $(manifest model); do
    set_model "$model" waiting
  done
  # What is there already takes minutes to copy and less to use; what is pulled may take an hour.
  cache_models
  for model in $(manifest model); do
    if has_model "$model" || retry "$MODEL_TRIES" "$MODEL_PAUSE" "model $model" pull_model "$model"; then
      set_model "$model" here
    else
      set_model "$model" "failed: $(cat "$LIB/model.said" 2>/dev/null)"
      failed="$failed $model"
    fi
    publish || true
  done
  if [[ -n $(manifest model) ]]; then
    cache_models
  fi
  if [[ -n $failed ]]; then
    fail "these models could not be pulled:$failed"
  fi
}
