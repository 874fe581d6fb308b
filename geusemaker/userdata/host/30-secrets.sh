# read_secrets PARAMETER. Into a variable: nothing of it shows in a file that others read, a command
# line or a log.
read_secrets() {
  SECRETS_TEXT=$(aws_cli ssm get-parameter --with-decryption --name "$1" --query Parameter.Value)
}

# The secrets that config sets are in a parameter of their own. The settings name it as NAME:VERSION,
# so that another value is another pointer. Sets CONFIG_SECRETS to its name; to nothing without one.
config_secrets() {
  CONFIG_SECRETS=$(sed -n 's/^secrets=//p' "$LIB/fetched")
  if [[ -n $CONFIG_SECRETS && ! $CONFIG_SECRETS =~ ^/?[A-Za-z0-9][A-Za-z0-9._/-]*:[0-9]+$ ]]; then
    fail "the settings in $SETTINGS_PARAMETER name the parameter of secrets in a form that this host does not know"
  fi
  CONFIG_SECRETS=${CONFIG_SECRETS%:*}
}

# The files stay, on the encrypted root disk, so that what runs survives a boot during which the
# store does not answer; the step fails all the same.
#
# SECRETS_TEXT has lines NAME=VALUE. Only builtins see a value: no process has it among its
# arguments, and no here-string, which older shells put into a file. A file that holds the value already is left alone, since a container has it mounted.
bundle_secrets() {
  local consumer name uid value line path rest='' missing=
  local -A values=()
  config_secrets
  # Those of config first: they replace none of the stack's own.
  for name in $CONFIG_SECRETS "$SECRETS_PARAMETER"; do
    retry "$AWS_TRIES" "$AWS_PAUSE" "the secrets" read_secrets "$name" ||
      fail "the secrets could not be read from $name in $AWS_TRIES tries"
    rest=$rest$SECRETS_TEXT$'\n'
  done
  while [[ -n $rest ]]; do
    line=${rest%%$'\n'*}
    rest=${rest#*$'\n'}
    if [[ $line == *=* ]]; then
      values[${line%%=*}]=${line#*=}
    fi
  done
  umask 077
  mkdir -p "$SECRETS"
  chmod 0700 "$SECRETS"
  manifest secret >"$LIB/secrets.asked"
  while read -r consumer name uid; do
    value=${values[$name]-}
    if [[ -z $value ]]; then
      missing="$missing $name"
      continue
    fi
    path=$SECRETS/$consumer/$name
    # Containers reach the file by a mount of its own; the folder above keeps all others out.
    mkdir -p "${path%/*}"
    chmod 0711 "${path%/*}"
    if [[ ! -f $path || $(cat "$path") != "$value" ]]; then
      rm -f "$path.new"
      printf '%s' "$value" >"$path.new"
      # Before it takes its place: Caddy reads the keys of callers at any time.
      chown "$uid:$uid" "$path.new"
      chmod 0400 "$path.new"
      mv -f "$path.new" "$path"
    fi
    chown "$uid:$uid" "$path"
    chmod 0400 "$path"
  done <"$LIB/secrets.asked"
  SECRETS_TEXT=
  if [[ -n $missing ]]; then
    fail "$SECRETS_PARAMETER${CONFIG_SECRETS:+ and $CONFIG_SECRETS} has no value for:$missing"
  fi
}

# Prints GEUSEMAKER_SECRETS_CONSUMER='...' for Compose's .env. It changes when a file of that consumer
# is written again: a container goes on with the file that it has mounted, so one whose definition
# names the variable is then created again, and no other. A time tells nothing about a value.
secrets_env() {
  local consumer name
  manifest secret | while read -r consumer name _; do
    echo "$consumer $(find "$SECRETS/$consumer/$name" -printf '%T@' 2>/dev/null || true)"
  done | awk '
    { gsub("-", "_", $1); $1 = toupper($1); times[$1] = times[$1] " " $2 }
    END { for (one in times) printf "GEUSEMAKER_SECRETS_%s=\047%s\047\n", one, substr(times[one], 2) }' | sort
}

# Removes the files that no container of this bundle reads. It runs, so none is gone back to.
tidy_secrets() {
  local path file
  for path in "$SECRETS"/*/*; do
    file=${path#"$SECRETS/"}
    grep -qF "secret ${file/\// } " "$DIR/manifest" || rm -f "$path"
  done
}
