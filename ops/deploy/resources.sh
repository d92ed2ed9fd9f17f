# Accounts, bucket, topics and grants: reads what exists, and changes only what differs. Sourced by deploy.sh.
# shellcheck shell=bash

# What this run created, as "GROUP NAME": no permissions need to be read for it.
declare -A MADE=()

# read_policy WHAT NAME FILE: reads who has which role.
read_policy() {
  local what=$1 name=$2 file=$3
  case $what in
    projects) there "$file" cloudresourcemanager "v1/projects/$name:getIamPolicy" -H 'Content-Type: application/json' --data '{}' ;;
    'iam service-accounts') there "$file" iam "v1/projects/$PROJECT_ID/serviceAccounts/$name:getIamPolicy" -H 'Content-Type: application/json' --data '{}' ;;
    'storage buckets') there "$file" storage "storage/v1/b/${name#gs://}/iam" ;;
    'pubsub topics' | 'pubsub subscriptions') there "$file" pubsub "v1/projects/$PROJECT_ID/${what#pubsub }/$name:getIamPolicy" ;;
    'run services') there "$file" run "v1/projects/$PROJECT_ID/locations/$REGION/services/$name:getIamPolicy" ;;
  esac
}

# grant WHAT NAME ROLE MEMBER: adds one binding unless it exists. WHAT is gcloud's command group, NAME its argument.
grant() {
  local what=$1 name=$2 role=$3 member=$4 more=(--format none) group
  read -ra group <<<"$what"
  if [[ -z ${MADE["$what $name"]:-} ]] && read_policy "$what" "$name" policy.json && state bound "$WORK/policy.json" "$role" "$member"; then
    return 0
  fi
  # If other bindings have conditions, gcloud asks for one unless told that there is none.
  case $what in
    projects | 'storage buckets' | 'iam service-accounts') more+=(--condition None) ;;
    'run services') more+=(--region "$REGION") ;;
  esac
  case $member in
    *@gcp-sa-pubsub.*) make_agent pubsub ;;
    *@gcp-sa-monitoring-notification.*) make_agent monitoring ;;
  esac
  patiently gcloud "${group[@]}" add-iam-policy-binding "$name" --member "$member" --role "$role" "${more[@]}" "${ON_PROJECT[@]}"
}

# Right after an account was created, Google may still answer that it does not exist.
patiently() {
  local attempt
  for attempt in 1 2 3 4 5; do
    if ((attempt == 5 || ${#MADE[@]} + ${#AGENTS[@]} == 0)); then
      change "$@"
      return
    fi
    if change "$@"; then return 0; fi
    REASON=''
    say "trying again in $SETTLE_S s: it takes a moment until a new account is known everywhere"
    pause "$SETTLE_S"
  done
}

# revoke BUCKET ROLE EMAIL: to be called before the account is deleted, since the grant would stay without it.
revoke() {
  if read_policy 'storage buckets' "gs://$1" policy.json && state bound "$WORK/policy.json" "$2" "serviceAccount:$3"; then
    change gcloud storage buckets remove-iam-policy-binding "gs://$1" --member "serviceAccount:$3" --role "$2" --format none "${ON_PROJECT[@]}"
  fi
}

# Google creates its service agents when it first needs them. In a new project they must exist before a grant to them.
declare -A AGENTS=()
make_agent() {
  [[ -z ${AGENTS[$1]:-} ]] || return 0
  change gcloud beta services identity create --service "$1.googleapis.com" --format none "${ON_PROJECT[@]}"
  AGENTS[$1]=made
}

apply_accounts() {
  local -A purpose=(
    [$FUNCTION_ACCOUNT]='Runs the penguin HTTP function'
    [$EVENTS_ACCOUNT]='Runs the penguin events function'
    [$TRIGGER_ACCOUNT]='Pub/Sub calls the penguin events function as this account'
    [$BUILD_ACCOUNT]='Builds the penguin functions'
  )
  local account email
  for account in "$FUNCTION_ACCOUNT" "$EVENTS_ACCOUNT" "$TRIGGER_ACCOUNT" "$BUILD_ACCOUNT"; do
    email=$account@$PROJECT_ID.iam.gserviceaccount.com
    if ! there account.json iam "v1/projects/$PROJECT_ID/serviceAccounts/$email"; then
      change gcloud iam service-accounts create "$account" --display-name "${purpose[$account]}" "${ON_PROJECT[@]}"
      MADE["iam service-accounts $email"]=yes
    fi
  done
  # This role may read the source and write the image and the build log. The accounts that serve do not get it.
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
  # Make sure that the published model is the one that was verified.
  printed=$(cd "$HERE" && "${command[@]}") || die "the model could not be published to gs://$BUCKET/$MODEL_ROOT (the reason is above)"
  [[ $printed == *"MODEL_DIGEST=$MODEL_DIGEST"* ]] || die "publish wrote another model than $MODEL_DIGEST, which was verified: $printed"
}

apply_topics() {
  local topic missing=()
  for topic in "$INPUT_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC" "$DEAD_LETTER_TOPIC"; do
    if ! there topic.json pubsub "v1/projects/$PROJECT_ID/topics/$topic"; then
      missing+=("$topic")
      MADE["pubsub topics $topic"]=yes
    fi
  done
  ((${#missing[@]} == 0)) || change gcloud pubsub topics create "${missing[@]}" "${ON_PROJECT[@]}"
  grant 'pubsub topics' "$RESULTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"
  grant 'pubsub topics' "$REJECTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"
  # A topic without a subscription keeps nothing: dead letters, results and rejects would be lost.
  for topic in "$DEAD_LETTER_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC"; do
    apply_subscription "$topic-kept" "$topic" \
      "{\"topic\": \"projects/$PROJECT_ID/topics/$topic\", \"messageRetentionDuration\": \"$((RETENTION_DAYS * 86400))s\"}" \
      --message-retention-duration "${RETENTION_DAYS}d" --expiration-period never
  done
}

# apply_subscription NAME TOPIC WANTED-JSON FLAG...: creates it, or updates it if it differs.
apply_subscription() {
  local name=$1 topic=$2 wanted=$3
  shift 3
  if ! there subscription.json pubsub "v1/projects/$PROJECT_ID/subscriptions/$name"; then
    # Ordering can only be set when the subscription is created.
    [[ $name != "$SUBSCRIPTION" ]] || set -- "$@" --enable-message-ordering
    change gcloud pubsub subscriptions create "$name" --topic "$topic" "$@" "${ON_PROJECT[@]}"
    MADE["pubsub subscriptions $name"]=yes
    return 0
  fi
  # A topic that was deleted and created again is a new one. The subscription stays with the old one and cannot be moved.
  [[ $(state get "$WORK/subscription.json" topic) == "projects/$PROJECT_ID/topics/$topic" ]] ||
    die "the subscription $name belongs to the topic $(state get "$WORK/subscription.json" topic), not to $topic: delete it and run this again: $(quoted gcloud pubsub subscriptions delete "$name" --project "$PROJECT_ID")"
  printf '%s' "$wanted" >"$WORK/subscription-wanted.json"
  if ! state covers "$WORK/subscription.json" "$WORK/subscription-wanted.json"; then
    change gcloud pubsub subscriptions update "$name" "$@" "${ON_PROJECT[@]}"
  fi
}

# Not `--trigger-topic`: with our own push subscription, deadline, back-off, ordering and dead letters are set at once.
apply_trigger() {
  local url=$1 agent=$PUBSUB_AGENT wanted
  grant 'run services' "$EVENTS_FUNCTION" roles/run.invoker "serviceAccount:$TRIGGER_EMAIL"
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
