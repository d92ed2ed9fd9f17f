# Settings: the defaults, the values in deploy.env, and their checks. Sourced by deploy.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the other files use them

# Every key that deploy.env may hold, with its default. deploy.env.example says what each one is for.
load_defaults() {
  PROJECT_ID='' REGION=us-central1 PREFIX='' PROTECTED=false BUCKET='' MODEL_ROOT=penguins
  MODEL_FOLDER=artifacts MODEL_URI='' MODEL_DIGEST=''
  SIGNING_PUBLIC_KEY='' SIGNING_IDENTITY='' SIGNING_ISSUER=''
  FUNCTION=predict EVENTS_FUNCTION=score
  FUNCTION_ACCOUNT=penguin-predict EVENTS_ACCOUNT=penguin-score TRIGGER_ACCOUNT=penguin-trigger BUILD_ACCOUNT=penguin-build
  BATCH_ACCOUNT=penguin-batch BATCH_MAX_WORKERS=10 BATCH_SUBNETWORK='' BIGQUERY_DATASET=penguins BIGQUERY_CONNECTION=penguins
  INPUT_TOPIC=penguins RESULTS_TOPIC=penguin-results REJECTS_TOPIC=penguin-rejects DEAD_LETTER_TOPIC=penguin-dead-letters
  INVOKERS='' INPUT_BUCKET='' RESULTS_BUCKET=''
  CPU=1 MEMORY=512Mi CONCURRENCY=80 MIN_INSTANCES=1 MAX_INSTANCES=10 TIMEOUT_S=60
  CPU_ALWAYS=false INGRESS=all VPC_CONNECTOR='' VPC_EGRESS=private-ranges-only KMS_KEY='' IMAGE_REPOSITORY=''
  AUDIT_STORAGE=false IMAGES_KEPT=10 MIN_REQUESTS_PER_HOUR=0
  EVENTS_CONCURRENCY=20 EVENTS_MIN_INSTANCES=0 EVENTS_MAX_INSTANCES=10 EVENTS_TIMEOUT_S=60
  ACK_DEADLINE_S=60 MIN_RETRY_DELAY_S=10 MAX_RETRY_DELAY_S=600 MAX_DELIVERY_ATTEMPTS=10 RETENTION_DAYS=7
  SMOKE_P95_MS=300 SMOKE_WAIT_S=60 MAX_DISAGREEMENT=0.01 MAX_ERROR_SHARE=0.01 STEP_WAIT_S=300
  CANARY_REQUESTS=200 CANARY_ERROR=0.01
  NOTIFICATION_CHANNELS='' CORS_ORIGINS='' PROTOCOLS='' FEEDBACK=false LOG_LEVEL=INFO
  MAX_BODY_BYTES='' MAX_INSTANCES_PER_REQUEST='' MAX_CONCURRENT_REQUESTS='' MAX_BYTES_IN_FLIGHT='' REQUEST_TIMEOUT_S='' MAX_STREAM_BYTES=''
}
KEYS=' PROJECT_ID REGION PREFIX PROTECTED BUCKET MODEL_ROOT MODEL_FOLDER MODEL_URI MODEL_DIGEST SIGNING_PUBLIC_KEY SIGNING_IDENTITY
 SIGNING_ISSUER FUNCTION EVENTS_FUNCTION FUNCTION_ACCOUNT
 EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT BATCH_ACCOUNT BATCH_MAX_WORKERS BATCH_SUBNETWORK BIGQUERY_DATASET BIGQUERY_CONNECTION INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC INVOKERS
 INPUT_BUCKET RESULTS_BUCKET CPU MEMORY CPU_ALWAYS INGRESS VPC_CONNECTOR VPC_EGRESS KMS_KEY IMAGE_REPOSITORY AUDIT_STORAGE IMAGES_KEPT
 MIN_REQUESTS_PER_HOUR
 CONCURRENCY MIN_INSTANCES MAX_INSTANCES TIMEOUT_S EVENTS_CONCURRENCY EVENTS_MIN_INSTANCES EVENTS_MAX_INSTANCES
 EVENTS_TIMEOUT_S ACK_DEADLINE_S MIN_RETRY_DELAY_S MAX_RETRY_DELAY_S MAX_DELIVERY_ATTEMPTS RETENTION_DAYS SMOKE_P95_MS SMOKE_WAIT_S
 MAX_DISAGREEMENT MAX_ERROR_SHARE STEP_WAIT_S CANARY_REQUESTS CANARY_ERROR NOTIFICATION_CHANNELS CORS_ORIGINS PROTOCOLS FEEDBACK LOG_LEVEL
 MAX_BODY_BYTES MAX_INSTANCES_PER_REQUEST MAX_CONCURRENT_REQUESTS MAX_BYTES_IN_FLIGHT REQUEST_TIMEOUT_S MAX_STREAM_BYTES '

# Limits of both functions, as their environment variables. Where one is empty, the functions have their own default.
LIMITS='MAX_BODY_BYTES MAX_INSTANCES_PER_REQUEST MAX_CONCURRENT_REQUESTS MAX_BYTES_IN_FLIGHT REQUEST_TIMEOUT_S MAX_STREAM_BYTES'

# Every name in a project. PREFIX stands before each, so that several deployments have their place in one project. Buckets have
# names in the whole world: BUCKET stays as it is written.
NAMES='FUNCTION EVENTS_FUNCTION FUNCTION_ACCOUNT EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT BATCH_ACCOUNT BIGQUERY_CONNECTION INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC'

# Reads KEY=VALUE lines. The file is data: nothing in it is executed. An unknown key is an error.
load_config() {
  local file=$1 line number=0 key value
  [[ -r $file ]] || die "cannot read $file: copy deploy.env.example to deploy.env and set PROJECT_ID, or use --config FILE"
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

# matches KEY PATTERN WHAT: ends the run with a line that names key, value and what was expected, unless it matches.
matches() {
  [[ ${!1} =~ ^($2)$ ]] || die "$1='${!1}' in $CONFIG: expected $3"
}

# within KEY LEAST MOST: Google would refuse other numbers, but only after half of the work was done.
within() {
  ((${!1} >= $2 && ${!1} <= $3)) || die "$1=${!1} in $CONFIG: expected $2 to $3"
}

# distinct KEY...: with equal values, resources would overwrite each other or messages would go in a circle.
distinct() {
  local key
  local -A seen=()
  for key in "$@"; do
    [[ -z ${seen[${!key}]:-} ]] || die "${seen[${!key}]} and $key are both '${!key}' in $CONFIG: each needs a name of its own"
    seen[${!key}]=$key
  done
}

# check_size CONCURRENCY_KEY...: refuses the sizes that Cloud Run refuses. predictor/operations/instance.py has the same
# rules, and where they are from.
check_size() {
  local cpus=${CPU%.*} thousandths=1000 memory=${MEMORY%?i} least=128 most=512 key
  [[ $MEMORY == *Gi ]] && memory=$((memory * 1024))
  if [[ $cpus == 0 ]]; then
    thousandths=${CPU#0.}000
    thousandths=$((10#${thousandths:0:3}))
    ((thousandths >= 80)) || die "CPU=$CPU in $CONFIG: Cloud Run takes at least 0.08 vCPU"
    ((thousandths < 500)) || most=1024
    for key in "$@"; do
      [[ ${!key} == 1 ]] || die "$key=${!key} with CPU=$CPU in $CONFIG: with less than 1 vCPU, Cloud Run takes only concurrency 1"
    done
  else
    case $cpus in
      1) most=4096 ;;
      2) most=8192 ;;
      4) least=2048 most=16384 ;;
      6) least=4096 most=24576 ;;
      8) least=4096 most=32768 ;;
      *) die "CPU=$CPU in $CONFIG: Cloud Run takes 1, 2, 4, 6 or 8 vCPUs, or 0.08 to 0.999" ;;
    esac
  fi
  ((memory >= least && memory <= most)) ||
    die "MEMORY=$MEMORY with CPU=$CPU in $CONFIG: with so many vCPUs, Cloud Run takes ${least}Mi to ${most}Mi"
}

check_config() {
  local key member members name='[a-z][a-z0-9-]{0,61}[a-z0-9]' number='[1-9][0-9]{0,8}' share='0(\.[0-9]+)?|1(\.0+)?'
  matches PROJECT_ID '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a Google Cloud project'
  matches REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
  matches PREFIX '|[a-z]([a-z0-9-]{0,12}[a-z0-9])?' 'nothing, or at most 14 lower-case letters, digits and dashes'
  BUCKET=${BUCKET:-$PROJECT_ID-${PREFIX:+$PREFIX-}penguin-models}
  for key in $NAMES; do printf -v "$key" '%s' "${PREFIX:+$PREFIX-}${!key}"; done
  BIGQUERY_DATASET=${PREFIX:+${PREFIX//-/_}_}$BIGQUERY_DATASET # Datasets have no dashes in their names.
  matches BUCKET '[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'the name of a bucket, without gs://'
  matches MODEL_ROOT '[A-Za-z0-9._/-]+' 'a folder in the bucket'
  [[ -z $SIGNING_PUBLIC_KEY || -z $SIGNING_IDENTITY$SIGNING_ISSUER ]] || die "SIGNING_PUBLIC_KEY and SIGNING_IDENTITY are both set in $CONFIG: models are signed with a key or without one"
  [[ -n $SIGNING_IDENTITY || -z $SIGNING_ISSUER ]] || die "SIGNING_ISSUER is set in $CONFIG and SIGNING_IDENTITY is not: both are needed"
  [[ -z $SIGNING_IDENTITY || -n $SIGNING_ISSUER ]] || die "SIGNING_IDENTITY is set in $CONFIG and SIGNING_ISSUER is not: both are needed"
  for key in FUNCTION EVENTS_FUNCTION; do matches "$key" "$name" 'a name of lower-case letters, digits and dashes'; done
  matches BIGQUERY_DATASET '[A-Za-z0-9_]{1,100}' 'the name of a dataset: letters, digits and underscores'
  matches BIGQUERY_CONNECTION '[A-Za-z0-9_-]{1,100}' 'the name of a connection'
  matches BATCH_SUBNETWORK '|(https://www\.googleapis\.com/compute/v1/projects/[^/[:space:]]+/)?regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+' 'regions/REGION/subnetworks/NAME'
  for key in FUNCTION_ACCOUNT EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT BATCH_ACCOUNT; do
    matches "$key" '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the short name of a service account (6 to 30 characters, with PREFIX)'
  done
  for key in INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC; do
    matches "$key" '[A-Za-z][A-Za-z0-9._~+%-]{2,254}' 'the short name of a topic'
  done
  matches CPU '0\.[0-9]{1,3}|[1-8](\.0+)?' '1, 2, 4, 6 or 8 vCPUs, or 0.08 to 0.999'
  matches MEMORY '[1-9][0-9]{0,5}(Mi|Gi)' 'memory such as 512Mi'
  for key in CONCURRENCY MAX_INSTANCES TIMEOUT_S EVENTS_CONCURRENCY EVENTS_MAX_INSTANCES EVENTS_TIMEOUT_S MIN_RETRY_DELAY_S MAX_RETRY_DELAY_S \
    RETENTION_DAYS SMOKE_P95_MS ACK_DEADLINE_S MAX_DELIVERY_ATTEMPTS BATCH_MAX_WORKERS; do
    matches "$key" "$number" 'a whole number of at least 1'
  done
  for key in $LIMITS; do matches "$key" "|$number" 'nothing, or a whole number of at least 1'; done
  for key in MIN_INSTANCES EVENTS_MIN_INSTANCES STEP_WAIT_S SMOKE_WAIT_S; do matches "$key" "0|$number" 'a whole number'; done
  for key in MAX_DISAGREEMENT MAX_ERROR_SHARE; do matches "$key" "$share" 'a share between 0 and 1'; done
  for key in PROTECTED CPU_ALWAYS AUDIT_STORAGE; do matches "$key" 'true|false' 'true or false'; done
  matches INGRESS 'all|internal-only|internal-and-gclb' 'all, internal-only or internal-and-gclb'
  matches VPC_CONNECTOR '|[a-z0-9/-]+' 'the name of a VPC connector'
  matches VPC_EGRESS 'all|private-ranges-only' 'all or private-ranges-only'
  matches KMS_KEY '|projects/[^/[:space:]]+/locations/[^/[:space:]]+/keyRings/[^/[:space:]]+/cryptoKeys/[^/[:space:]]+' 'projects/P/locations/L/keyRings/R/cryptoKeys/K'
  matches IMAGE_REPOSITORY '|projects/[^/[:space:]]+/locations/[^/[:space:]]+/repositories/[^/[:space:]]+' 'projects/P/locations/L/repositories/R'
  [[ -z $KMS_KEY || -n $IMAGE_REPOSITORY ]] ||
    die "KMS_KEY is set in $CONFIG and IMAGE_REPOSITORY is not: images must lie in a repository that is encrypted with the same key"
  for key in IMAGES_KEPT MIN_REQUESTS_PER_HOUR; do matches "$key" "0|$number" 'a whole number'; done
  matches CANARY_REQUESTS "$number" 'a whole number of at least 1'
  matches CANARY_ERROR '0\.(0*[1-9][0-9]*)' 'a probability between 0 and 1, such as 0.01'
  matches PROTOCOLS '|none|((v1|v2|mlflow|bigquery)(,|$))+' 'nothing, none, or names among v1, v2, mlflow and bigquery, separated by commas'
  matches FEEDBACK 'true|false' 'true or false'
  matches LOG_LEVEL 'DEBUG|INFO|WARNING|ERROR' 'DEBUG, INFO, WARNING or ERROR'
  matches CORS_ORIGINS '[^|]*' 'origins, separated by commas'
  distinct FUNCTION EVENTS_FUNCTION
  distinct INPUT_TOPIC RESULTS_TOPIC REJECTS_TOPIC DEAD_LETTER_TOPIC
  distinct FUNCTION_ACCOUNT EVENTS_ACCOUNT TRIGGER_ACCOUNT BUILD_ACCOUNT BATCH_ACCOUNT
  within ACK_DEADLINE_S 10 600
  within MAX_DELIVERY_ATTEMPTS 5 100
  within MAX_RETRY_DELAY_S "$MIN_RETRY_DELAY_S" 600
  within RETENTION_DAYS 1 31
  for key in TIMEOUT_S EVENTS_TIMEOUT_S; do within "$key" 1 3600; done
  for key in CONCURRENCY EVENTS_CONCURRENCY; do within "$key" 1 1000; done
  check_size CONCURRENCY EVENTS_CONCURRENCY
  within MIN_INSTANCES 0 "$MAX_INSTANCES"
  within EVENTS_MIN_INSTANCES 0 "$EVENTS_MAX_INSTANCES"
  if [[ -n $INPUT_BUCKET$RESULTS_BUCKET ]]; then
    for key in INPUT_BUCKET RESULTS_BUCKET; do matches "$key" '[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'the name of a bucket, and both INPUT_BUCKET and RESULTS_BUCKET'; done
    distinct BUCKET INPUT_BUCKET RESULTS_BUCKET # The account that writes results must not be able to write models.
    ((ACK_DEADLINE_S == 600)) || die "ACK_DEADLINE_S=$ACK_DEADLINE_S in $CONFIG: a file may take minutes, so with INPUT_BUCKET it must be 600"
  fi
  ((EVENTS_TIMEOUT_S >= ACK_DEADLINE_S)) ||
    die "EVENTS_TIMEOUT_S=$EVENTS_TIMEOUT_S in $CONFIG must be at least ACK_DEADLINE_S=$ACK_DEADLINE_S: else Cloud Run ends requests that Pub/Sub still waits for"
  MEMBERS=()
  IFS=, read -ra members <<<"$INVOKERS"
  for member in "${members[@]}"; do
    read -r member <<<"$member" # Strips blanks.
    # allUsers and allAuthenticatedUsers are refused: only --public opens a service.
    [[ $member =~ ^(user|group|serviceAccount|domain|principal|principalSet):[^[:space:]]+$ ]] ||
      die "INVOKERS='$INVOKERS' in $CONFIG: expected members such as group:vets@example.org, separated by commas, not '$member'"
    MEMBERS+=("$member")
  done
  derive
}

# Names that follow from the settings.
derive() {
  local domain=$PROJECT_ID.iam.gserviceaccount.com
  FUNCTION_EMAIL=$FUNCTION_ACCOUNT@$domain
  EVENTS_EMAIL=$EVENTS_ACCOUNT@$domain
  TRIGGER_EMAIL=$TRIGGER_ACCOUNT@$domain
  BUILD_EMAIL=$BUILD_ACCOUNT@$domain
  BATCH_EMAIL=$BATCH_ACCOUNT@$domain
  SUBSCRIPTION=$INPUT_TOPIC-$EVENTS_FUNCTION
  DEAD_LETTER_SUBSCRIPTION=$DEAD_LETTER_TOPIC-kept
  ON_PROJECT=(--project "$PROJECT_ID" --quiet)
  IN_REGION=(--region "$REGION" "${ON_PROJECT[@]}")
}
