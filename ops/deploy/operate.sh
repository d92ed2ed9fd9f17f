# The commands that look at running functions: status and logs. Sourced by deploy.sh.
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

show_logs() {
  local since until
  access_token # Without a login: one line that says so.
  if [[ $FOLLOW == false ]]; then
    read_logs table '' --freshness "${1:-1h}" --limit 200
    return
  fi
  since=$(now)
  say "waiting for new lines, until Ctrl-C"
  while pause "$FOLLOW_S"; do
    until=$(now)
    # By the time when they arrived: one line may arrive after a later one.
    read_logs 'table[no-heading]' " AND receiveTimestamp>=\"$since\" AND receiveTimestamp<\"$until\"" --freshness 1h --order asc
    since=$until
  done
}

# read_logs TABLE CONDITION FLAG...
read_logs() {
  local table=$1 condition=$2
  shift 2
  gcloud logging read "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND (resource.labels.service_name=\"$FUNCTION\" OR resource.labels.service_name=\"$EVENTS_FUNCTION\")${SEVERITY:+ AND severity>=$SEVERITY}$condition" \
    "${ON_PROJECT[@]}" "$@" \
    --format "$table"'(timestamp.date("%Y-%m-%d %H:%M:%S", tz=LOCAL), severity, resource.labels.revision_name, jsonPayload.event, jsonPayload.message:label=MESSAGE, textPayload:label=TEXT, httpRequest.requestUrl:label=REQUEST)' ||
    die "the logs of $PROJECT_ID cannot be read (gcloud's message is above)"
}
