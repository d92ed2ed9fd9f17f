# What must be true before anything is changed; each trouble is one clear line. Sourced by deploy.sh.
# shellcheck shell=bash

APIS=(artifactregistry cloudbuild cloudfunctions cloudresourcemanager iam logging monitoring pubsub run serviceusage storage)

need_programs() {
  local program
  for program in gcloud curl; do
    command -v "$program" >/dev/null || die "$program is not installed"
  done
  [[ -x $PYTHON ]] || command -v "$PYTHON" >/dev/null || die "there is no $PYTHON: run 'make model' first, or set PYTHON"
}

# Fails here and not in the middle: without it every later call would.
need_login() {
  look token gcloud auth print-access-token --quiet || die "nobody is logged in to gcloud: run 'gcloud auth login'"
}

need_locks() {
  [[ -f $HERE/requirements.txt ]] || die "there is no requirements.txt: the deployed function is built from it (make lock)"
  grep -q -- '--hash=sha256:' "$HERE/requirements.txt" || die "requirements.txt holds no hashes: it is no lock file (make lock)"
}

# Sets MODEL_URI, MODEL_DIGEST, MODEL_VERSION, and MODEL_LOCAL where the model is on this machine.
choose_model() {
  local manifests=() manifest
  MODEL_LOCAL=''
  if [[ -n $MODEL_URI || -n $MODEL_DIGEST ]]; then
    [[ -n $MODEL_URI ]] || die "MODEL_DIGEST is set in $CONFIG and MODEL_URI is not: a published model needs both"
    [[ -n $MODEL_DIGEST ]] || die "MODEL_URI is set in $CONFIG and MODEL_DIGEST is not: pin it with the digest that publish printed"
    matches MODEL_URI "gs://$BUCKET/[A-Za-z0-9._/-]+" "a version in gs://$BUCKET, where the functions may read"
    matches MODEL_DIGEST 'sha256:[0-9a-f]{64}' 'sha256: and 64 lower-case hex digits'
    MODEL_URI=${MODEL_URI%/}
  else
    [[ $MODEL_FOLDER == /* ]] || MODEL_FOLDER=$HERE/$MODEL_FOLDER
    for manifest in "$MODEL_FOLDER"/*/manifest.json; do [[ -f $manifest ]] && manifests+=("$manifest"); done
    ((${#manifests[@]})) || die "there is no model in $MODEL_FOLDER: train one (make model), or set MODEL_URI and MODEL_DIGEST"
    MODEL_LOCAL=${manifests[-1]%/manifest.json} # Versions begin with their time: the last is the newest.
    MODEL_URI=gs://$BUCKET/$MODEL_ROOT/${MODEL_LOCAL##*/}
    MODEL_DIGEST=sha256:$(state sha256 "$MODEL_LOCAL/manifest.json")
  fi
  MODEL_VERSION=${MODEL_URI##*/}
}

need_good_model() {
  [[ -n $MODEL_LOCAL ]] || return 0
  say "verifying $MODEL_LOCAL"
  predictor verify "$MODEL_LOCAL" --digest "$MODEL_DIGEST" >"$WORK/verify" 2>"$WORK/verify.error" ||
    die "the model in $MODEL_LOCAL is bad: $(tail -qn 1 "$WORK/verify.error" "$WORK/verify" | tr '\n' ' ')"
}

# Publishing uses the Python client, which has a login of its own.
need_client_login() {
  [[ -n $MODEL_LOCAL ]] || return 0
  "$PYTHON" -W ignore -c 'import google.auth; google.auth.default()' 2>/dev/null ||
    die "publishing needs credentials for client libraries: run 'gcloud auth application-default login'"
}

# start_reading NAME COMMAND...: a reading in the background; gcloud takes a second or more a call.
start_reading() {
  look "$@" &
  READERS[$1]=$!
}

read_functions() {
  start_reading functions.json gcloud functions list --v2 --regions "$REGION" "${ON_PROJECT[@]}" --format json
  start_reading services.json gcloud run services list "${IN_REGION[@]}" --format json
}

# Everything that is there already, in one round.
read_project() {
  start_reading number gcloud projects describe "$PROJECT_ID" --quiet --format 'value(projectNumber)'
  start_reading apis gcloud services list --enabled "${ON_PROJECT[@]}" --format 'value(config.name)'
  start_reading bucket.json gcloud storage buckets describe "gs://$BUCKET" "${ON_PROJECT[@]}" --raw --format json
  start_reading accounts.json gcloud iam service-accounts list "${ON_PROJECT[@]}" --format json
  start_reading topics.json gcloud pubsub topics list "${ON_PROJECT[@]}" --format json
  start_reading subscriptions.json gcloud pubsub subscriptions list "${ON_PROJECT[@]}" --format json
  read_functions
  read_all number
  PROJECT_NUMBER=$(<"$WORK/number")
}

need_apis() {
  local api missing=()
  read_all apis
  for api in "${APIS[@]}"; do
    grep -qx "$api.googleapis.com" "$WORK/apis" || missing+=("$api.googleapis.com")
  done
  ((${#missing[@]} == 0)) || die "APIs are not enabled; run: gcloud services enable ${missing[*]} --project $PROJECT_ID"
}

# A bucket's name is everybody's: one that another project owns would serve what others wrote, and get what we write.
need_own_bucket() {
  local owner
  BUCKET_EXISTS=true
  if ! wait "${READERS[bucket.json]}"; then
    grep -qiE 'not found|404' "$WORK/bucket.json.error" ||
      die "the bucket gs://$BUCKET is not this project's: $(complaint bucket.json)"
    BUCKET_EXISTS=false
    return 0
  fi
  owner=$(state get "$WORK/bucket.json" projectNumber) || die "Google does not say whose bucket gs://$BUCKET is"
  [[ $owner == "$PROJECT_NUMBER" ]] ||
    die "the bucket gs://$BUCKET belongs to project number $owner, not to $PROJECT_ID ($PROJECT_NUMBER): choose another BUCKET"
}

preflight() {
  need_programs
  need_locks
  choose_model
  need_login
  need_client_login
  say "looking at project $PROJECT_ID"
  read_project
  need_apis
  need_own_bucket
  need_good_model
  read_all accounts.json topics.json subscriptions.json functions.json services.json
}
