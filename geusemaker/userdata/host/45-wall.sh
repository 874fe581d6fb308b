# The wall between containers and the private network. They are for the internet and for each other:
# neither the neighbours of the VPC, nor the host's own ports, nor the metadata service is their
# business. The first wall around the metadata is the instance's hop limit of 1.

# wall_resolvers 4|6: what the host resolves names by. They are in the ranges that the wall closes,
# and Docker asks them from within the containers.
wall_resolvers() {
  local shape='^[0-9]+(\.[0-9]+){3}$' own='^127\.'
  if [[ $1 == 6 ]]; then
    shape='^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$' own='^::1$'
  fi
  cat /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null |
    awk '$1 == "nameserver" { print $2 }' | sort -u | { grep -E "$shape" | grep -Ev "$own" || true; }
}

# wall_rules 4|6 METADATA RANGE...: both chains for iptables-restore, which puts up all or nothing.
wall_rules() {
  local version=$1 metadata=$2 bridge source network address range
  shift 2
  printf '%s\n' '*filter' ':GEUSEMAKER-OUT - [0:0]' ':GEUSEMAKER-IN - [0:0]'
  echo '-A GEUSEMAKER-OUT -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN'
  echo "-A GEUSEMAKER-OUT -d $metadata -j DROP"
  # Without this, who comes in from a private network to the published port would be stopped too.
  echo '-A GEUSEMAKER-OUT ! -i gm-+ -j RETURN'
  for address in $(wall_resolvers "$version"); do
    echo "-A GEUSEMAKER-OUT -d $address -p udp --dport 53 -j RETURN"
    echo "-A GEUSEMAKER-OUT -d $address -p tcp --dport 53 -j RETURN"
  done
  # What stays on one bridge passes here where the kernel has br_netfilter.
  for bridge in $WALL_BRIDGES; do
    echo "-A GEUSEMAKER-OUT -i $bridge -o $bridge -j RETURN"
  done
  while read -r bridge source network; do
    if [[ $version == 4 && -n $network ]]; then
      echo "-A GEUSEMAKER-OUT -i $bridge -s $source -d $network -j RETURN"
    fi
  done <<<"$WALL_REACHES"
  for range in "$@"; do
    echo "-A GEUSEMAKER-OUT -d $range -j DROP"
  done
  # Neighbour discovery of IPv6 is neither, and passes.
  echo '-A GEUSEMAKER-IN -m conntrack --ctstate NEW,INVALID -j DROP'
  echo COMMIT
}

# wall_of iptables|ip6tables 4|6 METADATA RANGE...: the chains first, then the ways into them, so
# that a wall which stands is replaced in one moment. Docker makes DOCKER-USER where it is not there,
# keeps what is in it, and asks it first.
wall_of() {
  local tables=$1
  shift
  wall_rules "$@" | "$tables-restore" --wait=30 --noflush &&
    { "$tables" -w 30 -n -L DOCKER-USER >/dev/null 2>&1 || "$tables" -w 30 -N DOCKER-USER; } &&
    { "$tables" -w 30 -C DOCKER-USER -j GEUSEMAKER-OUT 2>/dev/null ||
      "$tables" -w 30 -I DOCKER-USER -j GEUSEMAKER-OUT; } &&
    { "$tables" -w 30 -C INPUT -i gm-+ -j GEUSEMAKER-IN 2>/dev/null ||
      "$tables" -w 30 -I INPUT -i gm-+ -j GEUSEMAKER-IN; }
}

# A kernel without IPv6 has no table for it.
wall_up() {
  wall_of iptables 4 169.254.169.254/32 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 \
    169.254.0.0/16 198.18.0.0/15 || return
  if ip6tables -w 30 -n -L INPUT >/dev/null 2>&1; then
    wall_of ip6tables 6 fd00:ec2::254/128 fc00::/7 fe80::/10
  fi
}

# Before any container of the bundle starts. Rules are gone after a boot, and Docker starts what ran
# before ahead of any step: so Docker's unit puts the wall up as well, by a script of its own, since
# it cannot call into a bundle. One that cannot be does not keep Docker down; the step fails.
put_up_wall() {
  local WALL_BRIDGES WALL_REACHES
  WALL_BRIDGES=$(manifest bridge)
  WALL_REACHES=$(manifest reach)
  {
    echo '#!/bin/bash'
    printf "WALL_BRIDGES='%s'\nWALL_REACHES='%s'\n" "$WALL_BRIDGES" "$WALL_REACHES"
    declare -f wall_resolvers wall_rules wall_of wall_up
    echo wall_up
  } | write_once "$LIB/wall" 0755 || true
  if write_once "$UNITS/docker.service.d/geusemaker-wall.conf" 0644 <<UNIT; then
[Service]
ExecStartPre=-/bin/sh -c 'exec bash $LIB/wall'
UNIT
    systemctl daemon-reload
  fi
  bash "$LIB/wall" || fail "iptables could not set the rules between containers and the private network"
}

# with_address PYTHON FILE ADDRESS: what Docker's settings are with this address for its own bridge;
# nothing where they have one. Python 2 of Amazon Linux 2 runs it too.
with_address() {
  "$1" - "$2" "$3" <<'MERGE'
import collections, json, os, sys
path, address = sys.argv[1:]
text = open(path).read() if os.path.exists(path) else ""
settings = json.loads(text or "{}", object_pairs_hook=collections.OrderedDict)
if "bip" not in settings:
    settings["bip"] = address
    sys.stdout.write(json.dumps(settings, indent=4))
MERGE
}

# Docker's own bridge goes where the others are, away from networks that a VPC is joined to. All else
# in the settings stays: the NVIDIA runtime is there. Docker is started again only when they changed,
# and with those of before when it does not start.
move_docker0() {
  local file=/etc/docker/daemon.json address python settings
  address=$(manifest docker0)
  if [[ -z $address || $(cat "$LIB/docker0-stays" 2>/dev/null) == "$address" ]]; then
    return 0
  fi
  python=$(command -v python3 || command -v python) || true
  settings=$(with_address "$python" "$file" "$address") || {
    log "$file could not be read: Docker's own bridge keeps its address"
    return 0
  }
  if [[ -z $settings ]]; then
    return 0
  fi
  log "restarting Docker, with its own bridge at $address"
  mkdir -p "${file%/*}"
  rm -f "$LIB/daemon.json"
  if [[ -f $file ]]; then
    cp -p "$file" "$LIB/daemon.json"
    cp -p "$file" "$file.new"
  fi
  printf '%s\n' "$settings" >"$file.new"
  mv -f "$file.new" "$file"
  if systemctl restart docker.service && retry "$DOCKER_TRIES" "$DOCKER_PAUSE" docker docker_answers; then
    return 0
  fi
  log "Docker does not start with it: its own bridge keeps its address"
  if [[ -f $LIB/daemon.json ]]; then
    mv -f "$LIB/daemon.json" "$file"
  else
    rm -f "$file"
  fi
  write_file "$LIB/docker0-stays" 0644 <<<"$address"
  systemctl restart docker.service || true
  retry "$DOCKER_TRIES" "$DOCKER_PAUSE" docker start_docker ||
    fail "docker did not start again; see journalctl -u docker"
}
