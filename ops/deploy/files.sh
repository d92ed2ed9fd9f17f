# With INPUT_BUCKET and RESULTS_BUCKET: files in a bucket are scored when they arrive. Both buckets belong to the user: they
# must exist, and are neither created nor deleted here. Sourced by deploy.sh.
# shellcheck shell=bash

# Both must belong to this project, or objects of another project would be scored, or results sent to one.
need_file_buckets() {
  local bucket
  [[ -n $INPUT_BUCKET ]] || return 0
  for bucket in "$INPUT_BUCKET" "$RESULTS_BUCKET"; do
    there file-bucket.json storage "storage/v1/b/$bucket" || die "gs://$bucket does not exist: create it, or leave INPUT_BUCKET and RESULTS_BUCKET empty"
    [[ $(state get "$WORK/file-bucket.json" projectNumber) == "$PROJECT_NUMBER" ]] || die "the bucket gs://$bucket does not belong to $PROJECT_ID"
  done
}

# find_notification: prints the id of the bucket's notification to our topic.
find_notification() {
  there notifications.json storage "storage/v1/b/$INPUT_BUCKET/notificationConfigs" &&
    state get "$WORK/notifications.json" items >"$WORK/items.json" &&
    state find "$WORK/items.json" topic "projects/$PROJECT_ID/topics/$INPUT_TOPIC" >"$WORK/notification.json" &&
    state get "$WORK/notification.json" id
}

# Cloud Storage publishes with its own service agent, which is created when it is first read.
apply_files() {
  [[ -n $INPUT_BUCKET ]] || return 0
  grant 'storage buckets' "gs://$INPUT_BUCKET" roles/storage.objectViewer "serviceAccount:$EVENTS_EMAIL"
  grant 'storage buckets' "gs://$RESULTS_BUCKET" roles/storage.objectUser "serviceAccount:$EVENTS_EMAIL" # A redelivered notification reads the result.
  must_read storage-agent.json storage "storage/v1/projects/$PROJECT_ID/serviceAccount"
  grant 'pubsub topics' "$INPUT_TOPIC" roles/pubsub.publisher "serviceAccount:$(state get "$WORK/storage-agent.json" email_address)"
  find_notification >/dev/null || change gcloud storage buckets notifications create "gs://$INPUT_BUCKET" --topic "projects/$PROJECT_ID/topics/$INPUT_TOPIC" \
    --event-types OBJECT_FINALIZE --payload-format json --skip-topic-setup "${ON_PROJECT[@]}"
}

remove_files() {
  local id
  [[ -n $INPUT_BUCKET ]] || return 0
  ! id=$(find_notification) || change gcloud storage buckets notifications delete "projects/_/buckets/$INPUT_BUCKET/notificationConfigs/$id" "${ON_PROJECT[@]}"
  revoke "$INPUT_BUCKET" roles/storage.objectViewer "$EVENTS_EMAIL"
  revoke "$RESULTS_BUCKET" roles/storage.objectUser "$EVENTS_EMAIL"
}
