# What every command of deploy.sh needs: messages, reading, changing, and one way out. Sourced, never run.
# shellcheck shell=bash

# The reason for a failure; `finish` prints it as the last line. Not for subshells: they would keep it to themselves.
REASON=''
# Set while traffic is between two revisions: the one that gets everything back when anything goes wrong.
SHIFTING_FROM=''
# What is in service now, for the last line of a failure.
SAFE_STATE=''
# The process that a pause waits for.
PAUSE=''
WORK=$(mktemp -d)

say() { printf '%s\n' "$*" >&2; }

die() {
  REASON=$*
  exit 1
}

# The only way out: puts traffic back if it was between two revisions, then says in one line why this ended.
finish() {
  local status=$?
  trap '' INT TERM HUP # Nothing may stop the return to blue, and no child of it.
  trap - EXIT ERR
  set +e
  [[ -z $PAUSE ]] || kill "$PAUSE" 2>/dev/null
  if ((status != 0)) && [[ -n $SHIFTING_FROM ]]; then return_to_blue; fi
  rm -rf "$WORK"
  if ((status != 0)); then say "deploy.sh: ${REASON:-stopped}${SAFE_STATE:+; $SAFE_STATE}"; fi
  exit "$status"
}

# Knows the command that failed where nobody gave a reason.
on_error() {
  local status=$?
  REASON=${REASON:-"'$BASH_COMMAND' ended with status $status"}
}

trap finish EXIT
trap on_error ERR
trap 'REASON=interrupted; exit 130' INT
trap 'REASON=terminated; exit 143' TERM
# The terminal is gone, and whoever writes to it would end of that.
trap 'exec >/dev/null 2>&1; REASON="hung up"; exit 129' HUP

# pause SECONDS: a signal ends it at once. Bash looks at signals only when the command that runs has ended.
pause() {
  sleep "$1" &
  PAUSE=$!
  wait "$PAUSE"
  PAUSE=''
}

# A command as it can be pasted into a shell. "$GREEN" and "$URL" stand for what only Google will know: --dry-run
# prints the line that sets them, so they are left for the shell to fill in.
quoted() {
  local argument line=''
  for argument in "$@"; do
    if [[ $argument =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then
      line+=" $argument"
    elif [[ $argument == *'$'[A-Z]* ]]; then
      line+=" \"$argument\""
    else
      line+=" ${argument@Q}"
    fi
  done
  printf '%s\n' "${line:1}"
}

# Runs what changes something, and shows it; with --dry-run it only shows it.
change() {
  if [[ $DRY_RUN == true ]]; then
    quoted "$@"
  else
    say "+ $(quoted "$@")"
    "$@" >&2 || { REASON=${REASON:-"$(quoted "${@:1:5}") failed (its message is above)"} && return 1; }
  fi
}

# --- reading --------------------------------------------------------------------------------------------------------
# What is there is read through the REST APIs: a tenth of a second each, where gcloud takes one or two. Every change
# goes through gcloud (or, for monitoring, a printed curl line), so that it can be seen, pasted and repeated.

# endpoint API: its address; gcloud's own variables replace it.
endpoint() {
  local override=CLOUDSDK_API_ENDPOINT_OVERRIDES_${1^^} address
  address=${!override:-https://$1.googleapis.com/}
  # The API of services and revisions is one of each region.
  [[ $1 != run ]] || address=${address/:\/\//://$REGION-}
  printf '%s' "$address"
}

# A token lives for an hour at least when it is new; a release may take longer than what is left of an old one.
TOKEN_TAKEN_S=''
access_token() {
  [[ -z $TOKEN_TAKEN_S ]] || ((SECONDS - TOKEN_TAKEN_S > 600)) || return 0
  gcloud auth print-access-token --quiet >"$WORK/token" 2>"$WORK/token.error" </dev/null || die "nobody is logged in to gcloud: run 'gcloud auth login'"
  TOKEN_TAKEN_S=$SECONDS
}

# ask NAME API PATH [CURL-OPTION...]: the answer's body in $WORK/NAME, its status in HTTP_STATUS.
# The token goes through standard input: a command line can be read by every user of the machine.
ask() {
  local name=$1 api=$2 path=$3
  shift 3
  access_token
  HTTP_STATUS=$(printf 'header = "Authorization: Bearer %s"\n' "$(<"$WORK/token")" |
    curl --silent --show-error --max-time 60 --config - --output "$WORK/$name" --write-out '%{http_code}' "$@" "$(endpoint "$api")$path" \
      2>"$WORK/$name.error") || die "cannot reach $(endpoint "$api"): $(<"$WORK/$name.error")"
}

# there NAME API PATH [CURL-OPTION...]: whether there is such a thing; it is in $WORK/NAME. Other answers end the run.
there() {
  ask "$@" --retry 2
  case $HTTP_STATUS in
    200) ;;
    404) return 1 ;;
    *) die "cannot read $3: $(refusal "$1")" ;;
  esac
}

# must_read NAME API PATH [CURL-OPTION...]: as `there`, where nothing is no answer.
must_read() { there "$@" || die "cannot read $3: there is no such thing"; }

# What Google said instead, in one line.
refusal() { state get "$WORK/$1" error.message 2>/dev/null | tr '\n' ' ' || printf 'status %s' "$HTTP_STATUS"; }

state() { "$PYTHON" -I "$HERE/ops/deploy/state.py" "$@"; }
predictor() { (cd "$HERE" && "$PYTHON" -m predictor "$@"); }
