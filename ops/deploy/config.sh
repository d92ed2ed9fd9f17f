# Settings: defaults, deploy.env over them, and what no command may start without. Sourced by deploy.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the other files use them

# Every key that deploy.env may hold, with its default. deploy.env.example says what each one is for.
load_defaults() {
  PROJECT_ID='' REGION=us-central1 BUCKET='' MODEL_ROOT=penguins
  MODEL_FOLDER=artifacts MODEL_URI='' MODEL_DIGEST=''
  FUNCTION=predict EVENTS_FUNCTION=score
  FUNCTION_ACCOUNT=penguin-predict EVENTS_ACCOUNT=penguin-score TRIGGER_ACCOUNT=penguin-trigger BUILD_ACCOUNT=penguin-build
  INPUT_TOPIC=penguins RESULTS_TOPIC=penguin-results REJECTS_TOPIC=penguin-rejects DEAD_LETTER_TOPIC=penguin-dead-letters
  INVOKERS=''
  CPU=1 MEMORY=512Mi CONCURRENCY=80 MIN_INSTANCES=1 MAX_INSTANCES=10 TIMEOUT_S=60
  EVENTS_CONCURRENCY=20 EVENTS_MIN_INSTANCES=0 EVENTS_MAX_INSTANCES=10 EVENTS_TIMEOUT_S=60
  ACK_DEADLINE_S=60 MIN_RETRY_DELAY_S=10 MAX_RETRY_DELAY_S=600 MAX_DELIVERY_ATTEMPTS=10 RETENTION_DAYS=7
  SMOKE_P95_MS=300 MAX_DISAGREEMENT=0.01 MAX_ERROR_SHARE=0.01 STEP_WAIT_S=300
  NOTIFICATION_CHANNELS='' CORS_ORIGINS='' LOG_LEVEL=INFO
}
KEYS=' PROJECT_ID REGION BUCKET MODEL_ROOT MODEL_FOLDER MODEL_URI MODEL_DIGEST FUNCTION EVENTS_FUNCTION FUNCTION_ACCOUNT
 EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC INVOKERS CPU MEMORY
 CONCURRENCY MIN_INSTANCES MAX_INSTANCES TIMEOUT_S EVENTS_CONCURRENCY EVENTS_MIN_INSTANCES EVENTS_MAX_INSTANCES
 EVENTS_TIMEOUT_S ACK_DEADLINE_S MIN_RETRY_DELAY_S MAX_RETRY_DELAY_S MAX_DELIVERY_ATTEMPTS RETENTION_DAYS SMOKE_P95_MS MAX_DISAGREEMENT
 MAX_ERROR_SHARE STEP_WAIT_S NOTIFICATION_CHANNELS CORS_ORIGINS LOG_LEVEL '

# Reads KEY=VALUE lines. The file is data: nothing in it is run, and a key that nobody knows is a mistake.
load_config() {
  local file=$1 line number=0 key value
  [[ -r $file ]] || die "there is no $file: copy deploy.env.example to deploy.env and fill it in, or give --config FILE"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^([A-Z0-9_]+)=(.*)$ ]] || die "$file line $number is not KEY=VALUE"
    key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    value=${value%%[[:space:]]#*}
    value=${value%"${value##*[![:space:]]}"}
    if [[ $value =~ ^\"([^\"]*)\"$ || $value =~ ^\'([^\']*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    [[ ${KEYS//$'\n'/ } == *" $key "* ]] || die "$file line $number: there is no setting $key"
    printf -v "$key" '%s' "$value"
  done <"$file"
}

# matches KEY PATTERN WHAT: the setting's value, or one line that names key, value and what was expected.
matches() {
  [[ ${!1} =~ ^($2)$ ]] || die "$1='${!1}' in $CONFIG: expected $3"
}

check_config() {
  local key name='[a-z][a-z0-9-]{0,61}[a-z0-9]' number='[1-9][0-9]{0,8}' share='0(\.[0-9]+)?|1(\.0+)?'
  matches PROJECT_ID '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a Google Cloud project'
  matches REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
  BUCKET=${BUCKET:-$PROJECT_ID-penguin-models}
  matches BUCKET '[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'the name of a bucket, without gs://'
  matches MODEL_ROOT '[A-Za-z0-9._/-]+' 'a folder in the bucket'
  for key in FUNCTION EVENTS_FUNCTION; do matches "$key" "$name" 'a name of lower-case letters, digits and dashes'; done
  for key in FUNCTION_ACCOUNT EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT; do
    matches "$key" '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the short name of a service account (6 to 30 characters)'
  done
  for key in INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC; do
    matches "$key" '[A-Za-z][A-Za-z0-9._~+%-]{2,254}' 'the short name of a topic'
  done
  matches CPU '[0-9]+(\.[0-9]+)?' 'a number of CPUs'
  matches MEMORY '[0-9]+(Mi|Gi)' 'memory such as 512Mi'
  for key in CONCURRENCY MAX_INSTANCES TIMEOUT_S EVENTS_CONCURRENCY EVENTS_MAX_INSTANCES EVENTS_TIMEOUT_S MIN_RETRY_DELAY_S MAX_RETRY_DELAY_S \
    RETENTION_DAYS SMOKE_P95_MS ACK_DEADLINE_S MAX_DELIVERY_ATTEMPTS; do
    matches "$key" "$number" 'a whole number of at least 1'
  done
  for key in MIN_INSTANCES EVENTS_MIN_INSTANCES STEP_WAIT_S; do matches "$key" "0|$number" 'a whole number'; done
  for key in MAX_DISAGREEMENT MAX_ERROR_SHARE; do matches "$key" "$share" 'a share between 0 and 1'; done
  ((ACK_DEADLINE_S >= 10 && ACK_DEADLINE_S <= 600)) || die "ACK_DEADLINE_S=$ACK_DEADLINE_S in $CONFIG: Pub/Sub takes 10 to 600"
  ((MAX_DELIVERY_ATTEMPTS >= 5 && MAX_DELIVERY_ATTEMPTS <= 100)) ||
    die "MAX_DELIVERY_ATTEMPTS=$MAX_DELIVERY_ATTEMPTS in $CONFIG: Pub/Sub takes 5 to 100"
  ((EVENTS_TIMEOUT_S >= ACK_DEADLINE_S)) ||
    die "EVENTS_TIMEOUT_S=$EVENTS_TIMEOUT_S in $CONFIG is under ACK_DEADLINE_S=$ACK_DEADLINE_S: requests would end that Pub/Sub still waits for"
  derive
}

# Names that follow from the settings.
derive() {
  local domain=$PROJECT_ID.iam.gserviceaccount.com
  FUNCTION_EMAIL=$FUNCTION_ACCOUNT@$domain
  EVENTS_EMAIL=$EVENTS_ACCOUNT@$domain
  TRIGGER_EMAIL=$TRIGGER_ACCOUNT@$domain
  BUILD_EMAIL=$BUILD_ACCOUNT@$domain
  SUBSCRIPTION=$INPUT_TOPIC-$EVENTS_FUNCTION
  DEAD_LETTER_SUBSCRIPTION=$DEAD_LETTER_TOPIC-kept
  ON_PROJECT=(--project "$PROJECT_ID" --quiet)
  IN_REGION=(--region "$REGION" "${ON_PROJECT[@]}")
}
