# Accounts, bucket, topics and grants: looked up once, compared here, changed only where they differ. Sourced by deploy.sh.
# shellcheck shell=bash

# grant WHAT NAME ROLE MEMBER [FLAG...]: adds one binding unless it is there. WHAT is the gcloud group, NAME what it takes.
declare -A POLICIES_READ=()
grant() {
  local what=$1 name=$2 role=$3 member=$4
  shift 4
  local group file
  read -ra group <<<"$what"
  file=policy-${what// /-}-${name//[^A-Za-z0-9._@-]/-}.json
  if [[ -z ${POLICIES_READ[$file]:-} ]]; then
    if [[ -n ${MADE["$what $name"]:-} ]]; then
      printf '{}' >"$WORK/$file" # Just made: nobody has anything yet.
    else
      look "$file" gcloud "${group[@]}" get-iam-policy "$name" "$@" "${ON_PROJECT[@]}" --format json ||
        die "cannot read who may use $name: $(complaint "$file")"
    fi
    POLICIES_READ[$file]=yes
  fi
  if ! state bound "$WORK/$file" "$role" "$member"; then
    [[ $what != projects && $what != 'storage buckets' && $what != 'run services' ]] || set -- "$@" --condition None
    change gcloud "${group[@]}" add-iam-policy-binding "$name" "$@" --member "$member" --role "$role" "${ON_PROJECT[@]}" --format none
  fi
}

# What this run made, as "GROUP NAME": its policy need not be read.
declare -A MADE=()

apply_accounts() {
  local -A purpose=(
    [$FUNCTION_ACCOUNT]='Runs the penguin HTTP function'
    [$EVENTS_ACCOUNT]='Runs the penguin events function'
    [$TRIGGER_ACCOUNT]='Pub/Sub calls the penguin events function as this account'
    [$BUILD_ACCOUNT]='Builds the penguin functions'
  )
  local account
  for account in "$FUNCTION_ACCOUNT" "$EVENTS_ACCOUNT" "$TRIGGER_ACCOUNT" "$BUILD_ACCOUNT"; do
    if ! state find "$WORK/accounts.json" email "$account@$PROJECT_ID.iam.gserviceaccount.com" >/dev/null; then
      change gcloud iam service-accounts create "$account" --display-name "${purpose[$account]}" "${ON_PROJECT[@]}"
      MADE["iam service-accounts $account@$PROJECT_ID.iam.gserviceaccount.com"]=yes
    fi
  done
  # Building needs to read the source, write the image and log; this role is made for it. Serving gets nothing of it.
  grant projects "$PROJECT_ID" roles/cloudbuild.builds.builder "serviceAccount:$BUILD_EMAIL"
}

apply_bucket() {
  local wanted='{"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}, "publicAccessPrevention": "enforced"}, "versioning": {"enabled": true}}'
  if [[ $BUCKET_EXISTS == false ]]; then
    change gcloud storage buckets create "gs://$BUCKET" --location "$REGION" --uniform-bucket-level-access --public-access-prevention "${ON_PROJECT[@]}"
    MADE["storage buckets gs://$BUCKET"]=yes
    printf '{}' >"$WORK/bucket.json"
  fi
  printf '%s' "$wanted" >"$WORK/bucket-wanted.json"
  # `create` has no flag for versioning.
  if ! state covers "$WORK/bucket.json" "$WORK/bucket-wanted.json"; then
    change gcloud storage buckets update "gs://$BUCKET" --versioning --uniform-bucket-level-access --public-access-prevention "${ON_PROJECT[@]}"
  fi
  grant 'storage buckets' "gs://$BUCKET" roles/storage.objectViewer "serviceAccount:$FUNCTION_EMAIL"
  grant 'storage buckets' "gs://$BUCKET" roles/storage.objectViewer "serviceAccount:$EVENTS_EMAIL"
}

publish_model() {
  [[ -n $MODEL_LOCAL ]] || return 0
  local printed command=("$PYTHON" -m predictor publish --from "$MODEL_FOLDER" --to "gs://$BUCKET/$MODEL_ROOT")
  if [[ $DRY_RUN == true ]]; then
    quoted "${command[@]}"
    return 0
  fi
  say "+ $(quoted "${command[@]}")"
  # `printed` is compared: what is deployed is what was verified here and nothing else.
  printed=$(cd "$HERE" && "${command[@]}") || die "the model could not be published to gs://$BUCKET/$MODEL_ROOT (the reason is above)"
  [[ $printed == *"MODEL_DIGEST=$MODEL_DIGEST"* ]] || die "publish wrote another model than the verified $MODEL_DIGEST: $printed"
}

apply_topics() {
  local topic
  for topic in "$INPUT_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC" "$DEAD_LETTER_TOPIC"; do
    if ! state find "$WORK/topics.json" name "$topic" >/dev/null; then
      change gcloud pubsub topics create "$topic" "${ON_PROJECT[@]}"
      MADE["pubsub topics $topic"]=yes
    fi
  done
  grant 'pubsub topics' "$RESULTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"
  grant 'pubsub topics' "$REJECTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"
  # A topic without a subscription keeps nothing: dead letters, results and rejects would be gone.
  for topic in "$DEAD_LETTER_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC"; do
    apply_subscription "$topic-kept" "$topic" \
      "{\"topic\": \"projects/$PROJECT_ID/topics/$topic\", \"messageRetentionDuration\": \"$((RETENTION_DAYS * 86400))s\"}" \
      --message-retention-duration "${RETENTION_DAYS}d" --expiration-period never
  done
}

# apply_subscription NAME TOPIC WANTED-JSON FLAG...: creates it, or updates it where it differs.
apply_subscription() {
  local name=$1 topic=$2 wanted=$3
  shift 3
  if ! state find "$WORK/subscriptions.json" name "$name" >"$WORK/subscription.json"; then
    # Whether messages come in order is decided once: only `create` takes the flag.
    [[ $name != "$SUBSCRIPTION" ]] || set -- "$@" --enable-message-ordering
    change gcloud pubsub subscriptions create "$name" --topic "$topic" "$@" "${ON_PROJECT[@]}"
    MADE["pubsub subscriptions $name"]=yes
    return 0
  fi
  printf '%s' "$wanted" >"$WORK/subscription-wanted.json"
  if ! state covers "$WORK/subscription.json" "$WORK/subscription-wanted.json"; then
    change gcloud pubsub subscriptions update "$name" "$@" "${ON_PROJECT[@]}"
  fi
}

# Our own push subscription and not Eventarc's: deadline, back-off, ordering and dead letters are set when it is made.
apply_trigger() {
  local url=$1 agent=serviceAccount:service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com wanted
  grant 'run services' "$EVENTS_FUNCTION" roles/run.invoker "serviceAccount:$TRIGGER_EMAIL" --region "$REGION"
  grant 'iam service-accounts' "$TRIGGER_EMAIL" roles/iam.serviceAccountTokenCreator "$agent"
  grant 'pubsub topics' "$DEAD_LETTER_TOPIC" roles/pubsub.publisher "$agent"
  wanted=$(printf '{"topic": "projects/%s/topics/%s", "ackDeadlineSeconds": %s,
    "pushConfig": {"pushEndpoint": "%s", "oidcToken": {"serviceAccountEmail": "%s", "audience": "%s"}},
    "retryPolicy": {"minimumBackoff": "%ss", "maximumBackoff": "%ss"}, "messageRetentionDuration": "%ss",
    "deadLetterPolicy": {"deadLetterTopic": "projects/%s/topics/%s", "maxDeliveryAttempts": %s}}' \
    "$PROJECT_ID" "$INPUT_TOPIC" "$ACK_DEADLINE_S" "$url" "$TRIGGER_EMAIL" "$url" "$MIN_RETRY_DELAY_S" "$MAX_RETRY_DELAY_S" \
    "$((RETENTION_DAYS * 86400))" "$PROJECT_ID" "$DEAD_LETTER_TOPIC" "$MAX_DELIVERY_ATTEMPTS")
  apply_subscription "$SUBSCRIPTION" "$INPUT_TOPIC" "$wanted" \
    --push-endpoint "$url" --push-auth-service-account "$TRIGGER_EMAIL" --push-auth-token-audience "$url" \
    --ack-deadline "$ACK_DEADLINE_S" --min-retry-delay "${MIN_RETRY_DELAY_S}s" --max-retry-delay "${MAX_RETRY_DELAY_S}s" \
    --dead-letter-topic "$DEAD_LETTER_TOPIC" --max-delivery-attempts "$MAX_DELIVERY_ATTEMPTS" \
    --message-retention-duration "${RETENTION_DAYS}d" --expiration-period never
  grant 'pubsub subscriptions' "$SUBSCRIPTION" roles/pubsub.subscriber "$agent"
}
