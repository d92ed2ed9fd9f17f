# Dashboard, alerts, log-based metrics, uptime check and objectives from ops/, applied by name. Sourced by deploy.sh.
#
# Through the REST APIs: gcloud has no stable command for alert policies and none for objectives, and one way serves all.
# shellcheck shell=bash

# send METHOD API PATH FILE: creates, changes or deletes. What --dry-run prints can be pasted: the files are in build/ops.
send() {
  local method=$1 api=$2 path=$3 file=$4
  if [[ $DRY_RUN == true ]]; then
    mkdir -p "$RENDERED"
    cp "$WORK/wanted.json" "$RENDERED/$file"
    printf "curl --fail-with-body -X %s -H \"Authorization: Bearer \$(gcloud auth print-access-token)\" -H 'Content-Type: application/json' --data-binary @%s %s\n" \
      "$method" "$(quoted "$RENDERED/$file")" "$(quoted "$(endpoint "$api")$path")"
    return 0
  fi
  say "+ $method $(endpoint "$api")$path ($file)"
  if [[ $method == DELETE ]]; then
    ask sent.json "$api" "$path" -X DELETE
  else
    ask sent.json "$api" "$path" -X "$method" -H 'Content-Type: application/json' --data-binary "@$WORK/wanted.json"
  fi
  [[ $HTTP_STATUS == 200 ]] || die "$method $path ($file) was refused: $(refusal sent.json)"
}

# fill FILE: the file from ops/ with this project's names, in $WORK/wanted.json.
fill() {
  state render "$1" PROJECT_ID="$PROJECT_ID" REGION="$REGION" FUNCTION="$FUNCTION" EVENTS_FUNCTION="$EVENTS_FUNCTION" \
    DEAD_LETTER_SUBSCRIPTION="$DEAD_LETTER_SUBSCRIPTION" SUBSCRIPTION="$SUBSCRIPTION" SERVICE_HOST="$SERVICE_HOST" \
    NOTIFICATION_CHANNELS="$NOTIFICATION_CHANNELS" >"$WORK/wanted.json" || die "$1 cannot be filled in (see above)"
}

# apply_collection API VERSION PARENT COLLECTION NAME-KEY FILE...: creates what is not there under its name, changes what
# differs, and deletes with REMOVE=true. The answer lists the resources under the collection's own name.
apply_collection() {
  local api=$1 version=$2 parent=$3 collection=$4 key=$5 file name found query method
  shift 5
  if there listed.json "$api" "$version/$parent/$collection" --get --data-urlencode pageSize=500; then
    state get "$WORK/listed.json" "$collection" >"$WORK/current.json" || printf '[]' >"$WORK/current.json"
  else
    printf '[]' >"$WORK/current.json" # Objectives of a service that is not there yet.
  fi
  for file in "$@"; do
    [[ -n $file ]] || continue
    fill "$file"
    name=$(state get "$WORK/wanted.json" "$key") || die "$file has no $key"
    file=${file#"$OPS_DIR"/}
    file=${file//\//-}
    found=''
    if state find "$WORK/current.json" "$key" "$name" >"$WORK/found.json"; then
      found=$(state get "$WORK/found.json" name)
      # Logging knows its metrics by their short names.
      [[ $found == projects/* ]] || found=$parent/$collection/$found
    fi
    if [[ $REMOVE == true ]]; then
      [[ -z $found ]] || send DELETE "$api" "$version/$found" "$file"
    elif [[ -z $found ]]; then
      query=''
      [[ $collection != serviceLevelObjectives ]] || query="?serviceLevelObjectiveId=$(basename "${file#slo-}" .json)"
      [[ $collection != services ]] || query="?serviceId=$FUNCTION"
      send POST "$api" "$version/$parent/$collection$query" "$file"
    elif ! state covers "$WORK/found.json" "$WORK/wanted.json"; then
      method=PATCH
      [[ $api != logging ]] || method=PUT
      send "$method" "$api" "$version/$found" "$file"
    fi
  done
}

apply_metrics() { apply_collection logging v2 "projects/$PROJECT_ID" metrics name "$OPS_DIR"/metrics/*.json; }
apply_dashboard() { apply_collection monitoring v1 "projects/$PROJECT_ID" dashboards displayName "$OPS_DIR/dashboard.json"; }
apply_uptime() { apply_collection monitoring v3 "projects/$PROJECT_ID" uptimeCheckConfigs displayName "$OPS_DIR/uptime.json"; }
apply_alerts() { apply_collection monitoring v3 "projects/$PROJECT_ID" alertPolicies displayName "$@"; }
# Objectives belong to a service of Cloud Monitoring, which stands for the Cloud Run service.
apply_watched_service() { apply_collection monitoring v3 "projects/$PROJECT_ID" services displayName "$OPS_DIR/service.json"; }
apply_objectives() { apply_collection monitoring v3 "projects/$PROJECT_ID/services/$FUNCTION" serviceLevelObjectives displayName "$OPS_DIR"/slo/*.json; }

# Metrics come first: alerts and the dashboard read them.
apply_monitoring() {
  REMOVE=false
  SERVICE_HOST=${URL#https://}
  SERVICE_HOST=${SERVICE_HOST#http://}
  say "monitoring"
  apply_metrics
  apply_dashboard
  # The uptime check calls a private service as Cloud Monitoring's own agent, which is then one of its invokers.
  if grep -q serviceAgentAuthentication "$OPS_DIR/uptime.json"; then
    grant 'run services' "$FUNCTION" roles/run.invoker \
      "serviceAccount:service-$PROJECT_NUMBER@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
  fi
  apply_uptime
  # With no minimum, no instance is no trouble.
  local alerts=("$OPS_DIR"/alerts/*.json) idle=$OPS_DIR/alerts/no-instance.json
  if ((MIN_INSTANCES == 0)); then
    alerts=("${alerts[@]/#"$idle"/}")
    REMOVE=true apply_alerts "$idle"
  fi
  apply_alerts "${alerts[@]}"
  apply_watched_service
  apply_objectives
  [[ -n $NOTIFICATION_CHANNELS ]] || say "alerts tell nobody: NOTIFICATION_CHANNELS is empty in $CONFIG"
}

# In the opposite order: what reads goes before what is read. Objectives go with their service.
remove_monitoring() {
  REMOVE=true SERVICE_HOST=none
  apply_alerts "$OPS_DIR"/alerts/*.json
  apply_uptime
  apply_watched_service
  apply_dashboard
  apply_metrics
}
