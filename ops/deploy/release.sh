# The blue-green release: the revision in service (blue) keeps all traffic until the new one (green) has passed its checks.
# Sourced by deploy.sh.
# shellcheck shell=bash

TAG=green
SHARES=(5 25 50 100)

# traffic_of NAME FLAG...
traffic_of() { change gcloud run services update-traffic "$@" "${IN_REGION[@]}" --format none; }
traffic() { traffic_of "$FUNCTION" "$@"; }

# The split as this run left it, and as it will be after the current command. Any other split was made by somebody else.
LEFT='' COMING=''

split_now() { service_there "$FUNCTION" && state split "$WORK/service.json" "$TAG"; }

# step SPLIT FLAG...: moves traffic, unless another deployment or a `rollback` moved it in the meantime. That one is newer,
# so it wins.
step() {
  local wanted=$1 now
  shift
  now=$(split_now) || die "cannot read the traffic split of $FUNCTION"
  if [[ $now != "$LEFT" ]]; then
    SHIFTING_FROM='' SAFE_STATE="it is left as it is: $now"
    die "somebody else moved the traffic of $FUNCTION while this ran (it was: $LEFT)"
  fi
  COMING=$wanted
  traffic "$@"
  LEFT=$wanted
}

# Called by `finish`: the last thing that a failed or interrupted shift does.
return_to_blue() {
  local blue=$SHIFTING_FROM now
  SHIFTING_FROM=''
  # If the split cannot be read, give the traffic back anyway.
  if now=$(split_now 2>/dev/null) && [[ $now != "$LEFT" && $now != "$COMING" ]]; then
    SAFE_STATE="somebody else moved the traffic of $FUNCTION while this ran, so it is left as it is: $now"
    return
  fi
  say "giving all traffic back to $blue"
  # In a process group of its own (`set -m`): gcloud reacts to Ctrl-C even if the signal is ignored, so a second Ctrl-C
  # would stop the command half-way.
  set -m
  traffic --to-revisions "$blue=100" --remove-tags "$TAG" </dev/null &
  set +m
  if wait $!; then
    SAFE_STATE="all traffic is on $blue again"
  else
    SAFE_STATE="TRAFFIC COULD NOT BE PUT BACK, do it by hand: ./deploy.sh rollback $blue"
  fi
}

# A private function is called with an identity token. It is valid for an hour, and a release can take longer. Its audience
# is the URL of the service, also for a tag's URL. Only service accounts can set the audience.
IDENTITY_TAKEN_S=''
identity_token() {
  [[ -z $IDENTITY_TAKEN_S ]] || ((SECONDS - IDENTITY_TAKEN_S > 600)) || return 0
  IDENTITY_TOKEN=$(gcloud auth print-identity-token --audiences "$URL" --quiet 2>/dev/null || gcloud auth print-identity-token --quiet 2>"$WORK/identity.error") ||
    trigger_token
  IDENTITY_TAKEN_S=$SECONDS
  export IDENTITY_TOKEN
}

# judged COMMAND COMPLAINT ARGUMENT...: runs a check of `python -m predictor`, whose last line is the reason for a failure.
judged() {
  local subcommand=$1 complaint=$2
  shift 2
  if ! predictor "$subcommand" "$@" >"$WORK/judged" 2>"$WORK/judged.error"; then
    cat "$WORK/judged" "$WORK/judged.error" >&2
    die "$complaint: $(tail -n 1 "$WORK/judged.error")"
  fi
  cat "$WORK/judged" >&2
}

# smoke URL WHEN [FLAG...]: runs the smoke test; its last line is the reason for a failure.
smoke() {
  local url=$1 when=$2
  shift 2
  identity_token
  say "smoke test $when: $url"
  judged smoke "the smoke test $when failed" "$url" --digest "$MODEL_DIGEST" --golden "${MODEL_LOCAL:-$MODEL_URI}" --p95-ms "$SMOKE_P95_MS" "$@"
}

compare_revisions() {
  ((AGREEMENT > 0)) || return 0
  say "comparing both revisions on $AGREEMENT penguins"
  judged agreement "the revisions disagree" "$1" "$2" --count "$AGREEMENT" --max-disagreement "$MAX_DISAGREEMENT"
}

# release: publishes the model and deploys the HTTP function. Ends with green at 100%, or with blue and a reason.
release() {
  local blue='' pinned=''
  function_flags "$FUNCTION"
  if in_service "$FUNCTION"; then
    say "$FUNCTION is up to date"
    URL=$(state get "$WORK/service.json" status.url)
    [[ $DRY_RUN == true ]] || smoke "$URL" 'of the revision in service'
    return 0
  fi
  publish_model # Not needed above: the model in service was published.
  if service_there "$FUNCTION"; then
    # Status 1 means that no revision is in service; any other is an error.
    state blue "$WORK/service.json" "$TAG" >"$WORK/blue" || (($? == 1)) || die "cannot tell which revision of $FUNCTION is in service (see above)"
    read -r blue pinned <"$WORK/blue" || true
  fi
  if [[ -z $blue ]]; then
    release_first
  else
    release_over "$blue" "$pinned"
  fi
}

# There is no blue yet. The new revision has all traffic from the start, but nobody except its invokers can call it.
release_first() {
  deploy_function "$FUNCTION" none --no-allow-unauthenticated || die "gcloud functions deploy $FUNCTION failed ($WHY); nothing is in service"
  read_service "$FUNCTION"
  if [[ $DRY_RUN == true ]]; then
    smoke_line "$URL"
    return 0
  fi
  SAFE_STATE='there is no earlier revision to return to; only its invokers can call this one'
  smoke "$URL" 'of the first revision' --wait-s "$SMOKE_WAIT_S"
  SAFE_STATE=''
}

release_over() {
  local blue=$1 pinned=$2 green green_url share since before=''
  [[ $pinned == pinned ]] || traffic --to-revisions "$blue=100" # From now on a new revision gets no traffic by itself.
  SAFE_STATE="all traffic is on $blue, as before"
  deploy_function "$FUNCTION" "$blue" || die "gcloud functions deploy $FUNCTION failed ($WHY)"
  if [[ $DRY_RUN == true ]]; then
    show_shift "$blue"
    SAFE_STATE=''
    read_service "$FUNCTION" # The next steps need the URL.
    return 0
  fi
  read_service "$FUNCTION"
  green=$(state get "$WORK/service.json" status.latestCreatedRevisionName)
  [[ $green != "$blue" ]] || die "the deployment made no new revision"
  read_revision "$green" || die "$green does not exist any more"
  [[ $(state variable "$WORK/revision.json" FINGERPRINT) == "$FINGERPRINT" ]] || die "somebody else deployed $FUNCTION while this ran: $green is not what is in this folder"
  LEFT=$(split_now) || die "cannot read the traffic split of $FUNCTION"
  if [[ $LEFT != "$blue=100"* ]]; then
    SAFE_STATE="it is left as it is: $LEFT"
    die "somebody else moved the traffic of $FUNCTION while $green was deployed"
  fi
  SHIFTING_FROM=$blue
  step "$blue=100 $TAG:$green" --update-tags "$TAG=$green"
  read_service "$FUNCTION"
  green_url=$(state tag-url "$WORK/service.json" "$TAG") || die "$green got no URL of its own"
  smoke "$green_url" "of $green before any traffic" --wait-s "$SMOKE_WAIT_S"
  compare_revisions "$URL" "$green_url"
  for share in "${SHARES[@]}"; do
    if ((share < 100)); then
      step "$(shares "$blue=$((100 - share))" "$green=$share") $TAG:$green" --to-revisions "$green=$share,$blue=$((100 - share))"
    else
      step "$green=100 $TAG:$green" --to-revisions "$green=100"
    fi
    since=$(now) # Requests from before, such as those of the smoke test, do not count.
    judge "$blue" "$green" "$green_url" "$share" "$since" "$before"
    before=$since
    smoke "$green_url" "of $green at $share%"
  done
  step "$green=100" --remove-tags "$TAG" # A tagged revision would keep its minimum instances after it is out of service.
  SHIFTING_FROM='' SAFE_STATE=''
  say "$green has all traffic; to go back: ./deploy.sh rollback $blue"
}

# In the order in which `state split` names them.
shares() { printf '%s\n' "$@" | LC_ALL=C sort | paste -sd ' '; }

smoke_line() {
  # shellcheck disable=SC2016  # It is printed for pasting, and expanded then.
  printf 'IDENTITY_TOKEN=$(gcloud auth print-identity-token) '
  quoted "$PYTHON" -m predictor smoke "$1" --digest "$MODEL_DIGEST" --golden "${MODEL_LOCAL:-$MODEL_URI}" --p95-ms "$SMOKE_P95_MS"
}

# With --dry-run: prints the commands that follow a deployment. The first lines set the names, which are known only then.
show_shift() {
  local blue=$1 share
  printf "GREEN=\$(%s)\n" "$(quoted gcloud run services describe "$FUNCTION" "${IN_REGION[@]}" --format 'value(status.latestCreatedRevisionName)')"
  traffic --update-tags "$TAG=\$GREEN"
  printf "URL=\$(%s)\nURL=https://%s---\${URL#https://}\n" \
    "$(quoted gcloud run services describe "$FUNCTION" "${IN_REGION[@]}" --format 'value(status.url)')" "$TAG"
  smoke_line "\$URL"
  for share in "${SHARES[@]}"; do
    if ((share < 100)); then traffic --to-revisions "\$GREEN=$share,$blue=$((100 - share))"; else traffic --to-revisions "\$GREEN=100"; fi
    printf '# canary at %s%%: after %s s blue (%s) and green are compared over the same minutes, on %s requests or more; if green is worse, blue takes all again\n' \
      "$share" "$STEP_WAIT_S" "$blue" "$CANARY_REQUESTS"
    smoke_line "\$URL"
  done
  traffic --remove-tags "$TAG"
}
