# Into a variable: nothing of it shows in a file that others read, a command line or a log.
read_secrets() {
  SECRETS_TEXT=$(aws_cli ssm get-parameter --with-decryption --name "$SECRETS_PARAMETER" --query Parameter.Value)
}

# The files stay, on the encrypted root disk, so that what runs survives a boot during which the
# store does not answer; the step fails all the same.
#
# SECRETS_TEXT has lines NAME=VALUE. Only builtins see a value: no process has it among its
# arguments, and no here-string, which older shells put into a file. A file that holds the value already is left alone, since a container has it mounted.
bundle_secrets() {
  local consumer name uid value line path rest missing=
  local -A values=()
  retry "$AWS_TRIES" "$AWS_PAUSE" "the secrets" read_secrets ||
    fail "the secrets could not be read from $SECRETS_PARAMETER in $AWS_TRIES tries"
  rest=$SECRETS_TEXT$'\n'
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
      mv -f "$path.new" "$path"
    fi
    chown "$uid:$uid" "$path"
    chmod 0400 "$path"
  done <"$LIB/secrets.asked"
  SECRETS_TEXT=
  if [[ -n $missing ]]; then
    fail "$SECRETS_PARAMETER has no value for:$missing"
  fi
}
