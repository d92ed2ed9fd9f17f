# Accounts, bucket, topics, subscriptions and grants: reads what exists, and changes only what differs. Sourced by deploy.sh.
# shellcheck shell=bash

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
  if ! is_made "$what $name" && read_policy "$what" "$name" policy.json && state bound "$WORK/policy.json" "$role" "$member"; then
    return 0
  fi
  # If other bindings have conditions, gcloud asks for one unless told that there is none.
  case $what in
    projects | 'storage buckets' | 'iam service-accounts') more+=(--condition None) ;;
    'run services') more+=(--region "$REGION") ;;
  esac
  # A member outside this deployment that does not exist is a mistake in INVOKERS, and is not waited for.
  case " $OUR_MEMBERS " in
    *" ${member#serviceAccount:} "*) ;;
    *)
      change gcloud "${group[@]}" add-iam-policy-binding "$name" --member "$member" --role "$role" "${more[@]}" "${ON_PROJECT[@]}"
      return
      ;;
  esac
  patiently "the account ${member#serviceAccount:}" "$ACCOUNT_UNKNOWN" \
    gcloud "${group[@]}" add-iam-policy-binding "$name" --member "$member" --role "$role" "${more[@]}" "${ON_PROJECT[@]}"
  mark_made "grant $what $name"
}

# What Google answers about an account that was created a moment ago.
ACCOUNT_UNKNOWN='service account .*(does not exist|not found)|Unknown service account'

# revoke BUCKET ROLE EMAIL: to be called before the account is deleted, since the grant would stay without it.
revoke() {
  if read_policy 'storage buckets' "gs://$1" policy.json && state bound "$WORK/policy.json" "$2" "serviceAccount:$3"; then
    change gcloud storage buckets remove-iam-policy-binding "gs://$1" --member "serviceAccount:$3" --role "$2" --format none "${ON_PROJECT[@]}"
  fi
}

# need_agent NAME WHAT RESOURCE ROLE MEMBER: Google creates its service agents when it first needs them. In a new project they
# must exist before a grant to them; one that has this grant exists.
need_agent() {
  if ! is_made "$2 $3" && read_policy "$2" "$3" policy.json && state bound "$WORK/policy.json" "$4" "$5"; then return 0; fi
  change gcloud beta services identity create --service "$1.googleapis.com" --format none "${ON_PROJECT[@]}"
}

# Pub/Sub signs in as the trigger account, and publishes dead letters.
apply_pubsub_agent() {
  need_agent pubsub 'pubsub topics' "$DEAD_LETTER_TOPIC" roles/pubsub.publisher "$PUBSUB_AGENT"
  grant 'pubsub topics' "$DEAD_LETTER_TOPIC" roles/pubsub.publisher "$PUBSUB_AGENT"
  grant 'iam service-accounts' "$TRIGGER_EMAIL" roles/iam.serviceAccountTokenCreator "$PUBSUB_AGENT"
}

# The uptime check calls a private service with the identity of Cloud Monitoring's service agent.
apply_monitoring_agent() {
  need_agent monitoring 'run services' "$FUNCTION" roles/run.invoker "$MONITORING_AGENT"
  grant 'run services' "$FUNCTION" roles/run.invoker "$MONITORING_AGENT"
}

# apply_account NAME PURPOSE
apply_account() {
  local email=$1@$PROJECT_ID.iam.gserviceaccount.com
  if ! there account.json iam "v1/projects/$PROJECT_ID/serviceAccounts/$email"; then
    change gcloud iam service-accounts create "$1" --display-name "$2" "${ON_PROJECT[@]}"
    mark_made "iam service-accounts $email"
  fi
}
apply_function_account() { apply_account "$FUNCTION_ACCOUNT" 'Runs the penguin HTTP function'; }
apply_events_account() { apply_account "$EVENTS_ACCOUNT" 'Runs the penguin events function'; }
apply_trigger_account() { apply_account "$TRIGGER_ACCOUNT" 'Pub/Sub calls the penguin events function as this account'; }
apply_build_account() {
  apply_account "$BUILD_ACCOUNT" 'Builds the penguin functions'
  # The accounts that serve do not get this role. It may read every bucket of the project, and write no object.
  grant projects "$PROJECT_ID" "$BUILD_ROLE" "serviceAccount:$BUILD_EMAIL"
  # Earlier versions gave it Cloud Build's role, with which it may rewrite models.
  if [[ -e $WORK/policy.json ]] && state bound "$WORK/policy.json" "$FORMER_BUILD_ROLE" "serviceAccount:$BUILD_EMAIL"; then
    take_from_project "$FORMER_BUILD_ROLE" "$BUILD_EMAIL"
  fi
}
BUILD_ROLE=roles/run.builder FORMER_BUILD_ROLE=roles/cloudbuild.builds.builder

# take_from_project ROLE EMAIL: takes a role in the project from an account.
take_from_project() {
  change gcloud projects remove-iam-policy-binding "$PROJECT_ID" --member "serviceAccount:$2" --role "$1" --condition None --format none "${ON_PROJECT[@]}"
}

apply_bucket() {
  local wanted='{"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}, "publicAccessPrevention": "enforced"}, "versioning": {"enabled": true}}'
  if [[ $BUCKET_EXISTS == false ]]; then
    change gcloud storage buckets create "gs://$BUCKET" --location "$REGION" --uniform-bucket-level-access --public-access-prevention "${ON_PROJECT[@]}"
    mark_made "storage buckets gs://$BUCKET"
    printf '{}' >"$RUN/bucket.json"
  fi
  printf '%s' "$wanted" >"$WORK/bucket-wanted.json"
  # `create` has no flag for versioning.
  if ! state covers "$RUN/bucket.json" "$WORK/bucket-wanted.json"; then
    change gcloud storage buckets update "gs://$BUCKET" --versioning --uniform-bucket-level-access --public-access-prevention "${ON_PROJECT[@]}"
  fi
}

# One after the other: both change the same policy.
apply_bucket_grants() {
  grant 'storage buckets' "gs://$BUCKET" roles/storage.objectViewer "serviceAccount:$FUNCTION_EMAIL"
  grant 'storage buckets' "gs://$BUCKET" roles/storage.objectViewer "serviceAccount:$EVENTS_EMAIL"
}

# A model in service was published.
publish_unless_in_service() {
  function_flags "$FUNCTION"
  in_service "$FUNCTION" || publish_model
}

publish_model() {
  if [[ -n $STAGED_URI ]] && ! is_made "model $MODEL_URI"; then copy_model; fi
  [[ -n $MODEL_LOCAL ]] && ! is_made "model $MODEL_URI" || return 0
  local printed command=("$PYTHON" -m predictor publish --from "$MODEL_FOLDER" --to "gs://$BUCKET/$MODEL_ROOT")
  if [[ $DRY_RUN == true ]]; then
    quoted "${command[@]}"
    return 0
  fi
  say "+ $(quoted "${command[@]}")"
  # Make sure that the published model is the one that was verified.
  printed=$(cd "$HERE" && "${command[@]}") || die "the model could not be published to gs://$BUCKET/$MODEL_ROOT (the reason is above)"
  [[ $printed == *"MODEL_DIGEST=$MODEL_DIGEST"* ]] || die "publish wrote another model than $MODEL_DIGEST, which was verified: $printed"
  mark_made "model $MODEL_URI"
}

apply_topics() {
  local topic missing=()
  for topic in "$INPUT_TOPIC" "$RESULTS_TOPIC" "$REJECTS_TOPIC" "$DEAD_LETTER_TOPIC"; do
    if ! there topic.json pubsub "v1/projects/$PROJECT_ID/topics/$topic"; then
      missing+=("$topic")
      mark_made "pubsub topics $topic"
    fi
  done
  ((${#missing[@]} == 0)) || change gcloud pubsub topics create "${missing[@]}" --labels "region=$REGION" "${ON_PROJECT[@]}"
}

apply_results_grant() { grant 'pubsub topics' "$RESULTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"; }
apply_rejects_grant() { grant 'pubsub topics' "$REJECTS_TOPIC" roles/pubsub.publisher "serviceAccount:$EVENTS_EMAIL"; }
apply_trigger_grant() { grant 'run services' "$EVENTS_FUNCTION" roles/run.invoker "serviceAccount:$TRIGGER_EMAIL"; }

# A topic without a subscription keeps nothing: dead letters, results and rejects would be lost.
keep() {
  apply_subscription "$1-kept" "$1" \
    "{\"topic\": \"projects/$PROJECT_ID/topics/$1\", \"messageRetentionDuration\": \"$((RETENTION_DAYS * 86400))s\"}" \
    --message-retention-duration "${RETENTION_DAYS}d" --expiration-period never
}
keep_results() { keep "$RESULTS_TOPIC"; }
keep_rejects() { keep "$REJECTS_TOPIC"; }
keep_dead_letters() { keep "$DEAD_LETTER_TOPIC"; }

# apply_subscription NAME TOPIC WANTED-JSON FLAG...: creates it, or updates it if it differs.
apply_subscription() {
  local name=$1 topic=$2 wanted=$3
  shift 3
  if ! there subscription.json pubsub "v1/projects/$PROJECT_ID/subscriptions/$name"; then
    # Ordering can only be set when the subscription is created.
    [[ $name != "$SUBSCRIPTION" ]] || set -- "$@" --enable-message-ordering
    # A push subscription names an account, which may have been created a moment ago.
    patiently "the account $TRIGGER_EMAIL" "$ACCOUNT_UNKNOWN|not authorized to perform this action|$CANNOT_ACT" \
      gcloud pubsub subscriptions create "$name" --topic "$topic" "$@" "${ON_PROJECT[@]}"
    mark_made "pubsub subscriptions $name"
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
  local url=$EVENTS_URL wanted
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
  grant 'pubsub subscriptions' "$SUBSCRIPTION" roles/pubsub.subscriber "$PUBSUB_AGENT"
}
