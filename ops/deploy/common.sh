# What every command of deploy.sh uses: messages, reading, changing, and the exit. Sourced, never run.
# shellcheck shell=bash

# The reason for a failure; `finish` prints it as the last line. Setting it in a subshell has no effect.
REASON=''
# Set while two revisions share the traffic: the revision that gets all of it back on a failure.
SHIFTING_FROM=''
# What is in service now. Part of the last line on a failure.
SAFE_STATE=''
# The process id of the current pause, and of each task that `at_once` started.
PAUSE='' TASKS=()
# The folder of this run. WORK is the folder of what runs now: the same one, except in the tasks of `at_once`.
RUN=$(mktemp -d)
WORK=$RUN
# How long to wait between two attempts, for a grant or an account to be known everywhere, and for a new metric. Google:
# "typically 2 minutes, potentially 7 minutes or longer", and "up to 10 minutes".
SETTLE_S=${SETTLE_S:-15} PROPAGATION_S=${PROPAGATION_S:-600} METRIC_WAIT_S=${METRIC_WAIT_S:-600}

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
  ((${#TASKS[@]} == 0)) || kill "${TASKS[@]}" 2>/dev/null
  if ((status != 0)) && [[ -n $SHIFTING_FROM ]]; then return_to_blue; fi
  rm -rf "$RUN"
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

# Prints and runs a command that changes something; with --dry-run it only prints it. What it says is kept in $WORK/said.
change() {
  if [[ $DRY_RUN == true ]]; then
    quoted "$@"
  else
    say "+ $(quoted "$@")"
    : >"$RUN/changed"
    "$@" 2>&1 | tee "$WORK/said" >&2 || { REASON=${REASON:-"$(quoted "${@:1:5}") failed (its message is above)"} && return 1; }
  fi
}

# patiently WHAT PATTERN COMMAND...: a change that is tried again while Google refuses it with PATTERN, since WHAT is not
# known everywhere yet.
patiently() {
  local what=$1 pattern=$2 begun=$SECONDS
  shift 2
  until change "$@"; do
    grep -qiE -- "$pattern" "$WORK/said" || return 1
    wait_for "$what" "$begun" "$PROPAGATION_S" || return 1
  done
}

# wait_for WHAT BEGUN LIMIT: waits a little and says for what; status 1, with a reason, when LIMIT seconds have passed.
wait_for() {
  local passed=$((SECONDS - $2))
  if ((passed >= $3)); then
    REASON="waited $passed s for $1, which Google still does not know; run this again later"
    return 1
  fi
  REASON=''
  say "waiting for $1, which Google does not know everywhere yet ($passed of at most $3 s)"
  pause "$SETTLE_S"
}

# --- several things at once -------------------------------------------------------------------------------------------

# What this run created, as "GROUP NAME": no permissions need to be read for it. Files, so that tasks can tell each other.
mark_made() { mkdir -p "$RUN/made" && : >"$RUN/made/${1//\//|}"; }
is_made() { [[ -e $RUN/made/${1//\//|} ]]; }

# task FUNCTION [ARGUMENT]...: runs it in a shell and a folder of its own. The reason for a failure is in that folder.
task() {
  trap - INT TERM HUP
  WORK=$1
  trap 'printf "%s" "$REASON" >"$WORK/reason"' EXIT
  shift
  "$@"
}

# at_once FUNCTION...: independent steps at the same time, since a gcloud needs more than a second to start. Each one's
# output is printed when it has ended. The first failure, after all have ended, ends the run. With --dry-run: in turn.
at_once() {
  local step folder folders=() started=() failed='' index
  if [[ $DRY_RUN == true ]]; then
    for step in "$@"; do "$step"; done
    return
  fi
  for step in "$@"; do
    folder=$(mktemp -d "$RUN/task.XXXXXX")
    folders+=("$folder")
    (task "$folder" "$step") >"$folder/said.all" 2>&1 </dev/null &
    started+=($!)
  done
  TASKS=("${started[@]}")
  for index in "${!folders[@]}"; do
    folder=${folders[index]}
    wait "${started[index]}" || failed=${failed:-$(cat "$folder/reason" 2>/dev/null || true)} failed=${failed:-"${*:index+1:1} failed"}
    cat "$folder/said.all" >&2
  done
  TASKS=()
  [[ -z $failed ]] || die "$failed"
}

# in_task FOLDER FUNCTION [ARGUMENT]...: runs one task and waits. Not `(...) || ...`: bash would switch off `set -e` inside.
in_task() {
  (task "$@") &
  TASKS=($!)
  wait "${TASKS[0]}"
}

# attempt FUNCTION...: a step that must not keep `up` from the next ones. `complain` reports its failure at the end.
attempt() {
  local folder status=0
  if [[ $DRY_RUN == true ]]; then
    "$@"
    return
  fi
  folder=$(mktemp -d "$RUN/task.XXXXXX")
  in_task "$folder" "$@" || status=$?
  ((status == 0)) || sed '$a\' "$folder/reason" | tee -a "$RUN/incomplete" | sed 's/^/going on without this: /' >&2
}

# Ends the run with what an `attempt` could not do, if there is anything.
complain() {
  local reasons
  [[ -s $RUN/incomplete ]] || return 0
  mapfile -t reasons <"$RUN/incomplete"
  die "${reasons[0]}$( ((${#reasons[@]} == 1)) || printf ' (and %s more, see above)' $((${#reasons[@]} - 1)))"
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

# Set by a --dry-run without a login: Google is not asked.
WITHOUT_LOGIN=false

# A token is valid for about an hour, and a release may take longer. gcloud may print a cached one that is valid for five
# minutes only. So it is renewed after four, and when Google refuses it.
TOKEN_TAKEN_S=''
access_token() {
  [[ -z $TOKEN_TAKEN_S ]] || ((SECONDS - TOKEN_TAKEN_S > 240)) || return 0
  take_token || die "gcloud is not logged in: run 'gcloud auth login'"
}

take_token() {
  gcloud auth print-access-token --quiet >"$WORK/token.new" 2>"$WORK/token.error" </dev/null || return 1
  mv "$WORK/token.new" "$RUN/token"
  TOKEN_TAKEN_S=$SECONDS
}

# ask NAME API PATH [CURL-OPTION...]: the answer's body in $WORK/NAME, its status in HTTP_STATUS.
# The token goes through standard input, since every user of the machine can see a command line.
ask() {
  if [[ $WITHOUT_LOGIN == true ]]; then # Nothing is there, as in an empty project, and nobody has a role.
    HTTP_STATUS=404
    [[ $3 != *:getIamPolicy ]] || HTTP_STATUS=200
    printf '{}' >"$WORK/$1"
    return
  fi
  access_token
  ask_once "$@"
  [[ $HTTP_STATUS == 401 ]] || return 0
  TOKEN_TAKEN_S=''
  access_token
  ask_once "$@"
}

ask_once() {
  local name=$1 api=$2 path=$3
  shift 3
  HTTP_STATUS=$(printf 'header = "Authorization: Bearer %s"\n' "$(<"$RUN/token")" |
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

state() { (cd "$HERE" && "$PYTHON" -Es -m ops.deploy.state "$@"); }
predictor() { (cd "$HERE" && "$PYTHON" -m predictor "$@"); }
