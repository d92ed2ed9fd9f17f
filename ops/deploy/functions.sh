# Deploys the two functions with `gcloud functions deploy`, so that `gcloud functions call` works. Sourced by deploy.sh.
# shellcheck shell=bash

# Sets GIT_COMMIT, in a form that is valid in a label, and lists the files to upload in $WORK/files.
describe_source() {
  GIT_COMMIT=$(git -C "$HERE" rev-parse --short=12 HEAD 2>/dev/null) || GIT_COMMIT=unknown
  if [[ $GIT_COMMIT != unknown && -n $(git -C "$HERE" status --porcelain -- main.py predictor requirements.txt) ]]; then
    GIT_COMMIT+=-dirty
  fi
  gcloud meta list-files-for-upload "$HERE" --quiet >"$WORK/files" 2>"$WORK/files.error" || die "cannot list the files to upload: $(tail -n 1 "$WORK/files.error")"
}

# function_flags NAME: sets FLAGS to the function's source and settings, and FINGERPRINT to a digest of both.
function_flags() {
  local environment=(MODEL_URI="$MODEL_URI" MODEL_DIGEST="$MODEL_DIGEST" MODEL_LOADING=eager LOG_LEVEL="$LOG_LEVEL" GOOGLE_CLOUD_PROJECT="$PROJECT_ID")
  FLAGS=(--gen2 --runtime python313 --trigger-http --source "$HERE" --build-service-account "projects/$PROJECT_ID/serviceAccounts/$BUILD_EMAIL"
    --cpu "$CPU" --memory "$MEMORY")
  if [[ $1 == "$FUNCTION" ]]; then
    FLAGS+=(--entry-point predict --service-account "$FUNCTION_EMAIL" --ingress-settings all --timeout "${TIMEOUT_S}s"
      --concurrency "$CONCURRENCY" --min-instances "$MIN_INSTANCES" --max-instances "$MAX_INSTANCES")
    [[ -z $CORS_ORIGINS ]] || environment+=(CORS_ORIGINS="$CORS_ORIGINS")
    [[ $FEEDBACK == false ]] || environment+=(FEEDBACK="$FEEDBACK")
  else
    environment+=(RESULTS_TOPIC="projects/$PROJECT_ID/topics/$RESULTS_TOPIC" REJECTS_TOPIC="projects/$PROJECT_ID/topics/$REJECTS_TOPIC")
    [[ -z $RESULTS_BUCKET ]] || environment+=(RESULTS_BUCKET="$RESULTS_BUCKET")
    FLAGS+=(--entry-point score --service-account "$EVENTS_EMAIL" --ingress-settings internal-only --timeout "${EVENTS_TIMEOUT_S}s"
      --concurrency "$EVENTS_CONCURRENCY" --min-instances "$EVENTS_MIN_INSTANCES" --max-instances "$EVENTS_MAX_INSTANCES")
  fi
  local IFS='|' # See `gcloud topic escaping`: values may contain commas.
  FLAGS+=(--set-env-vars "^|^${environment[*]}")
  IFS=' '
  FINGERPRINT=$(state fingerprint "$HERE" "$WORK/files" "${FLAGS[@]/#"$HERE"/.}")
}

# service_there NAME: whether the Cloud Run service exists; it is then in $WORK/service.json.
service_there() { there service.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/services/$1"; }

# Whether the wanted source and settings are in service already, with all traffic. The revision tells; the function's own
# description may come from a deployment that failed.
in_service() {
  local name
  there function.json cloudfunctions "v2/projects/$PROJECT_ID/locations/$REGION/functions/$1" &&
    [[ $(state get "$WORK/function.json" state) == ACTIVE ]] &&
    service_there "$1" &&
    read -r name _ < <(state blue "$WORK/service.json" none) &&
    [[ $(state share "$WORK/service.json" "$name") == 100 ]] &&
    there revision.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/revisions/$name" &&
    [[ $(state variable "$WORK/revision.json" FINGERPRINT) == "$FINGERPRINT" ]]
}

# deploy_function NAME REPLACES [FLAG...]: the new revision records what it is made of and which revision it replaces;
# `up` and `rollback` read this. Permissions are not changed, so nobody gets access before a revision has passed its checks.
deploy_function() {
  local name=$1 flags=("${FLAGS[@]}")
  flags[-1]+="|FINGERPRINT=$FINGERPRINT|REPLACES=$2"
  shift 2
  change gcloud functions deploy "$name" "${flags[@]}" "$@" \
    --update-labels "git-commit=$GIT_COMMIT,model-version=$MODEL_VERSION" "${IN_REGION[@]}" --format none
}

# read_service NAME: sets URL, and the service in $WORK/service.json.
read_service() {
  local variable=URL
  [[ $1 == "$FUNCTION" ]] || variable=EVENTS_URL
  if service_there "$1"; then
    URL=$(state get "$WORK/service.json" status.url) || die "the service $1 has no URL"
  elif [[ $DRY_RUN == true ]]; then
    printf "%s=\$(%s)\n" "$variable" "$(quoted gcloud run services describe "$1" "${IN_REGION[@]}" --format 'value(status.url)')"
    URL="\$$variable"
  else
    die "the service $1 does not exist although it was deployed"
  fi
}

# Not blue-green: Pub/Sub redelivers what a new instance does not acknowledge, so events can wait.
apply_events_function() {
  function_flags "$EVENTS_FUNCTION"
  if in_service "$EVENTS_FUNCTION"; then
    say "$EVENTS_FUNCTION is up to date"
    URL=$(state get "$WORK/service.json" status.url)
    return 0
  fi
  deploy_function "$EVENTS_FUNCTION" none --no-allow-unauthenticated || die "gcloud functions deploy $EVENTS_FUNCTION failed (its message is above); messages wait in Pub/Sub"
  read_service "$EVENTS_FUNCTION"
}
