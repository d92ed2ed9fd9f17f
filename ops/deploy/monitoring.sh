# Dashboard, alerts, log-based metrics, uptime check and objectives from ops/, applied by name. Sourced by deploy.sh.
#
# gcloud has stable commands for metrics and dashboards only; the rest is Cloud Monitoring's REST API.
# shellcheck shell=bash

MONITORING_API=${CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING:-https://monitoring.googleapis.com/}v3

# The token goes through standard input: a command line can be read by every user of the machine.
api() { printf 'header = "Authorization: Bearer %s"\n' "$(<"$WORK/token")" | curl --silent --show-error --fail-with-body --max-time 60 --config - "$@"; }

# monitoring_get NAME PATH CURL-OPTION...: keeps the answer in $WORK/NAME.
monitoring_get() {
  local name=$1 path=$2
  shift 2
  api "$@" "$MONITORING_API/$path" >"$WORK/$name" 2>"$WORK/$name.error" || die "cannot read $path: $(complaint "$name")"
}

# monitoring_send METHOD PATH FILE: creates or changes. The line that --dry-run prints can be pasted.
monitoring_send() {
  local method=$1 path=$2 file=$3
  if [[ $DRY_RUN == true ]]; then
    printf "curl --fail-with-body -X %s -H \"Authorization: Bearer \$(gcloud auth print-access-token)\" -H 'Content-Type: application/json' -d %s %s\n" \
      "$method" "$(quoted "$(tr -d '\n' <"$file")")" "$(quoted "$MONITORING_API/$path")"
    return 0
  fi
  say "+ $method $MONITORING_API/$path"
  api -X "$method" -H 'Content-Type: application/json' --data-binary "@$file" "$MONITORING_API/$path" >"$WORK/sent" 2>"$WORK/sent.error" ||
    die "$method $path was refused: $(tr -d '\n' <"$WORK/sent")"
}

# fill FILE: the file from ops/ with this project's names, in $WORK/wanted.json.
fill() {
  state render "$1" PROJECT_ID="$PROJECT_ID" REGION="$REGION" FUNCTION="$FUNCTION" EVENTS_FUNCTION="$EVENTS_FUNCTION" \
    DEAD_LETTER_SUBSCRIPTION="$DEAD_LETTER_SUBSCRIPTION" SUBSCRIPTION="$SUBSCRIPTION" SERVICE_HOST="$SERVICE_HOST" \
    NOTIFICATION_CHANNELS="$NOTIFICATION_CHANNELS" >"$WORK/wanted.json" || die "$1 cannot be filled in (see above)"
}

# wanted_differs LIST-FILE PATH: whether Google's list lacks the wanted resource or has another; sets FOUND.
wanted_differs() {
  local name
  FOUND=''
  name=$(state get "$WORK/wanted.json" "$2") || die "the file has no $2"
  if state find "$WORK/$1" "$2" "$name" >"$WORK/found.json"; then
    FOUND=$(state get "$WORK/found.json" name)
    ! state covers "$WORK/found.json" "$WORK/wanted.json"
  fi
}

# gcloud reads files; with --dry-run they are kept, so that the printed line can be pasted.
kept() {
  local file=$WORK/wanted.json
  if [[ $DRY_RUN == true ]]; then
    mkdir -p "$RENDERED"
    file=$RENDERED/$1
    cp "$WORK/wanted.json" "$file"
  fi
  printf '%s\n' "$file"
}

apply_metrics() {
  local file
  look metrics.json gcloud logging metrics list "${ON_PROJECT[@]}" --format json || die "cannot read log-based metrics: $(complaint metrics.json)"
  for file in "$OPS_DIR"/metrics/*.json; do
    fill "$file"
    if wanted_differs metrics.json name; then
      local verb=create
      [[ -z $FOUND ]] || verb=update
      change gcloud logging metrics "$verb" "$(state get "$WORK/wanted.json" name)" --config-from-file "$(kept "metric-${file##*/}")" "${ON_PROJECT[@]}" --format none
    fi
  done
}

apply_dashboard() {
  fill "$OPS_DIR/dashboard.json"
  look dashboards.json gcloud monitoring dashboards list "${ON_PROJECT[@]}" --format json || die "cannot read dashboards: $(complaint dashboards.json)"
  if wanted_differs dashboards.json displayName; then
    if [[ -z $FOUND ]]; then
      change gcloud monitoring dashboards create --config-from-file "$(kept dashboard.json)" "${ON_PROJECT[@]}" --format none
    else
      state merge "$WORK/wanted.json" "etag=$(state get "$WORK/found.json" etag)" >"$WORK/merged.json" && mv "$WORK/merged.json" "$WORK/wanted.json"
      change gcloud monitoring dashboards update "$FOUND" --config-from-file "$(kept dashboard.json)" "${ON_PROJECT[@]}" --format none
    fi
  fi
}

# apply_by_name COLLECTION LIST-KEY FILE...: resources of the REST API that are known by their displayName.
apply_by_name() {
  local collection=$1 key=$2 file
  shift 2
  monitoring_get listed.json "projects/$PROJECT_ID/$collection" --get --data-urlencode pageSize=500
  state get "$WORK/listed.json" "$key" >"$WORK/current.json" || printf '[]' >"$WORK/current.json"
  for file in "$@"; do
    fill "$file"
    if wanted_differs current.json displayName; then
      if [[ -z $FOUND ]]; then
        monitoring_send POST "projects/$PROJECT_ID/$collection" "$WORK/wanted.json"
      else
        monitoring_send PATCH "$FOUND" "$WORK/wanted.json"
      fi
    fi
  done
}

# Objectives belong to a service of Cloud Monitoring, which stands for the Cloud Run service.
apply_objectives() {
  local file id
  monitoring_get listed.json "projects/$PROJECT_ID/services" --get --data-urlencode pageSize=500
  state get "$WORK/listed.json" services >"$WORK/current.json" || printf '[]' >"$WORK/current.json"
  if ! state find "$WORK/current.json" name "$FUNCTION" >/dev/null; then
    printf '{"displayName": "%s", "basicService": {"serviceType": "CLOUD_RUN", "serviceLabels": {"service_name": "%s", "location": "%s"}}}' \
      "$FUNCTION" "$FUNCTION" "$REGION" >"$WORK/wanted.json"
    monitoring_send POST "projects/$PROJECT_ID/services?serviceId=$FUNCTION" "$WORK/wanted.json"
    printf '[]' >"$WORK/current.json"
  else
    monitoring_get listed.json "projects/$PROJECT_ID/services/$FUNCTION/serviceLevelObjectives"
    state get "$WORK/listed.json" serviceLevelObjectives >"$WORK/current.json" || printf '[]' >"$WORK/current.json"
  fi
  for file in "$OPS_DIR"/slo/*.json; do
    fill "$file"
    if wanted_differs current.json displayName; then
      id=${file##*/} id=${id%.json}
      if [[ -z $FOUND ]]; then
        monitoring_send POST "projects/$PROJECT_ID/services/$FUNCTION/serviceLevelObjectives?serviceLevelObjectiveId=$id" "$WORK/wanted.json"
      else
        monitoring_send PATCH "$FOUND" "$WORK/wanted.json"
      fi
    fi
  done
}

# The uptime check calls a private service as Cloud Monitoring's own agent, which is then one of its invokers.
apply_uptime() {
  if grep -q serviceAgentAuthentication "$OPS_DIR/uptime.json"; then
    grant 'run services' "$FUNCTION" roles/run.invoker \
      "serviceAccount:service-$PROJECT_NUMBER@gcp-sa-monitoring-notification.iam.gserviceaccount.com" --region "$REGION"
  fi
  apply_by_name uptimeCheckConfigs uptimeCheckConfigs "$OPS_DIR/uptime.json"
}

# Metrics come first: alerts and the dashboard read them.
apply_monitoring() {
  SERVICE_HOST=${URL#https://}
  SERVICE_HOST=${SERVICE_HOST%%/*}
  say "monitoring"
  apply_metrics
  apply_dashboard
  apply_uptime
  apply_by_name alertPolicies alertPolicies "$OPS_DIR"/alerts/*.json
  apply_objectives
}
