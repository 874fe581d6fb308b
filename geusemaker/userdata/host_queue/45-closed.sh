# Networks that only publish a port for workers. Docker publishes none from an internal network, so
# these are not internal. These rules let only answers leave them.
#
# They are a chain of their own. It and the wall only drop packets, so their order does not matter.

closed_rules() {
  local bridge
  printf '%s\n' '*filter' ':GEUSEMAKER-CLOSED - [0:0]'
  for bridge in $CLOSED_BRIDGES; do
    echo "-A GEUSEMAKER-CLOSED -i $bridge -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP"
  done
  echo COMMIT
}

# closed_of iptables|ip6tables
closed_of() {
  closed_rules | "$1-restore" --wait=30 --noflush &&
    { "$1" -w 30 -n -L DOCKER-USER >/dev/null 2>&1 || "$1" -w 30 -N DOCKER-USER; } &&
    { "$1" -w 30 -C DOCKER-USER -j GEUSEMAKER-CLOSED 2>/dev/null ||
      "$1" -w 30 -I DOCKER-USER -j GEUSEMAKER-CLOSED; }
}

closed_up() {
  closed_of iptables || return
  if ip6tables -w 30 -n -L INPUT >/dev/null 2>&1; then
    closed_of ip6tables
  fi
}

put_up_closed() {
  {
    echo '#!/bin/bash'
    printf "CLOSED_BRIDGES='%s'\n" "$(of_workers closed)"
    declare -f closed_rules closed_of closed_up
    echo closed_up
  } | write_once "$LIB/closed" 0755 || true
  if write_once "$UNITS/docker.service.d/geusemaker-closed.conf" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c 'exec bash $LIB/closed'
UNIT
    systemctl daemon-reload
  fi
  bash "$LIB/closed" || fail "iptables could not set the rules of the networks that lead nowhere"
}

# Called right after put_up_wall, which cannot be extended: bash does not read what `declare -f` prints
# of a here-document in a condition.
extend move_docker0
move_docker0() {
  put_up_closed
  plain_move_docker0
}
