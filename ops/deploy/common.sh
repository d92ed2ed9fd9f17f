# What every command of deploy.sh needs: messages, reading, changing, and one way out. Sourced, never run.
# shellcheck shell=bash

# The reason for a failure; `finish` prints it as the last line. Not for subshells: they would keep it to themselves.
REASON=''
# Set while traffic is between two revisions: the one that gets everything back when anything goes wrong.
SHIFTING_FROM=''
# What is in service now, for the last line of a failure.
SAFE_STATE=''
WORK=$(mktemp -d)

say() { printf '%s\n' "$*" >&2; }

die() {
  REASON=$*
  exit 1
}

# The only way out: puts traffic back if it was between two revisions, then says in one line why this ended.
finish() {
  local status=$?
  trap - EXIT ERR
  trap '' INT TERM  # Nothing may stop the return to blue.
  set +e
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
    "$@" >&2
  fi
}

# look NAME COMMAND...: keeps what a reading command prints in $WORK/NAME, and its complaint in $WORK/NAME.error.
look() {
  local name=$1
  shift
  "$@" >"$WORK/$name" 2>"$WORK/$name.error" </dev/null
}

# The one line of a complaint that says what is wrong.
complaint() {
  local lines
  lines=$(grep -m 1 '^ERROR: ' "$WORK/$1.error" || tail -n 1 "$WORK/$1.error")
  printf '%s\n' "${lines#ERROR: }"
}

# read_all NAME...: waits for readings that `look NAME ... &` started, one process id each in READERS.
declare -A READERS=()
read_all() {
  local name
  for name in "$@"; do
    wait "${READERS[$name]}" || die "cannot read ${name%.json} of project $PROJECT_ID: $(complaint "$name")"
  done
}

state() { "$PYTHON" -I "$HERE/ops/deploy/state.py" "$@"; }
predictor() { (cd "$HERE" && "$PYTHON" -m predictor "$@"); }
