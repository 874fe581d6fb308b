# shellcheck shell=bash
# The bundle's part of the host program: what to do with a bundle of this kind. Sourced by the host
# program, with its functions and settings at hand and this bundle's directory, DIR, as the current
# one. In here since none of it is needed to become a host: changing it replaces nothing.
#
# The manifest, one thing a line:
#   service NAME | image REFERENCE | directory data|efs PATH UID MODE | secret CONSUMER NAME UID
#   model NAME | dump-days NUMBER
#   bridge NAME | reach BRIDGE ADDRESS NETWORK | docker0 ADDRESS/PREFIX

# manifest KIND: the rest of each line of that kind.
manifest() {
  sed -n "s/^$1 //p" "$DIR/manifest"
}

# Values go into paths and command lines.
check_manifest() {
  local bad name='[A-Za-z0-9][A-Za-z0-9_.-]*' address='([0-9]{1,3}\.){3}[0-9]{1,3}'
  bad=$(grep -vE -e "^service $name\$" \
    -e "^image $name(/$name)*(:[0-9]+)?(/$name)*(:$name)?(@sha256:[0-9a-f]{64})?\$" \
    -e "^directory (data|efs) $name(/$name)* [0-9]+ 0?[0-7]{3}\$" \
    -e "^secret $name $name [0-9]+\$" \
    -e "^model [A-Za-z0-9][A-Za-z0-9_.:/-]*\$" \
    -e '^dump-days [0-9]+$' -e '^bridge gm-[a-z0-9-]{1,12}$' \
    -e "^reach gm-[a-z0-9-]{1,12} $address $address/[0-9]{1,2}\$" \
    -e "^docker0 $address/[0-9]{1,2}\$" "$DIR/manifest" | head -n 1) || true
  if [[ -n $bad ]]; then
    refuse "bundle $SHA has a line in its manifest that this host does not know: $bad"
  fi
}
