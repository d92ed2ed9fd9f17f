# Dashboard, alerts, log-based metrics, uptime check and objectives from ops/, applied by name. Sourced by deploy.sh.
#
# Uses the REST APIs: gcloud has no stable command for alert policies, and none for objectives.
# shellcheck shell=bash

# send METHOD API PATH FILE: creates, changes or deletes. --dry-run prints a curl line; its files are in build/ops.
send() {
  local method=$1 api=$2 path=$3 file=$4
  if [[ $DRY_RUN == true ]]; then
    local curl body=''
    curl="curl --fail-with-body -X $method -H \"Authorization: Bearer \$(gcloud auth print-access-token)\""
    if [[ $method != DELETE ]]; then
      mkdir -p "$RENDERED"
      cp "$WORK/$file" "$RENDERED/$file"
      body=" -H 'Content-Type: application/json' --data-binary @$(quoted "$RENDERED/$file")"
      # The host is known only after a deployment: an earlier line has set URL.
      # shellcheck disable=SC2016
      if grep -qF '"$URL"' "$WORK/$file"; then
        curl="sed \"s|\\\$URL|\${URL#https://}|\" $(quoted "$RENDERED/$file") | $curl" body=" -H 'Content-Type: application/json' --data-binary @-"
      fi
    fi
    printf '%s%s %s\n' "$curl" "$body" "$(quoted "$(endpoint "$api")$path")"
    return 0
  fi
  : >"$RUN/changed"
  say "+ $method $(endpoint "$api")$path ($file)"
  if [[ $method == DELETE ]]; then
    ask sent.json "$api" "$path" -X DELETE
  else
    ask sent.json "$api" "$path" -X "$method" -H 'Content-Type: application/json' --data-binary "@$WORK/$file"
  fi
  [[ $HTTP_STATUS != 200 ]] || return 0
  # A new log-based metric is unknown to Cloud Monitoring for up to ten minutes.
  if [[ $HTTP_STATUS == 404 && $path == */alertPolicies && $(refusal sent.json) =~ 'Cannot find metric'|'metric referenced by the provided filter is unknown' ]]; then
    PUT_OFF+=("$file")
    return 0
  fi
  die "$method $path ($file) was refused: $(refusal sent.json)"
}
# Alerts that wait for a metric.
PUT_OFF=()

# apply_collection API VERSION PARENT COLLECTION KEY FILE...: creates resources that do not exist under their name (the
# value of KEY), changes those that differ, and deletes them with REMOVE=true. Google lists them under the collection's name.
apply_collection() {
  local api=$1 version=$2 parent=$3 collection=$4 key=$5 verb file found query
  shift 5
  # A service that does not exist yet has no objectives.
  there listed.json "$api" "$version/$parent/$collection" --get --data-urlencode pageSize=500 || printf '{}' >"$WORK/listed.json"
  ! state get "$WORK/listed.json" nextPageToken >/dev/null || die "there are more than 500 $collection in $parent: cannot tell which exist already" # They could be created twice.
  state plan "$WORK/listed.json" "$collection.$key" "$WORK" "$OPS_DIR" "$REMOVE" \
    PROJECT_ID="$PROJECT_ID" REGION="$REGION" FUNCTION="$FUNCTION" EVENTS_FUNCTION="$EVENTS_FUNCTION" SUBSCRIPTION="$SUBSCRIPTION" \
    DEAD_LETTER_SUBSCRIPTION="$DEAD_LETTER_SUBSCRIPTION" SERVICE_HOST="$SERVICE_HOST" NOTIFICATION_CHANNELS="$NOTIFICATION_CHANNELS" \
    MIN_REQUESTS_PER_HOUR="$MIN_REQUESTS_PER_HOUR" \
    -- "$@" >"$WORK/plan" || die "the files in $OPS_DIR cannot be filled in (see above)"
  while read -r -u 3 verb file found; do
    # Logging lists metrics by their short names.
    [[ $found == projects/* ]] || found=$parent/$collection/$found
    case $verb in
      delete) send DELETE "$api" "$version/$found" "$file" ;;
      change)
        if [[ $api == logging ]]; then verb=PUT; else verb=PATCH; fi
        send "$verb" "$api" "$version/$found" "$file"
        ;;
      create)
        query=''
        [[ $collection != serviceLevelObjectives ]] || query="?serviceLevelObjectiveId=$(basename "${file#slo-}" .json)"
        [[ $collection != services ]] || query="?serviceId=$FUNCTION"
        send POST "$api" "$version/$parent/$collection$query" "$file"
        ;;
    esac
  done 3<"$WORK/plan"
}

apply_metrics() { apply_collection logging v2 "projects/$PROJECT_ID" metrics name "$OPS_DIR"/metrics/*.json; }
apply_dashboard() { apply_collection monitoring v1 "projects/$PROJECT_ID" dashboards displayName "$OPS_DIR/dashboard.json"; }
apply_uptime() { apply_collection monitoring v3 "projects/$PROJECT_ID" uptimeCheckConfigs displayName "$OPS_DIR/uptime.json"; }
apply_alerts() { apply_collection monitoring v3 "projects/$PROJECT_ID" alertPolicies displayName "$@"; }
# Objectives belong to a service in Cloud Monitoring, which represents the Cloud Run service.
apply_watched_service() { apply_collection monitoring v3 "projects/$PROJECT_ID" services name "$OPS_DIR/service.json"; }
apply_objectives() { apply_collection monitoring v3 "projects/$PROJECT_ID/services/$FUNCTION" serviceLevelObjectives displayName "$OPS_DIR"/slo/*.json; }

# What alerts and the dashboard read comes first: metrics and objectives.
apply_monitoring() {
  local alerts unwanted=() file begun
  REMOVE=false
  SERVICE_HOST=${URL#https://}
  SERVICE_HOST=${SERVICE_HOST#http://}
  say "applying monitoring"
  apply_metrics
  apply_dashboard
  apply_uptime
  apply_watched_service
  apply_objectives
  # Without a minimum it is normal that no instance runs, and that nobody calls.
  ((MIN_INSTANCES > 0)) || unwanted+=("$OPS_DIR/alerts/no-instance.json")
  ((MIN_REQUESTS_PER_HOUR > 0)) || unwanted+=("$OPS_DIR/alerts/low-traffic.json")
  ((${#unwanted[@]} == 0)) || REMOVE=true apply_alerts "${unwanted[@]}"
  for file in "$OPS_DIR"/alerts/*.json; do
    [[ " ${unwanted[*]} " == *" $file "* ]] || alerts+=("$file")
  done
  PUT_OFF=() begun=$SECONDS
  apply_alerts "${alerts[@]}"
  [[ -n $NOTIFICATION_CHANNELS ]] || say "alerts notify nobody: NOTIFICATION_CHANNELS is empty in $CONFIG"
  while ((${#PUT_OFF[@]})); do
    wait_for "the metrics that ${#PUT_OFF[@]} alerts read" "$begun" "$METRIC_WAIT_S" || die "$REASON: ./deploy.sh monitoring"
    PUT_OFF=()
    apply_alerts "${alerts[@]}"
  done
}

# In the opposite order: first what reads, then what is read. Objectives are deleted with their service.
remove_monitoring() {
  REMOVE=true SERVICE_HOST=none
  apply_alerts "$OPS_DIR"/alerts/*.json
  apply_uptime
  apply_watched_service
  apply_dashboard
  apply_metrics
}
