# Checks before anything is changed. A failed check ends the run with one line. Sourced by deploy.sh.
# shellcheck shell=bash

APIS=(artifactregistry cloudbuild cloudfunctions cloudresourcemanager iam logging monitoring pubsub run serviceusage storage)

need_programs() {
  local program
  for program in gcloud curl; do
    command -v "$program" >/dev/null || die "$program is not installed"
  done
  [[ -x $PYTHON ]] || command -v "$PYTHON" >/dev/null || die "there is no $PYTHON: run 'make model' first, or set PYTHON"
}

need_locks() {
  [[ -f $HERE/requirements.txt ]] || die "requirements.txt does not exist, and the deployed function is built from it: run make lock"
  grep -q -- '--hash=sha256:' "$HERE/requirements.txt" || die "requirements.txt has no hashes, so it is not a lock file: run make lock"
}

# Sets MODEL_URI, MODEL_DIGEST, MODEL_VERSION, and MODEL_LOCAL if the model is on this machine.
choose_model() {
  local manifests=() manifest
  MODEL_LOCAL=''
  if [[ -n $STAGED_SOURCE ]]; then
    : # `promote` has chosen it.
  elif [[ -n $MODEL_URI || -n $MODEL_DIGEST ]]; then
    [[ -n $MODEL_URI ]] || die "MODEL_DIGEST is set in $CONFIG and MODEL_URI is not: a published model needs both"
    [[ -n $MODEL_DIGEST ]] || die "MODEL_URI is set in $CONFIG and MODEL_DIGEST is not: pin it with the digest that publish printed"
    matches MODEL_URI "gs://$BUCKET/[A-Za-z0-9._/-]+" "a version in gs://$BUCKET, where the functions may read"
    matches MODEL_DIGEST 'sha256:[0-9a-f]{64}' 'sha256: and 64 lower-case hex digits'
    MODEL_URI=${MODEL_URI%/}
  else
    [[ $MODEL_FOLDER == /* ]] || MODEL_FOLDER=$HERE/$MODEL_FOLDER
    for manifest in "$MODEL_FOLDER"/*/manifest.json; do [[ -f $manifest ]] && manifests+=("$manifest"); done
    ((${#manifests[@]})) || die "there is no model in $MODEL_FOLDER: train one (make model), or set MODEL_URI and MODEL_DIGEST"
    MODEL_LOCAL=${manifests[-1]%/manifest.json} # Versions begin with their time, so the last one is the newest.
    MODEL_URI=gs://$BUCKET/$MODEL_ROOT/${MODEL_LOCAL##*/}
    MODEL_DIGEST=sha256:$(state sha256 "$MODEL_LOCAL/manifest.json")
  fi
  MODEL_VERSION=${MODEL_URI##*/}
  matches MODEL_VERSION '[a-z0-9_-]{1,63}' 'a version as publish names it, since it becomes a label' # Google refuses others.
}

need_good_model() {
  local where=${MODEL_LOCAL:-${STAGED_URI:-$MODEL_URI}} signed=()
  if [[ -n $SIGNING_PUBLIC_KEY ]]; then
    [[ $SIGNING_PUBLIC_KEY == /* ]] || SIGNING_PUBLIC_KEY=$HERE/$SIGNING_PUBLIC_KEY
    [[ -f $SIGNING_PUBLIC_KEY ]] || die "there is no $SIGNING_PUBLIC_KEY, which is SIGNING_PUBLIC_KEY in $CONFIG"
    signed=(--key "$SIGNING_PUBLIC_KEY")
  elif [[ -n $SIGNING_IDENTITY ]]; then
    signed=(--identity "$SIGNING_IDENTITY" --issuer "$SIGNING_ISSUER")
  fi
  say "verifying $where"
  predictor verify "$where" --digest "$MODEL_DIGEST" "${signed[@]}" >"$WORK/verify" 2>"$WORK/verify.error" ||
    die "the model in $where is bad: $(tail -qn 1 "$WORK/verify.error" "$WORK/verify" | tr '\n' ' ')"
}

# Publishing and reading models uses Python's client library, which has its own login.
need_client_login() {
  "$PYTHON" -W ignore -c 'import google.auth; google.auth.default()' 2>/dev/null ||
    die "Python's client libraries have no credentials, and models are read and written with them: run 'gcloud auth application-default login'"
}

need_project() {
  there project.json cloudresourcemanager "v1/projects/$PROJECT_ID" || die "the project $PROJECT_ID does not exist"
  PROJECT_NUMBER=$(state get "$WORK/project.json" projectNumber)
  PUBSUB_AGENT=serviceAccount:service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com
  MONITORING_AGENT=serviceAccount:service-$PROJECT_NUMBER@gcp-sa-monitoring-notification.iam.gserviceaccount.com
  # Accounts that this deployment or Google creates: a grant to one of them is tried until it is known everywhere.
  OUR_MEMBERS="$FUNCTION_EMAIL $EVENTS_EMAIL $TRIGGER_EMAIL $BUILD_EMAIL $BATCH_EMAIL ${PUBSUB_AGENT#*:} ${MONITORING_AGENT#*:} service-$PROJECT_NUMBER@gs-project-accounts.iam.gserviceaccount.com"
}

need_apis() {
  local api missing=() names=()
  for api in "${APIS[@]}"; do names+=(--data-urlencode "names=projects/$PROJECT_NUMBER/services/$api.googleapis.com"); done
  must_read apis.json serviceusage "v1/projects/$PROJECT_NUMBER/services:batchGet" --get "${names[@]}"
  for api in "${APIS[@]}"; do
    state enabled "$WORK/apis.json" "$api.googleapis.com" || missing+=("$api.googleapis.com")
  done
  ((${#missing[@]} == 0)) || die "APIs are not enabled; run: gcloud services enable ${missing[*]} --project $PROJECT_ID"
}

# Bucket names are global. In a bucket of another project, others could change our models.
need_own_bucket() {
  local owner
  BUCKET_EXISTS=true
  ask bucket.json storage "storage/v1/b/$BUCKET" --retry 2
  case $HTTP_STATUS in
    200) owner=$(state get "$WORK/bucket.json" projectNumber) || die "cannot tell which project owns the bucket gs://$BUCKET" ;;
    404) BUCKET_EXISTS=false owner=$PROJECT_NUMBER ;;
    *) die "the bucket gs://$BUCKET exists, but you may not read it: $(refusal bucket.json)" ;;
  esac
  [[ $owner == "$PROJECT_NUMBER" ]] ||
    die "the bucket gs://$BUCKET belongs to project number $owner, not to $PROJECT_ID ($PROJECT_NUMBER): choose another BUCKET"
}

# Topics, accounts and alerts belong to the project, functions to a region. So two deployments with the same names, in two
# regions of one project, would take each other's.
need_own_names() {
  local region
  there input-topic.json pubsub "v1/projects/$PROJECT_ID/topics/$INPUT_TOPIC" || return 0
  region=$(state get "$WORK/input-topic.json" labels.region) || return 0 # An earlier version created it.
  [[ $region == "$REGION" ]] || die "the names in $CONFIG belong to a deployment in $region, not in $REGION: set another PREFIX"
}

need_project_state() {
  need_apis
  need_own_bucket
  need_own_names
  need_file_buckets
}

preflight() {
  need_locks
  choose_model
  access_token
  need_client_login
  say "checking the project $PROJECT_ID"
  need_project
  need_project_state
  at_once need_good_model list_files
  describe_source
  need_same_source
}
