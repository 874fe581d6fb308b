# The address at which workers reach the published ports, and no one else does.
read_address() {
  ADDRESS=$(metadata local-ipv4) && [[ $ADDRESS =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}$ ]]
}

extend write_env
write_env() {
  retry "$AWS_TRIES" "$AWS_PAUSE" "the instance's private address" read_address ||
    fail "the metadata service did not answer with the instance's private address in $AWS_TRIES tries"
  plain_write_env
  echo "GEUSEMAKER_ADDRESS='$ADDRESS'" | add_to_env
}
