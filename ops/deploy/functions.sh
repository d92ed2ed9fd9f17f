# The two functions, as `gcloud functions deploy` takes them, so that `gcloud functions call` reaches them. Sourced by deploy.sh.
# shellcheck shell=bash

# Sets SOURCE_LABELS: which commit this is, for labels (lower-case letters, digits, dashes).
describe_source() {
  GIT_COMMIT=$(git -C "$HERE" rev-parse --short=12 HEAD 2>/dev/null) || GIT_COMMIT=unknown
  if [[ $GIT_COMMIT != unknown && -n $(git -C "$HERE" status --porcelain -- main.py predictor requirements.txt) ]]; then
    GIT_COMMIT+=-dirty
  fi
  gcloud meta list-files-for-upload "$HERE" --quiet >"$WORK/files" 2>"$WORK/files.error" || die "cannot list the files to upload: $(tail -n 1 "$WORK/files.error")"
}

# function_flags NAME: sets FLAGS to everything that makes this function what it is, and FINGERPRINT to a digest of it.
function_flags() {
  local environment=(MODEL_URI="$MODEL_URI" MODEL_DIGEST="$MODEL_DIGEST" MODEL_LOADING=eager LOG_LEVEL="$LOG_LEVEL" GOOGLE_CLOUD_PROJECT="$PROJECT_ID")
  FLAGS=(--gen2 --runtime python313 --trigger-http --source "$HERE" --build-service-account "projects/$PROJECT_ID/serviceAccounts/$BUILD_EMAIL"
    --cpu "$CPU" --memory "$MEMORY")
  if [[ $1 == "$FUNCTION" ]]; then
    FLAGS+=(--entry-point predict --service-account "$FUNCTION_EMAIL" --ingress-settings all --timeout "${TIMEOUT_S}s"
      --concurrency "$CONCURRENCY" --min-instances "$MIN_INSTANCES" --max-instances "$MAX_INSTANCES")
    [[ -z $CORS_ORIGINS ]] || environment+=(CORS_ORIGINS="$CORS_ORIGINS")
  else
    environment+=(RESULTS_TOPIC="projects/$PROJECT_ID/topics/$RESULTS_TOPIC" REJECTS_TOPIC="projects/$PROJECT_ID/topics/$REJECTS_TOPIC")
    [[ -z $RESULTS_BUCKET ]] || environment+=(RESULTS_BUCKET="$RESULTS_BUCKET")
    FLAGS+=(--entry-point score --service-account "$EVENTS_EMAIL" --ingress-settings internal-only --timeout "${EVENTS_TIMEOUT_S}s"
      --concurrency "$EVENTS_CONCURRENCY" --min-instances "$EVENTS_MIN_INSTANCES" --max-instances "$EVENTS_MAX_INSTANCES")
  fi
  local IFS='|' # `gcloud topic escaping`: the values may hold commas.
  FLAGS+=(--set-env-vars "^|^${environment[*]}")
  IFS=' '
  FINGERPRINT=$(state fingerprint "$HERE" "$WORK/files" "${FLAGS[@]/#"$HERE"/.}")
}

# service_there NAME: whether there is such a Cloud Run service; it is in $WORK/service.json.
service_there() { there service.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/services/$1"; }

# Whether what is wanted is in service already: the same source and settings, and all traffic on it. The revision itself
# is asked: what the function says of itself may come from a deployment that failed.
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

# deploy_function NAME REPLACES [FLAG...]: the new revision remembers what it is made of and which one it is to replace;
# `up` and `rollback` read that. Access is not touched, so nobody gets in before a revision has shown that it is good.
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
    URL=$(state get "$WORK/service.json" status.url) || die "service $1 has no URL"
  elif [[ $DRY_RUN == true ]]; then
    printf "%s=\$(%s)\n" "$variable" "$(quoted gcloud run services describe "$1" "${IN_REGION[@]}" --format 'value(status.url)')"
    URL="\$$variable"
  else
    die "there is no service $1 although it was deployed"
  fi
}

# Events can wait: a push that no new instance takes is delivered again, so this one needs no blue and green.
apply_events_function() {
  function_flags "$EVENTS_FUNCTION"
  if in_service "$EVENTS_FUNCTION"; then
    say "$EVENTS_FUNCTION is in service as wanted"
    URL=$(state get "$WORK/service.json" status.url)
    return 0
  fi
  deploy_function "$EVENTS_FUNCTION" none --no-allow-unauthenticated || die "gcloud functions deploy $EVENTS_FUNCTION failed (its message is above); events wait"
  read_service "$EVENTS_FUNCTION"
}
