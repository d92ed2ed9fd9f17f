# Takes everything down. Sourced by deploy.sh.
# shellcheck shell=bash

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
  [[ $PROTECTED == false ]] || die "$CONFIG says PROTECTED=true: nothing was deleted; set it to false first"
  need_project
  need_own_names
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
  for name in "$BUILD_ROLE" "$FORMER_BUILD_ROLE"; do
    if read_policy projects "$PROJECT_ID" policy.json && state bound "$WORK/policy.json" "$name" "serviceAccount:$BUILD_EMAIL"; then take_from_project "$name" "$BUILD_EMAIL"; fi
  done
  if read_policy projects "$PROJECT_ID" policy.json && state bound "$WORK/policy.json" "$BATCH_ROLE" "serviceAccount:$BATCH_EMAIL"; then
    take_from_project "$BATCH_ROLE" "$BATCH_EMAIL"
  fi
  if [[ $WITH_DATA == false && $BUCKET_EXISTS == true ]]; then
    for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$BATCH_EMAIL"; do revoke "$BUCKET" roles/storage.objectViewer "$email"; done
  fi
  for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$TRIGGER_EMAIL" "$BUILD_EMAIL" "$BATCH_EMAIL"; do
    if there it.json iam "v1/projects/$PROJECT_ID/serviceAccounts/$email"; then change gcloud iam service-accounts delete "$email" "${ON_PROJECT[@]}"; fi
  done
  if [[ $WITH_DATA == true && $BUCKET_EXISTS == true ]]; then
    change gcloud storage rm "gs://$BUCKET" --recursive "${ON_PROJECT[@]}" # Every generation of every file.
  fi
  if [[ $DRY_RUN == true ]]; then return 0; fi
  if [[ -e $RUN/changed ]]; then name_leftovers; else say "nothing of this deployment was there"; fi
}
