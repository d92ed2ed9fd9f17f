# The command `drift`: has the traffic changed since the model in service was published? Sourced by deploy.sh.
# shellcheck shell=bash

# show_drift [FRESHNESS]: reads the traffic summaries of both functions; the page with plots goes to build/drift.html.
show_drift() {
  read_model_in_service
  gcloud logging read "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND (resource.labels.service_name=\"$FUNCTION\" OR resource.labels.service_name=\"$EVENTS_FUNCTION\") AND jsonPayload.event=\"traffic_summary\"" \
    "${ON_PROJECT[@]}" --freshness "${1:-31d}" --format json >"$WORK/traffic.json" || die "the logs cannot be read"
  mkdir -p "$HERE/build"
  predictor drift "$WORK/traffic.json" --uri "$MODEL_URI" --digest "$MODEL_DIGEST" --html "$HERE/build/drift.html" ||
    die "the traffic has changed, or cannot be judged; docs/how-to/watch-drift.md says what to do"
}
