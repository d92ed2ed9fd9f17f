# The two functions, as `gcloud functions deploy` takes them, so that `gcloud functions call` reaches them. Sourced by deploy.sh.
# shellcheck shell=bash

# Sets SOURCE_LABELS: which commit this is, for labels (lower-case letters, digits, dashes).
describe_source() {
  GIT_COMMIT=$(git -C "$HERE" rev-parse --short=12 HEAD 2>/dev/null) || GIT_COMMIT=unknown
  if [[ $GIT_COMMIT != unknown && -n $(git -C "$HERE" status --porcelain -- main.py predictor requirements.txt) ]]; then
    GIT_COMMIT+=-dirty
  fi
  look files gcloud meta list-files-for-upload "$HERE" --quiet || die "cannot list the files to upload: $(complaint files)"
}

# function_flags NAME: sets FLAGS to everything that makes this function what it is, and FINGERPRINT to a digest of it.
function_flags() {
  local environment=(MODEL_URI="$MODEL_URI" MODEL_DIGEST="$MODEL_DIGEST" MODEL_LOADING=eager LOG_LEVEL="$LOG_LEVEL" GOOGLE_CLOUD_PROJECT="$PROJECT_ID")
  FLAGS=(--gen2 --runtime python313 --trigger-http --source "$HERE" --build-service-account "projects/$PROJECT_ID/serviceAccounts/$BUILD_EMAIL"
    --cpu "$CPU" --memory "$MEMORY" --timeout "${TIMEOUT_S}s")
  if [[ $1 == "$FUNCTION" ]]; then
    FLAGS+=(--entry-point predict --service-account "$FUNCTION_EMAIL" --ingress-settings all
      --concurrency "$CONCURRENCY" --min-instances "$MIN_INSTANCES" --max-instances "$MAX_INSTANCES")
    [[ -z $CORS_ORIGINS ]] || environment+=(CORS_ORIGINS="$CORS_ORIGINS")
  else
    environment+=(RESULTS_TOPIC="projects/$PROJECT_ID/topics/$RESULTS_TOPIC" REJECTS_TOPIC="projects/$PROJECT_ID/topics/$REJECTS_TOPIC")
    FLAGS+=(--entry-point score --service-account "$EVENTS_EMAIL" --ingress-settings internal-only
      --concurrency "$EVENTS_CONCURRENCY" --min-instances "$EVENTS_MIN_INSTANCES" --max-instances "$EVENTS_MAX_INSTANCES")
  fi
  local IFS='|' # `gcloud topic escaping`: the values may hold commas.
  FLAGS+=(--set-env-vars "^|^${environment[*]}")
  IFS=' '
  FINGERPRINT=$(state fingerprint "$HERE" "$WORK/files" "$PUBLIC" "${FLAGS[@]/#"$HERE"/.}")
}

# Whether what is wanted is in service already: the same source and settings, and all traffic on it.
in_service() {
  local name=$1
  [[ $(state find "$WORK/functions.json" name "$name" >"$WORK/function.json" && state get "$WORK/function.json" labels.fingerprint) == "$FINGERPRINT" ]] &&
    [[ $(state get "$WORK/function.json" state) == ACTIVE ]] &&
    state find "$WORK/services.json" metadata.name "$name" >"$WORK/service.json" &&
    [[ $(state blue "$WORK/service.json" none) == "$(state get "$WORK/service.json" status.latestReadyRevisionName) "* ]]
}

deploy_function() {
  local name=$1
  shift
  change gcloud functions deploy "$name" "${FLAGS[@]}" "$@" \
    --update-labels "git-commit=$GIT_COMMIT,model-version=$MODEL_VERSION,fingerprint=$FINGERPRINT" "${IN_REGION[@]}" --format none
}

# read_service NAME: sets URL, and the service in $WORK/service.json.
read_service() {
  if [[ $DRY_RUN == true ]] && ! state find "$WORK/services.json" metadata.name "$1" >"$WORK/service.json"; then
    printf "URL=\$(%s)\n" "$(quoted gcloud run services describe "$1" "${IN_REGION[@]}" --format 'value(status.url)')"
    URL="\$URL"
    return 0
  fi
  if [[ $DRY_RUN == false ]]; then
    look service.json gcloud run services describe "$1" "${IN_REGION[@]}" --format json || die "cannot read service $1: $(complaint service.json)"
  fi
  URL=$(state get "$WORK/service.json" status.url) || die "service $1 has no URL"
}

# Events can wait: a push that no new instance takes is delivered again, so this one needs no blue and green.
apply_events_function() {
  function_flags "$EVENTS_FUNCTION"
  if in_service "$EVENTS_FUNCTION"; then
    say "$EVENTS_FUNCTION is in service as wanted"
    URL=$(state get "$WORK/service.json" status.url)
    return 0
  fi
  deploy_function "$EVENTS_FUNCTION" --no-allow-unauthenticated || die "gcloud functions deploy $EVENTS_FUNCTION failed (its message is above); events wait"
  read_service "$EVENTS_FUNCTION"
}
