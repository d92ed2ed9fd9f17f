# Releases the events function. Sourced by deploy.sh.
#
# Green cannot be smoke-tested as the HTTP function is: only Pub/Sub may call it, a push subscription knows one URL, and a
# message for the test would leave a result. What stands for it: with MODEL_LOADING=eager a revision is ready only after it
# has verified its model and reproduced the golden rows. And it serves the model that passed in the HTTP function.
# shellcheck shell=bash

# Sets EVENTS_URL. Needs the HTTP function in service.
apply_events_function() {
  local name=$EVENTS_FUNCTION blue='' pinned='' green service_url=$URL
  function_flags "$name"
  if in_service "$name"; then
    say "$name is up to date"
    EVENTS_URL=$(state get "$WORK/service.json" status.url)
    return 0
  fi
  HTTP_REVISION=unknown
  ! service_there "$FUNCTION" || read -r HTTP_REVISION _ < <(state blue "$WORK/service.json" "$TAG") || HTTP_REVISION=unknown
  if service_there "$name"; then
    read -r blue pinned < <(state blue "$WORK/service.json" "$TAG") || blue=''
  fi
  if [[ -z $blue ]]; then
    deploy_function "$name" none --no-allow-unauthenticated || die "gcloud functions deploy $name failed ($WHY); messages wait in Pub/Sub"
  else
    [[ $pinned == pinned ]] || traffic_of "$name" --to-revisions "$blue=100" # From now on a new revision gets no messages by itself.
    deploy_function "$name" "$blue" || die "gcloud functions deploy $name failed ($WHY); $blue takes all messages, as before"
    move_messages "$blue"
  fi
  read_service "$name"
  EVENTS_URL=$URL URL=$service_url
}

# move_messages BLUE: gives all messages to the revision that was deployed a moment ago, at once: results of two models side
# by side would help nobody.
move_messages() {
  local green why
  if [[ $DRY_RUN == true ]]; then
    printf "GREEN=\$(%s)\n" "$(quoted gcloud run services describe "$EVENTS_FUNCTION" "${IN_REGION[@]}" --format 'value(status.latestCreatedRevisionName)')"
    traffic_of "$EVENTS_FUNCTION" --to-revisions "\$GREEN=100"
    return 0
  fi
  read_service "$EVENTS_FUNCTION"
  green=$(state get "$WORK/service.json" status.latestCreatedRevisionName)
  [[ $green != "$1" ]] || die "the deployment of $EVENTS_FUNCTION made no new revision; $1 takes all messages, as before"
  read_revisions "$EVENTS_FUNCTION"
  why=$(state ready "$WORK/revisions.json" "$green") || die "$green cannot serve: $why; $1 takes all messages, as before"
  traffic_of "$EVENTS_FUNCTION" --to-revisions "$green=100"
  say "$green takes all messages; ./deploy.sh rollback takes both functions back"
}
