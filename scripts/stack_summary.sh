#!/usr/bin/env bash
# Prints as Markdown what the program in this folder changes in a stack, for a comment on a pull
# request or the summary of a job:
#   scripts/stack_summary.sh plan STACK COMMIT  would change since a commit; needs no account
#   scripts/stack_summary.sh preview STACK      would change in the deployed stack, with `pulumi preview`
#   scripts/stack_summary.sh deploy STACK       runs `pulumi up`, and shows its output on stderr too
# FAIL_ON may have conditions of `geusemaker plan --fail-on`. What fails is in the Markdown too.
# Exit codes: those of `geusemaker plan`; 1 also where Pulumi fails.
set -uo pipefail

kind=$1 stack=$2
PATH="$PWD/.venv/bin:$PATH"
work=$(mktemp -d)
state=.geusemaker/deployed.json # the summary shows this path
trap 'rm -rf "$work" "$state"' EXIT

# As HTML, in which no output can add Markdown, links or mentions. GitHub takes 65,536 characters.
quoted() { # TITLE FILE
  printf '\n<details><summary>%s</summary>\n\n<pre>\n' "$1"
  tail -n 400 "$2" | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/@/\&#64;/g'
  printf '</pre>\n</details>\n'
}

failed() { # WHAT FILE
  printf '<h3>%s of <code>%s</code> failed</h3>\n' "$1" "${stack//[<&]/}"
  quoted 'What it printed' "$2"
}

# `--stack` of geusemaker names a file, so it is the bare name.
plan() { # [OPTION...]
  geusemaker plan --stack "${stack##*/}" --markdown "$@" >"$work/plan" 2>"$work/errors"
  local code=$?
  if [ -s "$work/plan" ]; then cat "$work/plan"; else failed Plan "$work/errors"; fi
  if [ "$code" = 3 ]; then
    printf '\n**The check fails.** The label replaces-host or replaces-data permits it.\n'
  fi
  return "$code"
}

quiet=(--non-interactive --color never --suppress-progress)
conditions=()
if [ -n "${FAIL_ON:-}" ]; then conditions=(--fail-on "${FAIL_ON%,}"); fi

case $kind in
plan)
  if git cat-file -e "$3:Pulumi.${stack##*/}.yaml" 2>/dev/null; then
    plan --against "$3" ${conditions[@]+"${conditions[@]}"}
  else
    plan # a new stack: all of it would be created
  fi
  ;;
preview)
  if ! { pulumi preview --stack "$stack" "${quiet[@]}" &&
    mkdir -p .geusemaker && pulumi stack export --stack "$stack" --file "$state"; } >"$work/preview" 2>&1; then
    failed Preview "$work/preview"
    exit 1
  fi
  code=0
  plan --against "$state" ${conditions[@]+"${conditions[@]}"} || code=$?
  quoted 'What <code>pulumi preview</code> prints' "$work/preview"
  exit "$code"
  ;;
deploy)
  pulumi up --stack "$stack" --yes "${quiet[@]}" 2>&1 | tee "$work/up" >&2
  if [ "${PIPESTATUS[0]}" != 0 ]; then
    failed Deployment "$work/up"
    exit 1
  fi
  printf '<h3>Deployed <code>%s</code></h3>\n' "${stack//[<&]/}"
  quoted 'What <code>pulumi up</code> prints' "$work/up"
  ;;
*)
  echo "unknown: $kind" >&2
  exit 1
  ;;
esac
