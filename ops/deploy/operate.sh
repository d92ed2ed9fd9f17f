# What is done with a service that runs: look at it, go back, read its log, take it down. Sourced by deploy.sh.
# shellcheck shell=bash

# read_revisions: the service and its revisions, in $WORK/service.json and $WORK/revisions.json.
read_revisions() {
  start_reading service.json gcloud run services describe "$1" "${IN_REGION[@]}" --format json
  start_reading revisions.json gcloud run revisions list --service "$1" "${IN_REGION[@]}" --format json
  read_all service.json revisions.json
}

show_status() {
  local name
  need_login
  read_functions
  read_all functions.json services.json
  for name in "$FUNCTION" "$EVENTS_FUNCTION"; do
    if state find "$WORK/services.json" metadata.name "$name" >/dev/null; then
      read_revisions "$name"
      printf '%s  %s\n' "$name" "$(state get "$WORK/service.json" status.url)"
      state revisions "$WORK/service.json" "$WORK/revisions.json"
    else
      printf '%s  is not deployed\n' "$name"
    fi
  done
}

# rollback [REVISION]: all traffic to a revision; without a name to the newest ready one before the one in service.
rollback() {
  local blue target=${1:-}
  need_login
  read_revisions "$FUNCTION"
  read -r blue _ < <(state blue "$WORK/service.json" "$TAG") || die "$FUNCTION has no revision in service"
  if [[ -z $target ]]; then
    target=$(state previous "$WORK/revisions.json" "$blue") || die "there is no ready revision before $blue"
  fi
  state find "$WORK/revisions.json" metadata.name "$target" >/dev/null || die "$FUNCTION has no revision $target (./deploy.sh status lists them)"
  if [[ $(state share "$WORK/service.json" "$target") == 100 ]]; then
    say "$target has all traffic already"
    return 0
  fi
  traffic --to-revisions "$target=100"
  [[ $DRY_RUN == true ]] || say "$target has all traffic; ./deploy.sh up puts what is in this folder in service again"
}

show_logs() {
  gcloud logging read "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND (resource.labels.service_name=\"$FUNCTION\" OR resource.labels.service_name=\"$EVENTS_FUNCTION\")" \
    "${ON_PROJECT[@]}" --freshness "${1:-1h}" --limit 200 \
    --format 'table(timestamp.date("%Y-%m-%d %H:%M:%S", tz=LOCAL), severity, resource.labels.revision_name, jsonPayload.event, jsonPayload.message.firstof(textPayload, httpRequest.requestUrl))'
}

confirm() {
  local answer
  [[ $ASSUME_YES == false && $DRY_RUN == false ]] || return 0
  printf '%s Type the project id to go on: ' "$1" >&2
  read -r answer || die "not confirmed (--yes does without)"
  [[ $answer == "$PROJECT_ID" ]] || die "not confirmed, nothing was changed"
}

# In the order that leaves nothing running without its surroundings; what is not there is passed over.
take_down() {
  local name email data=' The bucket and its models are kept.'
  [[ $WITH_DATA == false ]] || data=" THE BUCKET gs://$BUCKET AND EVERY MODEL IN IT ARE DELETED."
  need_login
  read_project
  read_all apis accounts.json topics.json subscriptions.json functions.json services.json
  need_own_bucket
  confirm "This deletes the functions, topics (with the messages that wait), accounts and monitoring of $PROJECT_ID.$data"
  for name in "$SUBSCRIPTION" "$DEAD_LETTER_TOPIC-kept" "$RESULTS_TOPIC-kept" "$REJECTS_TOPIC-kept"; do
    if state find "$WORK/subscriptions.json" name "$name" >/dev/null; then change gcloud pubsub subscriptions delete "$name" "${ON_PROJECT[@]}"; fi
  done
  for name in "$EVENTS_FUNCTION" "$FUNCTION"; do
    if state find "$WORK/functions.json" name "$name" >/dev/null; then change gcloud functions delete "$name" --gen2 "${IN_REGION[@]}"; fi
  done
  for name in "$INPUT_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC" "$DEAD_LETTER_TOPIC"; do
    if state find "$WORK/topics.json" name "$name" >/dev/null; then change gcloud pubsub topics delete "$name" "${ON_PROJECT[@]}"; fi
  done
  remove_monitoring
  # The grants would stay in the policies under the names of accounts that are gone.
  if look project-policy.json gcloud projects get-iam-policy "$PROJECT_ID" --quiet --format json &&
    state bound "$WORK/project-policy.json" roles/cloudbuild.builds.builder "serviceAccount:$BUILD_EMAIL"; then
    change gcloud projects remove-iam-policy-binding "$PROJECT_ID" --member "serviceAccount:$BUILD_EMAIL" --role roles/cloudbuild.builds.builder --condition None --quiet --format none
  fi
  for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$TRIGGER_EMAIL" "$BUILD_EMAIL"; do
    if state find "$WORK/accounts.json" email "$email" >/dev/null; then change gcloud iam service-accounts delete "$email" "${ON_PROJECT[@]}"; fi
  done
  if [[ $WITH_DATA == true && $BUCKET_EXISTS == true ]]; then
    change gcloud storage rm --recursive --all-versions "gs://$BUCKET" "${ON_PROJECT[@]}"
  fi
}

# remove_listed COLLECTION KEY FILE...: what these files were applied as.
remove_listed() {
  local collection=$1 key=$2 file
  shift 2
  monitoring_get listed.json "projects/$PROJECT_ID/$collection" --get --data-urlencode pageSize=500
  state get "$WORK/listed.json" "$key" >"$WORK/current.json" || return 0
  for file in "$@"; do
    fill "$file"
    wanted_differs current.json displayName || true
    [[ -z $FOUND ]] || monitoring_send DELETE "$FOUND" /dev/null
  done
}

# What watches the service, in the order in which the parts need each other.
remove_monitoring() {
  local file name
  SERVICE_HOST=none
  remove_listed alertPolicies alertPolicies "$OPS_DIR"/alerts/*.json
  remove_listed uptimeCheckConfigs uptimeCheckConfigs "$OPS_DIR/uptime.json"
  monitoring_get listed.json "projects/$PROJECT_ID/services" --get --data-urlencode pageSize=500
  if state get "$WORK/listed.json" services >"$WORK/current.json" && state find "$WORK/current.json" name "$FUNCTION" >/dev/null; then
    monitoring_send DELETE "projects/$PROJECT_ID/services/$FUNCTION" /dev/null # Its objectives go with it.
  fi
  fill "$OPS_DIR/dashboard.json"
  look dashboards.json gcloud monitoring dashboards list "${ON_PROJECT[@]}" --format json || die "cannot read dashboards: $(complaint dashboards.json)"
  wanted_differs dashboards.json displayName || true
  [[ -z $FOUND ]] || change gcloud monitoring dashboards delete "$FOUND" "${ON_PROJECT[@]}"
  look metrics.json gcloud logging metrics list "${ON_PROJECT[@]}" --format json || die "cannot read log-based metrics: $(complaint metrics.json)"
  for file in "$OPS_DIR"/metrics/*.json; do
    fill "$file"
    name=$(state get "$WORK/wanted.json" name)
    if state find "$WORK/metrics.json" name "$name" >/dev/null; then change gcloud logging metrics delete "$name" "${ON_PROJECT[@]}"; fi
  done
}
