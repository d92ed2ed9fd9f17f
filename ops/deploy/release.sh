# Blue-green: the revision in service (blue) keeps everything until the new one (green) has shown that it is good.
# Sourced by deploy.sh.
# shellcheck shell=bash

TAG=green
SHARES=(5 25 50 100)

traffic() { change gcloud run services update-traffic "$FUNCTION" "$@" "${IN_REGION[@]}" --format none; }

# Who gets what as this run left it, and as it will be after the command that runs now: all else was somebody else's doing.
LEFT='' COMING=''

split_now() { service_there "$FUNCTION" && state split "$WORK/service.json" "$TAG"; }

# step SPLIT FLAG...: moves traffic, unless another deployment or a `rollback` moved it in the meantime. That one is
# newer, so it counts.
step() {
  local wanted=$1 now
  shift
  now=$(split_now) || die "cannot read who gets the traffic of $FUNCTION"
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
  # In doubt it goes back: what cannot be read now may still be changed.
  if now=$(split_now 2>/dev/null) && [[ $now != "$LEFT" && $now != "$COMING" ]]; then
    SAFE_STATE="somebody else moved the traffic of $FUNCTION while this ran, so it is left as it is: $now"
    return
  fi
  say "putting all traffic back on $blue"
  # In a process group of its own (`set -m`): gcloud listens to Ctrl-C even where it is ignored, and a second one would
  # end the way back half-way.
  set -m
  traffic --to-revisions "$blue=100" --remove-tags "$TAG" </dev/null &
  set +m
  if wait $!; then
    SAFE_STATE="all traffic is on $blue again"
  else
    SAFE_STATE="TRAFFIC COULD NOT BE PUT BACK, do it by hand: ./deploy.sh rollback $blue"
  fi
}

# Who calls a private function shows an identity token. It lives for an hour, and a release may wait long between steps.
# Its audience is the service's own URL, also behind a tag; only service accounts can name one.
IDENTITY_TAKEN_S=''
identity_token() {
  [[ -z $IDENTITY_TAKEN_S ]] || ((SECONDS - IDENTITY_TAKEN_S > 600)) || return 0
  IDENTITY_TOKEN=$(gcloud auth print-identity-token --audiences "$URL" --quiet 2>/dev/null || gcloud auth print-identity-token --quiet) ||
    die 'gcloud gives no identity token (its message is above)'
  IDENTITY_TAKEN_S=$SECONDS
  export IDENTITY_TOKEN
}

# judged COMMAND COMPLAINT ARGUMENT...: a command of the project that finds good or bad, and says why last.
judged() {
  local subcommand=$1 complaint=$2
  shift 2
  if ! predictor "$subcommand" "$@" >"$WORK/judged" 2>"$WORK/judged.error"; then
    cat "$WORK/judged" "$WORK/judged.error" >&2
    die "$complaint: $(tail -n 1 "$WORK/judged.error")"
  fi
  cat "$WORK/judged" >&2
}

# smoke URL WHEN [FLAG...]: every check of a revision; the reason is the last line that `smoke` says.
smoke() {
  local url=$1 when=$2
  shift 2
  identity_token
  say "smoke $when: $url"
  judged smoke "the smoke $when failed" "$url" --digest "$MODEL_DIGEST" --golden "${MODEL_LOCAL:-$MODEL_URI}" --p95-ms "$SMOKE_P95_MS" "$@"
}

compare_revisions() {
  ((AGREEMENT > 0)) || return 0
  say "asking both revisions about $AGREEMENT penguins"
  judged agreement "the revisions disagree" "$1" "$2" --count "$AGREEMENT" --max-disagreement "$MAX_DISAGREEMENT"
}

# Waits until Cloud Monitoring can show the step, then refuses to go on when green answered with errors.
look_at_errors() {
  local revision=$1 since=$2 filter seen
  say "waiting $STEP_WAIT_S s for Cloud Monitoring"
  pause "$STEP_WAIT_S"
  filter="metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$FUNCTION\""
  filter+=" AND resource.labels.location=\"$REGION\" AND resource.labels.revision_name=\"$revision\""
  must_read errors.json monitoring "v3/projects/$PROJECT_ID/timeSeries" --get --data-urlencode "filter=$filter" \
    --data-urlencode "interval.startTime=$since" --data-urlencode "interval.endTime=$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    --data-urlencode aggregation.alignmentPeriod=60s --data-urlencode aggregation.perSeriesAligner=ALIGN_DELTA \
    --data-urlencode aggregation.crossSeriesReducer=REDUCE_SUM \
    --data-urlencode aggregation.groupByFields=metric.labels.response_code_class
  seen=$(state error-share "$WORK/errors.json" "$MAX_ERROR_SHARE") || die "$revision is not healthy: $seen (limit: a share of $MAX_ERROR_SHARE)"
  say "$revision: $seen"
}

# release: the model and the HTTP function. Ends with green at 100%, or with everything as it was and a reason.
release() {
  local blue='' pinned=''
  function_flags "$FUNCTION"
  if in_service "$FUNCTION"; then
    say "$FUNCTION is in service as wanted"
    URL=$(state get "$WORK/service.json" status.url)
    [[ $DRY_RUN == true ]] || smoke "$URL" 'of the revision in service'
    return 0
  fi
  publish_model # What is in service was published.
  if service_there "$FUNCTION"; then
    # No revision in service (status 1) is an answer; any other status is none.
    state blue "$WORK/service.json" "$TAG" >"$WORK/blue" || (($? == 1)) || die "cannot tell which revision of $FUNCTION is in service (see above)"
    read -r blue pinned <"$WORK/blue" || true
  fi
  if [[ -z $blue ]]; then
    release_first
  else
    release_over "$blue" "$pinned"
  fi
}

# There is no blue: the new revision has everything from the start, and nobody but its invokers can reach it.
release_first() {
  deploy_function "$FUNCTION" none --no-allow-unauthenticated || die "gcloud functions deploy $FUNCTION failed (its message is above); nothing is in service"
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
  local blue=$1 pinned=$2 green green_url share since
  [[ $pinned == pinned ]] || traffic --to-revisions "$blue=100" # From here on a new revision gets nothing by itself.
  SAFE_STATE="all traffic is on $blue, as before"
  deploy_function "$FUNCTION" "$blue" || die "gcloud functions deploy $FUNCTION failed (its message is above)"
  if [[ $DRY_RUN == true ]]; then
    show_shift "$blue"
    SAFE_STATE=''
    read_service "$FUNCTION" # What comes after needs the URL.
    return 0
  fi
  read_service "$FUNCTION"
  green=$(state get "$WORK/service.json" status.latestCreatedRevisionName)
  [[ $green != "$blue" ]] || die "the deployment made no new revision"
  must_read revision.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/revisions/$green"
  [[ $(state variable "$WORK/revision.json" FINGERPRINT) == "$FINGERPRINT" ]] || die "somebody else deployed $FUNCTION while this ran: $green is not what is in this folder"
  LEFT=$(split_now) || die "cannot read who gets the traffic of $FUNCTION"
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
    since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    if ((share < 100)); then
      step "$(shares "$blue=$((100 - share))" "$green=$share") $TAG:$green" --to-revisions "$green=$share,$blue=$((100 - share))"
    else
      step "$green=100 $TAG:$green" --to-revisions "$green=100"
    fi
    look_at_errors "$green" "$since"
    smoke "$green_url" "of $green at $share%"
  done
  step "$green=100" --remove-tags "$TAG" # A tagged revision keeps its minimum instances when it is no longer in service.
  SHIFTING_FROM='' SAFE_STATE=''
  say "$green has all traffic; to return: ./deploy.sh rollback $blue"
}

# In the order in which `state split` names them.
shares() { printf '%s\n' "$@" | LC_ALL=C sort | paste -sd ' '; }

smoke_line() {
  # shellcheck disable=SC2016  # for the shell that it is pasted into
  printf 'IDENTITY_TOKEN=$(gcloud auth print-identity-token) '
  quoted "$PYTHON" -m predictor smoke "$1" --digest "$MODEL_DIGEST" --golden "${MODEL_LOCAL:-$MODEL_URI}" --p95-ms "$SMOKE_P95_MS"
}

# With --dry-run: what would be done after the deployment. The names are known only then, so lines set them.
show_shift() {
  local blue=$1 share
  printf "GREEN=\$(%s)\n" "$(quoted gcloud run services describe "$FUNCTION" "${IN_REGION[@]}" --format 'value(status.latestCreatedRevisionName)')"
  traffic --update-tags "$TAG=\$GREEN"
  printf "URL=\$(%s)\nURL=https://%s---\${URL#https://}\n" \
    "$(quoted gcloud run services describe "$FUNCTION" "${IN_REGION[@]}" --format 'value(status.url)')" "$TAG"
  smoke_line "\$URL"
  for share in "${SHARES[@]}"; do
    if ((share < 100)); then traffic --to-revisions "\$GREEN=$share,$blue=$((100 - share))"; else traffic --to-revisions "\$GREEN=100"; fi
    smoke_line "\$URL"
  done
  traffic --remove-tags "$TAG"
}

# Who may call it: the members in INVOKERS, and everybody only when asked for. What anybody else was given stays, since
# somebody gave it; it is said. Not so with the whole world.
apply_invokers() {
  local member others=() known
  [[ $PUBLIC == false ]] || MEMBERS+=(allUsers)
  for member in "${MEMBERS[@]}"; do
    grant 'run services' "$FUNCTION" roles/run.invoker "$member"
  done
  read_policy 'run services' "$FUNCTION" policy.json || return 0 # A dry run of the first `up`.
  mapfile -t others < <(state members "$WORK/policy.json" roles/run.invoker)
  known=" ${MEMBERS[*]} $MONITORING_AGENT "
  for member in "${others[@]}"; do
    [[ $known != *" $member "* ]] || continue
    if [[ $member == all* ]]; then
      say "$FUNCTION is open to $member: closing it, since --public is not given"
      change gcloud run services remove-iam-policy-binding "$FUNCTION" --member "$member" --role roles/run.invoker --format none "${IN_REGION[@]}"
    else
      say "$member may call $FUNCTION too, though INVOKERS does not name it; to end that: $(quoted gcloud run services \
        remove-iam-policy-binding "$FUNCTION" --member "$member" --role roles/run.invoker "${IN_REGION[@]}")"
    fi
  done
}
