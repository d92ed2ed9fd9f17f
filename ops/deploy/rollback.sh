# Gives all traffic of both functions to the revisions that were in service together before. Sourced by deploy.sh.
# shellcheck shell=bash

# rollback [REVISION]: REVISION is one of the HTTP function. A second rollback changes nothing.
rollback() {
  roll_back_http "${1:-}"
  roll_back_events
}

# Default: the revision that served before or, when a killed release left the traffic split, the one that the release began
# with. Sets BACK to the revision that has all traffic now.
roll_back_http() {
  local blue newer why target=${1:-} tags=()
  service_there "$FUNCTION" || die "$FUNCTION is not deployed"
  read_revisions "$FUNCTION"
  cp "$WORK/revisions.json" "$WORK/http-revisions.json"
  read -r blue _ < <(state blue "$WORK/service.json" "$TAG") || die "$FUNCTION has no revision in service"
  BACK=$blue
  if [[ -n $target ]]; then
    state find "$WORK/revisions.json" metadata.name "$target" >/dev/null || die "$FUNCTION has no revision $target: ./deploy.sh status lists them"
    why=$(state ready "$WORK/revisions.json" "$target") || die "$target cannot serve: $why"
  elif [[ $(state share "$WORK/service.json" "$blue") != 100 ]]; then
    target=$blue
  else
    target=$(state previous "$WORK/revisions.json" "$blue") || target=''
    if newer=$(state newer "$WORK/revisions.json" "$blue"); then
      say "$blue has all traffic; $newer is newer, but was rolled back or never passed its checks${target:+; to go further back: ./deploy.sh rollback $target}"
      return 0
    fi
    [[ -n $target ]] || die "there is no ready revision older than $blue"
  fi
  BACK=$target
  if [[ $(state share "$WORK/service.json" "$target") == 100 ]]; then
    say "$target has all traffic already"
    return 0
  fi
  ! state tag-url "$WORK/service.json" "$TAG" >/dev/null || tags=(--remove-tags "$TAG")
  traffic --to-revisions "$target=100" "${tags[@]}"
  [[ $DRY_RUN == true ]] || say "$target has all traffic; ./deploy.sh up deploys what is in this folder again"
}

# The events function goes to the newest revision that served beside BACK, with the same model. Messages that come from now
# on are scored by it; results that the rejected model published stay where they are.
roll_back_events() {
  local target
  service_there "$EVENTS_FUNCTION" || return 0
  read_revisions "$EVENTS_FUNCTION"
  target=$(state partner "$WORK/http-revisions.json" "$BACK" "$WORK/revisions.json") || {
    SAFE_STATE="all traffic of $FUNCTION is on $BACK"
    die "$EVENTS_FUNCTION has no ready revision with the model of $BACK, and goes on as it is: ./deploy.sh status shows its model"
  }
  if [[ $(state share "$WORK/service.json" "$target") == 100 ]]; then
    say "$target takes all messages already"
    return 0
  fi
  SAFE_STATE="all traffic of $FUNCTION is on $BACK"
  traffic_of "$EVENTS_FUNCTION" --to-revisions "$target=100"
  SAFE_STATE=''
  [[ $DRY_RUN == true ]] || say "$target takes all messages"
}
