# What every command of deploy.sh uses: messages, reading, changing, and the exit. Sourced, never run.
# shellcheck shell=bash

# The reason for a failure; `finish` prints it as the last line. Setting it in a subshell has no effect.
REASON=''
# Set while two revisions share the traffic: the revision that gets all of it back on a failure.
SHIFTING_FROM=''
# What is in service now. Part of the last line on a failure.
SAFE_STATE=''
# The process id of the current pause.
PAUSE=''
WORK=$(mktemp -d)

say() { printf '%s\n' "$*" >&2; }

die() {
  REASON=$*
  exit 1
}

# Every exit ends here: gives the traffic back if two revisions share it, then says in one line why the run ended.
finish() {
  local status=$?
  trap '' INT TERM HUP # No signal may stop the return to blue, or a child process of it.
  trap - EXIT ERR
  set +e
  [[ -z $PAUSE ]] || kill "$PAUSE" 2>/dev/null
  if ((status != 0)) && [[ -n $SHIFTING_FROM ]]; then return_to_blue; fi
  rm -rf "$WORK"
  if ((status != 0)); then say "deploy.sh: ${REASON:-stopped}${SAFE_STATE:+; $SAFE_STATE}"; fi
  exit "$status"
}

# Names the command that failed, if no reason was given.
on_error() {
  local status=$?
  REASON=${REASON:-"'$BASH_COMMAND' ended with status $status"}
}

trap finish EXIT
trap on_error ERR
trap 'REASON=interrupted; exit 130' INT
trap 'REASON=terminated; exit 143' TERM
# The terminal is gone; writing to it would end the script.
trap 'exec >/dev/null 2>&1; REASON="hung up"; exit 129' HUP

# pause SECONDS: a signal ends it at once. Bash would handle the signal only after a `sleep` in the foreground.
pause() {
  sleep "$1" &
  PAUSE=$!
  wait "$PAUSE"
  PAUSE=''
}

# A command in a form that can be pasted into a shell. "$GREEN" and "$URL" are known only after a deployment: --dry-run
# prints the lines that set them, and leaves the variables to the shell.
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

# Prints and runs a command that changes something; with --dry-run it only prints it.
change() {
  if [[ $DRY_RUN == true ]]; then
    quoted "$@"
  else
    say "+ $(quoted "$@")"
    "$@" >&2 || { REASON=${REASON:-"$(quoted "${@:1:5}") failed (its message is above)"} && return 1; }
  fi
}

# --- reading --------------------------------------------------------------------------------------------------------
# The current state is read through the REST APIs: that takes a tenth of a second, and gcloud one or two. Changes are made
# with gcloud (for monitoring: with requests that are printed as curl lines), so that they can be seen and repeated.

# endpoint API: its address, unless gcloud's own variables override it.
endpoint() {
  local override=CLOUDSDK_API_ENDPOINT_OVERRIDES_${1^^} address
  address=${!override:-https://$1.googleapis.com/}
  # The API of services and revisions has one endpoint per region.
  [[ $1 != run ]] || address=${address/:\/\//://$REGION-}
  printf '%s' "$address"
}

# A token is valid for about an hour, and a release may take longer. So it is renewed every ten minutes.
TOKEN_TAKEN_S=''
access_token() {
  [[ -z $TOKEN_TAKEN_S ]] || ((SECONDS - TOKEN_TAKEN_S > 600)) || return 0
  gcloud auth print-access-token --quiet >"$WORK/token" 2>"$WORK/token.error" </dev/null || die "gcloud is not logged in: run 'gcloud auth login'"
  TOKEN_TAKEN_S=$SECONDS
}

# ask NAME API PATH [CURL-OPTION...]: the answer's body in $WORK/NAME, its status in HTTP_STATUS.
# The token goes through standard input, since every user of the machine can see a command line.
ask() {
  local name=$1 api=$2 path=$3
  shift 3
  access_token
  HTTP_STATUS=$(printf 'header = "Authorization: Bearer %s"\n' "$(<"$WORK/token")" |
    curl --silent --show-error --max-time 60 --config - --output "$WORK/$name" --write-out '%{http_code}' "$@" "$(endpoint "$api")$path" \
      2>"$WORK/$name.error") || die "cannot reach $(endpoint "$api"): $(<"$WORK/$name.error")"
}

# there NAME API PATH [CURL-OPTION...]: whether the resource exists; it is then in $WORK/NAME. Other answers end the run.
there() {
  ask "$@" --retry 2
  case $HTTP_STATUS in
    200) ;;
    404) return 1 ;;
    *) die "cannot read $3: $(refusal "$1")" ;;
  esac
}

# must_read NAME API PATH [CURL-OPTION...]: like `there`, but the resource must exist.
must_read() { there "$@" || die "cannot read $3: it does not exist"; }

# Google's error message, in one line.
refusal() { state get "$WORK/$1" error.message 2>/dev/null | tr '\n' ' ' || printf 'status %s' "$HTTP_STATUS"; }

state() { "$PYTHON" -I "$HERE/ops/deploy/state.py" "$@"; }
predictor() { (cd "$HERE" && "$PYTHON" -m predictor "$@"); }
