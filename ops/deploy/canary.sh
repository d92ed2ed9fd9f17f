# Between two steps of a rollout: reads what Cloud Monitoring and Cloud Logging say about blue and green, and lets
# `python -m predictor canary` judge. Sourced by deploy.sh.
# shellcheck shell=bash

# now: a moment as Google's APIs write it.
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# series FILE REVISION METRIC SINCE UNTIL: reads raw points, since each of them names the minute that it counts. In a new
# project there may be no such metric yet.
series() {
  local filter
  filter="metric.type=\"run.googleapis.com/$3\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$FUNCTION\""
  filter+=" AND resource.labels.location=\"$REGION\" AND resource.labels.revision_name=\"$2\""
  there "$1" monitoring "v3/projects/$PROJECT_ID/timeSeries" --get --data-urlencode "filter=$filter" \
    --data-urlencode "interval.startTime=$4" --data-urlencode "interval.endTime=$5" || printf '{}' >"$WORK/$1"
}

# entries FILE REVISION SINCE UNTIL: reads the answers 429 and the traffic summaries in the log.
entries() {
  local filter
  filter="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$FUNCTION\" AND resource.labels.location=\"$REGION\""
  filter+=" AND resource.labels.revision_name=\"$2\" AND timestamp>=\"$3\" AND timestamp<=\"$4\""
  filter+=' AND (httpRequest.status=429 OR jsonPayload.event="traffic_summary")'
  printf '{"resourceNames": ["projects/%s"], "orderBy": "timestamp desc", "pageSize": 1000, "filter": "%s"}' \
    "$PROJECT_ID" "${filter//\"/\\\"}" >"$WORK/entries.json"
  must_read "$1" logging v2/entries:list -H 'Content-Type: application/json' --data-binary "@$WORK/entries.json"
}

# read_colour COLOUR REVISION SINCE UNTIL: everything that is known about a revision, into $WORK/canary.
read_colour() {
  series "canary/$1-requests.json" "$2" request_count "$3" "$4"
  series "canary/$1-latencies.json" "$2" request_latencies "$3" "$4"
  entries "canary/$1-log.json" "$2" "$3" "$4"
}

# judge BLUE GREEN GREEN-URL SHARE SINCE BLUE-SINCE: waits until Cloud Monitoring can show the requests of this step, then
# ends the run if green is worse. Both are compared over the same minutes. At 100% blue has no traffic, so its minutes are
# those of the step before: from BLUE-SINCE to SINCE.
judge() {
  local blue=$1 green=$2 url=$3 share=$4 since=$5 blue_since=$6 until
  say "waiting $STEP_WAIT_S s for Cloud Monitoring"
  pause "$STEP_WAIT_S"
  until=$(now)
  mkdir -p "$WORK/canary"
  read_colour green "$green" "$since" "$until"
  if ((share < 100)); then
    blue_since=$since
    read_colour blue "$blue" "$since" "$until"
  else
    read_colour blue "$blue" "$blue_since" "$since"
  fi
  identity_token
  judged canary "the canary at $share% failed" "$WORK/canary" --blue "$blue" --green "$green" --blue-since "$blue_since" \
    --green-since "$since" --url "$url" --digest "$MODEL_DIGEST" --golden "${MODEL_LOCAL:-$MODEL_URI}" \
    --minimum "$CANARY_REQUESTS" --error "$CANARY_ERROR" --steps "${#SHARES[@]}" --max-share "$MAX_ERROR_SHARE" --max-mix "$MAX_DISAGREEMENT"
}
