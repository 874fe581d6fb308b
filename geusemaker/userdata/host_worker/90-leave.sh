# How a worker leaves, for every reason: its group ends it (less load, a newer launch template, a
# rebalance of Spot capacity), AWS takes its Spot capacity back, or it shuts down. n8n takes no new
# execution and ends those that run. Then the group may end the instance.
#
# A program of its own, which systemd keeps running and stops before Docker.

# Prints why this worker is to leave; false where it is not.
reason_to_leave() {
  if [[ $(metadata autoscaling/target-lifecycle-state) == Terminated ]]; then
    echo "its Auto Scaling group ends it"
  elif metadata spot/instance-action >/dev/null; then
    echo "AWS takes its Spot capacity back"
  else
    return 1
  fi
}

note_leaving() {
  printf 'state=%s\nreason=%s\n' "$1" "$2" | write_file "$LEAVING" 0600
}

# In the log too, which is shown from elsewhere.
note() {
  local line
  line=$(log "$*")
  echo "$line"
  echo "$line" >>"$LOG" || true
}

# report_leaving STATE LINES: from the last report without these lines. Asking each service takes time,
# which a Spot host does not have.
report_leaving() {
  { grep -sEv "^($2)=" "$LIB/health" || true; echo "worker=$1"; } |
    write_file "$LIB/health" 0644
  publish || note "the report could not be written"
}

# n8n stops taking executions at once, and ends by itself when the last one has ended, or after LEAVE_SECONDS
# seconds. A busy Docker may answer late: that is no sign that n8n has ended.
stop_n8n() {
  local id try=1
  until id=$(container_of n8n); do
    if ((try == 4)); then
      note "Docker does not answer, so n8n could not be stopped"
      return 0
    fi
    try=$((try + 1))
    sleep 5
  done
  if [[ -n $id ]]; then
    timeout -k 10 $((LEAVE_SECONDS + 30)) docker stop -t $((LEAVE_SECONDS + 10)) "$id" >/dev/null || note "n8n could not be stopped"
  fi
}

# The group waits for this. After a notice of Spot or a shutdown by hand there is no such action.
complete_hook() {
  local said
  INSTANCE=${INSTANCE:-$(instance_id)} || return 0
  said=$(aws_cli autoscaling complete-lifecycle-action --lifecycle-hook-name geusemaker-leave \
    --auto-scaling-group-name "$LEAVE_GROUP" --instance-id "$INSTANCE" --lifecycle-action-result CONTINUE 2>&1) ||
    note "the lifecycle action of the group was not completed: $(one_line <<<"$said")"
}

# leave REASON: once. A second caller waits until the first is done.
leave() {
  exec 9>"$LIB/leave.lock"
  flock 9
  if [[ $(of_leaving state) == left ]]; then
    return 0
  fi
  note_leaving draining "$1"
  note "leaving: $1"
  # During the stop, since Spot leaves two minutes. Sync may write at this moment.
  (exec 8>"$LIB/lock" && flock -w 10 8; report_leaving draining worker) &
  stop_n8n
  wait
  # A step that starts services at this moment ends soon, and may have started n8n once more.
  exec 8>"$LIB/lock"
  flock -w 60 8 || true
  stop_n8n
  note_leaving left "$1"
  note "n8n has ended"
  report_leaving left 'worker|executions'
  complete_hook
}

# watch: one check, then this program again, which may be that of another bundle by then.
leave_main() {
  local reason
  case ${1-} in
    now) leave "the host shuts down" ;;
    watch)
      if reason=$(reason_to_leave); then
        leave "$reason"
        return 0
      fi
      sleep 5
      exec bash "$LIB/leave" watch
      ;;
  esac
}

# Never by systemctl restart: its ExecStop would make the worker leave.
lay_down_leave() {
  local drain group name
  drain=$(of_workers drain)
  group=$(of_pointer group '[A-Za-z0-9._-]+')
  {
    printf '#!/bin/bash\n# Written by the host of a worker: systemctl status geusemaker-leave\nset -u\n'
    printf 'export HOME=/root AWS_PAGER="" PATH=%q\n' "$PATH"
    # Within the minutes that Spot leaves.
    printf 'LEAVE_SECONDS=%q LEAVE_GROUP=%q AWS_SECONDS=20 STEP=leave INSTANCE="" WHO=""\n' "$drain" "$group"
    for name in REGION REPORTS LIB STATE LOG LEAVING; do
      printf '%s=%q\n' "$name" "${!name}"
    done
    printf 'STEPS=(%s)\n' "${STEPS[*]}"
    declare -f log one_line write_file this_boot is_of_this_boot find_aws aws_cli instance_id first_problem sha_in status_text publish \
      metadata of_leaving container_of reason_to_leave note_leaving note report_leaving stop_n8n complete_hook leave leave_main
    # shellcheck disable=SC2016  # for that program
    echo 'leave_main "$@"'
  } | write_once "$LIB/leave" 0755 || true
  if write_once "$UNITS/geusemaker-leave.service" 0644 <<UNIT; then
[Unit]
Description=GeuseMaker: end of a worker
After=docker.service network-online.target
Wants=network-online.target

[Service]
ExecStart=/bin/bash $LIB/leave watch
ExecStop=/bin/bash $LIB/leave now
TimeoutStopSec=$((drain + 120))
Restart=on-failure
RestartSec=5
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
  fi
  systemctl enable geusemaker-leave.service
  systemctl start --no-block geusemaker-leave.service
}
