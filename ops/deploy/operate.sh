# The commands for a running service: status, rollback, logs, down. Sourced by deploy.sh.
# shellcheck shell=bash

# read_revisions NAME: reads its revisions into $WORK/revisions.json.
read_revisions() {
  must_read revision-list.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/revisions" --get --data-urlencode "labelSelector=serving.knative.dev/service=$1"
  state get "$WORK/revision-list.json" items >"$WORK/revisions.json"
}

show_status() {
  local name
  for name in "$FUNCTION" "$EVENTS_FUNCTION"; do
    if service_there "$name"; then
      read_revisions "$name"
      printf '%s  %s\n' "$name" "$(state get "$WORK/service.json" status.url)"
      state revisions "$WORK/service.json" "$WORK/revisions.json"
    else
      printf '%s  is not deployed\n' "$name"
    fi
  done
}

# rollback [REVISION]: gives all traffic to a revision. Default: the one that served before or, when a killed release left
# the traffic split, the one that the release began with. A second rollback changes nothing.
rollback() {
  local blue newer why target=${1:-} tags=()
  service_there "$FUNCTION" || die "$FUNCTION is not deployed"
  read_revisions "$FUNCTION"
  read -r blue _ < <(state blue "$WORK/service.json" "$TAG") || die "$FUNCTION has no revision in service"
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
  if [[ $(state share "$WORK/service.json" "$target") == 100 ]]; then
    say "$target has all traffic already"
    return 0
  fi
  ! state tag-url "$WORK/service.json" "$TAG" >/dev/null || tags=(--remove-tags "$TAG")
  traffic --to-revisions "$target=100" "${tags[@]}"
  [[ $DRY_RUN == true ]] || say "$target has all traffic; ./deploy.sh up deploys what is in this folder again"
}

show_logs() {
  gcloud logging read "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND (resource.labels.service_name=\"$FUNCTION\" OR resource.labels.service_name=\"$EVENTS_FUNCTION\")" \
    "${ON_PROJECT[@]}" --freshness "${1:-1h}" --limit 200 \
    --format 'table(timestamp.date("%Y-%m-%d %H:%M:%S", tz=LOCAL), severity, resource.labels.revision_name, jsonPayload.event, jsonPayload.message:label=MESSAGE, textPayload:label=TEXT, httpRequest.requestUrl:label=REQUEST)'
}

confirm() {
  local answer
  [[ $ASSUME_YES == false && $DRY_RUN == false ]] || return 0
  printf '%s Type the project id to continue: ' "$1" >&2
  read -r answer || { say '' && die "not confirmed (--yes skips the question), nothing was changed"; }
  [[ -t 0 ]] || say '' # On a terminal, the user's Enter ended the line.
  [[ $answer == "$PROJECT_ID" ]] || die "not confirmed, nothing was changed"
}

# Deletes users of a resource before the resource, and skips what does not exist.
take_down() {
  local name email found=() data=' The bucket and its models are kept.'
  [[ $WITH_DATA == false ]] || data=" THE BUCKET gs://$BUCKET AND EVERY MODEL IN IT ARE DELETED."
  need_project
  need_own_bucket
  confirm "This deletes the functions, topics (with undelivered messages), accounts and monitoring of $PROJECT_ID.$data"
  remove_files
  for name in "$SUBSCRIPTION" "$DEAD_LETTER_TOPIC-kept" "$RESULTS_TOPIC-kept" "$REJECTS_TOPIC-kept"; do
    if there it.json pubsub "v1/projects/$PROJECT_ID/subscriptions/$name"; then found+=("$name"); fi
  done
  ((${#found[@]} == 0)) || change gcloud pubsub subscriptions delete "${found[@]}" "${ON_PROJECT[@]}"
  for name in "$EVENTS_FUNCTION" "$FUNCTION"; do
    if there it.json cloudfunctions "v2/projects/$PROJECT_ID/locations/$REGION/functions/$name"; then change gcloud functions delete "$name" --gen2 "${IN_REGION[@]}"; fi
  done
  found=()
  for name in "$INPUT_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC" "$DEAD_LETTER_TOPIC"; do
    if there it.json pubsub "v1/projects/$PROJECT_ID/topics/$name"; then found+=("$name"); fi
  done
  ((${#found[@]} == 0)) || change gcloud pubsub topics delete "${found[@]}" "${ON_PROJECT[@]}"
  remove_monitoring
  # As with buckets: the grant is removed before the account is deleted.
  if read_policy projects "$PROJECT_ID" policy.json && state bound "$WORK/policy.json" roles/cloudbuild.builds.builder "serviceAccount:$BUILD_EMAIL"; then
    change gcloud projects remove-iam-policy-binding "$PROJECT_ID" --member "serviceAccount:$BUILD_EMAIL" --role roles/cloudbuild.builds.builder --condition None --format none "${ON_PROJECT[@]}"
  fi
  if [[ $WITH_DATA == false && $BUCKET_EXISTS == true ]]; then
    for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL"; do revoke "$BUCKET" roles/storage.objectViewer "$email"; done
  fi
  for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$TRIGGER_EMAIL" "$BUILD_EMAIL"; do
    if there it.json iam "v1/projects/$PROJECT_ID/serviceAccounts/$email"; then change gcloud iam service-accounts delete "$email" "${ON_PROJECT[@]}"; fi
  done
  if [[ $WITH_DATA == true && $BUCKET_EXISTS == true ]]; then
    change gcloud storage rm "gs://$BUCKET" --recursive "${ON_PROJECT[@]}" # Every generation of every file.
  fi
}
